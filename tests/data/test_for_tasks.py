"""Data give the labels of tasks: these alone, in the tasks' own label spaces, or one sentence of what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from mta_core.data import DataError, DataSource, Sample, open_data
from mta_core.data.augment import Augmentation
from mta_core.data.cached import Cached
from mta_core.data.content import content_of
from mta_core.tasks import SCENE_TASKS, Task, parse_tasks, task
from tests.toys import seeded, write_domains, write_scenes

SIZE = (48, 64)
LOG = task("depth", "log")
COMPONENTS = task("normals", "components")


def _ids(tasks: Sequence[Task]) -> str:
    return " ".join(f"{t.name}-{t.space}" for t in tasks) or "none"


@pytest.fixture
def scenes(tmp_path: Path) -> DataSource:
    write_scenes(tmp_path, 3)
    return open_data(f"nyuv2:{tmp_path}", "train", SIZE)


def test_what_is_as_wanted_stays(scenes: DataSource) -> None:
    assert scenes.for_tasks(SCENE_TASKS) is scenes and scenes.for_tasks(SCENE_TASKS[::-1]) is scenes


@pytest.mark.parametrize("tasks", [(), parse_tasks("d"), (LOG,), (COMPONENTS, LOG), parse_tasks("sn")], ids=_ids)
def test_exactly_the_labels_of_the_tasks_in_their_spaces(scenes: DataSource, tasks: Sequence[Task]) -> None:
    found = scenes.for_tasks(tasks)
    assert found.spaces == {t.name: t.space for t in tasks} and found.for_tasks(SCENE_TASKS) is scenes
    assert len(found) == len(scenes) and found.split == scenes.split and not found.is_divided
    assert (found.name, found.label, found.terms) == (scenes.name, scenes.label, scenes.terms)
    for index, (sample, plain) in enumerate(zip(found, scenes, strict=True)):
        assert sample.name == plain.name == found.name_of(index) and torch.equal(sample.image, plain.image)
        assert content_of(found, index) == content_of(scenes, index)
        assert set(sample.targets) == {t.name for t in tasks}
        for t in tasks:
            converted = t.convert(plain.targets[t.name], scenes.spaces[t.name])
            torch.testing.assert_close(sample.targets[t.name], converted, equal_nan=True, rtol=0, atol=0)
            assert t.valid(sample.targets[t.name][None]).any()


def test_labels_in_another_space_are_not_mistaken_for_those_of_the_task(scenes: DataSource) -> None:
    logarithmic = scenes.for_tasks([LOG])
    with pytest.raises(DataError, match=r"^expected data with labels for reshading \(signed\); NYUv2 has none$"):
        scenes.for_tasks(parse_tasks("dr"))
    with pytest.raises(DataError, match=r"^NYUv2 has segmentation labels in nyu13, the task answers in taskonomy$"):
        scenes.for_tasks([task("segmentation", "taskonomy")])
    assert logarithmic.for_tasks(parse_tasks("d")).spaces == {"depth": "metres"}, "from the source, not converted twice"


def test_where_tasks_have_pictures_of_their_own_each_has_its_label(tmp_path: Path) -> None:
    write_domains(tmp_path)
    domains = open_data(f"office31:{tmp_path}", "train", SIZE)
    one = domains.for_tasks(parse_tasks("dslr"))
    assert one.is_divided and len(one) == len(domains)
    own = one.for_task("dslr")
    assert len(own) == len(domains.for_task("dslr")) and all(set(sample.targets) == {"dslr"} for sample in own)


def test_a_cached_source_keeps_what_has_no_label(scenes: DataSource) -> None:
    found = scenes.for_tasks([COMPONENTS, LOG])
    cached = Cached(found)
    for sample, kept in zip(found, (cached[i] for i in range(3)), strict=True):
        for name, target in sample.targets.items():
            torch.testing.assert_close(kept.targets[name], target, atol=1e-3, rtol=1e-3, equal_nan=True)


def test_a_zoomed_logarithmic_depth_is_that_of_the_zoomed_depth() -> None:
    sample = Sample("flat", torch.rand(3, *SIZE, generator=seeded(0)), {"depth": torch.full((1, *SIZE), 2.0)})
    sample.targets["depth"][:, :4] = 0  # type: ignore[index]
    logarithmic = Sample("flat", sample.image, {"depth": LOG.convert(sample.targets["depth"], "metres")})
    for seed in range(5):
        zoomed = Augmentation(SIZE, (1.5, 2.0))(sample, seeded(seed)).targets["depth"]
        found = Augmentation(SIZE, (1.5, 2.0), spaces={"depth": "log"})(logarithmic, seeded(seed)).targets["depth"]
        assert zoomed.max() < 1.5
        torch.testing.assert_close(found, LOG.convert(zoomed, "metres"), equal_nan=True)


def test_the_picture_to_draw_is_the_one_that_is_shown() -> None:
    image = torch.rand(3, *SIZE, generator=seeded(0))
    sample = Sample("noise", image, {"autoencoding": 2 * image - 1, "keypoints2d": torch.full((1, *SIZE), math.nan)})
    for seed in range(4):
        view = Augmentation((24, 32), (0.7, 1.3))(sample, seeded(seed))
        torch.testing.assert_close(view.targets["autoencoding"], 2 * view.image - 1)
        assert not torch.equal(view.image, image) and view.targets["keypoints2d"].isnan().all()
