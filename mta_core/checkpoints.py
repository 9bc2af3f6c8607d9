"""Checkpoints of a training run: written whole or not at all, read without unpickling."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from mta_core.weights import WeightsError, brief, write_atomically

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any], name: str = NAME) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(folder / name, buffer.getvalue())


def load_checkpoint(folder: Path, name: str = NAME) -> dict[str, Any] | None:
    """The last state that was saved, or None where there is none.

    Raises:
        WeightsError: the file is not a checkpoint.
    """
    path = folder / name
    if not path.exists():
        return None
    if not path.is_file():  # a pipe may never end
        raise WeightsError(f"expected a training checkpoint in {path}: it is not a file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise WeightsError(f"expected a training checkpoint in {path}: {brief(error)}") from error
    if not isinstance(state, dict) or "recipe" not in state:
        raise WeightsError(f"expected a training checkpoint in {path}: it names no recipe")
    return state
