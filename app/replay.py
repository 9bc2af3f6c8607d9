"""The steps of an iterative attack, looked at one by one: pictures, outputs and losses. No streamlit here."""

from __future__ import annotations

import json
import math
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from app import panels
from app.drawings import drawing
from app.panels import TASK_COLOURS
from app.recording import LEVELS, Recording
from app.result import Result, Tick
from app.words import automatic_gain, direction, in_sentence, perturbation_title
from app.workshop import Workshop
from mta_core import imaging
from mta_core.attacks import JOINT
from mta_core.explore import TaskOutcome
from mta_core.jobs import Job
from mta_core.tasks import Task
from mta_core.tasks.classification import Classification

MOST_BYTES = 4 * 2**20
"""Of files that one message takes to the browser, unless the first alone is larger."""
CLEAN = "clean"
"""The file of the clean picture."""


@dataclass(frozen=True)
class Seen:
    """What a victim answers after so many steps.

    Attributes:
        bars: its answer where the whole picture has one; else the recording has it, in colours.
        loss: of that very picture in float32, as the attack reckons it; None before it is computed.
    """

    measure: str
    value: float
    bars: list[list[Any]] = field(default_factory=list)
    loss: float | None = None


class Replay:
    """An attack's steps and what the victim answers at them, each computed once, for all who look.

    Attributes:
        steps: the numbers of steps made after which there is something to see; 0 is the clean picture.
        wanted: the step that somebody looks at, whose outputs are computed next.
        seen: by task and by step.
    """

    def __init__(self, result: Result, recording: Recording) -> None:
        self.result, self.recording, self.id = result, recording, secrets.token_hex(8)
        self.steps = recording.steps()
        self.wanted = self.steps[-1]
        outcomes = result.outcome.tasks
        self.owners = {name: JOINT if JOINT in result.outcome.perturbations else name for name in outcomes}
        self.seen: dict[str, dict[int, Seen]] = {name: {} for name in outcomes}
        for name, o in outcomes.items():  # known already, but for their losses
            self._see(name, 0, o.clean, None)
            self._see(name, self.last(name), o.adversarial, None)
        self._order = bisected(self.steps)

    def _see(self, name: str, step: int, value: Tensor, loss: float | None) -> None:
        """Keeps an answer for all who look."""
        self.seen[name][step], png = _seen(self.result.outcome.tasks[name], value, loss)
        if png:
            self.recording.add_output(name, step, png)

    def last(self, task: str) -> int:
        """After how many steps the attack on a task had ended."""
        return self.recording.last(self.owners[task])

    def kept(self, task: str, step: int) -> int:
        """The step at which the picture of a task is the one to see after `step`: it may have ended before, or not
        every step is kept."""
        frame = self.recording.frame(self.owners[task], step)
        return frame.done if frame else 0

    def picture(self, perturbation: str, step: int) -> Tensor:
        """The candidate after so many steps, (3, H, W); the attack's own result after the last."""
        if step >= self.recording.last(perturbation):
            return self.result.outcome.perturbations[perturbation].adversarial
        return self.recording.picture(perturbation, step)

    def missing(self) -> tuple[str, int] | None:
        """The perturbation and the step to compute next; None where all is there."""
        for step in (self.wanted, *self._order):
            for name, owner in self.owners.items():
                known = self.seen[name].get(at := self.kept(name, step))
                if known is None or known.loss is None:
                    return owner, at
        return None

    def work(self, workshop: Workshop, job: Job[Tick]) -> Iterator[Tick]:
        """Computes what is missing, an event for each picture shown to the victim, until it is stopped."""
        subject = workshop.subject(self.result.request.victim)
        while self.recording.frames and not job.is_stopping and (found := self.missing()) is not None:
            owner, step = found
            outcomes = [o for name, o in self.result.outcome.tasks.items() if self.owners[name] == owner]
            image = subject.device.put(self.picture(owner, step)[None])
            with torch.no_grad():
                answers = subject.precise(image, [o.task.name for o in outcomes])
                for o in outcomes:
                    answer = answers[o.task.name].float().cpu()
                    loss = float(o.task.loss(answer, o.reference)[0])
                    self._see(o.task.name, step, o.task.decode(answer), loss)
            yield Tick()

    def count(self) -> tuple[int, int]:
        """How many outputs are there with their losses, of how many."""
        wanted = {(name, self.kept(name, step)) for name in self.seen for step in self.steps}
        return sum(1 for name, step in wanted if _is_whole(self.seen[name].get(step))), len(wanted)

    def curve(self, task: str) -> list[list[float]]:
        """The losses that the attack saw: steps made, and the loss of the candidate that it had then. The first is the
        one that it started from, not the clean picture."""
        own = [s for s in self.result.history if s.perturbation == self.owners[task] and task in s.losses]
        return [[s.done - 1, s.losses[task]] for s in own]

    def file(self, name: str) -> bytes | None:
        """What the browser asks for by name: `clean`, `frame/PERTURBATION/STEP` and `output/TASK/STEP`. None where
        there is no such thing, or not yet."""
        if name == CLEAN:
            return zlib.compress(imaging.to_uint8(self.recording.clean).tobytes(), 1)
        kind, _, rest = name.partition("/")
        of, _, step = rest.rpartition("/")
        if not step.isdecimal():
            return None
        if kind == "output":
            return self.recording.outputs.get((of, int(step)))
        frame = self.recording.frames.get(of, {}).get(int(step)) if kind == "frame" else None
        return frame.packed if frame else None


def _is_whole(seen: Seen | None) -> bool:
    return seen is not None and seen.loss is not None


def bisected(steps: Sequence[int]) -> list[int]:
    """The same, the ends first, then what is in the middle of the largest gaps: a rough view of all comes soon."""
    order, gaps = [steps[0], steps[-1]], [(0, len(steps) - 1)]
    while gaps:
        first, last = gaps.pop(0)
        if last - first > 1:
            middle = (first + last) // 2
            order.append(steps[middle])
            gaps += [(first, middle), (middle, last)]
    return list(dict.fromkeys(order))


def _seen(o: TaskOutcome, value: Tensor, loss: float | None) -> tuple[Seen, bytes]:
    """With its PNG; empty where the whole picture has one answer."""
    t, measure = o.task, o.main_measure
    number = float(t.measures_of(t.statistics(value, o.reference, o.clean))[measure.name][0])
    if isinstance(t, Classification):
        bars = panels.answers(t, "", "", value, o.clean)["bars"]
        return Seen(measure.format(number), number, bars, loss), b""
    every = [v for v in (o.clean, o.adversarial, o.truth, o.reference if o.is_targeted else None) if v is not None]
    span = t.legend(*every).span or t.span(*every)
    coloured = t.colour(value, span)[0] if t.tones is None else t.tone(value, span)[0]
    return Seen(measure.format(number), number, loss=loss), drawing(coloured, t.tones).png


def message(replay: Replay, asked: Sequence[str], at: int, job: Mapping[str, Any]) -> bytes:
    """The component's data: a line of JSON, then the files it names, of those that were asked for. No two are the same:
    of large ones that are, Streamlit sends the second by its digest alone, which the browser may have forgotten.

    Args:
        at: the step to show first.
        job: what is said of the computation of outputs.
    """
    result, recording = replay.result, replay.recording
    files: list[tuple[str, bytes]] = []
    for name in asked:
        data = replay.file(name)
        if data is not None and (not files or sum(len(d) for _, d in files) + len(data) <= MOST_BYTES):
            files.append((name, data))
    height, width = recording.clean.shape[-2:]
    header = {
        "id": replay.id,
        "nonce": secrets.token_hex(4),
        "size": [height, width],
        "steps": replay.steps,
        "at": at,
        "levels": LEVELS,
        "power": recording.power,
        "perturbations": [
            {
                "name": name,
                "title": perturbation_title(name),
                "gain": automatic_gain(made),
                "tops": {done: frame.top for done, frame in recording.frames.get(name, {}).items()},
            }
            for name, made in result.outcome.perturbations.items()
        ],
        "tasks": [_told(replay, o.task) for o in result.outcome.tasks.values()],
        "job": job,
        "notes": _notes(replay),
        "files": [[name, len(data)] for name, data in files],
    }
    return json.dumps(header, allow_nan=False).encode() + b"\n" + b"".join(data for _, data in files)


def _told(replay: Replay, t: Task) -> dict[str, Any]:
    measure = replay.result.outcome.tasks[t.name].main_measure
    return {
        "name": t.name,
        "title": t.label,
        "owner": replay.owners[t.name],
        "colour": TASK_COLOURS[t.name],
        "measure": f"{measure.named(replay.result.request.is_targeted).label}, {direction(measure.higher_is_better)}",
        "curve": [(step, loss) for step, loss in replay.curve(t.name) if math.isfinite(loss)],
        "seen": {
            step: {"measure": s.measure, "loss": _finite(s.loss), **({"bars": s.bars} if s.bars else {})}
            for step, s in sorted(replay.seen[t.name].copy().items())
        },
    }


def _finite(loss: float | None) -> float | None:
    """None for what JSON has no word for: a victim that fails on the way may answer anything."""
    return loss if loss is not None and math.isfinite(loss) else None


def _notes(replay: Replay) -> list[str]:
    result, recording = replay.result, replay.recording
    notes = [
        "The line is the loss that the attack saw, from its random start on; the points are the loss of the picture "
        "shown, once the victim has answered it in float32. They differ where the attack goes on with a stronger "
        "candidate than its newest, or computes in a faster precision."
    ]
    if recording.stride > 1:
        notes.append(f"To save memory only every {recording.stride}th step is kept, and the last.")
    if result.unreached:
        names = ", ".join(in_sentence(perturbation_title(name)) for name in result.unreached)
        notes.append(f"Stopped before the turn of {names}.")
    if result.request.scope == "per-task":
        notes.append("Each output is that of the picture attacked for its task.")
    return notes
