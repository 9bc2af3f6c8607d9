"""FGSM and PGD against an independent implementation, and what they cost."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.attacks import Apgd, Attack, Evaluation, Fgsm, Objective, Pgd, Problem
from mta_core.attacks.apgd import checkpoints
from mta_core.budget import Budget
from tests.toys import seeded

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports a name that scipy has moved
    import foolbox


def make_classifier() -> nn.Module:
    torch.manual_seed(1)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 7 * 7, 10))
    for parameter in layers.parameters():
        nn.init.normal_(parameter, 0, 0.7)  # large weights bend it much within the budget
    return layers.double().eval().requires_grad_(False)


CLASSIFIER = make_classifier()
LABELS = torch.tensor([3, 1, 4, 1])


def make_clean(low: float, high: float) -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=seeded(5), dtype=torch.float64) * (high - low) + low


def cross_entropy(images: Tensor) -> Evaluation:
    losses = F.cross_entropy(CLASSIFIER(images), LABELS[: len(images)], reduction="none")
    return Evaluation(losses, {"classes": losses.detach()})


def problem(clean: Tensor, budget: Budget, objective: Objective = cross_entropy, seed: int = 0) -> Problem:
    return Problem(clean, {"classes": objective}, budget, seed=seed)


LINF, L2 = Budget.from_units("linf", 8), Budget.from_units("l2", 0.8)
Peer = foolbox.attacks.base.Attack
PAIRS: list[tuple[Attack, Peer, Budget]] = [
    (Fgsm(start=0.0), foolbox.attacks.LinfFastGradientAttack(random_start=False), LINF),
    (Fgsm(start=0.0), foolbox.attacks.L2FastGradientAttack(random_start=False), L2),
    (
        Pgd(7, 2.0, random_start=False),
        foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=2 / 255, steps=7, random_start=False),
        LINF,
    ),
    (
        Pgd(7, 0.2, random_start=False),
        foolbox.attacks.L2ProjectedGradientDescentAttack(abs_stepsize=0.2, steps=7, random_start=False),
        L2,
    ),
    (
        Pgd(10, random_start=False),  # chooses 2.5 epsilon / steps
        foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=2 / 255, steps=10, random_start=False),
        LINF,
    ),
]


@pytest.mark.parametrize(("attack", "peer", "budget"), PAIRS, ids=lambda value: type(value).__name__)
def test_agrees_with_foolbox(attack: Attack, peer: Peer, budget: Budget) -> None:
    # Clipping to [0, 1] and projecting into an L2 ball do not commute, so that case stays away from black and white.
    clean = make_clean(0, 1) if budget is LINF else make_clean(0.3, 0.7)
    model = foolbox.PyTorchModel(CLASSIFIER, bounds=(0, 1), device="cpu")
    expected = peer.run(model, clean, foolbox.criteria.Misclassification(LABELS), epsilon=budget.epsilon)
    found = attack(problem(clean, budget))["classes"]
    assert (found - expected).abs().max() <= 1e-5
    assert (found - clean).abs().max() > 1e-3


class Counting:
    """Counts the forward and backward passes of an objective."""

    def __init__(self) -> None:
        self.forward = self.backward = 0

    def __call__(self, images: Tensor) -> Evaluation:
        self.forward += 1
        evaluation = cross_entropy(images)
        if evaluation.value.requires_grad:
            evaluation.value.register_hook(self.count)
        return evaluation

    def count(self, gradient: Tensor) -> None:
        self.backward += 1


@pytest.mark.parametrize(
    ("attack", "cost"), [(Pgd(6), 6), (Pgd(6, momentum=0.9), 6), (Fgsm(), 1), (Apgd(6), 7), (Apgd(2, 3), 9)]
)
def test_costs_one_pass_a_step_and_no_more(attack: Attack, cost: int) -> None:
    counting = Counting()
    attack(problem(make_clean(0, 1), LINF, counting))
    assert (counting.forward, counting.backward) == (cost, cost)


def distance(images: Tensor) -> Evaluation:
    """From the clean pictures, whose gradient there is zero: what a clean prediction as the target looks like."""
    losses = (images - make_clean(0, 1)).square().mean((1, 2, 3))
    return Evaluation(losses, {"classes": losses.detach()})


@pytest.mark.parametrize("attack", [Fgsm(start=0.0), Pgd(3, random_start=False)], ids=lambda attack: attack.name)
def test_where_there_is_no_gradient_it_starts_beside(attack: Attack) -> None:
    clean = make_clean(0, 1)
    found = attack(problem(clean, LINF, distance))["classes"]
    assert (distance(found).value > 0).all()


@pytest.mark.parametrize("kind", [Pgd, Apgd], ids=lambda kind: kind.name)
def test_restarts_are_never_weaker_than_the_first(kind: type[Pgd | Apgd]) -> None:
    clean = make_clean(0, 1)
    for budget in (LINF, L2):
        # One long step from a random start makes restarts differ much.
        once, often = (kind(1, num_restarts=n)(problem(clean, budget))["classes"] for n in (1, 6))
        first, best = cross_entropy(once).value, cross_entropy(often).value
        assert (best >= first - 1e-9).all() and (best > first + 1e-6).any()


@pytest.mark.parametrize("kind", [Pgd, Apgd], ids=lambda kind: kind.name)
def test_restarts_never_go_back_while_they_run(kind: type[Pgd | Apgd]) -> None:
    clean = make_clean(0, 1)
    steps = list(kind(3, num_restarts=4).run(problem(clean, LINF)))
    assert [step.done for step in steps] == list(range(1, 13))
    values = torch.stack([cross_entropy(step.adversarial).value for step in steps[2:]])  # after the first restart
    assert (values.diff(dim=0) >= -1e-9).all()


def test_reported_losses_are_those_of_the_candidate_before() -> None:
    clean = make_clean(0, 1)
    steps = list(Pgd(4, random_start=False).run(problem(clean, LINF)))
    points = [clean, *(step.adversarial for step in steps[:-1])]
    for step, point in zip(steps, points, strict=True):
        torch.testing.assert_close(step.losses["classes"], cross_entropy(point).value)


@pytest.mark.parametrize("budget", [LINF, L2], ids=["linf", "l2"])
def test_apgd_is_no_weaker_than_pgd_and_keeps_the_strongest_point(budget: Budget) -> None:
    clean = make_clean(0, 1)
    steps = list(Apgd(30).run(problem(clean, budget)))
    values = torch.stack([cross_entropy(step.adversarial).value for step in steps])
    assert (values.diff(dim=0) >= -1e-9).all()
    pgd = cross_entropy(Pgd(30)(problem(clean, budget))["classes"]).value
    assert values[-1].mean() >= pgd.mean() * 0.99


def test_apgd_judges_its_step_size_where_the_paper_says() -> None:
    """Croce and Hein, section 3.2, by hand for N = 100: 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99."""
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_momentum_accumulates_normalised_gradients() -> None:
    """Dong et al. (CVPR 2018), equations 6 and 7, once more."""
    clean, budget, decay = make_clean(0, 1), Budget.from_units("linf", 3), 0.7
    found = Pgd(5, 1.0, momentum=decay, random_start=False)(problem(clean, budget))["classes"]
    point, velocity = clean.clone(), torch.zeros_like(clean)
    for _ in range(5):
        point.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(CLASSIFIER(point), LABELS, reduction="sum"), point)
        velocity = decay * velocity + gradient / gradient.abs().sum((1, 2, 3), keepdim=True) * gradient[0].numel()
        stepped = point.detach() + velocity.sign() / 255
        point = clean + (stepped - clean).clamp(-3 / 255, 3 / 255)
        point = point.clamp(0, 1)
    assert (found - point).abs().max() <= 1e-6
    plain = Pgd(5, 1.0, random_start=False)(problem(clean, budget))["classes"]
    assert not torch.allclose(found, plain)


def test_more_steps_reach_a_higher_loss() -> None:
    clean = make_clean(0, 1)
    losses = [cross_entropy(Pgd(n)(problem(clean, LINF))["classes"]).value.mean() for n in (1, 3, 20)]
    assert losses[0] < losses[1] < losses[2]


def test_random_numbers_belong_to_the_picture_not_to_the_batch() -> None:
    clean = make_clean(0, 1).float()
    whole = Problem(clean, {}, LINF, seed=9, first=10)
    apart = [Problem(clean[i : i + 1], {}, LINF, seed=9, first=10 + i) for i in range(len(clean))]
    assert torch.equal(whole.random_start(2), torch.cat([part.random_start(2) for part in apart]))
    assert not torch.equal(whole.random_start(2)[0], whole.random_start(2)[1])


def test_stopped_early_pgd_has_the_strongest_point_it_knows() -> None:
    """Steps three times as long as the way to the top leap over it and back."""
    clean, top = torch.full((1, 3, 4, 4), 0.5), 0.51
    known: list[float] = []

    def objective(images: Tensor) -> Evaluation:
        value = -((images - top) ** 2).sum((1, 2, 3))
        known.append(float(value.detach()[0]))
        return Evaluation(value, {"depth": -value.detach()})

    problem = Problem(clean, {"depth": objective}, Budget.from_units("linf", 16))
    attack = Pgd(num_steps=6, step_size=8.0, random_start=False)
    leaps = 0
    for number, step in enumerate(attack.run(problem)):
        shown = float(-((step.adversarial - top) ** 2).sum())
        if step.done < 6 and known[number] < max(known):
            leaps += 1
            assert shown == pytest.approx(max(known), abs=1e-6)
    assert leaps > 0, "some step must have led down for this to mean anything"
