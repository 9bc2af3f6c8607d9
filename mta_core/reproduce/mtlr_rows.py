"""What the study found as rows of measurement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mta_core.attacks.pgd import RELEASED
from mta_core.study.findings import Finding
from mta_core.study.plan import STEPS, Probe
from mta_core.study_presets import LETTERS

ERROR, RELATIVE = "error", "relative_vulnerability"


def attack_of(probe: Probe) -> str:
    """`pgd`, or what sets it apart from the study's usual one, as rows have no other place for it."""
    own = [] if probe.steps == STEPS else [f"{probe.steps} steps"]
    own += ["released L2 step"] if probe.l2_step == RELEASED else []
    return ", ".join(["pgd", *own])


def rows_of(found: Finding) -> Iterator[dict[str, Any]]:
    """Its error and its relative vulnerability, with the keys of `mta_core.results.ROW_KEYS`."""
    probe = found.probe
    shared = {
        "data": found.data, "split": "test", "victim": found.victim, "source": found.victim,
        "attack": attack_of(probe), "instance": "per-instance", "goal": "non-targeted",
        "scope": "joint" if len(probe.attacked) > 1 else "per-task",
        "attacked": [LETTERS[letter] for letter in probe.attacked], "task": LETTERS[found.task],
        "aggregation": "pooled", "unit": "", "higher_is_better": False, "norm": str(probe.budget.norm),
        "epsilon": probe.epsilon, "epsilon_unit": probe.budget.epsilon_unit, "n": found.n, "seed": found.seed,
    }  # fmt: skip
    numbers = {
        ERROR: (found.clean, found.adversarial, found.adversarial_ci95),
        RELATIVE: (0.0, found.relative, found.relative_ci95),
    }
    for metric, (clean, adversarial, ends) in numbers.items():
        ci95 = None if ends is None else list(ends)
        yield {**shared, "metric": metric, "clean": clean, "adversarial": adversarial, "ci95": ci95}
