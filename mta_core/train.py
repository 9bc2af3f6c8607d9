"""What is a training? `train_victim` and `train_generator` say what is learnt, `train_run` runs it in a folder."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import distributed
from mta_core.devices import Device, is_out_of_memory, memory_in_use
from mta_core.events import Event, Message, Pause, Progress
from mta_core.turns import Stopwatch

Phases = tuple[tuple[int, int, int], ...]
"""(epochs, height, width) of the crops of each phase of a training."""
SCHEDULES = ("cycle", "halved", "constant", "steps")
"""Of the learning rate: one cycle, a linear warm-up over the first 5 % and a cosine to nearly zero; halved once, at
half time; the same throughout; divided by ten at each of `DROPS`."""
DROPS = (100 / 150, 120 / 150, 140 / 150)
"""Shares of all epochs: where the robustness study (MTL-R, Appendix B) divides by ten, in however many."""
TINY = 1e-6
"""Measures below it count as this much in a score."""
DIVERGED = "the training diverged, choose a smaller learning_rate: it"


class Foreign(Exception):
    """A checkpoint holds what this training cannot have written."""


class Training(ABC):
    """One run: what is learnt, and where it stands."""

    recipe: Any
    """A frozen dataclass with at least `name`, `data` and `seed`; a checkpoint belongs to one recipe."""
    epoch: int = 0
    step: int = 0
    """Steps that are done of the current epoch."""
    losses: list[float]
    """Those of these steps."""
    history: list[dict[str, float]]
    """For each epoch its number, its mean training loss and, where they were taken, its held-out measures."""
    measured: Mapping[str, float]
    """The measures of what is saved."""
    cut: str = ""
    """Where it was ended before its time, for people."""
    is_stopping: bool = False

    def stop_early(self) -> None:
        """Asks it, between two events, to end after its current step: it measures and saves what it has."""
        self.is_stopping = True

    @property
    def builds_on(self) -> list[str]:
        """sha256 of the weights that it needs; a name alone would not tell when they change."""
        return []

    @property
    @abstractmethod
    def last_epoch(self) -> int:
        """Where it ends."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors, numbers and texts."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None: ...

    def prepare(self) -> Iterator[Event]:
        """What takes long before the first step."""
        yield from ()

    @abstractmethod
    def run_epoch(self) -> Iterator[Event]:
        """From `step` on, to the end of the epoch, where `step` is 0 again; a `Progress` after every step."""

    def check(self, state: Mapping[str, Any]) -> None:  # noqa: B027, most have nothing to check
        """Raises an error where a checkpoint holds what `restore` would take but should not."""

    @abstractmethod
    def measure(self) -> Generator[Pause, None, dict[str, float]]:
        """Held-out measures by name."""

    @abstractmethod
    def score(self, measures: Mapping[str, float]) -> float:
        """How good held-out measures are, larger is better: what `patience` goes by."""

    @abstractmethod
    def save(self, out: Path, command: str) -> None:
        """Writes the finished weights and their card, with `measured` and `cut` on it."""

    def reported(self) -> dict[str, Any]:
        """The card's `metrics`."""
        cut = {"cut": self.cut} if self.cut else {}
        return {"held_out": dict(self.measured), "history": self.history, **cut}

    @property
    def cut_remark(self) -> str:
        """For the card's summary, with a comma before it."""
        return f", {self.cut}" if self.cut else ""


