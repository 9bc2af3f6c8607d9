"""The tour: what is shipped, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from mta_core import tour
from mta_core.tour.drawing import SCENES
from mta_core.tour.scene import FOLDER, LISTING
from mta_core.weights import find_card

SCENE = tour.Scene("A title", "Words.", "Small print.", 1, (tour.Panel("A room", "A room", "a.webp"),))


def webp() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, "WEBP")
    return buffer.getvalue()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    tour.write(tmp_path / "tour", [SCENE], {"a.webp": webp()}, {"seed": 0})
    assert tour.read(tmp_path / "tour") == ((SCENE,), {"a.webp": webp()})


def test_where_none_was_drawn_there_is_none(tmp_path: Path) -> None:
    assert tour.read(tmp_path) == ((), {})


@pytest.mark.parametrize("damage", ["{", "[]", '{"scenes": [{"title": "A"}]}', "picture", "elsewhere"])
def test_a_damaged_one_is_told_in_one_sentence(tmp_path: Path, damage: str) -> None:
    tour.write(tmp_path, [SCENE], {"a.webp": webp()}, {})
    listing = tmp_path / LISTING
    if damage == "picture":
        (tmp_path / "a.webp").unlink()
    elif damage == "elsewhere":
        listing.write_text(listing.read_text().replace("a.webp", "../a.webp"))
    else:
        listing.write_text(damage)
    with pytest.raises(ValueError, match="expected a tour as"):
        tour.read(tmp_path)


def test_the_shipped_one_has_six_scenes_of_the_shipped_weights() -> None:
    scenes, files = tour.read()
    assert len(scenes) == len(SCENES) == 6
    assert len({scene.title for scene in scenes}) == 6
    for scene in scenes:
        assert scene.words.endswith((".", "?")) and scene.small and 1 <= scene.columns <= 6
        assert len(scene.panels) % scene.columns == 0, "whole rows"
        assert all(panel.alt and panel.caption for panel in scene.panels)
    assert set(files) == {path.name for path in FOLDER.glob("*.webp")}, "no others lie there"
    for name, data in files.items():
        with Image.open(io.BytesIO(data)) as picture:
            picture.verify()
            assert picture.format == "WEBP", name
    assert sum(map(len, files.values())) < 2e6
    used = json.loads((FOLDER / LISTING).read_text())["provenance"]["weights"]
    assert used == {name: find_card("victim", name)[0].sha256 for name in used}, "drawn anew when weights change"
