"""Figures of the study: their values are the findings'."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app import study_charts, study_words
from app.study_charts import MULTI, SINGLE
from app.study_map import BLOCKS
from mta_core.study import plan
from mta_core.study.findings import Findings
from mta_core.study.plan import Probe
from mta_core.study_presets import LETTERS
from tests import study_made

FOUND = Findings(study_made.made())
TWO_SENTENCES = re.compile(r"[^.!?]*(?:\.\d[^.!?]*)*\. It does not show [^.!?]*(?:\.\d[^.!?]*)*\.")


@pytest.mark.parametrize("main", plan.CURVE_TASKS)
def test_errors_by_steps_are_the_findings(main: str) -> None:
    figure = study_charts.steps(FOUND, main)
    assert len(figure.data) == 1 + 4 * 2, "alone, and each of four auxiliary tasks under two attacks"
    scale = 100 if main == "s" else 1
    for line in figure.data:
        auxiliary = main if line.name == "alone" else line.name[5]
        kind = MULTI if "both" in line.name else SINGLE
        probes = plan.by_steps(study_charts.attacks(main, auxiliary)[kind])
        assert list(line.x) == list(plan.CURVE_STEPS)
        assert list(line.y) == pytest.approx([scale * found(probe, main).adversarial for probe in probes])


def found(probe: Probe, task: str) -> Any:
    known = FOUND.find(probe, task)
    assert known is not None
    return known


@pytest.mark.parametrize("main", plan.CURVE_TASKS)
@pytest.mark.parametrize(
    ("draw", "series", "values"),
    [
        (study_charts.by_steps, plan.by_steps, [str(each) for each in plan.CURVE_STEPS]),
        (study_charts.by_epsilon, plan.by_epsilon, [f"{each:g}" for each in plan.CURVE_EPSILONS]),
        (study_charts.by_norm, plan.by_norm, list(study_charts.NORMS.values())),
    ],
)
def test_spreads_are_the_findings(
    main: str, draw: Callable[..., Any], series: Callable[..., list[Probe]], values: list[str]
) -> None:
    figure = draw(FOUND, main)
    single, multi = figure.data
    assert (single.name, multi.name) == (SINGLE, MULTI)
    for box, kind, others in ((single, SINGLE, plan.MAIN), (multi, MULTI, plan.MAIN.replace(main, ""))):
        expected = {
            (value, round(found(probe, main).relative, 9))
            for auxiliary in others
            for value, probe in zip(values, series(study_charts.attacks(main, auxiliary)[kind]), strict=True)
        }
        assert {(x, round(y, 9)) for x, y in zip(box.x, box.y, strict=True)} == expected
    assert list(figure.layout.xaxis.categoryarray) == values


def test_all_tasks_are_shown_with_their_intervals() -> None:
    figure = study_charts.all_tasks(FOUND)
    for bar, attacked in zip(figure.data, ("", plan.ALL), strict=True):
        known = [found(Probe(plan.ALL, attacked or letter), letter) for letter in LETTERS]
        assert list(bar.x) == [each.relative for each in known]
        assert list(bar.error_x.array) == pytest.approx([each.relative_ci95[1] - each.relative for each in known])
        assert list(bar.error_x.arrayminus) == pytest.approx([each.relative - each.relative_ci95[0] for each in known])


def test_what_no_attack_moves_is_not_called_robust() -> None:
    assert study_words.unmoved(FOUND) == study_words.unmoved(Findings()) == []
    still = Findings(
        replace(each, relative=-1e-5) if each.task == "p" and each.probe.attacked == "p" else each for each in FOUND
    )
    (said,) = study_words.unmoved(still)
    assert said.startswith("**Principal curvature** does not move") and "no robustness" in said


def test_what_is_not_measured_is_not_drawn() -> None:
    assert study_charts.mains(Findings()) == [] and not study_charts.has_all_tasks(Findings())
    some = Findings(each for each in FOUND if each.probe.model in ("s", "sd") and each.probe.norm == "linf")
    assert study_charts.mains(some) == ["s"]
    assert [line.name for line in study_charts.steps(some, "s").data] == ["alone", "with d", "with d, both attacked"]
    assert not study_charts.has_norms(some, "s") and study_charts.has_norms(FOUND, "s")
    assert len(study_charts.steps(some, "n").data) == len(study_charts.by_norm(Findings(), "s").data) == 0


@pytest.mark.parametrize(
    "words",
    [
        *(study_words.under_map(block) for block in BLOCKS.values()),
        *(study_words.under_ranks(block) for block in BLOCKS.values()),
        study_words.STEPS, study_words.BY_STEPS, study_words.BY_EPSILON, study_words.BY_NORM, study_words.ALL_TASKS,
        study_words.PICTURES,
    ],
)  # fmt: skip
def test_two_sentences_tell_what_is_shown_and_what_is_not(words: str) -> None:
    assert TWO_SENTENCES.fullmatch(words), words
