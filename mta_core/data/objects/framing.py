"""Aiming a camera so that an object fills a wanted part of a square picture."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.camera import Camera
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.scene import Pose
from mta_core.data.rooms.solids import rotate


@dataclass(frozen=True)
class Framing:
    """How an object is looked at.

    azimuth: radians from the object's front (+y), anticlockwise. elevation: radians. roll: radians.
    field_of_view: radians. fill: the object's longer side over the picture's side. offset: of the object's middle from
    the picture's, in half sides, right and up.
    """

    azimuth: float
    elevation: float
    roll: float
    field_of_view: float
    fill: float
    offset: tuple[float, float] = (0.0, 0.0)

    def camera(self, points: Floats) -> Camera:
        """The camera that frames (N, 3) points in this way."""
        aim = (points.min(axis=0) + points.max(axis=0)) / 2
        half = np.tan(self.field_of_view / 2)
        distance = float(np.ptp(points, axis=0).max()) / (2 * half * self.fill)
        for _ in range(8):
            camera = self._at(aim, distance)
            across, up, depth = np.moveaxis(rotate(points - camera.position, camera.rotation()), -1, 0)
            x, y = across / (-depth * half), up / (-depth * half)
            shift = np.array([x.min() + x.max(), y.min() + y.max()]) / 2 - self.offset
            right, above = camera.rotation()[:2]
            aim = aim + distance * half * (shift[0] * right + shift[1] * above)
            distance *= max(float(max(np.ptp(x), np.ptp(y))) / (2 * self.fill), 0.5)
        return self._at(aim, distance)

    def _at(self, aim: Floats, distance: float) -> Camera:
        turn = np.pi / 2 + self.azimuth
        flat = np.cos(self.elevation)
        towards = np.array([flat * np.cos(turn), flat * np.sin(turn), np.sin(self.elevation)])
        x, y, z = (float(value) for value in aim + distance * towards)
        return Camera((x, y, z), float(turn - np.pi), -self.elevation, self.roll, self.field_of_view)


def standing(item: Furnishing, x: float, y: float, z: float, yaw: float) -> tuple[Pose, Floats]:
    """The pose that stands a turned object on height z with its middle over (x, y), and its (N, 3) points there."""
    corners = np.concatenate([piece.solid.corners.reshape(-1, 3) for piece in item.pieces])
    turned = Pose(0.0, 0.0, 0.0, yaw).apply(corners)
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle = (low + high) / 2
    pose = Pose(x - float(middle[0]), y - float(middle[1]), z - float(low[2]), yaw)
    return pose, pose.apply(corners)
