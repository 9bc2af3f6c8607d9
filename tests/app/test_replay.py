"""The steps of an attack looked at one by one: outputs, losses and files of each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers import job_of, to_the_end
from streamlit.testing.v1 import AppTest
from test_panels import finished

from app import panels, replay
from app.replay import Replay, bisected
from app.request import Request
from app.result import Result
from app.workshop import Workshop
from mta_core import devices, imaging

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def exact() -> Workshop:
    """One that attacks in the precision in which it measures."""
    return Workshop(replace(devices.pick("cpu"), fast_dtype=torch.float32))


@pytest.fixture
def result(exact: Workshop, request_for: Callable[..., Request]) -> Result:
    return finished(exact, request_for("pgd", num_steps=4, units=16))


def replayed(result: Result) -> Replay:
    assert result.recording is not None
    return Replay(result, result.recording)


def whole(workshop: Workshop, result: Result) -> Replay:
    made = replayed(result)
    to_the_end(job := workshop.worker.submit(lambda own: made.work(workshop, own)))
    assert job.error is None and made.missing() is None
    return made


def test_the_ends_come_first_then_the_middles() -> None:
    assert bisected([0, 1, 2, 3, 4]) == [0, 4, 2, 1, 3]
    for steps in ([0], [0, 7], list(range(0, 100, 3))):
        assert sorted(bisected(steps)) == steps


def test_losses_belong_to_the_picture_of_the_step(exact: Workshop, result: Result) -> None:
    """The attack tells a candidate's loss one step later, when it takes the gradient there."""
    made = whole(exact, result)
    checked = told_apart = 0
    for name in result.outcome.tasks:
        told = {step.done: step.losses[name] for step in result.history if name in step.losses}
        curve = dict(made.curve(name))
        assert list(curve) == [0, 1, 2, 3]
        for step in (1, 2, 3):
            found = made.seen[name][step].loss
            assert curve[step] == told[step + 1] and found is not None
            if told[step + 1] > max(told[s] for s in range(1, step + 1)):  # else a stronger candidate is shown
                checked += 1
                assert found == pytest.approx(told[step + 1], rel=0.01)
                if told[step + 1] > told[step] + 3e-4:
                    told_apart += 1
                    assert abs(found - told[step + 1]) < abs(found - told[step])
    assert checked >= 4 and told_apart >= 1, [made.curve(name) for name in made.seen]


def test_the_first_step_is_the_clean_picture_and_the_last_the_result(exact: Workshop, result: Result) -> None:
    made = whole(exact, result)
    for name, o in result.outcome.tasks.items():
        assert torch.equal(made.picture(name, 0), result.outcome.clean)
        assert made.picture(name, 4) is result.outcome.perturbations[name].adversarial
        first, last = made.seen[name][0], made.seen[name][4]
        measure = o.main_measure
        assert first.value == pytest.approx(o.measures["clean"][measure.name])
        assert last.value == pytest.approx(o.measures["adversarial"][measure.name])
        shown = panels.message(result, panels.View(name))
        assert all(made.recording.outputs[name, step] in shown for step in (0, 4)), (
            "the very pictures of the rows above"
        )


