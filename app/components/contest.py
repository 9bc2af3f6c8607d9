"""The form of a comparison: on which pictures, which attacks, how strongly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import library, resources, variants
from app.comparison import Trial
from app.components import beside, by_name, controls, goals, leave, pictures
from app.heatmap import SEPARATOR, Column
from app.library import Picture
from app.request import Request
from app.request_json import digests
from app.second import Second
from app.state import keys
from app.variants import Variant
from app.words import nearest, plain
from mta_core.attacks import Noise
from mta_core.budget import Budget
from mta_core.data import DataError, DataSource, Size
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
class Sight:
    """A line of the heat map: an attack as one victim sees it, who is named where there are two."""

    label: str
    words: str
    trial: Trial
    victim: str


@dataclass(frozen=True)
class Contest:
    """What the heat map is to show.

    Attributes:
        trials: random noise first; after those of the victim those that are made on the second one.
        words: what each attack does, in half a sentence.
        place: which picture a click opens, by the keys of the form that chooses one.
        second: a victim beside the first.
    """

    trials: tuple[Trial, ...]
    words: tuple[str, ...]
    columns: tuple[Column, ...]
    place: tuple[tuple[str, object], ...]
    second: Second | None = None

    @property
    def victim(self) -> str:
        return self.trials[0].request.victim

    @property
    def num_attacks(self) -> int:
        """Without random noise, each once, however many victims there are."""
        return sum(trial.request.victim == self.victim for trial in self.trials) - 1

    @property
    def sights(self) -> list[Sight]:
        """What the map has lines of: each attack on the first victim, and below it on the second."""
        own = [(t, w) for t, w in zip(self.trials, self.words, strict=True) if t.request.victim == self.victim]
        if self.second is None:
            return [Sight(trial.label, words, trial, "") for trial, words in own]
        name, found = self.second.card.name, []
        on_second = {trial.label: trial for trial in self.trials if trial.request.victim == name}
        for trial, words in own:
            attack = trial.label.removesuffix(SEPARATOR + self.victim)
            label = attack + SEPARATOR + name
            found.append(Sight(attack + SEPARATOR + self.victim, words, trial, self.victim))
            if self.second.is_transfer and not trial.request.attack.is_baseline:
                found.append(Sight(label, f"the same pictures, made on {self.victim}", trial, name))
            elif self.second.is_transfer:
                found.append(Sight(label, words, trial, name))
            elif label in on_second:
                found.append(Sight(label, words, on_second[label], name))
        return found

    @property
    def is_missing(self) -> bool:
        """Whether its picture is still to come."""
        return self.trials[0].request.picture.is_missing

    @property
    def is_data(self) -> bool:
        return bool(self.trials[0].shelf)

    def explore(self, trial: Trial, task: str) -> dict[str, object]:
        """What Explore's controls must say to show a trial's first picture with this task's perturbation, and both
        victims where there are two."""
        shown = next(c.task.label for c in self.columns if c.task.name == task)
        beside_it: dict[str, object] = {}
        if self.second is not None:
            attack = trial.label.partition(SEPARATOR)[0]
            trial = next((t for t in self.trials if t.label.partition(SEPARATOR)[0] == attack), trial)
            beside_it = {keys.SECOND: self.second.card.name, keys.THREAT: self.second.label}
        return {**dict(self.place), **controls.answers(trial.request), **beside_it, keys.WHOSE: shown}

    def link(self, trial: Trial, task: str) -> str:
        """Empty where Explore has no such run: there noise leads nowhere."""
        is_shown = not (trial.request.is_targeted and trial.request.attack.is_baseline)
        return leave.explore_link(self.explore(trial, task)) if is_shown else ""


@dataclass(frozen=True)
class DataSet:
    """The first pictures of a data set.

    Attributes:
        name: see `Trial.shelf`.
        data: all of them, at the victim's input size; of one task where each has its own.
        at: the same at the input size of another victim.
        place: see `Contest.place`.
    """

    name: str
    data: DataSource
    at: Callable[[Size], DataSource]
    count: int
    place: Mapping[str, object]


@dataclass(frozen=True)
class Pair:
    """Two attacks on one picture, with their names for people, and which one it is: see `Contest.place`."""

    first: Request
    second: Request
    names: tuple[str, str]
    place: tuple[tuple[str, object], ...]

    @property
    def is_missing(self) -> bool:
        """Whether its picture is still to come."""
        return self.first.picture.is_missing

    @property
    def requests(self) -> tuple[Request, Request]:
        return (self.first, self.second)

    def explore(self, request: Request) -> dict[str, object]:
        """What Explore's controls must say to show one of the two."""
        return {**dict(self.place), **controls.answers(request)}


