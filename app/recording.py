"""The candidates of an iterative attack, step by step, small enough to be kept. No streamlit here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import ref

import numpy as np
import torch
from torch import Tensor

from mta_core.attacks import Step
from mta_core.budget import Norm

LIMIT = 96 * 2**20
"""Bytes of one recording at most: 100 steps of three perturbations of 288 x 384 take about 80 MB."""
TOTAL = 3 * LIMIT
"""Bytes of all recordings together; the oldest ones are let go."""
LEVELS = 127
"""Of a perturbation's numbers, to either side of 0."""
POWERS = {Norm.LINF: 1.0, Norm.L2: 2.0}
"""Levels are this power of even ones: those of L2 lie closer near 0, where most of its numbers are."""
_kept: list[ref[Recording]] = []


@dataclass(frozen=True)
class Frame:
    """One candidate.

    Attributes:
        done: steps made.
        top: the largest number of the perturbation, whose sign does not count, on the [0, 1] pixel scale.
        packed: its levels, int8 (H, W, 3), packed by zlib.
    """

    done: int
    top: float
    packed: bytes


class Recording:
    """What an attack tried, for each perturbation by the number of steps made.

    Numbers are rounded to `LEVELS` towards 0, so that no candidate leaves the budget or the range of pixels by that.
    Where there are too many steps to be kept, every second, fourth, ... is, and the last.

    Args:
        clean: (3, H, W) in [0, 1], on the CPU.

    Attributes:
        outputs: PNGs of what the victim answers, by task and by the number of steps made; whoever looks adds them.
        size: bytes of all that is kept.
    """

    def __init__(self, clean: Tensor, norm: Norm, limit: int = LIMIT) -> None:
        self.clean, self.power, self.limit = clean, POWERS[norm], limit
        self.frames: dict[str, dict[int, Frame]] = {}
        self.outputs: dict[tuple[str, int], bytes] = {}
        self.stride = 1
        self.size = 0

    def add(self, step: Step) -> None:
        """Keeps the candidate of a step (1, 3, H, W), in the order in which they come."""
        perturbation = step.adversarial[0].detach().cpu() - self.clean
        own = self.frames.setdefault(step.perturbation, {})
        if own and (last := max(own)) % self.stride:
            self._drop(own, last)
        frame = Frame(step.done, float(perturbation.abs().max()), b"")
        levels = to_levels(perturbation, frame.top, self.power)
        frame = Frame(step.done, frame.top, zlib.compress(levels.permute(1, 2, 0).contiguous().numpy().tobytes(), 1))
        own[step.done] = frame
        self.size += len(frame.packed)
        while self.size > self.limit and self._thin():
            pass

    def _thin(self) -> bool:
        """Keeps half as many steps; whether that is any fewer."""
        self.stride *= 2
        before = self.size
        for own in self.frames.values():
            for done in [done for done in own if done % self.stride and done != max(own)]:
                self._drop(own, done)
        return self.size < before or self.stride <= max(max(own) for own in self.frames.values())

    def _drop(self, own: dict[int, Frame], done: int) -> None:
        self.size -= len(own.pop(done).packed)

    def picture(self, perturbation: str, done: int) -> Tensor:
        """The candidate after so many steps, (3, H, W) in [0, 1]: the nearest that is kept, of no more steps; the clean
        picture before the first."""
        frame = self.frame(perturbation, done)
        if frame is None:
            return self.clean
        height, width = self.clean.shape[-2:]
        levels = np.frombuffer(zlib.decompress(frame.packed), np.int8).reshape(height, width, 3)
        difference = from_levels(torch.from_numpy(levels.copy()).permute(2, 0, 1), frame.top, self.power)
        return (self.clean + difference).clamp(0, 1)

    def frame(self, perturbation: str, done: int) -> Frame | None:
        own: Mapping[int, Frame] = self.frames.get(perturbation, {})
        kept = [number for number in own if number <= done]
        return own[max(kept)] if kept else None

    def steps(self) -> list[int]:
        """The numbers of steps after which there is something to see, from 0 on."""
        return sorted({0, *(done for own in self.frames.values() for done in own)})

    def last(self, perturbation: str) -> int:
        """How many steps were made; 0 where its turn never came."""
        return max(self.frames.get(perturbation, {0: None}))

    def add_output(self, task: str, done: int, png: bytes) -> None:
        """Keeps what is to be seen of a task's answer, unless all was let go of; the oldest recordings make room."""
        if not self.frames:
            return
        self.size += len(png) - len(self.outputs.get((task, done), b""))
        self.outputs[task, done] = png
        _make_room(self, TOTAL)

    def clear(self) -> None:
        """Lets go of everything."""
        self.frames, self.outputs, self.size = {}, {}, 0


def to_levels(perturbation: Tensor, top: float, power: float) -> Tensor:
    """int8 of the same shape, rounded towards 0."""
    share = (perturbation.abs() / max(top, 1e-12)).double()
    levels = (share.pow(1 / power) * LEVELS).floor().clamp(max=LEVELS)
    return (levels * perturbation.sign()).to(torch.int8)


def from_levels(levels: Tensor, top: float, power: float) -> Tensor:
    """float32; the inverse, but for the rounding."""
    return (levels.double().abs() / LEVELS).pow(power).mul(top).float() * levels.sign()


def keep(recording: Recording) -> Recording:
    """Counts it among all that are there, and lets go of the oldest where they are too large together."""
    _kept.append(ref(recording))
    _make_room(recording, TOTAL - LIMIT)
    return recording


def _make_room(own: Recording, most: int) -> None:
    """Lets go of the oldest other ones until all together have at most so many bytes."""
    known = [recording for one in _kept if (recording := one()) is not None]
    others = [recording for recording in known if recording is not own]
    while others and sum(recording.size for recording in known) > most:
        others.pop(0).clear()
    _kept[:] = [ref(recording) for recording in known if recording is own or recording in others]
