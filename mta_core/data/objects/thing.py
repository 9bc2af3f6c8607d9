"""Things in the making: furnishings without a wall, built about their own middle with the front towards +y."""

from dataclasses import replace

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label


def blank() -> Furnishing:
    """A thing without any solids."""
    return Furnishing(0.0, 0.0, 0.0, Label.OBJECTS)


def turn(item: Furnishing, axis: int, angle: float) -> None:
    """Turn all solids of a thing by `angle` radians about a coordinate axis; its textures stay in its own frame."""
    item.pieces = [replace(piece, solid=piece.solid.turned(axis, angle)) for piece in item.pieces]
