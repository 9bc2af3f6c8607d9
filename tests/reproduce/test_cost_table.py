"""Table 7: counts at the paper's size, times at a small one."""

from __future__ import annotations

import pytest
import torch

from mta_core.events import Progress
from mta_core.generators import GapGenerator, MtaGenerator
from mta_core.generators.resnet import count_parameters
from mta_core.reproduce import CostReproduction
from mta_core.reproduce.cost_table import KINDS
from tests import toys

PAPER = {  # arithmetic over the architecture: encoders and decoders of 4 and 10 blocks
    ("universal", "gap"): 16_440_201, ("universal", "mta"): 6_236_937,
    ("per-instance", "gap"): 37_692_297, ("per-instance", "mta"): 13_320_969,
}  # fmt: skip


def test_small_generators_are_counted_and_timed() -> None:
    made = CostReproduction(toys.CPU, repeats=2, size=(32, 32), ngf=4)
    events = list(made.run())
    assert [(event.done, event.total) for event in events if isinstance(event, Progress)] == [(1, 3), (2, 3), (3, 3)]
    tasks = ("segmentation", "depth", "normals")
    for method, kind in (("gap", GapGenerator), ("mta", MtaGenerator)):
        assert KINDS[method] is kind
        assert made.parameters["per-instance", method] == count_parameters(kind(tasks, 4, 10))
        assert made.parameters["universal", method] == count_parameters(kind(tasks, 4, 4)), "noise is not learnt"
    assert all(time > 0 for time in made.milliseconds.values())
    report = made.report()
    lines = {line.labels: line for line in report.lines}
    assert lines["Universal", "GAP over MTA"].paper == pytest.approx((1.64 / 0.62, 384 / 137))
    ratio = made.parameters["universal", "gap"] / made.parameters["universal", "mta"]
    assert lines["Universal", "GAP over MTA"].ours[""][0] == pytest.approx(ratio)
    assert not any("a tenth" in note for note in report.notes), "these are not the paper's generators"
    assert "| Per-instance | MTA | paper | 1.33 | 126.0 |" in report.markdown()


def test_the_papers_factor_of_ten_is_stated() -> None:
    made = CostReproduction(toys.CPU)
    with torch.device("meta"):
        for key, count in PAPER.items():
            made.parameters[key] = count_parameters(
                KINDS[key[1]](("s", "d", "n"), 64, 4 if key[0] == "universal" else 10)
            )
            assert made.parameters[key] == count
    made.milliseconds = dict.fromkeys(PAPER, 1.0)
    note = next(note for note in made.report().notes if "a tenth" in note)
    assert note.endswith("counted here are 16,440,201, 6,236,937, 37,692,297, 13,320,969 parameters.")