def test_every_output_is_computed_once_the_wanted_step_first(
    exact: Workshop, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, asked = exact.subject("dmtl"), []
    plain = type(subject.precise).forward

    def counting(self: Any, images: torch.Tensor, tasks: Any = None) -> Any:
        asked.append((float(images.sum()), tuple(tasks)))
        return plain(self, images, tasks)

    monkeypatch.setattr(type(subject.precise), "forward", counting)
    made = replayed(result)
    made.wanted = 2
    to_the_end(exact.worker.submit(lambda own: made.work(exact, own)))
    assert len(asked) == 5 * 3 and made.count() == (15, 15)
    assert [tasks for _, tasks in asked[:3]] == [("segmentation",), ("depth",), ("normals",)]
    assert asked[0][0] == pytest.approx(float(made.picture("segmentation", 2).sum()))
    to_the_end(exact.worker.submit(lambda own: made.work(exact, own)))
    assert len(asked) == 15, "nothing is computed again"


def test_one_perturbation_for_all_is_shown_to_the_victim_once_a_step(
    exact: Workshop, request_for: Callable[..., Request]
) -> None:
    result = finished(exact, request_for("pgd", "joint", num_steps=2))
    made = replayed(result)
    job = exact.worker.submit(lambda own: made.work(exact, own))
    to_the_end(job)
    assert len(job.events) == 3 and made.missing() is None


def test_it_is_stopped_between_two_pictures(exact: Workshop, result: Result) -> None:
    made = replayed(result)
    job = exact.worker.submit(lambda own: made.work(exact, own))
    job.wait(0, 60)
    job.stop()
    to_the_end(job)
    done, count = made.count()
    assert job.error is None and 0 < done < count


def read(message: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    text, _, blob = message.partition(b"\n")
    header, files, at = json.loads(text), {}, 0
    for name, length in header["files"]:
        files[name] = blob[at : at + length]
        at += length
    assert at == len(blob)
    return header, files


def test_the_browser_gets_what_it_asks_for_and_can_put_it_together(exact: Workshop, result: Result) -> None:
    made = whole(exact, result)
    asked = ["clean", "frame/depth/2", "output/normals/3", "frame/depth/9", "output/none/1", "nonsense", "frame//x"]
    header, files = read(replay.message(made, asked, 2, {}))
    assert list(files) == asked[:3] and header["at"] == 2 and header["steps"] == [0, 1, 2, 3, 4]
    assert files["output/normals/3"] == made.recording.outputs["normals", 3]
    height, width = header["size"]
    clean = np.frombuffer(zlib.decompress(files["clean"]), np.uint8).reshape(height, width, 3)
    levels = np.frombuffer(zlib.decompress(files["frame/depth/2"]), np.int8).reshape(height, width, 3).astype(float)
    (told,) = (one for one in header["perturbations"] if one["name"] == "depth")
    by = 255 * told["tops"]["2"] * np.sign(levels) * (abs(levels) / header["levels"]) ** header["power"]
    expected = imaging.to_uint8(made.picture("depth", 2)).astype(int)
    assert (abs(np.rint(clean + by) - expected) <= 1).all() and (np.rint(clean + by) == expected).mean() > 0.999
    assert read(replay.message(made, [], 4, {}))[1] == {}


def test_losses_that_are_no_numbers_are_left_out(result: Result) -> None:
    name, last = "segmentation", result.history[-1]
    wild = replace(last, losses=dict.fromkeys(last.losses, float("nan")))
    made = replayed(replace(result, history=[*result.history[:-1], wild]))
    assert any(loss != loss for _, loss in made.curve(next(iter(last.losses))))
    header, _ = read(replay.message(made, [], 4, {}))
    told = {task["name"]: task["curve"] for task in header["tasks"]}
    assert told[name] and all(loss == loss for curve in told.values() for _, loss in curve)


def test_a_message_has_a_bounded_size(exact: Workshop, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    made = replayed(result)
    names = [f"frame/depth/{done}" for done in (1, 2, 3)]
    monkeypatch.setattr(replay, "MOST_BYTES", 10)
    assert list(read(replay.message(made, names, 4, {}))[1]) == names[:1], "one at least, else it never ends"


def test_what_was_stopped_before_its_turn_is_the_clean_picture(
    exact: Workshop, request_for: Callable[..., Request]
) -> None:
    job = exact.attack(request_for("pgd", num_steps=100))
    job.wait(0, 60)
    job.stop()
    to_the_end(job)
    made = whole(exact, stopped := job.events[-1])
    assert stopped.unreached == ("depth", "normals")
    assert torch.equal(made.picture("normals", 5), stopped.outcome.clean) and list(made.seen["normals"]) == [0]
    assert any("turn of depth, surface normals" in note for note in read(replay.message(made, [], 0, {}))[0]["notes"])


@pytest.fixture
def drawn() -> Iterator[Callable[[AppTest], dict[str, Any]]]:
    def header(at: AppTest) -> dict[str, Any]:
        (found,) = (c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_replay"))
        return read(found)[0]

    yield header


def test_the_tab_fills_in_and_the_link_keeps_its_step(page: Open, drawn: Callable[[AppTest], dict[str, Any]]) -> None:
    at = page(attack="PGD", pgd_num_steps="3", tasks="Depth", detail="Replay", step="2")
    assert drawn(at)["at"] == 2
    to_the_end(job_of(at, "replay"))
    header = drawn(at.run())
    assert header["job"] == {"done": 4, "count": 4, "running": False, "stopped": False}
    assert set(header["tasks"][0]["seen"]) == {"0", "1", "2", "3"}
    assert drawn(page(attack="PGD", pgd_num_steps="3", tasks="Depth", detail="Replay", step="77"))["at"] == 3


def test_a_generator_has_no_steps_to_replay(page: Open) -> None:
    at = page(detail="Replay", attack="MTA")
    assert not any(c.proto.component_name.endswith("mta_replay") for c in at.get("bidi_component"))
    assert "Replay" not in [tab.label for tab in at.tabs]


def test_steps_that_are_gone_are_said_to_be_and_run_again(
    page: Open, drawn: Callable[[AppTest], dict[str, Any]]
) -> None:
    at = page(attack="PGD", pgd_num_steps="1", tasks="Depth", detail="Replay")
    at.session_state["_held"]["shown"].recording.clear()
    at.run()
    assert any("not kept any more" in caption.value for caption in at.caption)
    at.button(key="replay_again").click().run()
    to_the_end(job_of(at))
    assert drawn(at.run().run())["steps"] == [0, 1]
