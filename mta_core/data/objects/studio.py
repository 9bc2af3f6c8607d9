"""The catalogue's studio: an object between soft boxes, cut out on white."""

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from mta_core.data.objects.framing import Framing, standing
from mta_core.data.objects.kinds import Kind
from mta_core.data.objects.palette import between, chance
from mta_core.data.objects.setting import Exposure, Setting
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats, Ints
from mta_core.data.rooms.furnishing import Glow
from mta_core.data.rooms.interior import Daylight, Interior
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.openings import REVEAL, Opening
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.scene import Pose, SceneBuilder
from mta_core.data.rooms.solids import panel

_SIDE, _HEIGHT = 6.0, 4.0  # metres


def studio(rng: np.random.Generator, kind: Kind) -> Setting:
    """An object in the middle of a white table, lit from both sides, from the front and from above."""
    item = kind.build(rng)
    middle = _SIDE / 2
    pose, points = standing(item, middle, middle, 0.0, kind.yaw(rng))
    builder = SceneBuilder()
    builder.place(item, pose)
    boxes = tuple(Opening(wall, -1.3, 1.3, 0.4, 3.2) for wall in (1, 2, 3))
    plan = Plan(_SIDE, _SIDE, _HEIGHT, list(boxes))
    light = Material((1.0, 1.0, 1.0), glow=1.6)
    _furnish(rng, builder, plan, boxes, light)
    low, high = np.radians(kind.rise)
    framing = Framing(
        azimuth=between(rng, -0.15, 0.15),
        elevation=between(rng, float(low), float(high)),
        roll=0.0,
        field_of_view=float(np.radians(between(rng, 18, 28))),
        fill=between(rng, 0.8, 0.92),
    )
    day = Daylight((1.0, 1.0, 1.0), between(rng, 1.2, 2.4), None)
    return Setting(Interior(builder.build(), plan, boxes, day, light), framing.camera(points), item.groups)


def _furnish(
    rng: np.random.Generator, builder: SceneBuilder, plan: Plan, boxes: tuple[Opening, ...], light: Material
) -> None:
    """The table, the soft boxes as seen in reflections, and the overhead lamp."""
    table = blank()
    table.add(panel(np.zeros(3), np.array([_SIDE, 0, 0]), np.array([0, _SIDE, 0])), Material((0.8, 0.8, 0.8)))
    place = (_SIDE / 2 + between(rng, -0.9, 0.9), _SIDE / 2 + between(rng, -0.2, 1.2), 3.4)
    table.glows.append(Glow(place, 0.6, between(rng, 8.0, 13.0), (1.0, 1.0, 1.0)))
    builder.place(table, Pose(0.0, 0.0, 0.0, 0.0))
    for hole in boxes[::2]:  # the one in front would stand before the camera
        box = blank()
        width, height = hole.right - hole.left, hole.high - hole.low
        corner = np.array([hole.right, -REVEAL - 0.05, hole.low])
        box.add(panel(corner, np.array([-width, 0, 0]), np.array([0, 0, height])), light)
        builder.place(box, plan.wall_pose(hole.wall))


def cut_out(rng: np.random.Generator, seen: Exposure) -> Ints:
    """The (size, size, 3) uint8 catalogue picture: the object, perhaps a faint shadow at its foot, white beyond."""
    size = len(seen.mask)
    light = seen.radiance.mean(axis=2)
    table = light[~seen.mask & (seen.facet >= 0)]
    white = float(np.quantile(table, 0.8)) / 0.8
    linear = np.maximum(seen.radiance / white * between(rng, 0.95, 1.12), 0)
    rolled = linear * (1 + linear / 1.7) / (1 + linear)  # highlights bend over instead of clipping
    display = np.clip(1.3 * rolled, 0, 1) ** (1 / 2.2)
    strength = 0.0 if chance(rng, 0.35) else between(rng, 0.4, 1.0)
    backdrop = 1 - strength * _shadow(seen, light / (0.8 * white))
    display = np.where(seen.mask[..., None], display, backdrop[..., None]).astype(np.float32)
    smooth = seen.smooth_edges(display)
    blur = between(rng, 0.2, 0.45) * size / 224
    soft: Floats = gaussian_filter(smooth, (blur, blur, 0))
    stored: Ints = np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8)
    return stored


def _shadow(seen: Exposure, brightness: Floats) -> Floats:
    """(size, size) 0 to 1: how dark the table is close to the object's foot. brightness: 1 where nothing shades it."""
    size = len(brightness)
    table = (~seen.mask & (seen.facet >= 0)).astype(np.float32)
    weight = gaussian_filter(table, 1.5) + 1e-3
    dark = gaussian_filter(np.clip(0.9 - brightness, 0, 1) * table, 1.5) / weight
    near = np.exp(-distance_transform_edt(~seen.mask) / (0.06 * size))
    depth = seen.depth[seen.mask]
    behind = np.clip(seen.depth - float(np.quantile(depth, 0.9)), 0, None) / (0.4 * float(np.ptp(depth)) + 0.02)
    shadow: Floats = dark * table * near * np.exp(-behind) * _away_from_border(size)
    return shadow


def _away_from_border(size: int) -> Floats:
    """(size, size) 0 along the border, 1 from a tenth of the side inwards."""
    edge = np.minimum(np.arange(size), np.arange(size)[::-1])
    ramp = np.clip((edge - 0.03 * size) / (0.07 * size), 0, 1)
    return np.minimum.outer(ramp, ramp)
