"""The generators of perturbations. Adding an architecture is a file here and a line in `ARCHITECTURES`."""

from __future__ import annotations

from functools import lru_cache

from mta_core import devices, weights
from mta_core.generators.resnet import MtaGenerator

ARCHITECTURES: tuple[type[MtaGenerator], ...] = (MtaGenerator,)
OPTIONS = ("ngf", "num_blocks", "pattern_size")
"""What of a card's options builds the network; the others say what it was made for."""


def build(card: weights.Card) -> MtaGenerator:
    """An untrained generator as its card describes it.

    Raises:
        WeightsError: the architecture is unknown, or the card's options do not fit it.
    """
    for architecture in ARCHITECTURES:
        if architecture.architecture == card.architecture:
            options = {key: value for key, value in card.options.items() if key in OPTIONS}
            try:
                return architecture(tuple(card.tasks), **options)
            except (TypeError, ValueError, KeyError, RuntimeError) as error:
                reason = f"the card of {card.name} does not fit {card.architecture}: {weights.brief(error)}"
                raise weights.WeightsError(reason) from error
    known = ", ".join(a.architecture for a in ARCHITECTURES)
    raise weights.WeightsError(f"expected an architecture among {known}, got {card.architecture!r}")


def cards(victim: str | weights.Card | None = None) -> list[weights.Card]:
    """The cards of every generator that can be loaded, shipped ones first; of one victim if given by name or card.

    One made for earlier weights of that victim is none of its own: attacking with it is a transfer.
    """
    found = [card for card, _ in weights.find_cards("generator")]
    if victim is None:
        return found
    if isinstance(victim, str):
        name, current = victim, next((c.sha256 for c, _ in weights.find_cards("victim") if c.name == victim), None)
    else:
        name, current = victim.name, victim.sha256
    of_victim = [card for card in found if card.options.get("victim") == name]
    return [card for card in of_victim if not current or card.options.get("victim_sha256") in (current, None)]


def load(name: str) -> tuple[MtaGenerator, weights.Card]:
    """The trained generator of that name (or path to a card), float32, in evaluation mode.

    Raises:
        WeightsError: there is no such generator, or its files are not what they should be.
    """
    card, path = weights.find_card("generator", name)
    weights.check_size(lambda: build(card), card, path)
    generator = build(card)
    weights.load_weights(generator, card, path)
    return generator.eval().requires_grad_(False), card


def choose(name: str, victim: str | weights.Card, tasks: tuple[str, ...]) -> weights.Card:
    """The card of the generator of that name; `auto` takes the first one made for `victim`.

    Raises:
        WeightsError: there is none, or it has no decoder for one of the tasks.
    """
    if name == "auto":
        fitting = [card.name for card in cards(victim) if set(tasks) <= set(card.tasks)]
        if not fitting:
            of = victim if isinstance(victim, str) else victim.name
            raise weights.WeightsError(
                f"no trained generator for the victim {of!r} and {', '.join(tasks)}: "
                "train one, or choose another attack"
            )
        name = fitting[0]
    card, _ = weights.find_card("generator", name)
    missing = set(tasks) - set(card.tasks)
    if missing:
        raise weights.WeightsError(f"the generator {name} has no decoder for {', '.join(sorted(missing))}")
    return card


def ready(name: str, victim: str, tasks: tuple[str, ...], device: str) -> MtaGenerator:
    """The generator that `choose` names, frozen for fast inference on a device."""
    card = choose(name, victim, tasks)
    return _frozen(name if name.endswith(".json") else card.name, card.sha256, device)


@lru_cache(maxsize=4)
def _frozen(name: str, sha256: str, device: str) -> MtaGenerator:
    generator, _ = load(name)
    chosen = devices.pick(device)
    return chosen.freeze(generator, chosen.fast_dtype)


__all__ = ["ARCHITECTURES", "MtaGenerator", "build", "cards", "choose", "load", "ready"]
