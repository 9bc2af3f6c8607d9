"""DeepFool on maps of pixels, towards targets, and with pictures that need unlike numbers of steps."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor, nn

from mta_core.attacks import DeepFool, Evaluation, Margins, Objective, Problem
from mta_core.attacks.deepfool import Boundaries
from mta_core.budget import Budget, Norm
from mta_core.objective import VictimObjective, make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS, Task
from mta_core.tasks.base import class_margins
from mta_core.victims import Victim
from tests.toys import Arena, make_pictures, seeded

WIDE = Budget.from_units("linf", 60)
tasks = pytest.mark.parametrize("task", SCENE_TASKS, ids=lambda task: task.name)


def share_fooled(margins: Margins) -> Tensor:
    """(B,), over labelled pixels; written out once more."""
    labelled = margins.labelled if margins.labelled is not None else torch.ones_like(margins.values[:, 0]).bool()
    wrong = (margins.values.amin(1) < 0) & labelled
    return wrong.flatten(1).sum(1) / labelled.flatten(1).sum(1)


class Smooth(Victim):
    """Answers by a convolution and a gentle bend: untrained networks are too wild for a step along their gradient."""

    architecture = "smooth"

    def __init__(self) -> None:
        super().__init__({task.name: task.space for task in SCENE_TASKS}, (32, 32))
        torch.manual_seed(1)
        self.layers = nn.ModuleDict({t.name: nn.Conv2d(3, t.channels, 5, padding=2) for t in SCENE_TASKS})
        self.eval().requires_grad_(False)

    def options(self) -> dict[str, object]:
        return {}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        raw = {name: (2 * self.layers[name](normalised)).tanh() for name in tasks}
        return {name: answer + 2 if name == "depth" else answer for name, answer in raw.items()}


SMOOTH = Smooth()
PICTURES = make_pictures(3, 32, 32) * 0.6 + 0.2


def answers_for(task: Task, pictures: Tensor) -> dict[str, Tensor]:
    return pseudo_targets(SMOOTH, [task], pictures)


@tasks
@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2], ids=str)
def test_fools_the_stated_share_of_pixels_and_stops_there(task: Task, norm: Norm) -> None:
    budget = WIDE if norm is Norm.LINF else Budget(Norm.L2, 12.0)
    sizes = []
    for share in (0.3, 0.7):
        problem = make_problem(SMOOTH, PICTURES, answers_for(task, PICTURES), budget)
        *_, last = DeepFool(30, 3, share=share).run(problem)
        fooled = share_fooled(problem.objectives[task.name](last.adversarial).margins())
        assert last.done == last.total == 30 and (fooled >= share).all(), fooled
        sizes.append(budget.norm_of(last.adversarial - PICTURES))
    assert (sizes[0] < sizes[1]).all() and (sizes[1] < 0.99 * budget.epsilon).all(), "no more than it takes"


@tasks
def test_targeted_it_brings_the_target_about(task: Task) -> None:
    """What the victim answers for slightly other pictures can be had."""
    budget = Budget.from_units("linf", 40)
    noise = torch.randn(PICTURES.shape, generator=seeded(5)).sign() * budget.epsilon
    targets = answers_for(task, PICTURES + noise)
    problem = make_problem(SMOOTH, PICTURES, targets, budget, target="picture:other")
    found = DeepFool(20, share=0.95)(problem)[task.name]
    values = [task.margins_on(SMOOTH(x)[task.name], targets[task.name], None).amin(1) for x in (PICTURES, found)]
    before, after = ((value > 0).float().mean((1, 2)) for value in values)
    assert (before < 0.9).all() and (after >= 0.95).all(), f"{before} -> {after}"


def linear(slopes: Tensor, offsets: Tensor) -> Objective:
    """A linear classifier, (C, 3, 4, 4) and (C,), of pictures whose class is 0."""

    def evaluate(images: Tensor) -> Evaluation:
        logits = torch.einsum("bchw,kchw->bk", images, slopes) + offsets
        target = torch.zeros(len(images), 1, 1, dtype=torch.long)
        losses = -logits[:, 0]
        return Evaluation(losses, {"class": losses}, lambda: Margins(class_margins(logits[:, :, None, None], target)))

    return evaluate


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2], ids=str)
def test_one_step_is_the_distance_to_the_nearest_boundary_of_a_linear_classifier(norm: Norm) -> None:
    """Equations 8 and 9, and 11 and 12 for L-infinity, by hand."""
    slopes = torch.randn(4, 3, 4, 4, generator=seeded(2))
    clean = 0.5 + 0.1 * torch.rand(6, 3, 4, 4, generator=seeded(3))
    plain = torch.einsum("bchw,kchw->bk", clean, slopes).mean(0)
    objective = linear(slopes, torch.tensor([3.0, 1.0, 0.0, 2.0]) - plain)
    gaps = objective(clean).margins().values[:, 1:, 0, 0]
    assert (gaps > 0).all()
    lengths = (slopes[1:] - slopes[0]).flatten(1).norm(p=1 if norm is Norm.LINF else 2, dim=1)
    budget = Budget(norm, 1.0)
    problem = Problem(clean, {"class": objective}, budget)
    steps = list(DeepFool(overshoot=0.0).steps(problem))
    assert [step.done for step in steps] == [1, 20], "one step, and the last says that all are fooled"
    expected = (gaps / lengths).amin(1)
    torch.testing.assert_close(budget.norm_of(steps[0].adversarial - clean), expected, atol=2e-4, rtol=1e-3)


def test_every_picture_stops_by_itself() -> None:
    """Beside pictures that need more steps, the result is the one that it has alone."""
    task = SCENE_TASKS[2]
    attack, targets = DeepFool(30, share=0.6), answers_for(task, PICTURES)[task.name]

    def walked(which: slice) -> list[Tensor]:
        problem = make_problem(SMOOTH, PICTURES[which], {task.name: targets[which]}, WIDE)
        return [step.adversarial for step in attack.run(problem)]

    alone, together = [walked(slice(i, i + 1)) for i in range(3)], walked(slice(0, 3))
    assert len({len(steps) for steps in alone}) > 1, "else there is nothing to see"
    for i, steps in enumerate(alone):
        torch.testing.assert_close(together[-1][i], steps[-1][0], atol=1e-5, rtol=0)
        assert all(torch.equal(images[i], together[-1][i]) for images in together[len(steps) - 1 :])


def test_what_is_fooled_already_is_left_alone(arena: Arena) -> None:
    problem = arena.problem(WIDE, kind="labels", tasks=SCENE_TASKS[:1])
    assert (share_fooled(problem.objectives["segmentation"](arena.pictures).margins()) > 0.5).all()
    (step,) = DeepFool(share=0.5).run(problem)
    assert torch.equal(step.adversarial, arena.pictures) and step.done == step.total


def test_only_labelled_pixels_count() -> None:
    values = torch.tensor([[[[-1.0, 2.0, 3.0, 4.0]]]])
    labelled = torch.tensor([[[True, True, False, False]]])
    boundaries = Boundaries.of(Margins(values, labelled))
    assert boundaries.sums.tolist() == [[2.0]] and boundaries.num_right.tolist() == [1]
    assert boundaries.is_fooled(0.5).tolist() == [True] and boundaries.is_fooled(0.6).tolist() == [False]
    assert Boundaries.of(Margins(values, ~labelled & False)).is_fooled(1.0).tolist() == [True], "nothing to do"


def test_joint_perturbations_are_refused(arena: Arena) -> None:
    with pytest.raises(ValueError, match=r"^DeepFool makes per-task perturbations, not joint ones$"):
        DeepFool()(arena.problem(WIDE, scope="joint"))
    with pytest.raises(ValueError, match=r"^expected one task to have margins, got 3$"):
        VictimObjective(arena.victim, arena.labels)(arena.pictures).margins()


def test_an_objective_without_margins_is_refused() -> None:
    problem = Problem(torch.rand(1, 3, 4, 4), {"x": lambda images: Evaluation(images.sum((1, 2, 3)), {})}, WIDE)
    with pytest.raises(ValueError, match=r"^expected an objective with margins"):
        DeepFool()(problem)
