"""What Explore's controls must say to show a victim, a generator or a data set, by the keys of these controls."""

from __future__ import annotations

from app import resources
from app.components import controls, goals, pictures
from app.library import Shelf
from mta_core.attacks import ATTACKS, attack_class
from mta_core.budget import Norm
from mta_core.generators import instance_of, method_of, scope_of
from mta_core.tasks import TASKS
from mta_core.weights import Card

Opening = tuple[dict[str, object], str]
"""The answers, none where Explore cannot show it, and why."""


def of_victim(card: Card) -> Opening:
    if not any(known.name == card.name for known in resources.workshop().victims()):
        return {}, "It answers no task that can be shown."
    return {**_picture_for(card), "victim": card.name}, ""


def of_generator(card: Card) -> Opening:
    if method_of(card) not in {kind.name for kind in ATTACKS}:
        return {}, "It says that it belongs to an attack that nobody knows here."
    workshop = resources.workshop()
    for victim in workshop.victims():
        own = next((made for made in workshop.generators(victim.name) if made.name == card.name), None)
        if own is not None:
            return {**_picture_for(victim), "victim": victim.name, **_attack(own)}, ""
    return {}, f"The victim that it was made against, {card.options.get('victim', 'not named')}, is not here."


def of_data(label: str, shelf: Shelf) -> Opening:
    return pictures.place_of(shelf, label, 0), ""


def _attack(card: Card) -> dict[str, object]:
    """The form of an attack with this generator, of which these tasks are of use."""
    kind, options = attack_class(method_of(card)), card.options
    norm = Norm.L2 if options.get("norm") == str(Norm.L2) else Norm.LINF
    key, low, high, first, _ = controls.RANGES[norm]
    epsilon, target = options.get("epsilon"), str(options.get("target", ""))
    size = float(epsilon) if isinstance(epsilon, int | float) else first
    return {
        "tasks": [t.label for t in TASKS if card.tasks.get(t.name) == t.space],
        "attack": kind.label,
        "scope": next(label for label, scope in controls.SCOPES.items() if scope == scope_of(card)),
        "norm": norm.label,
        key: min(high, max(low, size)),
        "goal": goals.TOWARDS if target else goals.AWAY,
        **({goals.TARGET: target} if target else {}),
        f"{kind.name}_instance": instance_of(card),
        f"{kind.name}_generator": card.name,
    }


def _picture_for(card: Card) -> dict[str, object]:
    """The first picture with labels of a task that the victim answers."""
    shipped = {pictures.GALLERY: resources.gallery(), pictures.OBJECTS: resources.objects()}
    for label, shelf in ({**shipped, **resources.connected()}).items():
        if shelf is None:
            continue
        known = [name for name, space in card.tasks.items() if shelf.data.known.get(name) == space]
        if known and not shelf.data.is_divided:
            return pictures.place_of(shelf, label, 0)
        if known:
            own = shelf.data.for_task(known[0])
            return pictures.place_of(shelf, label, shelf.keys().index(own.name_of(0)))
    return {}
