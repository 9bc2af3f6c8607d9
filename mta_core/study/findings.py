"""What was found: the error of every task under every probe, on disk and looked up again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mta_core.rows import to_json
from mta_core.study.plan import Probe, ordered
from mta_core.study_presets import LETTERS
from mta_core.weights import write_atomically

NUMBERS = ("clean", "adversarial", "relative")
ENDS = tuple(f"{name}_ci95" for name in NUMBERS)
WHOLE = ("n", "seed")
TEXTS = ("victim", "sha256", "data", "content_sha256")


@dataclass(frozen=True)
class Finding:
    """What a probe does to one task (Appendix, Tables 2 to 6).

    Attributes:
        task: its letter.
        clean, adversarial: its error (`mta_core.study.errors`) over all pictures together; NaN where none is labelled.
        relative: the relative task vulnerability, `(adversarial - clean) / clean`; NaN where there is no such number.
        clean_ci95, adversarial_ci95, relative_ci95: bootstrap over pictures, clean and adversarial of the same ones;
            None of a single picture.
        n: pictures that have a label of the task.
        seed: of the attack.
        victim: the model's name.
        sha256: of its weights.
        data: name of the data, without its path.
        content_sha256: of all the pictures and labels that were there, as provenance has it.
    """

    probe: Probe
    task: str
    clean: float
    adversarial: float
    relative: float
    clean_ci95: tuple[float, float] | None
    adversarial_ci95: tuple[float, float] | None
    relative_ci95: tuple[float, float] | None
    n: int
    seed: int
    victim: str
    sha256: str
    data: str = ""
    content_sha256: str = ""

    @property
    def origin(self) -> tuple[str, str]:
        """Digests of the weights and of the pictures."""
        return self.sha256, self.content_sha256

    def to_json(self) -> dict[str, Any]:
        """NaN becomes null."""
        made: dict[str, Any] = to_json(asdict(self))
        return made

    @classmethod
    def of_json(cls, made: Mapping[str, Any]) -> Finding:
        """Raises KeyError, TypeError, ValueError, AssertionError or OverflowError where it is no such thing."""
        numbers = {key: math.nan if made[key] is None else _number(made[key]) for key in NUMBERS}
        ends = {key: _ends(made[key]) for key in ENDS}
        probe = _probe(made["probe"])
        if type(made["task"]) is not str or made["task"] not in probe.model or len(made["task"]) != 1:
            raise ValueError("expected a task of the model")
        if any(type(made.get(key, 0)) is not int or made.get(key, 0) < 0 for key in WHOLE):
            raise ValueError("expected whole numbers of pictures and for the seed")
        if any(type(made.get(key, "")) is not str for key in TEXTS):
            raise ValueError("expected texts for the model, its weights and data")
        return cls(**{**made, **numbers, **ends, "probe": probe})


def _probe(made: Mapping[str, Any]) -> Probe:
    """Raises as `Finding.of_json` does, also where nobody could attack so."""
    probe = Probe(**made)
    if any(type(text) is not str for text in (probe.model, probe.attacked, probe.norm, probe.l2_step)):
        raise ValueError("expected letters, a norm and a step in words")
    if type(probe.steps) is not int or type(probe.epsilon) not in (int, float):
        raise ValueError("expected numbers of steps and for epsilon")
    assert str(probe.budget.norm) == probe.norm and probe.attack.num_steps == probe.steps
    return probe


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _ends(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = map(_number, value)
    return low, high


class Findings:
    """Findings, each known by its probe and task; a later one takes the place of an earlier."""

    def __init__(self, found: Iterable[Finding] = ()) -> None:
        self._found = {(each.probe, each.task): each for each in found}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def add(self, found: Iterable[Finding]) -> None:
        self._found |= {(each.probe, each.task): each for each in found}

    def beneath(self, others: Findings) -> Findings:
        """These with the others on top. Of a victim that the others know with other weights or pictures, none of these
        stays: no victim is of two origins."""
        origins = {each.victim: each.origin for each in others}
        found = Findings(each for each in self if origins.get(each.victim, each.origin) == each.origin)
        found.add(others)
        return found

    def has(self, probe: Probe) -> bool:
        """Whether every task of the probe's model was measured."""
        return all((probe, task) in self._found for task in probe.model)

    def find(self, probe: Probe, task: str) -> Finding | None:
        return self._found.get((probe, task))

    def cell(self, main: str, auxiliary: str, *, multi: bool = False) -> Finding | None:
        """A cell of Tables 2 to 6: the main task attacked alone, or both; one task where they are the same."""
        model = ordered("".join(dict.fromkeys(main + auxiliary)))
        return self.find(Probe(model, model if multi else main), main)

    @property
    def models(self) -> list[str]:
        """Letters, those of few tasks first."""
        known = {each.probe.model for each in self}
        return sorted(known, key=lambda model: (len(model), [list(LETTERS).index(letter) for letter in model]))


def read(path: Path) -> Findings:
    """The findings of a file, one in a line.

    Raises:
        ValueError: the file is not one of findings; it says so in one sentence.
        OSError: it cannot be read.
    """
    if path.exists() and not path.is_file():  # a pipe may never end
        raise ValueError(f"expected findings of the study in {path}: it is not a file")
    try:
        return Findings(Finding.of_json(json.loads(line)) for line in path.read_text("utf-8").splitlines() if line)
    except (ValueError, KeyError, TypeError, AssertionError, OverflowError, RecursionError) as error:
        raise ValueError(f"expected findings of the study in {path}, one in a line") from error


def write(path: Path, found: Iterable[Finding]) -> None:
    """As `read` takes them, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    lines = "".join(json.dumps(each.to_json(), allow_nan=False) + "\n" for each in found)
    write_atomically(path, lines.encode())
