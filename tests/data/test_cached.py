"""A cached source gives the same samples, to the stated rounding, and reads each of them once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from mta_core.data.base import Sample
from mta_core.data.cached import Cached
from mta_core.tasks import SCENE_TASKS


class Counting:
    """Stands in for a source on disk, counting what is read."""

    spaces: ClassVar[Mapping[str, str]] = {t.name: t.space for t in SCENE_TASKS}

    def __init__(self) -> None:
        self.num_reads = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        self.num_reads += 1
        random = torch.Generator().manual_seed(index)
        normals = torch.nn.functional.normalize(torch.randn(3, 8, 8, generator=random), dim=0)
        normals[:, 0] = 0  # invalid pixels
        labels = torch.randint(0, 13, (8, 8), generator=random)
        labels[0] = 255
        depth = 5 * torch.rand(1, 8, 8, generator=random)
        curvature = 2 * torch.rand(2, 8, 8, generator=random) - 1
        curvature[:, 2] = torch.nan
        image = torch.rand(3, 8, 8, generator=random)
        targets = {
            "segmentation": labels, "depth": depth, "normals": normals, "curvature": curvature,
            "autoencoding": 2 * image - 1,
        }  # fmt: skip
        return Sample(f"{index}", image, targets, ("reshading",))


def test_cached_samples_equal_the_source_to_rounding() -> None:
    source, cached = Counting(), Cached(Counting())  # type: ignore[arg-type]
    assert len(cached) == 3
    for _ in range(2):
        for index in range(3):
            ours, theirs = cached[index], source[index]
            assert ours.name == theirs.name
            assert (ours.image - theirs.image).abs().max() <= 0.5 / 255 + 1e-6
            assert torch.equal(ours.targets["segmentation"], theirs.targets["segmentation"])
            torch.testing.assert_close(ours.targets["depth"], theirs.targets["depth"], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(ours.targets["normals"], theirs.targets["normals"], rtol=0, atol=0.01)
            assert ours.targets["normals"][:, 0].abs().max() == 0
            torch.testing.assert_close(
                ours.targets["curvature"], theirs.targets["curvature"], rtol=1e-3, atol=1e-4, equal_nan=True
            )
            assert torch.equal(ours.targets["autoencoding"], 2 * ours.image - 1)
            assert ours.unlabelled == theirs.unlabelled


def test_each_sample_is_read_once() -> None:
    source = Counting()
    cached = Cached(source)  # type: ignore[arg-type]
    for index in (0, 1, 0, 0, 1):
        cached[index]
    assert source.num_reads == 2
