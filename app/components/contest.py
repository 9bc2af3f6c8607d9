"""The form of a comparison: on which pictures, which attacks, how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app import library, resources, state, variants
from app.comparison import Trial
from app.components import controls, leave, pictures
from app.heatmap import Column
from app.library import Picture, Shelf
from app.variants import Variant
from app.words import nearest, plain
from app.workshop import Request
from mta_core.attacks import Noise
from mta_core.budget import Budget
from mta_core.data import DataError
from mta_core.imaging import ImageError
from mta_core.kinds import Aim
from mta_core.tasks import Measure, Task
from mta_core.weights import Card

MAP, PAIR = "All attacks", "Two side by side"
PICTURE, DATA = "One picture", "Data set"
MOST_PICTURES, FIRST_PICTURES = 10_000, 8
STEPS = 10
EPSILON_B = "_b"
HELP = (
    "Trained generators are offered where the victim has some. Joint: one perturbation for all tasks, else one for "
    "each. Universal: the same perturbation for every picture."
)


@dataclass(frozen=True)
class Contest:
    """What the heat map is to show.

    Attributes:
        trials: random noise first.
        words: what each attack does, in half a sentence.
        place: which picture a click opens, by the keys of the form that chooses one.
    """

    trials: tuple[Trial, ...]
    words: tuple[str, ...]
    columns: tuple[Column, ...]
    place: tuple[tuple[str, object], ...]

    @property
    def is_data(self) -> bool:
        return bool(self.trials[0].shelf)

    def explore(self, trial: Trial, task: str) -> dict[str, object]:
        """What Explore's controls must say to show a trial's first picture, with this task's perturbation."""
        shown = next(c.task.label for c in self.columns if c.task.name == task)
        return {**dict(self.place), **controls.answers(trial.request), state.WHOSE: shown}

    def link(self, trial: Trial, task: str) -> str:
        return leave.explore_link(self.explore(trial, task))


@dataclass(frozen=True)
class Pair:
    """Two attacks on one picture, with their names for people."""

    first: Request
    second: Request
    names: tuple[str, str]

    @property
    def requests(self) -> tuple[Request, Request]:
        return (self.first, self.second)


def choose() -> Contest | Pair | None:
    """What is to be compared; None where there is no picture."""
    view = st.segmented_control("Compare", (MAP, PAIR), default=MAP, key="compare", **controls.WIDE)
    if view == PAIR:
        picture = pictures.choose()
        return _pair(picture) if picture else None
    on = st.segmented_control("On", (PICTURE, DATA), default=PICTURE, key="on", **controls.WIDE)
    if on == DATA:
        return _on_data()
    picture = pictures.choose()
    return _contest(picture) if picture else None


def _on_data() -> Contest | None:
    gallery = resources.gallery()
    shelves = {**({pictures.GALLERY: gallery} if gallery else {}), **resources.connected()}
    if not shelves:
        st.caption("There is no data set: the gallery is missing and none is connected.")
        return None
    label = st.selectbox(
        "Data set", list(shelves), key="data", **state.LINKED,
        help="The gallery, and what the operator connected with MTA_DATA_ROOTS.",
    )  # fmt: skip
    shelf = shelves[label]
    usual = float(min(FIRST_PICTURES, len(shelf)))
    count = st.number_input(
        f"Pictures, of {len(shelf)}", 1.0, float(MOST_PICTURES), usual, 1.0, "%.0f", key="count",
        persist_state="session", help="The first ones of the data set, in its order.", **state.LINKED,
    )  # fmt: skip
    first = _first(shelf)
    return _contest(first, shelf, label, min(nearest(count), len(shelf))) if first else None


def _first(shelf: Shelf) -> Picture | None:
    """The first picture that can be read, of the first few."""
    problem: Exception | None = None
    for index in range(min(FIRST_PICTURES, len(shelf))):
        try:
            return shelf.read(index)
        except (DataError, ImageError) as error:
            problem = problem or error
    st.error(plain(f"The first pictures cannot be read: {problem}."))
    return None


