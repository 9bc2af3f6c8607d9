"""What perturbations cost: counts against other ways to count; times are only looked at for being there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mta_core import bench, contenders, cost, devices, peak, weights
from mta_core.bench import Clock
from mta_core.cli import main
from mta_core.contenders import Setup
from mta_core.devices import Device
from mta_core.events import Event, Message, Row
from mta_core.generators import GapGenerator, Generator, MtaGenerator
from mta_core.multiply_adds import Counter, multiply_adds
from mta_core.tasks import SCENE_TASKS
from mta_core.victims.dmtl import Dmtl
from tests.toys import CPU, make_pictures

NAMES = tuple(task.name for task in SCENE_TASKS)
SMALL = Setup(size=(64, 96), ngf=4, per_instance_blocks=2, universal_blocks=1, victim="small", repeats=2)
GENERATORS = {"gap-per-instance", "mta-per-instance", "gap-universal", "mta-universal", "mta-universal-noise", "stored"}


@pytest.fixture
def small_victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spaces = {t.name: t.space for t in SCENE_TASKS}
    card = weights.Card("small", "victim", "dmtl", {"width": 8}, spaces, (64, 96))
    weights.save_weights(Dmtl(spaces, (64, 96), width=8), card, tmp_path / "runs" / "small")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")


def by_hand(ngf: int, num_blocks: int, height: int, width: int, encoders: int, decoders: int) -> int:
    """Kernel area times channels in and out, at every place: of the output, or of the input of a transposed one."""
    whole, half, quarter = height * width, height * width // 4, height * width // 16
    down = 49 * 3 * ngf * whole + 9 * ngf * 2 * ngf * half + 9 * 2 * ngf * 4 * ngf * quarter
    blocks = num_blocks * 2 * 9 * (4 * ngf) ** 2 * quarter
    up = 9 * 4 * ngf * 2 * ngf * quarter + 9 * 2 * ngf * ngf * half + 49 * ngf * 3 * whole
    return encoders * (down + blocks) + decoders * up


@pytest.mark.parametrize("kind", [MtaGenerator, GapGenerator], ids=lambda kind: kind.architecture)
@pytest.mark.parametrize(("num_blocks", "size"), [(3, (64, 96)), (1, (32, 40))])
def test_multiply_adds_are_as_others_count_them(kind: type[Generator], num_blocks: int, size: tuple[int, int]) -> None:
    generator, pictures = kind(NAMES, 8, num_blocks).eval(), make_pictures(2, *size)
    counted = multiply_adds(generator, pictures)
    assert counted == 2 * by_hand(8, num_blocks, *size, 3 if kind is GapGenerator else 1, 3)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        generator(pictures)
    assert counted == counter.get_total_flops() // 2
    with Counter() as own, torch.no_grad():
        generator(pictures)
    assert counted == own.multiply_adds
    with torch.device("meta"):
        assert multiply_adds(kind(NAMES, 8, num_blocks), torch.empty(2, 3, *size)) == counted


def test_an_input_gradient_costs_as_much_as_the_pass() -> None:
    conv, picture = nn.Conv2d(3, 5, 3).requires_grad_(False), make_pictures(1, 16, 16).requires_grad_()
    with Counter() as counter:
        torch.autograd.grad(conv(picture).sum(), picture)
    assert counter.multiply_adds == 2 * multiply_adds(conv, picture)


def test_the_papers_generators_have_the_checked_costs() -> None:
    setup = Setup(attacks=())
    assert setup.is_papers and not replace(setup, ngf=32).is_papers
    with torch.device("meta"):
        found = {
            (kind, blocks): multiply_adds(kind(NAMES, 64, blocks), torch.empty(1, 3, *setup.size))
            for kind in (GapGenerator, MtaGenerator)
            for blocks in (10, 4)
        }
    assert found[GapGenerator, 10] / found[MtaGenerator, 10] == pytest.approx(2.70, abs=0.005)
    assert found[GapGenerator, 4] / found[MtaGenerator, 4] == pytest.approx(2.42, abs=0.005)
    # What Table 7 prints is a tenth of what the architecture has.
    exact = (37_692_297, 13_320_969, 16_440_201, 6_236_937)
    for printed, parameters in zip(cost.PAPER_PARAMETERS.values(), exact, strict=True):
        assert printed == pytest.approx(parameters / 10, abs=5e3)


def last_rows(setup: Setup, device: Device = CPU) -> dict[str, dict[str, object]]:
    events = list(cost.measure(setup, device))
    return {event.values["name"]: dict(event.values) for event in events if isinstance(event, Row)}


def test_every_contender_is_measured(small_victim: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "can_measure", lambda device: False)
    events = list(cost.measure(replace(SMALL, attacks=("pgd",)), CPU))
    texts = [event.text for event in events if isinstance(event, Message)]
    assert texts == ["peak memory is not measured on this system"]
    rows = {event.values["name"]: event.values for event in events if isinstance(event, Row)}
    assert set(rows) == {*GENERATORS, "pgd"}
    assert all(row["milliseconds"] > 0 and row["turns"] == 2 for row in rows.values())
    assert all(row["over_mta"] == 1 for name, row in rows.items() if name in ("mta-per-instance", "mta-universal"))
    gap, mta = rows["gap-per-instance"], rows["mta-per-instance"]
    assert gap["parameters"] == 3 * (mta["parameters"] - 2 * rows_of_decoder()), "three encoders instead of one"
    assert rows["stored"]["multiply_adds"] == 0 and rows["stored"]["parameters"] == 3 * 3 * 64 * 96
    assert rows["mta-universal-noise"]["multiply_adds"] == rows["gap-universal"]["multiply_adds"]
    assert rows["mta-universal-noise"]["parameters"] == rows["mta-universal"]["parameters"]
    victim, _, _ = bench.load_or_make("small")
    one_pass = multiply_adds(victim, make_pictures(1, 64, 96))
    # Ten steps for each of three tasks, a pass and a gradient a step, and the passes that make targets; heads of other
    # tasks are left out.
    assert 30 * 2 * 0.8 * one_pass < rows["pgd"]["multiply_adds"] <= 61 * one_pass
    assert all(row["paper_milliseconds"] is None for row in rows.values()), "this is not the paper's setup"


def rows_of_decoder() -> int:
    return sum(p.numel() for p in MtaGenerator(["depth"], SMALL.ngf, 1).decoders.parameters())


def test_rows_come_after_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "can_measure", lambda device: False)
    rows = [event.values for event in cost.measure(replace(SMALL, attacks=()), CPU) if isinstance(event, Row)]
    assert [row["turns"] for row in rows] == [1] * len(GENERATORS) + [2] * len(GENERATORS)


@pytest.mark.slow
@pytest.mark.skipif(not peak.can_measure(CPU), reason="this system does not tell a process's peak memory")
def test_peak_memory_is_that_of_the_weights_and_of_what_is_held_at_once() -> None:
    rows = last_rows(replace(SMALL, size=(256, 384), ngf=16, attacks=(), repeats=1))
    assert set(rows) == GENERATORS
    features = 16 * 256 * 384 * 4
    for name, row in rows.items():
        held = row["peak_bytes"]
        assert isinstance(held, int)
        if name != "stored":
            assert 2 * features < held < 12 * features, f"{name}: a convolution has an input and an output"
    stored = rows["stored"]["peak_bytes"]
    assert isinstance(stored, int) and 1.9 * 9 * 256 * 384 * 4 < stored < 3 * 9 * 256 * 384 * 4


@pytest.mark.skipif(not peak.can_measure(CPU), reason="this system does not tell a process's peak memory")
def test_what_is_held_shows_in_the_peak() -> None:
    def work() -> None:
        torch.ones(64, 1024, 1024).sum()

    assert 0.9 < peak.needed_by(work, CPU) / (64 * 2**20 * 4) < 1.3


def test_a_turn_in_pieces_is_one_time() -> None:
    clock = Clock(torch.device("cpu"))
    assert list(clock.follow("a", iter("xyz"))) == ["x", "y", "z"]
    assert len(clock.turns["a"]) == 1 and clock.turns["a"][0] > 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"precision": "float16"}, r"^expected a precision among float32, bfloat16, got 'float16'$"),
        ({"batch_size": 0}, r"^expected batch_size in \[1, 64\], got 0$"),
        ({"ngf": 1000}, r"^expected ngf in \[1, 256\], got 1000$"),
        ({"attacks": ("pgd", "magic")}, r"^expected attacks among fgsm, pgd, .*, got 'magic'$"),
        ({"size": (8, 64)}, r"^expected a size with sides in \[16, 2048\], got 8x64$"),
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changed)  # type: ignore[arg-type]


def test_a_precision_that_would_be_emulated_is_refused() -> None:
    plain = replace(devices.pick("cpu"), fast_dtype=torch.float32)
    assert contenders.precisions(plain) == ("float32",)
    with pytest.raises(ValueError, match=r"^this device computes in float32, not in bfloat16$"):
        list(cost.measure(replace(SMALL, precision="bfloat16"), plain))


def test_the_command_writes_a_row_for_every_contender(
    small_victim: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peak, "can_measure", lambda device: False)
    file = tmp_path / "cost.json"
    command = ["bench", "cost", "--victim", "small", "--repeats", "1", "--ngf", "4", "--size", "64x96"]
    assert main([*command, "--attacks", "pgd", "--precision", "float32", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert {(row["name"], row["batch_size"]) for row in found["rows"]} >= {("pgd", 1), ("mta-per-instance", 4)}
    assert all(math.isfinite(row["milliseconds"]) and row["milliseconds"] > 0 for row in found["rows"])
    assert found["provenance"]["command"].startswith("python -m mta_core bench cost")
    out = capsys.readouterr().out
    assert "over MTA" in out and "hold the pass over the clean pictures" in out
    assert main(["bench", "--ngf", "4"]) == 2
    assert "--ngf belongs to `bench cost`" in capsys.readouterr().err


def test_more_pictures_than_fit_are_left_out_unless_they_were_asked_for(
    small_victim: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(setup: Setup, device: Device) -> Iterator[Event]:
        if setup.batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return iter(())

    monkeypatch.setattr(cost, "measure", measure)
    command = ["bench", "cost", "--victim", "small", "--precision", "float32"]
    assert main(command) == 0
    assert "float32, 4 at once: does not fit into the device's memory" in capsys.readouterr().err
    assert main([*command, "--batch-size", "4"]) == 1


@pytest.mark.skipif(not peak.can_measure(CPU), reason="this system does not tell a process's peak memory")
@pytest.mark.slow
def test_a_victim_is_found_from_another_folder(
    small_victim: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights.find_card("victim", "small")[1]
    monkeypatch.chdir(path.parent)
    found = dict(peak.peaks(replace(SMALL, victim="small.json", attacks=("pgd",)), CPU, []))
    assert found["pgd"] > 0


def test_a_victim_of_another_size_is_left_out(small_victim: None) -> None:
    team, notes = contenders.contenders(replace(SMALL, size=(64, 64)), CPU)
    assert {member.entry.name for member in team} == GENERATORS
    assert len(notes) == 1 and notes[0].endswith("at 64x96")
