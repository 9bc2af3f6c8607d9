"""The networks of torchvision that segment, as victims: with weights from a file, or the library's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision import models

from mta_core import label_spaces
from mta_core.victims.adapted import Adapted
from mta_core.victims.backbone import tensors_of
from mta_core.victims.spec import Spec
from mta_core.weights import WeightsError, brief

SIZE = (520, 520)
"""The smaller side at which torchvision's own weights are measured; the larger is brought to it too."""
LAST = ("classifier.4.weight", "classifier.low_classifier.weight")
"""Of FCN and DeepLab, and of LR-ASPP: as many rows as there are classes."""
AUXILIARY = "aux_classifier."


def networks() -> list[str]:
    return [str(name) for name in models.list_models(module=models.segmentation)]


def load(spec: Spec) -> tuple[Adapted, str, str]:
    """The victim, what it is, and what it was trained on, as far as that is known.

    Raises:
        ValueError: there is no such network, or no such weights.
    """
    name = spec.target
    if name not in networks():
        raise ValueError(f"expected a network among {', '.join(networks())}, got {name[:100]!r}")
    own = models.get_model_weights(name)
    asked = spec.options.get("weights", "")
    if not asked:
        raise ValueError(
            f"expected weights for {name}: {spec.text}?weights=FILE, or weights=DEFAULT to fetch the library's own"
        )
    published = {"DEFAULT": own.DEFAULT, **own.__members__}.get(asked)
    if published is None:
        network, count = _from_file(name, Path(asked).expanduser())
        learnt = Path(asked).name
    else:
        network, count = _fetched(name, published), len(published.meta["categories"])
        learnt = f"torchvision's {published.name}"
    classes = label_spaces.declare(_names(spec, count, own.DEFAULT.meta["categories"]))
    network.register_module("aux_classifier", None)  # only training asks for it
    victim = Adapted(
        network, {"segmentation": classes.space}, spec.size(SIZE), read=_output, is_known=True
    )  # fmt: skip
    return victim, f"torchvision's {name}, {count} classes", learnt


def _output(found: Mapping[str, Tensor]) -> Tensor:
    return found["out"]


def _from_file(name: str, path: Path) -> tuple[nn.Module, int]:
    """The network, and how many classes it tells apart."""
    expected = f"expected weights of torchvision's {name}, got {path}"
    given = tensors_of(path, expected)
    last = next((given[key] for key in LAST if key in given), None)
    if last is None or last.ndim != 4:
        raise WeightsError(f"{expected}: it has no layer that tells classes apart")
    count = len(last)
    if not 2 <= count <= label_spaces.MAX_CLASSES:
        raise WeightsError(f"{expected}: it has {count} classes, not 2 to {label_spaces.MAX_CLASSES}")
    has_auxiliary = any(key.startswith(AUXILIARY) for key in given)
    more = {"aux_loss": True} if has_auxiliary else {}
    try:
        network: nn.Module = models.get_model(name, weights=None, weights_backbone=None, num_classes=count, **more)
        network.load_state_dict(given)
    except Exception as error:  # hundreds of lines about every layer
        raise WeightsError(f"{expected}: its layers are those of another network") from error
    return network, count


def _fetched(name: str, published: Any) -> nn.Module:
    try:
        network: nn.Module = models.get_model(name, weights=published)
    except (OSError, RuntimeError) as error:  # no network, no room, or another digest than it should have
        reason = f"{brief(error)}; weights=FILE takes them from a file"
        raise WeightsError(f"expected to fetch {published.url}: {reason}") from error
    return network


def _names(spec: Spec, count: int, published: Sequence[str]) -> list[str]:
    """Those of a file, or Pascal VOC's, which the library's weights tell apart, or numbers.

    Raises:
        WeightsError: the file does not name as many classes.
    """
    if "classes" not in spec.options:
        return list(published) if count == len(published) else [f"class {number}" for number in range(count)]
    path = Path(spec.options["classes"]).expanduser()
    expected = f"expected a list of {count} names of classes in {path}"
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{expected}: {brief(error)}") from error
    if not (isinstance(given, list) and len(given) == count and all(isinstance(name, str) for name in given)):
        raise WeightsError(f"{expected}: it is something else")
    return given
