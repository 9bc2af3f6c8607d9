"""The generators of perturbations. Adding an architecture is a file here and a line in `ARCHITECTURES`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

import torch
from torch import nn

from mta_core import devices, victims, weights
from mta_core.budget import Budget
from mta_core.devices import Device
from mta_core.generators.fast import arrange
from mta_core.generators.patterns import Patterns
from mta_core.generators.resnet import GapGenerator, Generator, MtaGenerator
from mta_core.goal import is_same_target, narrowed
from mta_core.kinds import JOINT, Aim, Instance, Scope

AUTO = "auto"
Network = Generator | Patterns
ARCHITECTURES: tuple[type[MtaGenerator] | type[GapGenerator] | type[Patterns], ...] = (
    MtaGenerator,
    GapGenerator,
    Patterns,
)
OPTIONS = ("ngf", "num_blocks", "noise_size", "pattern_size")
"""What of a card's options builds the network; the others say what it was made for."""


def build(card: weights.Card) -> Network:
    """An untrained generator as its card describes it.

    Raises:
        WeightsError: the architecture is unknown, or the card's options do not fit it.
    """
    for architecture in ARCHITECTURES:
        if architecture.architecture == card.architecture:
            options = {key: value for key, value in card.options.items() if key in OPTIONS}
            try:
                joint = card.options.get("scope") == "joint"
                return architecture((JOINT,) if joint else tuple(card.tasks), **options)
            except (TypeError, ValueError, KeyError, RuntimeError) as error:
                reason = f"the card of {card.name} does not fit {card.architecture}: {weights.brief(error)}"
                raise weights.WeightsError(reason) from error
    known = ", ".join(a.architecture for a in ARCHITECTURES)
    raise weights.WeightsError(f"expected an architecture among {known}, got {card.architecture!r}")


def cards(victim: str | weights.Card | None = None) -> list[weights.Card]:
    """The cards of every generator that can be loaded, shipped ones first; of one victim if given by name or card.

    One made for earlier weights of that victim is none of its own: attacking with it is a transfer. One made for
    several victims, a task each, belongs to each of them, and to those that share some of them: its card then names
    their tasks alone, and it comes after those that were made for one victim.
    """
    found = [card for card, _ in weights.find_cards("generator")]
    if victim is None:
        return found
    known = _known(victim)
    own = [(card, tasks_against(card, known)) for card in found]
    whole = [card for card, tasks in own if tasks == set(card.tasks)]
    return whole + [_part(card, tasks) for card, tasks in own if set() < tasks < set(card.tasks)]


def _part(card: weights.Card, tasks: set[str]) -> weights.Card:
    """The card of a generator of which only these tasks are of use."""
    left = {name: space for name, space in card.tasks.items() if name in tasks}
    options = dict(card.options)
    with suppress(ValueError):  # a target that means nothing is nobody's
        options["target"] = narrowed(str(options.get("target", "")), tuple(card.tasks), tuple(left))
    return replace(card, tasks=left, options=options)


def _known(victim: str | weights.Card) -> str | weights.Card:
    """The card of the victim of that name, if there is one."""
    if isinstance(victim, str):
        try:
            return victims.find(victim)
        except ValueError:
            return victim
    return victim


def tasks_against(card: weights.Card, victim: str | weights.Card) -> set[str]:
    """The tasks on which a generator was trained against the very weights of a victim, whatever that is called now.
    Names decide where one of the two has no digest."""
    digest, options = "" if isinstance(victim, str) else victim.sha256, card.options
    if isinstance(victim, str) or not digest or not options.get("victim_sha256"):
        name = victim if isinstance(victim, str) else victim.name
        return set(card.tasks) if options.get("victim") == name else set()
    if options["victim_sha256"] == digest:
        return set(card.tasks)
    own = options.get("victim_parts") or dict.fromkeys(card.tasks, options["victim_sha256"])
    theirs = victims.parts(victim)
    return {name for name in card.tasks if isinstance(own, dict) and own.get(name, "") == theirs.get(name)}


def made_on(card: weights.Card, victim: str | weights.Card) -> str:
    """What rows call the victim that a generator was made on: as the one at hand where that has the same weights."""
    known = _known(victim)
    name = victim if isinstance(victim, str) else victim.name
    answered = set(card.tasks) if isinstance(known, str) else set(card.tasks) & set(known.tasks)
    if answered and answered <= tasks_against(card, known):
        return name
    own = str(card.options.get("victim", name))
    return f"{own}@{str(card.options.get('victim_sha256', ''))[:12]}" if own == name else own


