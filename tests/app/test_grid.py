"""Places in rows."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def draw(count: int) -> None:

    from app.components.grid import grid

    for number, place in enumerate(grid([1] * count)):
        place.text(f"place {number}")


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 3), (4, 4), (5, 8), (8, 8), (11, 12)])
def test_no_row_has_more_than_four_places(count: int, columns: int) -> None:
    at = AppTest.from_function(draw, args=(count,)).run()
    assert not at.exception
    assert [text.value for text in at.text] == [f"place {number}" for number in range(count)]
    assert len(at.columns) == columns
    assert {column.weight for column in at.columns} == {1 / min(count, 4)}
