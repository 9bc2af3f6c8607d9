"""The operator's own models in the app: among the victims, and no others, whatever a browser says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import read_stage, settle
from streamlit.testing.v1 import AppTest

from app import trainings
from mta_core import victims
from mta_core.victims import own

MODULE = """
import torch
from torch import nn
from mta_core.victims import adapt

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x):
        y = self.conv(x)
        return {"segmentation": y[:, :3], "depth": y[:, 3:]}

def make():
    return adapt(Net(), {"segmentation": ("road", "car", "sky"), "depth": "relative"}, (96, 128))
"""
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app_models.py").write_text(MODULE)
    (tmp_path / "app_trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name, empty in (("_allowed", set()), ("_known", {}), ("_said", set()), ("_failed", {})):
        monkeypatch.setattr(own, name, empty)
    monkeypatch.setenv(own.VARIABLE, "street=app_models:make")


def test_it_is_attacked_like_the_others(page: Open) -> None:
    at = page(victim="street", attack="PGD", pgd_num_steps="2")
    assert at.selectbox(key="victim").options == ["dmtl", "street"] and not at.error
    stage = read_stage(at)
    assert [row["id"] for row in stage["rows"]] == ["picture", "segmentation", "depth"]
    assert at.session_state["_held"]["shown"].request.victim == "street"
    outcome = at.session_state["_held"]["shown"].outcome
    assert outcome.tasks["segmentation"].truth is None, "nobody has said which of its classes are the room's"
    assert outcome.tasks["depth"].truth is not None and "correlation" in outcome.tasks["depth"].measures["clean"]
    settle(at.segmented_control(key="goal").set_value("Targeted").run())
    assert at.selectbox(key="target_segmentation").options == ["road", "car", "sky"] and not at.error
    settle(at.selectbox(key="victim").set_value("dmtl").run())
    assert not at.error and read_stage(at)["rows"][1]["id"] == "segmentation"


def test_it_is_compared_like_the_others(page: Open) -> None:
    at = page("compare", victim="street")
    assert "street" in at.selectbox(key="victim").options and not at.error and not at.exception


def test_the_library_has_its_card(page: Open) -> None:
    at = page("library")
    shown = " ".join(str(part.proto.body) for part in at.get("html"))
    assert "street" in shown and "named by the operator" in shown and "--victim app_models:make" in shown
    at.button(key="use_victim_street").click().run()
    assert not at.exception and at.session_state["_leaving"][2]["victim"] == "street"


def test_a_browser_names_no_module(page: Open, tmp_path: Path) -> None:
    for view, name in (("", "app_trap:make"), ("transfer", "app_models:make")):
        at = page(view, victim=name, to=name, second=name, attack="PGD", pgd_num_steps="1")
        assert not at.exception and name not in at.selectbox(key="victim").options
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(ValueError, match="expected a victim that was named"):
        victims.load("app_models:make")


def test_generators_are_trained_against_it_without_labels(page: Open) -> None:
    assert trainings.fallback(victims.find("street")) == "unlabelled:rooms"
    assert trainings.fallback(victims.find("dmtl")) == "rooms"
    at = page("train")
    at.selectbox(key="train_victim").set_value("street").run()
    assert not at.exception and at.selectbox(key="train_data").options == ["unlabelled:rooms"]
