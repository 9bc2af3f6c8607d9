"""Solids as triangle soups: boxes, rounded boxes, surfaces of revolution, pillows and sheets.

Every solid is built around its own origin in metres, z up. Curved solids carry smooth corner normals, so that
shading and normal labels follow the true surface and not its facets.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mta_core.data.rooms.arrays import Floats, Ints


@dataclass(frozen=True)
class Solid:
    """A closed solid or a sheet.

    corners: (T, 3, 3) float32, triangle corners in metres.
    normals: (T, 3, 3) float32, unit normals at those corners.
    part: (T,) int32, which of several like solids (a row of books, say) a triangle belongs to.
    smooth: whether the corner normals vary inside a triangle.
    """

    corners: Floats
    normals: Floats
    part: Ints
    smooth: bool

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Solid":
        """The same solid shifted by metres."""
        return replace(self, corners=self.corners + np.array([x, y, z], np.float32))

    def turned(self, axis: int, angle: float) -> "Solid":
        """The same solid turned by `angle` radians, right-handed, about a coordinate axis through the origin."""
        rotation = axis_rotation(axis, angle)
        return replace(self, corners=rotate(self.corners, rotation), normals=rotate(self.normals, rotation))


def axis_rotation(axis: int, angle: float) -> Floats:
    """(3, 3) float32 right-handed rotation about coordinate axis 0, 1 or 2."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = np.cos(angle)
    rotation[first, second], rotation[second, first] = -np.sin(angle), np.sin(angle)
    return rotation.astype(np.float32)


def rotate(vectors: Floats, rotation: Floats) -> Floats:
    """Apply a (3, 3) rotation to (..., 3) vectors.

    Written out and not as a matrix product: BLAS may round differently with the number of threads.
    """
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.stack([x * row[0] + y * row[1] + z * row[2] for row in rotation], axis=-1)


def dot(first: Floats, second: Floats) -> Floats:
    """(...) scalar products of (..., 3) vectors; much faster than a sum over the last axis."""
    return first[..., 0] * second[..., 0] + first[..., 1] * second[..., 1] + first[..., 2] * second[..., 2]


def unit(vectors: Floats) -> Floats:
    """(..., 3) vectors scaled to length one; null vectors stay null."""
    length = np.sqrt(dot(vectors, vectors))
    return vectors / np.maximum(length, 1e-12)[..., None]


def merged(solids: list[Solid]) -> Solid:
    """Several solids as one, each keeping its own part number."""
    parts, offset = [], 0
    for solid in solids:
        parts.append(solid.part + offset)
        offset += int(solid.part.max()) + 1
    return Solid(
        np.concatenate([solid.corners for solid in solids]),
        np.concatenate([solid.normals for solid in solids]),
        np.concatenate(parts),
        any(solid.smooth for solid in solids),
    )


def grid(points: Floats, normals: Floats | None = None) -> Solid:
    """A smooth surface through (n, m, 3) points; normals default to the cross product of the grid directions."""
    if normals is None:
        normals = unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1)))
    count = 2 * (points.shape[0] - 1) * (points.shape[1] - 1)
    return Solid(_triangles(points), _triangles(normals), np.zeros(count, np.int32), True)


def _triangles(values: Floats) -> Floats:
    """(n, m, 3) grid values -> (T, 3, 3) values at triangle corners."""
    a, b, c, d = values[:-1, :-1], values[1:, :-1], values[1:, 1:], values[:-1, 1:]
    lower = np.stack([a, b, c], axis=2).reshape(-1, 3, 3)
    upper = np.stack([a, c, d], axis=2).reshape(-1, 3, 3)
    return np.concatenate([lower, upper]).astype(np.float32)


def _unit_cube() -> tuple[Floats, Floats]:
    corners, normals = [], []
    for axis in range(3):
        for sign in (-0.5, 0.5):
            square = np.zeros((2, 2, 3))
            square[..., axis] = sign
            square[..., (axis + 1) % 3] = np.array([[-0.5, -0.5], [0.5, 0.5]])
            square[..., (axis + 2) % 3] = np.array([[-0.5, 0.5], [-0.5, 0.5]])
            corners.append(_triangles(square))
            normal = np.zeros((2, 3, 3), np.float32)
            normal[..., axis] = 2 * sign
            normals.append(normal)
    return np.concatenate(corners), np.concatenate(normals)


_CUBE_CORNERS, _CUBE_NORMALS = _unit_cube()


def boxes(centres: Floats, sizes: Floats) -> Solid:
    """K sharp boxes from (K, 3) centres and (K, 3) full sizes; box k is part k."""
    centres, sizes = np.asarray(centres, np.float32), np.asarray(sizes, np.float32)
    corners = _CUBE_CORNERS[None] * sizes[:, None, None, :] + centres[:, None, None, :]
    normals = np.broadcast_to(_CUBE_NORMALS, corners.shape)
    part = np.repeat(np.arange(len(centres), dtype=np.int32), len(_CUBE_CORNERS))
    return Solid(corners.reshape(-1, 3, 3), normals.reshape(-1, 3, 3), part, False)


def box(width: float, depth: float, height: float) -> Solid:
    """A sharp box standing on z = 0, centred in x and y."""
    return boxes(np.array([[0, 0, height / 2]]), np.array([[width, depth, height]]))


