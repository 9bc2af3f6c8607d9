"""Ray casting against a scene with Embree."""

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from mta_core.data.rooms.arrays import Bools, Floats, Ints
from mta_core.data.rooms.scene import Scene
from mta_core.data.rooms.solids import dot, unit


@dataclass(frozen=True)
class Hits:
    """What (N,) rays meet first.

    triangle: (N,) int32, -1 for nothing. distance: (N,) in lengths of the ray's direction.
    point: (N, 3) metres. normal: (N, 3) unit, interpolated on curved solids and turned towards the ray's origin.
    """

    triangle: Ints
    distance: Floats
    point: Floats
    normal: Floats


class RayCaster:
    """A scene with its acceleration structure."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._embree = EmbreeScene()
        self._mesh = TriangleMesh(self._embree, np.ascontiguousarray(scene.corners, np.float32))

    def cast(self, origin: Floats, direction: Floats) -> Hits:
        """First hits of rays from (N, 3) or (1, 3) origins along (N, 3) directions."""
        found = self._embree.run(_rows(origin, direction), np.ascontiguousarray(direction, np.float32), output=True)
        triangle, distance = found["primID"], found["tfar"]
        hit = triangle >= 0
        distance = np.where(hit, distance, np.float32(0))
        point = origin + direction * distance[:, None]
        normal = self._normals(triangle, found["u"], found["v"], direction)
        return Hits(triangle, distance, point.astype(np.float32), np.where(hit[:, None], normal, np.float32(0)))

    def triangles(self, origin: Floats, direction: Floats) -> tuple[Ints, Floats]:
        """Only the (N,) triangle numbers and distances of the first hits: cheaper than `cast`."""
        found = self._embree.run(_rows(origin, direction), np.ascontiguousarray(direction, np.float32), output=True)
        return found["primID"], found["tfar"]

    def blocked(self, origin: Floats, direction: Floats, reach: Floats) -> Bools:
        """(N,) whether anything lies within `reach` lengths of the direction."""
        found = self._embree.run(
            np.ascontiguousarray(origin, np.float32),
            np.ascontiguousarray(direction, np.float32),
            dists=np.ascontiguousarray(reach, np.float32),
            query="OCCLUDED",
        )
        blocked: Bools = found >= 0
        return blocked

    def _normals(self, triangle: Ints, u: Floats, v: Floats, direction: Floats) -> Floats:
        corners = self.scene.normals[triangle]
        normal = corners[:, 0]
        bent = np.flatnonzero(self.scene.smooth[triangle])
        a, b, c = corners[bent, 0], corners[bent, 1], corners[bent, 2]
        ub, vb = u[bent, None], v[bent, None]
        normal = normal.copy()
        normal[bent] = unit(a * (1 - ub - vb) + b * ub + c * vb)
        facing = dot(normal, direction)
        return self._turned(triangle, normal, direction, facing)

    def _turned(self, triangle: Ints, normal: Floats, direction: Floats, facing: Floats) -> Floats:
        """Turn normals towards the viewer; at a silhouette, where a smooth one looks away, use the true face's."""
        away = np.flatnonzero(facing >= 0)
        corners = self.scene.corners[triangle[away]]
        flat = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        side = dot(flat, direction[away])
        flat = np.where(side[:, None] > 0, -flat, flat)
        # A smooth normal on the face's side is only slightly past the horizon; a sheet seen from behind is not.
        behind = dot(normal[away], flat) < -0.5
        normal[away] = np.where(behind[:, None], -normal[away], flat)
        return normal


def _rows(origin: Floats, direction: Floats) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(origin, direction.shape), np.float32)
