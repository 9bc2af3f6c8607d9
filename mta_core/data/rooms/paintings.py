"""Pictures that show something: what hangs in a frame, plays on a television or lies outside a window.

Local coordinates: x to the right and z upwards in metres, the origin at the middle of the picture.
"""

import numpy as np

from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.materials import Material, Surface
from mta_core.data.rooms.noise import clouds, hashed


def _palette(material: Material, surface: Surface, steps: Floats) -> Floats:
    """(N, 3) colours stepping from the base colour to the accent and past it to the dark and the pale."""
    base, accent = surface.colour, np.broadcast_to(np.asarray(material.accent, np.float32), surface.colour.shape)
    pale, dark = np.full_like(base, 0.78), 0.12 * (base + accent)
    table = np.stack([base, accent, pale, dark, 0.5 * (base + accent)])
    chosen: Floats = table[np.mod(steps, 5).astype(np.int64), np.arange(len(base))]
    return chosen


def landscape(surface: Surface, material: Material) -> Floats:
    """Receding hills under a sky."""
    u, v = surface.point[:, 0] / material.scale, surface.point[:, 2] / material.scale
    seed = float(np.sum(material.accent)) * 3
    result = np.asarray(material.accent, np.float32) * 0.3 + 0.6 * (0.75 + 0.25 * v)[:, None].astype(np.float32)
    for layer in range(4):
        ridge = 0.22 - 0.2 * layer + 0.1 * clouds(u * 0.12 + 0.3 * layer + seed, np.full_like(u, 0.2 * layer))
        tone = surface.colour * (0.95 - 0.2 * layer) + 0.2 * (1 - layer / 3)
        result = np.where((v < ridge)[:, None], tone, result)
    painted: Floats = result * (1 + 0.06 * clouds(u * 0.7, v * 0.7))[:, None]
    return painted


def abstract(surface: Surface, material: Material) -> Floats:
    """Overlapping colour fields with soft borders."""
    u, v = surface.point[:, 0] / material.scale, surface.point[:, 2] / material.scale
    seed = float(np.sum(material.colour) + np.sum(material.accent)) * 11
    field = 1.5 * clouds(u * 0.045 + seed, v * 0.045 + 2 * seed) + 1.3 * u + v
    return _palette(material, surface, np.floor(1.3 * field + 50)) * (1 + 0.05 * clouds(u, v))[:, None]


def blocks(surface: Surface, material: Material) -> Floats:
    """A geometric print of rectangles and discs."""
    u, v = surface.point[:, 0] / material.scale * 2.2 + 20, surface.point[:, 2] / material.scale * 2.2 + 20
    cell = np.floor(u) * 7 + np.floor(v) * 13 + np.floor(float(np.sum(material.accent)) * 100)
    inside = np.hypot(np.mod(u, 1) - 0.5, np.mod(v, 1) - 0.5) < 0.5 * hashed(cell, 1.0)
    return _palette(material, surface, np.floor(hashed(cell, 4.0) * 5) + inside)


def portrait(surface: Surface, material: Material) -> Floats:
    """Head and shoulders against a wash of colour."""
    u, v = surface.point[:, 0] / material.scale, surface.point[:, 2] / material.scale
    wash = surface.colour * (0.8 + 0.12 * clouds(u * 0.4, v * 0.4))[:, None]
    head = (u / 0.17) ** 2 + ((v - 0.12) / 0.22) ** 2 < 1
    hair = (u / 0.21) ** 2 + ((v - 0.17) / 0.25) ** 2 < 1
    body = (u / 0.36) ** 2 + ((v + 0.55) / 0.42) ** 2 < 1
    accent = np.asarray(material.accent, np.float32)
    result = np.where(hair[:, None], accent * 0.25, wash)
    result = np.where(body[:, None], accent, result)
    skin = np.array([0.55, 0.33, 0.22], np.float32) * (1 + 1.2 * u)[:, None]
    return np.where(head[:, None], skin, result)


