"""From what was typed to the objects it means; what is wrong is said in one sentence."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from typing import Any

from mta_core import devices, victims
from mta_core.attacks import Attack, Generative, Scope, make_attack
from mta_core.budget import Budget
from mta_core.explore import Subject
from mta_core.goal import Goal
from mta_core.kinds import Aim
from mta_core.objective import check_attackable
from mta_core.recipe_settings import parse_settings
from mta_core.targets import parse_goal
from mta_core.task_weights import parse_weights
from mta_core.tasks import Task, parse_tasks, suited, task
from mta_core.transfer import common_tasks
from mta_core.victims import Victim
from mta_core.victims.composite import is_composite, parse_parts
from mta_core.victims.spec import FORMS, is_spec, with_option
from mta_core.weights import Card


@dataclass(frozen=True)
class Choice:
    """An attack on a victim, as the options of `attack`, `evaluate` and `transfer` say."""

    subject: Subject
    card: Card
    attack: Attack
    budget: Budget
    tasks: tuple[Task, ...]
    scope: Scope
    goal: Goal
    seed: int
    weights: dict[str, str]
    """sha256 of every weight file that is used, by name."""
    task_weights: dict[str, float] | None = None
    """How much each task counts in a joint objective, of sum 1; None for all the same."""

    def settings(self) -> dict[str, Any]:
        """The attack's name and settings, for provenance."""
        return {"name": self.attack.name, **asdict(self.attack)}


def in_words(victim: str) -> str:
    """`s=NAME,d=NAME` with the tasks' names for their letters. Models of one's own may be loaded from now on: whoever
    types a command may run what it names."""
    parts = parse_parts(victim) if is_composite(victim) else {"": victim}
    for model in parts.values():
        if is_spec(model):
            victims.allow(model)
    return ",".join(f"{_task_of(name).name}={model}" for name, model in parts.items()) if "" not in parts else victim


def with_label_map(arguments: argparse.Namespace) -> str:
    """The victim, with the label map if there is one.

    Raises:
        ValueError: it is a victim of this program, whose classes have names already, or several.
    """
    victim, file = str(arguments.victim), getattr(arguments, "label_map", None)
    if file is None:
        return victim
    if not is_spec(victim):
        raise ValueError(f"expected a model of your own with --label-map ({FORMS}), got {victim[:100]!r}")
    return with_option(victim, "labels", file)


def _task_of(text: str) -> Task:
    """Raises ValueError for several letters too, which name several tasks elsewhere."""
    found = parse_tasks(text)
    return found[0] if len(found) == 1 else task(text)


def _task_weights(text: str | None, attack: Attack, scope: Scope, tasks: tuple[Task, ...]) -> dict[str, float] | None:
    """What `--weights` says; raises ValueError where it means nothing for this attack."""
    if text is None:
        return None
    if scope != "joint":
        raise ValueError("expected --joint with --weights: only a perturbation for all tasks weighs them")
    if not attack.is_climbing:
        raise ValueError(f"expected --weights with an attack that climbs the losses, {attack.label} does not")
    return parse_weights(text, [t.name for t in tasks])


def _check_form(form: str, attack: Attack) -> None:
    """Raises ValueError where `--form` means nothing for this attack."""
    if form != "sum" and not attack.is_climbing:
        raise ValueError(f"expected --form with an attack that climbs the losses, {attack.label} does not")


def load_victim(text: str) -> tuple[Victim, Card]:
    """The victim of a name, or one for each task, named in words or letters.

    Raises:
        ValueError: there is none.
    """
    return victims.load(in_words(text))


def choose(arguments: argparse.Namespace, also: Victim | None = None) -> Choice:
    """The attack that the options say.

    Args:
        also: another victim, which answers the tasks too where none are named.

    Raises:
        ValueError: something is unknown, out of range, or does not go together.
    """
    budget = Budget.from_units(arguments.norm, arguments.epsilon)
    attack = make_attack(arguments.attack, **parse_settings(arguments.set))
    if arguments.universal:
        if not isinstance(attack, Generative):
            raise ValueError(f"{attack.label} makes per-instance perturbations, not universal ones")
        attack = replace(attack, instance="universal")
    asked = parse_tasks(arguments.tasks) if arguments.tasks is not None else None
    device = devices.pick(arguments.device)
    victim, card = load_victim(with_label_map(arguments))
    tasks = suited(asked or common_tasks(victim.tasks, (also or victim).tasks), victim.tasks)
    scope: Scope = "joint" if arguments.joint else "per-task"
    check_attackable(attack, victim, tasks, scope)
    _check_form(arguments.form, attack)
    task_weights = _task_weights(arguments.weights, attack, scope, tasks)
    subject = Subject.prepare(card.name, victim, device, card)
    goal = parse_goal(arguments.target, tasks, subject)
    aim = Aim(tuple(t.name for t in tasks), scope, goal.text, budget)
    attack = attack.resolve(card, aim)
    used = victims.digests(card) | attack.weights(card, aim)
    return Choice(subject, card, attack, budget, tasks, scope, goal, arguments.seed or 0, used, task_weights)
