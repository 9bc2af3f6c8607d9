"""Models of Hugging Face transformers that segment or estimate depth, as victims.

The package is optional. Weights are read from safetensors alone, and no code that comes with a model is run.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import label_spaces
from mta_core.victims.adapted import RELATIVE, Adapted
from mta_core.victims.spec import Spec
from mta_core.weights import WeightsError, brief

SEGMENTS, BY_QUERIES, ESTIMATES = "ForSemanticSegmentation", "ForUniversalSegmentation", "ForDepthEstimation"
QUERIES = ("MaskFormerForInstanceSegmentation",)
"""Models that answer classes and masks of queries, though they are called otherwise."""
ASKED_FOR_MORE = ("OneFormerForUniversalSegmentation",)
"""Models that need more than a picture."""
METRES, DEPTHS = "metres", ("metres", RELATIVE)
UNITS = {"glpn": METRES, "zoedepth": METRES}
"""What the depth of each kind of model is in; others say it themselves, or a person does."""
DEPTH_PRO = "depth_pro"
NEAREST, FARTHEST = 1e-4, 1e4
"""Of inverse depth, as Depth Pro is read in its own library."""
SIZE = (480, 640)
"""Of pictures for models whose processor asks for none: that of NYUv2."""
FLOOR = 1e-6
"""Of the share of a class, whose logarithm is its logit."""


def load(spec: Spec) -> tuple[Adapted, str, str]:
    """The victim, what it is, and what it was trained on, as far as that is known.

    Raises:
        ValueError: there is no such model, or it does something else; transformers is not installed.
    """
    library = _library()
    if spec.target.startswith(("/", "./", "../", "~")) and not Path(spec.target).expanduser().is_dir():
        raise ValueError(f"expected the folder of a model of transformers, {spec.target} is none")
    where = str(Path(spec.target).expanduser()) if Path(spec.target).expanduser().is_dir() else spec.target
    options = {"local_files_only": where != spec.target or os.path.isdir(where), "trust_remote_code": False}
    config = _read(spec, library.AutoConfig.from_pretrained, where, options)
    kind = _kind(spec, library, config)
    processor = _read(spec, library.AutoImageProcessor.from_pretrained, where, options)
    network, loading = _read(
        spec, kind.from_pretrained, where,
        {**options, "use_safetensors": True, "output_loading_info": True, "dtype": torch.float32},
    )  # fmt: skip
    if missing := sorted(loading["missing_keys"]):
        raise WeightsError(f"expected all weights of {spec.target}, {len(missing)} are missing: {missing[0]}, ...")
    called = f"{kind.__name__} of Hugging Face transformers"
    seen: dict[str, Any] = {
        **_normalisation(processor),
        "is_bgr": bool(getattr(processor, "do_flip_channel_order", False)),
    }
    size = spec.size(_size(processor))
    if kind.__name__.endswith(ESTIMATES):
        space = _depth_space(spec, config)
        said = "relative inverse depth" if space == RELATIVE else "depth in metres"
        read = _metres_of_depth_pro if (config.model_type, space) == (DEPTH_PRO, METRES) else _depth
        return Adapted(network, {"depth": space}, size, read=read, **seen), f"{called}, {said}", spec.target
    classes = label_spaces.declare([str(config.id2label[i]) for i in sorted(config.id2label)])
    read = _logits if kind.__name__.endswith(SEGMENTS) else _queries
    victim = Adapted(network, {"segmentation": classes.space}, size, read=read, **seen)
    return victim, f"{called}, {len(classes.names)} classes", spec.target


def _library() -> Any:
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # which asks a server to convert other weights
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise ValueError("expected the package transformers for such a model: pip install transformers") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _read(spec: Spec, read: Any, where: str, options: Mapping[str, Any]) -> Any:
    try:
        return read(where, **options)
    except Exception as error:  # whatever foreign files and packages bring about
        raise WeightsError(f"expected a model of transformers in {spec.target}: {brief(error)}") from error


def _kind(spec: Spec, library: Any, config: Any) -> Any:
    """The class of the model, as its configuration names it."""
    names = [str(name) for name in config.architectures or ()]
    suited = [
        name for name in names
        if name.endswith((SEGMENTS, BY_QUERIES, ESTIMATES)) or name in QUERIES if name not in ASKED_FOR_MORE
    ]  # fmt: skip
    kind = getattr(library, suited[0], None) if suited else None
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise ValueError(
            f"expected a model for semantic segmentation or depth estimation in {spec.target}, got "
            f"{', '.join(names) or 'one that does not say what it is'}"
        )
    return kind


def _depth_space(spec: Spec, config: Any) -> str:
    """Depth Pro answers inverse depth, which its field of view, where it is there, makes one of metres. DPT learns
    inverse depth without a unit; with a projection it is DINOv2's, of which some answer metres, and none says which."""
    has_field = bool(getattr(config, "use_fov_model", False))
    said = spec.options.get("depth") or {"metric": METRES, "relative": RELATIVE}.get(
        str(getattr(config, "depth_estimation_type", "")), UNITS.get(str(config.model_type), "")
    )
    if config.model_type == DEPTH_PRO:
        said = said or (METRES if has_field else RELATIVE)
        if said == METRES and not has_field:
            raise ValueError(f"expected depth=relative for {spec.target}: it tells no field of view, so no metres")
    if config.model_type == "dpt" and not getattr(config, "add_projection", False):
        said = said or RELATIVE
    if said not in DEPTHS:
        raise ValueError(f"expected depth={' or depth='.join(DEPTHS)} for {spec.target}, whose unit nobody knows")
    return said


