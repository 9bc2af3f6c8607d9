"""`render_room`: one picture of a procedural interior with exact labels."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Bools, Floats, Ints
from mta_core.data.rooms.camera import Camera, choose_camera
from mta_core.data.rooms.interior import Interior, furnish
from mta_core.data.rooms.labels import UNLABELLED
from mta_core.data.rooms.raycast import Hits, RayCaster
from mta_core.data.rooms.sensor import capture, expose
from mta_core.data.rooms.shading import SUBPIXELS, Shader, View
from mta_core.data.rooms.solids import dot, rotate


@dataclass(frozen=True)
class Room:
    """A picture of a room and everything known about it.

    image: (H, W, 3) uint8 sRGB.
    segmentation: (H, W) uint8, `Label` values; 255 where a ray met nothing.
    depth: (H, W) float32 metres along the optical axis; 0 where a ray met nothing.
    normals: (H, W, 3) float32 unit vectors in camera coordinates (X right, Y up, Z towards the camera).
    instance: (H, W) int32, one number for each object in the room; -1 where a ray met nothing.
    facet: (H, W) int32, one number for each flat face and each curved solid: it changes exactly at geometric edges.
    focal: focal length in pixels, both ways; the principal point is the middle of the picture.
    camera: the pose in the room, whose `rotation()` takes room directions (z up) to camera coordinates.
    """

    image: Ints
    segmentation: Ints
    depth: Floats
    normals: Floats
    instance: Ints
    facet: Ints
    focal: float
    camera: Camera

    def points(self) -> Floats:
        """(H, W, 3) float32 hit points in camera coordinates, metres; Z is -depth."""
        height, width = self.depth.shape
        rows, columns = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
        x, y = (columns - width / 2) / self.focal, (height / 2 - rows) / self.focal
        return (np.stack([x, y, -np.ones_like(x)], axis=-1) * self.depth[..., None]).astype(np.float32)


def render_room(seed: int, height: int = 288, width: int = 384) -> Room:
    """Furnish a room from `seed` (any non-negative integer), choose a view and render it.

    The same seed gives the same bytes in every process; the room and the view do not depend on the resolution.
    """
    if seed < 0:
        raise ValueError(f"expected a non-negative seed, got {seed}")
    light_rng, sensor_rng = (np.random.default_rng([seed, stream]) for stream in (2, 3))
    interior, caster, camera = furnished_view(seed)
    rays = camera.rays(height, width)
    hits = caster.cast(np.array([camera.position], np.float32), rays)
    shader = Shader(interior, caster, light_rng)
    radiance = shader.radiance(hits, View(rays, rays[1] - rays[0], rays[width] - rays[0], height, width))
    display = expose(sensor_rng, radiance.reshape(height, width, 3))
    facet = np.where(hits.triangle >= 0, interior.scene.facet[hits.triangle], -1).reshape(height, width)
    display = antialiased(display, facet, camera, caster)
    return Room(
        capture(sensor_rng, display),
        *_labels(interior.scene.label, interior.scene.instance, hits, camera, height, width),
        facet=facet.astype(np.int32),
        focal=camera.focal(width),
        camera=camera,
    )


def furnished_view(seed: int) -> tuple[Interior, RayCaster, Camera]:
    """The furnished room of a seed and the view of it that is rendered."""
    furnishing_rng, camera_rng = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    interior = furnish(furnishing_rng)
    caster = RayCaster(interior.scene)
    return interior, caster, choose_camera(camera_rng, interior.plan, caster)


def _labels(
    label: Ints, instance: Ints, hits: Hits, camera: Camera, height: int, width: int
) -> tuple[Ints, Floats, Floats, Ints]:
    hit = hits.triangle >= 0
    normals = rotate(hits.normal, camera.rotation()).astype(np.float32)
    normals /= np.maximum(np.sqrt(dot(normals, normals))[:, None], 1e-6)
    return (
        np.where(hit, label[hits.triangle], UNLABELLED).astype(np.uint8).reshape(height, width),
        hits.distance.astype(np.float32).reshape(height, width),
        normals.reshape(height, width, 3),
        np.where(hit, instance[hits.triangle], -1).astype(np.int32).reshape(height, width),
    )


def antialiased(display: Floats, facet: Ints, camera: Camera, caster: RayCaster) -> Floats:
    """Soften edges: four rays per edge pixel find which neighbouring surfaces share it, and their colours are mixed.

    display: (H, W, 3) in [0, 1]. facet: (H, W). Costs no shading: each ray takes the colour of the pixel around
    that shows the same surface.
    """
    height, width = facet.shape
    rows, columns = np.nonzero(_edges(facet))
    around = np.array([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1)])
    near_rows = np.clip(rows[:, None] + around[:, 0], 0, height - 1)
    near_columns = np.clip(columns[:, None] + around[:, 1], 0, width - 1)
    near_facets = facet[near_rows, near_columns]
    origin = np.array([camera.position], np.float32)
    mixed = np.zeros((len(rows), 3), np.float32)
    for dy, dx in SUBPIXELS:
        triangle, _ = caster.triangles(origin, camera.directions(rows + dy, columns + dx, height, width))
        same = near_facets == np.where(triangle >= 0, caster.scene.facet[triangle], -1)[:, None]
        chosen = np.argmax(same, axis=1)  # 0, the pixel itself, where no neighbour shows that surface
        index = np.arange(len(rows))
        mixed += display[near_rows[index, chosen], near_columns[index, chosen]] / len(SUBPIXELS)
    result = display.copy()
    result[rows, columns] = mixed
    return result


def _edges(facet: Ints) -> Bools:
    """(H, W) pixels whose surface differs from one beside, above or below."""
    edge = np.zeros(facet.shape, bool)
    across, down = facet[:, 1:] != facet[:, :-1], facet[1:] != facet[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge
