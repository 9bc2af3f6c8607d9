"""The lines that make a result again, for the command line and for Python: to the last digit on the same device, with
the same number of threads. No streamlit here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from app.origin import FOLDER, Origin, public_path
from app.request import Request
from app.result import Result
from mta_core import PROGRAM, victims
from mta_core.attacks import Attack
from mta_core.devices import Device
from mta_core.goal import PICTURE
from mta_core.kinds import Aim
from mta_core.victims import own
from mta_core.victims.spec import is_spec
from mta_core.weights import WeightsError

OUT = "reproduced"
"""The folder that the command writes into."""


@dataclass(frozen=True)
class Where:
    """What a result was computed with, which decides the last digits.

    Attributes:
        device: its name on the command line.
        threads: of the processor.
    """

    device: str
    threads: int

    @classmethod
    def of(cls, device: Device) -> Where:
        return cls(device.torch_device.type, torch.get_num_threads())


@dataclass(frozen=True)
class Attacked:
    """One attack, and another victim that is shown its pictures where there is one.

    Attributes:
        picture: the file to attack, or the picture's name in its data.
        origin: of the picture.
        like: the file whose answers are the target.
        loads: Python that sets `image` and `truth`; unless said, what reads them from the origin.
    """

    request: Request
    picture: str
    origin: Origin
    like: str = ""
    loads: str = ""

    @property
    def attack(self) -> Attack:
        """With the generator named that `auto` takes: another may be trained tomorrow."""
        request = self.request
        aim = Aim(tuple(t.name for t in request.tasks), request.scope, request.target, request.budget)
        try:
            return request.attack.resolve(victims.find(request.victim), aim)
        except (WeightsError, ValueError):
            return request.attack

    @property
    def target(self) -> str:
        return f"{PICTURE}{self.like}" if self.like else self.request.target


def attacked(result: Result, second: Result | None = None, file: str = "", like_file: str = "") -> list[Attacked]:
    """What must be done to have a result, and that of a second victim, again.

    Args:
        file: holds the picture as it was attacked, of a picture that somebody sent; unless said, it is that very file.
        like_file: the same of the picture whose answers are the target.
    """
    found = [_attacked(result.request, file, like_file)]
    if second is not None and second.request.to:
        found[0] = replace(found[0], request=second.request)
    elif second is not None:
        # At another size the picture is cut anew: the one as it was attacked is another one.
        is_same = second.request.picture == result.request.picture
        found.append(_attacked(second.request, file if is_same else "", like_file if is_same else ""))
    return found


def _attacked(request: Request, file: str, like_file: str) -> Attacked:
    origin = request.picture.origin
    like = ""
    if request.like is not None:
        like = like_file or _file_of(request.like.origin)
    if origin.is_file and file:
        return Attacked(request, file, replace(origin, name=file, fit="crop"), like)
    return Attacked(request, origin.name, origin, like)


def _file_of(origin: Origin) -> str:
    """The file of a gallery picture, below the program's folder."""
    if origin.is_file:
        return origin.name
    folder = Path(origin.data.partition(":")[2])
    return f"{public_path(folder)}/rgb/{origin.name}.png"


def command_lines(todo: Sequence[Attacked], where: Where) -> list[str]:
    """What to type in the program's folder; each writes a folder whose `result.json` has the numbers."""
    return [f"{PROGRAM} {shlex.join(_arguments(one, where))}" for one in todo]


def _arguments(one: Attacked, where: Where) -> list[str]:
    request, origin = one.request, one.origin
    settings = [f"{key}={_text(value)}" for key, value in asdict(one.attack).items()]
    return [
        "attack", *([] if origin.is_file else ["--data", origin.public_data, "--split", origin.split]),
        *(["--fit", origin.fit] if origin.is_file else []),
        "--victim", request.victim, "--attack", request.attack.name,
        *(piece for setting in settings for piece in ("--set", setting)),
        "--epsilon", _text(request.budget.units), "--norm", str(request.budget.norm),
        "--tasks", ",".join(t.name for t in request.tasks), *(["--joint"] if request.scope == "joint" else []),
        *(["--target", one.target] if one.target else []), *(["--to", request.to] if request.to else []),
        "--seed", str(request.seed), "--device", where.device, "--threads", str(where.threads),
        "--out", f"{OUT}/{request.victim}", "--", one.picture,
    ]  # fmt: skip


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


