"""What a row of measurement is, and whether one from elsewhere is sound. Nothing here imports torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mta_core.wording import plain

ROW_KEYS = (
    "data", "split", "victim", "source", "attack", "instance", "goal", "scope", "attacked", "task", "metric",
    "aggregation", "unit", "higher_is_better", "norm", "epsilon", "epsilon_unit", "clean", "adversarial", "ci95", "n",
    "seed",
)  # fmt: skip
"""Keys of a row. `source` is the victim that the attack was made on; `epsilon` is in `epsilon_unit`; `ci95` belongs to
`adversarial`, [low, high] by bootstrap over pictures, or null."""
TEXTS = ("data", "split", "victim", "source", "attack", "task", "metric", "unit")
KINDS = {
    "instance": ("per-instance", "universal"), "goal": ("non-targeted", "targeted"), "scope": ("per-task", "joint"),
    "aggregation": ("pooled", "per-picture", "published"), "norm": ("linf", "l2"), "epsilon_unit": ("1/255", "l2"),
}  # fmt: skip
"""Fields that say one of a few words."""
WHOLE = ("n", "seed")
MAX_TEXT = 500
MAX_ROWS = 10_000
"""Of a run; the longest table of a paper has a few hundred."""
MAX_PROVENANCE = 4_000_000
"""Characters of JSON; one that names 10,000 unreadable pictures has some hundred thousand."""
MAX_WHOLE = 2**63 - 1
FORMULA = tuple("=+-@\t\r")
"""How a text begins that spreadsheets take for a formula."""

Values = Mapping[str, Any]


def to_json(value: Any) -> Any:
    """The same with only what JSON knows: numbers that are not finite become null, tuples lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def checked_run(rows: Any, provenance: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The same as JSON has it, every row with `ROW_KEYS` in their order.

    Raises:
        ValueError: a field is missing, unknown, or of the wrong type or value.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not 1 <= len(rows) <= MAX_ROWS:
        raise ValueError(f"expected a list of 1 to {MAX_ROWS} rows")
    return [checked_row(row) for row in rows], checked_provenance(provenance)


def checked_row(row: Any) -> dict[str, Any]:
    """Raises ValueError, see `checked_run`."""
    if not isinstance(row, Mapping):
        raise ValueError("expected a row to be a mapping of its fields")
    for key in ROW_KEYS:
        if key not in row:
            raise ValueError(f"expected the field {key} in a row")
    if len(row) != len(ROW_KEYS):
        unknown = next(key for key in row if key not in ROW_KEYS)
        raise ValueError(f"expected no field {plain(str(unknown))[:100]!r} in a row")
    return {key: _checked(key, row[key]) for key in ROW_KEYS}


def _checked(key: str, value: Any) -> Any:
    if key in TEXTS:
        return _text(key, value)
    if key in KINDS:
        if value not in KINDS[key]:
            raise ValueError(f"expected {key} to be {' or '.join(KINDS[key])}")
        return str(value)
    if key == "attacked":
        if not isinstance(value, list | tuple) or len(value) > 64:
            raise ValueError("expected attacked to be a list of at most 64 tasks")
        return [_text(key, item) for item in value]
    if key == "higher_is_better":
        if not isinstance(value, bool):
            raise ValueError(f"expected {key} to be true or false")
        return value
    if key in WHOLE:
        if type(value) is not int or not 0 <= value <= MAX_WHOLE:
            raise ValueError(f"expected {key} to be a whole number of at least 0")
        return value
    if key == "ci95":
        return _interval(value)
    number = _number(key, value)
    if key == "epsilon" and (number is None or number < 0):
        raise ValueError("expected epsilon to be a number of at least 0")
    return number


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or plain(value) != value or value.startswith(FORMULA):
        raise ValueError(f"expected {key} to be a text of at most {MAX_TEXT} characters, without control characters")
    return str(value)


def _number(key: str, value: Any) -> float | None:
    """NaN, which is nothing to measure, is null as in JSON."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"expected {key} to be a number or null")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"expected {key} to be a number that fits in 64 bits") from None
    return number if math.isfinite(number) else None


def _interval(value: Any) -> list[float | None] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected ci95 to be [low, high] or null")
    low, high = (_number("ci95", end) for end in value)
    if low is not None and high is not None and low > high:
        raise ValueError("expected ci95 to be [low, high]: low is above high")
    return [low, high]


def checked_provenance(made: Any) -> dict[str, Any]:
    """Raises ValueError where it is no mapping that JSON can hold, too long, or without a date."""
    if not isinstance(made, Mapping):
        raise ValueError("expected the provenance to be a mapping")
    try:
        text = json.dumps(to_json(made), allow_nan=False)
        content: dict[str, Any] = json.loads(text)
    except (RecursionError, TypeError) as error:
        raise ValueError("expected the provenance to be plain JSON, not nested deeply") from error
    if len(text) > MAX_PROVENANCE or _depth(content) > 20:
        raise ValueError(f"expected a provenance of at most {MAX_PROVENANCE:,} characters, not nested deeply")
    date_of(content)
    return content


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return deepest


def date_of(provenance: Values) -> datetime:
    """When a run was finished, in UTC; raises ValueError where its provenance does not say."""
    said = provenance.get("date")
    try:
        date = datetime.fromisoformat(said) if isinstance(said, str) else None
        date = date and (date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC))
    except (ValueError, OverflowError):
        date = None
    if date is None or not 1970 <= date.year <= 9998:
        raise ValueError("expected a date such as 2026-01-31T12:00:00+00:00 in the provenance")
    return date


def digest_of_run(rows: Sequence[Values], provenance: Values) -> str:
    """sha256 of the content of a run that was checked, 64 hexadecimal digits."""
    content = json.dumps([rows, provenance], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
