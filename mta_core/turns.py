"""Training steps in pieces, so that whoever else waits for the same thread gets a turn between them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from mta_core.events import Pause
from mta_core.generators.resnet import ResidualBlock

Item = TypeVar("Item")
PAUSE = Pause()
TURN_PIXELS = {"cpu": 288 * 384}
"""Of the pictures that a victim answers in a turn: a tenth of a second of two cores. Elsewhere `MANY_PIXELS`."""
MANY_PIXELS = 64 * 288 * 384


def windows(count: int, size: Sequence[int], device: torch.device) -> Iterator[slice]:
    """`count` pictures of a size (H, W), as many at once as make a turn: frozen victims see each alone anyway."""
    most = max(1, TURN_PIXELS.get(device.type, MANY_PIXELS) // (size[0] * size[1]))
    for begin in range(0, count, most):
        yield slice(begin, min(begin + most, count))


class Cuts:
    """A differentiable computation cut into pieces, whose gradients are taken one after the other, the last one first.

    What is cut goes on as a leaf of its own. The pieces' gradients are, but for rounding, those of the whole.
    """

    def __init__(self) -> None:
        self._made: list[tuple[Tensor, Tensor]] = []

    def __call__(self, tensor: Tensor) -> Tensor:
        if not tensor.requires_grad:
            return tensor
        leaf = tensor.detach().requires_grad_()
        self._made.append((tensor, leaf))
        return leaf

    @contextmanager
    def of(self, network: nn.Module) -> Iterator[None]:
        """Meanwhile the network's passes are cut after every block and every ReLU."""
        places = [module for module in network.modules() if isinstance(module, nn.ReLU | ResidualBlock)]
        hooks = [place.register_forward_hook(lambda _, __, made: self(made)) for place in places]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def backward(self, *, keep: bool = False) -> Iterator[Pause]:
        """Takes what the leaves' `grad` says back to the parameters, a piece a turn.

        Args:
            keep: whether pieces have something in common that lies between cuts, or are needed again.
        """
        for tensor, leaf in reversed(self._made):
            if leaf.grad is not None:
                gradient, leaf.grad = leaf.grad, None
                tensor.backward(gradient, retain_graph=keep)  # type: ignore[no-untyped-call]
                yield PAUSE


class Stopwatch:
    """Counts the seconds that an iterator takes, not those of whoever asks it."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        return self._seconds + (0.0 if self._begun is None else time.perf_counter() - self._begun)

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        while True:
            self._begun = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self._seconds, self._begun = self.seconds, None
            yield item


__all__ = ["PAUSE", "Cuts", "Stopwatch", "windows"]
