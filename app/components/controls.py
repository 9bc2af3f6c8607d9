"""The form of an attack. It draws itself: from the victim's card, the attack's fields and its scopes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, fields
from typing import Any

import streamlit as st

from app import library, resources, variants
from app.components import by_name, goals
from app.library import Picture
from app.panels import GAINS, Beside
from app.request import Request
from app.request_json import digests
from app.state import choices, keys
from app.words import nearest
from mta_core.attacks import ATTACKS, Attack, Generative, Scope, attack_class, make_attack
from mta_core.budget import Budget, Norm
from mta_core.generators import instance_of, scope_of
from mta_core.kinds import Aim
from mta_core.tasks import Task, answered
from mta_core.weights import Card

SCOPES: dict[str, Scope] = {"Per task": "per-task", "Joint": "joint"}
NORMS = {norm.label: norm for norm in Norm}
RANGES = {Norm.LINF: ("epsilon", 0.5, 16.0, 5.0, 0.5), Norm.L2: ("epsilon_l2", 0.5, 20.0, 4.0, 0.5)}
"""Key, least, greatest, first value and step of epsilon in the norm's units."""
WIDE: dict[str, Any] = {"required": True, "width": "stretch", **keys.LINKED}


def choose(
    picture: Picture,
    *,
    is_transfer: bool = False,
    varies: Collection[str] = (),
    below_tasks: Callable[[], object] = lambda: None,
) -> Request:
    """Victim, tasks, attack and budget for a picture; in a transfer the victim to try it on too.

    Args:
        varies: what is left out, since it is chosen elsewhere: `attack`, `norm`, `epsilon`, settings of the attack. The
            attack is then PGD.
        below_tasks: called in the place of a control that follows the tasks.
    """
    workshop = resources.workshop()
    cards = fitting(workshop.victims(), picture.targets)
    card = choose_victim(cards, "Made on" if is_transfer else "Victim")
    to = _other(cards, card) if is_transfer else None
    tasks = choose_tasks(card, to)
    below_tasks()
    made = workshop.generators(card.name)
    trained = variants.trained(made, tasks, with_targeted=not is_transfer)
    kind = attack_class("pgd") if "attack" in varies else _attack_kind(trained)
    own = trained.get(kind.name, [])
    target, like = ("", None) if is_transfer else goals.choose(kind, own, tasks, picture, made)
    own = [one for one in own if variants.target_of(one) == target]
    scope = _scope(kind, own)
    budget = choose_budget(varies)
    picture = library.at_size(picture, card.input_size)
    attack = make_attack(kind.name, **_settings(kind, [one for one in own if scope_of(one) == scope], budget, varies))
    aim = Aim(tuple(t.name for t in tasks), scope, target, budget)
    weights = digests(attack, card, aim, to)
    like = None if like is None else library.at_size(like, card.input_size)
    name = to.name if to else ""
    return Request(picture, card.name, tasks, attack, scope, budget, weights, to=name, target=target, like=like)


def fitting(cards: list[Card], labelled: Collection[str]) -> list[Card]:
    """The victims that answer a task pictures have labels for; all where they have none, or there is no such victim."""
    return [card for card in cards if any(t.name in labelled for t in answered(card.tasks))] or cards


def choose_victim(cards: list[Card], label: str = "Victim") -> Card:
    names = [card.name for card in cards]
    return cards[names.index(by_name.choose(label, names, key="victim", help="The model under attack."))]


def _other(cards: list[Card], attacked: Card) -> Card:
    """The first other one that answers a task of the attacked one's, unless another is chosen; else that one itself."""
    fitting = {card.name: card for card in cards if _answered(card, attacked)}
    names = list(fitting)
    first = next((i for i, name in enumerate(names) if name != attacked.name), names.index(attacked.name))
    told = "The model that is shown the same adversarial pictures."
    return fitting[by_name.choose("Tried on", names, first, key="to", help=told)]


def _answered(card: Card, other: Card) -> list[Task]:
    """The tasks that can be shown and that both victims answer."""
    return [t for t in answered(card.tasks) if other.tasks.get(t.name) == t.space]


def choose_tasks(card: Card, other: Card | None = None) -> tuple[Task, ...]:
    """At least one; without a choice all that the victim answers, or both if there is another."""
    answered = {t.label: t for t in _answered(card, other or card)}
    choices.restore_choice("tasks", list(answered))
    chosen = st.pills(
        "Tasks to attack", list(answered), selection_mode="multi", default=list(answered), key="tasks",
        width="stretch", **keys.LINKED,
    )  # fmt: skip
    return tuple(t for label, t in answered.items() if label in chosen) or tuple(answered.values())


def _attack_kind(trained: Mapping[str, list[Card]]) -> type[Attack]:
    """A trained generator is the quickest, so it is the default where there is one."""
    kinds = {kind.label: kind for kind in ATTACKS if kind.name in trained or not issubclass(kind, Generative)}
    default = "MTA" if "MTA" in kinds else "PGD"
    summaries = "; ".join(f"{label}: {kind.summary}" for label, kind in kinds.items())
    chosen = st.selectbox(
        "Attack", list(kinds), list(kinds).index(default), key="attack", help=f"{summaries}.", **keys.LINKED
    )
    return kinds[chosen]


def _scope(kind: type[Attack], cards: list[Card]) -> Scope:
    scopes = {scope_of(card) for card in cards} if issubclass(kind, Generative) else set(kind.scopes)
    offered = [label for label, scope in SCOPES.items() if scope in scopes]
    if len(offered) == 1:
        return SCOPES[offered[0]]
    chosen = st.segmented_control("Perturbations", offered, default=offered[0], key="scope", **WIDE)
    return SCOPES[chosen or offered[0]]


