"""Perturbations made visible."""

from __future__ import annotations

from torch import Tensor


def gain_of(difference: Tensor) -> float:
    """The gain at which the largest value just spans the range, to two digits."""
    largest = float(difference.abs().max())
    return float(f"{0.5 / largest:.2g}") if largest else 1.0


def amplify(perturbation: Tensor, gain: float) -> Tensor:
    """A signed perturbation (3, H, W) as a picture: mid grey is zero."""
    return (0.5 + gain * perturbation).clamp(0, 1)
