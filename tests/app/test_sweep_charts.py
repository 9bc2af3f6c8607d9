"""Figures of a sweep: what lies where, and in which unit."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from typing import Any

import pytest

from app import sweep_charts, sweeps
from app.library import Shelf
from app.sweeps import Known, Shown
from mta_core import PROGRAM
from mta_core.cli.arguments import make_parser
from mta_core.data import open_data
from mta_core.sweep import SweepRow
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import task
from mta_core.variables import variable

RECIPE = SweepRecipe(tasks=("depth",), values=(4.0, 1.0, 16.0))
DEPTH, SEGMENTATION = task("depth"), task("segmentation")
ERROR = Shown(DEPTH.measures[0], "pooled")


def row(value: Any, adversarial: float, attack: str = "pgd", recipe: SweepRecipe = RECIPE, **more: Any) -> SweepRow:
    values = {
        "attack": attack, "task": "depth", "metric": "abs_err", "aggregation": "pooled", "clean": 0.5,
        "adversarial": adversarial, "ci95": [adversarial - 0.1, adversarial + 0.2], "n": 3,
    }  # fmt: skip
    point = {
        "variable": recipe.variable, "value": value, "said": variable(recipe.variable).said(recipe, value),
        "number": recipe.values.index(value), "quartiles": [adversarial - 0.3, adversarial, adversarial + 0.3],
        "clean_quartiles": [0.4, 0.5, 0.6], "is_final": True,
    }  # fmt: skip
    return SweepRow(values | {k: v for k, v in more.items() if k in values}, point | more)


def traces(found: Known, recipe: SweepRecipe = RECIPE, shown: Shown = ERROR) -> Any:
    return sweep_charts.figure(found, recipe, DEPTH if shown is ERROR else SEGMENTATION, shown)


def main(figure: Any) -> Any:
    return next(trace for trace in figure.data if trace.error_y.array is not None)


def test_points_lie_in_the_order_of_their_values_and_begin_clean() -> None:
    figure = traces(Known((row(4.0, 2.0), row(1.0, 1.0), row(4.0, 0.6, "noise"))))
    assert main(figure).x == (0.0, 1.0, 4.0)
    assert main(figure).y == (0.5, 1.0, 2.0)
    assert main(figure).error_y.array == pytest.approx((0.0, 0.2, 0.2))
    assert main(figure).error_y.arrayminus == pytest.approx((0.0, 0.1, 0.1))
    top, bottom, middle = figure.data[:3]
    assert bottom.fill == "tonexty" and bottom.y == pytest.approx((0.4, 0.7, 1.7))
    assert top.y == pytest.approx((0.6, 1.3, 2.3)) and middle.y == pytest.approx((0.5, 1.0, 2.0))
    assert figure.layout.xaxis.range[1] > 16, "room for what is not measured yet"
    assert figure.layout.shapes[0].y0 == 0.5, "the clean line"


def test_what_has_not_had_all_its_pictures_is_open_and_moves_nothing_else() -> None:
    under_way = {"is_final": False, "clean": 0.9}
    noise = (row(4.0, 0.6, "noise"), row(1.0, 0.7, "noise", **under_way))
    figure = traces(Known((row(4.0, 2.0), row(1.0, 1.0, **under_way), *noise)))
    assert main(figure).x == (0.0, 4.0), "the line"
    assert figure.data[0].x == (0.0, 4.0), "the band"
    drawn = [trace for trace in figure.data if "lines" in trace.mode]
    assert not any(1.0 in trace.x for trace in drawn)
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [(trace.x, trace.y, trace.marker.symbol) for trace in dots] == [
        ((1.0,), (0.7,), "circle-open"), ((1.0,), (1.0,), "circle-open"),
    ]  # fmt: skip
    assert figure.layout.shapes[0].y0 == 0.5, "clean values of fewer pictures are others"


def test_values_that_are_no_numbers_stand_beside_each_other() -> None:
    recipe = replace(RECIPE, variable="attack", values=("fgsm", "noise"))
    found = Known((row("fgsm", 1.0, "fgsm", recipe), row("noise", 0.6, "noise", recipe)))
    figure = traces(found, recipe)
    assert main(figure).x == ("FGSM", "Random noise") and main(figure).mode == "markers"
    assert figure.layout.xaxis.type == "category"


def test_nothing_to_measure_is_a_gap_and_nothing_at_all_an_empty_chart() -> None:
    missing = row(4.0, math.nan, ci95=None, quartiles=None)
    assert main(traces(Known((row(1.0, 1.0), missing)))).y == (0.5, 1.0, None)
    empty = traces(Known())
    assert empty.layout.yaxis.showticklabels is False
    assert sweep_charts.alt(Known(), RECIPE, DEPTH, ERROR).endswith("nothing measured yet")


def test_shares_are_in_per_cent_and_pooled_ones_have_no_spread() -> None:
    rows = [
        row(4.0, 0.3, task="segmentation", metric="miou", aggregation=aggregation)
        for aggregation in ("pooled", "per-picture")
    ]
    per_picture, pooled = sweeps.shown_of(SEGMENTATION, False)[:2]
    assert [per_picture.label, pooled.label] == ["mIoU, per picture", "mIoU"]
    with_spread, without = (traces(Known(tuple(rows)), shown=shown) for shown in (per_picture, pooled))
    assert main(with_spread).y[-1] == pytest.approx(30) and with_spread.layout.yaxis.ticksuffix == " %"
    assert len(with_spread.data) == len(without.data) + 3


def test_the_headline_says_where_it_is_strongest() -> None:
    assert sweeps.headline(Known((row(4.0, 2.0),)), RECIPE) == ""
    found = Known((row(4.0, 2.0), row(1.0, 1.0), row(16.0, 9.0, "noise")))
    assert sweeps.headline(found, RECIPE) == (
        "Strongest with epsilon 4/255 (L-inf): depth absolute error from 0.500 m to 2.000 m."
    )
    fewer = Known(tuple(row for row in found.rows if row.point["value"] != 16))
    assert sweeps.headline(fewer, RECIPE).startswith("Strongest so far with epsilon 4/255"), "of three values"
    targeted = replace(RECIPE, target="depth=2")
    assert "epsilon 1/255" in sweeps.headline(found, targeted), "nearer to the target is stronger"


def test_the_command_line_says_the_same(gallery: Any) -> None:
    recipe = replace(RECIPE, data="rooms", split="gallery", settings=(("num_steps", 3),), scope="joint")
    command = sweeps.command_of(recipe, gallery)
    assert "--variable epsilon --values 4,1,16 --data rooms --split gallery --limit" in command
    assert "--set num_steps=3" in command and "--joint" in command
    elsewhere = Shelf("Rooms", gallery.data_at)
    assert "--data rooms:PATH --split gallery" in sweeps.command_of(recipe, elsewhere), "an operator's folder"


def test_the_command_line_of_the_gallery_runs_as_printed(gallery: Any) -> None:
    recipe = replace(RECIPE, data=gallery.data.name, split=gallery.data.split)
    parsed = make_parser().parse_args(shlex.split(sweeps.command_of(recipe, gallery).removeprefix(PROGRAM)))
    assert len(open_data(parsed.data, parsed.split)) >= 24