class Descent(Training):
    """A training that follows gradients down."""

    recipe: Any
    """Has `phases`, `learning_rate` and `schedule` too."""
    device: Device
    optimiser: torch.optim.Optimizer
    watch: Stopwatch
    part: int = 0
    """Pictures whose gradients are taken at once; 0 for a whole batch. Halved where memory is too small."""

    @property
    def num_epochs(self) -> int:
        return sum(phase[0] for phase in self.recipe.phases)

    @property
    def last_epoch(self) -> int:
        """Where it ends: after all phases, or before."""
        return min(getattr(self.recipe, "cut_at", 0) or self.num_epochs, self.num_epochs)

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width of the crops in the current epoch."""
        epoch = self.epoch
        for length, height, width in self.recipe.phases:
            if epoch < length:
                return height, width
            epoch -= length
        raise ValueError("the training is over")

    def learning_rate(self, share: float) -> float:
        """As the recipe's schedule has it, one of `SCHEDULES`, when `share` of all phases is done."""
        match self.recipe.schedule:
            case "constant":
                factor = 1.0
            case "halved":
                factor = 1.0 if share < 0.5 else 0.5
            case "steps":
                factor = 0.1 ** sum(share >= drop for drop in DROPS)
            case _:
                warm = 0.05
                factor = share / warm if share < warm else 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm)))
                factor = max(factor, 1e-3)
        return float(self.recipe.learning_rate) * factor

    def run_epoch(self) -> Iterator[Event]:
        """Counts the seconds of its own turns alone, so that speed is that of the training."""
        self.watch = Stopwatch()
        yield from self.watch.over(self.steps())
        self.step = 0

    @abstractmethod
    def steps(self) -> Iterator[Event]:
        """What `run_epoch` runs."""

    def progress(self, rate: float, begun: int, steps: int, losses: Mapping[str, float]) -> Progress:
        """After a step of an epoch of so many, which this run began after `begun` of them."""
        self.step += 1
        speed = (self.step - begun) * self.recipe.batch_size / max(self.watch.seconds, 1e-9)
        values = {
            **losses, "learning rate": rate, "pictures per second": speed, "MB": memory_in_use(self.device) / 1e6
        }  # fmt: skip
        return Progress(self.epoch * steps + self.step, self.last_epoch * steps, "steps", values, "training")

    def check(self, state: Mapping[str, Any]) -> None:
        _check_optimiser(self.optimiser, state["optimiser"])

    @abstractmethod
    def backward(
        self, images: Any, targets: Mapping[str, Tensor], share: float
    ) -> Generator[Pause, None, dict[str, float]]:
        """Adds the gradients of the mean loss of pictures, times their `share` of the batch, a piece a turn; the losses
        by name. Of the whole batch, where several processes have a share of it."""

    @abstractmethod
    def clear_gradients(self) -> None: ...

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """Everything whose gradients are taken."""

    def add_up(self, values: dict[str, float]) -> None:
        """Puts sums over all processes in place of this one's share of gradients and losses."""
        distributed.add_up(parameter.grad for parameter in self.network.parameters())
        values.update(distributed.totals(values))

    def take_gradients(
        self, images: Tensor | Mapping[str, Tensor], targets: Mapping[str, Tensor], values: dict[str, float]
    ) -> Iterator[Message | Pause]:
        """The gradients of a batch, a piece a turn; in parts where the device's memory is too small for the whole.

        Args:
            images: of the whole batch, or those of each task, as many for each.
            values: filled with the mean losses by name.
        """
        torch.manual_seed(self.recipe.seed + 1_000_003 * self.epoch + self.step)  # of dropout, wherever it goes on
        while True:
            self.clear_gradients()
            values.clear()
            count = len(images) if isinstance(images, Tensor) else len(next(iter(images.values())))
            whole = distributed.share_of_whole(count)
            part = self.part or count
            try:
                for begin in range(0, count, part):
                    window = slice(begin, min(begin + part, count))
                    share = whole * (window.stop - begin) / count
                    cut = {name: target[window] for name, target in targets.items()}
                    some = images[window] if isinstance(images, Tensor) else {n: i[window] for n, i in images.items()}
                    for name, value in (yield from self.backward(some, cut, share)).items():
                        values[name] = values.get(name, 0.0) + share * value
                self.add_up(values)
                return
            except RuntimeError as error:
                # Others wait in the middle of a step for a process that would begin it again.
                if part == 1 or distributed.size() > 1 or not is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # it holds on to every tensor of the failed batch
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.part = part // 2
            yield Message(f"out of memory on the device: going on with the gradients of {self.part} at once")


def _check_optimiser(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """PyTorch takes moments of any shape, and leaves memory when it uses them."""
    groups, kept = optimiser.param_groups, state["param_groups"]
    if [len(group["params"]) for group in kept] != [len(group["params"]) for group in groups]:
        raise Foreign("expected an optimiser of other parameters")
    if any(set(group) != set(own) for group, own in zip(kept, groups, strict=True)):
        raise Foreign("expected an optimiser with other settings")
    parameters = [parameter for group in groups for parameter in group["params"]]
    places = [place for group in kept for place in group["params"]]
    for place, parameter in zip(places, parameters, strict=True):
        for name, value in state["state"].get(place, {}).items():
            if isinstance(value, Tensor) and value.shape != (() if name == "step" else parameter.shape):
                raise Foreign(f"expected {name} of a parameter of {tuple(parameter.shape)}, got {tuple(value.shape)}")
