"""The L2 step of the released code of the robustness study, as a setting of PGD."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mta_core.attacks import Evaluation, Pgd, Problem, make_attack
from mta_core.attacks.pgd import RELEASED_SHARE, RELEASED_STEP
from mta_core.budget import Budget
from tests.toys import seeded

L2, LINF = Budget.from_units("l2", 4), Budget.from_units("linf", 8)


def pictures(count: int = 4, side: int = 8) -> Tensor:
    return 0.3 + 0.4 * torch.rand(count, 3, side, side, generator=seeded(0), dtype=torch.float64)


def problem(clean: Tensor, slope: Tensor, budget: Budget = L2) -> Problem:
    """A linear loss, whose gradient is the slope everywhere."""

    def objective(images: Tensor) -> Evaluation:
        values = (images * slope).flatten(1).sum(1)
        return Evaluation(values, {"loss": values.detach()})

    return Problem(clean, {"loss": objective}, budget)


def slope_of(clean: Tensor, length: float) -> Tensor:
    drawn = torch.randn(clean.shape[1:], generator=seeded(1), dtype=clean.dtype)
    return drawn * length / drawn.norm()


def test_small_gradients_are_followed_as_they_are() -> None:
    clean = pictures()
    slope = slope_of(clean, 1e-3)
    released = Pgd(5, random_start=False, l2_step="released")(problem(clean, slope))["loss"]
    expected = clean + 5 * RELEASED_STEP * slope / len(clean)  # of the batch's mean loss
    torch.testing.assert_close(released, expected, rtol=0, atol=1e-12)


def test_the_whole_batch_shares_its_part_of_epsilon() -> None:
    for count in (1, 4, 32):
        clean = pictures(count)
        released = Pgd(5, l2_step="released")(problem(clean, slope_of(clean, 1e4)))["loss"]
        lengths = (released - clean).flatten(1).norm(dim=1)
        assert float((released - clean).norm()) == pytest.approx(RELEASED_SHARE * L2.epsilon, rel=1e-6)
        expected = RELEASED_SHARE * L2.epsilon / math.sqrt(count)
        torch.testing.assert_close(lengths, torch.full_like(lengths, expected), rtol=1e-2, atol=0)
    assert expected == pytest.approx(0.0055, abs=1e-4), "epsilon 4 in batches of 32"


def test_stays_far_inside_the_budget_and_does_next_to_nothing() -> None:
    clean = pictures(8)
    slope = slope_of(clean, 100)
    made = {step: Pgd(10, l2_step=step)(problem(clean, slope))["loss"] for step in ("unit", "released")}
    gains = {step: ((pictures_ - clean) * slope).sum() for step, pictures_ in made.items()}
    for step, adversarial in made.items():
        assert L2.contains(adversarial, clean).all(), step
    assert gains["unit"] > 100 * gains["released"] > 0


def test_linf_has_no_such_step() -> None:
    clean = pictures()
    given = problem(clean, slope_of(clean, 1), LINF)
    assert torch.equal(Pgd(3, l2_step="released")(given)["loss"], Pgd(3)(given)["loss"])


def test_can_be_named() -> None:
    assert make_attack("pgd", l2_step="released") == Pgd(l2_step="released")
    with pytest.raises(ValueError, match=r"^expected l2_step among unit, released, got 'sign'$"):
        make_attack("pgd", l2_step="sign")
