"""Solids that single objects need beside those of the rooms: tubes, prisms and key rows. Metres, z up."""

from dataclasses import replace

import numpy as np

from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.solids import Solid, boxes, grid, lathe, merged, unit


def arc(radius: float, start: float, stop: float, count: int = 24, squeeze: float = 1.0) -> Floats:
    """(count, 3) points of a circular arc about the origin in the x-z plane; angles in radians from +x towards +z.

    squeeze: factor on z, for half an ellipse.
    """
    angle = np.linspace(start, stop, count)
    return np.stack([radius * np.cos(angle), np.zeros(count), squeeze * radius * np.sin(angle)], axis=1)


def curve(points: list[tuple[float, float, float]], count: int = 24) -> Floats:
    """(count, 3) points of a smooth path near the given ones, through the first and the last."""
    knots = np.arange(len(points))
    at = np.linspace(0, len(points) - 1, count)
    path = np.stack([np.interp(at, knots, axis) for axis in np.asarray(points, float).T], axis=1)
    for _ in range(max(count // len(points), 1) * 2):
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    return path


def tube(
    path: Floats, radius: float | Floats, flat: float = 1.0, side: Floats | None = None, segments: int = 10
) -> Solid:
    """A round tube along (n, 3) points, with closed ends.

    radius: metres, one or (n,) of them. flat: the section's second half axis over its first.
    side: (3,) the direction of the first half axis, which a planar path keeps all along.
    """
    path = np.concatenate([path[:1], path, path[-1:]])
    radii = np.broadcast_to(np.asarray(radius, float), len(path) - 2)
    radii = np.concatenate([[1e-5], radii, [1e-5]])
    tangent = unit(np.gradient(path[1:-1], axis=0))
    tangent = np.concatenate([tangent[:1], tangent, tangent[-1:]])
    first = _across(tangent, side)
    second = np.cross(tangent, first)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    cosine, sine = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
    offset = cosine * first[:, None] + flat * sine * second[:, None]
    normal = unit(cosine * first[:, None] + sine / flat * second[:, None])
    return grid(path[:, None] + radii[:, None, None] * offset, normal)


def _across(tangent: Floats, side: Floats | None) -> Floats:
    """(n, 3) unit vectors square to the tangents, turning as little as possible along the way."""
    if side is None:
        side = np.eye(3)[int(np.argmin(np.abs(tangent).max(axis=0)))]
    across, current = [], np.asarray(side, float)
    for direction in tangent:
        current = unit(current - float((current * direction).sum()) * direction)
        across.append(current)
    return np.stack(across)


def prism(outline: Floats, height: float) -> Solid:
    """An upright prism from z = 0 over an (n, 2) outline that is star-shaped about its mean."""
    ring = np.asarray(outline, float)
    after = np.roll(ring, -1, axis=0)
    middle = np.broadcast_to(ring.mean(axis=0), ring.shape)

    def raised(points: Floats, z: float) -> Floats:
        return np.concatenate([points, np.full((len(points), 1), z)], axis=1)

    low, low_after, top, top_after = raised(ring, 0), raised(after, 0), raised(ring, height), raised(after, height)
    corners = np.concatenate([
        np.stack([raised(middle, height), top, top_after], axis=1),
        np.stack([raised(middle, 0), low_after, low], axis=1),
        np.stack([low, low_after, top_after], axis=1),
        np.stack([low, top_after, top], axis=1),
    ]).astype(np.float32)  # fmt: skip
    flat = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    normals = np.repeat(flat[:, None], 3, axis=1).astype(np.float32)
    return Solid(corners, normals, np.zeros(len(corners), np.int32), False)


def slab(outline: Floats, thickness: float) -> Solid:
    """A prism whose (n, 2) outline lies in the x-z plane, centred on y = 0."""
    return prism(outline, thickness).turned(0, np.pi / 2).moved(y=thickness / 2)


def annulus(outer: float, inner: float, height: float, segments: int = 32) -> Solid:
    """A flat ring with a square section standing on z = 0."""
    return lathe([(inner, 0), (outer, 0), (outer, height), (inner, height), (inner, 0)], False, segments)


def keys(columns: int, rows: int, width: float, depth: float, height: float, gap: float) -> Solid:
    """A field of keys lying on z = 0 about the origin; part k counts them row by row, the row at -y first."""
    cell_x, cell_y = width / columns, depth / rows
    x = (np.arange(columns) - (columns - 1) / 2) * cell_x
    y = (np.arange(rows) - (rows - 1) / 2) * cell_y
    centres = np.array([(a, b, height / 2) for b in y for a in x])
    return boxes(centres, np.tile([cell_x - gap, cell_y - gap, height], (len(centres), 1)))


def tilted(solid: Solid, direction: Floats) -> Solid:
    """The same solid with its z axis turned to a (3,) direction."""
    to = unit(np.asarray(direction, float))
    return solid.turned(1, float(np.arccos(to[2]))).turned(2, float(np.arctan2(to[1], to[0])))


def joined(solids: list[Solid]) -> Solid:
    """Several solids as one part."""
    whole = merged(solids)
    return replace(whole, part=np.zeros_like(whole.part))
