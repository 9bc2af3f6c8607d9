"""`transfer`: the attack is made on one victim, and both it and another are measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from mta_core import victims
from mta_core.attacks import Attack, Noise
from mta_core.cli.choices import Choice, choose, load_victim
from mta_core.cli.measuring import finish, head_line, measure, open_setting
from mta_core.cli.output import check_json, say, table
from mta_core.explore import Subject
from mta_core.results import is_brief, label_of, measure_of
from mta_core.transfer import Pair, check_pair, format_share, pairs, resizing, transfer
from mta_core.victims import Victim
from mta_core.weights import Card


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    victim, card = load_victim(arguments.to)
    choice = choose(arguments, also=victim)
    to = _subject(choice, victim, card)
    check_pair(choice.subject, to, choice.tasks)
    baselines = _baselines(arguments, choice.attack)
    setting = replace(open_setting(arguments, choice), baselines=baselines)
    names = {"from": choice.subject.name, "to": to.name}
    measured = measure(
        arguments, choice, setting, partial(transfer, to=to), weights=choice.weights | victims.digests(card),
        **names, resized=_resized(choice, card),
    )  # fmt: skip
    found = pairs(measured.rows, names["from"], names["to"])
    say(arguments, head_line(choice, measured.rows, "made on {from}, measured on it and on {to}".format(**names)))
    say(arguments, _table(choice, [pair for pair in found if is_brief(pair.source)]))
    if to is choice.subject:
        say(arguments, "from a victim to itself: both columns are the white-box attack")
    return finish(arguments, choice, measured)


def _subject(choice: Choice, victim: Victim, card: Card) -> Subject:
    """The victim that is tried, which is not attacked; the attacked one itself where it is the same."""
    if (card.name, card.sha256) == (choice.card.name, choice.card.sha256):
        return choice.subject
    return Subject.to_measure(card.name, victim, choice.subject.device)


def _baselines(arguments: argparse.Namespace, attack: Attack) -> tuple[Attack, ...]:
    """Raises ValueError where the attack is noise itself."""
    if arguments.noise and attack.is_baseline:
        raise ValueError(f"--noise puts random noise beside an attack, {attack.label} is that already")
    return (Noise(),) if arguments.noise else ()


def _resized(choice: Choice, card: Card) -> str | None:
    """What was done to the pictures for the other victim, for provenance."""
    sizes = choice.card.input_size, card.input_size
    return None if sizes[0] == sizes[1] else resizing(choice.card.name, sizes[0], card.name, sizes[1])


def _table(choice: Choice, found: Sequence[Pair]) -> str:
    of_attack = [pair for pair in found if pair.source["attack"] == choice.attack.name]
    of_noise = [pair for pair in found if pair.source["attack"] != choice.attack.name]
    both = [of_attack[0].source["victim"], of_attack[0].to["victim"]]
    head = ["task", "measure", *(f"{name} {state}" for name in both for state in ("clean", "attacked")), "share"]
    head += [f"{name} noise" for name in both] if of_noise else []
    lines = [[*_line(pair), *_noise(other)] for pair, other in zip_longest(of_attack, of_noise)]
    return table(head, lines)


def _line(pair: Pair) -> list[str]:
    """One measure on both victims; the share is that of the movement on the attacked one."""
    measure = measure_of(pair.source)
    values = [measure.format(row[state]) for row in (pair.source, pair.to) for state in ("clean", "adversarial")]
    return [pair.source["task"], label_of(pair.source), *values, format_share(pair.share)]


def _noise(pair: Pair | None) -> list[str]:
    return [] if pair is None else [_line(pair)[3], _line(pair)[5]]
