"""A whole room as arrays over triangles, assembled from placed furnishings."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mta_core.data.rooms.arrays import Bools, Floats, Ints
from mta_core.data.rooms.furnishing import Furnishing, Glow, Piece, triple
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, axis_rotation, rotate


@dataclass(frozen=True)
class Pose:
    """Where a furnishing's origin stands in the room (metres) and its turn about the vertical (radians)."""

    x: float
    y: float
    z: float
    yaw: float

    def apply(self, points: Floats) -> Floats:
        """(..., 3) points of the furnishing's frame in room coordinates."""
        return rotate(points, axis_rotation(2, self.yaw)) + np.array([self.x, self.y, self.z], np.float32)

    def turn(self, vectors: Floats) -> Floats:
        """(..., 3) directions of the furnishing's frame in room coordinates."""
        return rotate(vectors, axis_rotation(2, self.yaw))


@dataclass(frozen=True)
class Scene:
    """Everything the renderer asks of a triangle; T triangles.

    corners, normals: (T, 3, 3) float32 in room coordinates, metres, z up.
    smooth: (T,) whether the normals vary inside the triangle.
    label: (T,) uint8. instance: (T,) int32. solid: (T,) int32, one number for each box, leg or book.
    facet: (T,) int32, equal for triangles of one flat face or one curved solid.
    material: (T,) index into `materials`. colour: (T, 3) linear base colour. grain: (T,) longest axis of the solid.
    origin: (T, 3) and yaw: (T,), the frame a texture lives in. glows: lamps, in room coordinates.
    """

    corners: Floats
    normals: Floats
    smooth: Bools
    label: Ints
    instance: Ints
    solid: Ints
    facet: Ints
    material: Ints
    colour: Floats
    grain: Ints
    origin: Floats
    yaw: Floats
    materials: tuple[Material, ...]
    glows: tuple[Glow, ...]


# The order in which `SceneBuilder` describes a piece: the fields of `Scene` up to its materials.
_COLUMNS = tuple(field.name for field in fields(Scene))[:12]


class SceneBuilder:
    """Collects placed furnishings and joins them into a `Scene`."""

    def __init__(self) -> None:
        self._columns: list[tuple[Floats | Ints, ...]] = []
        self._materials: dict[Material, int] = {}
        self._glows: list[Glow] = []
        self._instances = 0
        self._solids = 0

    def place(self, item: Furnishing, pose: Pose) -> None:
        """Put a furnishing into the room."""
        for piece in item.pieces:
            self._columns.append(self._describe(piece, pose))
        self._instances += item.groups
        for glow in item.glows:
            place = pose.apply(np.array(glow.position, np.float32))
            self._glows.append(replace(glow, position=triple(place)))

    def _describe(self, piece: Piece, pose: Pose) -> tuple[Floats | Ints, ...]:
        solid, count = piece.solid, len(piece.solid.corners)
        material = self._materials.setdefault(piece.material, len(self._materials))
        number = self._solids + solid.part
        self._solids += int(solid.part[-1]) + 1
        code = np.full(count, 1000, np.int32) if solid.smooth else _direction_code(solid)
        colours = np.array(piece.material.colour if piece.tints is None else piece.tints, np.float32)
        colour = np.broadcast_to(colours, (count, 3)) if piece.tints is None else colours[solid.part]
        return (
            pose.apply(solid.corners),
            pose.turn(solid.normals),
            np.full(count, solid.smooth),
            np.full(count, piece.label, np.uint8),
            np.full(count, self._instances + piece.group, np.int32),
            number,
            number * 1024 + code,
            np.full(count, material, np.int32),
            colour,
            np.full(count, _longest_axis(solid), np.int32),
            np.broadcast_to(pose.apply(np.array(piece.origin, np.float32)), (count, 3)),
            np.full(count, pose.yaw + piece.yaw, np.float32),
        )

    def build(self) -> Scene:
        """The scene; the builder can go on afterwards."""
        columns: dict[str, Any] = {
            name: np.concatenate(values)
            for name, values in zip(_COLUMNS, zip(*self._columns, strict=True), strict=True)
        }
        return Scene(**columns, materials=tuple(self._materials), glows=tuple(self._glows))


def _direction_code(solid: Solid) -> Ints:
    """(T,) number below 729 telling the flat faces of a solid apart by their direction."""
    steps = np.rint(solid.normals[:, 0] * 4).astype(np.int32) + 4
    return steps[:, 0] * 81 + steps[:, 1] * 9 + steps[:, 2]


def _longest_axis(solid: Solid) -> int:
    points = solid.corners[solid.part == 0].reshape(-1, 3)
    return int(np.argmax(points.max(axis=0) - points.min(axis=0)))
