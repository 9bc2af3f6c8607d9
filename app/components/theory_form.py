"""The form of a measurement of vulnerability: victim, tasks, budget, attack and pictures."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import resources, theory_job
from app.components import by_name
from app.components.controls import NORMS, RANGES
from app.components.pictures import GALLERY
from app.library import Shelf
from app.state import choices, keys
from app.theory_job import Asked
from app.words import nearest
from mta_core.budget import Norm
from mta_core.weights import Card

MOST_PICTURES, FIRST_PICTURES = 10_000, 4
EPSILONS = {Norm.LINF: 8.0, Norm.L2: 4.0}
"""As the paper attacks."""
NO_VICTIM = "There is no victim that answers a task of a data set here: see the page Train."


@dataclass(frozen=True)
class Chosen:
    """What the form asks for, of which data set and victim."""

    asked: Asked
    shelf: Shelf
    card: Card


def shelves() -> dict[str, Shelf]:
    """The data sets whose pictures have labels of several tasks that a victim answers, by label."""
    gallery = resources.gallery()
    found = {**({GALLERY: gallery} if gallery else {}), **resources.connected()}
    return {label: shelf for label, shelf in found.items() if cards(shelf)}


def cards(shelf: Shelf) -> list[Card]:
    """The victims that answer a task which the data have labels of."""
    return [card for card in resources.workshop().victims() if theory_job.offered(shelf.data, card)]


def choose() -> Chosen | None:
    """What is asked for; None where there is nothing to measure, which it says."""
    known = shelves()
    if not known:
        st.info(NO_VICTIM)
        return None
    data, victim, pictures = st.columns([1, 2, 1], gap="medium")
    with data:
        shelf = choose_set(known, "theory_data")
    with victim:
        card = choose_victim(shelf, "theory_victim")
    with pictures:
        count = st.number_input(
            f"Pictures, of {len(shelf)}", 1.0, float(MOST_PICTURES), float(min(FIRST_PICTURES, len(shelf))), 1.0,
            "%.0f", key="theory_count", persist_state="session", help="The first ones of the data set, in its order.",
            **keys.LINKED,
        )  # fmt: skip
    tasks = _tasks(shelf, card)
    norm, epsilon, steps, restarts = st.columns([1.2, 1.8, 1, 1], gap="medium")
    with norm:
        chosen = NORMS[st.segmented_control(
            "Norm", list(NORMS), default=Norm.LINF.label, key="theory_norm", required=True, width="stretch",
            **keys.LINKED,
        ) or Norm.LINF.label]  # fmt: skip
    with epsilon:
        size = _epsilon(chosen)
    with steps:
        num_steps = _number("Steps", 100, 10, "theory_steps", "Of each attack, which raises the loss or lowers it.")
    with restarts:
        num_restarts = _number("Restarts", 10, 2, "theory_restarts", "Random starts; what moves the loss most counts.")
    most = min(nearest(count), len(shelf))
    asked = Asked(shelf.name, card.name, tasks, str(chosen), size, num_steps, num_restarts, most)
    return Chosen(asked, shelf, card)


def choose_set(known: dict[str, Shelf], key: str) -> Shelf:
    told = "What is shipped, and what is connected: see the page Library."
    return known[by_name.choose("Data set", list(known), key=key, help=told)]


def choose_victim(shelf: Shelf, key: str) -> Card:
    found = {card.name: card for card in cards(shelf)}
    return found[by_name.choose("Victim", list(found), key=key, help="The model whose losses are moved.")]


def _tasks(shelf: Shelf, card: Card) -> tuple[str, ...]:
    """At least one; all that it answers unless others are chosen."""
    labels = {t.label: t.name for t in theory_job.offered(shelf.data, card)}
    choices.restore_choice("theory_tasks", list(labels))
    chosen = st.pills(
        "Tasks, added one after the other", list(labels), selection_mode="multi", default=list(labels),
        key="theory_tasks", width="stretch", help="Each alone, and the first two, three, … together.", **keys.LINKED,
    )  # fmt: skip
    return tuple(name for label, name in labels.items() if label in chosen) or tuple(labels.values())


def _epsilon(norm: Norm) -> float:
    _, low, high, _, step = RANGES[norm]
    key = "theory_epsilon" if norm is Norm.LINF else "theory_epsilon_l2"
    label, form = ("Epsilon", "%g/255") if norm is Norm.LINF else ("Epsilon (L2 norm)", "%g")
    value: float = st.slider(
        label, low, high, EPSILONS[norm], step, form, key=key, persist_state="session", **keys.LINKED
    )
    return value


def _number(label: str, most: int, first: int, key: str, words: str) -> int:
    """Never as a whole number: Streamlit fails on a link that gives one as "inf"."""
    value = st.number_input(
        label, 1.0, float(most), float(first), 1.0, "%.0f", key=key, persist_state="session", help=words, **keys.LINKED
    )
    return nearest(value)
