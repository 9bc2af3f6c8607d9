"""Weights from elsewhere: taken in whole or refused in a sentence, taken away and brought back."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from mta_core import generators, imported, victims, weights
from mta_core.cli import main
from mta_core.generators import Patterns
from mta_core.weights import Card, WeightsError, save_weights
from tests.studio import make_classifier
from tests.toys import make_victim

SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}
CARD = Card("toy", "victim", "dmtl", {"width": 4}, SPACES, (64, 64), summary="small")
Pair = tuple[bytes, bytes]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "shipped")
    return tmp_path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound victim and a sound generator that are nowhere yet."""
    folder = tmp_path_factory.mktemp("elsewhere")
    save_weights(make_victim(), CARD, folder)
    patterns = Patterns(list(SPACES), (64, 64))
    options = {**patterns.options(), "victim": "toy", "method": "mta", "instance": "universal"}
    save_weights(patterns, Card("drawn", "generator", "patterns", options, SPACES, (64, 64)), folder)
    return folder


@pytest.fixture
def toy(files: Path) -> Pair:
    return (files / "toy.safetensors").read_bytes(), (files / "toy.json").read_bytes()


def changed(card: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(card), **fields}).encode()


def fitting(data: bytes, card: bytes) -> Pair:
    """With the digest of these bytes in the card."""
    return data, changed(card, sha256=hashlib.sha256(data).hexdigest())


def left() -> list[str]:
    """Everything below `runs/`, but for the lock."""
    return sorted(
        str(p.relative_to(weights.RUNS)) for p in weights.RUNS.rglob("*") if p.name not in (".lock", "imported")
    )


def test_weights_are_found_where_others_are(toy: Pair, files: Path) -> None:
    assert imported.take_in(*toy).name == "toy"
    victim, card = victims.load("toy")
    assert card.sha256 == hashlib.sha256(toy[0]).hexdigest() and set(victim.tasks) == set(SPACES)
    ((_, path),) = weights.find_cards("victim")
    assert imported.place_of(path) == "imported" and path.read_bytes() == toy[0]
    drawn = [(files / f"drawn{suffix}").read_bytes() for suffix in (".safetensors", ".json")]
    imported.take_in(*drawn, name="mine")
    assert generators.load("mine")[1].options["victim"] == "toy"
    assert left() == [f"imported/{name}.{kind}" for name in ("mine", "toy") for kind in ("json", "safetensors")]


def test_a_sound_file_may_begin_with_the_first_byte_of_a_pickle(toy: Pair) -> None:
    """Its first byte belongs to the length of its header: one file in 32 has that one there."""
    (length,) = struct.unpack("<Q", toy[0][:8])
    more = (0x80 - length) % 256
    data = struct.pack("<Q", length + more) + toy[0][8 : 8 + length] + b" " * more + toy[0][8 + length :]
    assert data[:1] == pickle.dumps(0)[:1] and imported.take_in(*fitting(data, toy[1])).name == "toy"


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


def pickled(data: bytes, card: bytes) -> Pair:
    return fitting(pickle.dumps(Bomb()), card)


def zipped(data: bytes, card: bytes) -> Pair:
    import io

    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)
    return fitting(buffer.getvalue(), card)


def with_nan(data: bytes, card: bytes) -> Pair:
    state = {name: value.contiguous() for name, value in make_victim().state_dict().items()}
    state["trunk.encoder.0.0.0.weight"] = torch.full_like(state["trunk.encoder.0.0.0.weight"], torch.nan)
    return fitting(save(state), card)


def exploding(data: bytes, card: bytes) -> Pair:
    """Finite weights whose answers are not."""
    state = {name: value.contiguous() for name, value in make_victim().state_dict().items()}
    state |= {name: torch.full_like(v, 3e38) for name, v in state.items() if v.is_floating_point() and "weight" in name}
    return fitting(save(state), card)


