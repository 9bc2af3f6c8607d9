"""Weights to start from that others have trained: files of tensors by name, of which nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mta_core.weights import WeightsError, brief

LAST = ("fc.", "classifier.3.")
"""Where the layers that answer begin in torchvision's networks: weights for other classes have other ones there."""


def load_body(network: nn.Module, name: str, path: Path) -> None:
    """Takes all but the last layer from a weight file of the same network, as torchvision publishes them.

    Args:
        network: with or without a last layer.
        name: of the network, for people.
        path: a safetensors file, or one of `torch.save`, of which only tensors are read.

    Raises:
        WeightsError: it cannot be read, or belongs to another network.
    """
    expected = f"expected torchvision's weights of {name}, got {path}"
    given = tensors_of(path, expected)
    body = {layer: value for layer, value in given.items() if not layer.startswith(LAST)}
    own = {layer: value for layer, value in network.state_dict().items() if layer.startswith(LAST)}
    try:
        network.load_state_dict({**body, **own})
    except Exception as error:  # hundreds of lines about every layer
        raise WeightsError(f"{expected}: its layers are those of another network") from error


def tensors_of(path: Path, expected: str) -> dict[str, Tensor]:
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
