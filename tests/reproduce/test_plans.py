"""The papers' numbers as entered, and plans that name only what there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from mta_core import attacks, cost, data, presets
from mta_core.cli.arguments import REPRODUCIBLE
from mta_core.generators import GapGenerator, MtaGenerator
from mta_core.generators.resnet import count_parameters
from mta_core.reproduce import TABLES, cost_table, mtlr, printed
from mta_core.reproduce.mta import ROOM_COLUMNS
from mta_core.reproduce.plan import Column, Line, Run, Table, wrong_averages
from mta_core.reproduce.recipes import generator_preset, victim_presets
from mta_core.reproduce.scales import PAPER_SIZE
from mta_core.tally import AGGREGATIONS
from mta_core.tasks import TASKS, task
from mta_core.tasks.meter import PUBLISHED

PLANS = [make() for make in TABLES.values()]
every_plan = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
KNOWN = {t.name for t in TASKS}


def test_the_command_line_offers_every_table() -> None:
    assert {*TABLES, cost_table.NAME, *mtlr.NAMES} == set(REPRODUCIBLE)
    assert [plan.name for plan in PLANS] == list(TABLES)


@pytest.mark.parametrize(
    ("number", "sign", "shown"), [(-0.001, "+", "+0.00"), (-0.001, "", "0.00"), (-0.5, "+", "-0.50"), (0.3, "", "0.30")]
)
def test_what_rounds_to_nothing_has_no_minus(number: float, sign: str, shown: str) -> None:
    assert Column("Size", "", "parameters").format(number, sign) == shown


@pytest.mark.parametrize(
    ("table", "labels", "label", "number"),
    [
        ("mta-table1", ("5", "MTA"), "D fooled ↑", 91.49),
        ("mta-table1", ("10", "GAP"), "Avg acc ↓", 3.19),
        ("mta-table1", ("–", "Clean"), "W acc ↓", 91.49),
        ("mta-table2", ("10", "MTA"), "D", 100.0),
        ("mta-table2", ("5", "GAP"), "Avg", 69.71),
        ("mta-table3", ("5", "GAP"), "W fooled ↑", 90.72),
        ("mta-table3", ("10", "MTA"), "A acc ↓", 4.78),
        ("mta-table4", ("5", "GAP"), "W", 45.99),
        ("mta-table4", ("10", "MTA"), "Avg", 93.19),
        ("mta-table5", ("Clean", ""), "mIoU ↑", 18.63),
        ("mta-table5", ("Universal", "GAP"), "Median ↓", 72.62),
        ("mta-table5", ("Per-instance", "MTA"), "Abs Err ↓", 1.7962),
        ("mta-table6", ("Clean",), "30° ↑", 56.54),
        ("mta-table6", ("Per-instance",), "Rel Err ↓", 0.4689),
    ],
)
def test_numbers_stand_where_the_paper_prints_them(
    table: str, labels: tuple[str, ...], label: str, number: float
) -> None:
    plan = TABLES[table]()
    line = next(line for line in plan.lines if line.labels == labels)
    assert line.paper[[column.label for column in plan.columns].index(label)] == number


def test_numbers_are_in_the_papers_text() -> None:
    """Every line as a row of cells; the text may lie beside the project."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "papers"
    text = Path(os.environ.get("MTA_PAPERS", beside)) / "multi-task-adversarial-attack.txt"
    if not text.is_file():
        pytest.skip("the paper's text is not here: set MTA_PAPERS to its folder")
    content = text.read_text(encoding="utf-8").replace("%", "").replace("(", "\t").replace(")", "")
    rows = {tuple(_numbers(row)) for row in content.splitlines()}
    tables = (printed.TABLE1, printed.TABLE2, printed.TABLE3, printed.TABLE4, printed.TABLE5, printed.TABLE6)
    lines = [numbers for known in tables for numbers in known.values()]
    lines += [printed.TABLE5_CLEAN, printed.TABLE6_CLEAN]
    lines += [(cost.PAPER_PARAMETERS[name] / 1e6, time) for name, time in cost.PAPER_MILLISECONDS.items()]
    assert [line for line in lines if tuple(line) not in rows] == []


def _numbers(row: str) -> list[float]:
    found = []
    for cell in row.replace("\t", " ").split():
        try:
            found.append(float(cell))
        except ValueError:
            continue
    return found


@every_plan
def test_plans_name_what_there_is(plan: Table) -> None:
    assert data.source(plan.stand_in).needs_path is False and data.source(plan.data).needs_path is True
    assert set(plan.tasks) <= KNOWN
    assert set(plan.aggregations) <= {*AGGREGATIONS, PUBLISHED}
    for column in plan.columns:
        for name in [column.task] if column.task else plan.tasks:
            assert column.metric in {m for known in task(name).measures for m in (known.name, known.when_targeted)}
    for line in plan.lines:
        assert len(line.labels) == len(plan.heads)
        assert len(line.paper) in (0, len(plan.columns))
    assert len({line.labels for line in plan.lines}) == len(plan.lines)
    for run in plan.runs:
        assert attacks.attack_class(run.attack).name == run.attack
        assert all(task(name).everywhere(run.target) is not None for name in plan.tasks if run.target)


@every_plan
def test_every_run_has_presets_of_the_papers_size(plan: Table) -> None:
    for run in plan.runs:
        assert victim_presets(PAPER_SIZE[run.victim])
        if run.is_generative:
            name = generator_preset(PAPER_SIZE[run.source], run.attack, run.instance, run.target)
            assert name is not None
            assert set(presets.generator_preset(name).tasks) == set(plan.tasks)


def test_generators_of_the_papers_size_have_the_papers_parameters() -> None:
    """Times ten: the paper's Table 7 prints a tenth of what its architecture has."""
    kinds = {"gap": GapGenerator, "mta": MtaGenerator}
    for name, count in cost.PAPER_PARAMETERS.items():
        method, _, instance = name.partition("-")
        recipe = presets.generator_preset(generator_preset("dmtl-paper", method, instance, "") or "")  # type: ignore[arg-type]
        with torch.device("meta"):
            network = kinds[method](recipe.tasks, recipe.ngf, recipe.num_blocks)
        assert count_parameters(network) == pytest.approx(10 * count, abs=51_000)
        assert (recipe.batch_size, recipe.learning_rate) == (5, 2e-4)


def test_columns_of_rooms_are_every_measure_in_its_order() -> None:
    names = [(column.task, column.metric) for column in ROOM_COLUMNS]
    assert names == [(t, m.name) for t in ("segmentation", "depth", "normals") for m in task(t).measures]


def test_averages_that_are_none_are_found() -> None:
    columns = (*(Column(name, name, "accuracy") for name in "ADW"), Column("Avg", "", "accuracy"))
    for average, expected in ((2.0, 0), (2.01, 0), (2.5, 1)):
        line = Line(("5", "MTA"), Run("objects"), paper=(1.0, 2.0, 3.0, average))
        assert len(wrong_averages(columns, line)) == expected
    assert [plan.name for plan in PLANS if any("cells' mean" in note for note in plan.notes)] == ["mta-table1"]
    note = next(note for note in TABLES["mta-table1"]().notes if "cells' mean" in note)
    assert note == "The paper prints an average of 88.80 (Avg fooled ↑, 5, MTA); its cells' mean is 87.94."
