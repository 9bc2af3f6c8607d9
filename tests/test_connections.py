"""Data sets are connected below the operator's folders, and nowhere else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mta_core import connections, weights
from mta_core.cli import main
from mta_core.connections import guess, parse_folders, parse_roots
from mta_core.data import DataError
from tests.mat_made import write_mat
from tests.toys import write_domains, write_scenes, write_taskonomy


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the operator named, with a data set in it, and another one beside it."""
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    for place in ("roots/inside", "outside"):
        write_scenes(tmp_path / place, count=2)
    monkeypatch.setenv("MTA_DATA_ROOTS", str(tmp_path / "roots"))
    return tmp_path / "roots"


@pytest.mark.parametrize(("text", "separator", "sets", "folders"), [
    ("/data", ":", [], ["/data"]),
    ("/data:/more", ":", [], ["/data", "/more"]),
    ("/data:nyuv2:/data/nyu", ":", ["nyuv2:/data/nyu"], ["/data", "/data/nyu"]),
    ("nyuv2:/data/nyu:/data", ":", ["nyuv2:/data/nyu"], ["/data/nyu", "/data"]),
    ("nyuv2:data/nyu:/data", ":", ["nyuv2:data/nyu"], ["data/nyu", "/data"]),
    ("pictures:/a:b:/c", ":", ["pictures:/a:b"], ["/a:b", "/c"]),
    (r"nyuv2:C:\a;pictures:D:\b", ";", [r"nyuv2:C:\a", r"pictures:D:\b"], [r"C:\a", r"D:\b"]),
    ("", ":", [], []), ("nonsense:/a", ":", [], []), ("relative", ":", [], []), ("nyuv2", ":", [], []),
])  # fmt: skip
def test_the_operator_names_folders_and_data_sets(
    text: str, separator: str, sets: list[str], folders: list[str]
) -> None:
    assert parse_roots(text, separator) == sets
    assert [str(path) for path in parse_folders(text, separator)] == folders


def test_what_is_connected_stays_and_is_taken_away(roots: Path) -> None:
    entry = connections.checked("nyuv2", "inside")
    assert entry == f"nyuv2:{roots / 'inside'}" == connections.checked("nyuv2", str(roots / "inside"))
    connections.connect(entry)
    assert connections.entries() == connections.people() == [entry] and connections.operators() == []
    with pytest.raises(DataError, match=r"is connected already$"):
        connections.connect(entry)
    connections.disconnect(entry)
    assert connections.entries() == [] and (roots / "inside" / "rgb").is_dir(), "its files stay"
    with pytest.raises(DataError, match=r"^expected what was connected here"):
        connections.disconnect(entry)


def test_what_the_operator_named_is_no_business_of_peoples(roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = f"nyuv2:{roots / 'inside'}"
    monkeypatch.setenv("MTA_DATA_ROOTS", entry)
    assert connections.entries() == [entry]
    for change in (connections.disconnect, connections.connect):
        with pytest.raises(DataError):
            change(entry)
    assert connections.checked("pictures", str(roots / "inside" / "rgb")), "below it, others"


@pytest.mark.parametrize("path", [
    "../outside", "{root}/../outside", "{outside}", "/etc", "/", "~", "~nobody-at-all/x", "inside/../../outside",
    "link", "link/rgb", "loop", "a\0b", "{root}-beside", "nowhere", "", "   ",
])  # fmt: skip
def test_nothing_else_is_connected(roots: Path, path: str) -> None:
    outside = roots.parent / "outside"
    (roots / "link").symlink_to(outside)
    (roots / "loop").symlink_to(roots / "loop")
    (roots.parent / "roots-beside").mkdir()
    given = path.format(root=roots, outside=outside)
    with pytest.raises(DataError) as error:
        connections.checked("pictures", given)
    assert "\n" not in str(error.value) and str(error.value).startswith("expected ")
    with pytest.raises(DataError):
        connections.connect(f"pictures:{given}")
    assert connections.entries() == []


@pytest.mark.parametrize("name", ["nonsense", "objects", "", "../x"])
def test_sources_that_are_none_or_write_are_not_connected(roots: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"^expected data among "):
        connections.checked(name, "inside")


def test_no_folder_is_named(roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTA_DATA_ROOTS")
    with pytest.raises(
        DataError, match=r"^expected a folder that the operator named in MTA_DATA_ROOTS, there is none$"
    ):
        connections.checked("nyuv2", str(roots / "inside"))


def test_what_was_connected_is_gone_where_the_operator_takes_the_folder_back(
    roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.connect(f"nyuv2:{roots / 'inside'}")
    monkeypatch.setenv("MTA_DATA_ROOTS", "/somewhere/else")
    assert connections.entries() == []
    monkeypatch.setenv("MTA_DATA_ROOTS", str(roots))
    assert len(connections.entries()) == 1, "and back with it"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[", "{}", "3", "[1, null]", '["nyuv2:/etc"]', '["nyuv2"]', "[" * 9999]
)
def test_a_damaged_or_hostile_list_connects_nothing(roots: Path, text: str) -> None:
    weights.RUNS.mkdir()
    (weights.RUNS / "connected.json").write_text(text)
    assert connections.entries() == []
    connections.connect(f"nyuv2:{roots / 'inside'}")
    assert json.loads((weights.RUNS / "connected.json").read_text()) == [f"nyuv2:{roots / 'inside'}"]


def test_what_lies_there_is_suggested_as_what_it_looks_like(roots: Path) -> None:
    write_mat(roots / "official")
    write_domains(roots / "deep" / "office", per_class=2)
    write_taskonomy(roots / "buildings", "{kind}/{building}/{point}_domain_{kind}.png", ["house"])
    (roots / "notes").mkdir()
    (roots / "notes" / "a.txt").touch()
    (roots / ".hidden").mkdir()
    (roots / ".hidden" / "a.png").touch()
    (roots / "album").mkdir()
    (roots / "album" / "a.JPG").touch()
    (roots / "to outside").symlink_to(roots.parent / "outside")
    expected = {"nyuv2": ["inside", "official"], "office31": ["deep/office"], "taskonomy": ["buildings"],
                "pictures": ["album"]}  # fmt: skip
    found = sorted(f"{name}:{roots / path}" for name, paths in expected.items() for path in paths)
    assert connections.suggestions() == found
    connections.connect(found[0])
    assert connections.suggestions() == found[1:]
    assert guess(roots / "nowhere") == ""


def test_a_folder_that_cannot_be_read_is_no_obstacle(roots: Path) -> None:
    (roots / "locked").mkdir(mode=0)
    try:
        assert any("inside" in entry for entry in connections.suggestions())
    finally:
        os.chmod(roots / "locked", 0o700)


def test_the_command_line_lists_what_is_connected(roots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = f"nyuv2:{roots / 'inside'}"
    connections.connect(entry)
    assert main(["list", "data"]) == 0
    assert f"{entry}  NYUv2, connected" in capsys.readouterr().out