def broadcast(surface: Surface, material: Material) -> Floats:
    """A television picture: a blurred outdoor shot."""
    u, v = surface.point[:, 0] / material.scale, surface.point[:, 2] / material.scale
    seed = float(np.sum(material.accent)) * 5
    sky = np.array([0.45, 0.62, 0.85], np.float32) * (0.85 + 0.5 * v + 0.08 * clouds(u * 0.3 + seed, v * 0.6))[:, None]
    hill = 0.05 + 0.06 * clouds(u * 0.15 + seed, np.full_like(u, seed))
    near = -0.08 + 0.03 * clouds(u * 0.3 - seed, np.full_like(u, seed))
    result = np.where((v < hill)[:, None], 0.25 + 0.5 * np.asarray(material.accent, np.float32), sky)
    meadow = surface.colour * (0.7 + 0.25 * clouds(u * 0.8, v * 2 + seed))[:, None]
    return np.where((v < near)[:, None], meadow, result)


def outdoors(direction: Floats, material: Material, seed: float) -> Floats:
    """(N, 3) radiance seen through a pane along (N, 3) unit world directions: sky over a garden or a street."""
    heading, rise = np.arctan2(direction[:, 1], direction[:, 0]), direction[:, 2]
    sky = np.asarray(material.colour, np.float32) * (1.1 - 0.45 * np.clip(rise, 0, 1))[:, None]
    sky = sky * (1 + 0.05 * clouds(heading * 0.2, rise * 0.5 + seed))[:, None]
    street = float(hashed(np.array([np.floor(seed * 1000)]), 1.0)[0]) < 0.35
    skyline, scenery = (_houses if street else _trees)(heading, rise, np.asarray(material.accent, np.float32), seed)
    lawn = np.clip(0.5 + 16 * (-0.1 - rise), 0, 1)[:, None]
    ground = (0.12 + 0.8 * np.asarray(material.accent, np.float32)) * (1 + 0.06 * clouds(heading, rise * 4))[:, None]
    below = scenery * (1 - lawn) + ground * lawn
    standing = np.clip(0.5 + 30 * (skyline - rise), 0, 1)[:, None]
    radiance: Floats = sky * (1 - standing) + below * standing
    return radiance


def _trees(heading: Floats, rise: Floats, leaf: Floats, seed: float) -> tuple[Floats, Floats]:
    """Height of a row of trees, as the sine of its elevation, and its (N, 3) colours."""
    crowns = clouds(heading * 0.45 + seed, np.full_like(heading, seed))
    skyline = 0.12 + 0.07 * crowns + 0.02 * clouds(heading * 2.5, rise * 2.5 + seed)
    mottle = 0.75 + 0.2 * clouds(heading * 1.6 + seed, rise * 2.2) + 0.12 * clouds(heading * 6, rise * 6)
    return skyline, (0.03 + 0.85 * leaf) * np.clip(mottle, 0.2, 1.5)[:, None]


def _houses(heading: Floats, rise: Floats, leaf: Floats, seed: float) -> tuple[Floats, Floats]:
    """Height of a row of houses, as the sine of its elevation, and its (N, 3) colours."""
    block = np.floor(heading / 0.22 + 10 * seed)
    skyline = 0.1 + 0.22 * hashed(block, 1.0)
    x, y = np.mod(heading / 0.037 + 60 * seed, 1), np.mod(rise / 0.055, 1)
    glass = (np.abs(x - 0.5) < 0.22) & (np.abs(y - 0.5) < 0.28)
    fronts = np.array([[0.5, 0.42, 0.34], [0.36, 0.2, 0.15], [0.6, 0.58, 0.53], [0.42, 0.44, 0.46]], np.float32)
    colours = fronts[np.floor(4 * hashed(block, 2.0)).astype(np.int64)]
    return skyline, np.where(glass[:, None], 0.35 * colours + 0.03, colours)
