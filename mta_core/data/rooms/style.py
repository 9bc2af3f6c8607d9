"""The decorator's choices for one room: a palette and the materials that follow from it."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms import textures
from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.materials import Material, Texture, colour, mix, shade

# Each scheme: walls, two accents, two neutral cloths, all muted so that any room stays harmonious.
SCHEMES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("#e9e4d9", "#ded5c4", "#f1eee8"), ("#3f6f73", "#c9893b"), ("#cfc6b8", "#6d6a66")),
    (("#dfe3de", "#b9c4b5", "#eeeeea"), ("#5c7457", "#b5654a"), ("#d8d0c2", "#8a7b68")),
    (("#dde2e6", "#a9b8c4", "#eef0f0"), ("#2f4a6b", "#c7a24c"), ("#c9ccd0", "#5d6672")),
    (("#efe3d6", "#dcbfa9", "#f3ece4"), ("#a4553c", "#4d5d53"), ("#d9cbb9", "#7b5a4a")),
    (("#e6e2e4", "#c8bcc4", "#f0ecec"), ("#7b5468", "#6f8a8c"), ("#cdc4c2", "#57525a")),
    (("#e8e6df", "#8f9a96", "#f2f1ec"), ("#2f3f3c", "#b98a4a"), ("#bfbbb2", "#474a4c")),
    (("#f0ead8", "#e3d3a3", "#f4f1e6"), ("#8a6d2f", "#5b7386"), ("#d9d1bb", "#86735c")),
    (("#e3e0dc", "#5d6f7a", "#efefed"), ("#b2483e", "#3d4b57"), ("#c6c1bb", "#4a4f55")),
)
WOODS = (
    ("#c79c68", "#a67a48"),  # oak
    ("#6b452c", "#452a19"),  # walnut
    ("#d9b988", "#bd9560"),  # pine or birch
    ("#8c5734", "#653a20"),  # cherry
    ("#46322a", "#2a1d18"),  # wenge
    ("#a98e72", "#83694f"),  # weathered oak
)
LACQUERS = ("#eceae4", "#f2f2ef", "#3b3d40", "#7f8a86", "#c9c2b4")


@dataclass(frozen=True)
class Style:
    """Materials every furnishing of a room draws on."""

    wall: Material
    feature_wall: Material
    ceiling: Material
    floor: Material
    trim: Material
    wood: Material
    cabinet: Material
    upholstery: Material
    cloth: Material
    accents: tuple[Material, ...]
    metal: Material
    ceramics: tuple[Material, ...]
    book_colours: tuple[Triple, ...]


def wood_material(rng: np.random.Generator, gloss: float = 0.03) -> Material:
    """A random timber."""
    base, dark = WOODS[int(rng.integers(len(WOODS)))]
    return Material(
        colour(base), textures.wood, colour(dark), scale=float(rng.uniform(0.3, 0.5)), gloss=gloss, rough=0.25
    )


def lacquer(rng: np.random.Generator) -> Material:
    """Painted furniture."""
    return Material(colour(LACQUERS[int(rng.integers(len(LACQUERS)))]), textures.brushed, gloss=0.035, rough=0.22)


def cloth_material(rng: np.random.Generator, base: Triple, other: Triple) -> Material:
    """A textile in a base colour, sometimes patterned with another."""
    patterns: tuple[Texture, ...] = (textures.weave, textures.weave, textures.stripes, textures.plaid, textures.dots)
    texture = patterns[int(rng.integers(len(patterns)))]
    return Material(base, texture, mix(base, other, 0.6), scale=float(rng.uniform(0.05, 0.16)))


def _wall_material(rng: np.random.Generator, base: Triple) -> Material:
    kind = float(rng.random())
    if kind < 0.62:
        return Material(base, textures.plaster, gloss=0.012, rough=0.4)
    pattern: Texture = textures.stripes
    if kind < 0.72:
        return Material(base, pattern, shade(base, 0.88), scale=float(rng.uniform(0.08, 0.3)))
    if kind < 0.82:
        return Material(base, textures.damask, shade(base, 0.8), scale=float(rng.uniform(0.2, 0.4)))
    if kind < 0.9:
        return Material(base, textures.leaves, mix(base, colour("#6b8068"), 0.55), scale=float(rng.uniform(0.16, 0.3)))
    if kind < 0.95:
        return Material(base, textures.dots, shade(base, 0.82), scale=float(rng.uniform(0.07, 0.16)))
    red = bool(rng.random() < 0.6)
    brick = colour("#a5684f") if red else colour("#ddd7cd")
    return Material(brick, textures.bricks, colour("#b9b0a4") if red else colour("#c4bdb2"), scale=0.23)


def _floor_material(rng: np.random.Generator, cloth: Triple) -> Material:
    base, dark = (colour(code) for code in WOODS[int(rng.integers(len(WOODS)))])
    kind = float(rng.random())
    gloss = float(rng.uniform(0.02, 0.06))
    if kind < 0.45:
        width = float(rng.uniform(0.09, 0.2))
        return Material(base, textures.planks, dark, scale=width, gloss=gloss, rough=0.12)
    if kind < 0.58:
        return Material(base, textures.herringbone, dark, scale=0.1, gloss=gloss, rough=0.12)
    if kind < 0.76:
        return Material(shade(cloth, 0.85), textures.carpet)
    stones = ("#d9d2c5", "#b9b2a6", "#8e8a85", "#c9a98a", "#e4e1db")
    stone = colour(stones[int(rng.integers(len(stones)))])
    if kind < 0.93:
        return Material(
            stone, textures.tiles, shade(stone, 0.6), scale=float(rng.uniform(0.3, 0.6)), gloss=0.05, rough=0.05
        )
    return Material(colour("#e2ddd3"), textures.checkers, colour("#4a4a4a"), scale=0.33, gloss=0.05, rough=0.05)


def choose_style(rng: np.random.Generator) -> Style:
    """Pick a scheme and derive every material from it."""
    walls, accents, cloths = SCHEMES[int(rng.integers(len(SCHEMES)))]
    wall = _wall_material(rng, colour(walls[int(rng.choice([0, 0, 1, 2]))]))
    feature = _wall_material(rng, colour(walls[1])) if rng.random() < 0.5 else wall
    accent_colours = [colour(code) for code in accents]
    neutral = [colour(code) for code in cloths]
    textiles = [*accent_colours, *neutral]
    upholstery = Material(textiles[int(rng.choice([0, 2, 2, 3, 3]))], textures.weave)
    if rng.random() < 0.2:
        hide = colour(("#6a4630", "#3a2f2a", "#8b5a3c", "#d8cbb8")[int(rng.integers(4))])
        upholstery = Material(hide, textures.leather, gloss=0.04, rough=0.25)
    wood = wood_material(rng)
    return Style(
        wall=wall,
        feature_wall=feature,
        ceiling=Material(colour("#f3f1ec"), textures.plaster),
        floor=_floor_material(rng, neutral[int(rng.integers(2))]),
        trim=Material(colour("#efece6") if rng.random() < 0.7 else wood.colour, textures.brushed, gloss=0.03),
        wood=wood,
        cabinet=lacquer(rng) if rng.random() < 0.4 else wood,
        upholstery=upholstery,
        cloth=cloth_material(rng, neutral[0], accent_colours[0]),
        accents=tuple(cloth_material(rng, tone, neutral[0]) for tone in (*accent_colours, neutral[1])),
        metal=_metal(rng),
        ceramics=tuple(
            Material(tone, textures.brushed, gloss=0.05, rough=0.06)
            for tone in (*accent_colours, colour("#eeeae2"), shade(neutral[1], 0.8), colour("#c9d6d4"))
        ),
        book_colours=_book_colours(rng, accent_colours),
    )


def _metal(rng: np.random.Generator) -> Material:
    tone = colour(("#b9bcc0", "#3c3d40", "#b08d57", "#8f9296")[int(rng.integers(4))])
    return Material(tone, textures.brushed, gloss=0.3, rough=0.15)


def _book_colours(rng: np.random.Generator, accents: list[Triple]) -> tuple[Triple, ...]:
    codes = (
        "#7a2f2a",
        "#2f4058",
        "#31513f",
        "#d9cfb8",
        "#b58a3e",
        "#55304a",
        "#e8e4dc",
        "#2b2b2e",
        "#8b5a35",
        "#5f8294",
    )
    picked = [colour(codes[int(i)]) for i in rng.permutation(len(codes))[:7]]
    return (*picked, *accents)
