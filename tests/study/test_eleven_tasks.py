"""All eleven tasks of the study can be attacked, together and apart, and shown."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from mta_core.attacks import JOINT, Pgd, Scope
from mta_core.budget import Budget
from mta_core.explore import Outcome, Subject, run
from mta_core.tasks import STUDY_TASKS
from mta_core.victims.dmtl import Dmtl
from tests.toys import CPU, make_pictures, make_target, stir_batch_norm

SIZE = (32, 32)
BUDGET = Budget.from_units("linf", 8)


@pytest.fixture(scope="module")
def subject() -> Subject:
    torch.manual_seed(0)
    victim = Dmtl({t.name: t.space for t in STUDY_TASKS}, SIZE, width=2)
    for parameter in victim.heads.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    stir_batch_norm(victim, make_pictures(4, *SIZE, seed=100))
    return Subject.prepare("eleven", victim.eval().requires_grad_(False), CPU)


def attacked(subject: Subject, scope: Scope) -> Outcome:
    labels = {t.name: make_target(t, 1, *SIZE, seed=3)[0] for t in STUDY_TASKS[::2]}  # the others have none
    return run(subject, Pgd(5), make_pictures(1, *SIZE)[0], STUDY_TASKS, BUDGET, scope=scope, truth=labels)


@pytest.mark.parametrize("scope", get_args(Scope))
def test_every_task_is_fooled_within_the_budget_and_shown(subject: Subject, scope: Scope) -> None:
    outcome = attacked(subject, scope)
    assert list(outcome.perturbations) == ([JOINT] if scope == "joint" else [t.name for t in STUDY_TASKS])
    for found in outcome.perturbations.values():
        assert BUDGET.contains(found.adversarial[None], outcome.clean[None]).all()
    for t in STUDY_TASKS:
        own = outcome.tasks[t.name]
        if scope == "per-task":
            pictures = torch.stack([outcome.clean, outcome.perturbations[t.name].adversarial])
            before, after = t.loss(subject.precise(pictures)[t.name], own.reference.expand(2, *own.reference.shape[1:]))
            assert after > before + 1e-4, f"{t.name} in {t.space}"
        assert own.verdict and "nan" not in own.verdict
        shown = t.colour(own.adversarial, t.span(own.clean, own.adversarial))
        assert shown.shape == (1, 3, *SIZE) and 0 <= shown.min() <= shown.max() <= 1
