"""Where an attack goes: away from the truth, or towards a chosen answer (MTA sections 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Goal:
    """Where to: away from the truth, or towards a chosen answer of every attacked task.

    Attributes:
        text: as it was typed; empty for a non-targeted attack.
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
        """As in rows."""
        return "targeted" if self.is_targeted else "non-targeted"

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