HEAD = """\
import torch

from mta_core import devices, explore, imaging, results, victims
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.data import open_data
from mta_core.data.labelled import labelled_picture
from mta_core.explore import Subject
from mta_core.targets import parse_goal
from mta_core.tasks import suited
from mta_core.transfer import at_size

torch.set_num_threads({threads})
device = devices.pick({device!r})
measures = {{}}


def ready(name):
    victim, card = victims.load(name)
    return Subject.prepare(name, victim, device, card)

"""
ATTACK = """\

subject = ready({victim!r})
size, tasks = subject.precise.input_size, suited({tasks!r}, subject.precise.tasks)
{picture}
attack = make_attack({attack!r}, **{settings!r})
budget = Budget.from_units({norm!r}, {epsilon!r})
outcome = explore.run(
    subject, attack, image, tasks, budget, truth=truth, scope={scope!r},
    goal=parse_goal({target!r}, tasks, subject), seed={seed!r},
)
measures[{victim!r}] = {{name: task.measures for name, task in outcome.tasks.items()}}
"""
OTHER = """\

other = at_size(ready({to!r}), size)
goal = parse_goal({target!r}, tasks, other)
tried = explore.tried_on(other, outcome, budget, goal=goal, seed={seed!r})
measures[{to!r}] = {{name: task.measures for name, task in tried.tasks.items()}}
"""
PRINT = "\nprint(results.dumps(measures))\n"


def python_lines(todo: Sequence[Attacked], where: Where, *, ends: str = PRINT) -> str:
    """A program that computes the measures of every victim anew, and prints them as JSON unless it `ends` otherwise; to
    be run in the program's folder."""
    named = "".join(f"victims.allow({name!r})\n" for name in _victims(todo) if is_spec(name))
    body = named + "".join(_block(one) for one in todo)
    head = HEAD.format(threads=where.threads, device=where.device).splitlines(keepends=True)
    return "".join(line for line in head if _is_used(line, body)) + body + ends


def _victims(todo: Sequence[Attacked]) -> list[str]:
    """Their names, each once."""
    return list(dict.fromkeys(name for one in todo for name in (one.request.victim, one.request.to) if name))


def _is_used(line: str, body: str) -> bool:
    """Whether a line is no import of what only other attacks need."""
    names = line.partition(" import ")[2].strip()
    return names not in ("open_data", "labelled_picture", "at_size") or f"{names}(" in body


def _block(one: Attacked) -> str:
    request = one.request
    values = {
        "victim": request.victim, "tasks": [t.name for t in request.tasks], "picture": _picture_lines(one),
        "attack": request.attack.name, "settings": asdict(one.attack), "norm": str(request.budget.norm),
        "epsilon": request.budget.units, "scope": request.scope, "target": one.target, "seed": request.seed,
        "to": request.to,
    }  # fmt: skip
    return ATTACK.format(**values) + (OTHER.format(**values) if request.to else "")


def _picture_lines(one: Attacked) -> str:
    origin = one.origin
    if one.loads:
        return one.loads
    if origin.is_file:
        return f"image, truth = imaging.read_fitted({one.picture!r}, size, {origin.fit!r}), {{}}"
    return (
        f"data = open_data({origin.public_data!r}, {origin.split!r}, size)\n"
        f"image, truth = labelled_picture(data, {origin.name!r}, tasks)"
    )


def measures_of(result: Result, second: Result | None = None) -> dict[str, dict[str, Mapping[str, Any]]]:
    """What `python_lines` prints: by victim, task, and clean, adversarial or noise."""
    found = {result.request.victim: result.outcome}
    if second is not None:
        found[second.request.to or second.request.victim] = second.on_other
    return {victim: {name: dict(o.measures) for name, o in outcome.tasks.items()} for victim, outcome in found.items()}


def needs(todo: Sequence[Attacked]) -> list[str]:
    """What must be there for the lines to run, in sentences."""
    found = []
    for one in todo[:1]:
        origin = one.origin
        if origin.is_file and origin.name == one.request.picture.name:
            found.append(f"It needs the file {origin.name} there, with the SHA-256 {origin.sha256}.")
        if any(FOLDER in text for text in (origin.public_data, one.like)):
            found.append(f"Put the folder that holds the data in the place of {FOLDER}.")
    for name in (name for name in _victims(todo) if own.is_own(name)):
        where = "it must lie where its name says" if is_spec(name) else f"{own.VARIABLE} must name it as it did here"
        found.append(f"The victim {name} is no model of this program: {where}.")
    return found
