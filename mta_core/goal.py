"""Where an attack goes: away from the truth, or towards a chosen answer (MTA sections 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mta_core.kinds import goal_name
from mta_core.tasks import task, variants

PICTURE = "picture:"


@dataclass(frozen=True)
class Goal:
    """Where to: away from the truth, or towards a chosen answer of every attacked task.

    Attributes:
        text: as it was typed, a picture by its name and digest; empty for a non-targeted attack.
        answers: one target a task, without batch dimension: (H, W) or (C, H, W), of one pixel where it is the same
            everywhere.
    """

    text: str = ""
    answers: Mapping[str, Tensor] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_targeted(self) -> bool:
        return bool(self.text)

    @property
    def name(self) -> str:
        return goal_name(self.is_targeted)

    def targets(self, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the loss of each task is measured against, for a batch whose truth is given: label maps (B, ...)."""
        if not self.is_targeted:
            return dict(truth)
        return {
            name: self.answers[name].to(labels.device, labels.dtype).expand(labels.shape).contiguous()
            for name, labels in truth.items()
        }


AWAY = Goal()
"""Non-targeted."""


def words_of(text: str, tasks: Sequence[str]) -> dict[str, str]:
    """What is to be answered to each task, of `TASK=VALUE,...` or one VALUE for all.

    Raises:
        ValueError: a task has no value or two, or another one has some.
    """
    if "=" not in text and "," not in text:
        return dict.fromkeys(tasks, text.strip())
    values: dict[str, str] = {}
    for piece in text.split(","):
        key, equals, value = piece.partition("=")
        if not equals:
            raise ValueError(f"expected --target TASK=VALUE,... or picture:FILE, got {piece!r}")
        name = task(key.strip()).name
        if name in values:
            raise ValueError(f"expected one target for {name}, got two in {text!r}")
        values[name] = value.strip()
    if set(values) != set(tasks):
        raise ValueError(f"expected a target for each of {', '.join(tasks)}, got some for {', '.join(values)}")
    return values


def narrowed(text: str, own: Sequence[str], tasks: Sequence[str]) -> str:
    """A target for the tasks `own` as one for those of them that are named; a picture, or one VALUE, is that already.

    Raises:
        ValueError: as `words_of` does.
    """
    if text.startswith(PICTURE) or "=" not in text:
        return text
    values = words_of(text, own)
    return ",".join(f"{name}={values[name]}" for name in tasks)


def is_same_target(text: str, own: Sequence[str], wanted: str, tasks: Sequence[str]) -> bool:
    """Whether a target for the tasks `own` is to the `tasks` the one that is wanted, however the two are written."""
    if not (text and wanted) or text.startswith(PICTURE) or wanted.startswith(PICTURE):
        return text == wanted
    try:
        one, other = words_of(text, own), words_of(wanted, tasks)
        return all(_is_same(name, one[name], other[name]) for name in tasks)
    except ValueError:
        return False


def _is_same(name: str, one: str, other: str) -> bool:
    """Whether both words mean the same answer, in whichever label space of the task they mean one."""
    for t in variants(name):
        try:
            return torch.equal(t.everywhere(one), t.everywhere(other))
        except ValueError:
            continue
    return False
