"""A table or figure of the robustness study being made again: what is missing is trained and measured, then shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from mta_core.data import DataError, open_data
from mta_core.devices import Device
from mta_core.events import Event
from mta_core.reproduce.mtlr_exhibit import PAPER, SMALL, Exhibit
from mta_core.reproduce.mtlr_rows import attack_of, rows_of
from mta_core.reproduce.report import Report, not_run
from mta_core.study import shipped
from mta_core.study.findings import Finding, Findings, read
from mta_core.study.models import PAPERS, USUAL
from mta_core.study.plan import Probe
from mta_core.study.study import Study
from mta_core.study_presets import SHORT
from mta_core.wording import counted, counted_among


@dataclass(frozen=True)
class Asked:
    """How a table or figure of the study is made.

    Attributes:
        scale: `small` or `paper`.
        data: as `--data` takes it.
        limit: pictures that are measured, from the first; None for all.
        deadline: on the clock of `time.monotonic`; see `Study`.
        command: for the provenance.
    """

    device: Device
    scale: str = SMALL
    data: str = USUAL
    limit: int | None = None
    batch_size: int = 16
    seed: int = 0
    deadline: float | None = None
    command: str = ""

    def check(self) -> None:
        """Raises DataError where the data are none for this scale, or cannot be opened."""
        name = self.data.partition(":")[0]
        if self.scale == PAPER and (name != PAPERS or ":" not in self.data):
            raise DataError(f"expected --data {PAPERS}:PATH beside --scale paper: its models are trained on Taskonomy")
        if self.scale == SMALL and name != USUAL:
            raise DataError(
                f"expected the data {USUAL} at the small scale, whose models are trained on them, got {name}"
            )
        open_data(self.data, "test")

    def study(self, setting: str) -> Study:
        """Raises ValueError, see `Study`."""
        return Study(
            setting, self.data, self.device, self.limit, self.batch_size, self.seed, command=self.command,
            deadline=self.deadline,
        )  # fmt: skip


@dataclass
class StudyReproduction:
    """One exhibit at one scale.

    Attributes:
        known: what the program comes with of the small study, where that is what is asked for.
    """

    exhibit: Exhibit
    asked: Asked
    study: Study = field(init=False)
    known: Findings = field(init=False)

    def __post_init__(self) -> None:
        """Raises DataError where the data are none for this scale, or cannot be opened; ValueError where the findings
        that are there are broken."""
        asked = self.asked
        asked.check()
        self.study = asked.study(self.exhibit.setting(asked.scale))
        is_shipped = (self.study.setting, asked.data, asked.limit, asked.seed) == (SHORT, USUAL, None, 0)
        path = shipped.folder() / shipped.FINDINGS
        self.known = read(path) if is_shipped and path.exists() else Findings()

    @cached_property
    def probes(self) -> list[Probe]:
        return self.exhibit.probes(self.asked.scale)

    @property
    def seed(self) -> int:
        return self.asked.seed

    @property
    def found(self) -> Findings:
        """So far: what was measured here on top of what is shipped."""
        return self.known.beneath(self.study.findings)

    @property
    def own(self) -> list[Finding]:
        """Those that this exhibit asks for, probe by probe."""
        found = self.found
        return [each for probe in self.probes for letter in probe.model if (each := found.find(probe, letter))]

    @property
    def has_some(self) -> bool:
        return bool(self.own)

    @property
    def failures(self) -> list[str]:
        return self.study.failures

    @property
    def unreadable(self) -> list[str]:
        return self.study.unreadable

    def run(self) -> Iterator[Event]:
        """Trains and measures what is not there yet; what fails is said, and the rest goes on.

        Raises:
            ValueError: somebody else is at this study.
            DataError: the data cannot be read or lack labels.
        """
        if missing := [probe for probe in self.probes if not self.known.has(probe)]:
            yield from self.study.run(missing)
        found = self.found  # beside other weights than are shipped, nothing of the same model's shipped ones stays
        if lost := [probe for probe in self.probes if self.known.has(probe) and not found.has(probe)]:
            yield from self.study.run(lost)

    def rows(self) -> list[Mapping[str, Any]]:
        return [row for each in self.own for row in rows_of(each)]

    def about(self) -> dict[str, Any]:
        """For provenance."""
        asked, own = self.asked, self.own
        digests = sorted({each.content_sha256 for each in own})
        return {
            "weights": {each.victim: each.sha256 for each in own}, "data": asked.data.partition(":")[0],
            "names": self._names(), "content_sha256": " ".join(digests), "setting": self.study.setting,
            "scale": asked.scale, "limit": asked.limit, "batch_size": asked.batch_size, "unreadable": self.unreadable,
            "attacks": {attack_of(probe): asdict(probe.attack) for probe in self.probes},
        }  # fmt: skip

    def _names(self) -> list[str]:
        source = open_data(self.asked.data, "test")
        count = len(source) if self.asked.limit is None else min(len(source), self.asked.limit)
        return [source.name_of(index) for index in range(count)]

    def report(self) -> Report:
        """What there is so far."""
        exhibit, scale, found = self.exhibit, self.asked.scale, self.found
        lines = tuple(exhibit.lines(found, scale))
        notes = (*self._measured(), *self.failures, *self.study.waiting, *not_run(lines), *exhibit.notes(found, scale))
        is_comparable = scale == PAPER and exhibit.is_printed
        return Report(exhibit.name, exhibit.title, exhibit.heads, exhibit.columns, lines, is_comparable, notes)

    def _measured(self) -> list[str]:
        own = self.own
        if not own:
            return []
        there = len({each.probe for each in own if each is self.known.find(each.probe, each.task)})
        models = len({each.victim for each in own})
        said = (
            f"Measured on {counted_among([each.n for each in own], 'picture')} of `{own[0].data}` (test), scale "
            f"{self.asked.scale}: {counted(models, 'model')} of the setting `{self.study.setting}`, seed {self.seed}. "
            "In brackets 95 % by bootstrap over pictures, of one training each."
        )
        if there:
            said += f" {there} of {counted(len(self.probes), 'probe')} were measured before and come with the program."
        if len({each.content_sha256 for each in own}) > 1:
            said += " Not all models were measured on the same pictures."
        if self.exhibit.is_printed and self.asked.scale == SMALL:
            said += " Neither data nor sizes are the paper's: its numbers stand there to compare ranks, not values."
        return [said]
