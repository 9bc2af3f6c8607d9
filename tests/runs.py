"""Runs of measurements as they would be stored."""

from __future__ import annotations

from typing import Any

MAIN = {"segmentation": ("miou", "", True), "depth": ("abs_err", "m", False)}
WEIGHTS = {"dmtl": "ab" * 32}


def make_row(**changed: Any) -> dict[str, Any]:
    return {
        "data": "rooms", "split": "test", "victim": "dmtl", "source": "dmtl", "attack": "pgd",
        "instance": "per-instance", "goal": "non-targeted", "scope": "per-task", "attacked": ["segmentation", "depth"],
        "task": "depth", "metric": "abs_err", "aggregation": "pooled", "unit": "m", "higher_is_better": False,
        "norm": "linf", "epsilon": 5.0, "epsilon_unit": "1/255", "clean": 0.1 + 0.2, "adversarial": 1.5,
        "ci95": [1.25, 1.75], "n": 2, "seed": 0,
    } | changed  # fmt: skip


def make_rows(**changed: Any) -> list[dict[str, Any]]:
    """The main measure of two tasks."""
    return [
        make_row(**{"task": name, "metric": metric, "unit": unit, "higher_is_better": higher} | changed)
        for name, (metric, unit, higher) in MAIN.items()
    ]


def make_provenance(number: int = 0, **changed: Any) -> dict[str, Any]:
    """A minute later for each number."""
    date = f"2026-03-01T{number // 60:02}:{number % 60:02}:00+00:00"
    return {"command": f"python -m mta_core evaluate --seed {number}", "device": "CPU", "date": date,
            "seconds": 1.5, "seed": number, "weights": WEIGHTS, "target": None} | changed  # fmt: skip
