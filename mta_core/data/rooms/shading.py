"""From hit points to radiance: textures, direct light with shadows, one bounce, reflections, glow."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.arrays import Floats, Ints
from mta_core.data.rooms.interior import Interior
from mta_core.data.rooms.lights import Light, lights_of, total_irradiance
from mta_core.data.rooms.materials import Surface
from mta_core.data.rooms.paintings import outdoors
from mta_core.data.rooms.raycast import Hits, RayCaster
from mta_core.data.rooms.smoothing import smoothed
from mta_core.data.rooms.solids import dot, unit

_LIGHT_SAMPLES = 2  # shadow rays per light and pixel; a filter then shares them among neighbours
_BOUNCE_SAMPLES = 2
_LIFT = 2e-3  # metres a secondary ray starts above its surface


_TEXTURE_FOOTPRINT = 0.7  # of a pixel: what four spots per pixel still resolve
SUBPIXELS = ((0.125, 0.375), (0.375, 0.875), (0.625, 0.125), (0.875, 0.625))  # (row, column), a rotated grid


@dataclass(frozen=True)
class View:
    """The rays of a picture: (height * width, 3) in the room; right, down: (3,) from one pixel's ray to the next."""

    rays: Floats
    right: Floats
    down: Floats
    height: int
    width: int

    def step(self, hits: Hits, towards: Floats) -> Floats:
        """(N, 3) metres from each hit to where the next pixel sees the same plane, bounded at grazing angles."""
        facing = dot(hits.normal, self.rays)
        stretch = np.clip(facing / np.minimum(facing + dot(hits.normal, towards), -1e-4), 0.93, 1.07)
        reached = (hits.distance * stretch)[:, None] * (self.rays + towards)
        return reached - hits.distance[:, None] * self.rays


