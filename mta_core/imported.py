"""Weights that a person brought from elsewhere: taken in after every check, found as others are, taken away again.

They lie in `runs/imported/`; what was removed waits below it, in `.removed/`, to be restored.
"""

from __future__ import annotations

import json
import math
import shutil
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

import torch

from mta_core import generators, tasks, victims, weights
from mta_core.attacks import ATTACKS
from mta_core.attacks.generative import Generative
from mta_core.budget import Norm
from mta_core.kinds import Instance, Scope
from mta_core.locks import FileLock
from mta_core.store import KEPT_DAYS
from mta_core.weights import Card, WeightsError, write_atomically

FOLDER, REMOVED, INCOMING = "imported", ".removed", ".incoming-"
MAX_BYTES, MAX_HEADER = 2_000_000_000, 4_000_000
"""Of a weight file, and of the list of tensors it begins with: a ResNet-152 has 70,000 there."""
PROBE = 64
"""Side of the picture that a victim must answer before it is taken in."""
MAX_EPSILON = 1e6
"""Of a generator: more than any norm of a picture."""
MAX_PIXELS = 1024 * 1024
"""Of a victim's or a generator's pictures: everybody waits while one is attacked."""
DAY = 86_400
PATIENCE = 10.0
"""Seconds to wait for another who imports or removes."""
SHIPPED_PLACE, OWN_PLACE, IMPORTED_PLACE = "shipped", "own runs", "imported"
PLACES = (SHIPPED_PLACE, OWN_PLACE, IMPORTED_PLACE)
_changing = threading.Lock()


def folder() -> Path:
    return weights.RUNS / FOLDER


def place_of(path: Path) -> str:
    """Of a weight file: one of `PLACES`."""
    if path.parent == weights.SHIPPED:
        return SHIPPED_PLACE
    return IMPORTED_PLACE if path.parent == folder() else OWN_PLACE


def read_file(path: Path, most: int = MAX_BYTES) -> bytes:
    """Raises WeightsError where it is no file, or larger than that."""
    if not path.is_file():
        raise WeightsError(f"expected a file, {path.name} is none")
    try:
        if path.stat().st_size > most:
            raise WeightsError(f"expected {path.name} to have at most {most:,} bytes, it has {path.stat().st_size:,}")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"expected a file in {path.name}: {error.strerror}") from error


def take_in(data: bytes, card: bytes, name: str = "") -> Card:
    """Checks weights and their card as hostile input and keeps them; returns the card they have here.

    Args:
        data: a safetensors file.
        card: JSON, as `mta_core.weights.Card` has it.
        name: what they are to be called here; empty for the name in the card.

    Raises:
        WeightsError: something is wrong with them, or the name is taken; nothing is kept then.
        OSError: they cannot be written.
    """
    made = Card.parse(card, "the card")
    made = _named(replace(made, name=name) if name else made)
    _check_card(made)
    _check_file(data, made)
    with _alone():
        _clear()
        _check_name(made)
        staging = Path(mkdtemp(prefix=INCOMING, dir=folder()))
        try:
            _write(staging, made, data)
            _try_out(staging / f"{made.name}.json", made.kind)
            for suffix in (".safetensors", ".json"):  # the card last: without it there is nothing to find
                (staging / f"{made.name}{suffix}").replace(folder() / f"{made.name}{suffix}")
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return made


def remove(name: str) -> None:
    """Takes away imported weights; `restore` brings them back for 30 days.

    Raises:
        WeightsError: they are not imported ones.
        OSError: they cannot be moved.
    """
    with _alone():
        _clear()
        if name not in _names(folder()):
            raise WeightsError(f"expected imported weights ({_listed(_names(folder()))}), got {name!r}")
        kept = folder() / REMOVED / str(time.time_ns())
        kept.mkdir(parents=True)
        for suffix in (".json", ".safetensors"):
            (folder() / f"{name}{suffix}").replace(kept / f"{name}{suffix}")


def restore(name: str) -> None:
    """Brings back what was removed last under that name.

    Raises:
        WeightsError: there is none, or the name was taken since.
        OSError: they cannot be moved.
    """
    with _alone():
        _clear()
        found = [kept for kept in _kept() if name in _names(kept)]
        if not found:
            raise WeightsError(f"expected removed weights ({_listed(removed())}), got {name!r}")
        kept = found[-1]
        _check_name(Card.read(kept / f"{name}.json"))
        for suffix in (".safetensors", ".json"):
            (kept / f"{name}{suffix}").replace(folder() / f"{name}{suffix}")
        with suppress(OSError):
            kept.rmdir()


def removed() -> list[str]:
    """Names of what can be restored."""
    return sorted({name for kept in _kept() for name in _names(kept)})


def _kept() -> list[Path]:
    """Folders of what was removed, the last one last."""
    places = folder() / REMOVED
    return sorted((path for path in places.glob("*") if path.name.isdecimal()), key=lambda path: int(path.name))


def _names(place: Path) -> list[str]:
    """Of the weights in a folder."""
    return sorted(path.stem for path in place.glob("*.json") if path.with_suffix(".safetensors").is_file())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "there are none"


def _named(card: Card) -> Card:
    """Raises WeightsError where the name means something else here."""
    checked = Card.parse(json.dumps(asdict(card)).encode(), "the card")
    if checked.name.lower().endswith(".json") or checked.name == generators.AUTO:
        raise WeightsError(f"expected a name that means nothing else, got {checked.name!r}")
    return checked


