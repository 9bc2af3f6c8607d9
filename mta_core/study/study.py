"""The study as one piece of work that goes on where it was stopped: its models, then what attacks do to them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from mta_core import data, devices, results, study_presets, victims, weights
from mta_core.data import DataError, DataSource
from mta_core.data.content import content_of
from mta_core.devices import Device, is_out_of_memory
from mta_core.events import Event, Message, Progress, Row
from mta_core.explore import Subject
from mta_core.imaging import ImageError
from mta_core.locks import FileLock
from mta_core.reproduce.trained import NotThere
from mta_core.study import findings as on_disk
from mta_core.study import models
from mta_core.study.findings import Finding, Findings
from mta_core.study.measure import measure
from mta_core.study.pictures import render
from mta_core.study.plan import Probe
from mta_core.study.remembered import Remembered, fits
from mta_core.study.shipped import FINDINGS
from mta_core.study_presets import SHORT
from mta_core.tasks import Task
from mta_core.train_victim import tasks_of
from mta_core.weights import Card
from mta_core.wording import counted

PROVENANCE = "provenance.json"
Found = TypeVar("Found")


class Study:
    """One setting of the study on one data set.

    What is found lies in `folder`, written anew after every probe, so that a study that was killed has lost but the
    probe it was at, and the training since its last checkpoint. One on fewer pictures, other data or another seed has a
    folder of its own; so has one on rooms from a folder. What was found of other weights, or of pictures that have
    changed since, is let go.

    Args:
        setting: `short`, `short-ENCODER`, or `s1` to `s8`; see `mta_core.study_presets`.
        data: as `--data` takes it: missing models are trained on its training pictures, and all are measured on the
            test pictures.
        device: None for the best there is.
        limit: how many pictures are measured, from the first; all where it is None.
        seed: of the attacks.
        command: for the provenance.
        deadline: on the clock of `time.monotonic`, after which no further epoch or probe is begun; None for no end.

    Attributes:
        findings: so far, of this run and earlier ones.
        cards: of the models that are there, by the letters of their tasks.
        failures: why models could not be trained or measured, a sentence each.
        waiting: what the deadline left to be done, a sentence each.
        unreadable: names of pictures that were left out.

    Raises:
        ValueError: there is no such setting, a number is below 1, or the file of findings is broken.
        DataError: the setting is the paper's and the data are not.
    """

    def __init__(
        self, setting: str = SHORT, data: str = models.USUAL, device: Device | None = None, limit: int | None = None,
        batch_size: int = 16, seed: int = 0, *, command: str = "",
        deadline: float | None = None,
    ) -> None:  # fmt: skip
        models.recipe_of(setting, "s", data)
        if setting in study_presets.PAPERS and not data.startswith(f"{models.PAPERS}:"):
            raise DataError(f"expected {models.PAPERS}:PATH, the data of {setting}, got {data!r}")
        if batch_size < 1 or (limit is not None and limit < 1):
            raise ValueError("expected a batch size and a limit of at least 1")
        self.setting, self.data, self.limit, self.seed = setting, data, limit, seed
        self.device = device or devices.pick()
        self.batch_size, self.command = batch_size, command
        self.cards: dict[str, Card] = {}
        self.deadline = deadline
        self.failures: list[str] = []
        self.waiting: list[str] = []
        self.unreadable: list[str] = []
        self.findings = self._read()
        self._begun = time.perf_counter()
        self._subject: Subject | None = None
        self._content_sha256 = ""

    @property
    def folder(self) -> Path:
        parts = [models.stem(self.setting, self.data)]
        parts += ["folder"] if self.data.startswith(f"{models.USUAL}:") else []
        parts += [] if self.limit is None else [f"first-{self.limit}"]
        parts += [f"seed-{self.seed}"] if self.seed else []
        return weights.RUNS / "study" / "-".join(parts)

    @property
    def path(self) -> Path:
        """Of the findings."""
        return self.folder / FINDINGS

    def run(self, probes: Sequence[Probe]) -> Iterator[Event]:
        """Trains the models that are missing, then measures what was not measured yet with these weights, pictures and
        seed. What fails is said, kept in `failures`, and does not stop the rest.

        Raises:
            ValueError: somebody else is at this study.
            DataError: the data are not there or lack labels, which is found out before anything else is done; or they
                cannot be read.
        """
        with self._alone():
            yield from self._models(probes)
            yield from self._measure(probes)

    def train(self, probes: Sequence[Probe]) -> Iterator[Event]:
        """The first half of `run`."""
        with self._alone():
            yield from self._models(probes)

    def draw(self, probes: Sequence[Probe], folder: Path) -> Iterator[Event]:
        """The sheets of the probes whose models are there after `run` or `train`: see `pictures.render`. A model that
        cannot be used is said, and does not stop the others."""
        ready, source, done = [probe for probe in probes if probe.model in self.cards], self._open("test"), 0
        for model in models.needed(ready):
            own = [probe for probe in ready if probe.model == model]
            try:
                for event in render(
                    own, lambda letters: self._prepared(self.cards[letters]), source, folder, seed=self.seed
                ):
                    assert isinstance(event, Progress)
                    yield replace(event, done=done + event.done, total=len(ready))
            except DataError:
                raise
            except (ValueError, RuntimeError) as error:
                yield from self._failed(error)
            done += len(own)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock, is_new = FileLock(self.folder / "lock"), not self.folder.exists()
        if not lock.acquire():
            raise ValueError(f"another study is writing to {self.folder}: wait for it")
        try:
            self.findings = self._read()  # another one may have added some since
            yield
        finally:
            lock.release(for_good=True)
            if is_new:
                with suppress(OSError):  # it holds something
                    self.folder.rmdir()

    def _read(self) -> Findings:
        return on_disk.read(self.path) if self.path.exists() else Findings()

    def _models(self, probes: Sequence[Probe]) -> Iterator[Event]:
        names = models.needed(probes)
        self._check(names)
        for number, letters in enumerate(names, 1):
            stage = f"model {number} of {len(names)}"
            try:
                ready = models.ready(self.setting, letters, self.data, self.device, self.deadline)
                self.cards[letters] = yield from _staged(ready, stage)
            except NotThere as reason:
                self.waiting.append(str(reason))
            except (ValueError, RuntimeError) as error:
                yield from self._failed(error)
            yield Progress(number, len(names), "models", {}, stage)

    def _check(self, names: Sequence[str]) -> None:
        """Raises DataError where the data lack what is needed, be it for one model."""
        wanted: dict[str, Task] = {}
        is_missing = False
        for letters in names:
            try:
                recipe = models.recipe_of(self.setting, letters, self.data)
                is_missing |= models.find(recipe) is None
            except ValueError:  # said when its turn comes
                continue
            wanted |= {t.name: t for t in tasks_of(recipe)}
        for split in ("test", "train") if is_missing else ("test",):
            self._open(split).for_tasks(list(wanted.values()))

    def _open(self, split: str) -> DataSource:
        return data.open_data(self.data, split, models.recipe_of(self.setting, "s", self.data).size)

    def _measure(self, probes: Sequence[Probe]) -> Iterator[Event]:
        source = self._open("test")
        self._content_sha256 = content = yield from self._content(source)
        order = models.needed(probes)
        listed = sorted(dict.fromkeys(probes), key=lambda probe: order.index(probe.model))
        self.findings = Findings(each for each in self.findings if self._is_current(each, content))
        missing = {probe for probe in listed if probe.model in self.cards and not self.findings.has(probe)}
        if missing:
            source = yield from self._remembered(source)
        for number, probe in enumerate(listed, 1):
            stage = f"probe {number} of {len(listed)}"
            if probe in missing and self._is_late:
                self.waiting.append(
                    f"{counted(len(missing), 'probe')} not measured: no time was left, the same command goes on"
                )
                return
            if probe in missing:
                missing.remove(probe)
                try:
                    found = yield from _staged(self._probe(probe, self.cards[probe.model], source), stage)
                except DataError:
                    raise
                except (ValueError, RuntimeError) as error:
                    yield from self._failed(error)
                    continue
                self._keep([replace(each, content_sha256=content) for each in found])
            yield Progress(number, len(listed), "probes", {}, stage)

    @property
    def _is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _remembered(self, source: DataSource) -> Generator[Event, None, DataSource]:
        """The same, its pictures kept with the labels of all models, where memory allows."""
        count, recipe = self._count(source), models.recipe_of(self.setting, "s", self.data)
        if not fits(count, recipe.size):
            return source
        known = [tasks_of(models.recipe_of(self.setting, letters, self.data)) for letters in self.cards]
        tasks = {t.name: t for of_model in known for t in of_model}
        kept = Remembered(source.for_tasks(list(tasks.values())))
        for index in range(count):
            with suppress(ImageError):  # left out, which is said, when its turn comes
                kept.read(index)
            yield Progress(index + 1, count, "pictures", {}, "reading the labels")
        return kept

    def _content(self, source: DataSource) -> Generator[Event, None, str]:
        """A digest of the pictures that are measured, some of which may have to be rendered first."""
        digests = []
        count = self._count(source)
        for index in range(count):
            digests.append(content_of(source, index))
            yield Progress(index + 1, count, "pictures", {}, "reading the data")
        return results.digest_of_names(digests)

    def _is_current(self, found: Finding, content: str) -> bool:
        """Whether these are the weights, as far as they are known, the pictures and the seed of this study."""
        card = self.cards.get(found.probe.model)
        sha256 = found.sha256 if card is None else card.sha256
        return (*found.origin, found.seed) == (sha256, content, self.seed)

    def _probe(self, probe: Probe, card: Card, source: DataSource) -> Generator[Event, None, list[Finding]]:
        unreadable: list[str] = []
        found = yield from measure(
            probe, self._prepared(card), source, limit=self.limit, batch_size=self.batch_size, seed=self.seed,
            unreadable=unreadable,
        )  # fmt: skip
        self.unreadable = list(dict.fromkeys(self.unreadable + unreadable))
        return found

    def _prepared(self, card: Card) -> Subject:
        if self._subject is None or self._subject.card != card:
            self._subject = None  # its memory is wanted
            victim, loaded = victims.load(card.name)
            self._subject = Subject.prepare(loaded.name, victim, self.device, loaded)
        return self._subject

    def _keep(self, found: Sequence[Finding]) -> None:
        self.findings.add(found)
        results.write_json(self.folder / PROVENANCE, self.provenance())
        on_disk.write(self.path, self.findings)

    def provenance(self) -> dict[str, Any]:
        """Where the findings come from; `seconds` are of this run alone.

        Raises:
            DataError: the data are not there.
        """
        source = self._open("test")
        return results.provenance(
            command=self.command, device=self.device.label, seed=self.seed,
            seconds=time.perf_counter() - self._begun, weights={each.victim: each.sha256 for each in self.findings},
            data=source.name, names=[source.name_of(index) for index in range(self._count(source))],
            content_sha256=self._content_sha256, setting=self.setting, limit=self.limit, batch_size=self.batch_size,
            unreadable=self.unreadable,
        )  # fmt: skip

    def _count(self, source: DataSource) -> int:
        return len(source) if self.limit is None else min(self.limit, len(source))

    def _failed(self, error: Exception) -> Iterator[Event]:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise error
        said = "out of memory: choose a smaller batch" if isinstance(error, RuntimeError) else str(error)
        if said not in self.failures:
            self.failures.append(said)
            yield Message(said)


def _staged(work: Generator[Event, None, Found], stage: str) -> Generator[Event, None, Found]:
    """The same work, its progress told as part of the study; rows of a training are left out."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            found: Found = end.value
            return found
        if isinstance(event, Progress):
            event = replace(event, stage=f"{stage}: {event.stage}" if event.stage else stage)
        if not isinstance(event, Row):
            yield event
