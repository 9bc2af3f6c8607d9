"""What can be compared: every attack in each of its modes, trained generators where there are some. No streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mta_core.attacks import ATTACKS, Attack, Generative, Scope, make_attack
from mta_core.generators import instance_of, method_of, scope_of
from mta_core.tasks import Task
from mta_core.weights import Card

QUICK = ("fgsm", "pgd")
"""Beside trained generators, what is compared unless somebody chooses."""


@dataclass(frozen=True)
class Variant:
    """An attack in one of its modes.

    Attributes:
        label: for people and links, e.g. "MTA universal" or "PGD joint".
        settings: fields of the attack that make the mode.
        is_first_choice: whether it is compared unless somebody chooses.
    """

    label: str
    kind: type[Attack]
    scope: Scope = "per-task"
    settings: tuple[tuple[str, Any], ...] = ()
    is_first_choice: bool = False

    @property
    def words(self) -> str:
        """What it does, in half a sentence."""
        modes = ["the same for every picture"] if ("instance", "universal") in self.settings else []
        modes += ["one perturbation for all tasks"] if self.scope == "joint" else []
        return "; ".join([self.kind.summary, *modes])

    @property
    def has_steps(self) -> bool:
        return any(f.name == "num_steps" for f in fields(self.kind))

    def attack(self, num_steps: int) -> Attack:
        """The attack; an iterative one with as many steps, as far as it allows."""
        settings = dict(self.settings)
        for f in fields(self.kind):
            if f.name == "num_steps":
                settings[f.name] = min(max(num_steps, int(f.metadata["low"])), int(f.metadata["high"]))
        return make_attack(self.kind.name, **settings)


def trained(cards: Iterable[Card], tasks: Sequence[Task], *, with_targeted: bool = False) -> dict[str, list[Card]]:
    """The generators that lead these tasks away from the truth, by the attack they belong to; those that lead towards
    a target too if asked for."""
    names = {t.name for t in tasks}
    made: dict[str, list[Card]] = {}
    for card in cards:
        if names <= set(card.tasks) and (with_targeted or not card.options.get("target")):
            made.setdefault(method_of(card), []).append(card)
    return made


def variants(cards: Iterable[Card], tasks: Sequence[Task]) -> list[Variant]:
    """In the order of the registry; random noise is not among them, since everything is compared with it.

    Args:
        cards: of the victim's generators.
    """
    own = trained(cards, tasks)
    found: list[Variant] = []
    for kind in ATTACKS:
        if kind.is_baseline:
            continue
        if issubclass(kind, Generative):
            found += _generative(kind, own.get(kind.name, []))
        else:
            found += [
                Variant(_label(kind.label, "", scope), kind, scope, (), kind.name in QUICK and scope == "per-task")
                for scope in kind.scopes
            ]
    return found


def _generative(kind: type[Attack], cards: Sequence[Card]) -> list[Variant]:
    """A mode is named after its generator where it is not the first one of that mode."""
    found: dict[str, Variant] = {}
    for card in cards:
        instance, scope = instance_of(card), scope_of(card)
        label = _label(kind.label, instance, scope)
        is_first = label not in found
        settings = (("instance", instance), *(() if is_first else (("generator", card.name),)))
        label = label if is_first else f"{label} ({card.name})"
        found.setdefault(label, Variant(label, kind, "joint" if scope == "joint" else "per-task", settings, is_first))
    return list(found.values())


def _label(name: str, instance: str, scope: str) -> str:
    return " ".join(
        [name, *(["universal"] if instance == "universal" else []), *(["joint"] if scope == "joint" else [])]
    )
