"""A hand-held camera: pose, rays and the search for a good view."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.raycast import RayCaster
from mta_core.data.rooms.solids import axis_rotation, rotate


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in room coordinates.

    position: metres. yaw: radians from +x, anticlockwise. pitch: radians, up positive. roll: radians, clockwise.
    field_of_view: horizontal, radians.
    """

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    roll: float
    field_of_view: float

    def focal(self, width: int) -> float:
        """Focal length in pixels for an image of this width."""
        return float(width / 2 / np.tan(self.field_of_view / 2))

    def rotation(self) -> Floats:
        """(3, 3) float32, room to camera: rows are the camera's right, up and backward axes in the room."""
        level = np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]], np.float64)  # looking along +x
        turn = axis_rotation(2, -self.yaw).astype(np.float64)
        pitch = axis_rotation(0, -self.pitch).astype(np.float64)
        roll = axis_rotation(2, self.roll).astype(np.float64)
        rotation: Floats = np.einsum("ij,jk,kl,lm->im", roll, pitch, level, turn).astype(np.float32)
        return rotation

    def rays(self, height: int, width: int, offset: tuple[float, float] = (0.5, 0.5)) -> Floats:
        """(height * width, 3) directions in room coordinates with unit step along the optical axis."""
        rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        return self.directions(rows.ravel() + offset[0], columns.ravel() + offset[1], height, width)

    def directions(self, rows: Floats, columns: Floats, height: int, width: int) -> Floats:
        """(N, 3) float32 ray directions through pixel coordinates; a pixel's centre lies at + 0.5."""
        focal = self.focal(width)
        x, y = (columns - width / 2) / focal, (height / 2 - rows) / focal
        rays = np.stack([x, y, -np.ones_like(x)], axis=-1).astype(np.float32)
        return rotate(rays, self.rotation().T)


# What a view should hold: wanted share of the picture and the worth of reaching it.
_WORTH = {
    Label.BED: 1.2, Label.SOFA: 1.2, Label.TABLE: 1.3, Label.CHAIR: 1.3, Label.FURNITURE: 1.2, Label.OBJECTS: 0.8,
    Label.PICTURE: 0.8, Label.WINDOW: 0.8, Label.BOOKS: 0.7, Label.TV: 1.5, Label.CEILING: 1.3, Label.FLOOR: 0.6,
}  # fmt: skip


def choose_camera(rng: np.random.Generator, plan: Plan, caster: RayCaster, candidates: int = 40) -> Camera:
    """Try random standpoints and keep the one with the richest view."""
    best, best_score = None, -np.inf
    for _ in range(candidates):
        camera = _standpoint(rng, plan)
        score = _score(camera, caster) + float(rng.uniform(0, 0.7))
        if score > best_score:
            best, best_score = camera, score
    assert best is not None
    return best


def _standpoint(rng: np.random.Generator, plan: Plan) -> Camera:
    height = float(rng.uniform(1.0, 1.75))
    for _ in range(60):
        x, y = float(rng.uniform(0.25, plan.width - 0.25)), float(rng.uniform(0.25, plan.depth - 0.25))
        if plan.is_free(x - 0.2, y - 0.2, x + 0.2, y + 0.2):
            break
    target_x, target_y = (float(v) for v in rng.uniform([0.2, 0.2], [0.8, 0.8]) * [plan.width, plan.depth])
    yaw = float(np.arctan2(target_y - y, target_x - x))
    pitch = -float(rng.normal(0.07, 0.15)) - 0.12 * (height - 1.3)
    roll = float(np.clip(rng.normal(0, 0.022), -0.06, 0.06))
    return Camera((x, y, height), yaw, pitch, roll, float(np.radians(rng.uniform(54, 68))))


def _score(camera: Camera, caster: RayCaster) -> float:
    rays = camera.rays(18, 24)
    triangle, depth = caster.triangles(np.array([camera.position], np.float32), rays)
    labels = caster.scene.label[triangle]
    share = np.bincount(labels, minlength=13) / len(labels)
    instances = len(np.unique(caster.scene.instance[triangle]))
    near, median = np.quantile(depth, [0.03, 0.5])
    worth = sum(value * min(float(share[label]) / 0.06, 1.0) for label, value in _WORTH.items())
    crowd = sum(max(float(share[label]) - (0.16 if label is Label.WALL else 0.3), 0.0) for label in Label)
    closeness = (
        6 * max(0.85 - float(near), 0.0) + 1.2 * max(1.7 - float(median), 0.0) + 1.1 * max(float(median) - 2.5, 0.0)
    )
    return worth + 0.04 * min(instances, 40) - 5 * crowd - closeness
