"""A room being furnished: the plan, the style and the growing scene, with the moves all room kinds share."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms import hangings, lamps, ornaments, plants, tables
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.scene import Pose, SceneBuilder
from mta_core.data.rooms.solids import rounded_box
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import carpet, plaid, rug, stripes


@dataclass
class Decorator:
    """Places furnishings by the plan; every move draws from one random generator."""

    rng: np.random.Generator
    style: Style
    plan: Plan
    builder: SceneBuilder

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A uniform number."""
        return float(self.rng.uniform(low, high))

    def against_wall(self, item: Furnishing, gap: float = 0.03, walls: tuple[int, ...] = (0, 1, 2, 3)) -> Pose | None:
        """Stand an item at a wall if there is room."""
        pose = self.plan.against_wall(self.rng, item, gap, walls)
        if pose is not None:
            self.builder.place(item, pose)
        return pose

    def relative(
        self, item: Furnishing, anchor: Pose, x: float, y: float, yaw: float = 0.0, solid: bool = True
    ) -> Pose | None:
        """Stand an item at (x, y) of another's frame, turned by `yaw` about the vertical; None if it does not fit."""
        cosine, sine = float(np.cos(anchor.yaw)), float(np.sin(anchor.yaw))
        pose = Pose(anchor.x + x * cosine - y * sine, anchor.y + x * sine + y * cosine, anchor.z, anchor.yaw + yaw)
        if solid:
            if not self.plan.fits(item, pose):
                return None
            self.plan.take(item, pose)
        self.builder.place(item, pose)
        return pose

    def ornaments_on(
        self, item: Furnishing, height: float, count: int, lamp: bool = False, inset: float = 0.06
    ) -> None:
        """Stand up to `count` small things in a row on a surface of `item` that is `height` metres up."""
        places = np.linspace(-0.5, 0.5, count + 2)[1:-1] * (item.width - 2 * inset)
        spacing = (item.width - 2 * inset) / (count + 1)
        order = self.rng.permutation(count)
        for rank, k in enumerate(order):
            thing = ornaments.ornament(self.rng, self.style)
            if lamp and rank == 0:
                thing = lamps.table_lamp(self.rng, self.style)
            if thing.width < max(spacing * 0.95, 0.24) and thing.depth < item.depth - 0.06:
                reach = max(item.depth / 2 - thing.depth / 2 - inset, 0.0)
                y = item.depth / 2 + self.between(-reach, reach) * (0.3 if lamp and rank == 0 else 0.8)
                item.carry(thing, float(places[k]), y, height, self.between(-0.5, 0.5))

    def hang(self, item: Furnishing, z: float, along: float | None = None, wall: int | None = None) -> bool:
        """Hang an item on a wall if there is room."""
        pose = self.plan.on_wall(self.rng, item, z, along, wall)
        if pose is not None:
            self.builder.place(item, pose)
        return pose is not None

    def picture(self, size: float | None = None) -> Furnishing:
        """A framed picture of random shape."""
        width = self.between(0.35, 0.9) if size is None else size
        return hangings.picture(self.rng, self.style, width, width * self.between(0.65, 1.45))

    def pictures(self, count: int) -> None:
        """Hang single pictures and now and then a pair or a row of three."""
        for _ in range(count):
            if self.chance(0.3):
                self.picture_row()
            else:
                self.hang(self.picture(), self.between(1.5, 1.7))

    def picture_row(self, along: float | None = None, wall: int | None = None, z: float = 1.6) -> None:
        """Two or three like pictures side by side."""
        chosen = int(self.rng.integers(4)) if wall is None else wall
        width = self.between(0.28, 0.45)
        height, count = width * self.between(1.1, 1.5), int(self.rng.integers(2, 4))
        middle = self.between(-0.5, 0.5) if along is None else along
        for k in range(count):
            item = hangings.picture(self.rng, self.style, width, height)
            self.hang(item, z, middle + (k - (count - 1) / 2) * (width + 0.09), chosen)

    def rug_at(self, x: float, y: float, width: float, depth: float, yaw: float) -> None:
        """Lay a rug, round or oblong, centred on a point."""
        tones = [material.colour for material in (*self.style.accents, self.style.cloth)]
        first, second = (tones[int(i)] for i in self.rng.permutation(len(tones))[:2])
        texture = (carpet, rug, rug, stripes, plaid)[int(self.rng.integers(5))]
        material = Material(first, texture, second, scale=self.between(0.25, 0.5))
        item = Furnishing(width, depth, 0.012, Label.FLOOR)
        item.add(rounded_box(width, depth, 0.014, 0.005), material)
        self.builder.place(item, Pose(x, y, 0.0, yaw))

    def ceiling_lamp(self, x: float, y: float, lit: bool) -> None:
        """A lamp under the ceiling."""
        item = lamps.ceiling_light(self.rng, self.style, lit)
        self.builder.place(item, Pose(x, y - item.depth / 2, self.plan.height, 0.0))

    def corner_things(self, count: int) -> None:
        """Plants, floor lamps and baskets where there is still room at a wall."""
        for _ in range(count):
            kind = int(self.rng.integers(4))
            item = (
                plants.plant(self.rng, self.style, self.between(0.7, 1.5))
                if kind < 2
                else lamps.floor_lamp(self.rng, self.style)
                if kind == 2
                else ornaments.basket(self.rng, self.style)
            )
            self.against_wall(item, 0.12)

    def table_setting(self, table: Furnishing, height: float) -> None:
        """A few things about the middle of a table."""
        stood: list[tuple[float, float, float]] = []  # x, y and radius of what is there already
        for _ in range(int(self.rng.integers(2, 6))):
            thing = ornaments.ornament(self.rng, self.style)
            x = self.between(-0.35, 0.35) * table.width
            y = table.depth * self.between(0.25, 0.75)
            radius = max(thing.width, thing.depth) / 2
            clear = all(np.hypot(x - ox, y - oy) > radius + other + 0.02 for ox, oy, other in stood)
            if clear and thing.depth < table.depth * 0.6:
                table.carry(thing, x, y, height, self.between(-0.6, 0.6))
                stood.append((x, y, radius))

    def dining_table(self) -> tuple[Furnishing, float]:
        """A dining table and its longer side."""
        if self.chance(0.35):
            diameter = self.between(0.9, 1.25)
            return tables.round_table(self.rng, self.style, diameter, 0.74), diameter
        width = self.between(1.2, 1.9)
        return tables.rectangular_table(self.rng, self.style, width, self.between(0.78, 0.95), 0.75), width
