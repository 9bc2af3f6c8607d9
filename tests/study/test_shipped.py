"""What comes with the program, and what was found here on top of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mta_core import weights
from mta_core.study import plan, shipped
from mta_core.study.findings import Finding, write
from mta_core.study.plan import Probe

PROBE = Probe("sd", "s")


def finding(probe: Probe, task: str, relative: float) -> Finding:
    return Finding(probe, task, 0.5, 1.0, relative, None, None, (0.5, 1.5), 3, 0, "short", "0" * 64)


def test_there_may_be_nothing(runs: Path) -> None:
    assert len(shipped.findings()) == 0 and shipped.theories() == {} and shipped.sheet(PROBE) is None


def test_what_was_found_here_comes_first(runs: Path) -> None:
    write(shipped.folder() / "findings.jsonl", [finding(PROBE, "s", 1.0), finding(PROBE, "d", 2.0)])
    write(runs / "study" / "short" / "findings.jsonl", [finding(PROBE, "d", 3.0)])
    found = shipped.findings()
    assert [(each.task, each.relative) for each in found] == [("s", 1.0), ("d", 3.0)]
    assert found.cell("s", "d") == finding(PROBE, "s", 1.0) and found.has(PROBE)


def test_no_victim_is_of_two_origins(runs: Path) -> None:
    """What was found of other weights or pictures is not set beside what was found here."""
    first, other, apart = Probe("sd", "s"), Probe("sd", "d"), Probe("n", "n")
    there = [replace(finding(probe, "s", 1.0), victim=probe.model) for probe in (first, other)]
    there += [replace(finding(apart, "n", 1.0), victim="n")]
    write(shipped.folder() / "findings.jsonl", there)
    own = runs / "study" / "short" / "findings.jsonl"
    for change in ({}, {"sha256": "1" * 64}, {"content_sha256": "2" * 64}):
        found_here = replace(there[0], relative=2.0, **change)
        write(own, [found_here])
        others = there[2:] if change else there[1:]
        assert set(shipped.findings()) == {found_here, *others}


def test_theories_are_known_by_their_files(runs: Path) -> None:
    folder = shipped.folder() / "theory"
    folder.mkdir(parents=True)
    made = {"rows": [], "provenance": {"seed": 0}}
    (folder / "short-all-l2.json").write_text(json.dumps(made))
    assert shipped.theories() == {"short-all-l2": made}
    for broken in ("{", "[]", '{"rows": []}'):
        (folder / "dmtl-l2.json").write_text(broken)
        with pytest.raises(ValueError, match=r"^expected rows and provenance in .*dmtl-l2.json"):
            shipped.theories()


def test_a_sheet_is_found_by_its_probe(runs: Path) -> None:
    path = weights.SHIPPED.parent / "study" / "pictures" / "segmentation-depth--segmentation--linf-8-25.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert shipped.sheet(PROBE) == path and shipped.sheet(replace(PROBE, attacked="d")) is None


def test_files_have_names_of_their_own_without_case() -> None:
    every = [*plan.small_study(), *plan.paper_study("s1"), *plan.probes(["dD", "eE", "kK"])]
    known = set(every)
    stems = {shipped.stem(probe).lower() for probe in known}
    assert len(stems) == len(known) and max(map(len, stems)) < 200
    assert all(not set(stem) & set("/\\: ") for stem in stems)
