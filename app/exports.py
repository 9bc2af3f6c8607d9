"""What can be taken away from a result. No streamlit here."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from app.request import Request
from app.result import Result
from app.words import reference
from mta_core import imaging, results
from mta_core.explore import Outcome
from mta_core.store import Store
from mta_core.tally import AGGREGATIONS


def adversarial_png(result: Result, perturbation: str) -> bytes:
    """The adversarial picture as an 8-bit PNG that is still inside the budget."""
    outcome = result.outcome
    picture = outcome.perturbations[perturbation].adversarial
    return imaging.encode_png(result.request.budget.round_to_8_bits(picture[None], outcome.clean[None]))


def perturbation_npy(result: Result, perturbation: str) -> bytes:
    """The perturbation, (3, H, W) float32 on the [0, 1] pixel scale."""
    return imaging.encode_npy(result.outcome.perturbations[perturbation].perturbation)


def report_json(result: Result, second: Result | None = None) -> bytes:
    """Settings and everything that was measured.

    Args:
        second: what came of the same attack for a second victim, or of the very same pictures.
    """
    request, outcome = result.request, result.outcome
    report = {
        "settings": {
            "picture": request.picture.name,
            "victim": request.victim,
            "tasks": [t.name for t in request.tasks],
            "attack": request.attack.name,
            **_settings(request),
            "scope": request.scope,
            "goal": "targeted" if request.is_targeted else "non-targeted",
            "target": request.target or None,
            "target_picture": request.like.name if request.like else None,
            "norm": str(request.budget.norm),
            "epsilon": request.budget.units,
            "epsilon_unit": request.budget.epsilon_unit,
            "seed": request.seed,
            "stopped_at_step": result.stopped_at,
        },
        "tasks": _tasks(result, outcome, result.verdict),
        "perturbations": {
            name: {key: _number(value) for key, value in asdict(made.similarity).items()}
            for name, made in outcome.perturbations.items()
        },
        "losses": [asdict(step) for step in result.history if step.losses],
        "seconds": outcome.seconds,
    }
    if request.to:
        report["tried_on"] = {
            "victim": request.to,
            "tasks": _tasks(result, result.on_other, result.verdict_on_other),
        }
    if second is not None:
        is_transfer = bool(second.request.to)
        report["second_victim"] = {
            "victim": second.request.to or second.request.victim,
            "threat": "transfer" if is_transfer else "white-box",
            "source": result.request.victim if is_transfer else second.request.victim,
            "tasks": _tasks(second, second.on_other, second.verdict_on_other),
        }
    return json.dumps(report, indent=2, allow_nan=False).encode()


def rows_of(result: Result) -> list[dict[str, Any]]:
    """What was measured of one picture, with the keys of `mta_core.results.ROW_KEYS`."""
    request = result.request
    identity = {
        "data": "picture", "split": "all", "victim": request.victim,
        "source": request.attack.made_on(request.victim), "attack": request.attack.name,
        "instance": "universal" if request.attack.is_universal else "per-instance",
        "goal": "targeted" if request.is_targeted else "non-targeted",
        "scope": request.scope, "attacked": [t.name for t in request.tasks], "norm": str(request.budget.norm),
        "epsilon": request.budget.units, "epsilon_unit": request.budget.epsilon_unit, "ci95": None, "n": 1,
        "seed": request.seed,
    }  # fmt: skip
    return [
        {
            **identity, "task": name, "metric": m.named(request.is_targeted).name, "aggregation": aggregation,
            "unit": m.unit, "higher_is_better": m.higher_is_better, "clean": o.measures["clean"][m.name],
            "adversarial": o.measures["adversarial"][m.name],
        }
        for name, o in result.outcome.tasks.items()
        for aggregation in AGGREGATIONS
        for m in o.task.measures
    ]  # fmt: skip


def _tasks(result: Result, outcome: Outcome, verdict: Callable[[str], str]) -> dict[str, Any]:
    """What became of every task in the eyes of a victim."""
    return {
        name: {
            "attacked": name not in result.unreached,
            "verdict": verdict(name),
            "reference": reference(o, result.request.is_targeted).removeprefix("against the ") or "ground truth",
            "measures": {
                m.named(result.request.is_targeted).name: {"unit": m.unit, "higher_is_better": m.higher_is_better}
                | {kind: _number(values[m.name]) for kind, values in o.measures.items()}
                for m in o.task.measures
            },
        }
        for name, o in outcome.tasks.items()
    }


def rows_json(rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> bytes:
    """`{"rows": [...], "provenance": {...}}`, as the command line writes it.

    Args:
        made: see `mta_core.results.provenance`.
    """
    return results.dumps(results.document(rows, made)).encode()


def provenance(
    requests: Mapping[str, Request],
    device: str,
    data: str,
    names: Sequence[str],
    contents: Mapping[str, str],
    unreadable: Sequence[str] = (),
    seconds: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    """Where rows of the page Compare come from; the first of the requests stands for what all share.

    Args:
        requests: by the names of the attacks.
        names: of the pictures; `contents`, what these are, by name.
        unreadable: of those that were left out.
        seconds: how long it took.
        more: further fields.
    """
    first = next(iter(requests.values()))
    weights = {name: digest for request in requests.values() for name, digest in request.weights}
    attacks = {name: asdict(request.attack) for name, request in requests.items()}
    return results.provenance(
        command="the page Compare", device=device, seed=first.seed, seconds=seconds, weights=weights, data=data,
        names=names, contents=contents, attacks=attacks, unreadable=list(unreadable), target=first.target or None,
        target_picture=first.like.name if first.like else None, **more,
    )  # fmt: skip


def keep(rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> None:
    """Stores a finished measurement for good; raises ValueError where that cannot be done."""
    try:
        Store().add(rows, made)
    except ValueError as error:
        raise ValueError(f"measured, but not kept among the results: {error}") from error


def rows_csv(rows: Sequence[Mapping[str, Any]], more: Sequence[str] = ()) -> bytes:
    """A line for each row under the keys of the rows and `more`; lists are JSON, what is not there is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*results.ROW_KEYS, *more], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = results.to_json(row)
        writer.writerow({key: json.dumps(value) if isinstance(value, list) else value for key, value in plain.items()})
    return buffer.getvalue().encode()


def records_json(rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> bytes:
    """As `rows_json`, of rows that have keys of their own."""
    return results.dumps({"rows": list(rows), "provenance": dict(made)}).encode()


def records_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """As `rows_csv`, of rows that have keys of their own: a column for each key of any of them."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = results.to_json(row)
        writer.writerow({key: json.dumps(v) if isinstance(v, list | dict) else v for key, v in plain.items()})
    return buffer.getvalue().encode()


def _settings(request: Request) -> dict[str, Any]:
    """The attack's own settings, those that are measured like epsilon with their unit."""
    units = {
        f"{f.name}_unit": request.budget.epsilon_unit
        for f in fields(request.attack)
        if f.metadata.get("unit") == "budget"
    }
    return asdict(request.attack) | units


def _number(value: Any) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None
