"""The form of a sweep: on which pictures, what varies, and the attack that stays the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from app import resources, sweeps, variants
from app.components import controls, pictures
from app.library import Shelf
from app.request import Request
from app.state import keys
from app.words import nearest, plain
from mta_core.attacks import ATTACKS, Generative
from mta_core.data import DataError
from mta_core.imaging import ImageError
from mta_core.sweep_recipe import SweepRecipe
from mta_core.variables import AttackOf, Epsilon, NormOf, Steps, StepSize, Variable, Weight, variable

MOST_PICTURES, FIRST_PICTURES = 10_000, 8
LEFT_OUT = {
    Epsilon.name: ("epsilon",), NormOf.name: ("norm", "epsilon"), Steps.name: ("num_steps",),
    StepSize.name: ("step_size",), AttackOf.name: ("attack",),
}  # fmt: skip
"""Controls of the attack that have no meaning where something varies."""
HELP = {
    Epsilon.name: "Sizes of the budget, in the norm's unit, between commas.",
    Steps.name: "Numbers of gradient steps, between commas.",
    StepSize.name: "Lengths of one step, in the norm's unit, between commas.",
    NormOf.name: "Norms with an epsilon each, between commas: linf:5 is 5/255, l2:4 a norm of 4.",
    Weight.name: "Shares above 0 and below 1, between commas; the other tasks divide the rest.",
}


@dataclass(frozen=True)
class Asked:
    """What the side bar asks for, with the weights it would use; `problem` is why it cannot be started, empty where it
    can."""

    recipe: SweepRecipe
    shelf: Shelf
    weights: Mapping[str, str]
    problem: str = ""


def choose() -> Asked | None:
    """What is asked for; None, and why, where there is nothing to measure."""
    found = pictures.choose_data_set()
    if found is None:
        return None
    _, shelf = found
    count = st.number_input(
        f"Pictures, of {len(shelf)}", 1.0, float(MOST_PICTURES), float(min(FIRST_PICTURES, len(shelf))), 1.0, "%.0f",
        key="count", persist_state="session", help="The first ones of the data set, in its order.", **keys.LINKED,
    )  # fmt: skip
    labels = sweeps.names_of_variables()
    chosen = st.selectbox("Vary", list(labels), key="varied", help="What changes from point to point.", **keys.LINKED)
    place = st.container()  # which task's weight depends on the tasks, which are chosen below
    try:
        request = _request(shelf, labels[chosen])
        with place:
            varied, values = _values(labels[chosen], request)
        recipe = sweeps.recipe_of(request, shelf, nearest(count), varied.text, values)
    except (DataError, ImageError) as error:
        st.error(plain(f"The first pictures cannot be read: {error}."))
        return None
    except ValueError as error:
        st.error(plain(f"{error}."))
        return None
    if varied.name == AttackOf.name:
        recipe = replace(recipe, settings=())
    try:
        return Asked(recipe, shelf, sweeps.weights_of(recipe))
    except ValueError as error:
        return Asked(recipe, shelf, {}, str(error))


def _request(shelf: Shelf, varied: str) -> Request:
    """The attack as if it was for the first picture of the data set."""
    picture = shelf.read(shelf.first_readable(shelf.data))
    return controls.choose(picture, varies=LEFT_OUT.get(varied, ()))


def _values(name: str, request: Request) -> tuple[Variable, tuple[float | str, ...]]:
    """Raises ValueError where a value is none."""
    if name == AttackOf.name:
        return AttackOf(), _attacks(request)
    varied: Variable
    if name == Weight.name:
        labels = {t.label: t.name for t in request.tasks}
        of = st.selectbox("The weight of", list(labels), key="varied_task", **keys.LINKED)
        varied = Weight(labels[of])
    else:
        varied = variable(name)
    text = st.text_input(
        "Values", sweeps.DEFAULTS[name], key=f"values_{name}", max_chars=400, help=HELP[name],
        persist_state="session", **keys.LINKED,
    )  # fmt: skip
    return varied, sweeps.parse_values(varied, text)


def _attacks(request: Request) -> tuple[str, ...]:
    """Those that can be made, with the settings that they have unless told otherwise."""
    trained = variants.trained(resources.workshop().generators(request.victim), request.tasks)
    offered = {k.label: k.name for k in ATTACKS if k.name in trained or not issubclass(k, Generative)}
    first = [label for label in ("FGSM", "PGD", "MI-FGSM") if label in offered]
    chosen = st.pills(
        "Attacks", list(offered), selection_mode="multi", default=first, key="varied_attacks", width="stretch",
        help="Each with its own first settings.", **keys.LINKED,
    )  # fmt: skip
    return tuple(offered[label] for label in offered if label in chosen)
