"""What happens to a picture on its way: every transformation keeps its promises, and is what others make of it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from mta_core import imaging
from mta_core.survival import (
    TRANSFORMATIONS,
    UNTOUCHED,
    Transformation,
    Trial,
    curve_of,
    middle_of,
    parse_trials,
    trials_of,
)
from mta_core.survival import transformation as find
from mta_core.tasks import SCENE_TASKS, Task, task, variants
from tests import toys

NAMES = [kind.name for kind in TRANSFORMATIONS]
HEIGHT, WIDTH = 40, 48


def trial(name: str, strength: float | None = None) -> Trial:
    return Trial(find(name), strength)


def pictures(count: int = 2, seed: int = 0) -> Tensor:
    """With detail that blur takes away and JPEG coarsens."""
    fine = torch.rand(count, 3, HEIGHT, WIDTH, generator=toys.seeded(seed + 1)) * 0.3
    return (toys.make_pictures(count, HEIGHT, WIDTH, seed) * 0.7 + fine).clamp(0, 1)


@pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=NAMES)
def test_every_strength_makes_a_picture_of_the_same_size(kind: Transformation) -> None:
    images = pictures()
    kept = images.clone()
    for one in trials_of(kind):
        changed = one.change(images)
        assert changed.shape == images.shape and changed.dtype == torch.float32 and changed.isfinite().all()
        assert 0 <= changed.min() and changed.max() <= 1
        assert torch.equal(images, kept), "what it is made of stays as it is"
        assert not torch.equal(changed, images), f"{one.title} does something"


@pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=NAMES)
def test_the_registry_describes_itself(kind: Transformation) -> None:
    assert kind.label and kind.summary and kind.middle in kind.strengths
    assert bool(kind.axis) == (kind.strengths != (None,)), "a strength has a name"
    assert len({one.title for one in trials_of(kind)}) == len(kind.strengths)
    assert curve_of(kind).count(UNTOUCHED) == 1 and len(curve_of(kind)) == len(kind.strengths) + 1
    assert middle_of(kind) in curve_of(kind)
    assert kind.identity is None or kind.identity not in kind.strengths
    assert NAMES.count(kind.name) == 1 and kind.name != "none"


@pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=NAMES)
def test_a_curve_leads_away_from_the_untouched_picture(kind: Transformation) -> None:
    images = pictures()
    far = [float((one.change(images) - images).square().mean()) for one in curve_of(kind)]
    start = far.index(0.0)
    assert far[: start + 1] == sorted(far[: start + 1], reverse=True) and far[start:] == sorted(far[start:])


@pytest.mark.parametrize("kind", [kind for kind in TRANSFORMATIONS if kind.identity is not None])
def test_the_strength_that_does_nothing_leaves_everything_as_it_is(kind: Transformation) -> None:
    images = pictures()
    same = Trial(kind, kind.identity)
    assert same.is_untouched and torch.equal(same.change(images), images)
    labels = torch.arange(HEIGHT * WIDTH).view(1, HEIGHT, WIDTH)
    assert torch.equal(same.follow(labels, (HEIGHT, WIDTH), task("segmentation")), labels)
    # Nor does what would be computed: the shortcut hides no jump.
    nearly = kind.change(images[0], kind.identity or 0.0, toys.seeded(0)) if kind.name != "blur" else images[0]
    assert (nearly - images[0]).abs().max() < 1e-5


@pytest.mark.parametrize("quality", [10, 75, 95])
@pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_formats_are_what_pillow_makes_of_the_saved_file(name: str, kind: str, quality: int) -> None:
    image = pictures(1)
    levels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, kind, quality=quality)
    read = np.asarray(Image.open(file).convert("RGB"))
    changed = trial(name, quality).change(image)[0]
    assert np.array_equal((changed.permute(1, 2, 0) * 255).round().byte().numpy(), read)
    assert not np.array_equal(read, levels)


def test_rounding_is_what_a_png_keeps() -> None:
    image = pictures(1)
    assert torch.equal(trial("rounding").change(image)[0], imaging.decode(imaging.encode_png(image)))


@pytest.mark.parametrize("bits", range(1, 9))
def test_bits_leave_so_many_levels_with_black_and_white_among_them(bits: int) -> None:
    ramp = torch.linspace(0, 1, 1024).expand(1, 3, 4, 1024)
    levels = trial("bits", bits).change(ramp).unique()
    assert len(levels) == 2**bits and levels[0] == 0 and levels[-1] == 1


def test_eight_bits_are_rounding() -> None:
    assert torch.allclose(trial("bits", 8).change(pictures()), trial("rounding").change(pictures()), atol=1e-7)


def test_blur_keeps_what_is_even_and_spreads_a_point_by_sigma() -> None:
    even = torch.full((1, 3, 31, 31), 0.3)
    assert torch.allclose(trial("blur", 2).change(even), even, atol=1e-6)
    point = torch.zeros(1, 3, 31, 31)
    point[..., 15, 15] = 1
    spread = trial("blur", 2).change(point)[0, 0].double()
    offsets = torch.arange(31) - 15
    assert float(spread.sum()) == pytest.approx(1, abs=1e-5)
    assert math.sqrt(float((spread.sum(0) * offsets**2).sum())) == pytest.approx(2, abs=0.05)


def test_noise_has_the_size_it_says() -> None:
    grey = torch.full((1, 3, 200, 200), 0.5)
    noise = trial("noise", 8).change(grey) - grey
    assert float(noise.std()) * 255 == pytest.approx(8, rel=0.02) and abs(float(noise.mean())) * 255 < 0.1


def test_brightness_multiplies_and_clips() -> None:
    image = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert trial("brightness", 1.5).change(image)[0, :, 0, 0].tolist() == pytest.approx([0.3, 0.75, 1])


def test_shrinking_loses_detail_and_keeps_light() -> None:
    image = pictures(1)
    changed = trial("resize", 0.25).change(image)
    assert float(changed.mean()) == pytest.approx(float(image.mean()), abs=0.01)
    assert changed.var() < 0.8 * image.var()
    assert (trial("resize", 2).change(image) - image).abs().max() < (changed - image).abs().max()


class TestRandomness:
    def test_a_picture_draws_its_own_numbers_by_seed_and_place(self) -> None:
        one, images = trial("noise", 8), pictures(3)
        together = one.change(images, seed=4, first=2)
        alone = [one.change(images[i : i + 1], seed=4, first=2 + i) for i in range(3)]
        assert torch.equal(together, torch.cat(alone)), "whatever the batch"
        assert torch.equal(one.change(images, seed=4), one.change(images, seed=4))
        assert not torch.equal(one.change(images, seed=4), one.change(images, seed=5))
        twice = one.change(images[:1].expand(2, -1, -1, -1))
        assert not torch.equal(twice[0], twice[1])

    def test_an_adversarial_picture_gets_the_noise_of_its_clean_one(self) -> None:
        grey = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
        one = trial("noise", 8)
        shift = one.change(grey + 0.02) - one.change(grey)
        assert torch.allclose(shift, torch.full_like(shift, 0.02), atol=1e-6)

    def test_it_is_not_the_noise_that_attacks_draw(self) -> None:
        grey = torch.full((1, 3, 64, 64), 0.5)
        ours = (trial("noise", 8).change(grey, seed=0) - grey).flatten()
        theirs = torch.randn(ours.shape, generator=toys.seeded(0))
        assert abs(float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1])) < 0.05

    @pytest.mark.parametrize("name", [name for name in NAMES if name != "noise"])
    def test_nothing_else_is_random(self, name: str) -> None:
        one = middle_of(find(name))
        assert torch.equal(one.change(pictures(), seed=1), one.change(pictures(), seed=2))


def even(labels: Tensor) -> Tensor:
    """Where a pixel and the eight around it are alike."""
    most, least = (torch.nn.functional.max_pool2d(sign * labels, 3, 1, 1) * sign for sign in (1, -1))
    return most == least


class TestGeometry:
    @given(share=st.floats(0.2, 1), height=st.integers(20, 60), width=st.integers(20, 60), seed=st.integers(0, 9))
    @settings(max_examples=40, deadline=None)
    def test_labels_stay_on_what_they_label(self, share: float, height: int, width: int, seed: int) -> None:
        """Blocks of a colour each: away from their edges, a pixel of the cropped picture has its label's colour."""
        classes = torch.randint(0, 13, (1, 1, 4, 4), generator=toys.seeded(seed)).float()
        labels = torch.nn.functional.interpolate(classes, (height, width), mode="nearest")[0].long()
        colours = torch.rand(13, 3, generator=toys.seeded(seed + 1))
        image = colours[labels[0]].permute(2, 0, 1)[None]
        one = trial("crop", share)
        cropped, followed = one.change(image)[0], one.follow(labels, (height, width), task("segmentation"))
        assert followed.shape == labels.shape
        around = followed.float()
        for _ in range(1 + math.ceil(1 / share)):
            around = torch.where(even(around), around, -1.0)
        inner = around >= 0
        wanted = colours[followed[0]].permute(2, 0, 1)
        assert torch.allclose(cropped[:, inner[0]], wanted[:, inner[0]], atol=1e-4)
        assert share < 0.9 or inner.any()

    def test_the_middle_is_kept(self) -> None:
        place = torch.arange(100).view(1, 1, 100).expand(1, 100, 100)
        followed = trial("crop", 0.5).follow(place, (100, 100), task("segmentation"))
        assert (followed[0, 0, 0], followed[0, 0, 99], followed[0, 0, 50]) == (25, 74, 50)

    @pytest.mark.parametrize("t", [task("depth"), *variants("euclidean_depth")], ids=lambda t: f"{t.name} {t.space}")
    def test_depth_is_divided_by_the_zoom_as_in_training(self, t: Task) -> None:
        metres = torch.full((1, 1, 100, 100), 3.0)
        log_end = 16 * math.log(2)
        depth = metres if t.space != "log" else torch.log1p(metres) / log_end
        followed = trial("crop", 0.8).follow(depth, (100, 100), t)
        back = followed if t.space != "log" else torch.expm1(followed * log_end)
        assert torch.allclose(back, torch.full_like(back, 2.4), atol=1e-4)

    def test_unlabelled_pixels_stay_so(self) -> None:
        depth = torch.full((1, 1, 100, 100), torch.nan)
        assert trial("crop", 0.8).follow(depth, (100, 100), task("depth")).isnan().all()

    def test_one_answer_for_the_whole_picture_stays(self) -> None:
        label = torch.tensor([[[7]]])
        assert torch.equal(trial("crop", 0.5).follow(label, (64, 64), task("amazon")), label)

    @pytest.mark.parametrize("name", [name for name in NAMES if name != "crop"])
    def test_nothing_else_moves_pixels(self, name: str) -> None:
        for t in SCENE_TASKS:
            labels = toys.make_target(t, 1, HEIGHT, WIDTH)
            assert torch.equal(middle_of(find(name)).follow(labels, (HEIGHT, WIDTH), t), labels)


