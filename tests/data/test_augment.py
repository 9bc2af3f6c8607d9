"""Random views: labels follow the picture, and geometry stays that of a camera."""

from __future__ import annotations

import pytest
import torch

from mta_core.data import Sample
from mta_core.data.augment import Augmentation
from tests.toys import seeded

SIZE = (48, 64)


def coded_sample() -> Sample:
    """Red is the column, green the row; labels say the same, but that depth is 2 m and normals point right."""
    height, width = SIZE
    column, row = torch.meshgrid(torch.linspace(0, 1, width), torch.linspace(0, 1, height), indexing="xy")
    normals = torch.stack([torch.full(SIZE, 0.6), torch.full(SIZE, 0.0), torch.full(SIZE, 0.8)])
    depth = torch.full((1, *SIZE), 2.0)
    return Sample("coded", torch.stack([column, row, row * 0]), {
        "segmentation": (column * 12).round().long(), "depth": depth, "normals": normals,
    })  # fmt: skip


def view(
    seed: int, crop: tuple[int, int] = (24, 32), scales: tuple[float, float] = (1.0, 1.0), **options: float
) -> Sample:
    return Augmentation(crop, scales, **{"light": 0.0, "noise": 0.0, **options})(coded_sample(), seeded(seed))


def zoom_of(sample: Sample) -> float:
    """How much larger a step from pixel to pixel was in the source, read off the rows."""
    rows = sample.image[1, 2:-2].mean(1)
    return float((1 / (SIZE[0] - 1)) / rows.diff().mean())


@pytest.mark.parametrize("scales", [(1.0, 1.0), (0.6, 0.9), (1.5, 2.0)])
def test_labels_follow_the_picture(scales: tuple[float, float]) -> None:
    for seed in range(12):
        sample = view(seed, scales=scales)
        assert sample.image.shape == (3, 24, 32) and sample.targets["segmentation"].shape == (24, 32)
        column = sample.image[0, 1:-1, 1:-1]
        labels = sample.targets["segmentation"][1:-1, 1:-1] / 12
        assert (labels - column).abs().max() < 1 / 24 + 2 / 64


def test_a_flip_turns_normals_to_the_other_side() -> None:
    seen = set()
    for seed in range(20):
        sample = view(seed, crop=SIZE)
        is_flipped = bool(sample.image[0, 0, 0] > sample.image[0, 0, -1])
        seen.add(is_flipped)
        expected = torch.tensor([-0.6 if is_flipped else 0.6, 0.0, 0.8]).view(3, 1, 1).expand(3, *SIZE)
        torch.testing.assert_close(sample.targets["normals"], expected)
    assert seen == {True, False}


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.6, 1.6), (0.75, 0.75), (0.5, 2.0)])
def test_zooming_in_brings_everything_nearer(scales: tuple[float, float]) -> None:
    for seed in range(8):
        sample = view(seed, scales=scales)
        depth = sample.targets["depth"]
        assert depth.shape == (1, 24, 32) and torch.equal(depth, depth[0, 0, 0].expand(1, 24, 32))
        assert float(depth[0, 0, 0]) == pytest.approx(2.0 / zoom_of(sample), rel=0.06)
        if scales[0] == scales[1]:
            assert zoom_of(sample) == pytest.approx(scales[0], rel=0.06)


def test_a_crop_larger_than_the_picture_is_zoomed_to() -> None:
    sample = view(0, crop=(96, 128))
    assert sample.image.shape == (3, 96, 128) and zoom_of(sample) == pytest.approx(2, rel=0.05)
    assert float(sample.targets["depth"].mean()) == pytest.approx(1.0, rel=0.05)


def test_noise_and_light_stay_in_range_and_leave_labels_alone() -> None:
    changed = 0
    for seed in range(12):
        plain, noisy = view(seed), view(seed, light=0.4, noise=0.2)
        assert 0 <= noisy.image.min() and noisy.image.max() <= 1
        changed += not torch.equal(plain.image, noisy.image)
        assert all(torch.equal(target, noisy.targets[name]) for name, target in plain.targets.items())
    assert changed == 12


def test_a_seed_repeats_a_view_and_the_source_is_not_touched() -> None:
    sample, before = coded_sample(), coded_sample()
    augment = Augmentation((24, 32), (0.7, 1.3))
    first, again, other = (augment(sample, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.image, again.image) and not torch.equal(first.image, other.image)
    assert torch.equal(sample.image, before.image)
    assert all(torch.equal(target, before.targets[name]) for name, target in sample.targets.items())


NEW = {"euclidean_depth": 1, "curvature": 2, "reshading": 1, "edge_texture": 1, "autoencoding": 3}


@pytest.mark.parametrize("scales", [(1.0, 1.0), (0.6, 0.9), (1.5, 2.0)])
def test_new_labels_follow_the_picture_too(scales: tuple[float, float]) -> None:
    coded = coded_sample()
    column = coded.image[:1]
    maps = {name: column.repeat(channels, 1, 1) for name, channels in NEW.items()}
    maps["reshading"] = torch.where(column < 0.2, torch.nan, column)
    for seed in range(8):
        augment = Augmentation((24, 32), scales, light=0.3, noise=0.1)
        options = {"seed": seed, "scales": scales}
        sample = augment(Sample("coded", coded.image, maps, ("depth",)), seeded(seed))
        plain = view(**options)  # type: ignore[arg-type]
        inner = (slice(1, -1), slice(1, -1))
        for name in ("curvature", "edge_texture"):
            assert (sample.targets[name][0] - plain.image[0])[inner].abs().max() < 2 / 64, name
        known = sample.targets["reshading"].isfinite()
        assert (sample.targets["reshading"] - plain.image[:1])[known].abs().max() < 3 / 64
        assert (plain.image[:1][~known] < 0.2 + 2 / 64).all(), "what had no label has none"
        zoom = float(plain.targets["depth"][0, 0, 0]) / 2.0
        far = sample.targets["euclidean_depth"][0] / zoom
        assert (far - plain.image[0])[inner].abs().max() < 2 / 64, "nearer by the zoom, as depth"
        assert torch.equal(sample.targets["autoencoding"], 2 * sample.image - 1), "the picture as it is shown"
        assert sample.unlabelled == ("depth",)
