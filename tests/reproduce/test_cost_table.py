"""Table 7: counts and remarks at the paper's size, times at a small one."""

from __future__ import annotations

import pytest

from mta_core.events import Progress
from mta_core.generators import GapGenerator
from mta_core.generators.resnet import count_parameters
from mta_core.reproduce.cost_table import NAMES, CostReproduction
from mta_core.reproduce.mta import ROOM_TASKS
from tests import toys


def test_small_generators_are_counted_and_timed() -> None:
    made = CostReproduction.of(toys.CPU, repeats=2, size=(32, 32), ngf=4, per_instance_blocks=2, universal_blocks=1)
    assert all(isinstance(event, Progress) for event in made.run())
    assert all(made.costs[name]["turns"] == 2 and made.costs[name]["milliseconds"] > 0 for name in NAMES)
    report = made.report()
    lines = {line.labels: line for line in report.lines}
    assert lines["Per-instance", "GAP"].ours[""][0] == count_parameters(GapGenerator(ROOM_TASKS, 4, 2)) / 1e6
    gap, mta = (lines["Universal", method].ours[""] for method in ("GAP", "MTA"))
    assert lines["Universal", "GAP over MTA"].ours[""] == pytest.approx([g / m for g, m in zip(gap, mta, strict=True)])  # type: ignore[operator]
    assert not any("tenth" in note for note in report.notes), "these are not the paper's generators"
    assert not made.rows() and any("the median of 2 turns" in note for note in report.notes)


def test_interrupted_it_tells_of_the_turns_there_were() -> None:
    made = CostReproduction.of(toys.CPU, repeats=3, size=(32, 32), ngf=4, per_instance_blocks=2, universal_blocks=1)
    assert not made.report().notes, "nothing is timed yet"
    events = made.run()
    for turns, words in ((1, "one turn"), (2, "the median of 2 turns")):
        while any(made.costs.get(name, {}).get("turns", 0) < turns for name in NAMES):
            next(events)
        (note,) = made.report().notes
        assert f"one picture at a time, {words}; " in note


def test_the_papers_factor_of_ten_is_stated() -> None:
    report = CostReproduction.of(toys.CPU).report()
    assert any("exactly a tenth of what its architecture has" in note for note in report.notes)
    lines = {line.labels: line for line in report.lines}
    for labels in (("Universal", "GAP"), ("Universal", "MTA"), ("Per-instance", "GAP"), ("Per-instance", "MTA")):
        ours, printed = lines[labels].ours[""][0], lines[labels].paper[0]
        assert ours is not None and printed is not None and ours / printed == pytest.approx(10, rel=0.01)
    text = report.markdown()
    assert "| Per-instance | MTA | paper | 1.33 | 126.0 |" in text and "| Universal | GAP | ours | 16.44 | – |" in text
    assert "| Universal | GAP over MTA | paper | 2.65 | 2.8 |" in text
