"""A study goes on where it stood, measures nothing twice, and says what it cannot do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mta_core import victims, weights
from mta_core.cli import main
from mta_core.data import DataError, Sample
from mta_core.data.rooms.source import Rooms
from mta_core.events import Event, Message, Progress
from mta_core.locks import FileLock
from mta_core.study import models, plan, remembered, shipped, study
from mta_core.study.findings import Findings, read
from mta_core.study.plan import Probe
from mta_core.study.printed import SIZES
from mta_core.study.study import Study
from mta_core.study_presets import SETTINGS, study_preset
from mta_core.victim_recipe import VictimRecipe
from tests import toys
from tests.study.conftest import NUM_ROOMS, MakeVictim

ROOT = Path(__file__).resolve().parents[2]
PROBES = [Probe("sd", "d", steps=2), Probe("sd", "sd", steps=2), Probe("d", "d", steps=2), Probe("sd", "s", steps=2)]


def study_of(rooms: Path, **options: Any) -> Study:
    return Study("short", f"rooms:{rooms}", toys.CPU, **options)


def run(own: Study, probes: list[Probe] = PROBES) -> list[Event]:
    return list(own.run(probes))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Probe]:
    """Fills with the probes that are measured."""
    seen: list[Probe] = []
    real = study.measure

    def watched(probe: Probe, *given: Any, **options: Any) -> Any:
        seen.append(probe)
        return real(probe, *given, **options)

    monkeypatch.setattr(study, "measure", watched)
    return seen


@pytest.fixture
def at_hand(make_victim: MakeVictim) -> None:
    for letters in ("sd", "d"):
        make_victim(letters)


@pytest.mark.usefixtures("at_hand")
class TestGoingOn:
    def test_what_is_found_is_on_disk_and_not_measured_again(
        self, rooms: Path, runs: Path, measured: list[Probe]
    ) -> None:
        own = study_of(rooms)
        events = run(own)
        assert own.path == runs / "study" / "short-folder" / "findings.jsonl" and not own.failures
        assert [each.to_json() for each in read(own.path)] == [each.to_json() for each in own.findings]
        assert measured == [PROBES[0], PROBES[1], PROBES[3], PROBES[2]], "each model is loaded once"
        stages = {event.stage for event in events if isinstance(event, Progress)}
        assert {"model 2 of 2", "probe 4 of 4", "probe 3 of 4: measuring"} <= stages
        made = json.loads((own.folder / "provenance.json").read_text())
        assert set(made["weights"]) == {"short-segmentation-depth", "short-depth"}
        assert (made["data"], made["pictures"], made["setting"]) == ("rooms", NUM_ROOMS, "short")
        assert str(rooms) not in own.path.read_text() + str({**made, "command": ""})
        again = study_of(rooms)
        run(again)
        assert len(measured) == 4 and set(again.findings) == set(own.findings)

    def test_each_picture_is_read_once_for_all_probes(self, rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read_ones: list[int] = []
        real = Rooms.read

        def watched(source: Rooms, index: int) -> Sample:
            read_ones.append(index)
            return real(source, index)

        monkeypatch.setattr(Rooms, "read", watched)
        kept = study_of(rooms)
        run(kept)
        assert sorted(read_ones) == list(range(NUM_ROOMS))
        monkeypatch.setattr(remembered, "MOST", 1_000_000)
        kept.path.unlink()
        again = study_of(rooms)
        run(again)
        assert len(read_ones) == NUM_ROOMS * (1 + len(PROBES)), "what memory cannot hold is read again"
        assert [each.to_json() for each in again.findings] == [each.to_json() for each in kept.findings]

    def test_a_model_of_other_weights_is_measured_anew(
        self, rooms: Path, measured: list[Probe], make_victim: MakeVictim
    ) -> None:
        own = study_of(rooms)
        run(own)
        del measured[:]
        card = make_victim("d", seed=1)
        again = study_of(rooms)
        run(again)
        assert measured == [PROBES[2]]
        found = again.findings.find(PROBES[2], "d")
        assert found is not None and found.sha256 == card.sha256 and found != own.findings.find(PROBES[2], "d")

    def test_other_pictures_are_measured_anew(self, rooms: Path, measured: list[Probe], tmp_path: Path) -> None:
        run(study_of(rooms), PROBES[:1])
        other = tmp_path / "other"
        toys.write_scenes(other, NUM_ROOMS)
        (other / "rgb" / "0003.png").write_bytes((other / "rgb" / "0004.png").read_bytes())
        run(study_of(other), PROBES[:1])
        assert len(measured) == 2

    def test_of_pictures_that_have_changed_nothing_old_stays(self, rooms: Path, tmp_path: Path) -> None:
        own = tmp_path / "own"
        shutil.copytree(rooms, own)
        run(study_of(own), PROBES[:2])
        (own / "rgb" / "0003.png").write_bytes((own / "rgb" / "0004.png").read_bytes())
        again = study_of(own)
        run(again, PROBES[:1])
        assert {each.probe for each in read(again.path)} == {PROBES[0]}, "the other is of other pictures"

    def test_rooms_from_a_folder_lie_apart_from_the_usual_ones(self, rooms: Path) -> None:
        assert study_of(rooms).folder.name == "short-folder" and Study("short", device=toys.CPU).folder.name == "short"

    def test_other_limits_and_seeds_lie_apart(self, rooms: Path, measured: list[Probe]) -> None:
        made = [study_of(rooms, **options) for options in ({}, {"limit": 2}, {"seed": 3})]
        for own in made:
            run(own, PROBES[2:3])
        assert len({own.folder for own in made}) == 3 and len(measured) == 3
        found = [own.findings.find(PROBES[2], "d") for own in made]
        assert [(each.n, each.seed) for each in found if each] == [(NUM_ROOMS, 0), (2, 0), (NUM_ROOMS, 3)]
        assert len({each.adversarial for each in found if each}) == 3

    def test_killed_it_loses_but_the_probe_it_was_at(self, rooms: Path, runs: Path, measured: list[Probe]) -> None:
        program = (
            "import sys\nfrom pathlib import Path\nfrom mta_core import weights\n"
            "from mta_core.study.study import Study\nfrom tests import toys\n"
            "from tests.study.test_study import PROBES\n"
            "weights.SHIPPED = Path('nothing')\n"
            "for event in Study('short', sys.argv[1], toys.CPU).run(PROBES):\n"
            "    if getattr(event, 'stage', '') in ('probe 2 of 4', 'probe 3 of 4: measuring'):\n"
            "        print(event.stage, flush=True)\n"
        )
        started = subprocess.Popen(
            [sys.executable, "-c", program, f"rooms:{rooms}"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MTA_RUNS": str(runs), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert started.stdout is not None
        with started.stdout:
            assert started.stdout.readline() == "probe 2 of 4\n"
            started.send_signal(signal.SIGKILL)
        assert started.wait() == -signal.SIGKILL
        path = runs / "study" / "short-folder" / "findings.jsonl"
        before = path.read_text().splitlines()
        kept = len({json.dumps(json.loads(line)["probe"]) for line in before})
        assert kept in (2, 3)
        own = study_of(rooms)
        run(own)
        assert measured == [PROBES[0], PROBES[1], PROBES[3], PROBES[2]][kept:]
        assert path.read_text().splitlines()[: len(before)] == before
        assert all(own.findings.has(probe) for probe in PROBES) and not (own.folder / "lock").exists()

    def test_two_at_once_are_refused(self, rooms: Path) -> None:
        own = study_of(rooms)
        lock = FileLock(own.folder / "lock")
        assert lock.acquire()
        with pytest.raises(ValueError, match=r"^another study is writing to .*short-folder: wait for it$"):
            run(own)
        lock.release(for_good=True)
        run(own, PROBES[2:3])
        assert len(own.findings) == 1

    def test_a_broken_file_is_refused_by_its_name(self, rooms: Path) -> None:
        own = study_of(rooms)
        run(own, PROBES[2:3])
        whole = own.path.read_text()
        for broken in (whole[:-20], "{}\n", "[1]\n", whole.replace('"model": "d"', '"model": "x"'),
                       whole.replace('"clean": ', '"clean": "a", "other": ')):  # fmt: skip
            own.path.write_text(broken)
            with pytest.raises(
                ValueError, match=r"^expected findings of the study in .*findings.jsonl, one in a line$"
            ):
                study_of(rooms)
            assert own.path.read_text() == broken


class TestModels:
    @pytest.fixture(autouse=True)
    def tiny(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def made(name: str) -> VictimRecipe:
            return replace(
                study_preset(name), fraction=0.05, per_epoch=4, height=64, input_width=64, phases=((2, 32, 32),),
                batch_size=2, holdout=2,
            )  # fmt: skip

        monkeypatch.setattr(models, "study_preset", made)

    def test_what_is_missing_is_trained_once(self, rooms: Path, runs: Path) -> None:
        own = study_of(rooms)
        events = list(own.train(PROBES))
        cards = {card.name: card.sha256 for card in victims.cards()}
        assert set(cards) == {"short-segmentation-depth", "short-depth"} and not own.path.exists()
        assert any(isinstance(e, Progress) and e.stage.startswith("model 2 of 2: ") for e in events)
        run(own)
        assert {card.name: card.sha256 for card in victims.cards()} == cards
        assert {each.sha256 for each in own.findings} == set(cards.values()) and len(own.findings) == 7
        card, _ = weights.find_card("victim", "short-depth")
        assert card.command.endswith("train victim --preset short:d --set data=rooms:PATH --out runs/short-depth")

    def test_a_training_that_was_stopped_goes_on(self, rooms: Path, runs: Path) -> None:
        work: Iterator[Event] = study_of(rooms).train(PROBES[2:3])
        next(event for event in work if isinstance(event, Progress) and event.unit == "steps")
        while not (runs / "short-depth" / "checkpoint.pt").exists():
            next(work)
        work.close()  # type: ignore[attr-defined]
        assert (runs / "short-depth" / "checkpoint.pt").exists() and not victims.cards()
        events = list(study_of(rooms).train(PROBES[2:3]))
        assert any(isinstance(event, Message) and event.text.startswith("resumed after") for event in events)
        assert [card.name for card in victims.cards()] == ["short-depth"]

    def test_one_that_fails_does_not_stop_the_others(self, rooms: Path, runs: Path) -> None:
        (runs / "short-segmentation-depth").mkdir(parents=True)
        (runs / "short-segmentation-depth" / "checkpoint.pt").write_text("nothing of the kind")
        own = study_of(rooms)
        events = run(own)
        (failure,) = own.failures
        assert failure.startswith("short-segmentation-depth cannot be trained: expected a training checkpoint")
        assert [each.probe for each in own.findings] == [PROBES[2]]
        assert Message(failure) in events

    def test_one_that_is_damaged_does_not_stop_the_sheets_of_the_others(
        self, rooms: Path, runs: Path, make_victim: MakeVictim, tmp_path: Path
    ) -> None:
        for letters in "sd":
            make_victim(letters)
        file = runs / "short-segmentation" / "short-segmentation.safetensors"
        file.write_bytes(file.read_bytes()[:-10])
        probes = [Probe("s", "s", steps=1), Probe("s", "s", steps=2), Probe("d", "d", steps=1)]
        own = study_of(rooms, limit=1)
        told = [*run(own, probes), *own.draw(probes, tmp_path / "sheets")]
        (reason,) = own.failures
        assert "sha256 differs" in reason and [e.text for e in told if isinstance(e, Message)] == [reason], "said once"
        assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["depth--depth--linf-8-1.webp"]
        last = [event for event in told if isinstance(event, Progress)][-1]
        assert (last.done, last.total, last.unit) == (3, 3, "sheets")

    def test_weights_of_other_settings_are_no_model_of_the_study(self, rooms: Path, make_victim: MakeVictim) -> None:
        card = make_victim("d")
        path = weights.RUNS / card.name / f"{card.name}.json"
        made = json.loads(path.read_text())
        made["recipe"]["per_epoch"] = 999
        path.write_text(json.dumps(made))
        own = study_of(rooms)
        run(own, PROBES[2:3])
        assert len(own.findings) == 0 and "trained with other settings" in own.failures[0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("s1", "rooms"), "expected taskonomy:PATH, the data of s1, got 'rooms'"),
        (("s5", "taskonomy"), "expected taskonomy:PATH, the data of s5, got 'taskonomy'"),
        (("s9", "rooms"), "expected s1, "),
        (("short", "rooms", None, 0), "expected a batch size and a limit of at least 1"),
    ],
)
def test_a_study_of_nothing_is_refused(given: Any, sentence: str, runs: Path) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Study(*given)


@pytest.mark.parametrize(("setting", "data"), [("s1", "taskonomy:{0}/nowhere"), ("short", "rooms:{0}/nowhere")])
def test_data_that_are_not_there_are_refused_before_any_work(
    setting: str, data: str, runs: Path, tmp_path: Path
) -> None:
    own = Study(setting, data.format(tmp_path), toys.CPU)
    events = own.run(PROBES)
    with pytest.raises(DataError, match=r"^expected a folder .*nowhere"):
        next(iter(events))
    assert not list(runs.rglob("*.*"))


def test_data_without_labels_of_a_task_are_refused_before_any_work(
    runs: Path, rooms: Path, make_victim: MakeVictim
) -> None:
    make_victim("d")
    own = Study("short", f"pictures:{rooms / 'rgb'}", toys.CPU)
    with pytest.raises(DataError, match=r"^expected data with labels for .*depth"):
        next(iter(own.run(PROBES)))


def test_other_data_have_models_of_their_own() -> None:
    assert models.recipe_of("short", "sd", "rooms:here").name == "short-segmentation-depth"
    assert models.recipe_of("short", "sd", "nyuv2:here").name == "short-nyuv2-segmentation-depth"
    assert models.recipe_of("s1", "sd", "taskonomy:here").name == "s1-segmentation-depth"


def test_what_is_studied() -> None:
    small = plan.small_study()
    assert len(small) == len(set(small)) and models.needed(small)[:5] == list("sdDnE")
    assert len(models.needed(small)) == 5 + 10 + 3 + 1
    eleven = [probe.attacked for probe in small if probe.model == plan.ALL]
    assert eleven == [*plan.ALL, plan.ALL]
    assert {probe.attacked for probe in small if probe.model == "sdDn"} == {"sdDn"}
    found = Findings()
    assert not any(found.has(probe) for probe in small)
    for setting, known in SETTINGS.items():
        probes = plan.paper_study(setting)
        pairs = len(known.letters) * (len(known.letters) - 1) // 2
        assert len(probes) >= len(known.letters) + 3 * pairs
        names = {models.recipe_of(setting, letters, "taskonomy:here").name for letters in models.needed(probes)}
        assert len(names) == len(models.needed(probes))


def test_the_weighted_setting_has_a_model_for_every_main_and_auxiliary_task() -> None:
    probes = plan.paper_study("s4")
    assert len(models.needed(probes)) == SIZES["s4"].models == 25
    weights = {model: dict(models.recipe_of("s4", model, "taskonomy:here").weights) for model in ("ds", "sd")}
    assert weights == {"ds": {"depth": 1, "segmentation": 0.1}, "sd": {"segmentation": 1, "depth": 0.01}}
    assert [probe.attacked for probe in probes if probe.model == "ds"] == ["d", "s", "sd"]
    assert len({shipped.stem(probe) for probe in probes}) == len(probes)
    assert plan.spelled("ds", "s4") == "ds" and plan.spelled("ds", "s1") == plan.spelled("ds", "short") == "sd"


class TestCommand:
    @pytest.fixture(autouse=True)
    def short(self, make_victim: MakeVictim) -> None:
        make_victim("d")

    def command(self, *arguments: object) -> int:
        return main(["study", "--device", "cpu", *map(str, arguments)])

    def test_trains_measures_and_tells(
        self, rooms: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "found.json"
        given = ("--setting", "short", "--data", f"rooms:{rooms}", "--models", "d", "--limit", 1, "--json", out)
        assert self.command(*given, "--pictures", tmp_path / "sheets") == 0
        sheets = {probe.model: path for path in (tmp_path / "sheets").iterdir() for probe in plan.small_study()
                  if path.stem == shipped.stem(probe)}  # fmt: skip
        assert set(sheets) == {"d"}
        with Image.open(sheets["d"]) as sheet:
            assert sheet.size == (3 * 160, 2 * 128)
        said, own = capsys.readouterr().out, sum(probe.model == "d" for probe in plan.small_study())
        assert f"\n{own} probe{'s' * (own > 1)} of {own} measured, in " in said
        written = json.loads(out.read_text())
        assert {found["task"] for found in written["findings"]} == {"d"}
        assert written["provenance"]["limit"] == 1 and list(written["provenance"]["weights"]) == ["short-depth"]
        assert (runs / "study" / "short-folder-first-1" / "findings.jsonl").exists()
        assert self.command(*given, "--train-only") == 0
        assert "1 model of 1 trained" in capsys.readouterr().out
        assert json.loads(out.read_text())["models"]["d"]["name"] == "short-depth"

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("--scale", "paper"), "expected --data taskonomy:PATH beside --scale paper"),
            (("--scale", "paper", "--setting", "short"), "expected a setting of --scale paper among s1, s2"),
            (("--setting", "s1"), "expected a setting of --scale small among short, short-resnet50"),
            (("--models", "dd"), "expected different letters of tasks among sdDnkKeEprA, got 'dd'"),
            (("--scale", "paper", "--data", "taskonomy:/not/here"), "expected a folder of data, /not/here is none"),
            (("--data", "rooms:/not/here"), "expected a folder made by the rooms command"),
            (("--limit", "0"), "expected a whole number from 1"),
        ],
    )
    def test_mistakes_get_one_line(
        self, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.command(*arguments) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert sentence in line
