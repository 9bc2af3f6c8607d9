"""The floor plan: where walls are and what space is still free."""

from dataclasses import dataclass, field

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.openings import Opening
from mta_core.data.rooms.scene import Pose

Rectangle = tuple[float, float, float, float]  # x0, y0, x1, y1 in metres

# Walls in order: south (y = 0), east, north, west. Turn that brings +y of a furnishing into the room.
_YAWS = (0.0, np.pi / 2, np.pi, -np.pi / 2)


@dataclass
class Plan:
    """A rectangular room of `width` x `depth` x `height` metres with its openings and what already stands in it.

    taken: floor rectangles in use. hung: per wall, (left, right, low, high) in use, from the wall's middle.
    """

    width: float
    depth: float
    height: float
    openings: list[Opening]
    taken: list[Rectangle] = field(default_factory=list)
    hung: dict[int, list[Rectangle]] = field(default_factory=lambda: {k: [] for k in range(4)})

    def length(self, wall: int) -> float:
        """Length of a wall in metres."""
        return self.width if wall % 2 == 0 else self.depth

    def wall_pose(self, wall: int, along: float = 0.0, off: float = 0.0, z: float = 0.0) -> Pose:
        """Pose of a thing at a wall: `along` metres from the wall's middle, `off` metres away from it."""
        middle = (
            (self.width / 2, 0.0),
            (self.width, self.depth / 2),
            (self.width / 2, self.depth),
            (0.0, self.depth / 2),
        )
        yaw = _YAWS[wall]
        x = middle[wall][0] + along * np.cos(yaw) - off * np.sin(yaw)
        y = middle[wall][1] + along * np.sin(yaw) + off * np.cos(yaw)
        return Pose(float(x), float(y), z, yaw)

    def is_free(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Whether a floor rectangle lies inside the room and overlaps nothing."""
        if x0 < 0 or y0 < 0 or x1 > self.width or y1 > self.depth:
            return False
        return not any(x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in self.taken)

    def footprint(self, item: Furnishing, pose: Pose, margin: float = 0.0) -> Rectangle:
        """The floor rectangle around a furnishing at a pose."""
        half = item.width / 2 + margin
        x = np.array([-half, half, half, -half])
        y = np.array([0.0, 0.0, item.depth + margin, item.depth + margin])
        px = pose.x + x * np.cos(pose.yaw) - y * np.sin(pose.yaw)
        py = pose.y + x * np.sin(pose.yaw) + y * np.cos(pose.yaw)
        return float(px.min()), float(py.min()), float(px.max()), float(py.max())

    def take(self, item: Furnishing, pose: Pose, margin: float = 0.0) -> None:
        """Mark a furnishing's footprint as used."""
        self.taken.append(self.footprint(item, pose, margin))

    def fits(self, item: Furnishing, pose: Pose, margin: float = 0.0) -> bool:
        """Whether a furnishing's footprint is free."""
        return self.is_free(*self.footprint(item, pose, margin))

    def _clear_of_openings(self, wall: int, left: float, right: float, low: float, high: float) -> bool:
        return not any(
            o.wall == wall and left < o.right + 0.1 and o.left - 0.1 < right and low < o.high and o.low < high
            for o in self.openings
        )

    def against_wall(
        self,
        rng: np.random.Generator,
        item: Furnishing,
        gap: float = 0.03,
        walls: tuple[int, ...] = (0, 1, 2, 3),
        tries: int = 24,
    ) -> Pose | None:
        """A free place with the back to a wall and no window or door behind; None when there is none.

        A third of the attempts push it into a corner, as people furnish.
        """
        top = item.top()
        for _ in range(tries):
            wall = int(walls[int(rng.integers(len(walls)))])
            slack = self.length(wall) / 2 - item.width / 2 - 0.04
            if slack < 0:
                continue
            along = float(rng.choice([-1, 1])) * slack if rng.random() < 0.3 else float(rng.uniform(-slack, slack))
            left, right = along - item.width / 2, along + item.width / 2
            if not self._clear_of_openings(wall, left, right, 0.0, top):
                continue
            pose = self.wall_pose(wall, along, gap)
            if self.fits(item, pose) and self._hang(wall, (left, right, 0.0, top)):
                self.take(item, pose)
                return pose
        return None

    def _hang(self, wall: int, place: Rectangle, margin: float = 0.06) -> bool:
        """Reserve a part of a wall if nothing is there."""
        for left, right, low, high in self.hung[wall]:
            if (
                place[0] < right + margin
                and left - margin < place[1]
                and place[2] < high + margin
                and low - margin < place[3]
            ):
                return False
        self.hung[wall].append(place)
        return True

    def on_wall(
        self, rng: np.random.Generator, item: Furnishing, z: float, along: float | None = None, wall: int | None = None
    ) -> Pose | None:
        """A free place on a wall with the item's middle at height z, or None."""
        for _ in range(12):
            chosen = int(rng.integers(4)) if wall is None else wall
            slack = self.length(chosen) / 2 - item.width / 2 - 0.1
            if slack < 0:
                continue
            place = float(rng.uniform(-slack, slack)) if along is None else along
            left, right = place - item.width / 2, place + item.width / 2
            low, high = z - item.height / 2, z + item.height / 2
            if high > self.height - 0.05 or not self._clear_of_openings(chosen, left - 0.25, right + 0.25, low, high):
                continue
            if self._hang(chosen, (left, right, low, high)):
                return self.wall_pose(chosen, place, 0.002, z)
        return None

    def in_the_open(self, rng: np.random.Generator, item: Furnishing, border: float, yaw: float) -> Pose | None:
        """A free place away from the walls, `border` metres clear of them if possible."""
        for _ in range(20):
            x = float(rng.uniform(border, max(self.width - border, border + 0.01)))
            y = float(rng.uniform(border, max(self.depth - border, border + 0.01)))
            back = item.depth / 2
            pose = Pose(x + back * float(np.sin(yaw)), y - back * float(np.cos(yaw)), 0.0, yaw)
            if self.fits(item, pose, 0.05):
                self.take(item, pose)
                return pose
        return None
