"""How much each task counts: alpha_t of the joint objective `sum_t alpha_t l_t` (MTA equations 3 and 5).

The paper takes 1/M and leaves adaptive weights to future work, naming MGDA and uncertainty weighting; both are here,
and dynamic weight average too. Whatever the strategy, weights are at least 0 and sum to 1, as equation 3 asks.

Uncertainty weighting and dynamic weight average assume positive losses, which fooling losses are not: `-log loss_t`
has either sign. Both look at `positive(l_t)`, its softplus, instead. That is above 0, falls when and only when the
fooling loss falls, and where a victim's loss is nearly 0 it grows like the logarithm. The exponential, which is
1 / loss_t, would serve the signs too, but there a single picture of loss 1e-4 outweighs a thousand others; and
log-variances at their optimum turn the sum of exponentials back into the uniform sum of logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mta_core.task_weights.base import ALL, PENALTY, TaskWeights, positive
from mta_core.task_weights.dwa import DynamicWeightAverage
from mta_core.task_weights.fixed import Fixed, Uniform, parse_weights
from mta_core.task_weights.mgda import Mgda, min_norm_weights
from mta_core.task_weights.uncertainty import Uncertainty

STRATEGIES: tuple[type[TaskWeights], ...] = (Uniform, Fixed, Mgda, Uncertainty, DynamicWeightAverage)


def make_task_weights(
    name: str,
    tasks: Sequence[str],
    given: Sequence[tuple[str, float]],
    parameters: Sequence[Tensor],
    is_shared: bool = True,
) -> TaskWeights:
    """The strategy of that name.

    Args:
        given: weights by task, for `fixed`.
        parameters: everything that is learnt, for `mgda`.
        is_shared: whether tasks share any of it.

    Raises:
        ValueError: there is no such strategy, or it does not go with the rest.
    """
    known = {strategy.name: strategy for strategy in STRATEGIES}
    if name not in known:
        raise ValueError(f"expected weighting among {', '.join(known)}, got {name!r}")
    if name == Fixed.name:
        return Fixed(tasks, given)
    if given:
        raise ValueError(f"expected weights with weighting=fixed alone, got some with weighting={name}")
    if name == Mgda.name:
        if not is_shared:
            raise ValueError("expected a generator that tasks share for weighting=mgda, got one for each task")
        return Mgda(tasks, parameters)
    return known[name](tasks)


__all__ = [
    "ALL",
    "PENALTY",
    "STRATEGIES",
    "DynamicWeightAverage",
    "Fixed",
    "Mgda",
    "TaskWeights",
    "Uncertainty",
    "Uniform",
    "make_task_weights",
    "min_norm_weights",
    "parse_weights",
    "positive",
]
