"""Task weights against formulas written out here, and against a general solver."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from mta_core.task_weights import (
    ALL,
    PENALTY,
    STRATEGIES,
    DynamicWeightAverage,
    Mgda,
    TaskWeights,
    Uncertainty,
    make_task_weights,
    min_norm_weights,
    parse_weights,
    positive,
)
from tests.toys import seeded

NAMES = ("segmentation", "depth", "normals")
GIVEN = (("segmentation", 2.0), ("depth", 1.0), ("normals", 5.0))


def make(name: str, parameters: list[Tensor] | None = None) -> TaskWeights:
    return make_task_weights(name, NAMES, GIVEN if name == "fixed" else (), parameters or [])


def norm(weights: Tensor | list[float], vectors: Tensor) -> float:
    return float((torch.as_tensor(weights, dtype=torch.float64) @ vectors).norm())


every = pytest.mark.parametrize("name", [strategy.name for strategy in STRATEGIES])


class TestMinNorm:
    @pytest.mark.parametrize("seed", range(8))
    def test_two_vectors_have_a_closed_form(self, seed: int) -> None:
        one, two = torch.randn(2, 5, generator=seeded(seed), dtype=torch.float64) * torch.tensor([[1.0], [seed + 0.2]])
        two = two + (0.8 * one if seed % 2 else 0)
        share = float(((two - one) @ two / (one - two).square().sum()).clamp(0, 1))
        vectors = torch.stack([one, two])
        assert min_norm_weights(vectors @ vectors.T) == pytest.approx([share, 1 - share], abs=1e-9)

    @pytest.mark.parametrize("count", [3, 6])
    @pytest.mark.parametrize("seed", range(6))
    def test_more_agree_with_a_general_solver(self, count: int, seed: int) -> None:
        length = 2 if seed == 5 else 8  # of many vectors in a plane some sum to zero: every weight of those is right
        vectors = torch.randn(count, length, generator=seeded(seed), dtype=torch.float64)
        vectors *= 10 ** torch.rand(count, 1, generator=seeded(seed + 9), dtype=torch.float64)
        gram = vectors @ vectors.T
        found = minimize(
            lambda w: w @ gram.numpy() @ w, np.full(count, 1 / count), jac=lambda w: 2 * gram.numpy() @ w,
            bounds=[(0, 1)] * count, constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, method="SLSQP",
            options={"ftol": 1e-11, "maxiter": 500},
        )  # fmt: skip
        weights = min_norm_weights(gram)
        assert found.success and sum(weights) == pytest.approx(1) and min(weights) >= 0
        largest = float(vectors.norm(dim=1).max())
        assert norm(weights, vectors) == pytest.approx(norm(found.x, vectors), rel=1e-4, abs=1e-5 * largest)
        if norm(weights, vectors) > 1e-3 * largest:
            assert weights == pytest.approx(list(found.x), abs=1e-3)

    def test_what_it_finds_worsens_no_task(self) -> None:
        for seed in range(20):
            vectors = torch.randn(4, 6, generator=seeded(seed), dtype=torch.float64)
            shortest = torch.tensor(min_norm_weights(vectors @ vectors.T), dtype=torch.float64) @ vectors
            assert (vectors @ shortest).min() >= shortest.square().sum() * (1 - 1e-5) - 1e-9

    def test_no_gradients_and_equal_ones_leave_the_weights_alone(self) -> None:
        for gram in (torch.zeros(3, 3), torch.ones(3, 3)):
            assert min_norm_weights(gram) == pytest.approx([1 / 3] * 3)

    def test_scale_does_not_matter(self) -> None:
        vectors = torch.randn(3, 5, generator=seeded(1), dtype=torch.float64)
        plain = min_norm_weights(vectors @ vectors.T)
        for factor in (1e-9, 1e9):
            assert min_norm_weights(factor * vectors @ vectors.T) == pytest.approx(plain, abs=1e-6)


class Toy(nn.Module):
    """A layer that tasks share, and a head for each."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared = nn.Linear(6, 4)
        self.heads = nn.ModuleDict({name: nn.Linear(4, 1) for name in NAMES})
        self.inputs = torch.randn(5, 6)

    def losses(self, rows: slice = slice(None)) -> dict[str, Tensor]:
        features = self.shared(self.inputs[rows]).tanh()
        return {
            name: scale * head(features)[:, 0]
            for scale, (name, head) in zip((1.0, 3.0, -0.5), self.heads.items(), strict=True)
        }

    def penalty(self) -> Tensor:
        return self.shared.weight.square().mean()

    def gradients(self) -> list[Tensor]:
        return [parameter.grad.clone() for parameter in self.parameters() if parameter.grad is not None]


def backward(strategy: TaskWeights, losses: Mapping[str, Tensor], penalty: Tensor, share: float) -> None:
    """As a training takes the gradients of a part of a batch."""
    terms = {term: values.mean() for term, values in strategy.terms(losses).items()}
    terms |= {PENALTY: penalty} if strategy.is_apart else {ALL: terms[ALL] + penalty}
    for term, value in terms.items():
        (share * value).backward(retain_graph=True)  # type: ignore[no-untyped-call]
        strategy.take(term)
    strategy.see(losses, share)


