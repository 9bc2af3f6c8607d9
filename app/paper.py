"""What the MTA paper measured of transfer: Tables 5 and 6. No streamlit here."""

from __future__ import annotations

from mta_core.reproduce import printed
from mta_core.reproduce.mta import ROOM_COLUMNS
from mta_core.tasks.meter import PUBLISHED
from mta_core.transfer import Pair

SOURCE, TO = "dmtl", "mtan"


def pairs(instance: str) -> list[Pair]:
    """Every measure of the paper for `per-instance` or `universal` perturbations, in the units of rows."""
    white_box, black_box = printed.TABLE5[instance, "mta"], printed.TABLE6[instance]
    columns = (printed.TABLE5_CLEAN, white_box, printed.TABLE6_CLEAN, black_box)
    found = []
    for column, *numbers in zip(ROOM_COLUMNS, *columns, strict=True):
        clean, attacked, other_clean, other_attacked = (value / column.factor for value in numbers)
        identity = {"task": column.task, "metric": column.metric, "aggregation": PUBLISHED, "ci95": None}
        found.append(
            Pair(
                {**identity, "clean": clean, "adversarial": attacked},
                {**identity, "clean": other_clean, "adversarial": other_attacked},
            )
        )
    return found
