"""Procedural textures: functions from hit points to albedo, all vectorised over (N,) points."""

import numpy as np

from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.materials import Material, Surface
from mta_core.data.rooms.noise import clouds, fibres, grit, hashed


def _tint(surface: Surface, factor: Floats) -> Floats:
    return surface.colour * factor[:, None]


def _blend(surface: Surface, material: Material, share: Floats) -> Floats:
    accent = np.asarray(material.accent, np.float32)
    return surface.colour + (accent - surface.colour) * np.clip(share, 0, 1)[:, None]


def _line(value: Floats, width: float) -> Floats:
    """1 within half a width of a whole number, else 0, with a soft edge."""
    distance = np.abs(value - np.round(value))
    return np.clip(1.5 - distance / (width / 2), 0, 1)


def plaster(surface: Surface, material: Material) -> Floats:
    """Painted wall: faint roller marks and slow blotches."""
    u, v = surface.planar()
    fine = grit(u * 1.3, v * 1.3) * surface.detail(0.01)
    return _tint(surface, 1 + 0.018 * clouds(u * 0.3, v * 0.3) + 0.02 * fine)


def wood(surface: Surface, material: Material) -> Floats:
    """Grain along the longest side of each solid."""
    along = np.take_along_axis(surface.point, surface.grain[:, None].astype(np.int64), axis=1)[:, 0]
    across = surface.point.sum(axis=1) - along
    offset = hashed(surface.solid, 1.0)
    u, v = along / (material.scale * 2.4) + offset, across / material.scale + 7.3 * offset
    rings = np.sin(38 * v + 4.5 * clouds(u * 0.5, v * 0.25)) * surface.detail(material.scale * 0.16)
    streak = fibres(u, v) * surface.detail(material.scale * 0.03)
    tone = 0.11 * rings + 0.10 * streak + 0.08 * clouds(u, v * 2) + 0.10 * (offset - 0.5)
    return _blend(surface, material, 0.3 + 1.4 * tone)


def planks(surface: Surface, material: Material) -> Floats:
    """Floor boards of random tone; `scale` is the width of a board."""
    width, length = material.scale, material.scale * 8.5
    row = np.floor(surface.point[:, 0] / width)
    shift = surface.point[:, 1] / length + hashed(row, 3.0)
    board = row * 57 + np.floor(shift)
    tone = hashed(board, 5.0)
    u, v = surface.point[:, 1] / 1.6 + 3 * tone, surface.point[:, 0] / 0.45 + 5 * tone
    grain = 0.16 * fibres(u, v) * surface.detail(0.03) + 0.14 * clouds(u * 0.7, v * 0.6)
    gap = np.maximum(_line(surface.point[:, 0] / width, 0.03), _line(shift, 0.004)) * surface.detail(width * 0.7)
    result = _blend(surface, material, 0.25 + grain + 0.75 * (tone - 0.5))
    return result * (1 - 0.55 * gap)[:, None]


def herringbone(surface: Surface, material: Material) -> Floats:
    """Parquet of short boards laid at right angles; `scale` is the width of a board, four to its length."""
    x, y = surface.point[:, 0] / material.scale, surface.point[:, 1] / material.scale
    column, row = np.floor(x), np.floor(y)
    phase = np.mod(column - row, 8)
    lying = phase < 4
    start = np.where(lying, column - phase, row - (7 - phase))
    board = np.where(lying, start * 13 + row * 131, column * 17 + start * 151 + 5000)
    tone = hashed(board, 2.0)
    along, across = np.where(lying, x, y), np.where(lying, y, x)
    grain = 0.14 * fibres(along * 0.06 + tone * 3, across * 0.25 + tone * 5) * surface.detail(0.03)
    ends = np.where(lying, x - start, y - start) / 4
    gap = np.maximum(_line(across, 0.06), _line(ends, 0.015)) * surface.detail(material.scale)
    return _blend(surface, material, 0.25 + grain + 0.8 * (tone - 0.5)) * (1 - 0.5 * gap)[:, None]


