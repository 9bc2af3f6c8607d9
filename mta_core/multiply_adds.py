"""How many multiply-adds does it take? Of convolutions and transposed convolutions: all else is small beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

KINDS = (nn.Conv2d, nn.ConvTranspose2d)


def multiply_adds(network: nn.Module, *inputs: Tensor) -> int:
    """Those of one forward pass, told by the shapes; runs it, on any device, `meta` too.

    A convolution makes each number of its output, a transposed one spreads each of its input, over kernel and channels.
    """
    counts: list[int] = []

    def count(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, KINDS)
        ends = given[0] if isinstance(layer, nn.ConvTranspose2d) else output
        counts.append(ends.numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, KINDS)]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts those of everything that runs inside it, gradients too, by PyTorch's own formulas.

    `torch.utils.flop_counter.FlopCounterMode` also says which module they belong to, for which it cannot have
    `torch.autograd.grad` in it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.multiply_adds = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.multiply_adds += formula(*args, **(kwargs or {}), out_val=out) // 2
        return out