def choose_budget(varies: Collection[str] = ()) -> Budget:
    norm = Norm.LINF if "norm" in varies else choose_norm()
    return Budget.from_units(norm, RANGES[norm][3]) if "epsilon" in varies else choose_epsilon(norm)


def choose_norm() -> Norm:
    label = st.segmented_control("Norm", list(NORMS), default=Norm.LINF.label, key="norm", **WIDE)
    return NORMS[label or Norm.LINF.label]


def choose_epsilon(norm: Norm, suffix: str = "", name: str = "Epsilon") -> Budget:
    """`suffix` tells its key from that of another epsilon on the page."""
    key, low, high, first, step = RANGES[norm]
    name, form = (name, "%g/255") if norm is Norm.LINF else (f"{name} (L2 norm)", "%g")
    value = st.slider(name, low, high, first, step, form, key=key + suffix, persist_state="session", **keys.LINKED)
    return Budget.from_units(norm, value)


def answers(request: Request) -> dict[str, Any]:
    """What this form must say to ask for a request, by the keys of its controls; the picture is another form's."""
    attack, budget = request.attack, request.budget
    return {
        "victim": request.victim,
        "tasks": [t.label for t in request.tasks],
        "attack": attack.label,
        "scope": next(label for label, scope in SCOPES.items() if scope == request.scope),
        **goals.answers(request),
        "norm": budget.norm.label,
        RANGES[budget.norm][0]: budget.units,
        **{f"{attack.name}_{f.name}": _as_entered(getattr(attack, f.name)) for f in fields(attack)},
    }


def _as_entered(value: Any) -> Any:
    """Numbers are entered as such with decimals, see `_number`."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _settings(kind: type[Attack], cards: list[Card], budget: Budget, varies: Collection[str] = ()) -> dict[str, Any]:
    """The attack's own fields, two numbers beside each other."""
    shown = [f for f in fields(kind) if f.type not in ("str", str) or "choices" in f.metadata or len(cards) > 1]
    shown = [f for f in shown if f.name not in varies and "attack" not in varies]
    values: dict[str, Any] = {}
    if issubclass(kind, Generative):
        instances = {instance_of(card) for card in cards}
        if len(instances) == 1:  # nothing to choose
            values["instance"] = instances.pop()
            shown = [f for f in shown if f.name != "instance"]
    columns = st.columns(2) if shown else []
    numbers = [f for f in shown if isinstance(f.default, int | float) and not isinstance(f.default, bool)]
    for i, f in enumerate(numbers):
        with columns[i % 2]:
            values[f.name] = _number(kind, f, budget)
    for f in (f for f in shown if f not in numbers):
        instance = values.get("instance")  # chosen before the generator
        values[f.name] = _choice(kind, f, [card for card in cards if instance in (None, instance_of(card))])
    return values


def _number(kind: type[Attack], f: Field[Any], budget: Budget) -> float:
    """Never as a whole number: Streamlit fails on a link that gives one as "inf"."""
    limits, is_whole = f.metadata, isinstance(f.default, int)
    first: Any = f.default
    unit = f" ({budget.epsilon_unit.replace('l2', 'L2')})" if limits.get("unit") == "budget" else ""
    value = st.number_input(
        limits["label"] + unit, float(limits["low"]), float(limits["high"]), float(first), float(limits["step"]),
        "%.0f" if is_whole else "%.2f", key=f"{kind.name}_{f.name}", help=limits["help"], persist_state="session",
        **keys.LINKED,
    )  # fmt: skip
    return nearest(value) if is_whole else value


def _choice(kind: type[Attack], f: Field[Any], cards: list[Card]) -> Any:
    key, limits = f"{kind.name}_{f.name}", f.metadata
    if isinstance(f.default, bool):
        return st.toggle(
            limits["label"], f.default, key=key, help=limits["help"], persist_state="session", **keys.LINKED
        )
    names = list(limits.get("choices", [f.default, *(card.name for card in cards)]))
    first = names.index(f.default)
    return by_name.choose(limits["label"], names, first, key=key, help=limits["help"], persist_state="session")


def gain_of_perturbation() -> int:
    """0 for the automatic one."""
    return st.select_slider(
        "Gain of the perturbation", GAINS, key="gain", format_func=lambda g: f"×{g}" if g else "auto",
        help="How much the perturbation is amplified to be seen.", **keys.LINKED,
    )  # fmt: skip


def look(request: Request, *, has_last_column: bool = True) -> tuple[int, Beside]:
    """The gain of the shown perturbation, 0 for the automatic one, and what the last column shows.

    An answer for the whole picture is short: there all columns have their place. A second victim leaves no room.
    """
    gain = gain_of_perturbation()
    dense = [t for t in request.tasks if t.is_dense]
    names: dict[str, Beside] = {"Target": "target"} if dense and request.is_targeted else {}
    names |= {"Ground truth": "truth"} if any(t.name in request.truth for t in dense) else {}
    names["Random noise"] = "noise"
    if len(names) == 1 or not has_last_column:
        return gain, "noise"
    first, key = next(iter(names)), keys.BESIDE_TARGET if request.is_targeted else keys.BESIDE
    if request.is_targeted:
        choices.take_over_beside(list(names))
    chosen = st.segmented_control("Last column", list(names), default=first, key=key, persist_state="session", **WIDE)
    return gain, names[chosen if chosen in names else first]