def choose() -> Contest | Pair | None:
    """What is to be compared; None where there is no picture."""
    view = st.segmented_control("Compare", (MAP, PAIR), default=MAP, key="compare", **controls.WIDE)
    if view != PAIR:
        on = st.segmented_control("On", (PICTURE, DATA), default=PICTURE, key="on", **controls.WIDE)
        if on == DATA:
            return _on_data()
    picture = pictures.choose()
    if picture is None:
        return None
    card, tasks = _victim_and_tasks(picture.targets)
    if view == PAIR:
        return _pair(picture, card, tasks)
    return _contest(picture, card, tasks)


def _on_data() -> Contest | None:
    chosen = pictures.choose_data_set()
    if chosen is None:
        return None
    label, shelf = chosen
    place = st.container()  # how many pictures there are depends on the task, which is chosen below
    card, tasks = _victim_and_tasks(shelf.data.known)
    data = shelf.data_at(card.input_size)
    if data.is_divided:
        tasks = tuple(t for t in tasks if t.name in data.known)[:1]
        if not tasks:
            st.error(plain(f"{card.name} answers no task of {label}: train a victim that does."))
            return None
        data = data.for_task(tasks[0].name)
        st.caption(plain(f"The pictures of {tasks[0].label}: here every task has its own."))
    with place:
        usual = float(min(FIRST_PICTURES, len(data)))
        count = st.number_input(
            f"Pictures, of {len(data)}", 1.0, float(MOST_PICTURES), usual, 1.0, "%.0f", key="count",
            persist_state="session", help="The first ones of the data set, in its order.", **keys.LINKED,
        )  # fmt: skip
    try:
        first = shelf.first_readable(data)
    except (DataError, ImageError) as error:
        st.error(plain(f"The first pictures cannot be read: {error}."))
        return None
    picture = shelf.read(first)

    def at(size: Size) -> DataSource:
        other = shelf.data_at(size)
        return other.for_task(tasks[0].name) if other.is_divided else other

    used = DataSet(shelf.name, data, at, min(nearest(count), len(data)), pictures.place_of(shelf, label, first))
    return _contest(picture, card, tasks, used)


def _contest(picture: Picture, card: Card, tasks: tuple[Task, ...], on: DataSet | None = None) -> Contest:
    other = beside.choose_card(card.name, tasks)
    second = Second(other, beside.choose_threat()) if other is not None else None
    target, like, own = _goal_and_variants(picture, card, tasks)
    if on is not None and on.data.is_divided:
        own = [v for v in own if v.scope != "joint"]  # no picture has several tasks
    names = [v.label for v in own]
    chosen = st.pills(
        "Attacks", names, selection_mode="multi", default=[v.label for v in own if v.is_first_choice], key="attacks",
        width="stretch", help=HELP, **keys.LINKED,
    )  # fmt: skip
    used = [v for v in own if v.label in chosen]
    steps = _steps(used)
    is_targeted = bool(target) or like is not None
    measures = [_measure(t, is_targeted) for t in tasks]
    budget = controls.choose_budget()
    noise = Variant(Noise.label, Noise, target=target)
    picture = library.at_size(picture, card.input_size)
    compared = {v: _request(v, picture, card, tasks, steps, budget, like) for v in (noise, *used)}
    trials, words = _trials(compared, second, on)
    labelled = on.data.known if on else picture.targets
    columns = tuple(Column(t, m, t.name in labelled, is_targeted) for t, m in zip(tasks, measures, strict=True))
    place = on.place if on else pictures.place()
    return Contest(trials, words, columns, tuple(place.items()), second)


