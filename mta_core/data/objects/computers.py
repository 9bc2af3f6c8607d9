"""Monitors, laptop computers, keyboards and mice."""

from dataclasses import replace

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    DARK,
    HOLLOW,
    PALE,
    RUBBER,
    SOBER,
    VIVID,
    between,
    chance,
    metal,
    plastic,
    tone,
)
from mta_core.data.objects.prints import desktop
from mta_core.data.objects.shapes import curve, joined, keys, tube
from mta_core.data.objects.thing import blank, turn
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing, Piece
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.solids import Solid, boxes, cylinder, grid, rounded_box

_OFF = Material((0.012, 0.013, 0.016), gloss=0.05, rough=0.0)


def _front(item: Furnishing, width: float, height: float, at: tuple[float, float, float], screen: Material) -> None:
    """A picture plate facing +y, its middle at `at`."""
    plate = boxes(np.zeros((1, 3)), np.array([[width, 0.003, height]])).moved(*at)
    item.pieces.append(Piece(plate, screen, Label.OBJECTS, 0, origin=at))


def monitor(rng: np.random.Generator) -> Furnishing:
    """A flat screen on a stand."""
    item = blank()
    width = between(rng, 0.4, 0.56)
    height = width * float(rng.choice([0.58, 0.63, 0.76]))
    case = plastic(rng, *DARK, *DARK, *DARK, "#b9bcc0", "#e6e5e1")
    lift, rim = between(rng, 0.07, 0.13), between(rng, 0.012, 0.026)
    item.add(rounded_box(width, 0.045, height, 0.01).moved(0, 0, lift), case)
    screen = desktop(rng, width - 2 * rim, height - 2.4 * rim, 0.7) if chance(rng, 0.85) else _OFF
    _front(item, width - 2 * rim, height - 2.4 * rim, (0, 0.0225, lift + height / 2 + 0.2 * rim), screen)
    stand = case if chance(rng, 0.7) else metal(rng)
    item.add_box((between(rng, 0.05, 0.1), 0.03, lift + 0.1), (0, -0.035, 0), stand, 0.006)
    if chance(rng, 0.5):
        item.add(cylinder(between(rng, 0.09, 0.12), 0.015, 0.08, 36), stand)
    else:
        item.add_box((between(rng, 0.18, 0.26), 0.17, 0.014), (0, -0.01, 0), stand, 0.006)
    item.add_box((0.012, 0.004, 0.006), (width * 0.4, 0.022, lift + rim * 0.4), Material(colour("#59d36a"), glow=0.5))
    return item


def laptop_computer(rng: np.random.Generator) -> Furnishing:
    """An open notebook: a base with keys and a touch pad, and a lid with the screen."""
    item = blank()
    width = between(rng, 0.3, 0.38)
    depth, height = width * between(rng, 0.66, 0.74), width * between(rng, 0.6, 0.7)
    case = plastic(rng, *DARK, *DARK, "#b9bcc0", "#d5d7d8", "#6f7378")
    item.add(rounded_box(width, depth, 0.022, 0.008), case)
    dark = case.colour[1] < 0.1
    caps = Material(tone(rng, "#3a3c40" if dark else "#1d1f22") if chance(rng, 0.8) else tone(rng, "#dfddd6"))
    item.add_box((width * 0.9, depth * 0.5, 0.001), (0, -depth * 0.14, 0.022), HOLLOW)
    item.add(joined([keys(14, 5, width * 0.89, depth * 0.48, 0.004, 0.004)]).moved(0, -depth * 0.14, 0.0225), caps)
    item.add_box((width * 0.3, depth * 0.22, 0.001), (0, depth * 0.31, 0.022), plastic(rng, "#6f7378", "#2b2d31"))
    lean = between(rng, 0.1, 0.45)
    lid = blank()
    lid.add(rounded_box(width, 0.014, height, 0.006), case)
    lid.add_box((width * 0.96, 0.004, height * 0.94), (0, 0.006, height * 0.03), BLACK if chance(rng, 0.7) else case)
    screen = desktop(rng, width * 0.9, height * 0.85, 0.7) if chance(rng, 0.9) else _OFF
    _front(lid, width * 0.9, height * 0.85, (0, 0.008, height * 0.5), screen)
    for piece in lid.pieces:
        solid = piece.solid.turned(0, lean).moved(0, -depth / 2 + 0.004, 0.02)
        low = (0.0, -depth / 2, 0.02 + np.cos(lean) * piece.origin[2])
        item.pieces.append(replace(piece, solid=solid, origin=low))
    return item


