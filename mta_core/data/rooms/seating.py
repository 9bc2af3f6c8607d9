"""Sofas, armchairs, chairs, office chairs and stools."""

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, shade
from mta_core.data.rooms.solids import cylinder, ellipsoid, pillow, rod, rounded_box
from mta_core.data.rooms.style import Style


def cushion(rng: np.random.Generator, style: Style) -> Furnishing:
    """A scatter cushion leaning back, standing on its lower seam."""
    size = float(rng.uniform(0.38, 0.48))
    item = Furnishing(size, 0.2, size, Label.OBJECTS)
    material = style.accents[int(rng.integers(len(style.accents)))]
    lean = float(rng.uniform(1.15, 1.35))
    solid = pillow(size, size, float(rng.uniform(0.13, 0.18))).turned(0, lean)
    item.add(solid.moved(y=0.1, z=size * 0.46), material)
    return item


def sofa(rng: np.random.Generator, style: Style, seats: int) -> Furnishing:
    """A sofa for `seats` people, an armchair for one: base, back, arms, seat and back cushions, feet."""
    arm, depth = float(rng.uniform(0.14, 0.24)), float(rng.uniform(0.82, 0.98))
    seat_width = float(rng.uniform(0.6, 0.72)) if seats > 1 else float(rng.uniform(0.55, 0.65))
    width, height = seats * seat_width + 2 * arm, float(rng.uniform(0.76, 0.92))
    item = Furnishing(width, depth, height, Label.SOFA)
    body, soft = style.upholstery, float(rng.uniform(0.04, 0.08))
    seat, back = 0.26, 0.2
    inner = width - 2 * arm
    item.add_box((inner + 0.04, depth - 0.06, seat), (0, depth / 2, 0.1), body, 0.03)
    item.add_box((inner + 0.02, back, height - 0.2), (0, back / 2, 0.12), body, soft)
    arm_height = float(rng.uniform(0.5, 0.62))
    for side in (-1, 1):
        item.add_box((arm, depth, arm_height - 0.08), (side * (width - arm) / 2, depth / 2, 0.08), body, soft)
        for y in (0.08, depth - 0.08):
            item.add(cylinder(0.022, 0.1, 0.03, 12).moved(side * (width / 2 - 0.1), y), style.wood)
    top = 0.1 + seat
    for k in range(seats):
        x = (k - (seats - 1) / 2) * seat_width
        item.add_box((seat_width - 0.012, depth - back - 0.0, 0.15), (x, (depth + back) / 2, top - 0.01), body, 0.05)
        leaning = rounded_box(seat_width - 0.02, 0.17, height - top - 0.1, 0.07, 3).turned(0, 0.13)
        item.add(leaning.moved(x, back + 0.12, top + 0.12), body)
    if rng.random() < 0.75:
        _scatter_cushions(rng, style, item, inner, back + 0.3, top + 0.14)
    if seats > 1 and rng.random() < 0.3:
        throw = style.accents[int(rng.integers(len(style.accents)))]
        x = float(rng.choice([-1, 1])) * (width - arm) / 2
        size = (arm + 0.03, depth * 0.45, arm_height - 0.2)
        item.add_box(size, (x, depth * 0.55, 0.215), throw, soft, Label.OBJECTS, item.new_group())
    return item


def _scatter_cushions(
    rng: np.random.Generator, style: Style, item: Furnishing, inner: float, y: float, z: float
) -> None:
    places = [-inner / 2 + 0.25, inner / 2 - 0.25] if inner > 1 else [0.0]
    for x in places:
        if rng.random() < 0.8:
            item.carry(cushion(rng, style), x + float(rng.uniform(-0.03, 0.03)), y, z, float(rng.uniform(-0.25, 0.25)))


