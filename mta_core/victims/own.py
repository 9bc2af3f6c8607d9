"""Models of one's own: loaded by name, like any other victim, where a person has named them.

Naming one runs code (a module) or reads files, so a name alone is not enough: it must have been named on the command
line or by a program (`allow`), or by the operator of a server, in the environment variable `MTA_VICTIMS`. What a
browser says is neither.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from mta_core.victims import from_module, from_torchvision, from_transformers
from mta_core.victims.adapted import Adapted
from mta_core.victims.base import Victim
from mta_core.victims.checking import check
from mta_core.victims.label_map import with_label_map
from mta_core.victims.spec import MODULE, TORCHVISION, TRANSFORMERS, Spec, is_spec, parse, parse_named
from mta_core.weights import Card, find_cards

VARIABLE = "MTA_VICTIMS"
LOADERS = {MODULE: from_module.load, TORCHVISION: from_torchvision.load, TRANSFORMERS: from_transformers.load}
AGAIN = 60.0
"""Seconds after which one that could not be loaded is tried again: pages ask for all whenever they are drawn."""
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Known:
    card: Card
    stamp: Stamp


_allowed: set[str] = set()
_known: dict[str, _Known] = {}
_failed: dict[tuple[str, str], float] = {}
"""When it was tried last, by name and spec."""
_said: set[str] = set()
_lock = threading.RLock()


def allow(text: str) -> None:
    """From now on `load` and `find` take this model: a person has named it.

    Raises:
        ValueError: it names no model.
    """
    _allowed.add(parse(text).text)


def named() -> dict[str, str]:
    """The models that the operator has named, by name.

    Raises:
        ValueError: what `MTA_VICTIMS` says is not of its form.
    """
    try:
        return parse_named(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        raise ValueError(f"{VARIABLE}: {error}") from error


def is_own(name: str) -> bool:
    """Whether a victim's name is that of such a model, allowed or not."""
    return is_spec(name) or name in _named_or_none()


def _named_or_none() -> Mapping[str, str]:
    try:
        return named()
    except ValueError as error:
        _complain(str(error))
        return {}


def cards() -> list[Card]:
    """Of the models that the operator has named; those that cannot be loaded are left out, and said once."""
    found = []
    for name, text in _named_or_none().items():
        if time.monotonic() - _failed.get((name, text), -math.inf) < AGAIN:
            continue
        try:
            found.append(find(name))
        except ValueError as error:
            _failed[name, text] = time.monotonic()
            _complain(f"{VARIABLE}: {name} is left out: {error}")
    return found


def _complain(text: str) -> None:
    if text not in _said:
        _said.add(text)
        print(text, file=sys.stderr)


def find(name: str) -> Card:
    """The card of such a model, which is loaded for it unless it was before.

    Raises:
        ValueError: see `load`.
    """
    with _lock:
        known = _known.get(name)
        if known is None or known.stamp != _stamp(_spec_of(name)):
            return load(name)[1]
        return known.card


def load(name: str) -> tuple[Victim, Card]:
    """Such a model, in evaluation mode, parameters frozen; it was tried: see `check`.

    Raises:
        ValueError: nobody has named it, it cannot be loaded, or it is no victim; in one sentence.
    """
    with _lock:
        spec = _spec_of(name)
        stamp = _stamp(spec)
        victim, summary, data = LOADERS[spec.kind](spec)
        if "labels" in spec.options:
            if not isinstance(victim, Adapted):
                raise ValueError(f"expected a network given to adapt for a label map, {name} makes a whole victim")
            victim = with_label_map(victim, Path(spec.options["labels"]).expanduser())
        victim.eval().requires_grad_(False)
        if name not in _known or _known[name].stamp != stamp:
            check(victim, name)
        card = Card(
            name, "victim", victim.architecture, {"model": spec.text, **victim.options()}, victim.tasks,
            (victim.input_size[0], victim.input_size[1]), data=data, summary=summary, sha256=digest(victim),
        )  # fmt: skip
        _known[name] = _Known(card, stamp)
        return victim, card


def _spec_of(name: str) -> Spec:
    """Raises ValueError where nobody who may has named it."""
    own = named()
    if name in own:
        if any(card.name == name for card, _ in find_cards("victim")):
            raise ValueError(f"expected another name in {VARIABLE} than {name}, which a victim has already")
        return parse(own[name])
    spec = parse(name)
    if spec.text not in _allowed:
        raise ValueError(f"expected a victim that was named on the command line or in {VARIABLE}, got {name[:100]!r}")
    return spec


def _stamp(spec: Spec) -> Stamp:
    """What tells whether files have changed."""
    found = []
    for path in spec.files:
        try:
            status = path.stat()
        except OSError:
            continue  # whoever reads it says so
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def digest(victim: Victim) -> str:
    """sha256 of all weights, by name, and of what is declared around them: whatever else it is called or however it is
    stored, the same model has the same one. Code is not in it."""
    state = {key: value for key, value in victim.options().items() if key != "model"}
    about = {"tasks": victim.tasks, "input_size": list(victim.input_size), "options": state}
    found = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for name, value in sorted(victim.state_dict().items()):
        raw = value.detach().cpu().contiguous()
        found.update(f"\n{name} {raw.dtype} {tuple(raw.shape)}\n".encode())
        if raw.numel():
            found.update(memoryview(raw.reshape(-1).view(torch.uint8).numpy()))
    return found.hexdigest()
