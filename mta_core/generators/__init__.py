"""The generators of perturbations. Adding an architecture is a file here and a line in `ARCHITECTURES`."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import nn

from mta_core import devices, weights
from mta_core.devices import Device
from mta_core.generators.fast import arrange
from mta_core.generators.patterns import Patterns
from mta_core.generators.resnet import GapGenerator, Generator, MtaGenerator
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
    several victims, a task each, belongs to each of them.
    """
    found = [card for card, _ in weights.find_cards("generator")]
    if victim is None:
        return found
    if isinstance(victim, str):
        name, current = victim, next((c.sha256 for c, _ in weights.find_cards("victim") if c.name == victim), None)
    else:
        name, current = victim.name, victim.sha256
    own = [card for card in found if card.options.get("victim") == name]
    own = [card for card in own if not current or card.options.get("victim_sha256") in (current, None)]
    parts = [card for card in found if current and current in _parts(card).values()]
    return own + [card for card in parts if card not in own]


def _parts(card: weights.Card) -> dict[str, str]:
    """sha256 of the victim of each task, where a generator was made for several of them."""
    parts = card.options.get("victim_parts", {})
    return parts if isinstance(parts, dict) else {}


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
    """The card of the generator of that name; `auto` takes the first one made for `victim` with that aim.

    Raises:
        WeightsError: there is none, or it does something else.
    """
    if name != AUTO:
        card, _ = weights.find_card("generator", name)
        if unfit := _unfitness(card, aim, method, is_universal):
            raise weights.WeightsError(f"the generator {name} {unfit}")
        return card
    for card in cards(victim):
        if not _unfitness(card, aim, method, is_universal):
            return card
    of = victim if isinstance(victim, str) else victim.name
    what = f"{'universal ' if is_universal else ''}{method.upper()} generator"
    raise weights.WeightsError(
        f"no trained {what} for the victim {of!r} and {aim}: train one, or choose another attack"
    )


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
    own, scope, target = instance_of(card), scope_of(card), options.get("target", "")
    if missing:
        return f"has no decoder for {', '.join(sorted(missing))}"
    if method_of(card) != method:
        return f"is for the attack {method_of(card)}, not {method}"
    if own != instance:
        return f"makes {own} perturbations, not {instance} ones"
    if scope != aim.scope:
        return f"makes {scope} perturbations, not {aim.scope} ones"
    if target != aim.target:
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
    "ready",
]
