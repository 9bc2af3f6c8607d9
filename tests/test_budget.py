"""The budget: nothing leaves the ball, whatever the picture, the size and the magnitude."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mta_core.budget import LINF_TOLERANCE, Budget, Norm

BUDGETS = [Budget.from_units("linf", 5), Budget.from_units("l2", 4), Budget(Norm.LINF, 1.0), Budget(Norm.L2, 0.01)]
both_norms = pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.label)
quick = settings(max_examples=60, deadline=None)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numpy_norm(budget: Budget, perturbation: Tensor) -> np.ndarray:
    """The definition, once more, in double precision."""
    values = perturbation.detach().double().numpy().reshape(len(perturbation), -1)
    return np.abs(values).max(1) if budget.norm is Norm.LINF else np.sqrt((values**2).sum(1))


def assert_inside(budget: Budget, adversarial: Tensor, clean: Tensor) -> None:
    assert adversarial.dtype == clean.dtype
    assert adversarial.shape == clean.shape
    assert adversarial.min() >= 0 and adversarial.max() <= 1
    limit = budget.epsilon + 1e-6 if budget.norm is Norm.LINF else budget.epsilon * (1 + 1e-6)
    assert (numpy_norm(budget, adversarial - clean) <= limit).all()
    assert budget.contains(adversarial, clean).all()


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    if draw(st.booleans()):
        return Budget(Norm.LINF, draw(st.floats(1e-4, 1)))
    return Budget(Norm.L2, draw(st.floats(1e-3, 30)))


@st.composite
def batches(draw: st.DrawFn, on_grid: bool | None = None) -> tuple[Tensor, Tensor]:
    """(clean, perturbation): pictures with many black and white pixels, perturbations of any magnitude."""
    shape = (draw(st.integers(1, 3)), 3, draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    random = generator(draw(st.integers(0, 2**31)))
    clean = (torch.rand(shape, generator=random) * 1.5 - 0.25).clamp(0, 1)
    if draw(st.booleans()) if on_grid is None else on_grid:
        clean = (clean * 255).round() / 255
    perturbation = torch.randn(shape, generator=random) * 10.0 ** draw(st.integers(-30, 30))
    if draw(st.booleans()):
        perturbation[0] = 0
    return clean, perturbation


# What people type and read


def test_units_of_linf_are_255ths() -> None:
    budget = Budget.from_units("linf", 5)
    assert budget == Budget(Norm.LINF, 5 / 255)
    assert (budget.units, budget.epsilon_unit, budget.label) == (5, "1/255", "5/255 (L-inf)")


def test_l2_is_never_divided_by_255() -> None:
    budget = Budget.from_units("L2", 4)
    assert budget == Budget(Norm.L2, 4)
    assert (budget.units, budget.epsilon_unit, budget.label) == (4, "l2", "4 (L2)")


@pytest.mark.parametrize("norm", Norm)
def test_units_come_back_exactly(norm: Norm) -> None:
    for value in [*range(1, 256), 0.5, 2.25, 12.7]:
        assert Budget.from_units(norm, value).units == value


@pytest.mark.parametrize(
    ("norm", "epsilon", "message"),
    [
        ("linf", 8, r"expected epsilon in \(0, 1\] on the pixel scale, got 8 \(did you mean 8/255\?\)$"),
        ("linf", 300, r"expected epsilon in \(0, 1\] on the pixel scale, got 300$"),
        ("linf", 0, r"expected epsilon in \(0, 1\] on the pixel scale, got 0$"),
        ("linf", -0.1, "got -0.1"),
        ("linf", float("nan"), "got nan"),
        ("l2", 0, "expected an L2 epsilon in .1e-09, 1e.06., got 0"),
        ("l2", float("inf"), "expected an L2 epsilon in .1e-09, 1e.06., got inf"),
        ("l2", 1e-320, "expected an L2 epsilon in .1e-09, 1e.06., got"),
        ("l2", float("nan"), "got nan"),
        ("l2", "much", "expected epsilon to be a number, got 'much'"),
        ("l1", 1, "expected a norm among linf, l2, got 'l1'"),
        (None, 1, "expected a norm among linf, l2, got None"),
    ],
)
def test_mistakes_are_explained(norm: str, epsilon: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget(norm, epsilon)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, 256, float("nan")])
def test_mistakes_in_units_are_explained_in_units(value: float) -> None:
    with pytest.raises(ValueError, match=r"expected epsilon in \(0, 255\], in units of 1/255"):
        Budget.from_units("linf", value)


def test_strings_and_whole_numbers_become_a_norm_and_a_float() -> None:
    budget = Budget("LINF", 1)  # type: ignore[arg-type]
    assert budget.norm is Norm.LINF
    assert isinstance(budget.epsilon, float)
    assert hash(budget) == hash(Budget(Norm.LINF, 1.0))


# The ball


@quick
@given(budgets(), batches())
def test_norm_of_is_the_definition(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    np.testing.assert_allclose(budget.norm_of(batch[1]), numpy_norm(budget, batch[1]), rtol=1e-6)


@quick
@given(budgets(), batches())
def test_scale_is_the_papers_formula(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    direction = batch[1]
    norms = numpy_norm(budget, direction)
    factor = np.minimum(1, budget.epsilon / np.maximum(norms, 1e-300)).reshape(-1, 1, 1, 1)
    scaled = budget.scale(direction)
    np.testing.assert_allclose(scaled.double(), direction.double() * torch.from_numpy(factor), rtol=1e-6, atol=1e-37)
    assert (numpy_norm(budget, scaled) <= budget.epsilon * (1 + 1e-6)).all()
    for picture, length in enumerate(norms):  # the direction is kept, and what is inside is left alone
        assert torch.equal(scaled[picture].sign(), direction[picture].sign()) or budget.epsilon / length < 1e-20
        if length <= budget.epsilon * (1 - 1e-6):
            assert torch.equal(scaled[picture], direction[picture])


def test_scale_keeps_the_direction_where_a_clamp_or_a_sign_would_not() -> None:
    direction = torch.tensor([[0.4, -0.2, 0.1]])
    torch.testing.assert_close(Budget(Norm.LINF, 0.1).scale(direction), torch.tensor([[0.1, -0.05, 0.025]]))
    torch.testing.assert_close(Budget(Norm.LINF, 0.1).project(direction), torch.tensor([[0.1, -0.1, 0.1]]))


@both_norms
@pytest.mark.parametrize("magnitude", [0, 1e-30, 1e-3, 1, 1e30])
def test_scale_has_finite_gradients(budget: Budget, magnitude: float) -> None:
    direction = (torch.randn(2, 3, 5, 5, generator=generator(0)) * magnitude).requires_grad_()
    budget.scale(direction).square().sum().backward()
    assert direction.grad is not None and direction.grad.isfinite().all()


@both_norms
def test_scale_has_finite_gradients_on_the_boundary(budget: Budget) -> None:
    direction = torch.zeros(1, 3, 2, 2)
    direction[0, 0, 0, 0] = budget.epsilon
    direction.requires_grad_()
    (budget.scale(direction) * torch.arange(12.0).reshape(1, 3, 2, 2)).sum().backward()
    assert direction.grad is not None and direction.grad.isfinite().all()


@pytest.mark.parametrize("budget", [Budget(Norm.LINF, 0.3), Budget(Norm.L2, 0.7)], ids=lambda budget: budget.label)
@pytest.mark.parametrize("magnitude", [0.01, 10.0])
def test_scale_has_the_right_gradient(budget: Budget, magnitude: float) -> None:
    direction = torch.randn(2, 3, 2, 2, generator=generator(1), dtype=torch.float64) * magnitude
    assert torch.autograd.gradcheck(budget.scale, direction.requires_grad_())


@quick
@given(budgets(), batches())
def test_project_is_inside_idempotent_and_leaves_the_inside_alone(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    projected = budget.project(batch[1])
    assert (numpy_norm(budget, projected) <= budget.epsilon * (1 + 1e-6)).all()
    torch.testing.assert_close(budget.project(projected), projected, rtol=1e-6, atol=0)
    assert torch.equal(budget.project(projected * 0.9), projected * 0.9)


@quick
@given(budgets(), batches())
def test_project_is_the_nearest_point(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    # A point p of a convex ball is the nearest to v exactly when (v - p) . (q - p) <= 0 for each q of the ball.
    outside = (batch[1] / batch[1].abs().amax().clamp(min=1e-30) * 3).double()
    nearest = budget.project(outside)
    other = budget.project(torch.randn(outside.shape, generator=generator(2), dtype=torch.float64))
    assert (((outside - nearest) * (other - nearest)).flatten(1).sum(1) <= 1e-9).all()


@quick
@given(budgets(), batches())
def test_project_adversarial_is_inside(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    clean, perturbation = batch
    adversarial = budget.project_adversarial(clean + perturbation, clean)
    assert_inside(budget, adversarial, clean)
    torch.testing.assert_close(budget.project_adversarial(adversarial, clean), adversarial, rtol=0, atol=1e-6)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-5, 1e-4, 1e-3, 0.1, 4.0])
def test_a_small_l2_budget_survives_the_rounding_of_a_whole_picture(epsilon: float) -> None:
    budget = Budget(Norm.L2, epsilon)
    clean = torch.rand(1, 3, 288, 384, generator=generator(3))
    adversarial = budget.project_adversarial(clean + torch.randn(clean.shape, generator=generator(4)), clean)
    assert_inside(budget, adversarial, clean)
    if epsilon >= 1e-2:  # above what rounding takes, the budget is used in full
        assert budget.norm_of(adversarial - clean) > 0.99 * epsilon


@quick
@given(budgets(), batches(), st.integers(0, 2**31))
def test_random_start_is_inside_and_repeats(budget: Budget, batch: tuple[Tensor, Tensor], seed: int) -> None:
    clean = batch[0]
    start = budget.random_start(clean, generator(seed))
    assert_inside(budget, clean + start, clean)
    assert torch.equal(start, budget.random_start(clean, generator(seed)))


def test_random_start_is_uniform_in_the_linf_ball() -> None:
    start = Budget(Norm.LINF, 0.1).random_start(torch.full((10, 3, 40, 40), 0.5), generator(5)) / 0.1
    assert abs(start.mean()) < 0.01
    assert start.square().mean().item() == pytest.approx(1 / 3, abs=0.005)
    assert start.abs().max() > 0.999


def test_random_start_is_uniform_in_the_volume_of_the_l2_ball() -> None:
    clean = torch.full((4000, 3, 1, 1), 0.5)
    start = Budget(Norm.L2, 0.2).random_start(clean, generator(6)) / 0.2
    volume = start.flatten(1).norm(dim=1) ** 3  # in three dimensions the cube of the radius is uniform in [0, 1]
    for share in (0.1, 0.5, 0.9):
        assert (volume < share).float().mean().item() == pytest.approx(share, abs=0.03)
    assert start.mean(0).abs().max() < 0.03


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@both_norms
def test_random_start_is_the_same_on_the_gpu(budget: Budget) -> None:
    clean = torch.rand(2, 3, 16, 16, generator=generator(7))
    on_cpu, on_gpu = (budget.random_start(c, generator(8)) for c in (clean, clean.cuda()))
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-5, atol=1e-6)


def test_step_is_the_sign_for_linf() -> None:
    gradient = torch.tensor([[-1e-20, 0.0, 3.0]])
    torch.testing.assert_close(Budget(Norm.LINF, 0.1).step(gradient, 0.02), torch.tensor([[-0.02, 0.0, 0.02]]))


@quick
@given(batches())
def test_step_is_the_normalised_gradient_for_l2(batch: tuple[Tensor, Tensor]) -> None:
    gradient = batch[1]
    step = Budget(Norm.L2, 4).step(gradient, 0.5)
    zero = gradient.flatten(1).abs().amax(1) == 0
    np.testing.assert_allclose(step.double().flatten(1).norm(dim=1), torch.where(zero, 0.0, 0.5), rtol=1e-5)
    assert ((step * gradient.sign()) >= 0).all()


@both_norms
def test_step_ascends_at_least_as_fast_as_any_other_of_its_norm(budget: Budget) -> None:
    gradient, other = (torch.randn(4, 3, 6, 6, generator=generator(seed)) for seed in (9, 10))
    best = (gradient * budget.step(gradient, budget.epsilon)).flatten(1).sum(1)
    assert (best >= (gradient * budget.project(other)).flatten(1).sum(1)).all()


# 8 bits


def assert_on_the_grid(pictures: Tensor) -> None:
    levels = (pictures * 255).round()
    assert torch.equal(pictures, levels / 255)
    assert pictures.min() >= 0 and pictures.max() <= 1


@quick
@given(budgets(), batches(on_grid=True))
def test_rounding_stays_inside_around_an_8_bit_picture(budget: Budget, batch: tuple[Tensor, Tensor]) -> None:
    clean, perturbation = batch
    adversarial = budget.project_adversarial(clean + perturbation, clean)
    rounded = budget.round_to_8_bits(adversarial, clean)
    assert_on_the_grid(rounded)
    assert_inside(budget, rounded, clean)
    assert (rounded - adversarial).abs().max() < 1 / 255 or budget.norm is Norm.L2


@quick
@given(st.floats(0.5 / 255 + 1e-6, 0.5), batches(on_grid=False))
def test_rounding_stays_inside_around_any_picture_when_the_grid_is_in_reach(
    epsilon: float, batch: tuple[Tensor, Tensor]
) -> None:
    clean, perturbation = batch
    for budget in (Budget(Norm.LINF, epsilon), Budget(Norm.L2, epsilon * clean[0].numel() ** 0.5)):
        rounded = budget.round_to_8_bits(budget.project_adversarial(clean + perturbation, clean), clean)
        assert_on_the_grid(rounded)
        assert_inside(budget, rounded, clean)


def test_rounding_turns_towards_the_clean_value_where_plain_rounding_leaves() -> None:
    clean = torch.tensor([[100 / 255, 100 / 255]])
    adversarial = clean + torch.tensor([[4.6, -4.6]]) / 255
    rounded = Budget.from_units("linf", 4.7).round_to_8_bits(adversarial, clean)
    torch.testing.assert_close(rounded * 255, torch.tensor([[104.0, 96.0]]))


@pytest.mark.parametrize("units", range(1, 17))
def test_rounding_loses_nothing_of_a_whole_number_of_grey_levels(units: int) -> None:
    clean = torch.arange(256.0).reshape(1, 1, 16, 16) / 255
    budget = Budget.from_units("linf", units)
    for sign in (-1, 1):
        rounded = budget.round_to_8_bits(budget.project_adversarial(clean + sign, clean), clean)
        expected = (torch.arange(256) + sign * units).clamp(0, 255).reshape(1, 1, 16, 16)
        assert torch.equal((rounded * 255).round().int(), expected.int())


@both_norms
def test_rounding_an_8_bit_picture_changes_nothing(budget: Budget) -> None:
    clean = torch.randint(0, 256, (1, 3, 8, 8), generator=generator(11)) / 255
    assert torch.equal(budget.round_to_8_bits(clean, clean), clean)


def test_rounding_out_of_reach_of_the_grid_gives_the_nearest_level_and_contains_says_so() -> None:
    clean = torch.full((1, 3, 4, 4), 100.4 / 255)
    for budget in (Budget.from_units("linf", 0.1), Budget(Norm.L2, 0.001)):
        rounded = budget.round_to_8_bits(clean, clean)
        assert torch.equal((rounded * 255).round(), torch.full_like(clean, 100))
        assert not budget.contains(rounded, clean).any()


def test_rounding_in_l2_uses_the_budget() -> None:
    clean = torch.randint(0, 256, (1, 3, 64, 64), generator=generator(12)) / 255
    budget = Budget(Norm.L2, 4)
    adversarial = budget.project_adversarial(clean + torch.randn(clean.shape, generator=generator(13)), clean)
    rounded = budget.round_to_8_bits(adversarial, clean)
    assert_inside(budget, rounded, clean)
    assert budget.norm_of(rounded - clean) > 0.99 * 4


def test_contains_judges_each_picture_its_range_and_nan() -> None:
    clean = torch.full((5, 3, 2, 2), 0.02)
    adversarial = clean.clone()
    adversarial[1] += 0.1
    adversarial[2] -= 0.03  # inside the ball, below black
    adversarial[3, 0, 0, 0] = torch.nan
    adversarial[4] += 0.05 + LINF_TOLERANCE / 2
    budget = Budget(Norm.LINF, 0.05)
    assert budget.contains(adversarial, clean).tolist() == [True, False, False, False, True]
    assert budget.contains(adversarial, clean, tolerance=0).tolist() == [True, False, False, False, False]
    assert budget.contains(adversarial, clean, tolerance=0.06).tolist() == [True, True, False, False, True]
