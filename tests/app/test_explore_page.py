"""The page Explore, run by Streamlit's own test client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import job_of, png, read_message, read_stage, settle, stage_bytes, to_the_end, work
from streamlit.testing.v1 import AppTest
from studio import make_weights

from app import charts
from app.components import pulse, stage
from app.request import Request
from app.workshop import Workshop
from mta_core import weights
from mta_core.jobs import Job

Open = Callable[..., AppTest]


def test_the_first_view_is_complete(page: Open) -> None:
    header, files = read_message(stage_bytes(page()))
    assert [row["id"] for row in header["rows"]] == ["picture", "segmentation", "depth", "normals"]
    assert len(files) == len({cell["digest"] for row in header["rows"] for cell in row["cells"]})
    assert all(data.startswith(b"\x89PNG") for data in files.values())
    for row in header["rows"][1:]:
        assert row["words"].endswith(".")
        assert [cell["caption"] for cell in row["cells"]] == ["Clean", "Adversarial", "Difference", "Ground truth"]
        assert "noise" in row["measure"]
    assert all(cell["alt"] for row in header["rows"] for cell in row["cells"])


def test_a_generator_is_the_default_and_pgd_without_one(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page().selectbox(key="attack").value == "MTA"
    monkeypatch.setattr("mta_core.generators.cards", lambda victim=None: [])
    assert page(pgd_num_steps="1").selectbox(key="attack").value == "PGD"


def test_without_any_victim_the_page_says_how_to_train_one(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", weights.RUNS / "none")
    at = page()
    assert "train victim" in at.info[0].value
    assert [c.proto.component_name.rsplit(".", 1)[-1] for c in at.get("bidi_component")] == ["mta_turning"]
    assert len(bodies(at, "mta-device")) == 1


def test_the_first_row_shows_the_perturbation_that_is_chosen(page: Open) -> None:
    at = page(shown="Depth")
    assert "for depth" in read_stage(at)["rows"][0]["cells"][1]["alt"]
    settle(at.segmented_control(key="shown").set_value("Surface normals").run())
    assert "for surface normals" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_a_link_brings_the_same_view(page: Open) -> None:
    at = page(epsilon="8.0", tasks="Depth", gain="×20", scene="0001")
    header = read_stage(at)
    assert [row["id"] for row in header["rows"]] == ["picture", "depth"]
    assert "8/255" in header["rows"][0]["cells"][1]["alt"]
    assert header["rows"][0]["title"] == "Room 2"
    assert header["rows"][0]["cells"][2]["caption"] == "Perturbation ×20"


def test_a_nonsense_link_falls_back_to_the_defaults(page: Open) -> None:
    nonsense = {
        key: "nonsense" for key in ("source", "scene", "victim", "tasks", "attack", "norm", "epsilon", "gain", "detail")
    }
    at = page(**nonsense)
    assert read_stage(at)["rows"][0]["title"] == "Room 1"
    assert "5/255" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_numbers_that_no_field_can_hold_fall_back_too(page: Open) -> None:
    for value in ("inf", "-1e999", "nan", "1e9"):
        at = page(attack="PGD", tasks="Depth", pgd_num_steps="1", pgd_num_restarts=value, pgd_step_size=value)
        assert at.number_input(key="pgd_num_restarts").value == 1 and not at.exception


def test_a_broken_number_of_steps_runs_as_many_as_the_field_shows(page: Open) -> None:
    for value, shown in (("2.7", 3), ("2.5", 3), ("2.4", 2)):
        at = page(attack="PGD", tasks="Depth", pgd_num_steps=value)
        assert at.session_state["_held"]["shown"].request.attack.num_steps == shown


def test_moving_epsilon_changes_the_result(page: Open) -> None:
    at = page()
    settle(at.slider(key="epsilon").set_value(2.0).run())
    assert "2/255" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_l2_has_its_own_epsilon(page: Open) -> None:
    at = page()
    settle(at.segmented_control(key="norm").set_value("L2").run())
    assert "4 (L2)" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_pgd_draws_its_losses(page: Open) -> None:
    at = page(attack="PGD", pgd_num_steps="3", scope="Joint", detail="Loss by step")
    chart = read_stage(at)["chart"]
    assert {series["label"] for series in chart["series"]} == {"Segmentation", "Depth", "Surface normals"}
    assert all(len(series["points"]) == 3 for series in chart["series"])
    assert len(at.get("plotly_chart")) == 3


def test_the_form_follows_the_attack(page: Open) -> None:
    at = page(attack="PGD", pgd_num_steps="1")
    assert {"Steps", "Step size (1/255)", "Restarts", "Momentum"} <= {number.label for number in at.number_input}
    settle(at.selectbox(key="attack").set_value("MTA").run())
    assert not at.number_input
    assert "scope" not in {control.key for control in at.segmented_control}


@pytest.mark.usefixtures("with_generators")
def test_generators_of_every_kind_have_their_controls(page: Open) -> None:
    at = page(attack="MTA")
    assert "GAP" in at.selectbox(key="attack").options
    assert at.segmented_control(key="scope").options == ["Per task", "Joint"]
    assert at.selectbox(key="mta_instance").options == ["per-instance", "universal"]
    seen = [shown(at)]
    assert "universal" not in at.selectbox(key="mta_generator").options
    settle(at.selectbox(key="mta_generator").set_value(at.selectbox(key="mta_generator").options[-1]).run())
    settle(at.selectbox(key="mta_instance").set_value("universal").run())
    assert not at.error and at.selectbox(key="mta_generator").options == ["auto", "universal"]
    seen.append(shown(at))
    settle(at.segmented_control(key="scope").set_value("Joint").run())
    assert "for all tasks" in read_stage(at)["rows"][0]["cells"][1]["alt"]
    seen.append(shown(at))
    settle(at.selectbox(key="attack").set_value("GAP").run())
    assert "scope" not in {control.key for control in at.segmented_control}, "there is but one"
    seen.append(shown(at))
    assert not at.error and len(set(seen)) == 4, "each draws a perturbation of its own"


def shown(at: AppTest) -> str:
    """Digest of the perturbation."""
    return str(read_stage(at)["rows"][0]["cells"][2]["digest"])


def test_the_last_column_can_show_random_noise(page: Open) -> None:
    rows = read_stage(page(beside="Random noise"))["rows"]
    assert all(row["cells"][3]["caption"] == "With noise" for row in rows[1:])


def test_the_curve_has_every_epsilon(page: Open) -> None:
    at = page(detail="Against epsilon", tasks="Depth")
    for _ in range(60):
        job = job_of(at, "curve")
        if job.is_done:
            break
        job.wait(len(job.events), 5)
        at.run()
    at.run()
    assert "at 6 epsilons" in at.get("plotly_chart")[0].proto.alt


def test_an_upload_is_shown_and_a_broken_one_explained(page: Open) -> None:
    at = page(source="Upload")
    at.file_uploader(key="upload").upload("mine.png", png(), "image/png")
    settle(at.run())
    rows = read_stage(at)["rows"]
    assert rows[0]["title"] == "mine.png"
    assert rows[1]["cells"][3]["caption"] == "With noise"
    assert rows[1]["measure"]["reference"] == "against the clean output"
    at.file_uploader(key="upload").upload("broken.png", b"\x89PNG broken", "image/png")
    settle(at.run())
    assert "broken.png cannot be read" in at.error[0].value
    at.file_uploader(key="upload").set_value(None)
    settle(at.run())
    assert not at.error and read_stage(at)["rows"][0]["title"] == "Room 1", "taken away is taken away"


def test_a_kept_upload_is_fitted_anew_and_removed(page: Open) -> None:
    at = page(source="Upload", tasks="Depth")
    at.file_uploader(key="upload").upload("mine.png", png((64, 48)), "image/png")
    settle(at.run())
    assert "remove" not in {button.key for button in at.button}, "the uploader has its own cross"
    settle(at.segmented_control(key="source").set_value("Gallery").run())
    settle(at.segmented_control(key="source").set_value("Upload").run())
    assert read_stage(at)["rows"][0]["title"] == "mine.png"
    for fit in ("Pad", "Crop"):
        settle(at.segmented_control(key="fit").set_value(fit).run())
        assert at.session_state["_held"]["shown"].request.picture.key.endswith(f"{fit.lower()}@96x128")
    settle(at.button(key="remove").click().run())
    assert read_stage(at)["rows"][0]["title"] == "Room 1"
    assert "remove" not in {button.key for button in at.button}


def test_weights_replaced_while_the_server_runs_are_used(page: Open, studio: Path) -> None:
    def picture(at: AppTest) -> str:
        return str(read_stage(at)["rows"][1]["cells"][1]["digest"])

    card = studio / "runs" / "dmtl" / "dmtl.json"
    kept = {path: path.read_bytes() for path in (*card.parent.iterdir(), *(studio / "runs" / "mta-dmtl").iterdir())}
    at = page(attack="FGSM")
    before = picture(at)
    try:
        make_weights(studio / "runs", seed=1)
        assert picture(settle(at.run())) != before
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert picture(settle(at.run())) == before


def test_a_failed_attack_says_why_and_can_be_tried_again(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("the weights are $gone$")

    at = page()
    with monkeypatch.context() as broken:
        broken.setattr("app.workshop.explore", fail)
        settle(at.slider(key="epsilon").set_value(2.0).run())
        assert r"The weights are \$gone\$" in at.error[0].value
        assert read_stage(at)["progress"] is None, "nothing is under way"
    settle(at.button(key="again").click().run())
    assert not at.error and "2/255" in read_stage(at)["rows"][0]["cells"][1]["alt"]


@pytest.mark.parametrize("number", ["3", "2.7"])
def test_connected_data_are_offered(page: Open, studio: Path, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv("MTA_DATA_ROOTS", f"nyuv2:{studio / 'gallery'}")
    at = page(source="NYUv2", number=number)
    assert read_stage(at)["rows"][0]["title"] == "NYUv2 0002"


def hold_the_end(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Attacks have a result, but do not end before this event."""
    released, noisy = threading.Event(), Workshop._noisy_answers

    def noisy_when_released(*args: Any) -> Any:
        assert released.wait(30)
        return noisy(*args)

    monkeypatch.setattr(Workshop, "_noisy_answers", noisy_when_released)
    return released


