"""The paper's numbers are entered as they are printed: what can be counted in them comes out."""

from __future__ import annotations

import pytest

from mta_core.study.printed import ALL, LETTERS, RESNET152, SETTINGS, TABLES, XCEPTION, Printed


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.encoder)
def test_alone_both_attacks_are_the_same(table: Printed) -> None:
    assert [table.single[t, t] for t in LETTERS] == [table.multi[t, t] for t in LETTERS]


def test_thirteen_cells_of_two_tables_are_the_same() -> None:
    pairs = [(getattr(XCEPTION, part), getattr(RESNET152, part)) for part in ("clean", "single", "multi")]
    assert sum(one[cell] == other[cell] for one, other in pairs for cell in one) == 13


def test_as_many_models_as_pairs() -> None:
    for setting in SETTINGS:
        assert setting.models == len(setting.tasks) ** 2
        assert set(setting.tasks) <= set(ALL)
