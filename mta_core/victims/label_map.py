"""Which classes of a model mean which of the data's: said by a person in a file, never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mta_core import label_spaces
from mta_core.label_spaces import BY_NAME, UNLABELLED, Classes, clean
from mta_core.victims.adapted import Adapted
from mta_core.weights import WeightsError, brief

FORM = '{"space": "nyu13", "classes": {"a class of the model": "a class of the data", ...}}'
MAX_BYTES = 1_000_000


def with_label_map(victim: Adapted, path: Path) -> Adapted:
    """The victim answering in a label space of the data.

    What a class of the data is given is the sum of what the model gives those that mean it. Where some class of the
    data is meant by none, the space is one of the others alone, and labels of that class do not count; classes of the
    model that mean none are not answered.

    Args:
        path: a JSON file of the `FORM`.

    Raises:
        ValueError: the file is not of that form, or names what is not there.
    """
    own = label_spaces.names_of(victim.tasks.get("segmentation", ""))
    if own is None:
        raise ValueError(f"expected a model that segments, for a label map: it answers {', '.join(victim.tasks)}")
    space, meant = _read(path)
    theirs = BY_NAME[space]
    places = {name.casefold(): number for number, name in enumerate(own)}
    groups: dict[str, list[int]] = {}
    for name, meaning in meant.items():
        if clean(name).casefold() not in places:
            raise ValueError(f"expected classes of the model ({', '.join(own)}) in {path.name}, got {name[:100]!r}")
        if meaning not in theirs:
            raise ValueError(f"expected classes of {space} ({', '.join(theirs)}) in {path.name}, got {meaning[:100]!r}")
        place = places[clean(name).casefold()]
        if any(place in group for group in groups.values()):
            raise ValueError(f"expected each class of the model once in {path.name}, got {name[:100]!r} again")
        groups.setdefault(meaning, []).append(place)
    if len(groups) < 2:
        raise ValueError(f"expected at least two classes of {space} to be meant in {path.name}, got {len(groups)}")
    answered = [name for name in theirs if name in groups]
    return victim.answering(_space(space, answered), [sorted(groups[name]) for name in answered])


def _space(space: str, answered: list[str]) -> Classes:
    """That of the data where all of its classes are answered, else one of those that are."""
    theirs = BY_NAME[space]
    if tuple(answered) == theirs:
        return Classes(space, theirs)
    table = [answered.index(name) if name in answered else UNLABELLED for name in theirs]
    return label_spaces.declare(answered, {space: table})


def _read(path: Path) -> tuple[str, Mapping[str, str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else brief(error)
        raise WeightsError(f"expected a label map in {path}: {reason}") from error
    is_sound = (
        isinstance(given, dict)
        and given.keys() == {"space", "classes"}
        and isinstance(given["space"], str)
        and given["space"] in BY_NAME
        and isinstance(given["classes"], dict)
        and len(given["classes"]) > 0
        and all(isinstance(meaning, str) for meaning in given["classes"].values())
    )
    if not is_sound:
        raise WeightsError(f"expected {FORM} in {path}, the space among {', '.join(BY_NAME)}")
    return given["space"], given["classes"]