@dataclass(frozen=True)
class Shader:
    """Shades the hits of one picture of an interior."""

    interior: Interior
    caster: RayCaster
    rng: np.random.Generator

    def radiance(self, hits: Hits, view: View) -> Floats:
        """(N, 3) linear radiance for the N = height * width hits of a picture."""
        scene, height, width = self.interior.scene, view.height, view.width
        seen = unit(view.rays)
        albedo = self._albedo(hits, view)
        lights = lights_of(self.interior)
        key = scene.facet[hits.triangle].reshape(height, width)
        direct = self._direct(lights, hits, height, width)
        ambient = 0.24 * direct.mean(axis=0) + 0.03
        rounds = [self._bounce(lights, hits, ambient, view) for _ in range(_BOUNCE_SAMPLES)]
        bounced: Floats = sum(rounds[1:], rounds[0]) / np.float32(_BOUNCE_SAMPLES)
        indirect = smoothed(bounced.reshape(height, width, 3), key, (8, 4))
        light = smoothed(direct.reshape(height, width, 3) + indirect, key, (1, 2))
        matt = albedo * light.reshape(-1, 3)
        shiny = self._reflect(lights, hits, seen, ambient, matt, key)
        return self._glow(hits, seen, albedo, shiny)

    def _albedo(self, hits: Hits, view: View) -> Floats:
        """(N, 3) textured base colours, the mean of four spots within each pixel; points are grouped by material."""
        scene, triangle = self.interior.scene, hits.triangle
        point, normal, right, down = self._local(hits, view)
        footprint = _TEXTURE_FOOTPRINT * np.sqrt(np.sqrt(dot(right, right) * dot(down, down)))
        result = scene.colour[triangle].copy()
        material = scene.material[triangle]
        order = np.argsort(material, kind="stable")
        stops = np.searchsorted(material[order], np.arange(len(scene.materials) + 1))
        for index, kind in enumerate(scene.materials):
            chosen = order[stops[index] : stops[index + 1]]
            if len(chosen) == 0 or kind.texture is None:
                continue
            solid, grain = scene.solid[triangle[chosen]].astype(np.float64), scene.grain[triangle[chosen]]
            shared = (normal[chosen], footprint[chosen], solid, grain, result[chosen])
            spots = [right[chosen] * (dx - 0.5) + down[chosen] * (dy - 0.5) for dy, dx in SUBPIXELS]
            samples = [kind.albedo(Surface(point[chosen] + spot, *shared)) for spot in spots]
            result[chosen] = sum(samples) / np.float32(len(samples))
        return result

    def _local(self, hits: Hits, view: View) -> tuple[Floats, Floats, Floats, Floats]:
        """Points, normals and the view's pixel steps in the frames of their furnishings, each (N, 3)."""
        scene = self.interior.scene
        yaw, origin = scene.yaw[hits.triangle], scene.origin[hits.triangle]
        cosine, sine = np.cos(yaw), np.sin(yaw)

        def turn_back(vectors: Floats) -> Floats:
            x, y = vectors[:, 0], vectors[:, 1]
            return np.stack([x * cosine + y * sine, y * cosine - x * sine, vectors[:, 2]], axis=1)

        return (
            turn_back(hits.point - origin),
            turn_back(hits.normal),
            turn_back(view.step(hits, view.right)),
            turn_back(view.step(hits, view.down)),
        )

    def _direct(self, lights: list[Light], hits: Hits, height: int, width: int) -> Floats:
        """(N, 3) shadowed light, samples of 4 x 4 pixels spread evenly over the source."""
        start = hits.point + _LIFT * hits.normal
        total = np.zeros_like(start)
        for light in lights * _LIGHT_SAMPLES:
            sample = light.sample(start, hits.normal, self._spread(height, width))
            worth = np.flatnonzero(sample.irradiance[:, 1] > 0.004)
            blocked = self.caster.blocked(start[worth], sample.direction[worth], sample.reach[worth])
            total[worth] += sample.irradiance[worth] * ~blocked[:, None]
        return total / _LIGHT_SAMPLES

    def _spread(self, height: int, width: int) -> Floats:
        """(N, 2) random numbers, stratified over each 4 x 4 block of pixels."""
        cells = self.rng.permutation(16).reshape(4, 4)
        tiled = np.tile(cells, (height // 4 + 1, width // 4 + 1))[:height, :width].ravel()
        jitter = self.rng.random((height * width, 2), dtype=np.float32)
        return (np.stack([tiled % 4, tiled // 4], axis=1).astype(np.float32) + jitter) / 4

    def _bounce(self, lights: list[Light], hits: Hits, ambient: Floats, view: View) -> Floats:
        """(N, 3) light from the surfaces around: one cosine-weighted ray per pixel. Gives contact shadows as well."""
        random = self._spread(view.height, view.width)
        angle, height = 2 * np.pi * random[:, 0], 2 * random[:, 1] - 1
        ring = np.sqrt(np.maximum(1 - height**2, 0))
        ball = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
        direction = unit(hits.normal * 1.001 + ball).astype(np.float32)
        # Lamps and panes are left out: `_direct` has counted them.
        return self._arriving(lights, hits.point + _LIFT * hits.normal, direction, ambient, glowing=0.12)

    def _arriving(
        self, lights: list[Light], start: Floats, direction: Floats, ambient: Floats, glowing: float = 1.0
    ) -> Floats:
        """(N, 3) radiance coming from along rays, with plain colours and no shadows at the far end.

        glowing: share of the light of lamps and panes that is let through.
        """
        scene = self.interior.scene
        triangle, distance = self.caster.triangles(start, direction)
        point = start + direction * np.where(triangle >= 0, distance, 1.0)[:, None].astype(np.float32)
        normal = scene.normals[triangle, 0]
        normal = np.where((dot(normal, direction) > 0)[:, None], -normal, normal)
        random = np.full((len(point), 2), 0.5, np.float32)
        arriving = 0.55 * total_irradiance(lights, point, normal, random) + ambient
        glow = glowing * np.array([m.glow for m in scene.materials], np.float32)[scene.material[triangle]]
        near = np.clip(distance / 0.5, 0.25, 1.0)  # corners see each other dimly
        colour = scene.colour[triangle]
        radiance = colour * (arriving * near[:, None] + glow[:, None])
        return np.where((triangle >= 0)[:, None], radiance, ambient).astype(np.float32)

    def _reflect(
        self, lights: list[Light], hits: Hits, seen: Floats, ambient: Floats, diffuse: Floats, key: Ints
    ) -> Floats:
        """Blend in what shiny surfaces mirror, stronger at grazing angles (Schlick's approximation)."""
        scene = self.interior.scene
        material = scene.material[hits.triangle]
        gloss = np.array([m.gloss for m in scene.materials], np.float32)[material]
        shiny = np.flatnonzero(gloss > 0)
        if len(shiny) == 0:
            return diffuse
        rough = np.array([m.rough for m in scene.materials], np.float32)[material[shiny]]
        normal, incoming = hits.normal[shiny], seen[shiny]
        facing = np.clip(-dot(normal, incoming), 0, 1)
        fuzz = self.rng.standard_normal((len(shiny), 3), dtype=np.float32)
        mirrored = incoming + 2 * facing[:, None] * normal
        direction = unit(mirrored + (rough * 0.5)[:, None] * fuzz).astype(np.float32)
        below = dot(direction, normal) < 0.02
        direction[below] = mirrored[below]
        arriving = np.minimum(self._arriving(lights, hits.point[shiny] + _LIFT * normal, direction, ambient), 3.0)
        image = np.zeros_like(diffuse)
        image[shiny] = arriving
        blurred = smoothed(image.reshape(*key.shape, 3), key, (4, 2, 1)).reshape(-1, 3)[shiny]
        arriving = np.where(rough[:, None] > 0.03, blurred, arriving)
        share = gloss[shiny] + (1 - gloss[shiny]) * (1 - facing) ** 5 * (1 - rough) ** 3
        share = np.clip(share, 0, 0.9)[:, None]
        result = diffuse.copy()
        result[shiny] = diffuse[shiny] * (1 - share) + arriving * share
        return result

    def _glow(self, hits: Hits, seen: Floats, albedo: Floats, result: Floats) -> Floats:
        """Add what shades, screens and window panes emit."""
        scene = self.interior.scene
        material = scene.material[hits.triangle]
        glow = np.array([m.glow for m in scene.materials], np.float32)[material]
        result = result + albedo * glow[:, None]
        sky = self.interior.sky
        if sky in scene.materials:
            pane = np.flatnonzero(material == scene.materials.index(sky))
            result[pane] = outdoors(seen[pane], sky, self.interior.plan.width) * sky.glow
        return result
