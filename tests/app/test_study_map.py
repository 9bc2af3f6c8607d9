"""The study's heat map and pictures, without a browser."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from helpers import read_message

from app import study_map, study_pictures, study_words
from app.study_map import BLOCKS, CELLS, Block, Value
from mta_core.study.findings import Findings
from mta_core.study.plan import Probe
from mta_core.study.printed import RESNET18, RESNET152, TABLES, XCEPTION
from tests import study_made

FOUND = Findings(study_made.made())
EVERY: tuple[Block, ...] = tuple(BLOCKS.values())


def link(cell: str) -> str:
    return f"./?cell={cell}"


def cells_of(message: dict) -> dict[tuple[str, str], dict]:  # type: ignore[type-arg]
    return {(row["label"], cell["task"]): cell for row in message["rows"] for cell in row["cells"]}


@pytest.mark.parametrize("block", EVERY)
def test_a_cell_shows_the_finding(block: Block) -> None:
    values = study_map.ours(FOUND, block)
    assert set(values) == set(CELLS)
    for (main, auxiliary), value in values.items():
        found = FOUND.cell(main, auxiliary, multi=block == "multi")
        assert found is not None
        expected = found.relative if block != "clean" else found.clean * (100 if main == "s" else 1)
        assert value.value == pytest.approx(expected)
        assert value.interval is not None and value.interval[0] < value.value < value.interval[1] and value.n == 64
    shown = cells_of(study_map.message(values, block, "sd", link))
    assert [cell for cell, made in shown.items() if made["chosen"]] == [("s", "d")]
    assert all("95 % interval" in made["alt"] and "64 pictures" in made["alt"] for made in shown.values())
    assert all(0 <= made["share"] <= 1 for made in shown.values())


def test_the_papers_cells_are_shown_as_printed() -> None:
    shown = cells_of(study_map.message(study_map.printed(RESNET18, "single"), "single", "", link))
    assert shown["E", "E"]["text"] == "31.4" and shown["s", "d"]["text"] == "0.84"
    assert shown["s", "d"]["sub"] == "×1.04" and shown["s", "s"]["sub"] == "alone"
    assert "31.37, the paper's" in shown["E", "E"]["alt"]
    assert shown["E", "E"]["share"] == 1 and min(cell["share"] for cell in shown.values()) == 0


def test_clean_errors_are_coloured_within_their_row() -> None:
    shown = cells_of(study_map.message(study_map.printed(RESNET18, "clean"), "clean", "", link))
    for main in "sdDnE":
        row = sorted(shown[main, auxiliary]["share"] for auxiliary in "sdDnE")
        assert row == [0, 0.25, 0.5, 0.75, 1]


def test_the_thirteen_cells_of_two_tables_are_marked() -> None:
    for table, other in ((XCEPTION, 6), (RESNET152, 4)):
        marked = [study_map.copied(table, block) for block in EVERY]
        assert sum(map(len, marked)) == 13
        made = study_map.message({}, "clean", "", link, dict.fromkeys(marked[0], f"= Table {other}"))
        assert {place for place, cell in cells_of(made).items() if cell["marked"]} == marked[0]
        assert any("13 identical cells" in words for words in study_words.slips(table, "clean"))
    assert not any(study_map.copied(RESNET18, block) for block in EVERY)
    assert study_words.slips(RESNET18, "clean") == []


def test_ranks_share_places_and_agree_with_themselves() -> None:
    some = {cell: Value(float(number)) for cell, number in zip(CELLS, (3, 1, 1, 2, math.nan), strict=False)}
    assert list(study_map.ranks(some).values()) == [4, 1.5, 1.5, 3]
    for table in TABLES:
        values = study_map.printed(table, "single")
        turned = {cell: Value(-value.value) for cell, value in values.items()}
        assert study_map.spearman(values, values) == pytest.approx(1)
        assert study_map.spearman(values, turned) == pytest.approx(-1)
    known = {cell: Value(x) for cell, x in zip(CELLS, (1.0, 2.0, 3.0, 4.0, 5.0), strict=False)}
    other = {cell: Value(x) for cell, x in zip(CELLS, (2.0, 1.0, 4.0, 3.0, 5.0), strict=False)}
    assert study_map.spearman(known, other) == pytest.approx(0.8), "1 - 6 * 4 / (5 * 24)"
    assert math.isnan(study_map.spearman(known, {CELLS[0]: Value(1.0)}))
    assert "Too few" in study_map.agreement(known, {})


def test_a_map_of_nothing_can_be_sent() -> None:
    bad = {("s", "s"): Value(math.nan), ("s", "d"): Value(-0.5), ("d", "d"): Value(0.0)}
    for block in EVERY:
        for are_ranks in (False, True):
            json.dumps(study_map.message(bad, block, "", link, are_ranks=are_ranks), allow_nan=False)
    shown = cells_of(study_map.message(bad, "single", "", link))
    assert shown["n", "n"]["alt"].endswith("not measured yet") and shown["s", "s"]["text"] == "–"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.81, "0.81"),
        (26.62, "26.6"),
        (1817.37, "1,817"),
        (140453.97, "140k"),
        (0.0123, "0.0123"),
        (0.00052, "0.00052"),
        (-0.5, "−0.50"),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert study_map.written(number) == text


@pytest.mark.parametrize("multi", [False, True])
def test_tiles_are_cut_where_they_lie(multi: bool, tmp_path: Path) -> None:
    probe = study_pictures.probe_of("dn", multi=multi)
    assert probe == Probe("dn", "dn" if multi else "d")
    path = study_made.write_sheet(probe, tmp_path)
    cut = study_pictures.tiles(path, probe.model)
    assert [len(row) for row in cut] == [3, 3, 3]
    for row, drawings in enumerate(cut):
        for column, made in enumerate(drawings):
            assert made.pixels.shape == (*study_made.TILE, 3)
            assert np.all(made.pixels == (40 * row + 20, 90 * column + 20, 120))
    header, files = read_message(study_pictures.message(path, probe, FOUND))
    assert header["columns"] == 3 and header["aspect"] == "32 / 24" and len(files) == 9
    assert [row["title"] for row in header["rows"]] == ["Picture", "Depth (d)", "Surface normals (n)"]
    assert header["rows"][2]["words"] == ("Attacked." if multi else "Not attacked, but answered by the same network.")
    found = FOUND.find(probe, "d")
    assert found is not None
    assert ["Change", f"{100 * found.relative:+,.0f} %"] in header["rows"][1]["facts"]


def test_what_is_no_sheet_is_one_sentence(tmp_path: Path) -> None:
    path = study_made.write_sheet(Probe("s", "s"), tmp_path, (7, 5))
    with pytest.raises(ValueError, match=r"^expected 3 rows and 3 columns of pictures in .*, got 15x14 pixels$"):
        study_pictures.tiles(path, "dn")
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="cannot be read"):
        study_pictures.tiles(path, "s")


def test_the_verdict_tells_of_every_error() -> None:
    words = study_pictures.verdict(FOUND, Probe("sd", "s"))
    assert words.startswith("A perturbation against segmentation, over 64 pictures: the error of segmentation rises")
    assert "the error of depth rises" in words and words.count(".") >= 1
    assert "against segmentation and depth" in study_pictures.verdict(FOUND, Probe("sd", "sd"))
    assert study_pictures.verdict(Findings(), Probe("sd", "s")) == ""


def test_the_headline_counts_pairs_against_the_task_alone() -> None:
    values = {
        ("s", "s"): Value(1.0, (0.9, 1.1)), ("s", "d"): Value(0.5, (0.4, 0.6)), ("s", "n"): Value(0.95, (0.8, 1.2)),
        ("s", "E"): Value(1.5, (1.2, 1.8)), ("d", "s"): Value(3.0, (2.0, 4.0)),
    }  # fmt: skip
    told = study_map.answer(values, "single")
    assert "hurt less than alone in 2 of 3 pairs (1 with 95 % intervals apart)" in told, "d alone is not known"
    assert told.endswith("and more in 1 (1 with 95 % intervals apart).")
    assert "of 20 pairs" in study_map.answer(study_map.printed(RESNET18, "multi"), "multi")
    assert "intervals" not in study_map.answer(study_map.printed(RESNET18, "clean"), "clean"), "the paper prints none"
    assert study_map.answer({("s", "s"): Value(1.0)}, "single") == ""
