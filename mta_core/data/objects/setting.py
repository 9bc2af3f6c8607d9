"""What is photographed: an object with everything around it, and the camera."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Bools, Floats, Ints
from mta_core.data.rooms.camera import Camera
from mta_core.data.rooms.interior import Interior
from mta_core.data.rooms.raycast import RayCaster
from mta_core.data.rooms.room import antialiased
from mta_core.data.rooms.shading import Shader, View


@dataclass(frozen=True)
class Setting:
    """A lit scene whose first `groups` instances are the object."""

    interior: Interior
    camera: Camera
    groups: int


@dataclass(frozen=True)
class Exposure:
    """What the camera sees of a setting.

    radiance: (size, size, 3) linear. facet: (size, size) surface numbers. depth: (size, size) metres along the axis.
    mask: (size, size) where the object is.
    """

    radiance: Floats
    facet: Ints
    depth: Floats
    mask: Bools
    camera: Camera
    caster: RayCaster

    def smooth_edges(self, display: Floats) -> Floats:
        """(size, size, 3) display values with softened outlines."""
        return antialiased(display, self.facet, self.camera, self.caster)


def shoot(rng: np.random.Generator, setting: Setting, size: int) -> Exposure:
    """Ray-cast and light a square picture of `size` pixels a side."""
    scene, camera = setting.interior.scene, setting.camera
    caster = RayCaster(scene)
    rays = camera.rays(size, size)
    hits = caster.cast(np.array([camera.position], np.float32), rays)
    view = View(rays, rays[1] - rays[0], rays[size] - rays[0], size, size)
    radiance = Shader(setting.interior, caster, rng).radiance(hits, view)
    hit = hits.triangle >= 0
    facet = np.where(hit, scene.facet[hits.triangle], -1).astype(np.int32)
    mask = hit & (scene.instance[hits.triangle] < setting.groups)
    shape = (size, size)
    return Exposure(
        radiance.reshape(*shape, 3),
        facet.reshape(shape),
        hits.distance.reshape(shape),
        mask.reshape(shape),
        camera,
        caster,
    )
