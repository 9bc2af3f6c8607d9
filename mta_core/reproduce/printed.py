"""The numbers that the MTA paper prints, each entered once, as it prints them: percentages, metres, degrees.

`mta_core.reproduce.mta` says what they measure. Those of Table 7 are in `mta_core.cost`.
"""

from __future__ import annotations

from collections.abc import Mapping

Printed = tuple[float, ...]
Method = str
ByThreshold = Mapping[tuple[float, Method], Printed]
"""By epsilon in 1/255 and method: for A, D, W and their average."""

OFFICE_CLEAN: Printed = (78.72, 98.30, 91.49)
"""Clean accuracies in percent, for A, D, W (section 4.1)."""

TABLE1: ByThreshold = {
    (10, "gap"): (97.83, 2.61, 96.52, 3.48, 96.52, 3.48, 96.96, 3.19),
    (10, "mta"): (98.26, 2.17, 96.09, 3.91, 96.52, 2.61, 96.95, 2.90),
    (5, "gap"): (88.26, 12.61, 75.65, 24.35, 78.26, 20.87, 80.72, 19.28),
    (5, "mta"): (90.21, 9.36, 91.49, 8.51, 82.13, 17.02, 88.80, 11.63),
}
"""Universal, non-targeted: fooling ratio and accuracy of each, in percent."""

TABLE2: ByThreshold = {
    (10, "gap"): (96.52, 98.70, 98.70, 97.97),
    (10, "mta"): (99.15, 100.00, 99.57, 99.57),
    (5, "gap"): (76.09, 68.26, 64.78, 69.71),
    (5, "mta"): (81.74, 64.35, 65.22, 70.44),
}
"""Universal, towards "bike helmet": top-1 target accuracy in percent."""

TABLE3: ByThreshold = {
    (10, "gap"): (91.91, 6.81, 97.87, 2.13, 96.17, 4.26, 95.32, 4.40),
    (10, "mta"): (93.91, 4.78, 97.39, 3.04, 96.52, 2.61, 95.94, 3.48),
    (5, "gap"): (82.13, 16.17, 65.53, 34.47, 90.72, 9.28, 79.46, 19.97),
    (5, "mta"): (83.04, 16.09, 80.43, 19.57, 81.30, 18.26, 81.59, 17.97),
}
"""Per-instance, non-targeted: fooling ratio and accuracy of each, in percent."""

TABLE4: ByThreshold = {
    (10, "gap"): (85.96, 91.06, 94.89, 90.64),
    (10, "mta"): (88.70, 95.22, 95.65, 93.19),
    (5, "gap"): (60.43, 74.68, 45.99, 60.37),
    (5, "mta"): (54.04, 77.45, 51.49, 60.99),
}
"""Per-instance, towards "bike helmet": top-1 target accuracy in percent."""

# mIoU %, pixel accuracy %, abs. error m, rel. error, mean and median angle, within 11.25, 22.5, 30 degrees %.
TABLE5_CLEAN: Printed = (18.63, 53.50, 0.6298, 0.2500, 33.01, 28.91, 17.77, 39.26, 51.92)
TABLE5: Mapping[tuple[str, Method], Printed] = {
    ("universal", "gap"): (5.19, 19.86, 1.6410, 0.5518, 69.45, 72.62, 4.09, 10.52, 15.02),
    ("universal", "mta"): (5.09, 19.23, 1.6507, 0.5565, 68.61, 71.57, 3.66, 10.00, 14.62),
    ("per-instance", "gap"): (1.34, 6.29, 1.8507, 0.6263, 69.23, 72.49, 2.26, 7.19, 11.27),
    ("per-instance", "mta"): (1.29, 6.27, 1.7962, 0.6045, 69.71, 73.43, 1.97, 6.67, 10.76),
}
"""NYUv2, DMTL, epsilon 5."""

TABLE6_CLEAN: Printed = (21.00, 55.88, 0.6370, 0.2632, 30.62, 26.19, 20.48, 43.68, 56.54)
TABLE6: Mapping[str, Printed] = {
    "universal": (9.89, 31.67, 1.3244, 0.4418, 47.83, 45.84, 7.33, 21.00, 30.57),
    "per-instance": (8.84, 28.48, 1.4135, 0.4689, 46.65, 45.00, 6.01, 19.19, 29.35),
}
"""NYUv2, made for DMTL by MTA, tested on MTAN, epsilon 5."""

NYUV2_TEST_PICTURES = 654
"""Of the usual split, which the paper follows (section 4.2)."""
