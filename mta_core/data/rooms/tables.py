"""Dining tables, coffee tables, desks and side tables."""

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.solids import lathe, rod, rounded_box
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import marble


def table_top(rng: np.random.Generator, style: Style) -> Material:
    """Mostly wood, sometimes marble or lacquer."""
    kind = float(rng.random())
    if kind < 0.7:
        return style.wood
    if kind < 0.85:
        return style.cabinet
    pale = bool(rng.random() < 0.7)
    base, vein = ("#e6e2dc", "#8b8986") if pale else ("#33363a", "#8f8f8d")
    return Material(colour(base), marble, colour(vein), scale=1.2, gloss=0.05, rough=0.04)


def rectangular_table(rng: np.random.Generator, style: Style, width: float, depth: float, height: float) -> Furnishing:
    """A top on four legs with an apron, on trestles or on metal hairpins."""
    item = Furnishing(width, depth, height, Label.TABLE)
    top = table_top(rng, style)
    thick = float(rng.uniform(0.025, 0.05))
    item.add(rounded_box(width, depth, thick, 0.01).moved(0, depth / 2, height - thick), top)
    kind = int(rng.integers(3))
    leg = float(rng.uniform(0.045, 0.075)) if height > 0.6 else 0.045
    for x in (-width / 2 + leg, width / 2 - leg):
        for y in (leg, depth - leg):
            if kind == 0:
                item.add_box((leg, leg, height - thick), (x, y, 0), style.wood)
            else:
                foot = np.array([x * 1.0, y, 0])
                inward = np.array([x * 0.92, depth / 2 + (y - depth / 2) * 0.86, height - thick])
                material = style.wood if kind == 1 else style.metal
                item.add(rod(foot, inward, leg * 0.28, leg * 0.5 if kind == 1 else leg * 0.28), material)
    if kind == 0:
        apron = 0.08 if height > 0.6 else 0.05
        for y in (leg, depth - leg):
            item.add_box((width - 3 * leg, 0.02, apron), (0, y, height - thick - apron), style.wood)
        for x in (-width / 2 + leg, width / 2 - leg):
            item.add_box((0.02, depth - 3 * leg, apron), (x, depth / 2, height - thick - apron), style.wood)
    if height < 0.55 and rng.random() < 0.4:
        item.add_box((width - 2.5 * leg, depth - 2.5 * leg, 0.02), (0, depth / 2, 0.14), style.wood)
    return item


def round_table(rng: np.random.Generator, style: Style, diameter: float, height: float) -> Furnishing:
    """A round top on a turned pedestal or on splayed legs."""
    item = Furnishing(diameter, diameter, height, Label.TABLE)
    top, radius, thick, y = table_top(rng, style), diameter / 2, 0.03, diameter / 2
    rim = [
        (0.0, 0.0),
        (radius - 0.008, 0.0),
        (radius, 0.008),
        (radius, thick - 0.008),
        (radius - 0.008, thick),
        (0.0, thick),
    ]
    item.add(lathe(rim, smooth=False, segments=44).moved(0, y, height - thick), top)
    if rng.random() < 0.5 and height > 0.4:
        foot = radius * 0.6
        profile = [
            (foot, 0.0),
            (foot, 0.02),
            (foot * 0.5, 0.05),
            (0.045, 0.1),
            (0.035, height * 0.5),
            (0.06, height - 0.08),
            (0.14, height - thick),
        ]
        item.add(lathe(profile).moved(0, y), style.wood if rng.random() < 0.6 else style.metal)
        return item
    for k in range(4 if height > 0.55 else 3):
        angle = 2 * np.pi * (k + 0.5) / (4 if height > 0.55 else 3)
        across = np.array([np.cos(angle), np.sin(angle), 0])
        foot_point = np.array([0, y, 0]) + across * (radius * 0.82)
        head_point = np.array([0, y, height - thick]) + across * (radius * 0.6)
        item.add(rod(foot_point, head_point, 0.014, 0.022), style.wood)
    return item


def desk(rng: np.random.Generator, style: Style, width: float) -> Furnishing:
    """A writing desk: the sitter's side is +y; drawers on one side."""
    depth, height = float(rng.uniform(0.6, 0.75)), 0.74
    item = Furnishing(width, depth, height, Label.TABLE)
    top = style.wood if rng.random() < 0.75 else style.cabinet
    item.add(rounded_box(width, depth, 0.03, 0.008).moved(0, depth / 2, height - 0.03), top)
    side = float(rng.choice([-1, 1]))
    x = side * (width / 2 - 0.22)
    item.add_box((0.4, depth - 0.08, height - 0.07), (x, depth / 2, 0.04), style.cabinet)
    for k in range(3):
        z = 0.07 + k * 0.205
        item.add_box((0.37, 0.018, 0.19), (x, depth - 0.03, z), style.cabinet, 0.005)
        item.add_box((0.12, 0.02, 0.012), (x, depth - 0.012, z + 0.13), style.metal)
    for y in (0.05, depth - 0.05):
        item.add_box((0.045, 0.045, height - 0.03), (-side * (width / 2 - 0.04), y, 0), style.wood)
    item.add_box((width - 0.5, 0.02, 0.3), (-side * 0.2, 0.04, height - 0.34), style.cabinet)
    return item
