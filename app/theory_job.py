"""The theory measured on a victim, as a job of the board: choices to an order, the work, what is known of it. No
streamlit here.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from app import exports
from app.library import SHIPPED, Shelf
from app.workshop import Workshop
from mta_core import PROGRAM, results, victims
from mta_core.attacks import Pgd
from mta_core.budget import Budget
from mta_core.checkpoints import load_state, save_state
from mta_core.data import DataSource
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.job_records import Order
from mta_core.jobs import Job
from mta_core.results import to_json
from mta_core.setting import Setting
from mta_core.tasks import Task, names, suited
from mta_core.turns import Stopwatch
from mta_core.vulnerability import vulnerability
from mta_core.vulnerability.rows import check_rows
from mta_core.weights import Card, write_atomically
from mta_core.wording import counted

KIND, PAGE = "vulnerability", "vulnerability"
RESULT, STATE = "theory.json", "theory.pt"
"""In the job's folder: the rows of the pictures so far, and what the work goes on from."""
SAVED_EVERY = 10.0
"""Seconds between two checkpoints."""
UNIT = "attack steps"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What is measured: the vulnerability of a victim's tasks, each alone and the first two, three, ... together.

    Attributes:
        shelf: the data set's own name, see `Shelf.name`.
        tasks: names, in the order in which they are added.
        epsilon: in the norm's units.
        count: how many pictures, from the first.
    """

    shelf: str
    victim: str
    tasks: tuple[str, ...]
    norm: str
    epsilon: float
    num_steps: int
    num_restarts: int
    count: int
    seed: int = 0

    @property
    def budget(self) -> Budget:
        return Budget.from_units(self.norm, self.epsilon)

    @property
    def attack(self) -> Pgd:
        return Pgd(num_steps=self.num_steps, num_restarts=self.num_restarts)

    @property
    def steps_a_picture(self) -> int:
        """Pauses that `vulnerability` makes in a picture: for its gradients, those of the outputs, and in each attack
        for the two points of the first order and the steps that raise and lower the loss."""
        attacks = 2 * len(self.tasks) - 1
        return 2 + attacks * (2 + 2 * self.num_steps * self.num_restarts)


@dataclass(frozen=True)
class Known:
    """What is known so far.

    Attributes:
        rows: see `mta_core.vulnerability.rows_of`; of the pictures so far.
        made: their provenance; empty until the job has ended or was stopped.
        num_pictures: that are in.
    """

    rows: tuple[Values, ...] = ()
    made: Mapping[str, Any] = field(default_factory=dict)
    num_pictures: int = 0
    seconds: float = 0.0


def offered(data: DataSource, card: Card) -> tuple[Task, ...]:
    """The tasks that a victim answers and the data have labels of that it can be held against; none where the pictures
    of each task are its own. In the order of `mta_core.tasks.names`, as on the command line."""
    if data.is_divided:
        return ()
    known = {**data.spaces, **data.derived}
    answered = suited([name for name in names() if name in card.tasks], card.tasks)
    return tuple(t for t in answered if t.name in known and t.accepts(known[t.name]))


def order_of(asked: Asked, weights: Mapping[str, str], shelf: Shelf, owner: str, query: Mapping[str, Any]) -> Order:
    """A measurement on a data set of the shelves.

    Args:
        weights: sha256 of the victim's weights, by name: files can be replaced.
        query: the page's query parameters that show it.
    """
    pictures = counted(asked.count, "picture")
    title = f"{counted(len(asked.tasks), 'task')} of {asked.victim} at {asked.budget.label}, {pictures} of {shelf.name}"
    settings = to_json({**asdict(asked), "weights": dict(weights)})
    return Order(KIND, title, settings, owner, command_of(asked, shelf), PAGE, query)


def is_of(order: Order, asked: Asked) -> bool:
    """Whether an order is that of these choices, with whatever weights."""
    told = {key: value for key, value in order.settings.items() if key != "weights"}
    return order.kind == KIND and told == to_json(asdict(asked))


def command_of(asked: Asked, shelf: Shelf) -> str:
    """The same on the command line, which finds the shipped pictures by itself."""
    data, split = f"{shelf.data.name}:PATH", shelf.data.split
    if shelf.name in SHIPPED:
        data, split = shelf.data.name, "gallery"
    words = ["vulnerability", "--data", data, "--split", split, "--limit", str(asked.count), "--victim", asked.victim]
    words += ["--tasks", ",".join(asked.tasks), "--norm", asked.norm, "--epsilon", f"{asked.epsilon:g}"]
    words += ["--set", f"num_steps={asked.num_steps}", "--set", f"num_restarts={asked.num_restarts}"]
    return f"{PROGRAM} {shlex.join([*words, '--released', '--batch-size', '1', '--json', 'FILE'])}"


def setting_of(workshop: Workshop, shelf: Shelf, asked: Asked) -> Setting:
    """For `mta_core.vulnerability`. Only the worker asks for it.

    Raises:
        ValueError: the victim is not there, or does not answer these tasks; DataError: the data have no labels of them.
    """
    card = victims.find(asked.victim)
    tasks = suited(asked.tasks, card.tasks)
    data = shelf.data_at(card.input_size)
    return Setting(
        replace(workshop.subject(asked.victim), card=card), data.for_tasks(tasks), asked.attack, asked.budget, tasks,
        data.split, "joint" if len(tasks) > 1 else "per-task", seed=asked.seed,
    )  # fmt: skip


def read(order: Order) -> tuple[Asked, Mapping[str, str]]:
    """What an order asks for, and the weights that it means.

    Raises:
        ValueError: it is no such order.
    """
    try:
        settings = dict(order.settings)
        weights = dict(settings.pop("weights"))
        return Asked(**{**settings, "tasks": tuple(settings["tasks"])}), weights
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError("expected the order of a measurement of vulnerability") from error


def run(
    workshop: Workshop, shelves: Mapping[str, Shelf], order: Order, folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """Measures picture after picture, and keeps the rows among the results; goes on from the last picture.

    Raises:
        ValueError: the data set or the victim is not there any more, or is another one now; what was measured cannot be
            kept among the results.
    """
    asked, weights = read(order)
    if asked.shelf not in shelves:
        raise ValueError(f"expected the data set {asked.shelf}, it is not connected now")
    now = victims.digests(victims.find(asked.victim))
    if weights != now:
        raise ValueError(f"the weights of {', '.join(now)} are others now: start it anew")
    setting = setting_of(workshop, shelves[asked.shelf], asked)
    work = _Work(asked, setting, folder, job, known(folder).seconds)
    yield from work.events()
    if work.rows:
        final = work.keep(_provenance(order, work, now))
        exports.keep(final.rows, final.made)
        yield Message("kept among the results")


@dataclass
class _Work:
    """One measurement under way.

    Attributes:
        before: seconds that earlier turns of it took.
        rows: of all pictures so far.
    """

    asked: Asked
    setting: Setting
    folder: Path
    job: Job[Event]
    before: float
    watch: Stopwatch = field(default_factory=Stopwatch)
    rows: list[Values] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    num_pictures: int = 0
    values: Mapping[str, float] = field(default_factory=dict)
    state: Callable[[], dict[str, Any]] | None = None
    saved: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.before + self.watch.seconds

    def events(self) -> Iterator[Event]:
        """Progress in steps of attacks: a picture may take a minute."""
        kept, total = load_state(self.folder / STATE), self.setting.count(self.asked.count)
        a_picture, steps, fresh = self.asked.steps_a_picture, 0, list[Values]()
        events = vulnerability(
            self.setting, limit=self.asked.count, batch_size=1, unreadable=self.left_out, is_live=True,
            has_released=True, state=kept, save=self._remember,
        )  # fmt: skip
        try:
            for event in self.watch.over(events):
                if isinstance(event, Row):
                    fresh.append(event.values)
                    continue
                if isinstance(event, Progress):
                    self.num_pictures, self.values, steps = event.done, event.values, 0
                elif isinstance(event, Message):
                    yield event
                elif fresh:
                    self.rows, fresh = fresh, []
                    self.keep({})
                else:
                    steps += 1
                if isinstance(event, Pause):
                    if self.job.is_stopping:
                        break
                    done = self.num_pictures + len(self.left_out)
                    at = done * a_picture + min(steps, a_picture - 1) if done < total else total * a_picture
                    yield Progress(at, total * a_picture, UNIT, stage=f"picture {min(done + 1, total)} of {total}")
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            if kept is None:
                raise
            raise ValueError(f"expected the state of this measurement in {self.folder / STATE}") from error
        self._save()

    def _remember(self, make: Callable[[], dict[str, Any]]) -> None:
        self.state = make
        if time.monotonic() - self.saved > SAVED_EVERY:
            self._save()

    def _save(self) -> None:
        """Nothing is added between two pictures, so this is the state after the last one that is in."""
        if self.state is not None:
            save_state(self.folder / STATE, self.state())
            self.saved = time.monotonic()

    def keep(self, made: Mapping[str, Any]) -> Known:
        new = Known(tuple(self.rows), made, self.num_pictures, self.seconds)
        write_atomically(self.folder / RESULT, json.dumps(to_json(asdict(new))).encode())
        return new


def _provenance(order: Order, work: _Work, weights: Mapping[str, str]) -> dict[str, Any]:
    setting, asked = work.setting, work.asked
    seen = setting.names(work.num_pictures + len(work.left_out))
    readable = [name for name in seen if name not in work.left_out]
    return results.provenance(
        command=order.command, device=setting.subject.device.label, seed=asked.seed, seconds=work.seconds,
        weights=weights, data=setting.source.name, names=readable, contents=setting.contents(len(seen)),
        attack={"name": asked.attack.name, **asdict(asked.attack)}, form=setting.form, task_weights=None,
        max_perturbation=work.values.get("max_perturbation", 0.0), num_outside=int(work.values.get("num_outside", 0)),
        batch_size=1, unreadable=list(work.left_out), target=None,
        reference={t.name: "labels" for t in setting.tasks}, measured=True, released=True, job=work.folder.name,
    )  # fmt: skip


def known(folder: Path) -> Known:
    """What a job's folder holds; nothing where it has not begun, or the file is damaged."""
    try:
        kept = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        found = Known(**{**kept, "rows": tuple(kept["rows"])})
        check_rows(found.rows)
        is_sound = isinstance(found.made, dict) and type(found.num_pictures) is int and found.seconds >= 0
        return found if is_sound else Known()
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Known()


def final_rows(found: Known) -> Sequence[Values]:
    """With NaN in the place of the nulls of JSON, as `results.document` wants them."""
    nan = float("nan")
    return [{**row, "adversarial": nan if row["adversarial"] is None else row["adversarial"]} for row in found.rows]
