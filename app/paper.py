"""What the MTA paper measured of transfer: Tables 5 and 6. No streamlit here."""

from __future__ import annotations

from mta_core.transfer import Pair

SOURCE, TO = "dmtl", "mtan"
METRICS = (
    ("segmentation", "miou"), ("segmentation", "pixel_accuracy"), ("depth", "abs_err"), ("depth", "rel_err"),
    ("normals", "angle_mean"), ("normals", "angle_median"), ("normals", "within_11.25"), ("normals", "within_22.5"),
    ("normals", "within_30"),
)  # fmt: skip
IN_PERCENT = ("miou", "pixel_accuracy", "within_11.25", "within_22.5", "within_30")
TABLE5_CLEAN = (18.63, 53.50, 0.6298, 0.2500, 33.01, 28.91, 17.77, 39.26, 51.92)
TABLE5 = {
    "universal": (5.09, 19.23, 1.6507, 0.5565, 68.61, 71.57, 3.66, 10.00, 14.62),
    "per-instance": (1.29, 6.27, 1.7962, 0.6045, 69.71, 73.43, 1.97, 6.67, 10.76),
}
"""MTA at 5/255 on the DMTL that it was trained to fool."""
TABLE6_CLEAN = (21.00, 55.88, 0.6370, 0.2632, 30.62, 26.19, 20.48, 43.68, 56.54)
TABLE6 = {
    "universal": (9.89, 31.67, 1.3244, 0.4418, 47.83, 45.84, 7.33, 21.00, 30.57),
    "per-instance": (8.84, 28.48, 1.4135, 0.4689, 46.65, 45.00, 6.01, 19.19, 29.35),
}
"""The same perturbations, tried on MTAN."""


def pairs(instance: str) -> list[Pair]:
    """Every measure of the paper for `per-instance` or `universal` perturbations, in the units of rows."""
    columns = (TABLE5_CLEAN, TABLE5[instance], TABLE6_CLEAN, TABLE6[instance])
    found = []
    for (task, metric), *printed in zip(METRICS, *columns, strict=True):
        scale = 100 if metric in IN_PERCENT else 1
        clean, attacked, other_clean, other_attacked = (value / scale for value in printed)
        aggregation = "per-picture" if metric == "miou" else "pooled"  # as in the code of that time
        identity = {"task": task, "metric": metric, "aggregation": aggregation, "ci95": None}
        found.append(
            Pair(
                {**identity, "clean": clean, "adversarial": attacked},
                {**identity, "clean": other_clean, "adversarial": other_attacked},
            )
        )
    return found
