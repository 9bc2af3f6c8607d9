"""What was found of the short study: as it comes with the program, and by whoever ran it again here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mta_core import weights
from mta_core.rows import checked_run
from mta_core.study.findings import Findings, read
from mta_core.study.plan import Probe
from mta_core.study_presets import SHORT, words
from mta_core.vulnerability.rows import check_rows

FINDINGS = "findings.jsonl"


def folder() -> Path:
    """Of what is shipped."""
    return weights.SHIPPED.parent / "study"


def findings() -> Findings:
    """Those that are shipped; on top those of a study that was run here, on all its pictures.

    Raises:
        ValueError: a file is not one of findings; it says so in one sentence.
    """
    there, own = (
        read(path) if path.exists() else Findings()
        for path in (folder() / FINDINGS, weights.RUNS / "study" / SHORT / FINDINGS)
    )
    return there.beneath(own)


def theories() -> list[Path]:
    """Files of what gradients predict; `theory` reads them."""
    return sorted((folder() / "theory").glob("*.json"))


def theory(path: Path) -> dict[str, Any]:
    """What gradients predict, as `vulnerability --json` writes it.

    Raises:
        ValueError: it is no such document; it says so in one sentence.
    """
    try:
        if not path.is_file():  # a pipe may never end
            raise ValueError("it is not a file")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        check_rows(found["rows"])
        checked_run(found["rows"], found["provenance"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"expected rows and provenance in {path}: {weights.brief(error)}") from error
    return found


def sheet(probe: Probe) -> Path | None:
    """The pictures of a probe, rendered here or shipped; None where there are none."""
    name = f"{stem(probe)}.webp"
    places = (weights.RUNS / "study" / SHORT / "pictures" / name, folder() / "pictures" / name)
    return next((path for path in places if path.is_file()), None)  # a pipe would never end


def stem(probe: Probe) -> str:
    """A file's name for a probe, without its ending, such as `segmentation-depth--segmentation--linf-8-25`; different
    ones for all, also where names have no case."""
    attacked = "together" if len(probe.attacked) == len(probe.model) > 1 else words(probe.attacked)
    epsilon = repr(float(probe.epsilon)).removesuffix(".0")
    step = f"-{probe.l2_step}" if probe.l2_step != "unit" else ""
    return f"{words(probe.model)}--{attacked}--{probe.norm}-{epsilon}-{probe.steps}{step}"
