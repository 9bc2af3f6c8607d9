"""Procedural interiors with exact labels: `render_room(seed)` ray-casts a furnished room.

The way through the package: `interior` builds a room (a `style`, a `plan`, a room kind from `kinds`, furnishings),
`scene` joins it into arrays, `camera` picks a view, `raycast` finds what is seen, `shading` lights it, `sensor` makes
it a photograph and `room` ties these together.
"""

from mta_core.data.rooms.labels import CLASS_NAMES, UNLABELLED, Label
from mta_core.data.rooms.room import Room, render_room

__all__ = ["CLASS_NAMES", "UNLABELLED", "Label", "Room", "render_room"]
