"""A furnishing: solids with materials and labels in one frame, ready to be placed in a room."""

from dataclasses import dataclass, field, replace

import numpy as np

from mta_core.data.rooms.arrays import Floats, Triple
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, axis_rotation, box, rotate, rounded_box


def triple(values: Floats) -> Triple:
    """A (3,) array as three plain numbers."""
    return float(values[0]), float(values[1]), float(values[2])


@dataclass(frozen=True)
class Piece:
    """One solid of a furnishing. Pieces with the same `group` are one instance in the labels.

    tints: (K, 3) linear colours, one for each part of the solid, or None for the material's own.
    origin, yaw: frame of its texture in the furnishing's, so that a picture stays centred on what carries it.
    """

    solid: Solid
    material: Material
    label: Label
    group: int
    tints: Floats | None = None
    origin: Triple = (0.0, 0.0, 0.0)
    yaw: float = 0.0


@dataclass(frozen=True)
class Glow:
    """A lamp's light: a ball of `radius` metres at `position`, of given power and linear colour."""

    position: Triple
    radius: float
    power: float
    colour: Triple


@dataclass
class Furnishing:
    """Built in its own frame: origin on the floor at the middle of its back; metres.

    x runs along the wall, +y away from it into the room, z up. `width`, `depth` and `height` are the space it needs.
    """

    width: float
    depth: float
    height: float
    label: Label
    pieces: list[Piece] = field(default_factory=list)
    glows: list[Glow] = field(default_factory=list)
    groups: int = 1

    def add(self, solid: Solid, material: Material, label: Label | None = None, group: int = 0) -> None:
        """Add a solid; the label defaults to the furnishing's own."""
        self.pieces.append(Piece(solid, material, self.label if label is None else label, group))

    def add_box(
        self,
        size: Triple,
        at: Triple,
        material: Material,
        radius: float = 0.0,
        label: Label | None = None,
        group: int = 0,
    ) -> None:
        """Add a box of `size` standing centred on the point `at`, with rounded edges if a radius is given."""
        solid = rounded_box(*size, radius) if radius > 0 else box(*size)
        self.add(solid.moved(*at), material, label, group)

    def top(self) -> float:
        """Height in metres of the highest point, what it carries included."""
        return max(float(piece.solid.corners[..., 2].max()) for piece in self.pieces)

    def fits_in(self, width: float, depth: float, height: float) -> bool:
        """Whether everything, leaves and twigs too, stays within a box around the item's middle."""
        points = np.concatenate([piece.solid.corners.reshape(-1, 3) for piece in self.pieces])
        reach = np.abs(points - np.array([0, self.depth / 2, 0])).max(axis=0)
        return bool(reach[0] < width / 2 and reach[1] < depth / 2 and reach[2] < height)

    def new_group(self) -> int:
        """A group number for a separate instance carried by this furnishing."""
        self.groups += 1
        return self.groups - 1

    def carry(self, other: "Furnishing", x: float, y: float, z: float, yaw: float = 0.0) -> None:
        """Set another furnishing on this one: its middle comes to (x, y, z), turned by `yaw` radians."""
        turn = axis_rotation(2, yaw)
        shift = np.array([x, y, z], np.float32)
        middle = np.array([0, other.depth / 2, 0], np.float32)
        for piece in other.pieces:
            corners = rotate(piece.solid.corners - middle, turn) + shift
            solid = replace(piece.solid, corners=corners, normals=rotate(piece.solid.normals, turn))
            moved = replace(piece, solid=solid, group=piece.group + self.groups)
            origin = triple(rotate(np.array(piece.origin, np.float32) - middle, turn) + shift)
            self.pieces.append(replace(moved, origin=origin, yaw=piece.yaw + yaw))
        for glow in other.glows:
            place = rotate(np.array(glow.position, np.float32) - middle, turn) + shift
            self.glows.append(replace(glow, position=triple(place)))
        self.groups += other.groups
