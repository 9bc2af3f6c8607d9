"""What `--set key=value` changes of a recipe: texts into values, and values that make no sense refused."""

from __future__ import annotations

import json
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from mta_core.train import SCHEDULES
from mta_core.train_generator import GeneratorRecipe
from mta_core.train_uap import UapRecipe
from mta_core.train_victim import VictimRecipe
from mta_core.weights import MAX_SIDE, MIN_SIDE, NAME

MAX_NUMBER = 2**31 - 1
Recipe = TypeVar("Recipe", bound=VictimRecipe | GeneratorRecipe | UapRecipe)


def parse_settings(pieces: Iterable[str]) -> dict[str, str]:
    """`["key=value", ...]` as given after `--set`.

    Raises:
        ValueError: a piece has no key or no `=`.
    """
    settings = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        if not (key.strip() and equals):
            raise ValueError(f"expected --set key=value, got {piece!r}")
        settings[key.strip()] = value.strip()
    return settings


def override(recipe: Recipe, settings: Mapping[str, str]) -> Recipe:
    """The recipe with some fields changed, each read as the type that the field has; tuples as JSON, or as words
    between commas where they hold texts.

    Raises:
        ValueError: a key is unknown, or a value has another type or makes no sense.
    """
    hints = typing.get_type_hints(type(recipe))
    known = [f.name for f in fields(recipe)]
    values = {}
    for key, text in settings.items():
        if key not in known:
            raise ValueError(f"expected a setting among {', '.join(known)}, got {key!r}")
        values[key] = _checked(key, _value(key, text, hints[key]))
    changed = replace(recipe, **values)
    if changed.holdout < 2:
        raise ValueError("expected holdout to be at least 2: every n-th picture is kept out of training")
    if not isinstance(changed, UapRecipe) and changed.schedule not in SCHEDULES:
        raise ValueError(f"expected a schedule among {', '.join(SCHEDULES)}, got {changed.schedule[:100]!r}")
    phases = () if isinstance(changed, UapRecipe) else changed.phases
    if any(side < MIN_SIDE for _, *sides in phases for side in sides):
        raise ValueError(f"expected phases of at least {MIN_SIDE}x{MIN_SIDE} pixels, got {phases}")
    if isinstance(changed, VictimRecipe) and not all(MIN_SIDE <= side <= MAX_SIDE for side in changed.size):
        raise ValueError(f"expected height and input_width in [{MIN_SIDE}, {MAX_SIDE}], got {changed.size}")
    if isinstance(changed, VictimRecipe):
        changed.check()
    if not re.fullmatch(NAME, changed.name) or changed.name.endswith(".json"):
        raise ValueError(f"expected a name of letters, digits, dots and hyphens, not ending in .json: {changed.name!r}")
    if isinstance(changed, UapRecipe) and changed.fooling_rate > 1:
        raise ValueError(f"expected fooling_rate to be at most 1, got {changed.fooling_rate:g}")
    if isinstance(changed, GeneratorRecipe) and changed.pattern_epochs > sum(phase[0] for phase in changed.phases):
        raise ValueError(f"expected at most as many pattern_epochs as epochs, got {changed.pattern_epochs}")
    if changed.batch_size > changed.per_epoch:
        raise ValueError(f"expected per_epoch to be at least batch_size, {changed.batch_size}, got {changed.per_epoch}")
    return changed


def _value(key: str, text: str, hint: Any) -> Any:
    if hint is str:
        return text
    if hint == tuple[str, ...] and not text.startswith("["):
        return tuple(word.strip() for word in text.split(",") if word.strip())
    try:
        return _shaped(json.loads(text), hint)
    except (ValueError, TypeError, RecursionError):
        shown = text if len(text) <= 100 else f"{text[:99]}…"
        raise ValueError(f"expected {key} to be {_described(hint)}, got {shown!r}") from None


def _shaped(value: Any, hint: Any) -> Any:
    """A JSON value as the type that `hint` says; raises TypeError where it is another."""
    inner = typing.get_args(hint)
    if isinstance(hint, types.GenericAlias):
        if not isinstance(value, list) or (inner[-1] is not ... and len(value) != len(inner)):
            raise TypeError
        kinds = [inner[0]] * len(value) if inner[-1] is ... else inner
        return tuple(_shaped(item, kind) for item, kind in zip(value, kinds, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise TypeError
    return value


def _described(hint: Any) -> str:
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    if hint in plain:
        return plain[hint]
    return f"JSON lists of the form {str(hint).replace('tuple', '')}"


def _checked(key: str, value: Any) -> Any:
    """Raises ValueError for numbers that no recipe can mean."""
    if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
        raise ValueError(f"expected {key} to be a finite number of at least 0, got {value:g}")
    least = 0 if key in ("seed", "cut_at", "limit", "pattern_epochs") else 1
    if type(value) is int and not least <= value <= MAX_NUMBER:
        raise ValueError(f"expected {key} to be in [{least}, {MAX_NUMBER}], got {value}")
    if isinstance(value, tuple):
        if not value and key not in ("curriculum", "spaces"):
            raise ValueError(f"expected at least one value for {key}")
        for item in value:
            _checked(key, item)
    return value
