"""Classifiers: one task each, by a network of torchvision (MTA section 4.1 fools one a domain)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models

from mta_core.victims.base import Victim
from mta_core.weights import WeightsError, brief

NETWORKS = ("mobilenet_v3_small", "resnet18", "resnet50", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0")
CLASSES = {"office31": 31}
"""Number of classes of each label space."""
LAST = ("fc.", "classifier.3.")
"""Where the layers that answer begin: weights for other classes have other ones there."""


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
        """Takes all but the last layer from a weight file of the same network, as torchvision publishes them.

        Args:
            path: a safetensors file, or one of `torch.save`, of which only tensors are read.

        Raises:
            WeightsError: it cannot be read, or belongs to another network.
        """
        expected = f"expected torchvision's weights of {self.network_name}, got {path}"
        given = _tensors(path, expected)
        body = {name: value for name, value in given.items() if not name.startswith(LAST)}
        own = {name: value for name, value in self.network.state_dict().items() if name.startswith(LAST)}
        try:
            self.network.load_state_dict({**body, **own})
        except Exception as error:  # hundreds of lines about every layer
            raise WeightsError(f"{expected}: its layers are those of another network") from error


def _tensors(path: Path, expected: str) -> dict[str, Tensor]:
    """Raises WeightsError, which begins as given, where a file does not hold tensors by name alone."""
    try:
        is_safe = path.suffix == ".safetensors"
        given = load_file(path) if is_safe else torch.load(path, "cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{expected}: {error.strerror or brief(error)}") from error
    except Exception as error:  # a reader of foreign bytes may raise anything
        raise WeightsError(f"{expected}: it is no file of tensors alone") from error
    if not isinstance(given, dict) or not given:
        raise WeightsError(f"{expected}: it does not hold tensors by name")
    if not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in given.items()):
        raise WeightsError(f"{expected}: it does not hold tensors by name alone")
    return dict(given)
