"""Two results side by side."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import read_message
from PIL import Image
from test_panels import finished

from app import pair, words
from app.request import Request
from app.result import Result
from app.workshop import Workshop
from mta_core.amplified import amplify
from mta_core.imaging import to_uint8

NAMES = ("A: MTA", "B: FGSM joint")


@pytest.fixture
def results(workshop: Workshop, request_for: Callable[..., Request]) -> tuple[Result, Result]:
    return finished(workshop, request_for("mta")), finished(workshop, request_for("fgsm", "joint"))


def shown(files: dict[str, bytes], cell: dict[str, str]) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(files[cell["digest"]])).convert("RGB"))


def test_every_row_shows_clean_both_and_the_difference(results: tuple[Result, Result]) -> None:
    header, files = read_message(pair.message(*results, NAMES, "depth", None))
    assert [row["id"] for row in header["rows"]] == ["picture", "perturbation", "segmentation", "depth", "normals"]
    for row in header["rows"]:
        assert len(row["cells"]) == 4 and all(cell["alt"] for cell in row["cells"])
        assert [cell["caption"] for cell in row["cells"][1:3]] == list(NAMES)
        assert row["words"].endswith(".")
    assert len(files) == len({cell["digest"] for row in header["rows"] for cell in row["cells"]})


def test_the_difference_is_that_of_the_two(results: tuple[Result, Result]) -> None:
    header, files = read_message(pair.message(*results, NAMES, "depth", None))
    made = [result.outcome.perturbation_of("depth") for result in results]
    difference = made[0].adversarial - made[1].adversarial
    gain = float(header["rows"][0]["cells"][3]["caption"].partition("×")[2])
    assert (shown(files, header["rows"][0]["cells"][3]) == to_uint8(amplify(difference, gain))).all()
    assert gain * float(difference.abs().max()) == pytest.approx(0.5, rel=0.05), "it just spans the range"


def test_both_answers_share_a_scale_of_colours(results: tuple[Result, Result]) -> None:
    header, files = read_message(pair.message(*results, NAMES, "depth", None))
    row = next(row for row in header["rows"] if row["id"] == "depth")
    one, other = (result.outcome.tasks["depth"] for result in results)
    span = one.task.legend(one.clean, one.adversarial, other.adversarial).span
    for cell, value in zip(row["cells"], (one.clean, one.adversarial, other.adversarial), strict=False):
        assert (shown(files, cell) == to_uint8(one.task.colour(value, span)[0])).all()


def test_the_words_say_which_does_more(results: tuple[Result, Result]) -> None:
    for t in (outcome.task for outcome in results[0].outcome.tasks.values()):
        a, b = (r.outcome.tasks[t.name].measures["adversarial"][t.main_measure.name] for r in results)
        said = pair.verdict(results, t)
        if t.main_measure.format(a) == t.main_measure.format(b):
            assert said == "Both do the same."
        else:
            assert said == f"{'A' if t.main_measure.is_worse(a, b) else 'B'} does more."
    assert pair.verdict((results[0], results[0]), results[0].outcome.tasks["depth"].task) == "Both do the same."


def with_measure(result: Result, name: str, value: float) -> Result:
    """The result with another value of the main measure under attack."""
    found = result.outcome.tasks[name]
    measures = {**found.measures, "adversarial": {found.task.main_measure.name: value}}
    tasks = {**result.outcome.tasks, name: replace(found, measures=measures)}
    return replace(result, outcome=replace(result.outcome, tasks=tasks))


@pytest.mark.parametrize(
    ("values", "target", "said"),
    [
        ((float("nan"), float("nan")), "", "There is nothing to measure."),
        ((1.0, 2.0), "", "B does more."),
        ((1.0, 2.0), "depth=1", "A comes nearer to the target."),
    ],
)
def test_the_words_know_targets_and_what_cannot_be_measured(
    results: tuple[Result, Result], values: tuple[float, float], target: str, said: str
) -> None:
    asked = replace(results[0].request, target=target)
    both = [replace(with_measure(results[0], "depth", value), request=asked) for value in values]
    assert pair.verdict(both, both[0].outcome.tasks["depth"].task) == said


def test_a_picture_that_stayed_as_it_was_has_no_noise(results: tuple[Result, Result]) -> None:
    found = results[0].outcome.perturbations["depth"]
    assert words.psnr(replace(found, adversarial=found.clean)) == "∞"
    assert words.psnr(found).endswith(" dB")


def test_alike_is_the_cosine() -> None:
    one = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert pair.cosine(one, 3 * one) == pytest.approx(1) and pair.cosine(one, -one) == pytest.approx(-1)
    assert pair.cosine(one, torch.tensor([[0.0, 5.0], [0.0, 0.0]])) == pytest.approx(0)


def test_pictures_are_made_once(results: tuple[Result, Result]) -> None:
    live = pair.message(*results, NAMES, "depth", 0.5)
    header, files = read_message(live)
    assert not files and header["progress"] == 0.5
    assert read_message(pair.message(*results, NAMES, "depth", None))[0]["rows"] == header["rows"]
