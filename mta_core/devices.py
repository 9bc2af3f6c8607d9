"""One switch for CUDA, Apple and CPU: which device, which layout, which precision."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mta_core import distributed

CHOICES = ("auto", "cpu", "cuda", "mps")
Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Device:
    """Where and how to compute.

    Attributes:
        torch_device: the accelerator, or the CPU.
        fast_dtype: precision of attacks, generators and previews; measures that are kept or written come from float32.
        label: for people, e.g. "CPU: AMD EPYC, 2 cores, bfloat16".
    """

    torch_device: torch.device
    fast_dtype: torch.dtype
    label: str

    def put(self, images: Tensor) -> Tensor:
        """Pictures (B, C, H, W) on the device, float32, channels last: the layout in which convolutions are fastest."""
        return images.to(self.torch_device, torch.float32, memory_format=torch.channels_last)

    def freeze(self, model: Model, dtype: torch.dtype = torch.float32) -> Model:
        """A copy for inference on this device: no parameter gradients, batch norm folded into the convolutions.

        Without frozen parameters an attack would compute weight gradients for nothing; folding and channels last
        leave the answers equal to rounding. Nothing is folded in a victim whose layers nobody here knows, and it stays
        in float32.
        """
        frozen = copy.deepcopy(model).eval().requires_grad_(False)
        if not is_known(model):
            return frozen.to(self.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
        _fold_batch_norm(frozen)
        return frozen.to(self.torch_device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def is_known(model: nn.Module) -> bool:
    """Whether its layers are this program's: see `mta_core.victims.Victim`."""
    return bool(getattr(model, "is_known", True))


def is_out_of_memory(error: Exception) -> bool:
    """Whether PyTorch failed for want of memory; its CPU allocator has words of its own."""
    texts = ("out of memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in texts)


def _fold_batch_norm(module: nn.Module) -> None:
    for child in module.modules():
        for first, second in _followers(child):
            conv, norm = getattr(child, first), getattr(child, second)
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(child, first, fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d)))
                setattr(child, second, nn.Identity())


def _followers(module: nn.Module) -> list[tuple[str, str]]:
    """Names of layers of which the second takes what the first makes: neighbours in a sequence, and in a ResNet's
    blocks `conv1` and `bn1`, and so on."""
    names = [name for name, _ in module.named_children()]
    if isinstance(module, nn.Sequential):
        return list(pairwise(names))
    return [(name, norm) for name in names if name.startswith("conv") and (norm := f"bn{name[4:]}") in names]


def load_average() -> float | None:
    """How many processes wanted a processor in the last minute, this one among them; None where nobody tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def memory_in_use(device: Device) -> int:
    """Bytes: of the GPU what its allocator holds, else what this process has resident; 0 where nobody tells."""
    if device.torch_device.type == "cuda":
        return torch.cuda.memory_reserved(device.torch_device)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def pick(name: str = "auto") -> Device:
    """The device of that name; `auto` takes CUDA, then Apple's, then the CPU.

    Raises:
        ValueError: the name is unknown, or this machine has no such device.
    """
    if name not in CHOICES:
        raise ValueError(f"expected a device among {', '.join(CHOICES)}, got {name!r}")
    has_mps = torch.backends.mps.is_available() and distributed.size() == 1  # nothing sums over Apple's GPUs
    available = {"cuda": torch.cuda.is_available(), "mps": has_mps, "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available[name]:
        raise ValueError(f"this machine has no {name} device: choose auto or cpu")
    return {"cuda": _cuda, "mps": _mps, "cpu": _cpu}[name]()


def _cuda() -> Device:
    distributed.check_gpu()
    torch.backends.cudnn.allow_tf32 = False  # measures are computed in full float32
    torch.backends.cudnn.deterministic = True  # the same seed gives the same attack
    dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return Device(torch.device("cuda"), dtype, f"GPU: {torch.cuda.get_device_name()}, {_precision(dtype)}")


def _mps() -> Device:
    return Device(torch.device("mps"), torch.float32, "Apple GPU, float32")


def _cpu() -> Device:
    features = torch.cpu.get_capabilities()
    # Without the instructions bfloat16 is emulated, and slower than float32.
    has_bfloat16 = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    dtype = torch.bfloat16 if has_bfloat16 else torch.float32
    name = features.get("cpu_name") or features.get("architecture", "")
    cores = torch.get_num_threads()
    counted = f"{cores} core" if cores == 1 else f"{cores} cores"
    return Device(torch.device("cpu"), dtype, f"CPU: {name}, {counted}, {_precision(dtype)}")


def _precision(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
