"""A result as a ZIP: lossless pictures, arrays, settings, measures, and the lines that make it again. No streamlit
here.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np
from torch import Tensor

from app import reproduction
from app.reproduction import Attacked, Where
from app.request import Request
from app.result import Result
from mta_core import imaging, results
from mta_core.amplified import amplify, gain_of
from mta_core.explore import TaskOutcome, noisy_picture
from mta_core.goal import PICTURE
from mta_core.kinds import JOINT
from mta_core.tasks.classification import Classification

LIKE = "HERE/"
"""Stands for the folder of `reproduce.py`."""
SECOND = "second/"
"""Where the files of an attack on a second victim lie."""
START = '''\
"""Makes the numbers in metrics.json again: run it in the program's folder, as `python {place}reproduce.py`.

Ends with 0 where they are the same to the last digit, else with 1.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, ".")
if find_spec("mta_core") is None:
    sys.exit("expected to be run in the program's folder, which holds mta_core")

'''
END = """
from mta_core import generators

known = json.loads((HERE / "metrics.json").read_text())["measures"]
found = json.loads(results.dumps(measures))
differ = [
    f"{victim}, {task}, {state}, {name}: {value} in metrics.json, {found[victim][task][state][name]} now"
    for victim, tasks in known.items()
    for task, states in tasks.items()
    for state, values in states.items()
    for name, value in values.items()
    if found[victim][task][state][name] != value
]
used = json.loads((HERE / "settings.json").read_text())["weights"]
cards = [*victims.cards(), *generators.cards(), *map(victims.find, found)]
now = {card.name: card.sha256 for card in cards}
differ += [f"the weights {name} are not those of settings.json" for name in used if now.get(name) != used[name]]
print("\\n".join(differ) or "The same to the last digit.")
sys.exit(bool(differ))
"""
README = """\
{title}

Made with the Multi-task attack explorer.

pictures/  8-bit PNG files without loss. clean.png is exactly what was attacked; adversarial*.png are rounded to 8 bits
           so that they stay inside the budget; perturbation*.png are amplified to be seen.
arrays/    NumPy files. clean, adversarial* and perturbation*: float32, (3, height, width), pixels in [0, 1],
           adversarial = clean + perturbation, as it was computed and measured, not rounded to 8 bits.
           TASK-clean, TASK-adversarial, TASK-noise: what the victim answers, before and after and for random noise of
           the same size; TASK-truth: the labels, where there are some; TASK-target: what an attack was after.
           {units}
{second}settings.json   what was asked for, versions, device, SHA-256 of the weights
metrics.json    every measure: clean, adversarial and with random noise, with units
command.txt     the command line that makes it again
reproduce.py    the same in Python: computes the numbers anew from the arrays here and compares them

In the program's folder, with the same weights:

    python {place}reproduce.py

On the same device and with the same number of threads ({threads}) the numbers are the same to the last digit.{stopped}
"""


def zip_of(result: Result, where: Where, device: str, second: Result | None = None, link: str = "") -> bytes:
    """All files.

    Args:
        where, device: what it was computed with; the latter for people.
        second: what came of it for a second victim.
        link: the address of the page that shows it.
    """
    own = second if second is not None and not second.request.to else None
    files = _files(result, "")
    if own is not None:
        files |= _files(own, SECOND)
    elif second is not None:
        files |= {f"arrays/{second.request.to}-{name}": data for name, data in _answers(second, second.on_other.tasks)}
    files |= _texts(result, second, where, device, link)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"{folder_of(result)}/{name}", datetime.now().timetuple()[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def folder_of(result: Result) -> str:
    """Of the ZIP, and its own name."""
    request = result.request
    return f"{request.picture.stem}-{request.attack.name}-{request.budget.units:g}"


def _files(result: Result, place: str) -> dict[str, bytes]:
    """Pictures and arrays of one attack."""
    request, outcome = result.request, result.outcome
    clean = outcome.clean
    pictures = {"clean": clean, "noise": noisy_picture(request.budget, clean[None], request.seed)[0]}
    arrays = {"clean": clean}
    for name, made in outcome.perturbations.items():
        suffix = "" if name == JOINT else f"-{name}"
        pictures[f"adversarial{suffix}"] = request.budget.round_to_8_bits(made.adversarial[None], clean[None])[0]
        pictures[f"perturbation{suffix}"] = amplify(made.perturbation, gain_of(made.perturbation))
        arrays |= {f"adversarial{suffix}": made.adversarial, f"perturbation{suffix}": made.perturbation}
    if request.like is not None:
        pictures["like"] = request.like.image
    for name, o in outcome.tasks.items():
        pictures |= {f"{name}-{kind}": shown for kind, shown in _coloured(o).items()}
    found = {f"{place}pictures/{name}.png": imaging.encode_png(picture) for name, picture in pictures.items()}
    found |= {f"{place}arrays/{name}.npy": _npy(values) for name, values in arrays.items()}
    return found | {f"{place}arrays/{name}": data for name, data in _answers(result, outcome.tasks)}


def _coloured(o: TaskOutcome) -> dict[str, Tensor]:
    """A task's outputs as pictures; an answer for the whole picture is none."""
    t = o.task
    if isinstance(t, Classification):
        return {}
    values = {"clean": o.clean, "adversarial": o.adversarial, "noise": o.noisy, "truth": o.truth}
    shown = {kind: value for kind, value in values.items() if value is not None}
    span = t.legend(*shown.values()).span or t.span(*shown.values())
    return {kind: t.colour(value, span)[0] for kind, value in shown.items()}


def _answers(result: Result, tasks: Mapping[str, TaskOutcome]) -> list[tuple[str, bytes]]:
    found = []
    for name, o in tasks.items():
        values = {"clean": o.clean, "adversarial": o.adversarial, "noise": o.noisy, "truth": o.truth}
        values["target"] = o.reference if o.is_targeted else None
        found += [(f"{name}-{kind}.npy", _npy(value[0])) for kind, value in values.items() if value is not None]
    return found


def _npy(values: Tensor) -> bytes:
    """In the type that it has."""
    buffer = io.BytesIO()
    np.save(buffer, values.contiguous().numpy(), allow_pickle=False)
    return buffer.getvalue()


def _texts(result: Result, second: Result | None, where: Where, device: str, link: str) -> dict[str, bytes]:
    todo = _todo(result, second)
    place = f"{folder_of(result)}/"
    commands = reproduction.attacked(result, second)
    if all(one.origin.is_file for one in commands):
        commands = reproduction.attacked(
            result, second, f"{place}pictures/clean.png", f"{place}pictures/like.png" if result.request.like else ""
        )
    python = START.format(place=place) + reproduction.python_lines(todo, where, ends=END)
    python = python.replace(f"'{PICTURE}{LIKE}", f"f'{PICTURE}{{HERE}}/")
    texts = {
        "settings.json": results.dumps(_settings(result, second, where, device, link)),
        "metrics.json": results.dumps({"measures": reproduction.measures_of(result, second), "units": _units(result)}),
        "command.txt": "\n".join([*reproduction.needs(commands), *reproduction.command_lines(commands, where), ""]),
        "reproduce.py": python,
        "README.txt": _readme(result, second, where, place),
    }
    return {name: text.encode() for name, text in texts.items()}


def _todo(result: Result, second: Result | None) -> list[Attacked]:
    """What `reproduce.py` does: from the arrays, whatever they once came from."""
    todo = []
    for number, one in enumerate(reproduction.attacked(result, second)):
        place = SECOND if number else ""
        like = f"{LIKE}{place}pictures/like.png" if one.like else ""
        todo.append(replace(one, loads=_loads(one.request, place), like=like))
    return todo


def _loads(request: Request, place: str) -> str:
    folder = f'HERE / "{place}arrays"'
    truth = ", ".join(f'"{name}": torch.from_numpy(np.load({folder} / "{name}-truth.npy"))' for name in request.truth)
    return f'image = torch.from_numpy(np.load({folder} / "clean.npy"))\ntruth = {{{truth}}}'


def _settings(result: Result, second: Result | None, where: Where, device: str, link: str) -> dict[str, Any]:
    request, origin = result.request, result.request.picture.origin
    weights = dict(request.weights) | dict(second.request.weights if second else ())
    return {
        "picture": request.picture.name, "sha256": origin.sha256 or None, "fit": origin.fit if origin.is_file else None,
        "data": None if origin.is_file else [origin.public_data, origin.split, origin.name],
        "victim": request.victim, "tasks": [t.name for t in request.tasks],
        "attack": {"name": request.attack.name, **asdict(reproduction.attacked(result)[0].attack)},
        "scope": request.scope, "goal": "targeted" if request.is_targeted else "non-targeted",
        "target": request.target or None, "target_picture": request.like.name if request.like else None,
        "norm": str(request.budget.norm), "epsilon": request.budget.units, "epsilon_unit": request.budget.epsilon_unit,
        "seed": request.seed, "stopped_at_step": result.stopped_at,
        "second_victim": (second.request.to or second.request.victim) if second else None,
        "threat": ("transfer" if second.request.to else "white-box") if second else None,
        "link": link or None, "threads": where.threads, "device": where.device, "weights": weights,
        "made_with": {
            key: value for key, value in results.provenance(device=device, seconds=result.outcome.seconds).items()
            if key in ("mta_core", "torch", "python", "platform", "device", "date", "seconds")
        },
    }  # fmt: skip


def _units(result: Result) -> dict[str, Any]:
    return {
        name: {m.name: {"unit": m.unit, "higher_is_better": m.higher_is_better} for m in o.task.measures}
        for name, o in result.outcome.tasks.items()
    }


def _readme(result: Result, second: Result | None, where: Where, place: str) -> str:
    request = result.request
    spaces = "; ".join(f"{name}: {o.task.space}" for name, o in result.outcome.tasks.items())
    stopped = ""
    if result.stopped_at is not None:
        stopped = (
            f"\nIt was stopped by hand after {result.stopped_at} steps; made again, it runs to its end, and differs."
        )
    beside = ""
    if second is not None and not second.request.to:
        beside = f"second/    the same of the attack on {second.request.victim}\n"
    return README.format(
        title=f"{request.attack.label} at {request.budget.label} on {request.picture.name}, victim {request.victim}",
        units=f"In their own units ({spaces}).", second=beside, threads=where.threads, place=place, stopped=stopped,
    )  # fmt: skip