def _check_card(card: Card) -> None:
    """What only matters of weights from elsewhere; the rest is seen when they are loaded."""
    known = {(t.name, t.space) for t in tasks.TASKS}
    if unknown := [f"{name} in {space}" for name, space in card.tasks.items() if (name, space) not in known]:
        raise WeightsError(f"expected tasks that this program knows (see `list tasks`), got {', '.join(unknown)[:200]}")
    if not all(_is_finite(value) for value in card.options.values()):
        raise WeightsError("expected options of the card that are finite numbers, one is not")
    if math.prod(card.input_size) > MAX_PIXELS:  # whoever looks at it pays for it
        raise WeightsError(f"expected an input_size of at most {MAX_PIXELS:,} pixels, got {card.input_size}")
    if len(card.sha256) != 64:
        raise WeightsError("expected the sha256 of the weights in the card, 64 hexadecimal digits")
    if card.kind == "generator":
        _check_aims(card)


def _check_aims(card: Card) -> None:
    """Raises WeightsError where a generator's card does not say what it does in terms that attacks know."""
    known: dict[str, tuple[object, ...]] = {
        "method": tuple(kind.name for kind in ATTACKS if issubclass(kind, Generative)),
        "instance": get_args(Instance), "scope": get_args(Scope), "norm": tuple(str(norm) for norm in Norm),
    }  # fmt: skip
    for key, values in known.items():
        if key in card.options and card.options[key] not in values:
            raise WeightsError(f"expected {key} in the card's options to be {' or '.join(map(str, values))}")
    if wrong := [
        key for key in ("victim", "victim_sha256", "target") if not isinstance(card.options.get(key, ""), str)
    ]:
        raise WeightsError(f"expected texts in the card's options, {' and '.join(wrong)} is none")
    epsilon = card.options.get("epsilon", 1)
    if not (type(epsilon) in (int, float) and 0 < epsilon <= MAX_EPSILON):
        raise WeightsError(f"expected epsilon in the card's options in (0, {MAX_EPSILON:g}]")


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(_is_finite(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or value - value == 0.0


def _check_file(data: bytes, card: Card) -> None:
    """Raises WeightsError where these are not the weights of that card, before anything else looks at them."""
    if len(data) > MAX_BYTES:
        raise WeightsError(f"expected weights of at most {MAX_BYTES:,} bytes, got {len(data):,}")
    (length,) = struct.unpack("<Q", data[:8]) if len(data) >= 8 else (0,)
    if not 0 < length <= min(MAX_HEADER, len(data) - 8) or data[8:9] != b"{":
        if data[:4] == b"PK\x03\x04" or data[:1] == b"\x80":  # a list of so many bytes may begin so, too
            raise WeightsError(
                "expected a safetensors file, got a pickled one, which can run programs: it stays unread"
            )
        raise WeightsError("expected a safetensors file: its first bytes do not say how long its list of tensors is")
    if sha256(data).hexdigest() != card.sha256.lower():
        raise WeightsError("the weights are not the file that the card describes: the sha256 differs")


def _check_name(card: Card) -> None:
    """Raises WeightsError where it is taken, in any case of letters, or would change what another name stands for."""
    name = card.name.lower()
    for kind in weights.KINDS:
        for other, path in weights.find_cards(kind):
            if other.name.lower() == name:
                raise WeightsError(f"the name {card.name} is taken by {place_of(path)} weights: choose another")
    if (weights.RUNS / card.name).exists() or (folder() / f"{card.name}.json").exists():
        raise WeightsError(f"the name {card.name} is taken by a run: choose another")
    for stem, parts in victims.families().items():
        own = {part.lower() for part in (stem, *(f"{stem}-{task}" for task in (*parts, *card.tasks)))}
        if card.kind == "victim" and name in own:
            raise WeightsError(f"the name {card.name} would change what {stem} stands for: choose another")


def _write(place: Path, card: Card, data: bytes) -> None:
    write_atomically(place / f"{card.name}.safetensors", data)
    write_atomically(place / f"{card.name}.json", (json.dumps(asdict(card), indent=2) + "\n").encode())


def _try_out(path: Path, kind: str) -> None:
    """Loads them as everywhere, which checks all there is; a victim has to answer a picture, too."""
    try:
        if kind == "generator":
            generators.load(str(path))
            return
        victim, card = victims.load(str(path))
        with torch.no_grad():
            victims.check_finite(victim(torch.full((1, 3, PROBE, PROBE), 0.5)), card.name)
    except WeightsError:
        raise
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"these weights cannot be used: {weights.brief(error)}") from error


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else imports or removes meanwhile."""
    with _changing:
        folder().mkdir(parents=True, exist_ok=True)
        lock, end = FileLock(folder() / ".lock"), time.monotonic() + PATIENCE
        while not lock.acquire():
            if time.monotonic() > end:
                raise WeightsError("somebody else imports or removes weights now: try again")
            time.sleep(0.05)
        try:
            yield
        finally:
            lock.release()


def _clear() -> None:
    """Takes away what killed processes left, and what was removed long ago."""
    now = time.time()
    for left in folder().glob(f"{INCOMING}*"):
        with suppress(OSError):
            if left.stat().st_mtime < now - weights.LEFT:
                shutil.rmtree(left, ignore_errors=True)
    for kept in _kept():
        if int(kept.name) / 1e9 < now - KEPT_DAYS * DAY:
            shutil.rmtree(kept, ignore_errors=True)
