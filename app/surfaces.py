"""A picture's scene as surfaces that can be turned, made from depth: one message for the 3-D component. No streamlit
here."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from app.result import Result
from app.words import in_sentence, sentence
from mta_core import imaging
from mta_core.data.derived import field_to_focal, rays
from mta_core.explore import TaskOutcome
from mta_core.tasks import Task
from mta_core.tasks.colours import SCALE
from mta_core.tasks.log_depth import LogDepth, to_metres
from mta_core.vectors import length, unit
from mta_core.weights import Card

DEPTHS = ("depth", "euclidean_depth")
"""Tasks that a surface can be made of, the first one that there is."""
MOST = (96, 128)
"""Rows and columns of a surface at most: enough for its shape, and few enough to be turned at once by any browser."""
COLOURS = ("picture", "depth", "lit")
"""By the picture, by depth, or white under a lamp that falls on the predicted normals."""
FIELD_OF_VIEW = 60.0
"""Degrees across that are assumed of a camera that nobody knows: that of many phones and depth cameras."""
BEND, RISE = 0.06, 0.2
"""A surface is broken where depth leaves the plane of both its neighbours by that share, or rises by this one."""
ROUGH, ROUGHEST = 6.0, 0.3
"""Where many neighbours do, as with what networks answer, that share is so many times the median one, up to an end."""
FARTHEST = 100.0
"""Metres; what is farther, or behind the camera, is no surface."""


@dataclass(frozen=True)
class Surface:
    """A scene in the camera's coordinates (X right, Y up, Z to the camera).

    Attributes:
        points: (3, h, w) float32 metres, each amid `stride` x `stride` pixels; 0 where there is none.
        quads: (h - 1, w - 1) bool: which meshes between four neighbours are there.
    """

    points: Tensor
    quads: Tensor


def along_axis(t: Task, value: Tensor, focal: float) -> Tensor:
    """An answer of one of `DEPTHS` (1, 1, H, W) as depth along the optical axis, (1, H, W) metres; 0 where there is
    none."""
    metres = to_metres(value[0]) if isinstance(t, LogDepth) else value[0]
    if t.name == "euclidean_depth":
        metres = metres / length(rays(metres, focal), dim=0)
    return torch.where(metres.isfinite() & (metres > 0) & (metres <= FARTHEST), metres, 0).float()


def stride_of(height: int, width: int) -> int:
    """How many pixels apart the points of a surface are."""
    return max(1, math.ceil(height / MOST[0]), math.ceil(width / MOST[1]))


def surface(depth: Tensor, focal: float) -> Surface:
    """The surface of a depth map (1, H, W) metres along the axis, 0 where there is none.

    Args:
        focal: in pixels; the principal point is the middle.
    """
    stride = stride_of(*depth.shape[-2:])
    coarse = thinned(depth, stride)
    points = rays(coarse, focal / stride) * coarse  # the middle of the picture is that of the grid
    return Surface(points.contiguous(), whole(coarse[0]))


def thinned(depth: Tensor, stride: int) -> Tensor:
    """The median of each `stride` x `stride` pixels of (1, H, W), (1, H // stride, W // stride), which a few wild ones
    do not move and which keeps edges; 0 where most of them have no depth. What is left over is cut off evenly."""
    height, width = (side // stride * stride for side in depth.shape[-2:])
    top, left = (depth.shape[-2] - height) // 2, (depth.shape[-1] - width) // 2
    inner = depth[0, top : top + height, left : left + width]
    cells = inner.reshape(height // stride, stride, width // stride, stride).transpose(1, 2).flatten(2)
    known = cells > 0
    middle = torch.where(known, cells, torch.nan).nanmedian(-1).values
    return torch.where(known.sum(-1) * 2 > stride * stride, middle, 0)[None]


def whole(depth: Tensor) -> Tensor:
    """Which meshes of a grid of depths (h, w) are of one surface, (h - 1, w - 1) bool: all four corners are there, and
    none of its edges crosses a jump.

    The inverse of depth is linear on a plane, however it lies, so a step of it that neither neighbour repeats is one
    from a surface to another.
    """
    known = depth > 0
    inverse = 1 / depth.clamp(min=1e-3)
    across, down = _is_jump(depth, inverse), _is_jump(depth.T, inverse.T).T
    corners = known[:-1, :-1] & known[:-1, 1:] & known[1:, :-1] & known[1:, 1:]
    return corners & ~(across[:-1] | across[1:] | down[:, :-1] | down[:, 1:])


def _is_jump(depth: Tensor, inverse: Tensor) -> Tensor:
    """Whether there is a jump between each column and the next, (h, w - 1) bool: jumps are edges, at least three of
    them beside each other; a lonely one is noise."""
    here, there = inverse[:, :-1], inverse[:, 1:]
    step, share = there - here, torch.maximum(here, there)
    padded = F.pad(step[None], (1, 1), mode="replicate")[0]
    bend = torch.minimum((step - padded[:, :-2]).abs(), (step - padded[:, 2:]).abs())
    bend[:, [0, -1]] = torch.stack([(step[:, 0] - padded[:, 2]).abs(), (step[:, -1] - padded[:, -3]).abs()], 1)
    bend /= share
    usual = float(bend[(depth[:, 1:] > 0) & (depth[:, :-1] > 0)].nanmedian().nan_to_num())
    rise = (depth[:, 1:] - depth[:, :-1]).abs() / torch.minimum(depth[:, 1:], depth[:, :-1]).clamp(min=1e-3)
    most = max(BEND, min(ROUGH * usual, ROUGHEST))
    found = (bend > most) | (rise > max(RISE, most))
    around = F.pad(found[None].float(), (1, 1, 1, 1), mode="replicate")
    return found & (F.avg_pool2d(around, 3, 1)[0] * 9 > 2.5)


def slopes(made: Surface) -> Tensor:
    """The normals of a surface itself, (3, h, w) unit vectors to the camera's side; 0 where there is no surface."""
    across, down = torch.gradient(made.points, dim=(2, 1))
    normals = unit(torch.linalg.cross(down, across, dim=0), dim=0, eps=1e-9)
    facing = (normals * made.points).sum(0, keepdim=True) > 0
    return torch.where(made.points[2:] < 0, torch.where(facing, -normals, normals), 0)


def depth_of(result: Result) -> TaskOutcome | None:
    """What surfaces of a result are made of."""
    return next((result.outcome.tasks[name] for name in DEPTHS if name in result.outcome.tasks), None)


def lacking(result: Result, cards: Sequence[Card]) -> str:
    """Why there is no surface, and what to choose to see one."""
    victim = result.request.victim
    own = next((card for card in cards if card.name == victim), None)
    if own is not None and any(name in own.tasks for name in DEPTHS):
        return "A surface is made from depth, which is not among the tasks attacked: choose it under Tasks to attack."
    others = [card.name for card in cards if any(name in card.tasks for name in DEPTHS)]
    told = f"; {', '.join(others)} {'does' if len(others) == 1 else 'do'}" if others else ""
    return f"A surface is made from depth, which {victim} does not predict{told}."


def message(result: Result, *, with_arrays: bool, colour: str = "") -> bytes | None:
    """The component's data: a line of JSON, then the arrays it tells of, packed by zlib, where they are asked for. None
    where there is no depth.

    Args:
        colour: how surfaces are coloured at first, of `COLOURS`.
    """
    known = depth_of(result)
    if known is None:
        return None
    header, arrays = result.once(("surfaces", result.is_precise), lambda: _made(result, known))
    chosen = colour if colour in COLOURS else COLOURS[0]
    # No two messages are the same: see `app.replay.message`.
    more = {"has_arrays": with_arrays, "colour": chosen, "nonce": secrets.token_hex(4)}
    return json.dumps(header | more).encode() + b"\n" + (arrays if with_arrays else b"")


def _made(result: Result, known: TaskOutcome) -> tuple[dict[str, Any], bytes]:
    t, image = known.task, result.request.picture.image
    size = (known.clean.shape[-2], known.clean.shape[-1])
    told = result.request.picture.focal(size)
    focal = told or field_to_focal(math.radians(FIELD_OF_VIEW), size[1])
    normals = result.outcome.tasks.get("normals")
    attacked = result.outcome.perturbation_of(t.name).adversarial
    kinds = {
        "clean": ("Clean", known.clean, image, ""),
        "adversarial": ("Adversarial", known.adversarial, attacked, sentence(result.verdict(t.name))),
        "truth": ("Ground truth", known.truth, image, ""),
    }
    values = [value for _, value, _, _ in kinds.values() if value is not None]
    legend = t.legend(*values)
    span = legend.span or t.span(*values) or (0.0, 1.0)
    scenes, blocks, middle = [], [], 0.0
    for kind, (title, value, picture, words) in kinds.items():
        if value is None:
            continue
        made = surface(along_axis(t, value, focal), focal)
        there = -made.points[2][made.points[2] < 0]
        middle = middle or (float(there.median()) if len(there) else 1.0)
        directions = getattr(normals, kind) if normals is not None else None
        lit = slopes(made) if directions is None else _unit_field(directions[0])
        blocks += [
            made.points.permute(1, 2, 0).contiguous().numpy().astype("<f4"),
            made.quads.numpy().astype(np.uint8),
            imaging.to_uint8(picture),
            t.tone(value, span)[0].numpy(),
            (lit * 127).round().to(torch.int8).permute(1, 2, 0).contiguous().numpy(),
        ]
        scenes.append(
            {
                "title": title,
                "words": words,
                "alt": _alt(t, title, made),
                "grid": list(made.quads.shape),
                "size": list(size),
                "normals": list(lit.shape[-2:]),
            }
        )
    packed = zlib.compress(b"".join(block.tobytes() for block in blocks), 1)
    header = {
        "id": hashlib.sha256(packed).hexdigest()[:16],
        "scenes": scenes,
        "focal": focal / size[1],
        "aspect": size[1] / size[0],
        "middle": middle,
        "stride": stride_of(*size),
        "cut": [size[0] % stride_of(*size) // 2, size[1] % stride_of(*size) // 2],
        "palette": (SCALE * 255).round().int().tolist(),
        "ends": [_metres(t, end) for end in span],
        "depth": t.label,
        "is_lit_by_normals": normals is not None,
        "notes": _notes(result, t, told, focal, size, has_normals=normals is not None),
    }
    return header, packed


def _metres(t: Task, value: float) -> str:
    metres = float(to_metres(torch.tensor(value))) if isinstance(t, LogDepth) else value
    return f"{metres:.1f} m"


def _unit_field(vectors: Tensor) -> Tensor:
    """(3, H, W) at length 1; 0 where there is no direction."""
    known = vectors.isfinite().all(0, keepdim=True) & (length(vectors.nan_to_num(), dim=0) > 0.1)
    return torch.where(known, unit(vectors.nan_to_num().float(), dim=0), 0)


def _alt(t: Task, title: str, made: Surface) -> str:
    there = -made.points[2][made.points[2] < 0]
    if not len(there):
        return f"{title}: no surface, since there is no depth anywhere"
    reach = f"from {float(there.min()):.1f} to {float(there.max()):.1f} m away"
    return f"{title}: the scene as a surface, made from {in_sentence(t.label)}, {reach}"


def _notes(
    result: Result, t: Task, told: float | None, focal: float, size: tuple[int, int], *, has_normals: bool
) -> list[str]:
    degrees = math.degrees(2 * math.atan(size[1] / 2 / focal))
    if told is None:
        camera = (
            f"Nobody knows this picture's camera: that it sees {degrees:.0f}° across is assumed, and with another "
            "angle the scene would be deeper or flatter."
        )
    else:
        camera = f"The camera sees {degrees:.0f}° across."
    stride = stride_of(*size)
    every = "" if stride == 1 else f" the medians of {stride} × {stride} pixels of"
    notes = [f"{camera} Drawn from{every} {in_sentence(t.label)}, and broken where it jumps."]
    if not has_normals:
        notes.append("No surface normals are among the tasks attacked: Lit shows the slope of the surface itself.")
    elif result.request.scope == "per-task":
        notes.append(
            f"{t.label} and surface normals are each those of the picture attacked for that task; Picture is the one "
            f"attacked for {in_sentence(t.label)}."
        )
    return notes
