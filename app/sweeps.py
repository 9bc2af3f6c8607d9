"""Sweeps on the job board: choices to an order, the work, and what is known of it as figures. No streamlit here."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app import exports
from app.library import SHIPPED, Shelf
from app.request import Request
from app.words import in_sentence
from app.workshop import Workshop
from mta_core import PROGRAM, victims
from mta_core.attacks import Noise
from mta_core.board import AWAY, FORGOTTEN
from mta_core.events import Event
from mta_core.job_records import Order
from mta_core.jobs import Job
from mta_core.kinds import Aim
from mta_core.results import to_json
from mta_core.sweep import Sweep, SweepRow
from mta_core.sweep_points import NAME_LENGTH
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import Measure, Task, task
from mta_core.variables import VARIABLES, AttackOf, Variable, points, variable
from mta_core.weights import WeightsError, write_atomically
from mta_core.wording import counted

KIND, PAGE = "sweep", "sweep"
RESULT = "sweep.json"
"""In the job's folder: all rows known so far."""
POINTS = "sweep-points"
"""Beside the jobs: what sweeps have measured, which others that ask for the same need not."""
USED = "points.json"
"""In the job's folder: the names of the points that it uses."""
SAVED_EVERY = 0.5
"""Seconds between two files for those who look."""
DEFAULTS = {
    "epsilon": "1, 2, 4, 8, 16", "steps": "1, 2, 5, 10, 20", "step-size": "0.25, 0.5, 1, 2, 4", "norm": "linf:5, l2:4",
    "weight": "0.05, 0.25, 0.5, 0.75, 0.95",
}  # fmt: skip
"""Values that are offered first, by variable; for attacks there is a menu."""


@dataclass(frozen=True)
class Known:
    """What a sweep has found so far.

    Attributes:
        rows: final ones of finished points, and those of the pictures so far of the one that is under way.
        made: the provenance of the final ones; empty until it has ended or was stopped.
    """

    rows: tuple[SweepRow, ...] = ()
    made: Mapping[str, Any] | None = None

    @property
    def final(self) -> list[SweepRow]:
        return [row for row in self.rows if row.point["is_final"]]

    @property
    def num_points(self) -> int:
        """That are finished."""
        return len({row.point["number"] for row in self.final})


def parse_values(varied: Variable, text: str) -> tuple[float | str, ...]:
    """Raises ValueError where a piece between commas is no value of the variable."""
    return tuple(varied.parse(piece) for piece in text.split(",") if piece.strip())


def recipe_of(request: Request, shelf: Shelf, count: int, varied: str, values: Sequence[float | str]) -> SweepRecipe:
    """A sweep of a request's attack over the first pictures of a data set.

    Args:
        request: its picture does not count.
        varied: the variable; a setting of that name does not count.

    Raises:
        ValueError: it leads towards another picture's answers.
    """
    if request.like is not None:
        raise ValueError("expected a target in words: a sweep does not aim at another picture's answers")
    data = shelf.data
    return SweepRecipe(
        victim=request.victim, data=data.name, split=data.split, limit=count,
        tasks=tuple(t.name for t in request.tasks), attack=request.attack.name,
        settings=tuple(sorted(asdict(request.attack).items())), scope=request.scope, norm=str(request.budget.norm),
        epsilon=request.budget.units, target=request.target, seed=request.seed, variable=varied,
        values=tuple(values), batch_size=1,
    )  # fmt: skip


def weights_of(recipe: SweepRecipe) -> dict[str, str]:
    """sha256 of all weights that are used now, by name: the victim's, and what its attacks draw with; only the former
    where the latter do not fit, which the sweep will say.

    Raises:
        WeightsError: there is no such victim.
        ValueError: the recipe does not go together.
    """
    card = victims.find(recipe.victim)
    found = victims.digests(card)
    for point in points(recipe):
        with suppress(WeightsError):
            found |= point.made().weights(card, Aim(point.tasks, point.scope, point.target, point.budget()))
    return found


