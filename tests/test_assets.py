"""What is shipped: its size, its gallery, and how it is served."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from mta_core import generators, victims
from mta_core.data import open_data
from mta_core.data.objects import DOMAINS, render_object
from mta_core.data.rooms.source import SPLITS
from mta_core.reproduce.mtlr_chain import ChainReproduction
from mta_core.reproduce.mtlr_study import Asked
from mta_core.study import findings, plan, shipped
from mta_core.study.pictures import tiles
from mta_core.study_presets import named
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import ROOT, find_card
from tests.toys import CPU

ASSETS = ROOT / "assets"
MEGABYTE = 2**20


def test_assets_stay_small() -> None:
    sizes = {path: path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 100 * MEGABYTE
    assert max(sizes.values()) < 16 * MEGABYTE
    assert sum(size for path, size in sizes.items() if "gallery" in path.parts) < 6 * MEGABYTE
    for card in (*victims.cards(), *generators.cards()):
        path = ASSETS / "weights" / f"{card.name}.safetensors"
        assert sizes.get(path, 0) <= {"victim": 12, "generator": 5}[card.kind] * MEGABYTE, card.name


def test_the_study_is_whole_and_of_the_weights_that_are_shipped() -> None:
    """Every cell and curve is measured, every cell has its pictures, and the theory is of the same network."""
    card, path = find_card("victim", "short-all")
    files = [path for path in shipped.folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in (*files, path.with_suffix(".safetensors"))) < 20 * MEGABYTE
    found = findings.read(shipped.folder() / shipped.FINDINGS)
    cells = [*plan.tables(), *plan.probes([plan.ALL])]
    assert all(found.has(probe) for probe in (*cells, *plan.curves()))
    assert len({(each.content_sha256, each.n, each.seed) for each in found}) == 1, "all of the same pictures"
    of_all = [each for each in found if each.probe.model == plan.ALL]
    assert {(each.victim, each.sha256) for each in of_all} == {(card.name, card.sha256)}
    for probe in cells:
        with Image.open(shipped.folder() / "pictures" / f"{shipped.stem(probe)}.webp") as sheet:
            assert len(tiles(sheet, card.input_size)) == 1 + len(probe.model), probe
    documents = [shipped.theory(path)["provenance"] for path in shipped.theories()]
    assert documents and all(
        find_card("victim", name)[0].sha256 == sha256 for made in documents for name, sha256 in made["weights"].items()
    )


@pytest.mark.parametrize("name", ["mtlr-fig12", "mtlr-fig13"])
def test_the_chain_of_tasks_is_shipped_whole(name: str) -> None:
    made = ChainReproduction(name, Asked(CPU))
    lines = made.report().lines
    assert len(lines) == 5 and all(line.ours for line in lines)
    known = findings.read(shipped.folder() / shipped.FINDINGS)
    networks = {each.victim: each.sha256 for each in known}
    for letters, found in made.measured.items():
        ((victim, sha256),) = found["provenance"]["weights"].items()
        assert victim == named("short", letters) and networks.get(victim, sha256) == sha256


def test_the_gallery_is_24_scenes_with_every_label() -> None:
    gallery = open_data(f"rooms:{ASSETS / 'gallery'}", "gallery", (288, 384))
    assert len(gallery) == 24
    for index in range(len(gallery)):
        assert set(gallery[index].targets) == {t.name for t in SCENE_TASKS}


def test_no_split_of_the_rooms_shows_scenes_of_another() -> None:
    seeds = {name: set(split) for name, split in SPLITS.items()}
    for name in seeds:
        others = [other for other in seeds if other != name]
        assert all(seeds[name].isdisjoint(seeds[other]) for other in others), name


def test_shipped_weights_say_where_they_come_from() -> None:
    for card in (*victims.cards(), *generators.cards()):
        if (ASSETS / "weights" / f"{card.name}.json").is_file():
            assert card.data and card.terms and card.command and card.metrics and card.recipe, card.name
            assert "/" not in card.data and "/" not in card.command.replace("runs/", "")


def test_the_shipped_generator_follows_the_picture() -> None:
    gallery = open_data(f"rooms:{ASSETS / 'gallery'}", "gallery", (288, 384))
    pictures = torch.stack([gallery[index].image for index in (0, 12)])
    generator, _ = generators.load("mta-dmtl")
    with torch.no_grad():
        for name, (one, other) in generator(pictures).items():
            assert (one * other < 0).float().mean() > 0.02, name


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    Image.new("RGB", (400, 300), "teal").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    example = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert "num_steps=20" in example
    exec(example.replace("num_steps=20", "num_steps=1"), {})
    assert [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()] == [
        t.label.split(" ")[0] for t in SCENE_TASKS
    ]


def test_the_app_serves_this_machine_alone_and_tells_nobody() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False


def test_the_gallery_has_six_objects_in_every_domain_as_the_program_renders_them() -> None:
    gallery = open_data(f"objects:{ASSETS / 'gallery' / 'objects'}", "gallery", (224, 224))
    assert len(gallery) == 18
    for domain in DOMAINS:
        own = gallery.for_task(domain)
        assert len(own) == 6
        sample = own[0]
        (label,) = (int(target) for target in sample.targets.values())
        rendered = render_object(int(sample.name.rsplit("/", 1)[1]), domain, label).image
        difference = sample.image - torch.from_numpy(rendered.copy()).movedim(-1, 0) / 255
        assert difference.abs().mean() < 4 / 255, "compressed, but the same picture"