def step(
    toy: Toy, strategy: TaskWeights, parts: int = 5, penalty: float = 0.1
) -> tuple[list[Tensor], dict[str, float]]:
    toy.zero_grad()
    strategy.begin_batch()
    for begin in range(0, 5, parts):
        rows = slice(begin, begin + parts)
        share = len(toy.inputs[rows]) / 5
        backward(strategy, toy.losses(rows), penalty * toy.penalty(), share)
    alphas = strategy.end_batch()
    return toy.gradients(), alphas


def expected_gradients(toy: Toy, name: str, alphas: Mapping[str, float]) -> list[Tensor]:
    """Autograd's, of the sum written out; under MGDA, the heads' are of the uniform sum."""
    losses = {n: torch.log1p(loss.exp()) if name == "uncertainty" else loss for n, loss in toy.losses().items()}
    weighted, uniform = (
        sum(used[n] * loss.mean() for n, loss in losses.items()) + 0.1 * toy.penalty()
        for used in (alphas, dict.fromkeys(NAMES, 1 / 3))
    )
    shared = torch.autograd.grad(weighted, list(toy.shared.parameters()), retain_graph=True)
    heads = torch.autograd.grad(uniform if name == "mgda" else weighted, list(toy.heads.parameters()))
    return [*shared, *heads]