def order_of(
    recipe: SweepRecipe, weights: Mapping[str, str], shelf: Shelf, owner: str, query: Mapping[str, Any]
) -> Order:
    """A sweep over a data set of the shelves.

    Args:
        weights: as of `weights_of`: files can be replaced.
        query: the page's query parameters that show it.
    """
    varied = variable(recipe.variable)
    what = f"{varied.label} at {counted(len(recipe.values), 'value')}"
    on = f"on {recipe.victim}" if varied.name == AttackOf.name else f"{recipe.made().label} on {recipe.victim}"
    title = f"{what}, {on}, {counted(recipe.limit, 'picture')} of {shelf.name}"
    settings = to_json({"shelf": shelf.name, "recipe": recipe.to_json(), "weights": weights})
    return Order(KIND, title, settings, owner, command_of(recipe, shelf), PAGE, query)


def is_of(order: Order, recipe: SweepRecipe, shelf: Shelf) -> bool:
    """Whether an order is that of a sweep, with whatever weights."""
    settings = {key: value for key, value in order.settings.items() if key != "weights"}
    return order.kind == KIND and settings == to_json({"shelf": shelf.name, "recipe": recipe.to_json()})


def command_of(recipe: SweepRecipe, shelf: Shelf) -> str:
    """The same on the command line, which finds the shipped pictures by itself."""
    data, split = f"{recipe.data}:PATH", recipe.split
    if shelf.name in SHIPPED:
        data, split = recipe.data, "gallery"
    values = ",".join(f"{value:g}" if isinstance(value, float) else value for value in recipe.values)
    words = ["sweep", "--variable", recipe.variable, "--values", values]
    words += ["--data", data, "--split", split]
    words += ["--limit", str(recipe.limit), "--victim", recipe.victim, "--tasks", ",".join(recipe.tasks)]
    words += ["--attack", recipe.attack, "--norm", recipe.norm, "--epsilon", f"{recipe.epsilon:g}"]
    words += ["--joint"] if recipe.scope == "joint" else []
    words += [word for key, value in recipe.settings for word in ("--set", f"{key}={value}")]
    words += ["--target", recipe.target] if recipe.target else []
    return f"{PROGRAM} {shlex.join([*words, '--batch-size', str(recipe.batch_size), '--out', 'DIR'])}"