HOSTILE: dict[str, tuple[Callable[[bytes, bytes], Pair], str]] = {
    "empty": (lambda d, c: fitting(b"", c), "expected a safetensors file"),
    "pickle": (pickled, "expected a safetensors file, got a pickled one"),
    "PyTorch's zip": (zipped, "expected a safetensors file, got a pickled one"),
    "huge header": (lambda d, c: fitting(struct.pack("<Q", 2**62) + b"{}", c), "expected a safetensors file"),
    "long header": (lambda d, c: fitting(struct.pack("<Q", 5_000_000) + b" " * 5_000_000, c), "expected a safetensors"),
    "no header": (lambda d, c: fitting(b"\xff" * 99, c), "expected a safetensors file"),
    "cut off": (lambda d, c: fitting(d[: len(d) // 2], c), "expected 99,325 weights"),
    "a byte less": (lambda d, c: fitting(d[:-1], c), "toy.safetensors does not fit"),
    "wrong sha256": (lambda d, c: (d, changed(c, sha256="0" * 64)), "the weights are not the file that the card"),
    "no sha256": (lambda d, c: (d, changed(c, sha256="")), "expected the sha256 of the weights in the card"),
    "NaN": (with_nan, "toy.safetensors does not fit the architecture dmtl: a weight is not a finite"),
    "overflow": (exploding, "these weights cannot be used: toy answers "),
    "unknown architecture": (lambda d, c: (d, changed(c, architecture="vgg")), "expected an architecture among dmtl"),
    "another architecture": (lambda d, c: (d, changed(c, architecture="mtan")), ""),
    "giant width": (lambda d, c: (d, changed(c, options={"width": 10**9})), "the card of toy does not fit dmtl"),
    "wide": (lambda d, c: (d, changed(c, options={"width": 256})), "expected 400,"),
    "infinite option": (lambda d, c: (d, c.replace(b'"width": 4', b'"width": 1e999')), "expected options of the card"),
    "unknown task": (lambda d, c: (d, changed(c, tasks={"juggling": "balls"})), "expected tasks that this program"),
    "unknown space": (lambda d, c: (d, changed(c, tasks={"depth": "miles"})), "expected tasks that this program"),
    "path in the name": (lambda d, c: (d, changed(c, name="../../evil")), "expected a weight card in the card"),
    "absolute name": (lambda d, c: (d, changed(c, name="/tmp/evil")), "expected a weight card in the card"),
    "dots": (lambda d, c: (d, changed(c, name="..")), "expected a weight card in the card"),
    "a name with a null": (lambda d, c: (d, changed(c, name="a\0b")), "expected a weight card in the card"),
    "a name like a file": (lambda d, c: (d, changed(c, name="toy.JSON")), "expected a name that means nothing else"),
    "a word of ours": (lambda d, c: (d, changed(c, name="auto")), "expected a name that means nothing else"),
    "a giant picture": (lambda d, c: (d, changed(c, input_size=[10**6, 10**6])), "expected a weight card in the card"),
    "a great picture": (lambda d, c: (d, changed(c, input_size=[4096] * 2)), "expected an input_size of at most 1,048"),
    "a text as seed": (lambda d, c: (d, changed(c, seed="7")), "expected a weight card in the card: it must have a "),
    "surplus field": (lambda d, c: (d, changed(c, surprise=1)), "expected a weight card in the card"),
    "other kind": (lambda d, c: (d, changed(c, kind="generator")), "expected an architecture among "),
    "a card that is none": (lambda d, c: (d, b"[" * 100_000), "expected a weight card in the card"),
    "a card that is no text": (lambda d, c: (d, b"\xff\xfe"), "expected a weight card in the card"),
    "a giant card": (lambda d, c: (d, b" " * 1_000_001), "expected a weight card in the card: it has more than"),
    "a card that steers a terminal": (lambda d, c: (d, changed(c, summary="\x1b[2J")), "expected a weight card in"),
}  # fmt: skip


def test_a_list_of_tensors_of_any_length_is_no_pickle(toy: Pair) -> None:
    """The first byte of a file is that of a length; a pickle's is 128."""
    length = struct.unpack("<Q", toy[0][:8])[0]
    padding = b" " * ((128 - length) % 256)
    data = struct.pack("<Q", length + len(padding)) + toy[0][8 : 8 + length] + padding + toy[0][8 + length :]
    assert data[:1] == b"\x80"
    assert imported.take_in(*fitting(data, toy[1])).name == "toy"


@pytest.mark.parametrize(
    "options",
    [
        {"method": ["x"]}, {"method": "pgd"}, {"instance": {}}, {"scope": 3}, {"norm": "l7"}, {"epsilon": "x"},
        {"epsilon": -1}, {"epsilon": True}, {"epsilon": 10**400}, {"victim": 5}, {"target": []}, {"victim_sha256": 7},
    ],
)  # fmt: skip
def test_a_generator_says_what_it_is_for_in_known_terms(files: Path, options: dict[str, Any]) -> None:
    data, card = ((files / f"drawn{suffix}").read_bytes() for suffix in (".safetensors", ".json"))
    with pytest.raises(WeightsError, match="card's options"):
        imported.take_in(data, changed(card, options={**json.loads(card)["options"], **options}))
    assert left() == []


@pytest.mark.parametrize("how", HOSTILE)
def test_refuses_wrong_and_hostile_files_in_a_sentence(how: str, toy: Pair) -> None:
    make, says = HOSTILE[how]
    with pytest.raises(WeightsError) as error:
        imported.take_in(*make(*toy))
    said = str(error.value)
    assert said.startswith(says) and "\n" not in said and 10 < len(said) < 400
    assert said.isprintable() and left() == [], "nothing is kept"


def test_a_pickle_is_not_opened(toy: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(pickle, "loads", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    for make in (pickled, zipped):
        data, card = make(*toy)
        with pytest.raises(WeightsError, match="pickled"):
            imported.take_in(data, card)


def test_a_name_that_is_taken_is_refused_in_any_case_of_letters(here: Path, toy: Pair) -> None:
    save_weights(make_victim(), replace(CARD, name="Shipped"), here / "shipped")
    save_weights(make_victim(), replace(CARD, name="own"), weights.RUNS / "own")
    (weights.RUNS / "busy").mkdir()
    before = left()
    for name, place in (("shipped", "shipped"), ("SHIPPED", "shipped"), ("own", "own runs"), ("busy", "a run")):
        with pytest.raises(WeightsError, match=rf"^the name {name} is taken by {place}"):
            imported.take_in(*toy, name=name)
    assert left() == before
    imported.take_in(*toy)
    with pytest.raises(WeightsError, match=r"^the name Toy is taken by imported weights: choose another$"):
        imported.take_in(*toy, name="Toy")


def test_a_name_that_would_change_what_another_stands_for_is_refused(toy: Pair) -> None:
    for domain in ("amazon", "dslr"):
        make_classifier(weights.RUNS, f"objects-{domain}", domain)
    digest = victims.find("objects").sha256
    for name in ("objects", "objects-depth", "Objects-Webcam"[:7] + "-normals"):
        with pytest.raises(WeightsError, match=r"would change what objects stands for"):
            imported.take_in(*toy, name=name)
    assert victims.find("objects").sha256 == digest


def test_removing_is_undone_and_what_is_shipped_stays(here: Path, toy: Pair) -> None:
    save_weights(make_victim(), replace(CARD, name="shipped"), here / "shipped")
    save_weights(make_victim(), replace(CARD, name="own"), weights.RUNS / "own")
    imported.take_in(*toy)
    for name in ("shipped", "own", "nothing", "../own/own", ""):
        with pytest.raises(WeightsError, match=r"^expected imported weights \(toy\), got "):
            imported.remove(name)
    imported.remove("toy")
    assert imported.removed() == ["toy"] and {card.name for card in victims.cards()} == {"shipped", "own"}
    imported.restore("toy")
    assert imported.removed() == [] and victims.load("toy")[1].name == "toy"
    with pytest.raises(WeightsError, match=r"^expected removed weights \(there are none\), got 'toy'$"):
        imported.restore("toy")


def test_what_comes_back_takes_nobodys_place(toy: Pair) -> None:
    imported.take_in(*toy)
    imported.remove("toy")
    imported.take_in(*toy)
    with pytest.raises(WeightsError, match=r"^the name toy is taken by imported weights"):
        imported.restore("toy")
    imported.remove("toy")
    imported.restore("toy")
    assert imported.removed() == ["toy"], "the one that was removed first"


def test_what_was_removed_long_ago_goes_and_what_a_killed_process_left(toy: Pair) -> None:
    imported.take_in(*toy)
    imported.remove("toy")
    (kept,) = (imported.folder() / ".removed").iterdir()
    old = kept.with_name(str(time.time_ns() - 31 * 86_400 * 10**9))
    kept.rename(old)
    stray, fresh = imported.folder() / ".incoming-a", imported.folder() / ".incoming-b"
    for each in (stray, fresh):
        each.mkdir()
        (each / "x.safetensors").touch()
    os.utime(stray, (time.time() - 2 * weights.LEFT,) * 2)
    imported.take_in(*toy)
    assert imported.removed() == [] and not old.exists() and not stray.exists() and fresh.exists()


def test_nothing_is_half_taken_in_where_the_disk_fails(toy: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imported, "write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        imported.take_in(*toy)
    assert left() == []


def test_files_that_are_too_large_or_none_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "giant.safetensors").open("wb") as file:
        file.truncate(imported.MAX_BYTES + 1)
    with pytest.raises(WeightsError, match=r"^expected giant.safetensors to have at most 2,000,000,000 bytes"):
        imported.read_file(tmp_path / "giant.safetensors")
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "nowhere", "."):
        with pytest.raises(WeightsError, match=r"^expected a file, "):
            imported.read_file(tmp_path / name)


def test_the_command_line_imports_removes_and_restores(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(files / "toy.safetensors"), "--name", "mine", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "mine"
    assert main(["list", "victims"]) == 0
    assert "imported" in capsys.readouterr().out
    assert main(["import", str(files / "toy.safetensors"), str(files / "drawn.json")]) == 2
    error = capsys.readouterr().err
    assert "nothing imported from toy.safetensors: " in error and "sha256" in error and error.count("\n") == 1
    assert main(["import", str(files / "nothing.safetensors")]) == 2
    assert main(["remove", "mine"]) == 0
    assert "`restore mine` brings it back" in capsys.readouterr().out
    assert main(["restore", "mine"]) == 0 and victims.cards()
    assert main(["remove", "dmtl"]) == 2
    assert "expected imported weights (mine), got 'dmtl'" in capsys.readouterr().err


def test_a_file_of_unknown_types_is_refused(tmp_path: Path, toy: Pair) -> None:
    save_file({"a": torch.zeros(3, dtype=torch.int8)}, tmp_path / "other.safetensors")
    data = (tmp_path / "other.safetensors").read_bytes()
    with pytest.raises(WeightsError, match=r"^expected 99,325 weights in toy.safetensors"):
        imported.take_in(*fitting(data, toy[1]))
    assert asdict(Card.parse(toy[1], "x"))["name"] == "toy"
