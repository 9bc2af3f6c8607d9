"""A second victim beside the attacked one: what it meets, and the attack that this asks for. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app import library
from app.request import Request
from app.request_json import digests
from mta_core import victims
from mta_core.attacks import Attack, Generative
from mta_core.generators import AUTO
from mta_core.kinds import Aim
from mta_core.tasks import Task
from mta_core.weights import Card, WeightsError

Threat = Literal["white-box", "transfer"]
"""The same attack made on the second victim, or the very pictures that were made on the first one."""
THREATS: Mapping[str, Threat] = {"White-box": "white-box", "Transfer": "transfer"}
SHOWS: Mapping[Threat, str] = {
    "white-box": (
        "Each victim meets the same kind of attack made on itself, within the same budget: how far each falls when it "
        "is the one that is attacked."
    ),
    "transfer": (
        "Both see the very same adversarial pictures, made on {first}: how far {second} falls to an attack that does "
        "not know it."
    ),
}
"""What the numbers say, in a sentence."""
SHOWS_NOT: Mapping[Threat, str] = {
    "white-box": (
        "Falling less here says nothing about stronger attacks, and one may also fail because gradients are masked: "
        "that is likely where Transfer moves a victim further than White-box does."
    ),
    "transfer": (
        "Falling less here is no robustness: an attack made on {second} itself, under White-box, is as a rule the "
        "stronger one, unless gradients are masked."
    ),
}
"""And what they do not."""


@dataclass(frozen=True)
class Second:
    """A further victim that the attacked one is compared with."""

    card: Card
    threat: Threat = "white-box"

    @property
    def is_transfer(self) -> bool:
        return self.threat == "transfer"

    def request(self, first: Request) -> Request:
        """What it is asked beside the attack on the first one."""
        if self.is_transfer:
            known = dict(first.weights) | victims.digests(self.card)
            return replace(first, to=self.card.name, weights=tuple(known.items()))
        size = self.card.input_size
        attack = on_itself(first.attack)
        like = None if first.like is None else library.at_size(first.like, size)
        return replace(
            first, picture=library.at_size(first.picture, size), victim=self.card.name, attack=attack, like=like,
            weights=digests(attack, self.card, aim_of(first)),
        )  # fmt: skip

    @property
    def label(self) -> str:
        """What it meets, for people and links."""
        return next(label for label, threat in THREATS.items() if threat == self.threat)

    def can_be_attacked(self, first: Request) -> bool:
        """Whether there is the generator that the attack on the second victim draws with, if it needs one."""
        if self.is_transfer:
            return True
        try:
            on_itself(first.attack).weights(self.card, aim_of(first))
        except WeightsError:
            return False
        return True

    def words(self, first: str) -> str:
        """What the comparison shows and what it does not, in plain sentences."""
        names = {"first": first, "second": self.card.name}
        return f"{SHOWS[self.threat].format(**names)} {SHOWS_NOT[self.threat].format(**names)}"


def aim_of(request: Request) -> Aim:
    return Aim(tuple(t.name for t in request.tasks), request.scope, request.target, request.budget)


def on_itself(attack: Attack) -> Attack:
    """The same attack for another victim: a generator draws for the one that it was made for."""
    return replace(attack, generator=AUTO) if isinstance(attack, Generative) else attack


def threats(first: Request, card: Card) -> list[str]:
    """The labels of what a second victim can meet: no white-box attack where there is no generator made for it."""
    return [label for label, threat in THREATS.items() if Second(card, threat).can_be_attacked(first)]


def candidates(cards: Sequence[Card], attacked: str, tasks: Sequence[Task]) -> dict[str, Card]:
    """The other victims that answer all these tasks in the same label spaces, by name."""
    return {
        card.name: card
        for card in cards
        if card.name != attacked and all(card.tasks.get(t.name) == t.space for t in tasks)
    }
