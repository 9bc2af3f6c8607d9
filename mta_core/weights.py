"""Weights on disk: a safetensors file in half precision beside a JSON card that says what it is.

Both are hostile input: nothing is unpickled, every field of a card is checked, and the file must have the digest that
its card names.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mta_core.wording import plain

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "assets" / "weights"
RUNS = Path(os.environ.get("MTA_RUNS", ROOT / "runs"))
"""Where training puts what it makes; every page and command searches it too. `MTA_RUNS` names another place."""
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What weights may be called: it becomes a file's name, a flag and a line in menus."""
KINDS = ("victim", "generator")
LEVELS = 12
"""Of lists and objects in one another."""
MIN_SIDE, MAX_SIDE = 32, 4096
"""The smallest and the largest height or width that a card may name."""
MAX_TASKS = 64
MAX_BYTES = 1_000_000
LEFT = 3600.0
"""Seconds after which a file that is not whole yet will never be: whoever wrote it was killed."""
"""Of a card; one with all settings and measures takes a few thousand."""


class WeightsError(ValueError):
    """Weights or their card cannot be used; the message says what was expected."""


@dataclass(frozen=True)
class Card:
    """What a weight file is and where it comes from.

    Attributes:
        kind: "victim" or "generator".
        architecture: the registered class that the weights belong to, e.g. "dmtl".
        options: arguments of that class, e.g. `{"width": 32}`; of a generator also what it was made for: the victim,
            the norm and epsilon, the scope and the target.
        tasks: label space of each task, e.g. `{"depth": "metres"}`.
        input_size: height and width that it was made for.
        data, terms: what it was trained on, and under which terms.
        command, seed: how to make it again.
        recipe: every setting of the training.
        metrics: what was measured, by name.
        sha256: hex digest of the weight file.
    """

    name: str
    kind: str
    architecture: str
    options: Mapping[str, Any]
    tasks: Mapping[str, str]
    input_size: tuple[int, int]
    data: str = ""
    terms: str = ""
    command: str = ""
    seed: int = 0
    summary: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""

    @classmethod
    def read(cls, path: Path) -> Card:
        """Raises WeightsError where the file is not a card."""
        try:
            data = _read_small(path)
        except (OSError, ValueError) as error:
            raise WeightsError(f"expected a weight card in {path.name}: {brief(error)}") from error
        return cls.parse(data, path.name)

    @classmethod
    def parse(cls, data: bytes, where: str) -> Card:
        """Raises WeightsError where these bytes, of a file called `where`, are not a card."""
        try:
            if len(data) > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
            fields = json.loads(data.decode("utf-8-sig"))
            card = cls(**{**fields, "input_size": tuple(fields["input_size"])})
        except KeyError as error:
            raise WeightsError(f"expected a weight card in {where}: it has no {error.args[0]}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise WeightsError(f"expected a weight card in {where}: {brief(error)}") from error
        card._check(where)
        return card

    def _check(self, where: str) -> None:
        mappings = (self.options, self.tasks, self.recipe, self.metrics)
        texts = (self.name, self.architecture, self.data, self.terms, self.command, self.summary, self.sha256)
        wrong = next((what for what, is_so in self._wanted(mappings, texts) if not is_so), "")
        if wrong:
            raise WeightsError(f"expected a weight card in {where}: it must have {wrong}")

    def _wanted(self, mappings: Sequence[object], texts: Sequence[object]) -> Iterator[tuple[str, bool]]:
        """What each field must be, and whether it is; what comes later relies on what came before."""
        yield "options, tasks, recipe and metrics as JSON objects", all(isinstance(one, dict) for one in mappings)
        yield "texts that can be printed", all(isinstance(one, str) and one.isprintable() for one in texts)
        yield (
            f"a name of letters, digits and ._-, at most 100, got {str(self.name)[:100]!r}",
            bool(re.fullmatch(NAME, self.name)),
        )
        yield f"a kind that is {' or '.join(KINDS)}", self.kind in KINDS
        yield (
            f"an input_size of two whole numbers in [{MIN_SIDE}, {MAX_SIDE}]",
            len(self.input_size) == 2
            and all(type(side) is int and MIN_SIDE <= side <= MAX_SIDE for side in self.input_size),
        )
        yield "a whole number as seed", type(self.seed) is int
        yield f"1 to {MAX_TASKS} tasks", 0 < len(self.tasks) <= MAX_TASKS
        yield (
            "a label space for each task",
            all(isinstance(one, str) and one.isprintable() for one in (*self.tasks, *self.tasks.values())),
        )
        yield (
            f"options, tasks, recipe and metrics of plain text and numbers, nested at most {LEVELS} deep",
            all(_is_sound(mapping) for mapping in mappings),
        )


def _read_small(path: Path) -> bytes:
    """Raises ValueError where it is a pipe, which may never end, or larger than any card."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return data


def _is_sound(value: Any, levels: int = LEVELS) -> bool:
    """Whether lists and mappings lie at most so deep in one another, since readers of cards recurse, and no text in
    them steers a terminal."""
    if isinstance(value, str):
        return plain(value) == value
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_sound(item, levels - 1) for item in inner)


def brief(error: Exception) -> str:
    """What an error says, on one line of at most 200 characters: a hostile file may quote itself in it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:199]}…"


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a whole file or nothing, also when the process is killed meanwhile; what one that was killed left of the
    same file goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _remove_leftovers(path: Path) -> None:
    """Takes away what killed processes left of this file: as much as a checkpoint each."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - LEFT:
                left.unlink()


def save_weights(model: nn.Module, card: Card, folder: Path) -> Card:
    """Writes `<name>.safetensors` in half precision and its card; returns the card with its digest."""
    data = save({name: _to_half(value.detach().cpu()).contiguous() for name, value in model.state_dict().items()})
    card = Card(**{**asdict(card), "sha256": hashlib.sha256(data).hexdigest()})
    write_atomically(folder / f"{card.name}.safetensors", data)
    write_atomically(folder / f"{card.name}.json", (json.dumps(asdict(card), indent=2) + "\n").encode())
    return card


def check_size(build: Callable[[], nn.Module], card: Card, path: Path) -> None:
    """Builds without memory, to see whether the weight file can hold what the card asks for.

    Raises:
        WeightsError: the file is missing, or too small for so many weights.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"expected weights in {path.name}: {error.strerror}") from error
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build().parameters())
    if size < 2 * count:
        raise WeightsError(f"expected {count:,} weights in {path.name}, as its card says; it is too small for them")


