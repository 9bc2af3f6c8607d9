"""What trainings share: epochs, checkpoints, resuming. `train_victim` and `train_generator` say what is learnt."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import data, distributed
from mta_core.checkpoints import NAME as CHECKPOINT
from mta_core.checkpoints import load_checkpoint, load_state, save_state
from mta_core.data.cached import Cached
from mta_core.data.loader import Place, epoch_order
from mta_core.devices import Device, is_out_of_memory, memory_in_use
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.goal import PICTURE
from mta_core.locks import FileLock
from mta_core.results import to_json
from mta_core.turns import Stopwatch
from mta_core.weights import Card, WeightsError, brief
from mta_core.wording import plain

Phases = tuple[tuple[int, int, int], ...]
"""(epochs, height, width) of the crops of each phase of a training."""


SCHEDULES = ("cycle", "halved", "constant")
"""Of the learning rate: one cycle, a linear warm-up over the first 5 % and a cosine to nearly zero; halved once, at
half time; the same throughout."""
CHECKPOINT_EVERY = 60.0
"""Seconds between two checkpoints."""
LOCK, BEST = "lock", "best.pt"
UNMEASURED = ("epoch", "loss")
"""What a row of the history always has."""
TINY = 1e-6
"""Measures below it count as this much in a score."""
DIVERGED = "the training diverged, choose a smaller learning_rate: it"


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


def train(
    training: Training,
    out: Path,
    *,
    resume: bool = False,
    command: str = "",
    measure_every: int = 2,
    patience: int = 0,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Iterator[Event]:
    """Trains to the end, or goes on from the checkpoint in `out`; the finished weights and their card lie there.

    A checkpoint follows every epoch, and a step within one when the last is `checkpoint_every` seconds old: a run that
    is killed, or that nobody asks for events any more, loses no more than what came after. Yields a `Row` after every
    measured epoch, and a `Pause` wherever others that use this thread may have their turn.

    Args:
        patience: ends where the `score` of the held-out measures has not risen for so many measured epochs, and saves
            the weights of the best one; 0 to go on whatever it does.

    Raises:
        ValueError: `out` holds a run and `resume` is off, or its checkpoint has other settings or needs other weights;
            or somebody else is training there.
        WeightsError: `out` holds a checkpoint that is none of this training.
    """
    lock = FileLock(out / LOCK)
    if not distributed.from_first(lock.acquire):
        raise ValueError(f"another training is writing to {out}: wait for it, or choose another --out")
    try:
        yield from _Run(training, out, measure_every, patience, checkpoint_every).events(resume, command)
    finally:
        lock.release()


@dataclass
class _Run:
    """A training, its folder, and when it measures and saves there."""

    training: Training
    out: Path
    measure_every: int
    patience: int
    checkpoint_every: float
    saved_at: float = field(default_factory=time.monotonic)

    def events(self, resume: bool, command: str) -> Iterator[Event]:
        training = self.training
        training.history, training.losses, training.measured, training.cut = [], [], {}, ""
        state = distributed.from_first(lambda: load_checkpoint(self.out))
        if state is not None:
            if not resume:
                raise ValueError(
                    f"{self.out} holds a training run already: add --resume to go on with it, or choose another --out"
                )
            _go_on(training, state, self.out)
            within = f"step {training.step} of epoch {training.epoch + 1}"
            yield Message(f"resumed after {within if training.step else f'epoch {training.epoch}'}")
        yield from training.prepare()
        while training.epoch < training.last_epoch and not self._is_over():
            yield from self._epoch()
        yield from self._end()
        if distributed.is_first():
            training.save(self.out, command)
        yield Message(f"saved {training.recipe.name} in {self.out}")

    def _epoch(self) -> Iterator[Event]:
        """The rest of an epoch, or as much of it as is wanted."""
        training = self.training
        for event in training.run_epoch():
            if isinstance(event, Progress):
                training.losses.append(event.values["loss"])
                if not math.isfinite(training.losses[-1]):
                    last = training.losses[-1]
                    raise ValueError(f"{DIVERGED} has a loss of {last:g} in epoch {training.epoch + 1}")
                if training.step and (self._is_stopping() or self._is_due()):
                    self._save_checkpoint()
            yield event
            if isinstance(event, Progress) and training.step and self._is_stopping():
                return
        training.epoch, losses, training.losses = training.epoch + 1, training.losses, []
        is_last = training.epoch == training.last_epoch or self._is_stopping()
        is_measured = training.epoch % self.measure_every == 0 or is_last
        measures = (yield from self._measure()) if is_measured else {}
        training.history.append({"epoch": training.epoch, "loss": sum(losses) / len(losses), **measures})
        if self.patience and is_measured and self._best() == training.epoch:
            self._save(BEST)
        self._save_checkpoint()
        if is_measured:
            yield Row(training.history[-1])
            shown = ", ".join(f"{name} {value:.4g}" for name, value in measures.items())
            yield Message(f"epoch {training.epoch} of {training.last_epoch}: held out {shown}")

    def _measure(self) -> Generator[Pause, None, dict[str, float]]:
        """As the first process finds it: patience goes by it, and a GPU may round otherwise than another."""
        measures = yield from self.training.measure()
        return distributed.from_first(lambda: measures)

    def _is_stopping(self) -> bool:
        """Whether it was asked to end, in whichever process: a step that one leaves out the others wait for."""
        asked = distributed.totals({"asked": float(self.training.is_stopping)})["asked"]
        self.training.is_stopping = bool(asked)
        return self.training.is_stopping

    def _is_over(self) -> bool:
        """Whether it is to end though there are epochs left."""
        if self._is_stopping():
            return True
        measured = [row["epoch"] for row in self.training.history if len(row) > len(UNMEASURED)]
        return bool(self.patience and measured) and len([e for e in measured if e > self._best()]) >= self.patience

    def _best(self) -> float:
        """The epoch of the best held-out score."""
        rows = [row for row in self.training.history if len(row) > len(UNMEASURED)]
        return max(rows, key=lambda row: self.training.score(row))["epoch"]

    def _end(self) -> Iterator[Event]:
        """Settles what is saved, and its measures."""
        training = self.training
        at = f"epoch {training.epoch}" if not training.step else f"step {training.step} of epoch {training.epoch + 1}"
        if training.epoch < training.last_epoch:
            training.cut = f"ended early after {at} of {training.last_epoch}"
        if not training.step and training.history and (known := _measures(training.history[-1])):
            training.measured = known
        else:
            training.measured = yield from self._measure()
            yield Row({"epoch": training.epoch + bool(training.step), "step": training.step, **training.measured})
        best = distributed.from_first(lambda: load_state(self.out / BEST)) if self.patience else None
        if best is not None and is_same(best["recipe"], training.recipe):
            measures = _measures(_checked_history(best["history"])[-1])
            if training.score(measures) > training.score(training.measured):
                history = training.history
                _restore(training, best, self.out)
                training.history = history
                training.measured, training.cut = measures, f"the best of {at}, after epoch {best['epoch']}"
                yield Message(f"the held-out score was best after epoch {best['epoch']}: its weights are saved")

    def _is_due(self) -> bool:
        return time.monotonic() - self.saved_at >= self.checkpoint_every

    def _state(self) -> dict[str, Any]:
        training = self.training
        kept = {name: getattr(training, name) for name in ("epoch", "step", "losses", "history", "builds_on")}
        return {"recipe": asdict(training.recipe), **kept, **training.state()}

    def _save(self, name: str) -> None:
        if distributed.is_first():
            save_state(self.out / name, self._state())

    def _save_checkpoint(self) -> None:
        self._save(CHECKPOINT)
        self.saved_at = time.monotonic()


def _measures(row: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in UNMEASURED}


class _Foreign(Exception):
    """A checkpoint holds what this training cannot have written."""


def _read(training: Training, state: Mapping[str, Any]) -> None:
    epoch, history = state["epoch"], _checked_history(state.get("history", []))
    if type(epoch) is not int or not 0 <= epoch <= training.last_epoch:
        raise _Foreign(f"expected an epoch in [0, {training.last_epoch}], got {epoch!r}")
    step, losses = state.get("step", 0), state.get("losses", [])
    if type(step) is not int or step < 0 or not isinstance(losses, list) or not all(map(_is_finite, losses)):
        raise _Foreign("expected a number of steps, and their losses")
    if len(losses) != step:
        raise _Foreign(f"expected a loss of each of {step} steps, got {len(losses)}")
    training.check(state)
    training.restore(state)
    training.epoch, training.history = epoch, history
    training.step, training.losses = _steps_now(step, state["recipe"], training.recipe), list(losses)


def _checked_history(history: Any) -> list[dict[str, float]]:
    if not isinstance(history, list):
        raise _Foreign("expected a history of rows")
    if not all(isinstance(row, dict) and set(UNMEASURED) <= set(row) for row in history):
        raise _Foreign("expected a history of rows, each with its epoch and loss")
    return [dict(row) for row in history]


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _steps_now(step: int, stored: Mapping[str, Any], recipe: Any) -> int:
    """As many pictures into the epoch as the run was, should its batches have had another size."""
    return step * int(stored.get("batch_size", recipe.batch_size)) // int(recipe.batch_size)


def _check_optimiser(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """PyTorch takes moments of any shape, and leaves memory when it uses them."""
    groups, kept = optimiser.param_groups, state["param_groups"]
    if [len(group["params"]) for group in kept] != [len(group["params"]) for group in groups]:
        raise _Foreign("expected an optimiser of other parameters")
    if any(set(group) != set(own) for group, own in zip(kept, groups, strict=True)):
        raise _Foreign("expected an optimiser with other settings")
    parameters = [parameter for group in groups for parameter in group["params"]]
    places = [place for group in kept for place in group["params"]]
    for place, parameter in zip(places, parameters, strict=True):
        for name, value in state["state"].get(place, {}).items():
            if isinstance(value, Tensor) and value.shape != (() if name == "step" else parameter.shape):
                raise _Foreign(f"expected {name} of a parameter of {tuple(parameter.shape)}, got {tuple(value.shape)}")


def _go_on(training: Training, state: Mapping[str, Any], out: Path) -> None:
    try:
        if not is_same(state["recipe"], training.recipe):
            raise ValueError(f"the run in {out} has other settings: give the same ones, or choose another --out")
        if state.get("builds_on", training.builds_on) != training.builds_on:
            raise ValueError(
                f"the run in {out} was made with other weights, or another picture, of the same name: choose another "
                f"--out"
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise _foreign(out, error) from error
    _restore(training, state, out)


def _restore(training: Training, state: Mapping[str, Any], out: Path) -> None:
    try:
        _read(training, state)
    except (KeyError, RuntimeError, TypeError, AttributeError, ArithmeticError, _Foreign) as error:
        raise _foreign(out, error) from error


def _foreign(out: Path, error: Exception) -> WeightsError:
    return WeightsError(f"the checkpoint in {out} does not belong to this training: {brief(error)}")


def is_same(stored: Any, recipe: Any) -> bool:
    """Whether the recipe that a checkpoint or a card keeps is this one; a field that came later counts as its default
    then. Where files lie may change, and so may the batch size, which the device's memory decides."""
    if not isinstance(stored, dict):
        return False
    defaults = {field.name: field.default for field in fields(recipe)}
    try:
        essence = _essence(defaults | stored)
    except (TypeError, ValueError):  # what a hostile file has in place of texts
        return False
    return bool(essence == _essence(asdict(recipe)))


