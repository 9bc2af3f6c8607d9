"""A training in a folder: epochs, checkpoints, patience, and going on where it was killed."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mta_core import distributed
from mta_core.checkpoints import NAME as CHECKPOINT
from mta_core.checkpoints import load_checkpoint, load_state, save_state
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.locks import FileLock
from mta_core.train import DIVERGED, Foreign, Training
from mta_core.train_recipes import is_same
from mta_core.weights import WeightsError, brief

CHECKPOINT_EVERY = 60.0
"""Seconds between two checkpoints."""
LOCK, BEST = "lock", "best.pt"
UNMEASURED = ("epoch", "loss")
"""What a row of the history always has."""
MAX_BATCH = 100_000
"""Pictures in a batch that a checkpoint may name."""


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
    lock, is_new = FileLock(out / LOCK), not out.exists()
    if not distributed.from_first(lock.acquire):
        raise ValueError(f"another training is writing to {out}: wait for it, or choose another --out")
    try:
        yield from _Run(training, out, measure_every, patience, checkpoint_every).events(resume, command)
    finally:
        is_own = lock.is_held  # of several processes one has it
        lock.release(for_good=True)
        if is_own and is_new:
            with suppress(OSError):  # it holds something
                out.rmdir()


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


def _read(training: Training, state: Mapping[str, Any]) -> None:
    epoch, history = state["epoch"], _checked_history(state.get("history", []))
    if type(epoch) is not int or not 0 <= epoch <= training.last_epoch:
        raise Foreign(f"expected an epoch in [0, {training.last_epoch}], got {epoch!r}")
    step, losses = state.get("step", 0), state.get("losses", [])
    if type(step) is not int or step < 0 or not isinstance(losses, list) or not all(map(_is_finite, losses)):
        raise Foreign("expected a number of steps, and their losses")
    if len(losses) != step:
        raise Foreign(f"expected a loss of each of {step} steps, got {len(losses)}")
    training.check(state)
    training.restore(state)
    training.epoch, training.history = epoch, history
    training.losses = _losses_now(losses, state["recipe"].get("batch_size"), training.recipe.batch_size)
    training.step = len(training.losses)


def _checked_history(history: Any) -> list[dict[str, float]]:
    if not isinstance(history, list):
        raise Foreign("expected a history of rows")
    if not all(isinstance(row, dict) and set(UNMEASURED) <= set(row) for row in history):
        raise Foreign("expected a history of rows, each with its epoch and loss")
    return [dict(row) for row in history]


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _losses_now(losses: list[float], before: Any, now: int) -> list[float]:
    """Of the steps as many pictures into the epoch as the run was, should its batches have had another size: the mean
    over a step's pictures, each with the loss of the batch it was in."""
    if before is None or before == now:
        return list(losses)
    if type(before) is not int or not 1 <= before <= MAX_BATCH:
        raise Foreign(f"expected a batch size in [1, {MAX_BATCH}], got {before!r}")
    firsts = range(0, before * len(losses) - now + 1, now)
    return [sum(losses[i // before] for i in range(first, first + now)) / now for first in firsts]


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
    except (LookupError, RuntimeError, TypeError, AttributeError, ArithmeticError, Foreign) as error:
        raise _foreign(out, error) from error


def _foreign(out: Path, error: Exception) -> WeightsError:
    return WeightsError(f"the checkpoint in {out} does not belong to this training: {brief(error)}")
