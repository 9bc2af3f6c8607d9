"""A furnishing: solids with materials and labels in one frame, ready to be placed in a room."""

from dataclasses import dataclass, field, replace

import numpy as np

from mta_core.data.rooms.arrays import Floats, Triple
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, axis_rotation, box, rotate, rounded_box


@dataclass(frozen=True)
class Piece:
    """One solid of a furnishing. Pieces with the same `group` are one instance in the labels.

    tints: (K, 3) linear colours, one for each part of the solid, or None for the material's own.
    """

    solid: Solid
    material: Material
    label: Label
    group: int
    tints: Floats | None = None


@dataclass(frozen=True)
class Glow:
    """A lamp's light: a ball of `radius` metres at `position`, of given power and linear colour."""

    position: Triple
    radius: float
    power: float
    colour: Triple


@dataclass
class Furnishing:
    """Built in its own frame: origin on the floor at the middle of its back, x to its right seen from behind...

    ... that is, x along the wall, +y away from the wall into the room, z up; metres. `width`, `depth` and `height`
    are the space it needs.
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
            self.pieces.append(replace(piece, solid=solid, group=piece.group + self.groups))
        for glow in other.glows:
            place = rotate(np.array(glow.position, np.float32) - middle, turn) + shift
            self.glows.append(replace(glow, position=(float(place[0]), float(place[1]), float(place[2]))))
        self.groups += other.groups
