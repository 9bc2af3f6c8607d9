"""The numbers that the study prints, each entered once, as it prints them (appendix B and C).

Clean errors are 1 - mIoU in percent for s; the unit of the mean squared errors is not said, those of n and E are marked
e-2. The relative vulnerabilities have no unit. Thirteen cells of `XCEPTION` stand in `RESNET152` too, digit for digit,
which two trainings of different networks do not bring about: at least one of the two tables is not what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mta_core.study_presets import MAIN

LETTERS = MAIN
"""Main tasks, the rows of Tables 2 to 6, and auxiliary tasks, their columns, in this order."""
Cells = Mapping[tuple[str, str], float]
"""By main and auxiliary task; where both are the same, the model has that task alone."""
PARTS = ("clean", "single", "multi")
"""Of a table, from top to bottom."""


@dataclass(frozen=True)
class Printed:
    """One of Tables 2 to 6.

    Attributes:
        number: of the table.
        encoder: as the paper calls it.
        clean: error without an attack.
        single: relative vulnerability of the main task where it alone is attacked.
        multi: the same where both tasks are attacked.
    """

    number: int
    encoder: str
    clean: Cells
    single: Cells
    multi: Cells


def _cells(text: str) -> Cells:
    rows = [line.split() for line in text.strip().splitlines()]
    return {
        (main, auxiliary): float(cell)
        for main, row in zip(LETTERS, rows, strict=True)
        for auxiliary, cell in zip(LETTERS, row, strict=True)
    }


RESNET18 = Printed(
    2, "Resnet18",
    clean=_cells("""
        50.50  49.20  47.28  47.02  48.63
        101.08 97.50  98.48  93.94  100.53
        96.71  91.30  92.36  91.23  87.08
        71.89  57.66  58.59  54.56  57.41
        16.43  10.30  10.49  11.68  8.78
    """),
    single=_cells("""
        0.81  0.84  0.97  0.96  0.93
        7.73  7.87  7.46  10.67 10.55
        7.78  8.92  8.44  10.95 11.78
        9.43  13.49 11.61 15.02 13.40
        16.32 26.85 25.43 26.62 31.37
    """),
    multi=_cells("""
        0.81  0.81  0.94  0.92  0.90
        2.90  7.87  7.71  5.96  4.36
        3.01  8.91  8.44  5.83  5.61
        5.97  13.44 11.82 15.02 11.43
        10.02 24.95 24.15 18.62 31.37
    """),
)  # fmt: skip

RESNET50 = Printed(
    3, "Resnet50",
    clean=_cells("""
        51.63  49.50 49.66 47.48 46.90
        106.57 98.28 95.92 95.35 94.38
        99.65  89.81 90.58 89.17 91.26
        73.46  46.47 44.97 49.91 48.34
        15.30  7.48  8.93  9.04  6.99
    """),
    single=_cells("""
        0.82  0.90  0.90  0.97  0.99
        7.89  6.06  7.73  11.09 10.59
        3.13  2.19  3.02  4.46  1.76
        10.36 17.10 18.28 16.26 16.52
        22.67 29.75 22.11 31.07 28.41
    """),
    multi=_cells("""
        0.82  0.88  0.89  0.94  0.96
        3.79  6.06  7.78  6.93  4.78
        1.57  2.16  3.02  2.27  0.89
        7.46  17.13 18.21 16.26 14.03
        14.00 28.26 21.95 22.54 28.41
    """),
)  # fmt: skip

XCEPTION = Printed(
    4, "Xception",
    clean=_cells("""
        42.91   42.14     43.19     44.35   44.17
        109.27  88.66     90.67     92.55   93.21
        103.55  98.43     85.70     93.51   88.58
        5183.49 3932.54   4065.30   3803.32 4178.78
        1817.37 140453.97 142222.13 2028.51 543.58
    """),
    single=_cells("""
        1.21  1.26  1.20  1.11  1.14
        7.87  14.39 14.47 28.00 25.66
        8.18  19.31 12.88 7.33  23.42
        14.09 20.08 17.40 22.03 19.23
        18.03 0.15  0.14  22.44 193.38
    """),
    multi=_cells("""
        1.21  1.23  1.16  1.07  1.09
        3.69  14.39 14.38 15.62 9.43
        3.58  17.66 12.88 3.91  9.18
        8.15  19.97 17.49 22.03 16.68
        11.38 0.10  0.10  22.75 193.38
    """),
)  # fmt: skip

WIDE_RESNET50 = Printed(
    5, "WideResnet50",
    clean=_cells("""
        46.87  54.05  54.78  54.17  56.42
        116.91 180.59 403.70 108.81 114.66
        127.78 160.12 130.55 105.36 117.93
        85.78  52.34  60.13  54.96  52.68
        20.95  11.74  8.66   10.35  14.14
    """),
    single=_cells("""
        1.01  0.75  0.74  0.74  0.67
        9.88  9.95  3.35  12.61 6.71
        5.91  9.65  11.65 9.93  12.70
        9.14  15.62 13.26 17.94 15.10
        11.95 20.23 30.85 25.41 17.81
    """),
    multi=_cells("""
        1.01 0.74  0.73  0.72  0.65
        3.76 9.95  3.19  10.64 3.13
        2.25 8.54  11.65 5.67  6.49
        6.29 15.11 13.07 17.94 13.58
        8.16 19.67 32.11 17.73 17.81
    """),
)  # fmt: skip

RESNET152 = Printed(
    6, "Resnet152",
    clean=_cells("""
        46.15  45.17 50.48  51.01 50.86
        109.27 98.27 107.10 95.34 171.99
        103.55 92.58 96.60  93.51 90.10
        110.84 48.20 56.71  59.22 116.94
        18.17  18.20 6.97   20.29 10.52
    """),
    single=_cells("""
        1.03  1.07  0.87  0.82  0.87
        7.87  6.87  6.93  9.03  2.65
        8.18  7.45  7.19  7.33  8.03
        11.10 14.29 13.51 10.87 22.06
        18.03 54.91 16.02 22.44 9.41
    """),
    multi=_cells("""
        1.03  1.05  0.85  0.80  0.85
        3.69  6.87  7.18  5.60  1.83
        3.58  7.30  7.19  3.91  3.44
        8.64  14.35 13.43 10.87 21.94
        11.38 51.44 15.80 22.75 9.41
    """),
)  # fmt: skip

TABLES = (RESNET18, RESNET50, XCEPTION, WIDE_RESNET50, RESNET152)


@dataclass(frozen=True)
class PrintedSize:
    """What a line of Table 1 says of the models of a setting; the rest is `mta_core.study_presets.SETTINGS`.

    Attributes:
        models: how many were trained.
        size: millions of parameters.
        cost: billions of operations for one picture.
    """

    models: int
    size: float
    cost: float


SIZES: Mapping[str, PrintedSize] = {
    "s1": PrintedSize(121, 14.19, 6.09),
    "s2": PrintedSize(121, 14.19, 6.09),
    "s3": PrintedSize(121, 14.19, 6.09),
    "s4": PrintedSize(25, 14.19, 6.09),
    "s5": PrintedSize(25, 29.66, 9.90),
    "s6": PrintedSize(25, 4.33, 3.64),
    "s7": PrintedSize(25, 64.30, 19.64),
    "s8": PrintedSize(25, 72.99, 19.45),
}
"""Table 1, by setting."""
SHARED = tuple(
    (part, cell)
    for part in PARTS
    for cell in getattr(XCEPTION, part)
    if getattr(XCEPTION, part)[cell] == getattr(RESNET152, part)[cell]
)
"""Thirteen cells that Tables 4 and 6 have in common, digit for digit: part of the table, and which of its `Cells`."""