def load(name: str) -> tuple[Network, weights.Card]:
    """The trained generator of that name (or path to a card), float32, in evaluation mode.

    Raises:
        WeightsError: there is no such generator, or its files are not what they should be.
    """
    card, path = weights.find_card("generator", name)
    weights.check_size(lambda: build(card), card, path)
    generator = build(card)
    weights.load_weights(generator, card, path)
    return generator.eval().requires_grad_(False), card


def choose(
    name: str, victim: str | weights.Card, aim: Aim, method: str = "mta", is_universal: bool = False
) -> weights.Card:
    """The card of the generator of that name; `auto` takes the one made for `victim` with that aim whose own budget is
    nearest: of the same norm the smallest that is large enough, or else the largest; where there is none of that norm,
    the first one, shipped ones before others.

    Raises:
        WeightsError: there is none, or it does something else.
    """
    if name != AUTO:
        card, _ = weights.find_card("generator", name)
        if unfit := _unfitness(card, aim, method, is_universal):
            raise weights.WeightsError(f"the generator {name} {unfit}")
        return card
    if fitting := [card for card in cards(victim) if not _unfitness(card, aim, method, is_universal)]:
        return min(fitting, key=lambda card: _distance(card, aim.budget))
    of = victim if isinstance(victim, str) else victim.name
    what = f"{'universal ' if is_universal else ''}{method.upper()} generator"
    raise weights.WeightsError(
        f"no trained {what} for the victim {of!r} and {aim}: train one, or choose another attack"
    )


def _distance(card: weights.Card, budget: Budget | None) -> tuple[bool, bool, float]:
    """How far a generator's own budget is from the one wanted, to be compared; see `choose`."""
    own = card.options.get("epsilon")
    if budget is None or card.options.get("norm") != str(budget.norm) or not isinstance(own, int | float):
        return (True, True, 0.0)
    is_smaller = own < budget.units
    return (False, is_smaller, -own if is_smaller else own)


def method_of(card: weights.Card) -> str:
    """The attack that the generator belongs to; stored patterns say what drew them."""
    return str(card.options.get("method", card.architecture))


def instance_of(card: weights.Card) -> Instance:
    return "universal" if card.options.get("instance") == "universal" else "per-instance"


def scope_of(card: weights.Card) -> Scope:
    return "joint" if card.options.get("scope") == JOINT else "per-task"


def _unfitness(card: weights.Card, aim: Aim, method: str, is_universal: bool) -> str:
    """Why a generator does not do what is asked for; empty where it does."""
    options = card.options
    instance = "universal" if is_universal else "per-instance"
    missing = set(aim.tasks) - set(card.tasks)
    own, scope, target = instance_of(card), scope_of(card), str(options.get("target", ""))
    if missing:
        return f"has no decoder for {', '.join(sorted(missing))}"
    if method_of(card) != method:
        return f"is for the attack {method_of(card)}, not {method}"
    if own != instance:
        return f"makes {own} perturbations, not {instance} ones"
    if scope != aim.scope:
        return f"makes {scope} perturbations, not {aim.scope} ones"
    if not is_same_target(target, tuple(card.tasks), aim.target, aim.tasks):
        return f"was trained towards {target or 'no target'}, not {aim.target or 'no target'}"
    return ""


def ready(name: str, card: weights.Card, device: str) -> nn.Module:
    """The generator of that card, as `choose` found it by `name`, frozen for fast inference on a device; a universal
    one as its stored patterns."""
    return _frozen(name if name.endswith(".json") else card.name, card.sha256, device)


@lru_cache(maxsize=12)  # a comparison uses all of a victim's in turn, picture by picture
def _frozen(name: str, sha256: str, device: str) -> nn.Module:
    generator, _ = load(name)
    if isinstance(generator, Generator) and generator.is_universal:
        generator = Patterns.of(generator)
    chosen = devices.pick(device)
    return freeze(generator, chosen, chosen.fast_dtype)


def freeze(generator: Network, device: Device, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A copy for inference on a device, as fast as it goes there: see `fast`."""
    frozen = device.freeze(generator, dtype)
    return arrange(frozen) if device.torch_device.type == "cpu" and isinstance(frozen, Generator) else frozen


__all__ = [
    "ARCHITECTURES",
    "GapGenerator",
    "Generator",
    "MtaGenerator",
    "Patterns",
    "build",
    "cards",
    "choose",
    "freeze",
    "load",
    "made_on",
    "ready",
]
