"""Requests as orders keep them: JSON that names everything by what finds it again. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app import library
from app.library import Picture, Shelf
from app.request import Request
from mta_core import victims
from mta_core.attacks import Attack, make_attack
from mta_core.budget import Budget
from mta_core.job_records import Order
from mta_core.kinds import Aim
from mta_core.tasks import suited
from mta_core.weights import Card, WeightsError


def written(request: Request) -> dict[str, Any]:
    """A request without its picture, of JSON's types."""
    return {
        "victim": request.victim, "tasks": [t.name for t in request.tasks], "attack": request.attack.name,
        "settings": asdict(request.attack), "scope": request.scope, "norm": str(request.budget.norm),
        "epsilon": request.budget.units, "weights": [list(pair) for pair in request.weights], "seed": request.seed,
        "target": request.target, "like": request.like.name if request.like else "",
    }  # fmt: skip


def read_request(one: Mapping[str, Any], picture: Picture, shelves: Mapping[str, Shelf], to: str = "") -> Request:
    """What `written` wrote, for a picture at its victim's size.

    Args:
        to: the victim that it is tried on, if there is another.

    Raises:
        ValueError: something that it names is not there.
    """
    card = victims.find(one["victim"])
    attack, budget = make_attack(one["attack"], **one["settings"]), Budget.from_units(one["norm"], one["epsilon"])
    like = _like(one["like"], shelves, card.input_size)
    weights = tuple((str(a), str(b)) for a, b in one["weights"])
    tasks = suited(one["tasks"], card.tasks)
    return Request(
        picture, card.name, tasks, attack, one["scope"], budget, weights, one["seed"], to, one["target"], like
    )


def are_alike(order: Order, other: Order, listed: str) -> bool:
    """Whether two orders ask for the same, with whatever weights; requests are what their setting `listed` holds."""

    def told(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {**settings, listed: [_without_weights(one) for one in settings[listed]]}

    try:
        return order.kind == other.kind and told(order.settings) == told(other.settings)
    except (KeyError, TypeError, AttributeError):
        return False


def _without_weights(one: Mapping[str, Any]) -> dict[str, Any]:
    """What `written` wrote, but for what says which trained weights are used."""
    settings = {key: value for key, value in one["settings"].items() if key != "generator"}
    return {**one, "settings": settings, "weights": []}


def digests(attack: Attack, card: Card, aim: Aim, to: Card | None = None) -> tuple[tuple[str, str], ...]:
    """Name and sha256 of all weights that are used: the victims', and what the attack draws with; only the former where
    the latter do not fit, which the attack will say."""
    found = victims.digests(card) | (victims.digests(to) if to else {})
    try:
        found |= attack.weights(card, aim)
    except WeightsError:
        pass
    return tuple(found.items())


def check_weights(request: Request) -> None:
    """Raises ValueError where the weights that a request names are not there any more, or others bear their names."""
    card = victims.find(request.victim)
    aim = Aim(tuple(t.name for t in request.tasks), request.scope, request.target, request.budget)
    now = victims.digests(card) | request.attack.weights(card, aim)
    now |= victims.digests(victims.find(request.to)) if request.to else {}
    if request.weights and now != dict(request.weights):
        raise ValueError(f"the weights of {', '.join(now)} are others now: start it anew")


def _like(name: str, shelves: Mapping[str, Shelf], size: tuple[int, int]) -> Picture | None:
    """The picture of the gallery with that title."""
    if not name:
        return None
    shelf = shelves.get("gallery")
    for picture in map(shelf.read, range(len(shelf))) if shelf else ():
        if picture.name == name:
            return library.at_size(picture, size)
    raise ValueError(f"expected {name} in the gallery")
