"""Light sources: window panes, lamps and the sun. Each offers one random sample per surface point."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mta_core.data.rooms.arrays import Bools, Floats
from mta_core.data.rooms.interior import Interior
from mta_core.data.rooms.openings import REVEAL, Opening
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.solids import dot, unit


@dataclass(frozen=True)
class Sample:
    """Light arriving at (N,) points from one random spot of a source.

    direction: (N, 3) unit, towards the source. reach: (N,) metres within which something may stand in the way.
    irradiance: (N, 3) if nothing does, in units where a white surface shows it unchanged.
    """

    direction: Floats
    reach: Floats
    irradiance: Floats


class Light(Protocol):
    """A source of light."""

    def sample(self, point: Floats, normal: Floats, random: Floats) -> Sample:
        """One sample for each of (N, 3) points with (N, 3) normals; random is (N, 2) in [0, 1)."""
        ...


@dataclass(frozen=True)
class Pane:
    """A window as an area light. corner, across, up, inward: (3,) room coordinates; radiance: (3,) linear."""

    corner: Floats
    across: Floats
    up: Floats
    inward: Floats
    radiance: Floats

    def sample(self, point: Floats, normal: Floats, random: Floats) -> Sample:
        """Uniform over the pane's area."""
        spot = self.corner + self.across * random[:, :1] + self.up * random[:, 1:]
        offset = spot - point
        squared = np.maximum(dot(offset, offset), 0.09)
        distance = np.sqrt(squared)
        direction = offset / distance[:, None]
        at_surface = np.maximum(dot(direction, normal), 0)
        at_pane = np.maximum(-dot(direction, self.inward), 0)
        area = float(np.sqrt((self.across**2).sum() * (self.up**2).sum()))
        strength = at_surface * at_pane * (area / np.pi) / squared
        return Sample(direction, distance * 0.985, strength[:, None] * self.radiance)


@dataclass(frozen=True)
class Ball:
    """A lamp as a glowing ball; nothing inside its radius (its own shade) casts a shadow. power: (3,) linear."""

    position: Floats
    radius: float
    power: Floats

    def sample(self, point: Floats, normal: Floats, random: Floats) -> Sample:
        """A spot inside the ball, so that shadows are soft."""
        angle, height = 2 * np.pi * random[:, 0], 2 * random[:, 1] - 1
        ring = np.sqrt(1 - height**2)
        spread = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1) * (0.6 * self.radius)
        offset = self.position + spread - point
        squared = np.maximum(dot(offset, offset), self.radius**2 + 0.05)
        distance = np.sqrt(dot(offset, offset))
        direction = offset / np.maximum(distance, 1e-4)[:, None]
        strength = np.maximum(dot(direction, normal), 0) / squared
        reach = np.maximum(distance - 1.45 * self.radius, 0.005)
        return Sample(direction, reach, strength[:, None] * self.power)


@dataclass(frozen=True)
class Sun:
    """Sunlight through the windows. towards: (3,) unit; panes: the openings that let it in."""

    towards: Floats
    panes: tuple[Pane, ...]
    irradiance: Floats

    def sample(self, point: Floats, normal: Floats, random: Floats) -> Sample:
        """Rays to a slightly fuzzy sun that leave the room through a pane."""
        fuzzy = self.towards + 0.02 * np.concatenate([random - 0.5, random[:, :1] - random[:, 1:]], axis=1)
        direction = unit(fuzzy).astype(np.float32)
        lit, reach = np.zeros(len(point), bool), np.full(len(point), 0.01, np.float32)
        for pane in self.panes:
            through, distance = _crossing(pane, point, direction)
            lit |= through
            reach = np.where(through, distance, reach)
        strength = np.maximum(dot(direction, normal), 0) * lit
        return Sample(direction, reach, strength[:, None] * self.irradiance)


def _crossing(pane: Pane, point: Floats, direction: Floats) -> tuple[Bools, Floats]:
    """Whether rays leave through a pane, and how far (metres) they go before."""
    towards = dot(direction, pane.inward)
    distance = dot(pane.corner - point, pane.inward) / np.where(towards < -1e-4, towards, -1e-4)
    at = point + direction * distance[:, None] - pane.corner
    u = dot(at, pane.across) / (pane.across**2).sum()
    v = dot(at, pane.up) / (pane.up**2).sum()
    through = (towards < -1e-4) & (distance > 0) & (u > 0) & (u < 1) & (v > 0) & (v < 1)
    return through, (distance - 0.004).astype(np.float32)


def _pane(plan: Plan, hole: Opening, radiance: Floats) -> Pane:
    pose = plan.wall_pose(hole.wall)
    depth = 0.006 - REVEAL
    points = pose.apply(
        np.array(
            [[hole.left, depth, hole.low], [hole.right, depth, hole.low], [hole.left, depth, hole.high]], np.float32
        )
    )
    inward = pose.turn(np.array([0, 1, 0], np.float32))
    return Pane(points[0], points[1] - points[0], points[2] - points[0], inward, radiance)


def lights_of(interior: Interior) -> list[Light]:
    """The sources of a room: at most two panes, three lamps and the sun."""
    day = interior.daylight
    colour = np.array(day.colour, np.float32)
    panes = [_pane(interior.plan, hole, colour * day.strength) for hole in interior.windows]
    lights: list[Light] = [*panes]
    glows = sorted(interior.scene.glows, key=lambda glow: -glow.power)[:3]
    for glow in glows:
        power = np.array(glow.colour, np.float32) * glow.power
        lights.append(Ball(np.array(glow.position, np.float32), glow.radius, power))
    if day.sun is not None:
        warm = np.array([1.0, 0.86, 0.66], np.float32) * day.strength * 0.55
        lights.append(Sun(np.array(day.sun, np.float32), tuple(panes), warm))
    return lights


def total_irradiance(lights: list[Light], point: Floats, normal: Floats, random: Floats) -> Floats:
    """(N, 3) light at points as if nothing cast a shadow."""
    total = np.zeros_like(point)
    for light in lights:
        if not isinstance(light, Sun):
            total += light.sample(point, normal, random).irradiance
    return total
