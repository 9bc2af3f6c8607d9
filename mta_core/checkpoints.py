"""Checkpoints of long work: written whole or not at all, read without unpickling."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from mta_core.weights import WeightsError, brief, write_atomically

NAME = "checkpoint.pt"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors, numbers and texts whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path, what: str = "checkpoint") -> dict[str, Any] | None:
    """What was saved last, or None where nothing was.

    Args:
        what: it is, for people.

    Raises:
        WeightsError: the file is something else.
    """
    if not path.exists():
        return None
    if not path.is_file():  # a pipe may never end
        raise WeightsError(f"expected a {what} in {path}: it is not a file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise WeightsError(f"expected a {what} in {path}: {brief(error)}") from error
    if not isinstance(state, dict):
        raise WeightsError(f"expected a {what} in {path}: it holds no settings")
    return state


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Of a training; see `save_state`."""
    save_state(folder / NAME, state)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The last state of a training that was saved, or None where there is none.

    Raises:
        WeightsError: the file is not a checkpoint of a training.
    """
    state = load_state(folder / NAME, "training checkpoint")
    if state is not None and "recipe" not in state:
        raise WeightsError(f"expected a training checkpoint in {folder / NAME}: it names no recipe")
    return state
