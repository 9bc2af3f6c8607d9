"""MTL-R Figures 12 and 13: adversarial vulnerability as tasks are added one after another, each time trained anew.

The vulnerability is that of the joint loss, in which each of N tasks has weight 1 (Figure 12) or 1/N (Figure 13). It is
measured once for each model, with weight 1, and divided by N for 1/N: PGD's steps follow signs, which a factor leaves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mta_core import results, victims
from mta_core.data import open_data
from mta_core.events import Event, Progress, Row
from mta_core.explore import Subject
from mta_core.reproduce.mtlr_exhibit import MISSING, PAPER, SMALL, UNPRINTED
from mta_core.reproduce.mtlr_study import Asked
from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled, Report, not_run
from mta_core.rows import checked_run
from mta_core.setting import Setting
from mta_core.study import plan, shipped
from mta_core.study.measure import tasks_of
from mta_core.study.models import USUAL
from mta_core.study.plan import Probe
from mta_core.study.study import Study
from mta_core.study_presets import MEAN, SHORT, study_preset, words
from mta_core.vulnerability import vulnerability
from mta_core.weights import Card
from mta_core.wording import counted

SUM, AVERAGE = "mtlr-fig12", "mtlr-fig13"
NAMES = (SUM, AVERAGE)
TITLES = {
    SUM: "MTL-R Figure 12: adversarial vulnerability of the joint loss, tasks added without weights",
    AVERAGE: "MTL-R Figure 13: adversarial vulnerability of the joint loss, tasks added with weights of 1/N",
}
COLUMNS = (
    Column("Vulnerability", "", "vulnerability", 1, 3, "loss", significant=3),
    Column("First order", "", "first_order", 1, 3, "loss", significant=3),
)
FOLDER = "chain"
Document = Mapping[str, Any]
SMALL_NOTE = (
    "At this scale both figures are of the same models, and Figure 12 is N times Figure 13. Adam, which trains them, "
    "takes the same steps whatever factor its loss has (but for rounding, its own epsilon, and gradients above a norm "
    "of 5, which are shortened): weights of 1/N train the same network. That the curve of 1/N falls where the other "
    "rises says that the loss was divided, not that the network resists better."
)
PAPER_NOTE = (
    "SGD's steps are N times shorter with weights of 1/N, so the two figures are of different networks here. A factor "
    "of 1/N is in the measured loss all the same: for that alone Figure 13 falls where Figure 12 rises."
)


@dataclass
class ChainReproduction:
    """One of the two figures.

    Attributes:
        measured: rows and provenance of each model, by its letters.
    """

    name: str
    asked: Asked
    study: Study = field(init=False)
    measured: dict[str, Document] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises DataError where the data are none for this scale, or cannot be opened."""
        self.asked.check()
        is_mean = self.name == AVERAGE
        self.study = self.asked.study(SHORT if self.asked.scale == SMALL else MEAN if is_mean else "s1")
        for model in self.models if self._is_shipped else ():
            if found := _read(shipped.folder() / FOLDER / f"{words(model)}.json"):
                self.measured[model] = found

    @property
    def _is_shipped(self) -> bool:
        asked = self.asked
        return (asked.scale, asked.data, asked.limit, asked.seed) == (SMALL, USUAL, None, 0)

    @property
    def models(self) -> list[str]:
        return plan.chain()

    @property
    def seed(self) -> int:
        return self.asked.seed

    @property
    def has_some(self) -> bool:
        return bool(self.measured)

    @property
    def failures(self) -> list[str]:
        return self.study.failures

    def run(self) -> Iterator[Event]:
        """Trains what is missing, then measures a model after the other, each of which is kept.

        Raises:
            ValueError: somebody else is at this study.
            DataError: the data cannot be read or lack labels.
        """
        missing = [model for model in self.models if model not in self.measured]
        if not missing:
            return
        yield from self.study.train([Probe(model, model) for model in missing])
        for number, model in enumerate(missing, 1):
            if (card := self.study.cards.get(model)) is None:
                continue
            if self.asked.deadline is not None and time.monotonic() >= self.asked.deadline:
                self.waiting.append(f"{words(model)} is not measured: no time was left, the same command goes on")
                return
            yield from self._model(model, card, f"model {number} of {len(missing)}")

    def _model(self, model: str, card: Card, stage: str) -> Iterator[Event]:
        path = self.study.folder / FOLDER / f"{words(model)}.json"
        setting = self._setting(model, card)
        about = self._provenance(setting, card)
        known = _read(path)
        if known is None or any(known["provenance"].get(key) != results.to_json(about[key]) for key in SAME):
            known = yield from self._measure(setting, about, stage)
            results.write_json(path, known)
        self.measured[model] = known

    def _setting(self, model: str, card: Card) -> Setting:
        victim, _ = victims.load(card.name)
        subject = Subject.prepare(card.name, victim, self.asked.device, card)
        source = open_data(self.asked.data, "test", victim.input_size)
        tasks = tasks_of(model, victim.tasks)
        probe = Probe(model, model)
        scope: Any = "joint" if len(tasks) > 1 else "per-task"
        return Setting(
            subject, source, probe.attack, probe.budget, tasks, source.split, scope,
            weights={t.name: 1.0 for t in tasks}, seed=self.seed,
        )  # fmt: skip

    def _provenance(self, setting: Setting, card: Card) -> dict[str, Any]:
        asked = self.asked
        return results.provenance(
            command=asked.command, device=asked.device.label, seed=asked.seed, weights=victims.digests(card),
            data=setting.source.name, names=setting.names(asked.limit), contents=setting.contents(asked.limit),
            attack=asdict(setting.attack), limit=asked.limit, batch_size=asked.batch_size,
        )  # fmt: skip

    def _measure(self, setting: Setting, about: dict[str, Any], stage: str) -> Generator[Event, None, Document]:
        begin, rows = time.perf_counter(), []
        unreadable: list[str] = []
        limit, size = self.asked.limit, self.asked.batch_size
        for event in vulnerability(setting, limit=limit, batch_size=size, unreadable=unreadable, has_parts=False):
            if isinstance(event, Row):
                rows.append(event.values)
            elif isinstance(event, Progress):
                yield replace(event, stage=f"{stage}: {event.stage}")
            else:
                yield event
        self.unreadable = list(dict.fromkeys(self.unreadable + unreadable))
        about |= {"seconds": round(time.perf_counter() - begin, 3), "unreadable": unreadable}
        document: dict[str, Any] = results.to_json(results.document(rows, about))
        return document

    def rows(self) -> list[Mapping[str, Any]]:
        """Of each model, its vulnerability and its first-order estimate, all its tasks attacked."""
        return [row for model in self.models for row in self._joint(model).values()]

    def _joint(self, model: str) -> dict[str, dict[str, Any]]:
        """The two rows of a model by their metric, with this figure's weights."""
        share = 1 / len(model) if self.name == AVERAGE else 1.0
        found = {}
        for row in self.measured.get(model, {"rows": []})["rows"]:
            if row["metric"] in [column.metric for column in COLUMNS] and len(row["attacked"]) == len(model):
                value, ends = row["adversarial"], row["ci95"]
                changed = {"adversarial": value and share * value, "ci95": ends and [share * end for end in ends]}
                found[row["metric"]] = {**row, **changed}
        return found

    def about(self) -> dict[str, Any]:
        """For provenance."""
        asked, made = self.asked, [found["provenance"] for found in self.measured.values()]
        source = open_data(asked.data, "test")
        count = len(source) if asked.limit is None else min(len(source), asked.limit)
        return {
            "weights": {name: sha256 for each in made for name, sha256 in each["weights"].items()},
            "content_sha256": " ".join(sorted({each["content_sha256"] for each in made if "content_sha256" in each})),
            "data": source.name, "names": [source.name_of(index) for index in range(count)],
            "setting": self.study.setting, "scale": asked.scale, "limit": asked.limit,
            "batch_size": asked.batch_size, "unreadable": self.unreadable,
            "task_weights": "1/N" if self.name == AVERAGE else "1",
        }  # fmt: skip

    def report(self) -> Report:
        lines = tuple(self._line(model) for model in self.models)
        notes = [*self._measured_notes(), *self.failures, *self.study.waiting, *self.waiting, *not_run(lines)]
        notes += [
            "The paper does not print the order in which it adds tasks; ours is that of its tables, s, d, D, n, E.",
            PAPER_NOTE if self.asked.scale == PAPER else SMALL_NOTE, UNPRINTED,
        ]  # fmt: skip
        return Report(self.name, TITLES[self.name], ("Tasks",), COLUMNS, lines, False, tuple(notes))

    def _line(self, model: str) -> Filled:
        found = self._joint(model)
        if not found:
            return Filled((model,), reason=MISSING)
        rows = [found[column.metric] for column in COLUMNS]
        intervals = [None if row["ci95"] is None else (row["ci95"][0], row["ci95"][1]) for row in rows]
        return Filled((model,), {"": [row["adversarial"] for row in rows]}, intervals=intervals)

    def _measured_notes(self) -> list[str]:
        found = {model: joint for model in self.models if (joint := self._joint(model))}
        if not found:
            return []
        row = next(iter(found.values()))["vulnerability"]
        recipe = study_preset(f"{self.study.setting}:s")
        said = (
            f"Measured on {counted(row['n'], 'picture')} of `{row['data']}` ({row['split']}), scale "
            f"{self.asked.scale}, setting `{self.study.setting}` ({recipe.optimiser}), seed {self.seed}: the mean over "
            "pictures of the largest change of the joint loss within 8/255 that PGD finds, 25 steps up and 25 down; in "
            "brackets 95 % by bootstrap over pictures. First order: 8/255 times the L1 norm of the gradient."
        )
        first, last = self.models[0], self.models[-1]
        if first in found and last in found:
            ends = [found[model]["vulnerability"]["adversarial"] for model in (first, last)]
            return [said, f"From {first} to {last}: {ends[0]:.3g} to {ends[1]:.3g}."]
        return [said]


SAME = ("weights", "content_sha256", "seed", "attack", "limit")
"""What provenance has to agree in, so that a model need not be measured again."""


def _read(path: Path) -> Document | None:
    """A document of rows; None where there is none, or one that cannot be used."""
    try:
        if not path.is_file():  # a pipe may never end
            return None
        found = json.loads(path.read_text("utf-8"))
        rows, made = checked_run(found["rows"], found["provenance"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return {"rows": rows, "provenance": made}
