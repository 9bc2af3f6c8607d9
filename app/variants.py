"""What can be compared: every attack in each of its modes, trained generators where there are some. No streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from mta_core.attacks import ATTACKS, Attack, Generative, Scope, make_attack
from mta_core.generators import instance_of, method_of, scope_of
from mta_core.goal import PICTURE, is_same_target, words_of
from mta_core.targets import answers_of
from mta_core.tasks import Task, answered
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
        target: as a generator was trained for, or as everybody else is told; see `mta_core.targets.parse_goal`.
    """

    label: str
    kind: type[Attack]
    scope: Scope = "per-task"
    settings: tuple[tuple[str, Any], ...] = ()
    is_first_choice: bool = False
    target: str = ""

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
        target = target_of(card)
        if names <= set(card.tasks) and (not target or (with_targeted and is_target_of(target, tasks))):
            made.setdefault(method_of(card), []).append(card)
    return made


def target_of(card: Card) -> str:
    """What a generator was trained towards; empty where it leads away from the truth."""
    return str(card.options.get("target", ""))


def is_target_of(target: str, tasks: Sequence[Task]) -> bool:
    """Whether it says what each of these tasks is to answer, and nothing of others."""
    try:
        return not _is_told(target) or bool(answers_of(target, tasks))
    except ValueError:
        return False


def _is_told(target: str) -> bool:
    """Whether it names answers, not the picture whose answers they are."""
    return bool(target) and not target.startswith(PICTURE)


def goals_of(t: Task, cards: Iterable[Card]) -> list[str]:
    """The targets to offer for a task: those that generators were trained for, then those it names itself."""
    found: list[str] = []
    for card in cards:
        target, tasks = target_of(card), answered(card.tasks)
        if t in tasks and _is_told(target) and is_target_of(target, tasks):
            found.append(_named(t, words_of(target, list(card.tasks))[t.name]))
    return list(dict.fromkeys([*found, *t.goals]))


def _named(t: Task, value: str) -> str:
    """As the task itself calls it, if it does."""
    wanted = t.everywhere(value)
    return next((name for name in t.goals if torch.equal(t.everywhere(name), wanted)), value)


def variants(cards: Iterable[Card], tasks: Sequence[Task], target: str = "", *, is_like: bool = False) -> list[Variant]:
    """In the order of the registry; random noise is not among them, since everything is compared with it.

    Args:
        cards: of the victim's generators.
        target: where all are to lead; empty for away from the truth.
        is_like: whether they are to lead to another picture's answers, which no generator was trained for.
    """
    names = [t.name for t in tasks]
    own = {
        name: [card for card in made if is_same_target(target_of(card), names, target, names)]
        for name, made in trained([] if is_like else cards, tasks, with_targeted=True).items()
    }
    found: list[Variant] = []
    for kind in ATTACKS:
        if kind.is_baseline:
            continue
        if issubclass(kind, Generative):
            found += _generative(kind, own.get(kind.name, []))
        else:
            found += [
                Variant(_label(kind.label, "", scope), kind, scope, (), _is_quick(kind, scope), target)
                for scope in kind.scopes
            ]
    return found


def _generative(kind: type[Attack], cards: Sequence[Card]) -> list[Variant]:
    """A mode is named after its generator where it is not the first one of that mode; where there are several, each
    is that very one, whichever `auto` would take at an epsilon."""
    found: dict[str, Variant] = {}
    modes = [(instance_of(card), scope_of(card)) for card in cards]
    for card, (instance, scope) in zip(cards, modes, strict=True):
        label = _label(kind.label, instance, scope)
        is_first = label not in found
        is_only = modes.count((instance, scope)) == 1
        settings = (("instance", instance), *(() if is_only else (("generator", card.name),)))
        label = label if is_first else f"{label} ({card.name})"
        found.setdefault(label, Variant(label, kind, scope, settings, is_first, target_of(card)))
    return list(found.values())


def _is_quick(kind: type[Attack], scope: Scope) -> bool:
    return kind.name in QUICK and scope == "per-task"


def _label(name: str, instance: str, scope: str) -> str:
    return " ".join(
        [name, *(["universal"] if instance == "universal" else []), *(["joint"] if scope == "joint" else [])]
    )
