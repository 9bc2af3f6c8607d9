"""A whole room as arrays over triangles, assembled from placed furnishings."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Bools, Floats, Ints
from mta_core.data.rooms.furnishing import Furnishing, Glow, Piece
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
    """Everything the renderer asks of a triangle; T triangles, K placed furnishings.

    corners, normals: (T, 3, 3) float32 in room coordinates, metres, z up.
    smooth: (T,) whether the normals vary inside the triangle.
    label: (T,) uint8. instance: (T,) int32. solid: (T,) int32, one number for each box, leg or book.
    facet: (T,) int32, equal for triangles of one flat face or one curved solid.
    material: (T,) index into `materials`. colour: (T, 3) linear base colour. grain: (T,) longest axis of the solid.
    pose: (T,) index into `poses`. glows: lamps, in room coordinates.
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
    pose: Ints
    materials: tuple[Material, ...]
    poses: tuple[Pose, ...]
    glows: tuple[Glow, ...]


class SceneBuilder:
    """Collects placed furnishings and joins them into a `Scene`."""

    def __init__(self) -> None:
        self._columns: list[tuple[Floats | Ints, ...]] = []
        self._materials: dict[Material, int] = {}
        self._poses: list[Pose] = []
        self._glows: list[Glow] = []
        self._instances = 0
        self._solids = 0

    def place(self, item: Furnishing, pose: Pose) -> None:
        """Put a furnishing into the room."""
        self._poses.append(pose)
        for piece in item.pieces:
            self._columns.append(self._describe(piece, pose))
        self._instances += item.groups
        for glow in item.glows:
            place = pose.apply(np.array(glow.position, np.float32))
            self._glows.append(Glow((float(place[0]), float(place[1]), float(place[2])), glow.radius, glow.power, glow.colour))

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
            np.full(count, len(self._poses) - 1, np.int32),
        )

    def build(self) -> Scene:
        """The scene; the builder can go on afterwards."""
        arrays = [np.concatenate(column) for column in zip(*self._columns, strict=True)]
        return Scene(*arrays, tuple(self._materials), tuple(self._poses), tuple(self._glows))  # type: ignore[arg-type]


def _direction_code(solid: Solid) -> Ints:
    """(T,) number below 729 telling the flat faces of a solid apart by their direction."""
    steps = np.rint(solid.normals[:, 0] * 4).astype(np.int32) + 4
    return steps[:, 0] * 81 + steps[:, 1] * 9 + steps[:, 2]


def _longest_axis(solid: Solid) -> int:
    points = solid.corners[solid.part == 0].reshape(-1, 3)
    return int(np.argmax(points.max(axis=0) - points.min(axis=0)))
