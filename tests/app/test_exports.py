"""What can be downloaded."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from studio import SIZE
from test_panels import finished

from app import exports
from app.library import Shelf, at_size
from app.request import Request
from app.workshop import Workshop
from mta_core import imaging
from mta_core.results import ROW_KEYS
from mta_core.tally import AGGREGATIONS
from mta_core.tasks import SCENE_TASKS


@pytest.mark.parametrize(("norm", "units"), [("linf", 5), ("linf", 0.5), ("l2", 4)])
def test_the_png_stays_inside_the_budget(
    workshop: Workshop, request_for: Callable[..., Request], norm: str, units: float
) -> None:
    result = finished(workshop, request_for("fgsm", norm=norm, units=units))
    saved = imaging.decode(exports.adversarial_png(result, "depth"))
    assert result.request.budget.contains(saved[None], result.outcome.clean[None]).all()


def test_the_array_is_the_perturbation(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    result = finished(workshop, request_for())
    saved = np.load(io.BytesIO(exports.perturbation_npy(result, "normals")), allow_pickle=False)
    assert saved.dtype == np.float32 and saved.shape == (3, *SIZE)
    assert (saved == result.outcome.perturbations["normals"].perturbation.numpy()).all()


def test_the_report_has_settings_and_every_measure(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    report = json.loads(exports.report_json(finished(workshop, request_for("pgd", "joint", num_steps=2))))
    assert report["settings"]["attack"] == "pgd" and report["settings"]["num_steps"] == 2
    assert report["settings"]["epsilon"] == 5 and report["settings"]["epsilon_unit"] == "1/255"
    assert set(report["tasks"]["normals"]["measures"]["angle_mean"]) == {
        "unit",
        "higher_is_better",
        "clean",
        "adversarial",
        "noise",
    }
    assert all(entry["attacked"] for entry in report["tasks"].values())
    assert report["perturbations"]["joint"]["linf"] == pytest.approx(5 / 255, abs=1e-5)
    assert len(report["losses"]) == 2


def test_the_report_tells_where_the_attack_leads(
    workshop: Workshop, request_for: Callable[..., Request], gallery: Shelf
) -> None:
    asked = request_for("fgsm", "joint")
    told = {
        name: json.loads(exports.report_json(finished(workshop, request)))["settings"]
        for name, request in {
            "away": asked,
            "target": replace(asked, target="segmentation=wall,depth=1,normals=up"),
            "like": replace(asked, like=at_size(gallery.read(1), SIZE)),
        }.items()
    }
    found = {name: (one["goal"], one["target"], one["target_picture"]) for name, one in told.items()}
    assert found == {
        "away": ("non-targeted", None, None),
        "target": ("targeted", "segmentation=wall,depth=1,normals=up", None),
        "like": ("targeted", None, "Room 2"),
    }


def test_the_report_marks_what_was_not_reached(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    result = replace(finished(workshop, request_for()), stopped_at=1, unreached=("normals",))
    tasks = json.loads(exports.report_json(result))["tasks"]
    assert {name: entry["attacked"] for name, entry in tasks.items()} == {
        "segmentation": True,
        "depth": True,
        "normals": False,
    }
    assert tasks["normals"]["verdict"] == "not attacked: stopped before its turn"


def test_rows_follow_the_contract(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    result = finished(workshop, request_for("fgsm", "joint"))
    rows = exports.rows_of(result)
    made = exports.provenance({"FGSM joint": result.request}, "a device", "picture", ["room.png"], {"room.png": "ab"})
    document = json.loads(exports.rows_json(rows, made))
    assert all(tuple(row) == ROW_KEYS for row in document["rows"])
    assert len(rows) == sum(len(t.measures) for t in SCENE_TASKS) * len(AGGREGATIONS)
    first = document["rows"][0]
    assert (first["attack"], first["scope"], first["n"], first["ci95"]) == ("fgsm", "joint", 1, None)
    assert first["adversarial"] == pytest.approx(result.outcome.tasks["segmentation"].measures["adversarial"]["miou"])
    assert document["provenance"]["attacks"] == {"FGSM joint": {"start": 0.1}}
    assert document["provenance"]["pictures"] == 1


def test_the_table_holds_the_same_rows(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    rows = exports.rows_of(finished(workshop, request_for("fgsm", "joint")))
    rows[0] |= {"ci95": [0.1, 0.2], "clean": float("nan")}
    read = list(csv.DictReader(io.StringIO(exports.rows_csv(rows).decode())))
    assert len(read) == len(rows) and tuple(read[0]) == ROW_KEYS
    assert json.loads(read[0]["ci95"]) == [0.1, 0.2] and json.loads(read[0]["attacked"]) == [
        t.name for t in SCENE_TASKS
    ]
    assert read[0]["clean"] == "" and float(read[1]["clean"]) == rows[1]["clean"]


def test_the_report_of_a_transfer_has_both_victims(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    report = json.loads(exports.report_json(finished(workshop, replace(request_for("fgsm"), to="dmtl"))))
    assert report["tried_on"] == {"victim": "dmtl", "tasks": report["tasks"]}, "tried on itself"
    assert "tried_on" not in json.loads(exports.report_json(finished(workshop, request_for("fgsm"))))


def test_rows_are_taken_away_as_they_are() -> None:
    row = dict.fromkeys(ROW_KEYS) | {"attacked": ["depth", "normals"], "ci95": [0.1, math.nan], "clean": 0.5, "n": 3}
    written = json.loads(exports.rows_json([row], {"seed": 0}))
    assert written == {"rows": [row | {"ci95": [0.1, None]}], "provenance": {"seed": 0}}
    lines = list(csv.DictReader(io.StringIO(exports.rows_csv([row, row]).decode())))
    assert len(lines) == 2 and tuple(lines[0]) == ROW_KEYS
    assert json.loads(lines[0]["attacked"]) == ["depth", "normals"]
    assert (json.loads(lines[0]["ci95"]), lines[0]["clean"], lines[0]["task"]) == ([0.1, None], "0.5", "")


def test_rows_with_keys_of_their_own_are_the_same_in_both_files() -> None:
    rows = [{"step": 1, "loss": float("nan")}, {"task": "depth", "ci95": (0.5, 1.0), "probe": {"steps": 3}}]
    told = json.loads(exports.records_json(rows, {"command": "x"}))
    assert told["provenance"] == {"command": "x"}
    lines = list(csv.DictReader(io.StringIO(exports.records_csv(rows).decode())))
    assert list(lines[0]) == ["step", "loss", "task", "ci95", "probe"]
    assert lines[0] == {"step": "1", "loss": "", "task": "", "ci95": "", "probe": ""}
    assert told["rows"][1] == {"task": "depth", "ci95": [0.5, 1.0], "probe": {"steps": 3}}
    assert {key: json.loads(lines[1][key]) for key in ("ci95", "probe")} == {"ci95": [0.5, 1.0], "probe": {"steps": 3}}
