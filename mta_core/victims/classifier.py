"""Classifiers: one task each, by a network of torchvision (MTA section 4.1 fools one a domain)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision import models

from mta_core.victims.backbone import load_body
from mta_core.victims.base import Victim

NETWORKS = ("mobilenet_v3_small", "resnet18", "resnet50", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0")
CLASSES = {"office31": 31}
"""Number of classes of each label space."""


class Classifier(Victim):
    """A network of torchvision that answers one task with a class for the whole picture.

    Args:
        network: its name in torchvision.

    Raises:
        ValueError: the network is not among `NETWORKS`, or there is not exactly one task of known classes.
    """

    architecture = "classifier"
    summary = "a classifier of its own for one domain"

    def __init__(
        self,
        tasks: Mapping[str, str],
        input_size: tuple[int, int] = (224, 224),
        network: str = "shufflenet_v2_x1_0",
    ) -> None:
        super().__init__(tasks, input_size)
        if network not in NETWORKS:
            raise ValueError(f"expected a network among {', '.join(NETWORKS)}, got {network!r}")
        if len(tasks) != 1 or (space := next(iter(tasks.values()))) not in CLASSES:
            raise ValueError(f"expected one task in a label space among {', '.join(CLASSES)}, got {dict(tasks)}")
        self.network_name = network
        self.network: nn.Module = models.get_model(network, weights=None, num_classes=CLASSES[space])

    def options(self) -> dict[str, Any]:
        return {"network": self.network_name}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        return {task: self.network(normalised)[..., None, None] for task in self.tasks if task in tasks}

    def load_backbone(self, path: Path) -> None:
        """Takes all but the last layer from a weight file of the same network: see `load_body`."""
        load_body(self.network, self.network_name, path)
