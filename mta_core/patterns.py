"""Drawing the pattern that a generator adds to every picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

PATTERN_LIMIT = 1.8
"""Largest value of a pattern: tanh(1.8) is 0.95, and what the networks add on top can still change its sign."""


class PatternPen:
    """Draws patterns like projected gradient descent with momentum: signed steps, long ones first.

    After Moosavi-Dezfooli et al., "Universal adversarial perturbations" (CVPR 2017), and Shafahi et al., "Universal
    Adversarial Training" (AAAI 2020), who climb the loss of batches by signed steps.
    """

    def __init__(self, patterns: Mapping[str, Tensor]) -> None:
        self.patterns = patterns
        self.momentum: dict[str, Tensor] = {}

    def step(self, length: float) -> None:
        """One step down the gradients, of `length` times the largest value."""
        with torch.no_grad():
            for name, pattern in self.patterns.items():
                gradient = pattern.grad
                if gradient is not None:
                    scaled = gradient / gradient.abs().mean().clamp(min=1e-12)
                    self.momentum[name] = 0.9 * self.momentum.get(name, torch.zeros_like(pattern)) + scaled
                    pattern.sub_(PATTERN_LIMIT * length * self.momentum[name].sign()).clamp_(
                        -PATTERN_LIMIT, PATTERN_LIMIT
                    )