def rounded_box(width: float, depth: float, height: float, radius: float, steps: int = 2) -> Solid:
    """A box with rounded edges standing on z = 0, centred in x and y."""
    half = np.array([width, depth, height]) / 2
    radius = float(min(radius, half.min() * 0.98))
    offsets = radius * np.tan(np.linspace(0, np.pi / 4, steps + 1))
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            lines = [
                np.concatenate([-half[k] + radius - offsets[::-1], half[k] - radius + offsets]) for k in (first, second)
            ]
            if sign < 0:  # keep the triangles turning the same way round on both sides
                lines[0] = lines[0][::-1]
            cage = np.empty((len(lines[0]), len(lines[1]), 3))
            cage[..., first], cage[..., second] = np.meshgrid(*lines, indexing="ij")
            cage[..., axis] = sign * half[axis]
            core = np.clip(cage, radius - half, half - radius)
            normals = unit(cage - core)
            faces.append(grid(core + radius * normals, normals))
    return _fused(faces).moved(z=height / 2)


def _fused(solids: list[Solid]) -> Solid:
    joined = merged(solids)
    return replace(joined, part=np.zeros_like(joined.part))


def lathe(profile: list[tuple[float, float]], smooth: bool = True, segments: int = 28) -> Solid:
    """A surface of revolution about z from (radius, height) points listed upwards along the outside.

    With `smooth` the profile is one curve; without, each of its stretches keeps a sharp edge to the next.
    """
    curve = np.asarray(profile, float)
    if smooth:
        slope = np.gradient(curve, axis=0)
        return _revolved(curve, np.stack([slope[:, 1], -slope[:, 0]], axis=1), segments)
    bands = []
    for low, high in pairwise(curve):
        normal = np.array([high[1] - low[1], low[0] - high[0]])
        bands.append(_revolved(np.stack([low, high]), np.stack([normal, normal]), segments))
    return _fused(bands)


def _revolved(curve: Floats, outward: Floats, segments: int) -> Solid:
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    height = np.broadcast_to(curve[:, 1], (segments + 1, len(curve)))
    rise = np.broadcast_to(outward[:, 1], height.shape)
    points = np.stack([cosine * curve[:, 0], sine * curve[:, 0], height], axis=-1)
    normals = unit(np.stack([cosine * outward[:, 0], sine * outward[:, 0], rise], axis=-1))
    return grid(points, normals)


def cylinder(radius: float, height: float, top: float | None = None, segments: int = 24) -> Solid:
    """A cylinder, or a cone frustum when `top` gives another upper radius, standing on z = 0."""
    upper = radius if top is None else top
    return lathe([(0, 0), (radius, 0), (upper, height), (0, height)], smooth=False, segments=segments)


def ellipsoid(rx: float, ry: float, rz: float, rings: int = 14) -> Solid:
    """An ellipsoid about the origin with the given half axes."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    sphere = lathe([(float(np.cos(a)), float(np.sin(a))) for a in angle])
    axes = np.array([rx, ry, rz], np.float32)
    # The unit sphere's points are their own normals; an ellipsoid's follow the inverse axes.
    return replace(sphere, corners=sphere.corners * axes, normals=unit(sphere.corners / axes))


def pillow(width: float, depth: float, thickness: float, steps: int = 13) -> Solid:
    """A plump cushion lying about the origin: full in the middle, drawn in along the seams."""
    line = np.sin(np.linspace(-np.pi / 2, np.pi / 2, steps))
    u, v = np.meshgrid(line, line, indexing="ij")
    height = thickness / 2 * ((1 - u**2) * (1 - v**2)) ** 0.4
    x = width / 2 * u * (0.93 + 0.07 * v**2)
    y = depth / 2 * v * (0.93 + 0.07 * u**2)
    upper = grid(np.stack([x, y, height], axis=-1))
    lower = grid(np.stack([x[::-1], y[::-1], -height[::-1]], axis=-1))
    return _fused([upper, lower])


def rod(start: Floats, end: Floats, radius: float, top: float | None = None, segments: int = 12) -> Solid:
    """A round rod between two points."""
    axis = np.asarray(end, float) - np.asarray(start, float)
    length = float(np.sqrt((axis * axis).sum()))
    tilt, heading = np.arccos(axis[2] / length), np.arctan2(axis[1], axis[0])
    upright = cylinder(radius, length, top, segments)
    return upright.turned(1, float(tilt)).turned(2, float(heading)).moved(*(float(c) for c in start))


def curtain(width: float, height: float, fold: float, amplitude: float, phase: float) -> Solid:
    """A hanging cloth in the x-z plane, standing on z = 0, centred in x, with soft vertical folds."""
    columns = max(int(width / fold * 12), 24)
    x, z = np.meshgrid(np.linspace(-width / 2, width / 2, columns), np.linspace(0, height, 7), indexing="ij")
    flare = 1.0 - 0.35 * z / height
    wave = np.sin(2 * np.pi * x / fold + phase) + 0.4 * np.sin(2 * np.pi * x / (fold * 2.7) + 2 * phase + z)
    return grid(np.stack([x, amplitude * flare * wave, z], axis=-1))


def panel(corner: Floats, first: Floats, second: Floats) -> Solid:
    """A flat parallelogram spanned at `corner`; its normal is first x second."""
    corner, first, second = (np.asarray(value, float) for value in (corner, first, second))
    points = np.stack([np.stack([corner, corner + second]), np.stack([corner + first, corner + first + second])])
    normal = unit(np.cross(first, second))
    solid = grid(points, np.broadcast_to(normal, (2, 2, 3)))
    return replace(solid, smooth=False)
