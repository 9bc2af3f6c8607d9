"""What the MTA paper measured of transfer: Tables 5 and 6. No streamlit here."""

from __future__ import annotations

from mta_core.reproduce import printed
from mta_core.transfer import Pair

SOURCE, TO = "dmtl", "mtan"
METRICS = (
    ("segmentation", "miou"), ("segmentation", "pixel_accuracy"), ("depth", "abs_err"), ("depth", "rel_err"),
    ("normals", "angle_mean"), ("normals", "angle_median"), ("normals", "within_11.25"), ("normals", "within_22.5"),
    ("normals", "within_30"),
)  # fmt: skip
IN_PERCENT = ("miou", "pixel_accuracy", "within_11.25", "within_22.5", "within_30")


def pairs(instance: str) -> list[Pair]:
    """Every measure of the paper for `per-instance` or `universal` perturbations, in the units of rows."""
    white_box, black_box = printed.TABLE5[instance, "mta"], printed.TABLE6[instance]
    columns = (printed.TABLE5_CLEAN, white_box, printed.TABLE6_CLEAN, black_box)
    found = []
    for (task, metric), *numbers in zip(METRICS, *columns, strict=True):
        scale = 100 if metric in IN_PERCENT else 1
        clean, attacked, other_clean, other_attacked = (value / scale for value in numbers)
        aggregation = "per-picture" if metric == "miou" else "pooled"  # as in the code of that time
        identity = {"task": task, "metric": metric, "aggregation": aggregation, "ci95": None}
        found.append(
            Pair(
                {**identity, "clean": clean, "adversarial": attacked},
                {**identity, "clean": other_clean, "adversarial": other_attacked},
            )
        )
    return found
