"""Fields of numbers and vectors, where PyTorch has only a slow way on a CPU."""

from __future__ import annotations

from torch import Tensor


def length(vectors: Tensor, dim: int) -> Tensor:
    """Euclidean lengths along `dim`, which is kept.

    PyTorch's own norms reduce a dimension other than the last twenty to a hundred times slower than this on a CPU.
    """
    return vectors.square().sum(dim, keepdim=True).sqrt()


def is_finite(values: Tensor) -> bool:
    """Whether there is neither NaN nor infinity; ten times faster than asking every value, since a sum keeps them."""
    return bool(values.sum().isfinite() or values.isfinite().all())


def unit(vectors: Tensor, dim: int, eps: float = 1e-6) -> Tensor:
    """Vectors of length 1; those shorter than `eps` become short ones, as with `torch.nn.functional.normalize`."""
    return vectors * vectors.square().sum(dim, keepdim=True).clamp(min=eps**2).rsqrt()