def keyboard(rng: np.random.Generator) -> Furnishing:
    """A long board of keys in blocks, flat or raised at the back."""
    item = blank()
    full = chance(rng, 0.65)
    width, depth = (0.44, between(rng, 0.14, 0.17)) if full else (0.33, between(rng, 0.12, 0.15))
    dark = chance(rng, 0.6)
    case = plastic(rng, *(DARK if dark else PALE))
    caps = plastic(rng, *(DARK if dark else PALE)) if chance(rng, 0.8) else plastic(rng, *SOBER)
    item.add(rounded_box(width, depth, 0.02, 0.007), case)
    well = Material((0.008, 0.008, 0.009) if dark else (0.25, 0.25, 0.24))
    blocks = [(-0.075, 15, 0.27), (0.105, 3, 0.055), (0.175, 4, 0.075)] if full else [(0.0, 15, 0.3)]
    accent = tone(rng, *VIVID) if chance(rng, 0.25) else tone(rng, *SOBER)
    for x, columns, wide in blocks:
        item.add_box((wide + 0.004, depth * 0.78, 0.002), (x, 0, 0.0195), well)
        field = keys(columns, 5, wide, depth * 0.76, 0.009, 0.0045)
        tints = np.tile(np.array(caps.colour, np.float32), (columns * 5, 1))
        tints[[0, columns, columns * 5 - 1]] = accent
        item.pieces.append(Piece(field.moved(x, 0, 0.02), caps, Label.OBJECTS, 0, tints))
    item.add_box((0.1, depth / 5 * 0.7, 0.0105), (blocks[0][0], depth * 0.305, 0.02), caps, 0.003)
    rise = between(rng, 0.0, 0.12)
    turn(item, 0, -rise)
    if chance(rng, 0.5):
        cable = curve([(0, -depth / 2, 0.02), (0.02, -depth * 0.8, 0.01), (0.1, -depth * 0.9, 0.005)], 16)
        item.add(tube(cable, 0.003, segments=8), RUBBER)
    return item


def mouse(rng: np.random.Generator) -> Furnishing:
    """A humped body with two buttons, a wheel and mostly a cable."""
    item = blank()
    wide, long_, tall = between(rng, 0.032, 0.037), between(rng, 0.054, 0.062), between(rng, 0.034, 0.042)
    body = plastic(rng, *DARK, *DARK, *PALE, "#b9bcc0", *VIVID[:3])
    top = body if chance(rng, 0.4) else plastic(rng, *SOBER, *DARK)
    item.add(_hump(wide, long_, tall, 1.0), top)
    side = plastic(rng, *SOBER) if chance(rng, 0.6) else body
    item.add(_hump(wide * 1.06, long_ * 1.02, tall * 0.72, 0.9), side)
    line = [(0.0, long_ * v, float(_rise(0.0, v, tall)) + 0.0003) for v in np.linspace(0.1, 0.93, 12)]
    item.add(tube(np.array(line), 0.0014, segments=6), HOLLOW)
    across = [(wide * u, long_ * 0.1, float(_rise(u, 0.1, tall)) + 0.0003) for u in np.linspace(-0.9, 0.9, 14)]
    item.add(tube(np.array(across), 0.0012, segments=6), HOLLOW)
    wheel = cylinder(0.011, 0.008).turned(1, np.pi / 2).moved(-0.004, long_ * 0.52, float(_rise(0, 0.52, tall)) - 0.005)
    item.add(wheel, RUBBER if body.colour[1] > 0.1 else Material(tone(rng, "#6f7378", *VIVID), gloss=0.03))
    if chance(rng, 0.8):
        bend = between(rng, -0.05, 0.05)
        path = [
            (0, long_ * 0.95, 0.008),
            (0, long_ * 1.3, 0.004),
            (bend, long_ * 1.7, 0.003),
            (-bend, long_ * 2.1, 0.003),
        ]
        item.add(tube(curve(path, 20), 0.0028, segments=8), RUBBER)
    return item


def _rise(u: Floats | float, v: Floats | float, tall: float) -> Floats:
    """Height of the hump at shares (u, v) in [-1, 1] of its half axes; it is highest a little behind the middle."""
    edge = np.clip(1 - np.abs(u) ** 2.6 - np.abs(v) ** 3.2, 0, 1) ** 0.45
    height: Floats = tall * edge * (1 - 0.22 * (np.asarray(v) + 0.25) ** 2)
    return height


def _hump(wide: float, long_: float, tall: float, waist: float) -> Solid:
    radius, angle = np.meshgrid(np.sin(np.linspace(0, np.pi / 2, 14)), np.linspace(0, 2 * np.pi, 41), indexing="ij")
    u, v = radius * np.cos(angle), radius * np.sin(angle)
    scale = radius / np.maximum((np.abs(u) ** 2.6 + np.abs(v) ** 3.2) ** (1 / 2.9), 1e-6)
    u, v = u * scale, v * scale
    pinch = 1 - (1 - waist) * np.exp(-((v / 0.4) ** 2))
    return grid(np.stack([wide * u * pinch, long_ * v, _rise(u, v, tall)], axis=-1))