def _essence(settings: Mapping[str, Any]) -> Any:
    kept = {**settings, **_without_paths(settings)}
    if str(kept.get("target", "")).startswith(PICTURE):  # what builds on it knows whether its pixels are the same
        kept["target"] = PICTURE + Path(kept["target"].removeprefix(PICTURE)).stem.partition("@")[0]
    return to_json({**kept, "backbone": bool(settings.get("backbone")), "batch_size": 0})


class Views:
    """Data sources for training, every picture at one size and kept in memory until another size is asked for.

    Args:
        texts: the sources, as `open_data` reads them.
        task: only the pictures of this task, where tasks have pictures of their own; empty for all.
    """

    def __init__(self, texts: Sequence[str], task: str = "") -> None:
        self.texts, self.task = texts, task
        self.size: data.Size | None = None
        self.kept: list[Cached] = []

    def at(self, size: data.Size) -> list[Cached]:
        if size != self.size:
            opened = [data.open_data(text, "train", size) for text in self.texts]
            self.size = size
            self.kept = [Cached(source.for_task(self.task) if self.task else source) for source in opened]
        return self.kept


def split_places(
    sources: Sequence[Sized], every: int, limit: int = 0, most: int = 40
) -> tuple[list[list[Place]], list[Place]]:
    """Places to train on, by source, and places held out: every n-th of each source, `most` of which are measured.

    Only the first `limit` pictures of a source count, all of them where it is 0.

    Raises:
        DataError: a source has fewer than two pictures.
    """
    train: list[list[Place]] = []
    held: list[Place] = []
    for number, source in enumerate(sources):
        places = [(number, index) for index in range(min(limit or len(source), len(source)))]
        if len(places) < 2:
            raise data.DataError("expected at least two pictures of each data source to train on")
        train.append([place for place in places if place[1] % every])
        held += places[::every][:most]
    return train, held