def _contest(picture: Picture, shelf: Shelf | None = None, label: str = "", count: int = 1) -> Contest:
    card, tasks, own = _victim_and_tasks()
    names = [v.label for v in own]
    chosen = st.pills(
        "Attacks", names, selection_mode="multi", default=[v.label for v in own if v.is_first_choice], key="attacks",
        width="stretch", help=HELP, **state.LINKED,
    )  # fmt: skip
    used = [v for v in own if v.label in chosen]
    steps = _steps(used)
    budget = controls.choose_budget()
    noise = Variant(Noise.label, Noise)
    data = shelf.data_at(card.input_size) if shelf else None
    picture = library.at_size(picture, card.input_size)
    trials = tuple(
        Trial(_request(v, picture, card, tasks, steps, budget), shelf.name if shelf else "", count, v.label, data)
        for v in (noise, *used)
    )
    labelled = data.spaces if data is not None else picture.targets
    columns = tuple(Column(t, _measure(t), t.name in labelled) for t in tasks)
    place = pictures.place_of(shelf, label) if shelf else pictures.place()
    return Contest(trials, tuple(v.words for v in (noise, *used)), columns, tuple(place.items()))


def _pair(picture: Picture) -> Pair:
    card, tasks, own = _victim_and_tasks()
    names = {v.label: v for v in own}
    norm = controls.choose_norm()
    sides = []
    defaults = (0, next((i for i, v in enumerate(own) if v.label == "PGD"), len(own) - 1))
    for letter, key, suffix, index in (("A", "attack_a", "", defaults[0]), ("B", "attack_b", EPSILON_B, defaults[1])):
        label = st.selectbox(f"Attack {letter}", list(names), index, key=key, help=HELP, **state.LINKED)
        sides.append((names[label], controls.choose_epsilon(norm, suffix, f"Epsilon of {letter}")))
    steps = _steps([variant for variant, _ in sides])
    picture = library.at_size(picture, card.input_size)
    first, second = (_request(variant, picture, card, tasks, steps, budget) for variant, budget in sides)
    labels = tuple(_side_name(variant, budget, sides) for variant, budget in sides)
    return Pair(first, second, (f"A: {labels[0]}", f"B: {labels[1]}"))


def _side_name(variant: Variant, budget: Budget, sides: Sequence[tuple[Variant, Budget]]) -> str:
    """With its epsilon where the two have different ones."""
    differ = len({b.epsilon for _, b in sides}) > 1
    return f"{variant.label} {budget.label.partition(' ')[0]}" if differ else variant.label


def _victim_and_tasks() -> tuple[Card, tuple[Task, ...], list[Variant]]:
    workshop = resources.workshop()
    card = controls.choose_victim(workshop.victims())
    tasks = controls.choose_tasks(card)
    return card, tasks, variants.variants(workshop.generators(card.name), tasks)


def _steps(used: Sequence[Variant]) -> int:
    if not any(v.has_steps for v in used):
        return STEPS
    value = st.number_input(
        "Steps", 1.0, 100.0, float(STEPS), 1.0, "%.0f", key="steps", persist_state="session",
        help="Gradient steps of the iterative attacks, the same for each, so that they cost the same.", **state.LINKED,
    )  # fmt: skip
    return nearest(value)


def _measure(t: Task) -> Measure:
    """By which measure a task is shown; the main one unless somebody chooses."""
    labels = {m.label: m for m in t.measures}
    if len(labels) == 1:
        return t.main_measure
    chosen = st.selectbox(f"{t.label} by", list(labels), key=f"measure_{t.name}", **state.LINKED)
    return labels[chosen]


def _request(
    variant: Variant, picture: Picture, card: Card, tasks: tuple[Task, ...], steps: int, budget: Budget
) -> Request:
    attack = variant.attack(steps)
    aim = Aim(tuple(t.name for t in tasks), variant.scope, budget=budget)
    weights = (card.sha256, *controls.digests(attack, card, aim))
    return Request(picture, card.name, tasks, attack, variant.scope, budget, weights)
