"""What comes with the program, and what was found here on top of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mta_core import weights
from mta_core.study import plan, shipped
from mta_core.study.findings import Finding, read, write
from mta_core.study.plan import Probe

PROBE = Probe("sd", "s")
ROW = {
    "data": "rooms", "split": "test", "victim": "short", "source": "short", "attack": "first-order",
    "instance": "per-instance", "goal": "non-targeted", "scope": "per-task", "attacked": ["depth"], "task": "depth",
    "metric": "first_order", "aggregation": "per-picture", "unit": "loss", "higher_is_better": False, "norm": "linf",
    "epsilon": 8.0, "epsilon_unit": "1/255", "clean": 0.0, "adversarial": 0.5, "ci95": None, "n": 1, "seed": 0,
}  # fmt: skip


def finding(probe: Probe, task: str, relative: float) -> Finding:
    return Finding(probe, task, 0.5, 1.0, relative, None, None, (0.5, 1.5), 3, 0, "short", "0" * 64)


def test_there_may_be_nothing(runs: Path) -> None:
    assert len(shipped.findings()) == 0 and shipped.theories() == [] and shipped.sheet(PROBE) is None


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
    made = {"rows": [ROW], "provenance": {"date": "2026-01-31T12:00:00+00:00"}}
    (folder / "short-all-l2.json").write_text(json.dumps(made))
    assert [shipped.theory(path) for path in shipped.theories()] == [made]
    rows = ({}, ROW | {"metric": "miou"}, ROW | {"attacked": []}, ROW | {"attacked": ["x"]}, ROW | {"epsilon": 0}, 3)
    documents = [made | {"rows": [ROW, other]} for other in rows] + [made | {"rows": None}, made | {"provenance": {}}]
    for broken in ("{", "[]", '{"rows": []}', "[" * 100_000, *map(json.dumps, documents)):
        (folder / "dmtl-l2.json").write_text(broken)
        with pytest.raises(ValueError, match=r"^expected rows and provenance in .*dmtl-l2.json"):
            shipped.theory(folder / "dmtl-l2.json")


def test_a_sheet_is_found_by_its_probe(runs: Path) -> None:
    path = weights.SHIPPED.parent / "study" / "pictures" / "segmentation-depth--segmentation--linf-8-25.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert shipped.sheet(PROBE) == path
    os.mkfifo(path.with_name(f"{shipped.stem(replace(PROBE, attacked='sd'))}.webp"))
    assert shipped.sheet(replace(PROBE, attacked="sd")) is None, "a pipe may never end"
    assert shipped.sheet(replace(PROBE, attacked="d")) is None


def test_files_have_names_of_their_own_without_case() -> None:
    every = [*plan.small_study(), *plan.paper_study("s1"), *plan.probes(["dD", "eE", "kK"])]
    known = set(every)
    stems = {shipped.stem(probe).lower() for probe in known}
    assert len(stems) == len(known) and max(map(len, stems)) < 200
    assert all(not set(stem) & set("/\\: ") for stem in stems)


@pytest.mark.parametrize(
    "damage",
    [
        {"probe": {"model": "sd", "attacked": "s", "epsilon": "8"}}, {"probe": {"model": "sd", "attacked": "n"}},
        {"probe": {"model": "sd", "attacked": "s", "epsilon": math.nan}}, {"probe": {"model": ["s"], "attacked": "s"}},
        {"probe": {"model": "s", "attacked": "s", "norm": "l"}}, {"probe": {"model": "s", "attacked": "s", "steps": 0}},
        {"probe": {"model": "sd", "attacked": "s", "l2_step": "?"}}, {"probe": 3}, {"task": "zz"}, {"task": "n"},
        {"task": ["s"]}, {"task": ""}, {"n": "many"}, {"n": -1}, {"seed": True}, {"victim": {"a": 1}}, {"sha256": None},
        {"content_sha256": 5}, {"clean": math.inf}, {"adversarial": "1"}, {"relative": 10**400}, {"clean_ci95": [1]},
        {"relative_ci95": "ab"}, {"adversarial_ci95": 0}, {"unknown": 1},
    ],
)  # fmt: skip
def test_a_line_that_is_no_finding_is_one_sentence(damage: dict[str, Any], tmp_path: Path) -> None:
    """Numbers that nobody measured would stop the study later, or the page."""
    path = tmp_path / "findings.jsonl"
    made = finding(PROBE, "s", 1.0).to_json()
    path.write_text(json.dumps(made))
    assert len(read(path)) == 1
    path.write_text(json.dumps(made | damage))
    with pytest.raises(ValueError, match=r"^expected findings of the study in .*findings.jsonl, one in a line$"):
        read(path)


def test_lists_in_lists_are_no_findings(tmp_path: Path) -> None:
    path = tmp_path / "findings.jsonl"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"^expected findings"):
        read(path)


def test_a_pipe_is_no_file(runs: Path) -> None:
    """It may never end."""
    folder = shipped.folder()
    (folder / "theory").mkdir(parents=True)

    def read_theory() -> None:
        for path in shipped.theories():
            shipped.theory(path)

    for name, look in (("findings.jsonl", shipped.findings), ("theory/dmtl-l2.json", read_theory)):
        path = folder / name
        os.mkfifo(path)
        with pytest.raises(ValueError, match=r"^expected .* it is not a file$"):
            look()
