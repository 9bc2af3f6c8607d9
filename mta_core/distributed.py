"""Several processes at one piece of work, as `torchrun` starts them; where it did not, there is one, which has it all.

Every function here serves both: alone, a sum over processes is the number itself and a share is the whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

Found = TypeVar("Found")
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
TIMEOUT = timedelta(minutes=30)
"""How long one process waits for the others before it gives up."""
MEETING = timedelta(minutes=5)
"""How long it waits for them to appear."""


def join() -> None:
    """Meets the other processes; this one's GPU, if there is one for it, becomes the current one.

    Raises:
        ValueError: the environment does not say who the others are, or they cannot be reached.
    """
    rank, size, local = _place()
    # On a GPU tensors travel by NCCL, numbers and objects always by gloo.
    has_nccl = torch.cuda.is_available() and dist.is_nccl_available()
    if torch.cuda.is_available() and local < torch.cuda.device_count():
        torch.cuda.set_device(local)
    try:
        store, rank, size = next(rendezvous("env://", rank, size, timeout=MEETING))
        backend = "cpu:gloo,cuda:nccl" if has_nccl else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=TIMEOUT)
    except (RuntimeError, OSError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = str(error).splitlines()[0][:200]
        raise ValueError(f"expected {size} processes to meet at {where}, this is number {rank}: {reason}") from error


def _place() -> tuple[int, int, int]:
    """Rank, number of processes, rank on this machine."""
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise ValueError(
            f"expected {', '.join(VARIABLES)} in the environment, as torchrun sets them, or none of RANK and "
            f"WORLD_SIZE for one process alone: {', '.join(missing)} not set"
        )
    texts = {name: os.environ[name] for name in VARIABLES if name != "MASTER_ADDR"}
    wrong = [f"{name}={text[:50]!r}" for name, text in texts.items() if not (text.isascii() and text.isdigit())]
    if wrong:
        raise ValueError(f"expected whole numbers in the environment, as torchrun sets them, got {', '.join(wrong)}")
    rank, size, local = (int(texts[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if not rank < size:
        raise ValueError(f"expected RANK below WORLD_SIZE in the environment, got {rank} and {size}")
    return rank, size, local


def open_store() -> Any:
    """A connection of its own to what the processes know in common; of this start, where torchrun starts anew."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(address, port, is_master=False, timeout=MEETING)  # type: ignore[attr-defined]
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"mta_core/{start}", store)  # type: ignore[attr-defined]


def leave() -> None:
    if is_joined():
        dist.destroy_process_group()


def is_joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    return dist.get_rank() if is_joined() else 0


def size() -> int:
    return dist.get_world_size() if is_joined() else 1


def is_first() -> bool:
    """Whether this is the process that speaks and writes files."""
    return rank() == 0


def check_gpu() -> None:
    """Raises ValueError where this machine has no GPU for this process of several."""
    count = torch.cuda.device_count()
    if is_joined() and int(os.environ["LOCAL_RANK"]) >= count:
        found = "1 GPU" if count == 1 else f"{count} GPUs"
        raise ValueError(f"expected a GPU for each process, this machine has {found}: start fewer, or add --device cpu")


def share(count: int) -> range:
    """Which of `count` things in a row are this process's; as many as any other's, or one more or less."""
    return range(rank() * count // size(), (rank() + 1) * count // size())


def share_of_batch(count: int) -> range:
    """`share`, of a batch of pictures.

    Raises:
        ValueError: there are too few for everybody to have one.
    """
    if count < size():
        pictures = "1 picture" if count == 1 else f"{count} pictures"
        raise ValueError(
            f"expected in each batch a picture or more for each of {size()} processes, one has {pictures}: choose "
            f"another batch_size or per_epoch, or fewer processes"
        )
    return share(count)


def total(value: Tensor) -> Tensor:
    """The sum over all processes, which all get; not differentiable."""
    if not is_joined():
        return value
    summed = value.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(summed)
    return summed


def totals(values: Mapping[str, float]) -> dict[str, float]:
    """The sums of numbers over all processes, which have the same names in the same order."""
    if not is_joined():
        return dict(values)
    summed = total(torch.tensor(list(values.values()), dtype=torch.float64))
    return dict(zip(values, summed.tolist(), strict=True))


def share_of_whole(count: int) -> float:
    """How large a share of the whole batch these `count` pictures are."""
    return count / totals({"count": count})["count"] if is_joined() else 1.0


def mean(values: Tensor) -> float:
    """Of the values of all processes together."""
    found = totals({"sum": float(values.float().sum()), "count": values.numel()})
    return found["sum"] / found["count"]


def add_up(tensors: Iterable[Tensor | None]) -> None:
    """Puts the sum over all processes in place of each tensor; None, which is so in all of them, is left out."""
    if not is_joined():
        return
    by_kind: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for tensor in tensors:
        if tensor is not None:
            by_kind.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for alike in by_kind.values():  # at once: each message has its price
        # reshape, which reads any layout in the order of its indices, as channels last is laid out otherwise
        summed = torch.cat([tensor.reshape(-1) for tensor in alike])
        dist.all_reduce(summed)
        begin = 0
        for tensor in alike:
            tensor.copy_(summed[begin : begin + tensor.numel()].view(tensor.shape))
            begin += tensor.numel()


def gathered(found: Found) -> list[Found]:
    """What every process found, in their order."""
    if not is_joined():
        return [found]
    everybody: list[Any] = [None] * size()
    dist.all_gather_object(everybody, found)
    return cast(list[Found], everybody)


def from_first(make: Callable[[], Found]) -> Found:
    """What the first process makes, for all: files may lie on its machine alone."""
    if not is_joined():
        return make()
    made: list[Any] = [make() if is_first() else None]
    dist.broadcast_object_list(made, src=0)
    return cast(Found, made[0])
