"""Where an attack goes: away from the truth, towards an answer, or towards what another picture looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from app import resources, variants
from app.library import Picture
from app.request import Request
from app.state import keys
from mta_core.attacks import Attack, Generative
from mta_core.goal import words_of
from mta_core.tasks import Task
from mta_core.weights import Card

AWAY, TOWARDS, LIKE = "Non-targeted", "Targeted", "Like another"
TARGET = "target"
"""The keys of the controls that say towards what begin with it."""
HELP = (
    "Away from the right answer; towards an answer you choose; or towards what the model says of another picture. "
    "A trained generator knows only the target it was trained for."
)
Aimed = tuple[str, Picture | None]
"""The target, as `mta_core.targets.parse_goal` reads it, empty for none; and the picture whose answers it is."""


def choose(
    kind: type[Attack], cards: Sequence[Card], tasks: Sequence[Task], picture: Picture, made: Iterable[Card]
) -> Aimed:
    """Where one attack goes.

    Args:
        cards: the trained generators of this attack; they offer what they were trained for.
        picture: that is attacked.
        made: all of the victim's generators, whose targets other attacks are offered too.
    """
    is_trained = issubclass(kind, Generative)
    targets = {variants.target_of(card) for card in cards}
    if kind.is_baseline or (is_trained and targets <= {""}):
        return "", None
    if not is_trained:
        return choose_for_all(tasks, picture, made)
    chosen = _goal([*([AWAY] if "" in targets else []), TOWARDS])
    return (_trained(sorted(targets - {""})) if chosen == TOWARDS else ""), None


def choose_for_all(tasks: Sequence[Task], picture: Picture, made: Iterable[Card]) -> Aimed:
    """Where attacks go that search for themselves, and with them the generators that were trained for the same."""
    others = _others(picture) if all(t.is_dense for t in tasks) else {}
    chosen = _goal([AWAY, TOWARDS, *([LIKE] if others else [])])
    if chosen == LIKE:
        return "", _like(others)
    if chosen == TOWARDS:
        cards = list(made)
        return ",".join(f"{t.name}={_value(t, variants.goals_of(t, cards))}" for t in tasks), None
    return "", None


def answers(request: Request) -> dict[str, object]:
    """What these controls must say to ask for a request, by their keys."""
    if request.like is not None:
        return {"goal": LIKE, "like": request.like.name}
    if not request.target:
        return {"goal": AWAY}
    if isinstance(request.attack, Generative):
        return {"goal": TOWARDS, TARGET: request.target}
    values = words_of(request.target, [t.name for t in request.tasks])
    return {"goal": TOWARDS, **{keys.target_key(t): values[t.name] for t in request.tasks}}


def shown(value: str) -> str:
    return value.replace("_", " ")


def _goal(offered: Sequence[str]) -> str | None:
    return st.segmented_control(
        "Goal", offered, default=offered[0], required=True, key="goal", width="stretch", help=HELP, **keys.LINKED
    )


def _trained(targets: Sequence[str]) -> str:
    return st.selectbox("Target", targets, key=TARGET, format_func=shown, **keys.LINKED) or targets[0]


def _value(t: Task, offered: Sequence[str]) -> str:
    label = f"{t.label}: target" + (" (m)" if t.space == "metres" else "")
    chosen = st.selectbox(
        label, offered, key=keys.target_key(t), format_func=shown, persist_state="session", **keys.LINKED
    )
    return chosen or offered[0]


def _others(picture: Picture) -> dict[str, int]:
    """The gallery's other pictures: where they stand in it, by their titles."""
    gallery = resources.gallery()
    titles = {f"Room {i + 1}": i for i in range(len(gallery) if gallery else 0)}
    return {title: i for title, i in titles.items() if title != picture.name}


def _like(others: Mapping[str, int]) -> Picture | None:
    gallery = resources.gallery()
    chosen = st.selectbox("Like", list(others), key="like", persist_state="session", **keys.LINKED)
    return gallery.read(others[chosen]) if gallery else None
