"""PGD over all eleven tasks makes the passes that it must, and no others. No test looks at a time."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mta_core import bench_study, explore
from mta_core.attacks import Pgd
from mta_core.bench_study import BUDGET, attack, floor, floor_with_gaps, labels, untrained, with_gaps
from mta_core.cli import main
from mta_core.explore import Subject
from mta_core.objective import VictimObjective
from mta_core.study.plan import STEPS
from mta_core.tasks import Task, suited
from mta_core.victims import Victim
from mta_core.yardsticks import joint_loss
from tests.toys import CPU, make_pictures, stir_batch_norm

SIZE = (32, 32)


@pytest.fixture(scope="module")
def victim() -> Victim:
    made = untrained()
    stir_batch_norm(made, make_pictures(4, *SIZE))
    return made.eval().requires_grad_(False)


def counted(victim: Victim) -> Counter[str]:
    """How often the victim is asked, and for a gradient, from now on."""
    counts: Counter[str] = Counter()

    def count(_: torch.nn.Module, given: tuple[Tensor, ...]) -> None:
        counts["forward"] += 1
        if given[0].requires_grad:
            given[0].register_hook(lambda gradient: counts.update(["backward"]))

    victim.register_forward_pre_hook(count)
    return counts


def tasks_of(victim: Victim) -> dict[str, Task]:
    return {t.name: t for t in suited(victim.tasks, victim.tasks)}


def test_as_many_passes_and_gradients_as_steps(victim: Victim) -> None:
    tasks, images = tasks_of(victim), make_pictures(2, *SIZE)
    assert len(tasks) == 11
    targets = labels(tasks, 2, SIZE, CPU, 0)
    gaps = with_gaps(tasks, targets, 0)
    for work, given in ((attack, targets), (floor, targets), (attack, gaps), (floor_with_gaps, gaps)):
        counts = counted(victim)
        made = work(victim, images, given)
        assert counts == {"forward": STEPS, "backward": STEPS}
    assert made.shape == images.shape


def test_looking_costs_a_pass_a_picture_and_no_gradient(victim: Victim) -> None:
    subject = Subject("eleven", victim, victim, CPU)
    counts = counted(victim)
    tasks, (image,) = tasks_of(victim), make_pictures(1, *SIZE)
    truth = {name: target[0] for name, target in labels(tasks, 1, SIZE, CPU, 0).items()}
    explore.run(subject, Pgd(3), image, list(tasks.values()), BUDGET, scope="joint", truth=truth)
    assert counts == {"forward": 3 + len(("clean", "noise", "adversarial")), "backward": 3}


def test_the_floor_climbs_the_very_loss(victim: Victim) -> None:
    tasks, images = tasks_of(victim), make_pictures(2, *SIZE)
    targets = labels(tasks, 2, SIZE, CPU, 0)
    ours = VictimObjective(victim, targets)(images).value.mean()
    torch.testing.assert_close(joint_loss(victim, images, targets), ours)


def test_so_does_the_floor_with_gaps(victim: Victim) -> None:
    tasks, images = tasks_of(victim), make_pictures(1, *SIZE)
    gaps = with_gaps(tasks, labels(tasks, 1, SIZE, CPU, 0), 0)
    point = images.requires_grad_()
    (ours,) = torch.autograd.grad(VictimObjective(victim, gaps)(point).value.sum(), point)
    torch.testing.assert_close(floor_with_gaps(victim, images, gaps), ours)


def test_gaps_are_where_no_geometry_is(victim: Victim) -> None:
    tasks = tasks_of(victim)
    targets = labels(tasks, 2, SIZE, CPU, 0)
    shares = {
        name: float((~tasks[name].valid(target)).float().mean())
        for name, target in with_gaps(tasks, targets, 0).items()
    }
    assert {name for name, share in shares.items() if share} == {
        "depth", "euclidean_depth", "normals", "keypoints3d", "edge_occlusion", "curvature", "reshading"
    }  # fmt: skip
    assert all(share in (0, pytest.approx(bench_study.LACKING, abs=0.03)) for share in shares.values())


def test_the_command_reports_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_study, "STEPS", 2)
    monkeypatch.setattr(bench_study, "ATTACK", Pgd(2))
    monkeypatch.setattr(bench_study, "BATCH_SIZE", 1)
    made = tmp_path / "bench.json"
    assert main(["bench", "study", "--repeats", "1", "--device", "cpu", "--json", str(made)]) == 0
    found = json.loads(made.read_text())
    assert [figure["unit"] for figure in found["figures"]] == ["ms", "ms", "x", "x"]
    assert all(math.isfinite(figure["value"]) and figure["value"] > 0 for figure in found["figures"])
    assert found["figures"][2]["goal"] == "<= 1.1" and found["provenance"]["victim"] == "untrained"