def tiles(surface: Surface, material: Material) -> Floats:
    """Square tiles with grout in the accent colour; `scale` is a tile's side."""
    u, v = surface.planar()
    u, v = u / material.scale, v / material.scale
    tone = hashed(np.floor(u) * 31 + np.floor(v) * 57, 4.0)
    veins = clouds(u * 0.4 + 3 * tone, v * 0.4 + 5 * tone)
    grout = np.maximum(_line(u, 0.03), _line(v, 0.03)) * surface.detail(material.scale * 0.35)
    body = _tint(surface, 1 + 0.07 * (tone - 0.5) + 0.05 * veins)
    return body + (np.asarray(material.accent, np.float32) - body) * grout[:, None]


def checkers(surface: Surface, material: Material) -> Floats:
    """Two-coloured square tiles; `scale` is a tile's side."""
    u, v = surface.planar()
    u, v = u / material.scale, v / material.scale
    dark = np.mod(np.floor(u) + np.floor(v), 2) * surface.detail(material.scale * 0.5)
    tone = 1 + 0.06 * clouds(u * 0.4, v * 0.4)
    return _blend(surface, material, dark) * tone[:, None]


def bricks(surface: Surface, material: Material) -> Floats:
    """Running-bond brickwork with mortar in the accent colour; `scale` is a brick's length."""
    u, v = surface.planar()
    row = np.floor(v / (material.scale / 3.2))
    along = u / material.scale + 0.5 * np.mod(row, 2)
    tone = hashed(np.floor(along) * 19 + row * 71, 6.0)
    mortar = np.maximum(_line(along, 0.05), _line(v / (material.scale / 3.2), 0.15)) * surface.detail(
        material.scale * 0.3
    )
    rough = 0.07 * clouds(u * 1.5, v * 1.5) + 0.07 * grit(u, v) * surface.detail(0.01)
    body = _tint(surface, 0.8 + 0.42 * tone + rough)
    return body + (np.asarray(material.accent, np.float32) - body) * mortar[:, None]


def weave(surface: Surface, material: Material) -> Floats:
    """Plain cloth: crossing threads and slow changes of tone."""
    u, v = surface.planar()
    threads = np.sin(2 * np.pi * u / 0.006) * np.sin(2 * np.pi * v / 0.006) * surface.detail(0.009)
    slub = fibres(u * 0.7, v * 2.0) + fibres(v * 0.7, u * 2.0)
    return _tint(surface, 1 + 0.05 * threads + 0.035 * slub * surface.detail(0.02) + 0.04 * clouds(u * 0.8, v * 0.8))


def carpet(surface: Surface, material: Material) -> Floats:
    """Cut pile: grainy, with brushed patches."""
    u, v = surface.planar()
    pile = grit(u * 0.9, v * 0.9) * surface.detail(0.012)
    return _tint(surface, 1 + 0.12 * pile + 0.05 * clouds(u * 0.5, v * 0.5) + 0.03 * clouds(u * 2.5, v * 2.5))


def stripes(surface: Surface, material: Material) -> Floats:
    """Stripes across the local x axis, in the two colours."""
    u, v = surface.planar()
    wave = np.sin(2 * np.pi * u / material.scale)
    band = np.clip(0.5 + 3 * wave, 0, 1) * surface.detail(material.scale * 0.6)
    return _blend(surface, material, band) * (1 + 0.03 * clouds(u, v))[:, None]


def plaid(surface: Surface, material: Material) -> Floats:
    """A woven check of the two colours."""
    u, v = surface.planar()
    first = np.clip(0.5 + 4 * np.sin(2 * np.pi * u / material.scale), 0, 1)
    second = np.clip(0.5 + 4 * np.sin(2 * np.pi * v / material.scale), 0, 1)
    share = 0.45 * (first + second) * surface.detail(material.scale * 0.5)
    return _blend(surface, material, share) * (1 + 0.03 * clouds(u, v))[:, None]


def dots(surface: Surface, material: Material) -> Floats:
    """Staggered round motifs in the accent colour."""
    u, v = surface.planar()
    u, v = u / material.scale, v / material.scale
    u = u + 0.5 * np.mod(np.floor(v), 2)
    distance = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
    motif = np.clip((0.24 - distance) * 14, 0, 1) * surface.detail(material.scale * 0.5)
    return _blend(surface, material, motif) * (1 + 0.02 * clouds(u * 0.2, v * 0.2))[:, None]


