"""`list`: what there is to choose from."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from mta_core import PROGRAM, attacks, connections, data, generators, imported, tasks, victims, weights
from mta_core.cli.arguments import SECTIONS
from mta_core.cli.output import check_json, say, table, write_json
from mta_core.weights import Card

Item = dict[str, Any]


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    sections = [arguments.section] if arguments.section else list(SECTIONS)
    found = {section: LISTS[section]() for section in sections}
    for number, (section, items) in enumerate(found.items()):
        say(arguments, f"{chr(10) if number else ''}{section}")
        if not items:
            say(arguments, f"  none yet: {PROGRAM} train {section.removesuffix('s')} --preset P --out runs/NAME")
            continue
        lines = [(f"  {item['name']}", item["summary"]) for item in items]
        say(arguments, "\n".join(table(("", ""), lines).splitlines()[1:]))
    write_json(arguments, found)
    return 0


def _tasks() -> list[Item]:
    return [
        {
            "name": name, "summary": f"{_named(own[0])}, {'; '.join(map(_measured, own))}",
            "letter": own[0].letter, "space": own[0].space, "spaces": [t.space for t in own],
            "measures": [
                {"name": m.name, "unit": m.unit, "higher_is_better": m.higher_is_better} for m in own[0].measures
            ],
        }
        for name in tasks.names()
        for own in [tasks.variants(name)]
    ]  # fmt: skip


def _measured(t: tasks.Task) -> str:
    """A label space with what is measured in it."""
    return f"{t.space}: {', '.join(m.name for m in t.measures)}"


def _named(t: tasks.Task) -> str:
    return f"{t.label} ({t.letter})" if t.letter else t.label


def _victims() -> list[Item]:
    of_one = [_card(card) for card in victims.cards()]
    return of_one + [_family(name, parts) for name, parts in victims.families().items()]


def _family(name: str, parts: dict[str, str]) -> Item:
    return _card(victims.find(name)) | {"summary": f"one for each task: {', '.join(parts.values())}"}


def _generators() -> list[Item]:
    return [_card(card) | {"victim": card.options.get("victim")} for card in generators.cards()]


def _card(card: Card) -> Item:
    height, width = card.input_size
    learnt = f"trained on {card.data or 'nothing'}"
    place = _place(card)
    about = f"{card.summary or card.architecture}; {', '.join(card.tasks)}; {width}x{height}; {learnt}"
    about += "; imported" * (place == imported.IMPORTED_PLACE)
    return {
        "name": card.name, "summary": about, "architecture": card.architecture, "tasks": dict(card.tasks),
        "input_size": list(card.input_size), "data": card.data, "terms": card.terms, "sha256": card.sha256,
        "metrics": dict(card.metrics), "place": place,
    }  # fmt: skip


def _place(card: Card) -> str:
    """Where its weights lie; of several, one for each task, empty."""
    found = (path for other, path in weights.find_cards(card.kind) if other == card)
    return next((imported.place_of(path) for path in found), "")


def _attacks() -> list[Item]:
    return [
        {
            "name": kind.name,
            "summary": f"{kind.label}: {kind.summary} ({', '.join(kind.scopes)}){_settings(kind)}",
            "scopes": list(kind.scopes),
            "source": kind.source,
            "settings": [{"name": f.name, "default": f.default, **f.metadata} for f in fields(kind)],
        }
        for kind in attacks.ATTACKS
    ]


def _settings(kind: type[attacks.Attack]) -> str:
    settings = ", ".join(f"{f.name}={f.default}" for f in fields(kind))
    return f"; --set {settings}" if settings else ""


def _data() -> list[Item]:
    return [
        {
            "name": s.name,
            "summary": f"{s.label}: {s.name}{':PATH' if s.needs_path else ''}, {'|'.join(s.splits)}; {s.terms}",
            "spaces": dict(s.spaces), "splits": list(s.splits), "terms": s.terms, "needs_path": s.needs_path,
        }
        for s in data.SOURCES
    ] + [_connected(entry) for entry in connections.entries()]  # fmt: skip


def _connected(entry: str) -> Item:
    """A data set that the operator named, or that people connected."""
    s = data.source(entry.partition(":")[0])
    return {
        "name": entry, "summary": f"{s.label}, connected; {s.terms}", "spaces": dict(s.spaces),
        "splits": list(s.splits), "terms": s.terms, "needs_path": False,
    }  # fmt: skip


LISTS: dict[str, Callable[[], list[Item]]] = {
    "tasks": _tasks,
    "victims": _victims,
    "attacks": _attacks,
    "generators": _generators,
    "data": _data,
}
