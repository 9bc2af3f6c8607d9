"""Results as pictures and words."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import read_message
from PIL import Image

from app import panels, words
from app.panels import View
from app.request import Request
from app.result import LossStep, Result
from app.workshop import Workshop
from mta_core.amplified import amplify
from mta_core.imaging import to_uint8


@pytest.fixture
def result(workshop: Workshop, request_for: Callable[..., Request]) -> Result:
    return finished(workshop, request_for())


def finished(workshop: Workshop, request: Request) -> Result:
    job = workshop.attack(request)
    while not job.is_done:
        job.wait(len(job.events), 30)
    assert job.error is None
    result = job.events[-1]
    assert isinstance(result, Result) and result.is_complete
    return result


def test_pictures_are_lossless(result: Result) -> None:
    header, files = read_message(panels.message(result, View("depth")))
    cell = header["rows"][0]["cells"][1]
    shown = np.array(Image.open(io.BytesIO(files[cell["digest"]])))
    expected = (result.outcome.perturbations["depth"].adversarial * 255).round().permute(1, 2, 0).numpy()
    assert (shown == expected).all()


def test_outputs_have_their_tasks_colours(result: Result) -> None:
    header, files = read_message(panels.message(result, View("depth")))
    for row in header["rows"][1:]:
        found = result.outcome.tasks[row["id"]]
        shown = np.array(Image.open(io.BytesIO(files[row["cells"][1]["digest"]])).convert("RGB"))
        values = [v for v in (found.truth, found.clean, found.adversarial) if v is not None]
        expected = found.task.colour(found.adversarial, found.task.span(*values))[0]
        assert (shown == to_uint8(expected)).all()


def test_while_computing_the_pictures_are_named_but_not_sent(result: Result) -> None:
    full, _ = read_message(panels.message(result, View("depth")))
    message = panels.message(result, View("depth"), progress=0.4)
    header, files = read_message(message)
    assert not files and len(message) < 20_000
    assert header["progress"] == 0.4
    assert header["rows"] == full["rows"]


def test_only_a_degree_sign_follows_its_number_at_once() -> None:
    assert words.with_unit("82.3", "°") == "82.3°" and words.with_unit("1.5", "m") == "1.5 m"


def test_labels_in_mid_sentence_are_small_but_for_acronyms() -> None:
    labels = {"Absolute error": "absolute error", "mIoU": "mIoU", "2-D key points": "2-D key points"}
    for label, said in {**labels, "Euclidean depth": "Euclidean depth", "Depth": "depth"}.items():
        assert words.in_sentence(label) == said


def test_the_gain_is_stated_and_grey_is_no_change() -> None:
    perturbation = torch.tensor([-0.01, 0.0, 0.01]).view(1, 1, 3).expand(3, 2, 3)
    assert amplify(perturbation, 10)[0, 0].tolist() == pytest.approx([0.4, 0.5, 0.6])


def test_the_automatic_gain_spans_the_range(result: Result) -> None:
    made = result.outcome.perturbations["depth"]
    gain = words.automatic_gain(made)
    assert 0.4 < gain * float(made.perturbation.abs().max()) < 0.6


def test_legends_name_only_what_is_there(result: Result) -> None:
    header, _ = read_message(panels.message(result, View("depth")))
    outcome = result.outcome.tasks["segmentation"]
    assert outcome.truth is not None
    seen = torch.cat([outcome.clean, outcome.adversarial, outcome.truth])
    present = [outcome.task.classes[i] for i in seen.unique() if 0 <= i < len(outcome.task.classes)]
    legend = next(row for row in header["rows"] if row["id"] == "segmentation")["legend"]
    assert [name for name, _ in legend["entries"]] == present
    assert next(row for row in header["rows"] if row["id"] == "depth")["legend"]["unit"] == "m"


def test_a_task_that_was_not_reached_does_not_look_like_one_that_withstood(result: Result) -> None:
    stopped = replace(result, stopped_at=3, unreached=("normals",))
    header, _ = read_message(panels.message(stopped, View("depth")))
    row = next(row for row in header["rows"] if row["id"] == "normals")
    assert row["words"] == "Not attacked: stopped before its turn."
    assert "not attacked" in row["cells"][1]["alt"]
    others = [row["words"] for row in header["rows"] if row["id"] != "normals"]
    assert not any("attacked" in text for text in others)


def test_a_loss_chart_needs_more_than_one_step() -> None:
    step = LossStep("joint", 1, 1, {"depth": 1.0})
    assert panels.loss_chart([step]) is None
    steps = [LossStep("joint", i, 3, {"depth": float(i)}) for i in (1, 2)]
    chart = panels.loss_chart(steps)
    assert chart is not None and chart["total"] == 3
    assert chart["series"][0]["points"] == [[1, 1.0], [2, 2.0]]
