"""Weights come back as they were saved; hostile files get one sentence."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from mta_core import generators, victims, weights
from mta_core.checkpoints import NAME, load_checkpoint, save_checkpoint
from mta_core.victims.dmtl import Dmtl
from mta_core.weights import MAX_BYTES, Card, WeightsError
from tests.toys import make_pictures, make_victim

SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}
CARD = Card(
    "toy", "victim", "dmtl", {"width": 4}, SPACES, (64, 64), summary="small", metrics={"held_out": {"miou": 0.5}}
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def folder(here: Path) -> Path:
    weights.save_weights(make_victim(), CARD, here / "runs" / "one")
    return here / "runs" / "one"


def one_sentence(error: pytest.ExceptionInfo[WeightsError]) -> str:
    text = str(error.value)
    assert "\n" not in text and 10 < len(text) < 400
    return text


def rewrite(folder: Path, **fields: Any) -> None:
    path = folder / "toy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def plant(folder: Path, data: bytes) -> None:
    """Replaces the weights, and the digest so that it fits."""
    (folder / "toy.safetensors").write_bytes(data)
    rewrite(folder, sha256=hashlib.sha256(data).hexdigest())


def test_what_a_killed_process_left_goes_when_the_file_is_written_next(tmp_path: Path) -> None:
    path = tmp_path / "state[1].pt"
    left, fresh = tmp_path / f".{path.name}.1.tmp", tmp_path / f".{path.name}.2.tmp"
    others = [tmp_path / name for name in (".state[1].pt.b.1.tmp", ".other.1.tmp", ".state1.pt.1.tmp")]
    for each in (left, fresh, *others):
        each.touch()
        if each != fresh:
            os.utime(each, (time.time() - 2 * weights.LEFT,) * 2)
    weights.write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert left.exists() is False and fresh.exists(), "somebody may be writing it"
    assert others[1].exists() and others[2].exists(), "of this file alone"


def test_a_victim_comes_back_in_half_precision(folder: Path) -> None:
    victim, card = victims.load("toy")
    expected = make_victim().state_dict()
    for name, value in victim.state_dict().items():
        assert value.dtype == expected[name].dtype
        kept = expected[name].half().float() if value.is_floating_point() else expected[name]
        assert torch.equal(value, kept), name
    assert not victim.training and not any(p.requires_grad for p in victim.parameters())
    assert replace(card, sha256="") == CARD and len(card.sha256) == 64
    half = sum(value.numel() * (2 if value.is_floating_point() else 8) for value in expected.values())
    assert (folder / "toy.safetensors").stat().st_size < half + 20_000


def test_values_beyond_half_precision_survive(here: Path) -> None:
    victim = make_victim()
    victim.state_dict()["trunk.encoder.0.0.1.running_var"].fill_(1e6)
    weights.save_weights(victim, CARD, here / "runs" / "one")
    assert float(victims.load("toy")[0].state_dict()["trunk.encoder.0.0.1.running_var"][0]) == 1e6


def test_files_are_whole_and_nothing_is_left_beside_them(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["toy.json", "toy.safetensors"]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "villain"}, {"kind": ["victim"]}, {"name": 3}, {"name": None}, {"options": [4]}, {"tasks": ["depth"]},
        {"tasks": {"depth": 3}}, {"metrics": 5}, {"seed": "0"}, {"seed": 1.5}, {"sha256": None},
        {"input_size": [64]}, {"input_size": [64, 64, 64]}, {"input_size": [0, 64]}, {"input_size": [-64, 64]},
        {"input_size": [100_000, 100_000]}, {"input_size": [10**400, 1]}, {"input_size": [64.5, 64]},
        {"input_size": [float("nan"), 64]}, {"input_size": [float("inf"), 64]}, {"input_size": "64"},
        {"input_size": None}, {"input_size": ["64", "64"]}, {"input_size": [[64], [64]]}, {"surprise": 1},
        {"x" * 5000: 1}, {"tasks": {}}, {"tasks": {f"t{i}": "metres" for i in range(65)}}, {"input_size": [16, 64]},
        {"name": "\ud800bad"}, {"name": "a/b"}, {"summary": "\x1b[2Jgone"}, {"data": "two\nlines"},
        {"recipe": 3}, {"metrics": {"a": json.loads("[" * 99 + "]" * 99)}},
        {"options": {"victim": "\x1b[2J"}}, {"recipe": {"data": ["a", "\x9b2J"]}}, {"metrics": {"\x07": 1}},
        {"recipe": {"target": "\ud800"}},
    ],
    ids=lambda fields: str(fields)[:40],
)  # fmt: skip
def test_refuses_a_card_with_a_wrong_field(folder: Path, fields: dict[str, Any]) -> None:
    rewrite(folder, **fields)
    with pytest.raises(WeightsError) as error:
        Card.read(folder / "toy.json")
    assert one_sentence(error).startswith("expected a weight card in toy.json")
    with pytest.raises(WeightsError, match=r"^expected a victim among none, got 'toy'$"):
        victims.load("toy")


@pytest.mark.parametrize("field", ["name", "kind", "architecture", "options", "tasks", "input_size"])
def test_refuses_a_card_that_lacks_a_field(folder: Path, field: str) -> None:
    fields = asdict(CARD)
    del fields[field]
    (folder / "toy.json").write_text(json.dumps(fields))
    with pytest.raises(WeightsError) as error:
        Card.read(folder / "toy.json")
    assert field in one_sentence(error)


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"null", b'"card"', b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_refuses_what_is_no_card(folder: Path, data: bytes) -> None:
    (folder / "toy.json").write_bytes(data)
    with pytest.raises(WeightsError) as error:
        Card.read(folder / "toy.json")
    assert one_sentence(error)


def test_what_is_no_small_file_is_left_unread(folder: Path) -> None:
    """A pipe would be waited for without end."""
    os.mkfifo(folder / "pipe.json")
    (folder / "huge.json").write_bytes(b" " * MAX_BYTES + b"{}")
    for name in ("pipe", "huge"):
        (folder / f"{name}.safetensors").touch()
        with pytest.raises(WeightsError, match=f"^expected a weight card in {name}.json: it "):
            Card.read(folder / f"{name}.json")
    assert [card.name for card in victims.cards()] == ["toy"]
    os.mkfifo(folder / NAME)
    with pytest.raises(WeightsError, match="it is not a file"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"architecture": "vgg"}, "expected an architecture among "),
        ({"options": {}}, "expected 25,055,185 weights in toy.safetensors"),
        ({"options": {"width": 8}}, "expected 3"),
        ({"options": {"depth": 8}}, "the card of toy does not fit dmtl"),
        ({"options": {"width": "wide"}}, "the card of toy does not fit dmtl: expected a width in [1, 256], got 'wide'"),
        ({"options": {"width": 0}}, "the card of toy does not fit dmtl: expected a width in [1, 256], got 0"),
        ({"options": {"width": 10**9}}, "the card of toy does not fit dmtl"),
        ({"options": {"width": None}}, "the card of toy does not fit dmtl"),
        ({"options": {"width": 4, "tasks": {}}}, "the card of toy does not fit dmtl"),
        ({"tasks": {"depth": "miles"}}, "the card of toy does not fit dmtl"),
        ({"tasks": {"a.b": "metres"}}, "the card of toy does not fit dmtl"),
        ({"tasks": {"depth": "metres"}}, "toy.safetensors does not fit the architecture dmtl"),
        ({"sha256": "0" * 64}, "toy.safetensors is not the file that its card describes"),
        ({"kind": "generator"}, "expected a victim among none"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refuses_a_card_that_does_not_fit(folder: Path, fields: dict[str, Any], says: str) -> None:
    rewrite(folder, **fields)
    with pytest.raises(WeightsError) as error:
        victims.load("toy")
    assert one_sentence(error).startswith(says)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


def hostile_files() -> dict[str, bytes]:
    state = {name: value.contiguous() for name, value in make_victim().state_dict().items()}
    first = "trunk.encoder.0.0.0.weight"
    whole = save(state)
    return {
        "empty": b"",
        "pickle": pickle.dumps(Bomb()),
        "truncated": whole[: len(whole) // 2],
        "no header": b"\xff" * 100,
        "huge header": (2**62).to_bytes(8, "little") + b"{}",
        "missing tensor": save({name: value for name, value in state.items() if name != first}),
        "surplus tensor": save({**state, "surplus": torch.zeros(1)}),
        "other shape": save({**state, first: torch.zeros(1)}),
        "NaN": save({**state, first: torch.full_like(state[first], torch.nan)}),
        "infinity": save({**state, first: torch.full_like(state[first], torch.inf)}),
        "complex": save({**state, first: state[first].to(torch.complex64)}),
    }


HOSTILE = hostile_files()


@pytest.mark.parametrize("kind", HOSTILE)
def test_refuses_hostile_weights_whose_digest_fits(folder: Path, kind: str) -> None:
    plant(folder, HOSTILE[kind])
    with pytest.raises(WeightsError) as error:
        victims.load("toy")
    assert re.match(r"toy.safetensors does not fit the arch|expected 99,325 weights in toy", one_sentence(error))


def test_refuses_a_changed_or_missing_file(folder: Path) -> None:
    path = folder / "toy.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(WeightsError, match=r"^toy.safetensors is not the file that its card describes"):
        victims.load("toy")
    path.unlink()
    with pytest.raises(WeightsError, match=r"^expected a victim among none, got 'toy'$"):
        victims.load("toy")
    with pytest.raises(WeightsError, match=r"^expected weights in toy.safetensors: No such file"):
        victims.load(str(folder / "toy.json"))


@pytest.mark.parametrize(
    "options",
    [{"ngf": 0}, {"ngf": 8, "num_blocks": 10**9}, {"ngf": "x"}, {"num_blocks": -1}, {"pattern_size": [10**9, 64]},
     {"pattern_size": [64]}, {"pattern_size": ["x", 64]}],
)  # fmt: skip
def test_refuses_a_generator_card_that_asks_for_too_much(options: dict[str, Any]) -> None:
    card = Card("toy", "generator", "mta", options, {"depth": "metres"}, (64, 64))
    with pytest.raises(WeightsError) as error:
        generators.build(card)
    assert one_sentence(error).startswith("the card of toy does not fit mta: expected ")
    with pytest.raises(WeightsError, match="the card of toy does not fit mta"):
        generators.build(replace(card, options={}, tasks={"a.b": "metres"}))


def test_a_card_that_asks_for_more_than_its_file_holds_costs_no_memory(folder: Path) -> None:
    rewrite(folder, options={"width": 256})
    with pytest.raises(WeightsError, match=r"^expected 400,[\d,]+ weights in toy.safetensors, as its card says"):
        victims.load("toy")


def test_shipped_weights_come_first_and_each_name_once(here: Path, folder: Path) -> None:
    weights.save_weights(Dmtl(SPACES, (64, 64), width=2), replace(CARD, options={"width": 2}), here / "shipped")
    weights.save_weights(make_victim(), replace(CARD, name="other"), here / "runs" / "two")
    (folder / "notes.json").write_text("[1]")
    assert [(card.name, card.options) for card in victims.cards()] == [("toy", {"width": 2}), ("other", {"width": 4})]
    assert victims.load("toy")[0].options() == {"width": 2}
    assert victims.load(str(folder / "toy.json"))[0].options() == {"width": 4}
    assert victims.load("other")[0](make_pictures())["depth"].isfinite().all()


def test_a_checkpoint_comes_back(here: Path) -> None:
    assert load_checkpoint(here) is None
    save_checkpoint(here, {"recipe": "r", "epoch": 3, "weights": torch.arange(4.0)})
    state = load_checkpoint(here)
    assert state is not None and state["epoch"] == 3 and torch.equal(state["weights"], torch.arange(4.0))


@pytest.mark.parametrize("data", [b"", b"not a checkpoint", pickle.dumps(Bomb()), pickle.dumps([1])])
def test_refuses_what_is_no_checkpoint(here: Path, data: bytes) -> None:
    (here / NAME).write_bytes(data)
    with pytest.raises(WeightsError) as error:
        load_checkpoint(here)
    assert one_sentence(error).startswith("expected a training checkpoint in ")
    torch.save({"epoch": 1}, here / NAME)
    with pytest.raises(WeightsError, match=r"it names no recipe$"):
        load_checkpoint(here)


def test_cards_are_listed_by_their_names(here: Path) -> None:
    """Not by their paths: "-" comes before ".", and the first victim is the one that pages show first."""
    for name in ("toy-robust", "toy", "other"):
        weights.save_weights(make_victim(), replace(CARD, name=name), here / "shipped")
    assert [card.name for card, _ in weights.find_cards("victim")] == ["other", "toy", "toy-robust"]


def test_cards_are_found_while_folders_come_and_go(here: Path, folder: Path) -> None:
    """Somebody takes a training away while a page is drawn."""
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            (here / "runs" / "two").mkdir()
            (here / "runs" / "two").rmdir()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(come_and_go)
        try:
            found = [[card.name for card, _ in weights.find_cards("victim")] for _ in range(1000)]
        finally:
            is_over.set()
    assert all(names == ["toy"] for names in found)
