"""Drawing the pattern that a generator adds to every picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class PatternPen:
    """Draws patterns like projected gradient descent with momentum: signed steps, long ones first.

    After Moosavi-Dezfooli et al., "Universal adversarial perturbations" (CVPR 2017), and Shafahi et al., "Universal
    Adversarial Training" (AAAI 2020), who climb the loss of batches by signed steps.
    """

    def __init__(self, patterns: Mapping[str, Tensor], limit: float) -> None:
        """`limit`: the largest value of a pattern."""
        self.patterns, self.limit = patterns, limit
        self.momentum: dict[str, Tensor] = {}

    def step(self, length: float) -> None:
        """One step down the gradients, of `length` times the largest value."""
        with torch.no_grad():
            for name, pattern in self.patterns.items():
                gradient = pattern.grad
                if gradient is not None:
                    scaled = gradient / gradient.abs().mean().clamp(min=1e-12)
                    self.momentum[name] = 0.9 * self.momentum.get(name, torch.zeros_like(pattern)) + scaled
                    pattern.sub_(self.limit * length * self.momentum[name].sign()).clamp_(-self.limit, self.limit)
