"""One picture, attacked: what there is to see afterwards."""

from __future__ import annotations

import copy
from itertools import islice

import pytest
import torch

from mta_core.attacks import JOINT, Fgsm, Mta, Pgd
from mta_core.budget import Budget
from mta_core.explore import Outcome, Subject, add_noise, explore, finish, noisy_picture, run
from mta_core.tasks import SCENE_TASKS, task
from tests.toys import CPU, Arena, victim_name

BUDGET = Budget.from_units("linf", 3)


@pytest.fixture(scope="module")
def subject(arena: Arena) -> Subject:
    return Subject.prepare(victim_name("labels"), arena.victim, CPU)


@pytest.fixture(scope="module")
def truth(arena: Arena) -> dict[str, torch.Tensor]:
    return {name: target[0] for name, target in arena.labels.items()}


def measures(name: str, value: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    t = task(name)
    return {key: float(numbers[0]) for key, numbers in t.measures_of(t.statistics(value, target)).items()}


def same(one: Outcome, other: Outcome) -> bool:
    return all(torch.equal(p.adversarial, other.perturbations[n].adversarial) for n, p in one.perturbations.items())


def test_per_task_has_a_perturbation_for_each(arena: Arena, subject: Subject, truth: dict[str, torch.Tensor]) -> None:
    outcome = run(subject, Pgd(3), arena.pictures[0], SCENE_TASKS, BUDGET, truth=truth)
    assert list(outcome.perturbations) == list(outcome.tasks) == [t.name for t in SCENE_TASKS]
    assert torch.equal(outcome.clean, arena.pictures[0]) and outcome.seconds > 0
    for name, made in outcome.perturbations.items():
        assert outcome.perturbation_of(name) is made and made.name == name
        assert torch.equal(made.perturbation, made.adversarial - outcome.clean)
        assert made.similarity.linf == pytest.approx(float(made.perturbation.abs().max()))
        assert BUDGET.contains(made.adversarial[None], outcome.clean[None]).all()
    assert not torch.equal(outcome.perturbations["depth"].adversarial, outcome.perturbations["normals"].adversarial)


def test_joint_has_one_for_all(arena: Arena, subject: Subject) -> None:
    outcome = run(subject, Pgd(3), arena.pictures[0], SCENE_TASKS, BUDGET, scope="joint")
    assert list(outcome.perturbations) == [JOINT]
    assert {id(outcome.perturbation_of(t.name)) for t in SCENE_TASKS} == {id(outcome.perturbations[JOINT])}


def test_measures_are_of_float32_answers_against_the_truth(
    arena: Arena, subject: Subject, truth: dict[str, torch.Tensor]
) -> None:
    outcome = run(subject, Pgd(3), arena.pictures[0], SCENE_TASKS, BUDGET, truth=truth)
    for name, found in outcome.tasks.items():
        assert found.truth is not None and torch.equal(found.truth, truth[name][None])
        shown = {"clean": found.clean, "adversarial": found.adversarial, "noise": found.noisy}
        for kind, value in shown.items():
            assert value is not None
            assert found.measures[kind] == pytest.approx(measures(name, value, found.truth), nan_ok=True)
        answer = arena.victim(outcome.perturbation_of(name).adversarial[None])[name]
        expected = task(name).decode(answer).double()
        assert (found.adversarial.double() - expected).abs().double().mean() < 1e-3
        assert found.verdict == task(name).describe(found.clean, found.adversarial)


def test_without_labels_the_clean_answer_is_the_reference(arena: Arena, subject: Subject) -> None:
    outcome = run(subject, Pgd(3), arena.pictures[0], SCENE_TASKS, BUDGET)
    for found in outcome.tasks.values():
        assert found.truth is None
        main = found.task.main_measure
        best = 1.0 if main.higher_is_better else 0.0
        assert found.measures["clean"][main.name] == pytest.approx(best, abs=0.03)
        assert main.is_worse(found.measures["adversarial"][main.name], found.measures["clean"][main.name])


def test_labels_of_some_tasks_serve_those(arena: Arena, subject: Subject, truth: dict[str, torch.Tensor]) -> None:
    outcome = run(subject, Fgsm(), arena.pictures[0], SCENE_TASKS, BUDGET, truth={"depth": truth["depth"]})
    assert [name for name, found in outcome.tasks.items() if found.truth is not None] == ["depth"]


def test_noise_is_as_large_as_the_budget(arena: Arena) -> None:
    grey = torch.full_like(arena.pictures[:1], 0.5)
    for budget in (BUDGET, Budget.from_units("l2", 2)):
        noisy = noisy_picture(budget, grey, seed=1)
        assert float(budget.norm_of(noisy - grey)) == pytest.approx(budget.epsilon, rel=1e-4)
        assert torch.equal(noisy, noisy_picture(budget, grey, seed=1))
        assert not torch.equal(noisy, noisy_picture(budget, grey, seed=2))


def test_noise_can_be_added_later(arena: Arena, subject: Subject) -> None:
    image = arena.pictures[0]
    adversarials = {t.name: arena.pictures[1:] * 0 + 0.5 for t in SCENE_TASKS}
    full = finish(subject, image, SCENE_TASKS, BUDGET, adversarials, seed=3)
    bare = finish(subject, image, SCENE_TASKS, BUDGET, adversarials, seed=3, with_noise=False)
    assert all(found.noisy is None and "noise" not in found.measures for found in bare.tasks.values())
    later = add_noise(bare, subject.answer(noisy_picture(BUDGET, image[None], 3), SCENE_TASKS))
    for name, found in full.tasks.items():
        assert later.tasks[name].measures["noise"] == pytest.approx(found.measures["noise"], rel=1e-3, abs=1e-3)


def test_known_answers_are_not_computed_again(arena: Arena, subject: Subject) -> None:
    image = arena.pictures[0]
    adversarials = {t.name: arena.pictures[1:] for t in SCENE_TASKS}
    clean = subject.answer(image[None], SCENE_TASKS)
    fake = {name: value.flip(-1) for name, value in clean.items()}
    outcome = finish(subject, image, SCENE_TASKS, BUDGET, adversarials, known={"clean": fake})
    plain = finish(subject, image, SCENE_TASKS, BUDGET, adversarials)
    for name in adversarials:
        assert torch.equal(outcome.tasks[name].clean, fake[name])
        assert not torch.equal(plain.tasks[name].clean, fake[name])


def test_a_stopped_attack_has_an_outcome_all_the_same(arena: Arena, subject: Subject) -> None:
    image = arena.pictures[0]
    for steps in (0, 2):  # within the first task: the others have no perturbation yet
        stream = islice(explore(subject, Pgd(5), image, SCENE_TASKS, BUDGET), steps)
        outcome = finish(subject, image, SCENE_TASKS, BUDGET, {s.perturbation: s.adversarial for s in stream})
        changed = [name for name, made in outcome.perturbations.items() if made.perturbation.abs().sum() > 0]
        assert changed == ["segmentation"][:steps]
        assert outcome.perturbation_of("normals").similarity.psnr == float("inf")


def test_a_seed_repeats_everything(arena: Arena, subject: Subject) -> None:
    first, again, other = (run(subject, Pgd(2), arena.pictures[0], SCENE_TASKS, BUDGET, seed=s) for s in (1, 1, 2))
    assert same(first, again) and not same(first, other)
    assert all(first.tasks[n].measures["noise"] == again.tasks[n].measures["noise"] for n in first.tasks)


def test_serves_generators(arena: Arena, subject: Subject, with_generators: object) -> None:
    outcome = run(subject, Mta(), arena.pictures[0], SCENE_TASKS[1:], BUDGET)
    assert list(outcome.perturbations) == [t.name for t in SCENE_TASKS[1:]]


def test_a_victim_that_answers_nan_is_refused(arena: Arena) -> None:
    victim = copy.deepcopy(arena.victim)
    next(m for m in victim.modules() if isinstance(m, torch.nn.BatchNorm2d)).running_var.fill_(-1)  # type: ignore[union-attr]
    subject = Subject.prepare("broken", victim, CPU)
    with pytest.raises(ValueError, match=r"^the victim broken answers .*depth.* with NaN or infinity"):
        run(subject, Fgsm(), arena.pictures[0], SCENE_TASKS, BUDGET)


def test_refuses_a_scope_that_the_attack_has_not(arena: Arena, subject: Subject) -> None:
    with pytest.raises(ValueError, match=r"^no trained MTA generator for the victim .* and non-targeted joint "):
        next(explore(subject, Mta(), arena.pictures[0], SCENE_TASKS, BUDGET, scope="joint"))