def chair(rng: np.random.Generator, style: Style) -> Furnishing:
    """A dining chair whose back stands at y = 0; wooden legs, slatted, solid or padded back."""
    width, depth = float(rng.uniform(0.42, 0.48)), float(rng.uniform(0.44, 0.5))
    seat, height = 0.45, float(rng.uniform(0.82, 0.98))
    item = Furnishing(width, depth, height, Label.CHAIR)
    frame = style.wood if rng.random() < 0.7 else style.metal
    leg = 0.019 if frame is style.wood else 0.013
    for side in (-1, 1):
        x = side * (width / 2 - 0.03)
        item.add(rod(np.array([x, depth - 0.02, 0]), np.array([x * 0.94, depth - 0.05, seat]), leg * 0.75, leg), frame)
        item.add(rod(np.array([x, 0.0, 0]), np.array([x * 0.94, 0.05, seat]), leg * 0.75, leg), frame)
        item.add(rod(np.array([x * 0.94, 0.05, seat]), np.array([x * 0.94, -0.03, height]), leg, leg * 0.8), frame)
        item.add(rod(np.array([x * 0.97, 0.04, 0.22]), np.array([x * 0.97, depth - 0.04, 0.22]), leg * 0.6), frame)
    padded = rng.random() < 0.5
    cover = style.accents[int(rng.integers(len(style.accents)))] if padded else style.wood
    item.add_box((width, depth - 0.02, 0.05 if padded else 0.03), (0, depth / 2 + 0.01, seat - 0.01), cover, 0.02)
    kind = int(rng.integers(3))
    if kind == 0:
        for level in np.linspace(seat + 0.15, height - 0.09, 3):
            item.add(
                rounded_box(width - 0.06, 0.018, 0.065, 0.008).moved(
                    0, 0.05 - 0.08 * _rise(level, seat, height), level
                ),
                frame,
            )
    elif kind == 1:
        panel = rounded_box(width - 0.05, 0.03 if padded else 0.018, height - seat - 0.12, 0.012).turned(0, 0.16)
        item.add(panel.moved(0, 0.035, seat + 0.12), cover)
    else:
        item.add(rounded_box(width - 0.04, 0.024, 0.07, 0.01).moved(0, -0.022, height - 0.07), frame)
        for x in np.linspace(-width / 2 + 0.09, width / 2 - 0.09, 5):
            item.add(rod(np.array([x, 0.05, seat]), np.array([x, -0.022, height - 0.04]), 0.008), frame)
    return item


def _rise(level: float, seat: float, height: float) -> float:
    return (level - seat) / (height - seat)


def shell_chair(rng: np.random.Generator, style: Style) -> Furnishing:
    """A moulded seat shell on splayed wooden legs."""
    item = Furnishing(0.48, 0.5, 0.82, Label.CHAIR)
    material = style.ceramics[int(rng.integers(len(style.ceramics)))]
    item.add(rounded_box(0.46, 0.42, 0.05, 0.024, 3).moved(0, 0.27, 0.43), material)
    item.add(rounded_box(0.44, 0.04, 0.4, 0.019, 3).turned(0, 0.2).moved(0, 0.075, 0.45), material)
    for side in (-1, 1):
        item.add(rod(np.array([side * 0.21, 0.46, 0]), np.array([side * 0.12, 0.36, 0.43]), 0.012, 0.017), style.wood)
        item.add(rod(np.array([side * 0.21, 0.05, 0]), np.array([side * 0.12, 0.16, 0.43]), 0.012, 0.017), style.wood)
    return item


def office_chair(rng: np.random.Generator, style: Style) -> Furnishing:
    """A swivel chair: five-spoke base with castors, gas lift, padded seat and back, armrests."""
    item = Furnishing(0.62, 0.62, 1.0, Label.CHAIR)
    dark = Material(shade(style.accents[2].colour, 0.5), None, gloss=0.03)
    cover = style.upholstery if rng.random() < 0.5 else style.accents[int(rng.integers(len(style.accents)))]
    for k in range(5):
        angle = 2 * np.pi * k / 5 + 0.3
        tip = np.array([0.27 * np.cos(angle), 0.31 + 0.27 * np.sin(angle), 0.07])
        item.add(rod(np.array([0, 0.31, 0.1]), tip, 0.02, 0.014), style.metal)
        item.add(ellipsoid(0.026, 0.026, 0.03, 8).moved(float(tip[0]), float(tip[1]), 0.03), dark)
    item.add(cylinder(0.026, 0.34).moved(0, 0.31, 0.08), style.metal)
    item.add_box((0.5, 0.48, 0.09), (0, 0.33, 0.42), cover, 0.04)
    item.add(rounded_box(0.46, 0.08, 0.5, 0.038, 3).turned(0, 0.12).moved(0, 0.09, 0.52), cover)
    for side in (-1, 1):
        item.add_box((0.05, 0.26, 0.03), (side * 0.27, 0.33, 0.66), dark, 0.014)
        item.add_box((0.03, 0.04, 0.22), (side * 0.27, 0.3, 0.44), dark)
    return item


def stool(rng: np.random.Generator, style: Style) -> Furnishing:
    """A round pouffe or a three-legged stool."""
    if rng.random() < 0.5:
        item = Furnishing(0.5, 0.5, 0.42, Label.CHAIR)
        item.add(cylinder(0.24, 0.42).moved(0, 0.25), style.accents[int(rng.integers(len(style.accents)))])
        return item
    item = Furnishing(0.38, 0.38, 0.46, Label.CHAIR)
    item.add(cylinder(0.17, 0.04).moved(0, 0.19, 0.42), style.wood)
    for k in range(3):
        angle = 2 * np.pi * k / 3
        foot = np.array([0.17 * np.cos(angle), 0.19 + 0.17 * np.sin(angle), 0])
        item.add(rod(foot, np.array([foot[0] * 0.6, 0.19 + (foot[1] - 0.19) * 0.6, 0.42]), 0.014, 0.018), style.wood)
    return item