def bodies(at: AppTest, name: str) -> list[str]:
    """The HTML elements of a class."""
    return [element.proto.body for element in at.get("html") if f'class="{name}' in element.proto.body]


def test_only_the_end_of_an_attack_is_announced(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(attack="FGSM")
    released = hold_the_end(monkeypatch)
    at.slider(key="epsilon").set_value(2.0).run()
    assert "mta-alive" in bodies(at, "mta-status")[0] and 'role="status"' not in bodies(at, "mta-status")[0]
    released.set()
    settle(at)
    assert 'role="status"' in bodies(at, "mta-status")[0]


def test_charts_show_complete_results_only(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(attack="FGSM")
    before = [chart.proto.alt for chart in at.get("plotly_chart")]
    ending = hold_the_end(monkeypatch)
    at.slider(key="epsilon").set_value(3.0).run()
    assert not at.session_state["_held"]["shown"].is_complete, "the pictures are those of the preview"
    assert [chart.proto.alt for chart in at.get("plotly_chart")] == before
    assert all(button.disabled for button in at.get("download_button"))
    ending.set()
    after = [chart.proto.alt for chart in settle(at.run()).get("plotly_chart")]
    assert after != before and all("noise" in alt for alt in after)


def test_what_ends_while_the_pictures_are_drawn_is_in_the_charts_below(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(attack="FGSM")
    drawing, draw = hold_the_end(monkeypatch), stage.draw

    def draw_until_the_end(message: Any) -> None:
        drawing.set()
        to_the_end(job_of(at))
        draw(message)

    monkeypatch.setattr(stage, "draw", draw_until_the_end)
    at.slider(key="epsilon").set_value(2.0).run()
    assert all("noise" in chart.proto.alt for chart in at.get("plotly_chart"))
    asked = work(at)
    assert asked is not None and at.session_state["_held"]["shown"].is_complete_for(asked[0])


def drop_the_first(monkeypatch: pytest.MonkeyPatch, *, stop: bool = False) -> list[Job[Any]]:
    """The first attack is given up before its first look, as that of a frozen tab; lists those started."""
    started: list[Job[Any]] = []
    attack = Workshop.attack

    def dropped(self: Workshop, request: Request) -> Job[Any]:
        started.append(attack(self, request))
        if len(started) == 1:
            if stop:
                started[0].stop()
            started[0].cancel()
        return started[-1]

    monkeypatch.setattr(Workshop, "attack", dropped)
    return started


def test_an_attack_that_was_given_up_while_nobody_looked_starts_anew(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(attack="FGSM")
    started = drop_the_first(monkeypatch)
    at.slider(key="epsilon").set_value(2.0).run()
    assert len(started) == 2
    assert "2/255" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_what_a_person_stopped_does_not_start_by_itself(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(attack="FGSM")
    started = drop_the_first(monkeypatch, stop=True)
    at.slider(key="epsilon").set_value(2.0).run()
    assert len(started) == 1
    settle(at.button(key="again").click().run())
    assert "2/255" in read_stage(at)["rows"][0]["cells"][1]["alt"]


def test_a_last_point_that_comes_while_the_curve_is_drawn_is_not_missed(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, curve, wait = {}, charts.epsilon_curve, Job.wait

    def curve_until_the_end(*args: Any) -> Any:
        figure = curve(*args)
        to_the_end(job_of(at, "curve"))
        return figure

    at = page(tasks="Depth", attack="FGSM")
    monkeypatch.setattr(pulse, "beat", lambda key, seconds, **_: beats.update({key: seconds}))
    monkeypatch.setattr(charts, "epsilon_curve", curve_until_the_end)
    with monkeypatch.context() as hasty:
        hasty.setattr(Job, "wait", lambda job, seen, timeout: timeout >= 5 and wait(job, seen, timeout))
        at.query_params["detail"] = "Against epsilon"
        at.run()
    assert "at 6 epsilons" not in at.get("plotly_chart")[0].proto.alt
    assert beats["watch_details"], "the page looks again"
    at.run()
    assert "at 6 epsilons" in at.get("plotly_chart")[0].proto.alt
    assert not beats["watch_details"]


def test_the_curve_waits_for_the_attack(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(tasks="Depth", attack="FGSM", detail="Against epsilon")
    released = hold_the_end(monkeypatch)
    at.slider(key="epsilon").set_value(2.0).run()
    assert work(at, "curve") is None
    assert "at 0 epsilons" in at.get("plotly_chart")[0].proto.alt
    released.set()
    settle(at)
    assert work(at, "curve") is not None
