"""What can be downloaded."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from test_panels import finished

from app import exports
from app.workshop import Request, Workshop
from mta_core import imaging


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
    assert saved.dtype == np.float32 and saved.shape == (3, 288, 384)
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


def test_the_report_marks_what_was_not_reached(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    result = replace(finished(workshop, request_for()), stopped_at=1, unreached=("normals",))
    tasks = json.loads(exports.report_json(result))["tasks"]
    assert {name: entry["attacked"] for name, entry in tasks.items()} == {
        "segmentation": True,
        "depth": True,
        "normals": False,
    }
    assert tasks["normals"]["verdict"] == "not attacked: stopped before its turn"
