"""Recipes beside what cards and checkpoints keep of them: is it the same, may it start there, what has it seen?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mta_core import data
from mta_core.goal import PICTURE
from mta_core.results import to_json
from mta_core.weights import Card
from mta_core.wording import plain


def is_same(stored: Any, recipe: Any) -> bool:
    """Whether the recipe that a checkpoint or a card keeps is this one; a field that came later counts as its default
    then. Where files lie may change, and so may the batch size, which the device's memory decides."""
    if not isinstance(stored, dict):
        return False
    defaults = {field.name: field.default for field in fields(recipe)}
    try:
        essence = _essence(defaults | stored)
    except (TypeError, ValueError):  # what a hostile file has in place of texts
        return False
    return bool(essence == _essence(asdict(recipe)))


def _essence(settings: Mapping[str, Any]) -> Any:
    kept = {**settings, **_without_paths(settings)}
    if str(kept.get("target", "")).startswith(PICTURE):  # what builds on it knows whether its pixels are the same
        kept["target"] = PICTURE + Path(kept["target"].removeprefix(PICTURE)).stem.partition("@")[0]
    return to_json({**kept, "backbone": bool(settings.get("backbone")), "batch_size": 0})


def check_start(start: Card, wanted: Card, options: Sequence[str]) -> None:
    """Raises ValueError where weights to start from are of another kind than the recipe says; of their options, only
    `options` count."""
    for name, have, want in (
        ("architecture", start.architecture, wanted.architecture),
        ("options", _part(start.options, options), _part(wanted.options, options)),
        ("tasks", dict(start.tasks), dict(wanted.tasks)),
    ):
        if have != want:
            raise ValueError(f"expected {start.name} to have the recipe's {name}, {want}; it has {have}")


def _part(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def chained(start: Card | None, command: str) -> str:
    """The command that made the start, if any, and then this one."""
    return " && ".join(part for part in (start.command if start else "", command) if part)


def provenance_of(recipe: Any, start: Card | None = None) -> dict[str, Any]:
    """The card's fields on the data and the recipe, without paths, which mean nothing elsewhere.

    Args:
        start: the card of the weights that training started from; what they have seen counts too.
    """
    kept = asdict(recipe)
    kept |= _without_paths(kept)
    names = kept["data"]
    seen = [*(start.data.split(", ") if start else []), *(f"{name} (train)" for name in names)]
    terms = [*(start.terms.split("; ") if start else []), *(data.source(name).terms for name in names)]
    return {"data": ", ".join(dict.fromkeys(seen)), "terms": "; ".join(dict.fromkeys(terms)), "recipe": kept}


def _without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recipe's settings names files, by the names of those."""
    kept: dict[str, Any] = {"data": [data.kind_of(str(text))[0].name for text in settings["data"]]}
    named = [key for key in ("init", "patterns", "victim", "adversary") if str(settings.get(key, "")).endswith(".json")]
    kept |= {key: plain(Path(settings[key]).stem) for key in named}
    return kept | ({"backbone": plain(Path(settings["backbone"]).name)} if settings.get("backbone") else {})