def load_weights(model: nn.Module, card: Card, path: Path) -> None:
    """Loads a checked weight file into `model`, in float32.

    Raises:
        WeightsError: the file is missing, has another digest, or does not fit the model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"expected weights in {path.name}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(f"{path.name} is not the file that its card describes: the sha256 differs")
    try:
        tensors: dict[str, Tensor] = {name: _to_float(value) for name, value in load(data).items()}
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path.name} does not fit the architecture {card.architecture}: {brief(error)}") from error


def _to_float(value: Tensor) -> Tensor:
    """Raises ValueError where a weight is not a finite real number."""
    if value.is_complex() or not value.float().isfinite().all():
        raise ValueError("a weight is not a finite real number")
    return value.float() if value.is_floating_point() else value


def _to_half(value: Tensor) -> Tensor:
    """Half precision, but for what does not fit into its range or is no float."""
    if not value.is_floating_point() or value.abs().amax() > torch.finfo(torch.float16).max:
        return value
    return value.half()


def _place(card: Path) -> tuple[str, str]:
    """By which cards are listed: `dmtl` before `dmtl-robust`, though "." comes after "-"."""
    return card.parent.name, card.stem


def _cards(folder: Path, pattern: str) -> list[Path]:
    """Not by `Path.glob`, which raises where a folder goes away while it looks."""
    return sorted((folder / name for name in glob.glob(pattern, root_dir=folder)), key=_place)


def find_cards(kind: str) -> Iterator[tuple[Card, Path]]:
    """Every sound card of that kind with its weight file's path: the shipped ones first, then those in `runs/`."""
    seen = set()
    for path in (*_cards(SHIPPED, "*.json"), *_cards(RUNS, "*/*.json")):
        weights = path.with_suffix(".safetensors")
        if not weights.exists():
            continue
        card = _read_once(path)
        if card is not None and card.kind == kind and card.name not in seen:
            seen.add(card.name)
            yield card, weights


def _read_once(path: Path) -> Card | None:
    """The card, read again only where its file has changed: pages ask for all of them each time they are drawn. None
    where it is none: a folder of runs holds other JSON files too."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _read_version(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(1024)
def _read_version(path: Path, *_version: int) -> Card | None:
    try:
        return Card.read(path)
    except WeightsError:
        return None


def find_card(kind: str, name: str) -> tuple[Card, Path]:
    """The card and weight file of that name, or of that path to a card.

    Raises:
        WeightsError: there is none; the message lists those that are there.
    """
    if name.endswith(".json"):
        card = Card.read(Path(name))
        if card.kind != kind:
            raise WeightsError(f"expected the card of a {kind}, got that of a {card.kind}")
        return card, Path(name).with_suffix(".safetensors")
    names = []
    for card, path in find_cards(kind):
        if card.name == name:
            return card, path
        names.append(card.name)
    raise WeightsError(f"expected a {kind} among {', '.join(names) or 'none'}, got {name!r}")
