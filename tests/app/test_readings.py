"""The values at the cursor, against what the tasks themselves say."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from helpers import read_message
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from app import pair, panels, readings
from app.panels import View
from app.readings import Reading
from app.request import Request
from app.result import Result
from app.workshop import Workshop
from mta_core.explore import PROBABILITY, Subject
from mta_core.tasks import SCENE_TASKS, TASKS, Task
from mta_core.tasks.classification import Classification

SIZE = (5, 7)


def unpack(packed: bytes) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    """The header and the values of each plane, (H, W) float64, NaN where there is none: as the browser reads them."""
    text, _, stream = packed.partition(b"\n")
    header, raw = json.loads(text), zlib.decompress(stream)
    count, offset, planes = header["width"] * header["height"], 0, []
    for plane in header["planes"]:
        size = plane["bytes"]
        parts = [
            np.frombuffer(raw, np.uint8, count, offset + i * count).astype(np.uint64) << 8 * i for i in range(size)
        ]
        q = np.cumsum(sum(parts), dtype=np.uint64) % 2 ** (8 * size)
        value = (q.astype(np.float64) + plane["least"]) / 10 ** plane["digits"]
        value[q == 2 ** (8 * size) - 1] = np.nan
        planes.append(value.reshape(header["height"], header["width"]))
        offset += size * count
    assert offset == len(raw)
    return header, planes


def values(reading: Reading | None) -> list[np.ndarray[Any, Any]]:
    assert reading is not None
    return unpack(reading.packed())[1]


def finished(workshop: Workshop, request: Request) -> Result:
    job = workshop.attack(request)
    while not job.is_done:
        job.wait(len(job.events), 30)
    assert job.error is None
    result = job.events[-1]
    assert isinstance(result, Result) and result.is_complete
    return result


@pytest.fixture
def result(workshop: Workshop, request_for: Callable[..., Request]) -> Result:
    return finished(workshop, request_for())


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32) | st.just(math.nan)), st.integers(0, 3)
)
def test_values_are_those_of_the_panel_rounded_to_the_digits_that_are_shown(made: Any, digits: int) -> None:
    plane = torch.from_numpy(made)
    for places in ((), (digits,)):
        header, (found,) = unpack(Reading("number", [plane], places).packed())
        step = 10.0 ** -header["planes"][0]["digits"]
        assert (np.isnan(found) == np.isnan(made)).all()
        known = ~np.isnan(made)
        assert np.allclose(found[known], made[known].astype(float), rtol=1e-12, atol=0.5 * step * (1 + 1e-6))


@given(st.floats(1e-3, 1e4), st.integers(0, 2**16))
def test_a_span_is_told_in_a_thousand_steps_by_two_bytes(span: float, seed: int) -> None:
    plane = span * torch.rand(8, 8, generator=torch.Generator().manual_seed(seed))
    plane[0, 0], plane[0, 1] = 0, span
    header, _ = unpack(Reading("number", [plane]).packed())
    (told,) = header["planes"]
    assert told["bytes"] <= 2
    assert span * 10 ** told["digits"] >= 1000 * (1 - 1e-6)


def prediction(t: Task) -> Tensor:
    return torch.randn(1, t.channels, *SIZE, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("t", TASKS, ids=lambda t: f"{t.name}-{t.space}")
def test_every_task_says_its_own_values(t: Task) -> None:
    raw = prediction(t)
    value = t.decode(raw)
    reading = readings.of_answer(t, value, t.probability(raw))
    if isinstance(t, Classification):
        assert reading is None, "one answer for the whole picture"
        return
    assert reading is not None
    header, planes = unpack(reading.packed())
    assert (header["height"], header["width"]) == SIZE
    if value.is_floating_point():
        for plane, channel, told in zip(planes, value[0], header["planes"], strict=False):
            assert np.abs(plane - channel.double().numpy()).max() <= 0.5001 * 10.0 ** -told["digits"]
        assert len(planes) == (5 if reading.kind == "direction" else t.channels)
    else:
        assert (planes[0] == value[0].numpy()).all()
        assert (planes[1] == (100 * raw.softmax(1).max(1).values[0]).round().numpy()).all()
        assert header["names"] == list(t.classes)  # type: ignore[attr-defined]
    other = t.decode(prediction(t).flip(-1))
    difference = t.difference(value, other)
    header, (plane,) = unpack(readings.of_difference(t, difference).packed())
    assert np.abs(plane - difference[0].double().numpy()).max() <= 0.5001 * 10.0 ** -header["planes"][0]["digits"]
    assert header.get("unit", "") in ("", "m", "°", "SD")


def test_pixels_without_a_label_have_no_value() -> None:
    segmentation, depth, normals = SCENE_TASKS
    classes = torch.tensor([[[255, 3]]])
    assert np.isnan(values(readings.of_answer(segmentation, classes, is_label=True))[0]).tolist() == [[True, False]]
    metres = torch.tensor([[[[0.0, 2.5]]]])
    assert np.isnan(values(readings.of_answer(depth, metres, is_label=True))[0]).tolist() == [[True, False]]
    assert values(readings.of_answer(depth, metres))[0].tolist() == [[0, 2.5]], "a victim may well answer 0 m"
    looks = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[None, :, None]
    for plane in values(readings.of_answer(normals, looks, is_label=True)):
        assert np.isnan(plane).tolist() == [[True, False]]


def test_a_normal_is_told_in_degrees_too() -> None:
    half = 0.5**0.5
    looks = torch.tensor([[half, -half, 0.0, 0.0], [0.0, 0.0, 1.0, -half], [half, half, 0.0, half]])[None, :, None]
    *_, aside, up = values(readings.of_answer(SCENE_TASKS[2], looks))
    assert aside[0].tolist()[:2] == [45, -45] and aside[0, 3] == 0
    assert up[0].tolist() == [0, 0, 90, -45]


def test_a_perturbation_is_told_in_255ths_with_its_sign() -> None:
    perturbation = torch.tensor([-5.0, 2.5, 0.0]).view(3, 1, 1).expand(3, 2, 2) / 255
    assert [plane[0, 0] for plane in values(readings.of_perturbation(perturbation))] == [-5, 2.5, 0]


def test_values_that_are_equal_are_sent_once() -> None:
    plane = torch.rand(3, 4)
    assert Reading("number", [plane]).digest == Reading("number", [plane.clone()]).digest
    assert Reading("number", [plane]).digest != Reading("number", [plane], told={"unit": "m"}).digest
    assert Reading("number", [plane]).digest != Reading("number", [plane.T]).digest


def cell_of(header: dict[str, Any], row: str, place: int) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in header["rows"] if r["id"] == row)["cells"][place]
    return found


def test_values_come_only_when_asked_for_and_then_without_pictures(result: Result) -> None:
    header, files = read_message(panels.message(result, View("depth")))
    named = {c["values"] for row in header["rows"] for c in row["cells"] if "values" in c}
    assert header["values"] == [] and named and not named & set(files)
    asked = cell_of(header, "depth", 1)["values"]
    message = panels.message(result, View("depth"), values=[asked, "unknown"])
    header, files = read_message(message)
    assert set(files) == {asked}
    (found,) = unpack(files[asked])[1]
    metres = result.outcome.tasks["depth"].adversarial[0, 0].double().numpy()
    assert np.abs(found - metres).max() <= 0.5001e-3


def test_the_panels_of_a_result_say_what_the_victim_answered(result: Result) -> None:
    header, _ = read_message(panels.message(result, View("segmentation")))
    asked = {c["values"] for row in header["rows"] for c in row["cells"] if "values" in c}
    files = read_message(panels.message(result, View("segmentation"), values=asked))[1]
    outcome = result.outcome.tasks["segmentation"]
    for place, kind, value in ((0, "clean", outcome.clean), (1, "adversarial", outcome.adversarial)):
        which, share = unpack(files[cell_of(header, "segmentation", place)["values"]])[1]
        assert (which == value[0].numpy()).all()
        assert (share == (100 * outcome.probabilities[kind][0]).round().numpy()).all()
        assert 100 / 13 - 1 < share.min() and share.max() <= 100
    shown = result.outcome.perturbations["segmentation"]
    planes = unpack(files[cell_of(header, "picture", 2)["values"]])[1]
    assert np.abs(np.stack(planes) - 255 * shown.perturbation.double().numpy()).max() <= 0.0501
    assert [c.get("panel") for c in header["rows"][0]["cells"]] == ["clean", "adversarial", "perturbation", "noise"]
    assert all(row["cells"][1]["before"] == 0 for row in header["rows"])


def test_two_attacks_side_by_side_have_values_too(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    first, second = (finished(workshop, request_for(units=units)) for units in (4, 8))
    header, _ = read_message(pair.message(first, second, ("A, MTA", "B, MTA"), "depth", None))
    asked = [cell_of(header, "perturbation", place)["values"] for place in (1, 2, 3)]
    files = read_message(pair.message(first, second, ("A, MTA", "B, MTA"), "depth", None, values=asked))[1]
    a, b, difference = (np.stack(unpack(files[digest])[1]) for digest in asked)
    assert np.abs(a - b - difference).max() <= 0.16, "each is rounded"
    assert [cell_of(header, "depth", place).get("before") for place in range(4)] == [None, 0, 0, None]


def test_an_answer_in_classes_comes_with_its_probability(workshop: Workshop, result: Result) -> None:
    subject: Subject = workshop.subject("dmtl")
    picture = result.outcome.clean[None]
    answer = subject.answer(picture, SCENE_TASKS)
    assert set(answer) == {*(t.name for t in SCENE_TASKS), f"segmentation{PROBABILITY}"}
    with torch.no_grad():
        logits = subject.precise(picture, ["segmentation"])["segmentation"]
    torch.testing.assert_close(answer[f"segmentation{PROBABILITY}"], logits.softmax(1).max(1).values)
