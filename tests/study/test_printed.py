"""The paper's numbers are entered as they are printed: what can be counted in them comes out."""

from __future__ import annotations

import pytest

from mta_core.study.printed import LETTERS, SHARED, SIZES, TABLES, Printed
from mta_core.study_presets import SETTINGS


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.encoder)
def test_alone_both_attacks_are_the_same(table: Printed) -> None:
    assert [table.single[t, t] for t in LETTERS] == [table.multi[t, t] for t in LETTERS]


def test_thirteen_cells_of_two_tables_are_the_same() -> None:
    assert len(SHARED) == 13
    assert [len([cell for part, cell in SHARED if part == own]) for own in ("clean", "single", "multi")] == [3, 5, 5]


def test_as_many_models_as_pairs() -> None:
    assert list(SIZES) == list(SETTINGS)
    for name, printed in SIZES.items():
        assert printed.models == len(SETTINGS[name].letters) ** 2
