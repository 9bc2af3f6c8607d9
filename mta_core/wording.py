"""Numbers and foreign words in sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection


def counted(number: int, what: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def counted_among(numbers: Collection[int], what: str) -> str:
    """`3 pictures`, or `1 to 3 pictures` where several things have not as many."""
    least, most = min(numbers), max(numbers)
    return counted(most, what) if least == most else f"{least:,} to {counted(most, what)}"


def plain(text: str) -> str:
    """Without control characters, which steer a terminal, and halves of surrogate pairs, which nothing can show."""
    return "".join("?" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)


NAMES = ("Euclidean",)
"""Words of labels that keep their capital."""


def in_sentence(label: str) -> str:
    """A label in the middle of a sentence: "absolute error", but "mIoU", "2-D key points" and "Euclidean depth"."""
    return label if label[1:2].isupper() or label.startswith(NAMES) else label[:1].lower() + label[1:]