def epoch_places(by_source: Sequence[Sequence[Place]], per_epoch: int, seed: int, epoch: int) -> list[Place]:
    """The places of one epoch in random order, `per_epoch` of each source, whatever its length."""
    chosen: list[Place] = []
    for number, places in enumerate(by_source):
        order = epoch_order(places, seed + 17 * number, epoch)
        chosen += (order * math.ceil(per_epoch / len(order)))[:per_epoch]
    return epoch_order(chosen, seed, epoch)


def check_start(start: Card, wanted: Card, options: Sequence[str]) -> None:
    """Raises ValueError where weights to start from are of another kind than the recipe says; of their options, only
    `options` count."""
    for name, have, want in (
        ("architecture", start.architecture, wanted.architecture),
        ("options", _part(start.options, options), _part(wanted.options, options)),
        ("tasks", dict(start.tasks), dict(wanted.tasks)),
    ):
        if have != want:
            raise ValueError(f"expected {start.name} to have the recipe's {name}, {want}; it has {have}")


def _part(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def chained(start: Card | None, command: str) -> str:
    """The command that made the start, if any, and then this one."""
    return " && ".join(part for part in (start.command if start else "", command) if part)


def provenance_of(recipe: Any, start: Card | None = None) -> dict[str, Any]:
    """The card's fields on the data and the recipe, without paths, which mean nothing elsewhere.

    Args:
        start: the card of the weights that training started from; what they have seen counts too.
    """
    kept = asdict(recipe)
    kept |= _without_paths(kept)
    names = kept["data"]
    seen = [*(start.data.split(", ") if start else []), *(f"{name} (train)" for name in names)]
    terms = [*(start.terms.split("; ") if start else []), *(data.source(name).terms for name in names)]
    return {"data": ", ".join(dict.fromkeys(seen)), "terms": "; ".join(dict.fromkeys(terms)), "recipe": kept}


def _without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recipe's settings names files, by the names of those."""
    kept: dict[str, Any] = {"data": [str(text).partition(":")[0] for text in settings["data"]]}
    named = [key for key in ("init", "patterns", "victim") if str(settings.get(key, "")).endswith(".json")]
    kept |= {key: plain(Path(settings[key]).stem) for key in named}
    return kept | ({"backbone": plain(Path(settings["backbone"]).name)} if settings.get("backbone") else {})
