"""What can be taken away from a result. No streamlit here."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from app.workshop import Request, Result
from mta_core import imaging


def adversarial_png(result: Result, perturbation: str) -> bytes:
    """The adversarial picture as an 8-bit PNG that is still inside the budget."""
    outcome = result.outcome
    picture = outcome.perturbations[perturbation].adversarial
    return imaging.encode_png(result.request.budget.round_to_8_bits(picture[None], outcome.clean[None]))


def perturbation_npy(result: Result, perturbation: str) -> bytes:
    """The perturbation, (3, H, W) float32 on the [0, 1] pixel scale."""
    buffer = io.BytesIO()
    np.save(buffer, result.outcome.perturbations[perturbation].perturbation.float().contiguous().numpy())
    return buffer.getvalue()


def report_json(result: Result) -> bytes:
    """Settings and everything that was measured."""
    request, outcome = result.request, result.outcome
    report = {
        "settings": {
            "picture": request.picture.name,
            "victim": request.victim,
            "tasks": [t.name for t in request.tasks],
            "attack": request.attack.name,
            **_settings(request),
            "scope": request.scope,
            "norm": str(request.budget.norm),
            "epsilon": request.budget.units,
            "epsilon_unit": request.budget.epsilon_unit,
            "seed": request.seed,
            "stopped_at_step": result.stopped_at,
        },
        "tasks": {
            name: {
                "attacked": name not in result.unreached,
                "verdict": result.verdict(name),
                "reference": "clean output" if o.truth is None else "ground truth",
                "measures": {
                    m.name: {"unit": m.unit, "higher_is_better": m.higher_is_better}
                    | {kind: _number(values[m.name]) for kind, values in o.measures.items()}
                    for m in o.task.measures
                },
            }
            for name, o in outcome.tasks.items()
        },
        "perturbations": {
            name: {key: _number(value) for key, value in asdict(made.similarity).items()}
            for name, made in outcome.perturbations.items()
        },
        "losses": [asdict(step) for step in result.history if step.losses],
        "seconds": outcome.seconds,
    }
    return json.dumps(report, indent=2, allow_nan=False).encode()


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
    return float(value) if np.isfinite(value) else None
