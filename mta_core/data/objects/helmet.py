"""Bicycle helmets."""

from dataclasses import dataclass, replace

import numpy as np

from mta_core.data.objects.palette import DARK, PALE, RUBBER, VIVID, between, chance, tone
from mta_core.data.objects.shapes import curve, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Bools, Floats, Triple
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material, Surface
from mta_core.data.rooms.solids import Solid, axis_rotation, grid, rotate

_ALONG, _ACROSS = 84, 84  # cells of the shell from front to back and from rim to rim


@dataclass(frozen=True)
class _Shell:
    """A helmet's shape and pattern. Half axes in metres; lean: radians about x.

    Places on it are (polar, lateral): the angle from the front pole, and about the axis from front to back.
    """

    width: float
    length: float
    height: float
    lean: float
    rows: int
    vents: int
    stagger: float
    side: float
    middle: float
    colour: Triple
    accent: Triple

    def solid(self, size: float, opened: bool) -> Solid:
        """The dome, scaled by `size`, with its vents cut out if `opened`."""
        polar, lateral = np.linspace(0.02, np.pi - 0.02, _ALONG + 1), np.linspace(-1.6, 1.6, _ACROSS + 1)
        phi, psi = np.meshgrid(polar, lateral, indexing="ij")
        ridge = 1 + 0.03 * np.cos(2 * np.pi * psi * self.rows / 3.0) * np.sin(phi) ** 2
        round_ = size * ridge * np.sin(phi) ** 0.8
        y = size * self.length * np.cos(phi)
        solid = grid(np.stack([self.width * round_ * np.sin(psi), y, self.height * round_ * np.cos(psi)], axis=-1))
        if opened:
            cut = self._vent(_cells(phi), _cells(psi)) < 0.72
            kept = np.tile(~cut, 2)
            solid = replace(solid, corners=solid.corners[kept], normals=solid.normals[kept], part=solid.part[kept])
        return solid.turned(0, self.lean)

    def _vent(self, phi: Floats, psi: Floats) -> Floats:
        """(N,) distance from the spine of the nearest vent over the vent's half width there: below 1 inside."""
        place = psi * self.rows / 3.0
        row = np.floor(place)
        off = np.abs(place - row - 0.5)
        along = (phi - 0.5) / 2.1 * self.vents + self.stagger * np.mod(row, 2)
        share = np.clip((along - np.floor(along) - 0.07) / 0.86, 0, 1)
        half = 0.36 * np.sqrt(np.clip(np.sin(np.pi * share**0.8), 0, 1))
        bare = (phi < 0.5) | (phi > 2.6) | (np.abs(psi) > 1.42)
        return np.where(bare, 9.0, off / np.maximum(half, 1e-3))

    def paint(self, surface: Surface, material: Material) -> Floats:
        """Two colours and the dark foam that shows at the vents' edges."""
        point = rotate(surface.point, axis_rotation(0, -self.lean))
        phi = np.arccos(np.clip(point[:, 1] / self.length, -1, 1))
        psi = np.arctan2(point[:, 0] / self.width, point[:, 2] / self.height)
        second: Bools = (np.abs(psi) > self.side) | (np.abs(psi) < self.middle)
        result = np.where(second[:, None], self.accent, self.colour)
        result[self._vent(phi, psi) < 1] = (0.02, 0.02, 0.022)
        return np.asarray(result, np.float32)


def _cells(values: Floats) -> Floats:
    return ((values[:-1, :-1] + values[1:, 1:]) / 2).ravel()


def bike_helmet(rng: np.random.Generator) -> Furnishing:
    """A ridged shell with rows of teardrop vents over a dark liner, a rim, straps and now and then a visor."""
    item = blank()
    shell = _Shell(
        between(rng, 0.098, 0.11), between(rng, 0.135, 0.155), between(rng, 0.115, 0.14),
        lean=between(rng, -0.12, 0.3),
        rows=int(rng.choice([5, 7])),
        vents=int(rng.choice([2, 3])),
        stagger=float(rng.choice([0.0, 0.5])),
        side=between(rng, 0.95, 1.4),
        middle=between(rng, -0.2, 0.25),
        colour=tone(rng, *VIVID, *VIVID, *PALE, DARK[1]),
        accent=tone(rng, *VIVID, *PALE, *DARK),
    )  # fmt: skip
    item.add(shell.solid(1.0, True), Material(shell.colour, shell.paint, gloss=0.055, rough=0.06))
    item.add(shell.solid(0.9, False), RUBBER)
    trim = Material(shell.accent, gloss=0.04, rough=0.1)
    angle = np.linspace(0, 2 * np.pi, 40)
    rim = np.stack([shell.width * np.cos(angle), shell.length * np.sin(angle), 0.004 * np.cos(2 * angle)], axis=1)
    item.add(tube(rim * [0.98, 0.98, 1], 0.009, side=np.array([0.0, 0.0, 1.0])).turned(0, shell.lean), trim)
    if chance(rng, 0.35):
        item.add(_visor(shell.width, shell.length).turned(0, shell.lean), RUBBER if chance(rng, 0.5) else trim)
    _straps(rng, item, shell)
    return item


def _visor(width: float, length: float) -> Solid:
    angle, out = np.meshgrid(np.linspace(0.45, np.pi - 0.45, 20), np.linspace(0.9, 1.3, 4), indexing="ij")
    z = 0.045 - 0.12 * (out - 0.9) + 0.02 * np.sin(angle)
    return grid(np.stack([width * out * np.cos(angle), length * out * np.sin(angle), z], axis=-1))


def _straps(rng: np.random.Generator, item: Furnishing, shell: _Shell) -> None:
    """Two webbings that leave the rim at the temples and meet in a buckle on the table before the helmet."""
    ground = float(min(piece.solid.corners[..., 2].min() for piece in item.pieces)) + 0.003
    out = shell.length * between(rng, 1.15, 1.45)
    bend = shell.width * between(rng, -0.3, 0.3)
    for side in (-1, 1):
        start = rotate(np.array([side * shell.width * 0.85, shell.length * 0.4, 0.0]), axis_rotation(0, shell.lean))
        x, y, z = (float(value) for value in start)
        path = curve([(x, y, z), (side * shell.width * 0.9, shell.length * 0.95, ground), (bend, out, ground)], 22)
        item.add(tube(path, 0.007, 0.25), RUBBER)
    item.add_box((0.034, 0.02, 0.008), (bend, out, ground - 0.003), RUBBER, 0.003)