def _trials(
    compared: Mapping[Variant, Request], second: Second | None, on: DataSet | None
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """Each attack on the first victim, then those that can be made on the second one, with what they do."""

    def trial(request: Request, label: str, data: DataSource | None) -> Trial:
        return Trial(request, on.name, on.count, label, data) if on else Trial(request, label=label)

    data = on.data if on else None
    if second is None:
        return tuple(trial(r, v.label, data) for v, r in compared.items()), tuple(v.words for v in compared)
    if second.is_transfer:
        both = {v: second.request(r) for v, r in compared.items()}
        return tuple(trial(r, v.label, data) for v, r in both.items()), tuple(v.words for v in both)
    made = [(trial(r, f"{v.label}{SEPARATOR}{r.victim}", data), v.words) for v, r in compared.items()]
    at, name = on.at(second.card.input_size) if on else None, second.card.name
    missing = [v.label for v, r in compared.items() if not second.can_be_attacked(r)]
    made += [
        (trial(second.request(r), f"{v.label}{SEPARATOR}{name}", at), v.words)
        for v, r in compared.items()
        if v.label not in missing
    ]
    if missing:
        st.caption(plain(f"No generator was made for {name}, so that it has no line of {', '.join(missing)}."))
    return tuple(one for one, _ in made), tuple(words for _, words in made)


def _pair(picture: Picture, card: Card, tasks: tuple[Task, ...]) -> Pair:
    _, like, own = _goal_and_variants(picture, card, tasks)
    names = {v.label: v for v in own}
    norm = controls.choose_norm()
    sides = []
    defaults = (0, next((i for i, v in enumerate(own) if v.label == "PGD"), len(own) - 1))
    for letter, key, suffix, index in (("A", "attack_a", "", defaults[0]), ("B", "attack_b", EPSILON_B, defaults[1])):
        label = by_name.choose(f"Attack {letter}", list(names), index, key=key, help=HELP)
        sides.append((names[label], controls.choose_epsilon(norm, suffix, f"Epsilon of {letter}")))
    steps = _steps([variant for variant, _ in sides])
    picture = library.at_size(picture, card.input_size)
    first, second = (_request(variant, picture, card, tasks, steps, budget, like) for variant, budget in sides)
    labels = tuple(_side_name(variant, budget, sides) for variant, budget in sides)
    names_of_sides = (f"A: {labels[0]}", f"B: {labels[1]}")
    return Pair(first, second, names_of_sides, tuple(pictures.place().items()))


def _side_name(variant: Variant, budget: Budget, sides: Sequence[tuple[Variant, Budget]]) -> str:
    """With its epsilon where the two have different ones."""
    differ = len({b.epsilon for _, b in sides}) > 1
    return f"{variant.label} {budget.label.partition(' ')[0]}" if differ else variant.label


def _victim_and_tasks(labelled: Collection[str]) -> tuple[Card, tuple[Task, ...]]:
    """Those that know what the pictures have labels for, as on the page Explore."""
    card = controls.choose_victim(controls.fitting(resources.workshop().victims(), labelled))
    return card, controls.choose_tasks(card)


def _goal_and_variants(
    picture: Picture, card: Card, tasks: tuple[Task, ...]
) -> tuple[str, Picture | None, list[Variant]]:
    """One goal for all, towards a target or another picture's answers, and what can be compared that leads there."""
    made = resources.workshop().generators(card.name)
    target, like = goals.choose_for_all(tasks, picture, made)
    like = None if like is None else library.at_size(like, card.input_size)
    return target, like, variants.variants(made, tasks, target, is_like=like is not None)


def _steps(used: Sequence[Variant]) -> int:
    if not any(v.has_steps for v in used):
        return STEPS
    value = st.number_input(
        "Steps", 1.0, 100.0, float(STEPS), 1.0, "%.0f", key="steps", persist_state="session",
        help="Gradient steps of the iterative attacks, the same for each, so that they cost the same.", **keys.LINKED,
    )  # fmt: skip
    return nearest(value)


def _measure(t: Task, is_targeted: bool) -> Measure:
    """By which measure a task is shown; the main one unless somebody chooses. What is not measured against a target is
    of no use for one."""
    aimed = [m.named(True) for m in t.measures if m.when_targeted]
    if is_targeted and aimed:
        return aimed[0]
    labels = {m.label: m for m in t.measures}
    if len(labels) == 1:
        return t.main_measure
    chosen = st.selectbox(f"{t.label} by", list(labels), key=f"measure_{t.name}", **keys.LINKED)
    return labels[chosen]


def _request(
    variant: Variant,
    picture: Picture,
    card: Card,
    tasks: tuple[Task, ...],
    steps: int,
    budget: Budget,
    like: Picture | None,
) -> Request:
    attack = variant.attack(steps)
    aim = Aim(tuple(t.name for t in tasks), variant.scope, variant.target, budget)
    weights = digests(attack, card, aim)
    return Request(
        picture, card.name, tasks, attack, variant.scope, budget, weights, target=variant.target, like=like
    )  # fmt: skip
