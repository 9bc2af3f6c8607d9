"""The victims. Adding an architecture is a file here and a line in `ARCHITECTURES`."""

from __future__ import annotations

import hashlib

from mta_core import weights
from mta_core.victims import own
from mta_core.victims.adapted import Adapted, adapt
from mta_core.victims.base import Victim, check_finite
from mta_core.victims.classifier import Classifier
from mta_core.victims.composite import Composite, is_composite, parse_parts
from mta_core.victims.dmtl import Dmtl
from mta_core.victims.encoder_decoder import EncoderDecoder
from mta_core.victims.mtan import Mtan
from mta_core.victims.own import allow
from mta_core.victims.resized import Resized

ARCHITECTURES: tuple[type[Victim], ...] = (Dmtl, Mtan, EncoderDecoder, Classifier)


def build(card: weights.Card) -> Victim:
    """An untrained victim as its card describes it.

    Raises:
        WeightsError: the architecture is unknown, or the card's options do not fit it.
    """
    for architecture in ARCHITECTURES:
        if architecture.architecture == card.architecture:
            try:
                return architecture(tasks=card.tasks, input_size=card.input_size, **card.options)
            except (TypeError, ValueError, KeyError, RuntimeError) as error:
                reason = f"the card of {card.name} does not fit {card.architecture}: {weights.brief(error)}"
                raise weights.WeightsError(reason) from error
    known = ", ".join(a.architecture for a in ARCHITECTURES)
    raise weights.WeightsError(f"expected an architecture among {known}, got {card.architecture!r}")


def cards() -> list[weights.Card]:
    """The cards of every victim that can be loaded, shipped ones first, and at the end the operator's own models."""
    return [*_stored(), *own.cards()]


def _stored() -> list[weights.Card]:
    """Of weights that this program wrote."""
    return [card for card, _ in weights.find_cards("victim")]


def load(name: str) -> tuple[Victim, weights.Card]:
    """The trained victim of that name (or path to a card), float32, in evaluation mode, parameters frozen.

    `segmentation=NAME,depth=NAME` takes a victim for each task; so does a name that begins those of several victims,
    as `objects` does for `objects-amazon`, `objects-dslr` and `objects-webcam`. Models of one's own are named as
    `mta_core.victims.spec` says, once they were allowed: see `mta_core.victims.own`.

    Raises:
        WeightsError: there is no such victim, or its files are not what they should be.
        ValueError: several victims that do not go together; a model of one's own that is none.
    """
    if own.is_own(name):
        return own.load(name)
    if parts := _parts_of(name):
        return _load_composite(name, parts)
    card, path = weights.find_card("victim", name)
    weights.check_size(lambda: build(card), card, path)
    victim = build(card)
    weights.load_weights(victim, card, path)
    return victim.eval().requires_grad_(False), card


def find(name: str) -> weights.Card:
    """The card of what `load` would load, without its weights.

    Raises:
        WeightsError: there is no such victim.
        ValueError: several victims that do not go together.
    """
    if own.is_own(name):
        return own.find(name)
    if parts := _parts_of(name):
        return _composite_card(name, parts)
    return weights.find_card("victim", name)[0]


def _parts_of(name: str) -> dict[str, str]:
    """The victim of each task, where the name stands for several; empty where it does not."""
    if not is_composite(name):
        return _family(name)
    return {task: _family(part).get(task, part) for task, part in parse_parts(name).items()}


def _family(name: str) -> dict[str, str]:
    """The victims `NAME-TASK` of one task each, by task; empty where a victim has that very name."""
    if own.is_own(name):
        return {}
    known = _stored()
    if any(card.name == name for card in known):
        return {}
    return {task: card.name for card in known for task in card.tasks if card.name == f"{name}-{task}"}


def families() -> dict[str, dict[str, str]]:
    """Names that stand for several victims, a task each, with the victim of every task."""
    stems = [
        card.name.removesuffix(f"-{task}") for card in _stored() for task in card.tasks if card.name.endswith(task)
    ]
    found = {stem: _family(stem) for stem in dict.fromkeys(stems)}
    return {stem: parts for stem, parts in found.items() if len(parts) > 1}


def _load_composite(name: str, names: dict[str, str]) -> tuple[Victim, weights.Card]:
    loaded = {part: load(part)[0] for part in dict.fromkeys(names.values())}
    victim = Composite({task: loaded[part] for task, part in names.items()})
    return victim.eval().requires_grad_(False), _composite_card(name, names)


def _composite_card(name: str, names: dict[str, str]) -> weights.Card:
    cards = {task: find(part) for task, part in names.items()}
    for task, card in cards.items():
        if task not in card.tasks:
            raise ValueError(f"the victim for {task} does not answer it; it answers {', '.join(card.tasks)}")
    parts = "\n".join(f"{task}={card.sha256}" for task, card in sorted(cards.items()))
    options = {"victims": names, "parts": {task: card.sha256 for task, card in cards.items()}}
    spaces = {task: card.tasks[task] for task, card in cards.items()}
    size = next(iter(cards.values())).input_size
    digest = hashlib.sha256(parts.encode()).hexdigest()
    return weights.Card(name, "victim", Composite.architecture, options, spaces, size, sha256=digest)


def parts(card: weights.Card) -> dict[str, str]:
    """sha256 of the weights that answer each task."""
    known = card.options.get("parts") if card.architecture == Composite.architecture else None
    return dict(known) if isinstance(known, dict) else dict.fromkeys(card.tasks, card.sha256)


def digests(card: weights.Card) -> dict[str, str]:
    """sha256 of the weights of a victim, by name: several where it is made of several."""
    names = card.options.get("victims", {}) if card.architecture == Composite.architecture else {}
    return {names.get(task, card.name): digest for task, digest in parts(card).items()}


__all__ = [
    "ARCHITECTURES",
    "Adapted",
    "Classifier",
    "Composite",
    "EncoderDecoder",
    "Resized",
    "Victim",
    "adapt",
    "allow",
    "build",
    "cards",
    "check_finite",
    "digests",
    "families",
    "find",
    "load",
    "parts",
]
