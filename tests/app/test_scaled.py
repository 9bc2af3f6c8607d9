"""What the browser makes of an adversarial picture at another epsilon is what the attack makes there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers import read_directions, read_message
from torch import Tensor

from app import panels, scaled
from app.panels import View
from app.request import Request
from app.result import Result
from app.scaled import Slider
from app.workshop import Workshop
from mta_core.budget import Budget
from mta_core.tasks import SCENE_TASKS

VIEW = View("depth")


def finished(workshop: Workshop, request: Request) -> Result:
    job = workshop.attack(request)
    while not job.is_done:
        job.wait(len(job.events), 30)
    assert job.error is None, job.error
    result = job.events[-1]
    assert isinstance(result, Result)
    return result


def slider_of(request: Request, **more: Any) -> Slider:
    return Slider("epsilon", request.budget, **more)


def sent(result: Result, **more: Any) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """What the browser is told of epsilon, and the directions."""
    message = panels.message(result, VIEW, slider=slider_of(result.request, **more))
    return read_message(message)[0]["live"], read_directions(message)


def composed(clean: Tensor, panel: dict[str, Any], direction: np.ndarray[Any, Any], units: float) -> Tensor:
    """As live_epsilon.js does: (3, H, W), grey levels, before they are rounded."""
    factor = panel["step"] * min(units, math.inf if panel["reach"] is None else panel["reach"])
    whole = torch.from_numpy(direction.astype(np.float64)).view(*clean.shape[-2:], 3).permute(2, 0, 1)
    return (clean.double() * 255 + factor * whole).clamp(0, 255)


@pytest.fixture
def at(
    with_generators: None, workshop: Workshop, request_for: Callable[..., Request]
) -> Iterator[Callable[..., Result]]:
    yield lambda *args, **more: finished(workshop, replace(request_for(*args, **more), tasks=SCENE_TASKS[1:2]))


@pytest.mark.parametrize(("norm", "units"), [("linf", (0.5, 2.0, 16.0)), ("l2", (0.5, 4.0, 20.0))])
@pytest.mark.parametrize(("attack", "settings"), [
    ("mta", {}), ("mta", {"instance": "universal"}), ("gap", {}), ("noise", {})
])  # fmt: skip
def test_another_epsilon_is_composed_as_the_attack_makes_it(
    at: Callable[..., Result], attack: str, settings: dict[str, Any], norm: str, units: tuple[float, ...]
) -> None:
    first = at(attack, units=units[1], norm=norm, **settings)
    live, directions = sent(first)
    (panel, _), (direction,) = live["panels"], directions.values()
    assert panel["exact"] and (live["shown"], live["asked"]) == (units[1], units[1])
    for other in units:
        real = at(attack, units=other, norm=norm, **settings)
        made = real.outcome.perturbations["depth"].adversarial
        difference = composed(first.outcome.clean, panel, direction, other) - made * 255
        assert difference.abs().max() <= 5e-3, "grey levels"
        assert sent(real)[1].keys() == directions.keys(), "the direction is the same, so that it is sent once"


def test_what_is_as_long_as_it_gets_stays_so(at: Callable[..., Result]) -> None:
    result = at("mta", units=2)
    direction = result.directions["depth"]
    reach = float(direction.abs().max()) * 255
    (panel, _), (whole,) = sent(result)[0]["panels"], sent(result)[1].values()
    assert panel["reach"] == pytest.approx(reach, rel=1e-6)
    far, farther = (composed(result.outcome.clean, panel, whole, units) for units in (reach, 2 * reach))
    assert torch.equal(far, farther)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "deepfool"])
def test_an_attack_that_does_not_scale_is_a_preview_that_meets_its_result(
    at: Callable[..., Result], attack: str
) -> None:
    result = at(attack, units=4)
    (panel, _), (direction,) = sent(result)[0]["panels"], sent(result)[1].values()
    assert not panel["exact"]
    here = composed(result.outcome.clean, panel, direction, 4)
    assert (here - 255 * result.outcome.perturbations["depth"].adversarial).abs().max() <= 1e-3
    less = composed(result.outcome.clean, panel, direction, 0.5)
    assert (less - 255 * result.outcome.clean).abs().max() <= 0.5 + 1e-3


def test_what_does_not_fill_its_budget_is_not_taken_to_grow(at: Callable[..., Result]) -> None:
    result = at("pgd", units=4, norm="l2", num_steps=1, step_size=0.5, random_start=False)
    length = float(result.outcome.perturbations["depth"].perturbation.norm())
    assert length < 1
    assert sent(result)[0]["panels"][0]["reach"] == pytest.approx(length, rel=1e-4)


def test_of_several_generators_another_epsilon_may_mean_another(
    at: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at("mta", units=2)
    assert scaled.is_exact(result, "depth")
    kind = type(result.request.attack)
    monkeypatch.setattr(kind, "weights", lambda self, card, aim: {"small" if aim.budget.units < 9 else "large": ""})
    assert not scaled.is_exact(replace(result, made={}), "depth")


def test_a_direction_is_sent_to_those_who_have_not_got_it(at: Callable[..., Result]) -> None:
    result = at("mta")
    digest = scaled.digest(result, "depth")
    assert list(sent(result)[1]) == [digest]
    live, directions = sent(result, known=[digest])
    assert not directions and {panel["file"] for panel in live["panels"]} == {digest}
    message = panels.message(result, VIEW, progress=0.4, slider=slider_of(result.request))
    assert len(message) < 20_000 and not read_directions(message)


def test_a_slider_of_another_norm_says_nothing(at: Callable[..., Result]) -> None:
    result = at("mta")
    message = panels.message(result, VIEW, slider=Slider("epsilon_l2", Budget.from_units("l2", 4)))
    assert read_message(message)[0]["live"] is None