class TestParsing:
    def test_names_with_and_without_strengths(self) -> None:
        found = parse_trials("jpeg=90:50, rounding,blur=0.5")
        assert [(one.transformation.name, one.strength) for one in found] == [
            ("jpeg", 90), ("jpeg", 50), ("rounding", None), ("blur", 0.5)
        ]  # fmt: skip

    @pytest.mark.parametrize("text", [None, ""])
    def test_nothing_is_all(self, text: str | None) -> None:
        assert parse_trials(text) == [one for kind in TRANSFORMATIONS for one in trials_of(kind)]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("gif", "expected a transformation among jpeg, webp, "),
            ("jpeg,,blur", "got ''"),
            ("none", "got 'none'"),
            ("jpeg,jpeg=50", "expected each transformation once, got jpeg twice"),
            ("jpeg=0", "expected as quality of jpeg a whole number from 1 to 100, got 0"),
            ("jpeg=75.5", "a whole number"),
            ("jpeg=high", "expected jpeg=NUMBER:NUMBER:..., got 'high'"),
            ("jpeg=", "expected jpeg=NUMBER"),
            ("blur=nan", "expected as sigma in pixels of blur a number from 0 to 20, got nan"),
            ("blur=-1", "from 0 to 20"),
            ("noise=inf", "from 0 to 255"),
            ("crop=2", "from 0.1 to 1"),
            ("rounding=8", "expected rounding without a strength"),
            ("blur=" + ":".join(str(i / 10) for i in range(100)), "expected at most 64 strengths of blur, got 100"),
        ],
    )  # fmt: skip
    def test_what_means_nothing_is_said(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match="expected") as error:
            parse_trials(text)
        assert message in str(error.value)


def said(kinds: Sequence[Transformation]) -> list[str]:
    return [middle_of(kind).title for kind in kinds]


def test_people_read_units() -> None:
    assert said(TRANSFORMATIONS) == [
        "JPEG quality 75", "WebP quality 75", "8-bit rounding", "Bit depth 4 bits", "Resize ×0.5", "Crop 80 %",
        "Blur 1 px", "Noise 8/255", "Brightness ×1.25",
    ]  # fmt: skip
