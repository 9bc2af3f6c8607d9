"""Making attacks from settings, and what is said about those that cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from mta_core.attacks import ATTACKS, Fgsm, Mta, Pgd, make_attack
from mta_core.attacks.base import setting
from mta_core.budget import Budget
from mta_core.objective import check_attackable, make_problem
from mta_core.tasks import SCENE_TASKS, task
from mta_core.victims.dmtl import Dmtl
from tests.toys import Arena


def test_settings_may_be_text() -> None:
    assert make_attack("pgd", num_steps="25", step_size="2", random_start="False") == Pgd(25, 2.0, random_start=False)
    assert make_attack("pgd", num_steps=5.0) == Pgd(5)
    assert make_attack("fgsm") == Fgsm()
    assert make_attack("mta", generator="mine") == Mta(generator="mine")


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("pdg", {}, "expected an attack among mta, fgsm, pgd, noise, got 'pdg'"),
        ("pgd", {"steps": 3}, "expected a setting of PGD among num_steps, step_size, num_restarts, momentum, "
         "random_start, l2_step, got 'steps'"),
        ("noise", {"steps": 3}, "expected a setting of Random noise among none, got 'steps'"),
        ("pgd", {"num_steps": "many"}, "expected num_steps to be a whole number, got 'many'"),
        ("pgd", {"num_steps": 2.5}, "expected num_steps to be a whole number, got 2.5"),
        ("pgd", {"num_steps": float("inf")}, "expected num_steps to be a whole number, got inf"),
        ("pgd", {"num_steps": float("nan")}, "expected num_steps to be a whole number, got nan"),
        ("pgd", {"num_steps": 0}, "expected num_steps in [1, 100], got 0"),
        ("pgd", {"step_size": "nan"}, "expected step_size in [0.0, 16.0], got nan"),
        ("pgd", {"step_size": None}, "expected step_size to be a number, got None"),
        ("pgd", {"random_start": "maybe"}, "expected true or false for random_start, got 'maybe'"),
        ("fgsm", {"start": 2}, "expected start in [0.0, 1.0], got 2.0"),
    ],
)  # fmt: skip
def test_refuses_in_one_sentence(name: str, settings: dict[str, object], sentence: str) -> None:
    if name == "pdg":
        sentence = f"expected an attack among {', '.join(a.name for a in ATTACKS)}, got 'pdg'"
    with pytest.raises(ValueError) as error:
        make_attack(name, **settings)
    assert str(error.value) == sentence


@dataclass(frozen=True)
class Scheduled(Pgd):
    schedule: str = setting("constant", "Schedule", "How steps shrink.", choices=("constant", "cosine"))


def test_a_choice_is_one_of_those_declared() -> None:
    assert Scheduled(schedule="cosine").schedule == "cosine"
    with pytest.raises(ValueError, match=r"^expected schedule among constant, cosine, got 'linear'$"):
        Scheduled(schedule="linear")


def test_ranges_hold_however_an_attack_is_made() -> None:
    with pytest.raises(ValueError, match=r"expected num_steps in \[1, 100\], got 0"):
        Pgd(num_steps=0)


@pytest.mark.parametrize("pictures", [torch.rand(2, 1, 8, 8), torch.rand(3, 8, 8), torch.rand(1, 3, 8, 8) * 2 + 0.1,
                                      torch.full((1, 3, 8, 8), torch.nan)])  # fmt: skip
def test_refuses_what_is_no_batch_of_pictures(arena: Arena, pictures: torch.Tensor) -> None:
    problem = make_problem(arena.victim, pictures, arena.labels, Budget.from_units("linf", 8))
    with pytest.raises(ValueError, match=r"^expected pictures \(B, 3, H, W\) in \[0, 1\]$"):
        Pgd()(problem)


def test_refuses_a_scope_it_has_not(arena: Arena) -> None:
    class Alone(Pgd):
        scopes = ("per-task",)

    sentence = "^PGD makes per-task perturbations, not joint ones$"
    with pytest.raises(ValueError, match=sentence):
        Alone()(arena.problem(Budget.from_units("linf", 8), scope="joint"))
    with pytest.raises(ValueError, match=sentence):
        check_attackable(Alone(), arena.victim, SCENE_TASKS, "joint")


def test_refuses_tasks_that_the_victim_does_not_answer(arena: Arena) -> None:
    victim = Dmtl({"segmentation": "nyu13"}, (64, 64), width=2)
    with pytest.raises(ValueError) as error:
        check_attackable(Pgd(), victim, [task("segmentation"), task("depth")], "joint")
    assert str(error.value) == "the victim does not answer depth (metres); it answers segmentation (nyu13)"
    with pytest.raises(ValueError, match=r"^expected at least one task to attack, got none$"):
        check_attackable(Pgd(), arena.victim, [], "joint")
    check_attackable(Pgd(), arena.victim, SCENE_TASKS, "joint")


def test_says_which_generator_is_missing(arena: Arena, with_generators: object) -> None:
    problem = make_problem(
        arena.victim, arena.pictures, arena.labels, Budget.from_units("linf", 8), victim_name="other"
    )
    with pytest.raises(
        ValueError,
        match=r"^no trained MTA generator for the victim 'other' and non-targeted per-task perturbations",
    ):
        Mta()(problem)
    with pytest.raises(
        ValueError, match=r"^expected a generator among against-labels, .*, against-pseudo-targets, .*, got 'mine'$"
    ):
        Mta(generator="mine")(problem)
    assert set(Mta(generator="against-labels")(problem)) == set(arena.labels)
