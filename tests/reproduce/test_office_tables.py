"""Tables over the three domains of Office-31, with untrained classifiers on made-up pictures in its layout."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mta_core import presets, weights
from mta_core.events import Message
from mta_core.generators import MtaGenerator
from mta_core.reproduce import TABLES, Paper, Report, Reproduction, Small
from mta_core.train_generator import GeneratorRecipe
from mta_core.train_victim import VictimRecipe
from mta_core.victims import Classifier
from tests import toys

DOMAINS = ("amazon", "dslr", "webcam")
SIZE = (32, 32)
NETWORK = "shufflenet_v2_x0_5"
HELMET = "bike_helmet"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes a domain, ten pictures each; the class can be read off the colour."""
    root = tmp_path_factory.mktemp("office")
    for number, (domain, name) in enumerate((domain, name) for domain in DOMAINS for name in ("bike", "mug")):
        folder = root / domain / "images" / name
        folder.mkdir(parents=True)
        for picture in range(10):
            pixels = np.random.default_rng(100 * number + picture).integers(0, 120, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels + 130 * np.uint8(number % 2)).save(folder / f"{picture}.png")
    return root


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    return tmp_path / "runs"


@pytest.fixture
def at_hand(runs: Path) -> Path:
    """The classifiers `objects-*`, and two MTA generators: away from the truth, and towards a helmet."""
    for seed, domain in enumerate(DOMAINS):
        torch.manual_seed(seed)
        victim = Classifier({domain: "office31"}, SIZE, NETWORK)
        toys.stir_batch_norm(victim, toys.make_pictures(8, *SIZE))
        card = weights.Card(f"objects-{domain}", "victim", "classifier", victim.options(), victim.tasks, SIZE)
        weights.save_weights(victim, card, runs / card.name)
    for target in ("", HELMET):
        network = MtaGenerator(DOMAINS, ngf=4, num_blocks=1)
        options = {**network.options(), "victim": "objects", "target": target, "epsilon": 10.0}
        spaces = dict.fromkeys(DOMAINS, "office31")
        card = weights.Card(f"to-{target or 'anything'}", "generator", "mta", options, spaces, SIZE)
        weights.save_weights(network, card, runs / card.name)
    return runs


def made(name: str, data: str, lines: slice = slice(None), **options: Any) -> Reproduction:
    table = TABLES[name]()
    given = {"scale": Small(), "device": toys.CPU, "limit": 4, **options}
    found = Reproduction(replace(table, lines=table.lines[lines]), data=data, **given)
    for _ in found.run():
        pass
    return found


def numbers(report: Report, *labels: str) -> dict[str, float | None]:
    line = next(line for line in report.lines if line.labels == labels)
    return dict(zip((column.label for column in report.columns), line.ours["pooled"], strict=True))


def test_fooling_ratios_stand_beside_accuracies_and_their_averages(at_hand: Path, office: Path) -> None:
    reproduction = made("mta-table3", f"office31:{office}")
    report = reproduction.report()
    clean, attacked = numbers(report, "–", "Clean"), numbers(report, "10", "MTA")
    assert all(clean[f"{domain} fooled ↑"] == 0 for domain in "ADW")
    for kind in ("fooled ↑", "acc ↓"):
        cells = [attacked[f"{domain} {kind}"] or 0 for domain in "ADW"]
        assert attacked[f"Avg {kind}"] == pytest.approx(sum(cells) / 3)
        assert all(cell in (0, 25, 50, 75, 100) for cell in cells), "of four pictures a domain"
    assert report.is_comparable
    line = next(line for line in report.lines if line.labels == ("–", "Clean"))
    assert line.difference[1] == pytest.approx((clean["A acc ↓"] or 0) - 78.72) and line.difference[0] is None
    assert len(reproduction.names) == 12
    assert report.notes[0].startswith("Measured on 4 pictures a task of `office31` (test), scale small, seed 0.")
    assert any("trained at epsilon 10 and scaled to 5" in note for note in report.notes)
    assert set(reproduction.weights) == {*(f"objects-{domain}" for domain in DOMAINS), "to-anything"}


def test_targeted_tables_ask_for_the_target(at_hand: Path, office: Path) -> None:
    reproduction = made("mta-table4", f"objects:{office}")
    report = reproduction.report()
    assert not report.is_comparable and all(not line.difference for line in report.lines)
    assert {card.name for card in reproduction.generators.values()} == {f"to-{HELMET}"}
    rows = [row for row in reproduction.rows() if row["attack"] == "mta"]
    assert {row["goal"] for row in rows} == {"targeted"} and "target_accuracy" in {row["metric"] for row in rows}
    assert None not in numbers(report, "5", "MTA").values()
    reason = next(line.reason for line in report.lines if line.labels == ("5", "GAP"))
    assert reason.startswith("no targeted per-instance GAP generator for objects")


def test_a_domain_without_a_classifier_is_named(at_hand: Path, office: Path) -> None:
    shutil.rmtree(at_hand / "objects-webcam")
    reproduction = made("mta-table1", f"office31:{office}")
    assert {line.reason for line in reproduction.report().lines} == {"the victim objects does not answer webcam"}


def test_the_papers_size_is_trained_against_a_classifier_for_each_domain(
    runs: Path, office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def classifier(domain: str) -> VictimRecipe:
        return VictimRecipe(
            name=f"resnet18-{domain}", architecture="classifier", network=NETWORK, per_epoch=8, height=32,
            input_width=32, phases=((1, *SIZE),), batch_size=4, weights=((domain, 1.0),), holdout=4, data=("objects",),
        )  # fmt: skip

    generator = GeneratorRecipe(
        name="mta-universal", victim="resnet18", data=("objects",), tasks=DOMAINS, instance="universal",
        target=HELMET, ngf=4, num_blocks=1, per_epoch=8, phases=((1, *SIZE),), holdout=4,
    )  # fmt: skip
    monkeypatch.setattr(presets, "VICTIMS", {f"resnet18-{d}": lambda d=d: classifier(d) for d in DOMAINS})
    monkeypatch.setattr(presets, "GENERATORS", {"mta-universal": lambda: generator})
    table = TABLES["mta-table2"]()
    chosen = [line for line in table.lines if line.labels in (("–", "Clean"), ("10", "GAP"), ("10", "MTA"))]
    reproduction = Reproduction(
        replace(table, lines=tuple(chosen)), Paper(f"office31:{office}", toys.CPU), f"office31:{office}", toys.CPU
    )
    said = [event.text for event in reproduction.run() if isinstance(event, Message)]
    trained = [text.removeprefix("training ") for text in said if text.startswith("training ")]
    assert trained == [
        *(f"resnet18-office31-{domain}" for domain in DOMAINS), "mta-resnet18-office31-universal-targeted-eps10",
    ]  # fmt: skip
    card, _ = weights.find_card("generator", trained[-1])
    assert (card.options["target"], card.options["epsilon"], card.options["victim"]) == (
        HELMET,
        10,
        "resnet18-office31",
    )
    report = reproduction.report()
    reasons = {line.labels: line.reason for line in report.lines}
    assert reasons["10", "GAP"] == "no preset makes a targeted universal GAP generator of the paper's size for objects"
    assert not reasons["10", "MTA"] and not reasons["–", "Clean"]
    assert [bool(line.ours) for line in report.lines] == [True, False, True]
