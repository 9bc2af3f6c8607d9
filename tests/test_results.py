"""Rows and provenance on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mta_core import results
from mta_core.results import ROW_KEYS

ROW = dict.fromkeys(ROW_KEYS, 1)


def test_a_document_comes_back_as_it_was(tmp_path: Path) -> None:
    made = results.provenance(
        command="python -m mta_core", weights={"dmtl": "ab"}, data="rooms", names=["a", "b"], seed=3
    )
    written = results.document([{**ROW, "ci95": (0.1, 0.2), "attacked": ["depth"], "clean": 0.1 + 0.2}], made)
    results.write_json(tmp_path / "new" / "rows.json", written)
    read = json.loads((tmp_path / "new" / "rows.json").read_text())
    assert set(read) == {"rows", "provenance"}
    assert tuple(read["rows"][0]) == ROW_KEYS
    assert read["rows"][0]["clean"] == 0.1 + 0.2
    assert read["rows"][0]["ci95"] == [0.1, 0.2]
    assert read["provenance"] == json.loads(results.dumps(made))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rows.json"]


def test_provenance_says_how_to_make_it_again() -> None:
    made = results.provenance(data="rooms", names=["a"], device="CPU", form="log")
    assert {"torch", "python", "mta_core", "device", "command", "date", "seconds", "seed", "weights"} <= set(made)
    assert (made["pictures"], made["form"]) == (1, "log")
    assert made["pictures_sha256"] == results.digest_of_names(["a"]) != results.digest_of_names(["b"])
    assert "content_sha256" not in made
    one, other, more = (
        results.provenance(data="rooms", names=["a"], contents=contents)
        for contents in ({"a": "1"}, {"a": "2"}, {"a": "1", "left out": "2"})
    )
    assert one["content_sha256"] == more["content_sha256"] != other["content_sha256"]
    assert one["pictures_sha256"] == other["pictures_sha256"]


def test_what_is_not_a_number_becomes_null() -> None:
    values = {"a": math.nan, "b": [math.inf, (1.5, None)], "c": {"d": -math.inf}, "e": True}
    assert json.loads(results.dumps(values)) == {"a": None, "b": [None, [1.5, None]], "c": {"d": None}, "e": True}


def test_a_row_of_other_keys_is_a_programming_error() -> None:
    with pytest.raises(AssertionError, match="a row has the keys"):
        results.document([{"task": "depth"}], {})


def test_a_measure_says_how_it_was_taken() -> None:
    rows = [
        {"task": "segmentation", "metric": "miou", "aggregation": a} for a in ("pooled", "per-picture", "published")
    ]
    assert [results.label_of(row) for row in rows] == ["mIoU", "mIoU, per picture", "mIoU, as published"]
    assert [results.is_brief(row) for row in rows] == [True, True, False]


def test_whether_a_file_could_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    results.check_writable(tmp_path / "not" / "yet" / "there.json")
    assert not (tmp_path / "not").exists()
    with pytest.raises(ValueError, match="is a folder"):
        results.check_writable(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        results.check_writable(tmp_path / "file" / "rows.json")
