"""Noise removal that respects surfaces."""

import numpy as np

from mta_core.data.rooms.arrays import Floats, Ints


def smoothed(values: Floats, key: Ints, steps: tuple[int, ...]) -> Floats:
    """Average (H, W, 3) values over neighbours of the same surface.

    key: (H, W) surface number; a neighbour counts only if its number is the same. Each entry of `steps` is one pass
    over a 5 x 5 neighbourhood with that spacing in pixels, weighted by the cubic B-spline (1, 4, 6, 4, 1) / 16: passes
    of spacing 1 and 2 together wipe out any pattern that repeats every 2 or 4 pixels, as our light samples do.
    """
    planes = np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)
    for step in steps:
        planes = _pass(planes, key, step)
    return planes.transpose(1, 2, 0)


_SPLINE = (6 / 16, 4 / 16, 1 / 16)  # weight at distance 0, 1, 2
# Half of the 24 offsets; each stands for its opposite as well.
_OFFSETS = [(dy, dx) for dy in range(3) for dx in range(-2, 3) if dy > 0 or dx > 0]


def _pass(planes: Floats, key: Ints, step: int) -> Floats:
    centre = np.float32(_SPLINE[0] ** 2)
    total, weight = planes * centre, np.full(key.shape, centre, np.float32)
    for dy, dx in _OFFSETS:
        _exchange(planes, key, total, weight, (dy * step, dx * step), np.float32(_SPLINE[dy] * _SPLINE[abs(dx)]))
    return total / weight


def _exchange(
    planes: Floats, key: Ints, total: Floats, weight: Floats, offset: tuple[int, int], share: np.float32
) -> None:
    """Give pixels `offset` (rows down, columns right) apart a share of each other's values, both ways."""
    (dy, dx), (height, width) = offset, key.shape
    rows_a, rows_b = slice(0, height - dy), slice(dy, height)
    columns_a, columns_b = slice(max(0, -dx), width - max(0, dx)), slice(max(0, dx), width + min(0, dx))
    same = (key[rows_a, columns_a] == key[rows_b, columns_b]) * share
    total[:, rows_a, columns_a] += planes[:, rows_b, columns_b] * same
    total[:, rows_b, columns_b] += planes[:, rows_a, columns_a] * same
    weight[rows_a, columns_a] += same
    weight[rows_b, columns_b] += same
