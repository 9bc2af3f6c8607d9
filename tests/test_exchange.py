"""Runs as files: they come back as they were, and what is wrong in a file refuses it whole."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta_core import exchange, results
from mta_core.exchange import COLUMNS, WRITERS, read
from mta_core.rows import ROW_KEYS, checked_run
from mta_core.store import Run, Store
from tests.runs import make_provenance, make_row, make_rows

NUMBERS = st.none() | st.floats()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results.sqlite")
    store.add([make_row(clean=None, ci95=None), make_row(ci95=[None, 1.0])], make_provenance(odd='a,"b"\n\r\u2028;'))
    store.add(make_rows(), make_provenance(1, unreadable=["caf\udce9.png", "=1+1"]))
    return store


def with_row(**changed: Any) -> str:
    return json.dumps({"rows": [make_row(**changed)], "provenance": make_provenance()})


def as_csv(*lines: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([list(COLUMNS), *lines])
    return text.getvalue().encode()


def csv_line(**changed: str) -> list[str]:
    row = {key: json.dumps(v) if isinstance(v, list | bool) else str(v) for key, v in make_row().items()}
    return list(({"run": "a"} | row | {"provenance": json.dumps(make_provenance())} | changed).values())


class TestRoundTrip:
    @pytest.mark.parametrize("suffix", WRITERS)
    def test_another_store_has_the_same(self, store: Store, tmp_path: Path, suffix: str) -> None:
        data = WRITERS[suffix](store.find(limit=None))
        other = Store(tmp_path / "other.sqlite")
        assert other.take_in(read(f"runs{suffix}", data)).added == 2
        content = [[(run.digest, run.rows, run.provenance) for run in each.find()] for each in (store, other)]
        assert content[0] == content[1]
        assert other.take_in(read(f"runs{suffix}", data)).known == 2 and other.count() == 2

    def test_what_json_wrote_is_the_same_run(self, store: Store, tmp_path: Path) -> None:
        rows = [make_row(clean=float("nan"), ci95=(0.5, 1)), make_row(epsilon=5)]
        made = results.provenance(command="python -m mta_core evaluate", data="rooms", names=["a"])
        store.add(rows, made)
        results.write_json(tmp_path / "rows.json", results.document(rows, made))
        taken = store.take_in(read("ROWS.JSON", (tmp_path / "rows.json").read_bytes()))
        assert (taken.added, taken.known) == (0, 1)

    @given(NUMBERS, NUMBERS, st.integers(0, 2**63 - 1), st.text(max_size=30), st.sampled_from(sorted(WRITERS)))
    def test_every_number_and_text(self, clean: Any, low: Any, n: int, text: str, suffix: str) -> None:
        rows, made = checked_run(
            [make_row(clean=clean, ci95=[low, None], n=n)], make_provenance(text=text, **{text: [text]})
        )
        run = Run(1, "a", datetime.now(UTC), made, tuple(rows))
        assert read(f"a{suffix}", WRITERS[suffix]([run])) == [(rows, made)]

    def test_no_cell_of_a_spreadsheet_is_a_formula(self, store: Store) -> None:
        cells = [cell for line in csv.reader(io.StringIO(WRITERS[".csv"](store.find()).decode())) for cell in line]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")]


class TestHostile:
    @pytest.mark.parametrize(("name", "text", "message"), [
        ("a.txt", "", r"expected a file that ends in \.jsonl, \.csv, \.json, got 'a.txt'"),
        ("a.jsonl", "", "at least one run"),
        ("a.jsonl", "\n\n{", "line 3: expected JSON: "),
        ("a.jsonl", "[]", r'line 1: expected \{"rows"'),
        ("a.jsonl", "[" * 100_000, "line 1: expected JSON that is not nested deeply"),
        ("a.jsonl", "9" * 5000, "line 1: expected whole numbers of at most 400 digits"),
        ("a.jsonl", '{"rows": [], "provenance": {}}', "line 1: expected a list of 1 to 10000 rows"),
        ("a.jsonl", '{"rows": {}, "provenance": {}}', "line 1: expected a list of 1 to 10000 rows"),
        ("a.jsonl", '{"rows": [1], "provenance": {}}', "line 1: expected a row to be a mapping"),
        ("a.jsonl", '{"rows": [{}], "provenance": {}}', "line 1: expected the field data in a row"),
        ("a.jsonl", '{"rows": [], "rows": [], "provenance": {}}', "line 1: expected each field once"),
        ("a.jsonl", with_row() + "\n" + with_row(n=-1), "line 2: expected n to be a whole number"),
        ("a.jsonl", with_row(task=None), "line 1: expected task to be a text"),
        ("a.jsonl", with_row(clean=float("inf")), "line 1: expected numbers or null, got Infinity"),
        ("a.jsonl", with_row(goal=["targeted"]), "line 1: expected goal to be non-targeted or targeted"),
        ("a.json", "{\n\n]", "line 3: expected JSON"),
        ("a.csv", "run,data", "line 1: expected the columns run, data"),
        ("a.csv", "", "line 1: expected the columns run, data"),
    ])  # fmt: skip
    def test_it_is_refused_in_a_sentence(self, name: str, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=message) as caught:
            read(name, text.encode())
        assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)

    @pytest.mark.parametrize(("line", "message"), [
        (csv_line()[:-1], "expected 24 columns, got 23"),
        (csv_line(clean="x"), "expected clean to be a number or null"),
        (csv_line(clean="NaN"), "expected clean to be a number or null"),
        (csv_line(n="1.5"), "expected n to be a whole number"),
        (csv_line(attacked="depth"), "expected attacked to be a list"),
        (csv_line(higher_is_better="no"), "expected higher_is_better to be true or false"),
        (csv_line(victim="a\nb"), "expected victim to be a text"),
        (csv_line(run="b", provenance=""), "expected the provenance to be a mapping"),
        (csv_line(run="b", provenance="{}"), "expected a date"),
        (csv_line(provenance=json.dumps(make_provenance(1))), "expected the same provenance"),
    ])  # fmt: skip
    def test_a_wrong_line_of_csv_is_named(self, line: list[str], message: str) -> None:
        assert len(read("a.csv", as_csv(csv_line(), csv_line()))) == 1
        with pytest.raises(ValueError, match=f"^line [34]: {message}"):
            read("a.csv", as_csv(csv_line(), line))

    def test_a_run_of_which_rows_are_missing_is_refused(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "results.sqlite")
        store.take_in((make_rows(), make_provenance(number)) for number in range(2))
        whole = WRITERS[".csv"](store.find(limit=None)).splitlines(keepends=True)
        head, *lines = whole
        assert len(read("a.csv", b"".join([head, *lines[2:], *lines[:2]]))) == 2
        for damaged in (
            lines[:-1],
            lines[::-1],
            [*lines, lines[0]],
            [lines[0].replace(b",1.5,", b",1.6,"), *lines[1:]],
        ):
            with pytest.raises(ValueError, match=r"expected every row of the run [0-9a-f]{8}… in its order"):
                read("a.csv", b"".join([head, *damaged]))

    def test_bytes_that_are_no_text(self) -> None:
        with pytest.raises(ValueError, match="line 2: expected text in UTF-8"):
            read("a.jsonl", with_row().encode() + b"\n\xff\xfe")

    def test_nothing_of_a_wrong_file_is_kept(self, store: Store) -> None:
        sound = json.loads(with_row())
        with pytest.raises(ValueError, match="expected n"):
            store.take_in([(sound["rows"], sound["provenance"]), ([make_row(n=-1)], make_provenance())])
        assert store.count() == 2

    def test_it_may_not_be_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exchange, "MAX_BYTES", 10)
        with pytest.raises(ValueError, match="at most 10 bytes"):
            read("a.jsonl", with_row().encode())

    @given(st.sampled_from(ROW_KEYS), st.recursive(NUMBERS | st.text() | st.integers() | st.booleans(), st.lists))
    def test_any_field_is_kept_or_refused(self, key: str, value: Any) -> None:
        try:
            ((rows, _),) = read("a.jsonl", json.dumps({"rows": [make_row() | {key: value}],
                                                       "provenance": make_provenance()}).encode())  # fmt: skip
        except ValueError as error:
            assert str(error).startswith("line 1: expected")
        else:
            assert rows[0][key] == value
