"""One victim made of several: `segmentation=NAME,depth=NAME` lets each task be answered by another model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from mta_core.victims.base import Victim


class Composite(Victim):
    """Merges the answers of its parts; a part that answers several of the tasks runs once.

    Args:
        parts: the victim of each task; all made for the same input size.

    Raises:
        ValueError: a part does not answer its task, or the input sizes differ.
    """

    architecture = "composite"
    summary = "one model for each task"

    def __init__(self, parts: Mapping[str, Victim]) -> None:
        sizes = {part.input_size for part in parts.values()}
        if len(sizes) != 1:
            raise ValueError(
                f"expected victims of one input size, got {', '.join(f'{w}x{h}' for h, w in sorted(sizes))}"
            )
        for task, part in parts.items():
            if task not in part.tasks:
                raise ValueError(f"the victim for {task} does not answer it; it answers {', '.join(part.tasks)}")
        super().__init__({task: part.tasks[task] for task, part in parts.items()}, sizes.pop())
        unique = list(dict.fromkeys(parts.values()))
        self.parts = nn.ModuleList(unique)
        self.is_known = all(part.is_known for part in unique)
        self.part_of = {task: unique.index(part) for task, part in parts.items()}

    def options(self) -> dict[str, Any]:
        return {"part_of": self.part_of}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        raise NotImplementedError("each part normalises and resizes for itself")

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        answers: dict[str, Tensor] = {}
        for number, part in enumerate(self.parts):
            own = [task for task, at in self.part_of.items() if at == number and (tasks is None or task in tasks)]
            if own:
                answers |= part(images, own)
        return answers


def is_composite(text: str) -> bool:
    """Whether a victim is several models; a path to a card may hold `=` too, behind a separator, and so may a model of
    one's own, behind a colon."""
    before, equals, _ = text.partition("=")
    return bool(equals) and not any(sign in before for sign in "/\\:")


def parse_parts(text: str) -> dict[str, str]:
    """The victim's name for each task, from `segmentation=NAME,depth=NAME`.

    Raises:
        ValueError: a piece is not `task=NAME`, or a task comes twice.
    """
    parts: dict[str, str] = {}
    for piece in text.split(","):
        task, equals, name = (word.strip() for word in piece.partition("="))
        if not (task and equals and name):
            raise ValueError(f"expected task=NAME,task=NAME for a victim of several models, got {text!r}")
        if is_composite(name):
            raise ValueError(f"expected one model for {task}, got several: {name[:100]!r}")
        if task in parts:
            raise ValueError(f"expected one victim for {task}, got two in {text!r}")
        parts[task] = name
    return parts