def _normalisation(processor: Any) -> dict[str, tuple[float, ...]]:
    """Mean and standard deviation on the scale of [0, 1], whatever the processor scales first."""
    scale = 255 * float(getattr(processor, "rescale_factor", None) or 1 / 255)
    if not getattr(processor, "do_rescale", True):
        scale = 255.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if getattr(processor, "do_normalize", False):
        mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    return {"mean": tuple(m / scale for m in mean), "std": tuple(s / scale for s in std)}


def _size(processor: Any) -> tuple[int, int]:
    """Height and width; a square where the processor names one side."""
    is_cropped = getattr(processor, "do_center_crop", None) is not False  # some name a size that they do not crop to
    for asked in (getattr(processor, "crop_size", None) if is_cropped else None, getattr(processor, "size", None)):
        sides = dict(asked) if isinstance(asked, Mapping) else vars(asked) if asked else {}
        if sides.get("height") and sides.get("width"):
            return int(sides["height"]), int(sides["width"])
        if side := sides.get("shortest_edge"):
            return int(side), int(side)
    return SIZE


def _logits(found: Any) -> Tensor:
    logits: Tensor = found.logits
    return logits


def _depth(found: Any) -> Tensor:
    depth: Tensor = found.predicted_depth
    return depth[:, None] if depth.ndim == 3 else depth


def _metres_of_depth_pro(found: Any) -> Tensor:
    """What it answers is inverse depth of a camera whose focal length is the picture's width (Bochkovskii et al.:
    "Depth Pro", ICLR 2025, section 3.1); the field of view, in degrees, tells the real one."""
    width_by_focal = 2 * torch.tan(torch.deg2rad(found.field_of_view.float()) / 2)
    inverse = _depth(found).float() * width_by_focal.view(-1, 1, 1, 1)
    return 1 / inverse.clamp(NEAREST, FARTHEST)


def _queries(found: Any) -> Tensor:
    """Logits from classes and masks of queries, as Cheng et al. read them ("Per-Pixel Classification is Not All You
    Need for Semantic Segmentation", NeurIPS 2021, section 3.4): the share of a class is the sum over queries of its
    probability times the mask's; the last class is none."""
    shares = found.class_queries_logits.float().softmax(-1)[..., :-1]
    masks = found.masks_queries_logits.float().sigmoid()
    return (torch.einsum("bqc,bqhw->bchw", shares, masks) + FLOOR).log()
