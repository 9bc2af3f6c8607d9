"""Uploads by their digest: who finds them again."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from helpers import png

from app import uploads
from app.uploads import Upload, Uploads, Wanted
from mta_core import weights
from mta_core.imaging import ImageError


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def upload() -> Upload:
    return Upload.read("mine.png", png())


def wanted(upload: Upload, digits: int = 32) -> Wanted:
    found = Wanted.parse(upload.sha256[:digits], upload.name)
    assert found is not None
    return found


@pytest.mark.parametrize("digest", ["", "abc", "0" * 15, "0" * 65, "g" * 32, "../" * 8, "*" * 20])
def test_what_is_no_digest_names_nothing(digest: str) -> None:
    assert Wanted.parse(digest, "x") is None


def test_only_the_browser_that_sent_it_finds_it(upload: Upload) -> None:
    known = Uploads()
    known.note("mine", upload)
    known.note("", Upload.read("nameless.png", png(colour="red")))
    assert known.find("mine", wanted(upload)) is upload
    assert known.find("another", wanted(upload)) is None
    assert known.find("", wanted(upload)) is None
    assert known.find("", wanted(Upload.read("x", png(colour="red")))) is None, "a browser without a name"


def test_it_is_forgotten_with_the_last_session_that_holds_it() -> None:
    known, upload = Uploads(), Upload.read("mine.png", png())
    looked_for = wanted(upload)
    known.note("mine", upload)
    del upload
    gc.collect()
    assert known.find("mine", looked_for) is None


def test_what_is_saved_on_purpose_is_found_by_everybody_until_it_is_removed(upload: Upload, runs: Path) -> None:
    known = Uploads()
    assert not uploads.is_saved(upload) and known.find("", wanted(upload)) is None
    uploads.save(upload)
    found = known.find("another", wanted(upload, 16))
    assert found is not None and (found.name, found.data) == ("mine.png", upload.data)
    assert found.pictures["pad"].key == upload.pictures["pad"].key and not found.is_own
    known.note("another", found)
    uploads.forget(upload)
    assert known.find("another", wanted(upload)) is None, "who found it holds it no longer than its session"
    assert not list((runs / "uploads").iterdir())


@pytest.mark.parametrize("damage", ["data", "card", "no data"])
def test_what_was_changed_on_disk_is_not_shown(upload: Upload, damage: str) -> None:
    uploads.save(upload)
    file = uploads.folder() / upload.sha256
    if damage == "data":
        file.write_bytes(png(colour="red"))
    elif damage == "card":
        file.with_name(f"{upload.sha256}.json").write_bytes(b"\xff{")
    else:
        file.unlink()
    assert uploads.saved(wanted(upload)) is None


def test_a_card_of_strange_content_costs_only_the_name(upload: Upload) -> None:
    uploads.save(upload)
    (uploads.folder() / f"{upload.sha256}.json").write_text('["no name"]')
    found = uploads.saved(wanted(upload))
    assert found is not None and found.name == "picture"


def test_names_are_of_one_line_and_bearable() -> None:
    assert uploads.short("a\nb") == "a?b"
    assert len(uploads.short("x" * 500)) == uploads.LONGEST_NAME


def test_what_is_no_picture_is_no_upload() -> None:
    with pytest.raises(ImageError):
        Upload.read("x.png", b"\x89PNG broken")