@every
@pytest.mark.parametrize("parts", [5, 2, 1])
def test_gradients_are_those_of_the_weighted_sum(name: str, parts: int) -> None:
    toy = Toy()
    strategy = make(name, list(toy.parameters()))
    for _ in range(3):
        found, alphas = step(toy, strategy, parts)
        assert set(alphas) == set(NAMES) and min(alphas.values()) >= 0 and sum(alphas.values()) == pytest.approx(1)
        for one, other in zip(found, expected_gradients(toy, name, alphas), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
        strategy.end_epoch()
    assert len(strategy.history) == 3


@every
def test_parts_and_a_batch_begun_again_change_no_weight(name: str) -> None:
    whole, parts = Toy(), Toy()
    one, other = make(name, list(whole.parameters())), make(name, list(parts.parameters()))
    for _ in range(4):
        step(whole, one)
        other.begin_batch()
        backward(other, parts.losses(slice(0, 3)), parts.penalty(), 0.6)  # given up: memory was too small
        step(parts, other, 2)
        one.end_epoch()
        other.end_epoch()
    assert one.alphas() == pytest.approx(other.alphas(), rel=1e-5)
    for mine, its in zip(one.history, other.history, strict=True):
        assert mine == pytest.approx(its, rel=1e-5)


@every
def test_goes_on_from_its_state(name: str) -> None:
    toy = Toy()
    strategy, again = (make(name, list(toy.parameters())) for _ in range(2))
    for _ in range(3):
        step(toy, strategy)
        strategy.end_epoch()
    again.restore(strategy.state())
    for one in (strategy, again):
        step(toy, one)
        one.end_epoch()
    assert again.state() == strategy.state() and again.alphas() == strategy.alphas()


class TestMgda:
    def test_weighs_by_the_gradients_on_what_is_shared(self) -> None:
        toy = Toy()
        _, alphas = step(toy, Mgda(NAMES, list(toy.parameters())))
        rows = []
        for loss in toy.losses().values():
            gradients = torch.autograd.grad(loss.mean(), list(toy.shared.parameters()), retain_graph=True)
            rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
        vectors = torch.stack(rows).double()
        assert list(alphas.values()) == pytest.approx(min_norm_weights(vectors @ vectors.T), abs=1e-4)
        assert norm(list(alphas.values()), vectors) < 0.9 * norm([1 / 3] * 3, vectors)

    def test_tasks_that_share_nothing_count_the_same(self) -> None:
        toy = Toy()
        _, alphas = step(toy, Mgda(NAMES, list(toy.heads.parameters())))
        assert list(alphas.values()) == pytest.approx([1 / 3] * 3)


class TestUncertainty:
    SEEN = {"segmentation": 0.2, "depth": 1.5, "normals": 4.0}  # noqa: RUF012

    def test_log_variances_go_down_the_gradient_of_kendalls_objective(self) -> None:
        strategy = Uncertainty(NAMES)
        strategy.log_variances = {"segmentation": -0.7, "depth": 0.0, "normals": 1.3}
        variables = {name: torch.tensor(s, requires_grad=True) for name, s in strategy.log_variances.items()}
        objective = sum((-s).exp() * self.SEEN[name] / 2 + s / 2 for name, s in variables.items())
        objective.backward()  # type: ignore[union-attr]
        slopes = strategy.slopes(self.SEEN)
        before = dict(strategy.log_variances)
        strategy.learn(self.SEEN)
        for name, variable in variables.items():
            assert slopes[name] == pytest.approx(float(variable.grad), abs=1e-6)
            assert strategy.log_variances[name] == pytest.approx(before[name] - strategy.RATE * slopes[name])

    def test_weights_end_inverse_to_what_stays_the_same(self) -> None:
        strategy = Uncertainty(NAMES)
        for _ in range(500):
            strategy.learn(self.SEEN)
        total = sum(1 / value for value in self.SEEN.values())
        assert strategy.alphas() == pytest.approx(
            {name: 1 / value / total for name, value in self.SEEN.items()}, rel=1e-3
        )

    def test_stays_finite_where_fooling_losses_have_either_sign(self) -> None:
        """On `-log loss` itself the objective has no minimum, and the log-variance would fall for ever."""
        strategy = Uncertainty(NAMES)
        losses = torch.tensor([-30.0, -3.0, 9.2])
        for _ in range(5000):
            strategy.learn(dict(zip(NAMES, positive(losses).tolist(), strict=True)))
        assert all(map(math.isfinite, strategy.log_variances.values()))
        assert strategy.log_variances["depth"] == pytest.approx(math.log(math.log1p(math.exp(-3))), abs=1e-3)


class TestDynamicWeightAverage:
    def test_follows_the_formula(self) -> None:
        strategy = DynamicWeightAverage(NAMES)
        epochs = [(1.0, 2.0, 4.0), (0.5, 2.0, 6.0), (0.4, 1.0, 6.0)]
        for number, means in enumerate(epochs):
            for offset in (-0.1, 0.1):  # two batches
                strategy.learn({name: mean + offset for name, mean in zip(NAMES, means, strict=True)})
            strategy.end_epoch()
            if number == 0:
                assert list(strategy.alphas().values()) == pytest.approx([1 / 3] * 3)
            else:
                powers = [math.exp(now / before / 2) for now, before in zip(means, epochs[number - 1], strict=True)]
                assert list(strategy.alphas().values()) == pytest.approx([power / sum(powers) for power in powers])

    def test_weighs_the_slow_task_more(self) -> None:
        strategy = DynamicWeightAverage(NAMES)
        for losses in ((0.0, 0.0, 0.0), (-2.0, -0.1, 0.5)):  # of either sign: the first is fooled fast, the last worse
            strategy.learn(dict(zip(NAMES, positive(torch.tensor(losses)).tolist(), strict=True)))
            strategy.end_epoch()
        alphas = strategy.alphas()
        assert alphas["segmentation"] < 1 / 3 < alphas["normals"] and alphas["depth"] < alphas["normals"]


def test_the_positive_quantity_falls_with_the_loss() -> None:
    losses = torch.linspace(-40, 10, 101)
    values = positive(losses)
    assert (values > 0).all() and (values.diff() > 0).all()
    torch.testing.assert_close(values, torch.log1p(losses.double().exp()).float())


class Fooler(nn.Module):
    """Perturbations of 12 numbers in [-1, 1], one a task or one for all, and the losses that each task's victim has."""

    def __init__(self, is_joint: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.shared = nn.Linear(6, 8)
        self.heads = nn.ModuleDict({name: nn.Linear(8, 12) for name in (("joint",) if is_joint else NAMES)})
        self.inputs = torch.randn(5, 6)
        self.weak = {name: torch.randn(12) for name in NAMES}

    def fooling_losses(self) -> dict[str, Tensor]:
        features = self.shared(self.inputs).tanh()
        losses = {}
        for scale, name in zip((10.0, 0.1, 1.0), NAMES, strict=True):
            moved = self.heads[name if name in self.heads else "joint"](features).tanh()
            losses[name] = -(scale * nn.functional.softplus(moved @ self.weak[name])).log()
        return losses


@pytest.mark.parametrize("is_joint", [False, True])
@every
def test_every_strategy_lowers_each_tasks_fooling_loss(name: str, is_joint: bool) -> None:
    fooler = Fooler(is_joint)
    strategy = make(name, list(fooler.parameters()))
    optimiser = torch.optim.Adam(fooler.parameters(), 1e-2)
    found = []
    for number in range(60):
        losses = fooler.fooling_losses()
        optimiser.zero_grad()
        strategy.begin_batch()
        backward(strategy, losses, torch.zeros((), requires_grad=True), 1.0)
        strategy.end_batch()
        optimiser.step()
        if number % 6 == 5:
            strategy.end_epoch()
        found.append({task: float(loss.detach().mean()) for task, loss in losses.items()})
    for task in NAMES:
        assert found[-1][task] < found[0][task] - 0.3, task


def test_given_weights_are_shares() -> None:
    assert make("fixed").alphas() == pytest.approx({"segmentation": 0.25, "depth": 0.125, "normals": 0.625})
    assert parse_weights("n=5, segmentation=2,d=1", NAMES) == make("fixed").alphas()
    assert list(parse_weights("depth=3,segmentation=1", ("segmentation", "depth"))) == ["segmentation", "depth"]