def damask(surface: Surface, material: Material) -> Floats:
    """Wallpaper of interlaced ogees, tone on tone."""
    u, v = surface.planar()
    u, v = 2 * np.pi * u / material.scale, 2 * np.pi * v / (material.scale * 1.5)
    field = np.cos(u) * np.cos(v) + 0.45 * np.cos(2 * u + np.sin(v) * 1.2) * np.cos(2 * v) + 0.2 * np.cos(3 * u)
    share = np.clip(0.5 + 3.5 * (np.abs(field) - 0.42), 0, 1) * surface.detail(material.scale * 0.3)
    return _blend(surface, material, share) * (1 + 0.015 * clouds(u * 0.03, v * 0.03))[:, None]


def leaves(surface: Surface, material: Material) -> Floats:
    """Botanical wallpaper: rows of slanting leaves."""
    u, v = surface.planar()
    u, v = u / material.scale, v / material.scale * 0.8
    row = np.floor(v)
    u = u + 0.5 * np.mod(row, 2)
    x, y = u - np.floor(u) - 0.5, v - row - 0.5
    lean = np.where(hashed(np.floor(u) + 9 * row, 2.0) > 0.5, 0.7, -0.7)
    along, across = x * np.sin(lean) + y * np.cos(lean), x * np.cos(lean) - y * np.sin(lean)
    width = 0.17 * np.clip(1 - (along / 0.46) ** 2, 0, 1)
    share = np.clip((width - np.abs(across)) * 30, 0, 1) - 0.5 * np.clip(1.5 - np.abs(across) / 0.008, 0, 1) * (
        width > 0
    )
    return _blend(surface, material, share * surface.detail(material.scale * 0.4))


def marble(surface: Surface, material: Material) -> Floats:
    """Polished stone with wandering veins."""
    x, y, z = surface.point[:, 0], surface.point[:, 1], surface.point[:, 2]
    u, v = x / material.scale + 0.5 * z, y / material.scale + 0.7 * z
    warped = clouds(u * 0.5, v * 0.5)
    vein = 1 - np.abs(clouds(u * 0.6 + 0.06 * warped, v * 0.6 + 0.3))
    return _blend(surface, material, np.clip(vein, 0, 1) ** 5 * 0.8 + 0.06 * warped)


def brushed(surface: Surface, material: Material) -> Floats:
    """Metal or lacquer with the faintest brushing."""
    u, v = surface.planar()
    return _tint(surface, 1 + 0.04 * fibres(u, v * 2) * surface.detail(0.02) + 0.03 * clouds(u, v))


def leather(surface: Surface, material: Material) -> Floats:
    """Worn hide: blotches and a fine crackle."""
    u, v = surface.planar()
    crackle = np.abs(clouds(u * 5, v * 5)) * surface.detail(0.03)
    return _tint(surface, 0.95 + 0.09 * clouds(u * 1.1, v * 1.1) + 0.06 * crackle)


def spines(surface: Surface, material: Material) -> Floats:
    """Book backs: title bands across, pages pale at the top."""
    height = surface.point[:, 2]
    place = 0.09 * hashed(surface.solid, 3.0)
    band = _line((height - place) / 0.16, 0.12) * (hashed(surface.solid, 8.0) > 0.4) * surface.detail(0.03)
    light = np.asarray(material.accent, np.float32)
    body = surface.colour + (light - surface.colour) * (0.6 * band)[:, None]
    pages = (surface.normal[:, 2] > 0.9)[:, None]
    return np.where(pages, light, body)


def rug(surface: Surface, material: Material) -> Floats:
    """A woven rug: diamonds of the accent on the ground colour, local origin at its centre."""
    u, v = surface.point[:, 0] / material.scale, surface.point[:, 1] / material.scale
    diamond = np.abs(np.mod(u, 1) - 0.5) + np.abs(np.mod(v, 1) - 0.5)
    share = np.clip(0.5 + 12 * np.sin(2 * np.pi * diamond * 2), 0, 1) * surface.detail(material.scale * 0.3)
    pile = 1 + 0.08 * grit(u * 0.6, v * 0.6) * surface.detail(0.012) + 0.05 * clouds(u, v)
    return _blend(surface, material, 0.85 * share) * pile[:, None]


def foliage(surface: Surface, material: Material) -> Floats:
    """Leaves of a house plant, each of its own green."""
    tone = hashed(surface.solid, 2.0)
    return _blend(surface, material, 0.8 * tone) * (1 + 0.1 * clouds(*surface.planar()))[:, None]
