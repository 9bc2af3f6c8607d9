"""Values of options, from text. Nothing here imports torch."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    number = integer(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 1000000, got {text[:100]!r}")
    return number


def threads(text: str) -> int:
    number = integer(text)
    if not 1 <= number <= 1024:  # far more than that end the process
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 1024, got {text[:100]!r}")
    return number


def seed(text: str) -> int:
    number = integer(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2147483647, got {text!r}")
    return number


def size(text: str) -> tuple[int, int]:
    height, x, width = text.partition("x")
    if not x:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, got {text[:100]!r}")
    return positive(height), positive(width)


def some(text: str) -> str:
    if not text.strip():  # a shell variable that is not set, say
        raise argparse.ArgumentTypeError("expected some text, got none")
    return text


def integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
