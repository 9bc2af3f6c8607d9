"""The link of a view, and the file that it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from helpers import png, read_stage, settle
from streamlit.testing.v1 import AppTest

from app import resources, uploads
from app.uploads import Upload
from mta_core import imaging

Open = Callable[..., AppTest]
MINE, OTHER = png((64, 48)), png((64, 48), "maroon")
DIGEST = imaging.digest(MINE)[:32]


@pytest.fixture(autouse=True)
def own_uploads(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "folder", lambda: tmp_path / "uploads")


def send(at: AppTest, data: bytes, name: str = "mine.png", key: str = "upload") -> AppTest:
    at.file_uploader(key=key).upload(name, data, "image/png")
    return settle(at.run())


def shares(at: AppTest) -> list[dict[str, str]]:
    """What each button Share of the page says."""
    found = [c for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_share")]
    return [json.loads(one.proto.json) for one in found]


def link(at: AppTest) -> dict[str, list[str]]:
    """The query of the link under Share."""
    return parse_qs(shares(at)[0]["query"])


def shown(at: AppTest) -> Any:
    """What is asked for, with the picture by its bytes."""
    request = at.session_state["_held"]["shown"].request
    return replace(request, picture=replace(request.picture, name="", credit=""))


def param(at: AppTest, key: str) -> str:
    value = at.query_params[key]
    return value if isinstance(value, str) else value[0]


def said(elements: Any) -> list[str]:
    return [element.value.replace("\\", "") for element in elements]


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button}


def test_the_link_says_every_choice(page: Open) -> None:
    chosen = {"attack": "PGD", "pgd_num_steps": "2", "epsilon": "3", "tasks": "Depth", "scene": "0001"}
    at = page(**chosen, detail="Perturbation", gain="×5")
    told = link(at)
    known = {**chosen, "detail": "Perturbation", "source": "Gallery", "victim": "dmtl", "norm": "L-inf", "gain": "×5"}
    assert {key: told[key] for key in known} == {key: [value] for key, value in known.items()}
    again = page(**{key: values[0] for key, values in told.items()})
    assert shown(again) == shown(at) and link(again) == told, "a view of its own choices only"


def test_an_upload_is_in_the_address_by_its_digest(page: Open) -> None:
    at = send(page(source="Upload", tasks="Depth"), MINE)
    assert param(at, "sha256") == DIGEST and param(at, "file") == "mine.png"
    assert link(at)["sha256"] == [DIGEST]
    settle(at.segmented_control(key="source").set_value("Gallery").run())
    assert "sha256" not in at.query_params and "sha256" not in link(at)
    settle(at.segmented_control(key="source").set_value("Upload").run())
    assert param(at, "sha256") == DIGEST
    settle(at.button(key="remove").click().run())
    assert "sha256" not in at.query_params


def test_a_link_asks_for_its_file_and_goes_on_with_the_same_view(page: Open) -> None:
    before = send(page(source="Upload", tasks="Depth", attack="FGSM", epsilon="3", fit="Pad"), MINE)
    told = link(before)
    at = page(**{key: values[0] for key, values in told.items()})
    asked = f"This link shows mine.png, which is not kept here: choose that file (SHA-256 {DIGEST}…) to see it."
    assert said(at.info) == [asked]
    send(at, OTHER, "other.png", "upload_again")
    assert said(at.error)[0] == "other.png is another file than the mine.png that this link shows."
    send(at, b"\x89PNG broken", "broken.png", "upload_again")
    assert "broken.png cannot be read" in at.error[0].value
    send(at, MINE, "renamed.png", "upload_again")
    assert not at.error and not at.info
    assert shown(at) == shown(before), "the same bytes, whatever the file is called now"
    assert {**link(at), "file": ["mine.png"]} == told


def test_the_uploader_of_the_side_bar_takes_the_file_too(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attack="FGSM", sha256=DIGEST, file="mine.png")
    send(at, MINE)
    assert read_stage(at)["rows"][0]["title"] == "mine.png" and not at.info


def test_another_file_can_be_shown_instead(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attack="FGSM", sha256=DIGEST, file="mine.png")
    send(at, OTHER, "other.png")
    settle(at.button(key="instead").click().run())
    assert read_stage(at)["rows"][0]["title"] == "other.png" and not at.error
    assert param(at, "sha256") == imaging.digest(OTHER)[:32]


def test_a_link_to_another_source_asks_for_nothing(page: Open) -> None:
    at = page(tasks="Depth", attack="FGSM", sha256=DIGEST, file="mine.png")
    assert not at.info and "sha256" not in at.query_params


@pytest.mark.parametrize("digest", ["", "0" * 15, "../../etc/passwd", "Ω" * 32])
def test_what_is_no_digest_is_not_asked_for(page: Open, digest: str) -> None:
    at = page(source="Upload", tasks="Depth", attack="FGSM", sha256=digest, file="$a$*b*" * 99)
    assert not at.info and read_stage(at)["rows"][0]["title"] == "Room 1"


def test_a_saved_picture_is_shown_to_everybody_and_removed_by_who_sent_it(page: Open) -> None:
    at = send(page(source="Upload", tasks="Depth", attack="FGSM"), MINE)
    settle(at.button(key="save").click().run())
    told = {key: values[0] for key, values in link(at).items()}
    assert "unsave" in keys(at) and "save" not in keys(at)
    other = page(**told)
    assert shown(other) == shown(at) and not other.info
    assert not keys(other) & {"save", "unsave"}, "somebody else's"
    settle(at.button(key="unsave").click().run())
    assert page(**told).info


def test_only_so_much_is_saved(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_SAVED", len(MINE) - 1)
    at = send(page(source="Upload", tasks="Depth", attack="FGSM"), MINE)
    settle(at.button(key="save").click().run())
    assert "The picture cannot be saved: those that were saved fill the " in said(at.error)[0]
    assert "save" in keys(at) and not list(uploads.folder().iterdir())


def test_another_session_does_not_find_what_was_not_saved(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "browser", lambda: "one")
    at = send(page(source="Upload", tasks="Depth", attack="FGSM"), MINE)
    query = {key: values[0] for key, values in link(at).items()}
    known = resources.uploads()
    monkeypatch.setattr(resources, "uploads", lambda: known)
    assert not page(**query).info, "another tab of the same browser"
    monkeypatch.setattr(resources, "browser", lambda: "two")
    assert page(**query).info


def test_the_other_pages_ask_for_the_file_too(page: Open) -> None:
    for view in ("compare", "transfer"):
        at = page(view, source="Upload", sha256=DIGEST, file="mine.png", tasks="Depth")
        assert "This link shows mine.png" in at.info[0].value, view


def test_a_session_holds_few_uploads(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attack="FGSM")
    for number in range(5):
        send(at, png((40 + number, 30)), f"{number}.png")
    held = at.session_state["_held"]["sent"]
    assert [one.name for one in held] == ["2.png", "3.png", "4.png"]
    assert all(isinstance(one, Upload) for one in held)


@pytest.mark.parametrize(
    "view", ["", "compare", "transfer", "sweep", "vulnerability", "cost", "jobs", "results", "library", "tour"]
)
def test_every_page_has_one_button(page: Open, view: str) -> None:
    assert len(shares(page(view, tasks="Depth", attack="FGSM", attacks="FGSM"))) == 1


def test_a_form_that_is_in_no_link_has_none(page: Open) -> None:
    assert not shares(page("train"))


@pytest.mark.parametrize(
    ("view", "chosen"),
    [
        ("compare", {"tasks": "Depth", "attacks": "FGSM", "steps": "3", "scene": "0001"}),
        ("compare", {"compare": "Two side by side", "tasks": "Depth", "attack_a": "FGSM", "epsilon_b": "3"}),
        ("sweep", {"varied": "Epsilon", "values_epsilon": "1, 2", "tasks": "Depth", "attack": "FGSM"}),
        ("cost", {"cost_batch": "4"}),
    ],
)
def test_the_link_of_another_page_shows_the_same(page: Open, view: str, chosen: dict[str, str]) -> None:
    """As the browser writes it: what stands in the address, and beside that the first choices."""
    at = page(view, **chosen)
    told = link_beside(at)
    assert told.keys() > chosen.keys() and told.items() >= {key: [value] for key, value in chosen.items()}.items()
    again = page(view, **{key: values[0] if len(values) == 1 else values for key, values in told.items()})
    assert link_beside(again) == told
    assert chosen_in(again) == chosen_in(at) != []


def chosen_in(at: AppTest) -> list[object]:
    return [widget.value for widget in (*at.segmented_control, *at.pills, *at.selectbox, *at.number_input)]


def link_beside(at: AppTest) -> dict[str, list[str]]:
    address = {key: at.query_params[key] for key in at.query_params}
    lists = {key: value if isinstance(value, list) else [value] for key, value in address.items()}
    return parse_qs(shares(at)[0]["first"]) | lists


def test_a_link_that_names_what_is_not_here_says_so(page: Open) -> None:
    at = page(victim="our *house*", source="our photos", tasks="Depth", attack="PGD", pgd_num_steps="1")
    gone = "The link names {}, which is not here: this is {}."
    assert said(at.warning) == [gone.format("our photos", "Gallery"), gone.format("our *house*", "dmtl")]
    at = settle(at.run())
    assert len(at.warning) == 2, "until something is chosen there"
    settle(at.segmented_control(key="source").set_value("Upload").run())
    assert said(at.warning) == [gone.format("our *house*", "dmtl")]