def run(
    workshop: Workshop, shelves: Callable[[], Mapping[str, Shelf]], order: Order, folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """Does a sweep; goes on from the points and batches that are kept beside the jobs.

    Raises:
        ValueError: the data set, the victim or a generator is not there any more, is another one now, or does not fit;
            what was measured cannot be kept among the results.
    """
    try:
        name, recipe = order.settings["shelf"], SweepRecipe.from_json(order.settings["recipe"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("expected the order of a sweep") from error
    if name not in shelves():
        raise ValueError(f"expected the data set {name}, it is not connected now")
    now = weights_of(recipe)
    if order.settings.get("weights", now) != now:
        raise ValueError(f"the weights of {', '.join(now)} are others now: start it anew")
    card = victims.find(recipe.victim)
    subject = replace(workshop.subject(recipe.victim), card=card)
    source = shelves()[name].data_at(card.input_size)
    sweep = Sweep(recipe, workshop.device, subject=subject, source=source)
    yield from sweep.look()
    _claim(folder, [sweep.shelf(folder.parent / POINTS, number).name for number in range(len(sweep.settings))])
    rows: dict[int, list[SweepRow]] = {}
    saved = 0.0
    fresh: SweepRow | None = None
    for event in sweep.run(folder.parent / POINTS):
        if isinstance(event, SweepRow):
            _gather(rows, event)
            fresh = event
            continue
        if fresh is not None and (fresh.point["is_final"] or time.monotonic() - saved > SAVED_EVERY):
            _save(folder, rows)
            saved, fresh = time.monotonic(), None
        yield event
        if job.is_stopping:
            break
    made = sweep.provenance(order.command, job=folder.name)
    known = _save(folder, rows, made)
    if known.final:
        exports.keep([row.values for row in known.final], made)


def _claim(folder: Path, names: Sequence[str]) -> None:
    """Notes the points that a job uses; forgets old ones that no job uses, nor one that can be restored."""
    write_atomically(folder / USED, json.dumps(names).encode())
    jobs = folder.parent
    used = {name for where in ("*", f"{AWAY}/*") for file in jobs.glob(f"{where}/{USED}") for name in _used(file)}
    for file in (jobs / POINTS).glob("*"):
        with suppress(OSError):  # another server may do the same
            if file.name[:NAME_LENGTH] not in used and time.time() - file.stat().st_mtime > FORGOTTEN:
                file.unlink()


def _used(file: Path) -> list[str]:
    try:
        return list(map(str, json.loads(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return []


def _gather(rows: dict[int, list[SweepRow]], row: SweepRow) -> None:
    """The rows of a point come together, in the same order; those of fewer pictures give way."""
    of_point = rows.setdefault(row.point["number"], [])
    place = next((i for i, known in enumerate(of_point) if _name(known) == _name(row)), None)
    if place is None:
        of_point.append(row)
    else:
        of_point[place] = row


def _name(row: SweepRow) -> tuple[Any, ...]:
    return tuple(row.values[key] for key in ("attack", "task", "metric", "aggregation"))


def _save(folder: Path, rows: Mapping[int, Sequence[SweepRow]], made: Mapping[str, Any] | None = None) -> Known:
    known = Known(tuple(row for _, of_point in sorted(rows.items()) for row in of_point), made)
    content = {"rows": [[row.values, row.point] for row in known.rows], "made": made}
    write_atomically(folder / RESULT, json.dumps(to_json(content)).encode())
    return known


def known(folder: Path) -> Known:
    """What a job's folder holds of its sweep; nothing where it has not begun."""
    try:
        kept = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        return Known(tuple(SweepRow(_with_nan(values), point) for values, point in kept["rows"]), kept["made"])
    except (OSError, ValueError, TypeError, KeyError):
        return Known()


def _with_nan(values: dict[str, Any]) -> dict[str, Any]:
    return values | {key: float("nan") for key in ("clean", "adversarial") if values[key] is None}


@dataclass(frozen=True)
class Shown:
    """What a chart is of: a measure over all pixels of all pictures (`pooled`) or the mean over pictures."""

    measure: Measure
    aggregation: str

    @property
    def label(self) -> str:
        return self.measure.label if self.aggregation == "pooled" else f"{self.measure.label}, per picture"

    @property
    def has_spread(self) -> bool:
        """Whether the spread between pictures lies around it: pooled mIoU is a number of another kind."""
        return self.measure.name != "miou" or self.aggregation != "pooled"


def shown_of(t: Task, is_targeted: bool) -> list[Shown]:
    """What a task's chart can be of, the usual one first: mIoU in both ways, since papers differ in it."""
    found = []
    for measure in (m.named(is_targeted) for m in t.measures):
        found += [Shown(measure, "per-picture")] if measure.name == "miou" else []
        found.append(Shown(measure, "pooled"))
    return found


def series(found: Known, t: Task, shown: Shown) -> tuple[list[SweepRow], list[SweepRow]]:
    """The rows of a measure, of the attack and of random noise, in the order of the values."""
    wanted = (t.name, shown.measure.name, shown.aggregation)
    own = [row for row in found.rows if tuple(row.values[key] for key in ("task", "metric", "aggregation")) == wanted]
    noise = [row for row in own if row.values["attack"] == Noise.name and row.point["variable"] != AttackOf.name]
    return [row for row in own if row not in noise], noise


def headline(found: Known, recipe: SweepRecipe) -> str:
    """What came out so far, in plain words; empty before two points are finished."""
    if found.num_points < 2:
        return ""
    strongest: dict[str, list[str]] = {}
    for t in map(task, recipe.tasks):
        shown = shown_of(t, bool(recipe.target))[0]
        rows = [row for row in series(found, t, shown)[0] if row.point["is_final"]]
        measure, is_raised = shown.measure, shown.measure.is_raised(bool(recipe.target))
        most = (max if is_raised else min)(rows, key=lambda row: row.values["adversarial"])
        before, after = (measure.format(most.values[key]) for key in ("clean", "adversarial"))
        words = f"{in_sentence(t.label)} {in_sentence(shown.label)} from {before} to {after}"
        strongest.setdefault(said(most), []).append(words)
    most_yet = "Strongest" if found.num_points == len(recipe.values) else "Strongest so far"
    return ". ".join(f"{most_yet} with {where}: {'; '.join(words)}" for where, words in strongest.items()) + "."


def said(row: SweepRow) -> str:
    return str(row.point["said"])


def names_of_variables() -> dict[str, str]:
    """Labels of what can vary to its name."""
    return {str(kind.label): name for name, kind in VARIABLES.items()}  # type: ignore[attr-defined]
