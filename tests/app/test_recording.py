"""What is kept of an attack's steps: inside the budget, near what it was, and never too much."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import torch
from test_panels import finished

from app import recording
from app.recording import Recording, keep
from app.request import Request
from app.workshop import Workshop
from mta_core.attacks import Step
from mta_core.budget import Budget

SIZE = (3, 24, 32)


def candidates(budget: Budget, clean: torch.Tensor, count: int) -> list[Step]:
    random = torch.Generator().manual_seed(1)
    starts = [budget.random_start(clean[None], random) for _ in range(count)]
    return [Step("depth", i, count, clean[None] + start) for i, start in enumerate(starts, 1)]


@pytest.mark.parametrize("budget", [Budget.from_units("linf", 8), Budget.from_units("linf", 0.5), Budget("l2", 2.0)])
def test_every_step_stays_inside_the_budget_and_near_what_it_was(budget: Budget) -> None:
    clean = torch.rand(SIZE, generator=torch.Generator().manual_seed(0)).round(decimals=1)  # black and white too
    made = Recording(clean, budget.norm)
    steps = candidates(budget, clean, 5)
    for step in steps:
        made.add(step)
    assert made.steps() == [0, 1, 2, 3, 4, 5] and made.last("depth") == 5
    for step in steps:
        found = made.picture("depth", step.done)
        assert budget.contains(found[None], clean[None]).all()
        assert found.min() >= 0 and found.max() <= 1
        was, now = step.adversarial[0] - clean, found - clean
        assert (now - was).norm() <= 0.05 * was.norm()
        assert (now.abs() <= was.abs() + 2e-7).all(), "rounded towards nothing"
    assert torch.equal(made.picture("depth", 0), clean)


def test_too_many_steps_are_thinned_evenly_and_the_last_is_kept() -> None:
    budget, clean = Budget.from_units("linf", 4), torch.full(SIZE, 0.5)
    steps = candidates(budget, clean, 21)
    whole = Recording(clean, budget.norm)
    whole.add(steps[0])
    made = Recording(clean, budget.norm, limit=8 * whole.size)
    for step in steps:
        made.add(step)
        assert made.size <= made.limit
        assert made.size == sum(len(f.packed) for own in made.frames.values() for f in own.values())
    assert made.steps() == [0, *range(made.stride, 21, made.stride), 21]
    assert made.frame("depth", 20) == made.frames["depth"][20 // made.stride * made.stride]
    for done in (made.stride, 21):
        assert (made.picture("depth", done) - steps[done - 1].adversarial[0]).abs().max() < 4 / 255 / 100


def test_the_oldest_recordings_are_let_go_where_all_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    budget, clean = Budget.from_units("linf", 4), torch.full(SIZE, 0.5)
    (step,) = candidates(budget, clean, 1)
    made = []
    monkeypatch.setattr(recording, "_kept", [])
    for _ in range(4):
        made.append(keep(Recording(clean, budget.norm)))
        made[-1].add(step)
        monkeypatch.setattr(recording, "LIMIT", made[0].size or made[-1].size)
        monkeypatch.setattr(recording, "TOTAL", 3 * recording.LIMIT)
    assert [bool(one.frames) for one in made] == [False, True, True, True]
    made[2].add_output("depth", 1, bytes(1))
    assert [bool(one.frames) for one in made] == [False, False, True, True], "what is seen of answers counts, too"
    del made[1:]
    gc.collect()
    assert keep(Recording(clean, budget.norm)) and len(recording._kept) == 1, "what nobody holds is not counted"


def test_an_iterative_attack_is_recorded_and_a_generator_is_not(
    workshop: Workshop, request_for: Callable[..., Request]
) -> None:
    assert finished(workshop, request_for("mta")).recording is None
    result = finished(workshop, request_for("pgd", num_steps=3, norm="l2", units=4))
    made = result.recording
    assert made is not None and set(made.frames) == {"segmentation", "depth", "normals"}
    for name, own in made.frames.items():
        assert sorted(own) == [1, 2, 3]
        for done in own:
            assert result.request.budget.contains(made.picture(name, done)[None], made.clean[None]).all()
        last = result.outcome.perturbations[name].adversarial
        assert (made.picture(name, 3) - last).norm() < 0.05 * (last - made.clean).norm()
