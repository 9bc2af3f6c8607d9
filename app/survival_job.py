"""What is left of an attack on one picture after it was saved, resized, blurred: computed and kept. No streamlit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from app import exports
from app.drawings import drawing
from app.kept import Recent
from app.request import Request
from app.result import Result
from app.workshop import Workshop
from mta_core import results
from mta_core.attacks import Noise
from mta_core.events import Pause
from mta_core.explore import TaskOutcome, noisy_picture
from mta_core.jobs import Job
from mta_core.survival import TRANSFORMATIONS, UNTOUCHED, Transformation, Trial, middle_of, trials_of
from mta_core.survival.data_set import KEYS
from mta_core.survival.measuring import Numbers, measure_picture, untouched

Points = Mapping[Trial, "Seen"]


@dataclass(frozen=True)
class Asked:
    """What is asked for: the attack as far as it came, and the transformation whose curve comes first."""

    request: Request
    stopped_at: int | None
    shown: Transformation

    @classmethod
    def of(cls, result: Result, shown: Transformation) -> Asked:
        return cls(result.request, result.stopped_at, shown)

    @property
    def trials(self) -> list[Trial]:
        """In their order: the curve that is shown, then one of each other transformation, for the summary."""
        others = [middle_of(kind) for kind in TRANSFORMATIONS if kind is not self.shown]
        return [*trials_of(self.shown), *others]


@dataclass(frozen=True)
class Seen:
    """One point of a curve: its measures, and a PNG of each task's answer to the adversarial picture."""

    measures: Numbers
    answers: Mapping[str, bytes]


def known(workshop: Workshop, result: Result) -> dict[Trial, Seen]:
    """What is known of an attack that is compared with noise, the untouched picture first."""
    start = untouched(result.outcome)
    answers = result.once(
        "survival", lambda: {name: _png(result, name, value) for name, value in start.answers.items()}
    )
    found = {UNTOUCHED: Seen(start.measures, answers)}
    for trial in (trial for kind in TRANSFORMATIONS for trial in trials_of(kind)):
        if (seen := _kept(workshop, result).get(_key(result, trial))) is not None:
            found[trial] = seen
    return found


def start(workshop: Workshop, result: Result, asked: Asked) -> Job[Trial | Pause]:
    """Computes what is not known yet; its events are the trials that are."""
    return workshop.worker.submit(lambda _: _measure(workshop, result, asked))


def _measure(workshop: Workshop, result: Result, asked: Asked) -> Iterator[Trial | Pause]:
    request, kept = result.request, _kept(workshop, result)
    noisy = noisy_picture(request.budget, result.outcome.clean[None], request.seed)
    for trial in asked.trials:
        if kept.get(_key(result, trial)) is not None:
            continue
        subject = workshop.subject(request.victim)  # for each: others may take its place meanwhile
        point = yield from measure_picture(subject, result.outcome, noisy, trial, seed=request.seed)
        answers = {name: _png(result, name, value) for name, value in point.answers.items()}
        kept.put(_key(result, trial), Seen(point.measures, answers))
        yield trial


def _kept(workshop: Workshop, result: Result) -> Recent[Seen]:
    return workshop.kept(result.request.picture).survival


def _key(result: Result, trial: Trial) -> tuple[Any, ...]:
    return result.request, result.stopped_at, trial


def _png(result: Result, name: str, value: Tensor) -> bytes:
    """In the colours of the same task above."""
    o: TaskOutcome = result.outcome.tasks[name]
    every = [v for v in (o.clean, o.adversarial, o.truth, o.reference if o.is_targeted else None) if v is not None]
    span = o.task.legend(*every).span or o.task.span(*every)
    tones = o.task.tones if o.task.is_dense else None
    return drawing((o.task.colour if tones is None else o.task.tone)(value, span)[0], tones).png


def picture(result: Result, perturbation: str, trial: Trial) -> bytes:
    """PNG of the adversarial picture after a trial."""

    def draw() -> bytes:
        adversarial = result.outcome.perturbations[perturbation].adversarial
        return drawing(trial.change(adversarial[None], seed=result.request.seed)[0]).png

    return result.once(("survival", perturbation, trial), draw)


def rows(result: Result, points: Points) -> list[dict[str, Any]]:
    """The measures with the keys of `mta_core.results.ROW_KEYS` and `KEYS`: of the attack, then of random noise."""
    found = []
    for trial, seen in points.items():
        added = dict(zip(KEYS, (trial.transformation.name, trial.strength), strict=True))
        for kind, name in (("adversarial", result.request.attack.name), ("noise", Noise.name)):
            for row in exports.rows_of(result):
                own, measure = seen.measures[row["task"]], result.outcome.tasks[row["task"]].task.measure(row["metric"])
                values = {"clean": own["clean"][measure.name], "adversarial": own[kind][measure.name]}
                instance = row["instance"] if kind == "adversarial" else "per-instance"
                found.append({**row, "attack": name, "instance": instance, **values, **added})
    return found


def rows_json(workshop: Workshop, result: Result, points: Points) -> bytes:
    """`{"rows": [...], "provenance": {...}}`, as the command line writes it."""
    request = result.request
    made = results.provenance(
        command="the page Explore", device=workshop.device.label, seed=request.seed, weights=dict(request.weights),
        data="picture", names=[request.picture.name], stopped_at_step=result.stopped_at,
    )  # fmt: skip
    return results.dumps({"rows": rows(result, points), "provenance": made}).encode()
