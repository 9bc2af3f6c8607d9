"""Tables made again with small victims: what is measured, what is not and why, and trainings that go on."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mta_core import generators, paper_presets, presets, weights
from mta_core.cli import main
from mta_core.cli.arguments import REPRODUCIBLE
from mta_core.data import DataError
from mta_core.events import Event, Message, Progress
from mta_core.generators import MtaGenerator
from mta_core.reproduce import TABLES, Paper, Reproduction, Run, Small
from mta_core.reproduce.recipes import generator_command, victim_command
from mta_core.reproduce.trained import make
from mta_core.results import ROW_KEYS
from mta_core.tasks import task
from mta_core.train_generator import GeneratorRecipe
from mta_core.victims.dmtl import Dmtl
from tests import toys

SIZE = (64, 96)
SPACES = {name: task(name).space for name in ("segmentation", "depth", "normals")}
CLEAN, MTA = Run("dmtl"), Run("dmtl", "mta", 5)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    toys.write_scenes(root, 8, *SIZE)
    return root


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights are looked for: nowhere else, and none yet."""
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    return tmp_path / "runs"


@pytest.fixture
def at_hand(runs: Path) -> Path:
    """A victim `dmtl` and its per-instance MTA generator, both untrained."""
    torch.manual_seed(0)
    victim = Dmtl(SPACES, SIZE, width=4)
    toys.stir_batch_norm(victim, toys.make_pictures(4, *SIZE))
    card = weights.Card("dmtl", "victim", "dmtl", {"width": 4}, SPACES, SIZE)
    card = weights.save_weights(victim, card, runs / "dmtl")
    network = MtaGenerator(tuple(SPACES), ngf=4, num_blocks=1)
    options = {**network.options(), "victim": "dmtl", "victim_sha256": card.sha256, "epsilon": 5.0}
    weights.save_weights(network, weights.Card("drawer", "generator", "mta", options, SPACES, SIZE), runs / "drawer")
    return runs


def reproduction(name: str, scenes: Path, num_lines: int | None = None, **options: Any) -> Reproduction:
    """Of a table's first lines, on three pictures."""
    given = {"scale": Small(), "data": f"nyuv2:{scenes}", "device": toys.CPU, "limit": 3, **options}
    table = TABLES[name]()
    return Reproduction(replace(table, lines=table.lines[:num_lines]), **given)


def finish(made: Reproduction) -> list[Event]:
    return list(made.run())


class TestSmall:
    def test_measures_what_there_is_and_says_what_is_missing(self, at_hand: Path, scenes: Path) -> None:
        made = reproduction("mta-table5", scenes)
        finish(made)
        lines = {line.labels: line for line in made.report().lines}
        assert not lines["Per-instance", "MTA"].reason and set(lines["Clean", ""].ours) == {"published", "pooled"}
        for labels in (("Universal", "GAP"), ("Universal", "MTA"), ("Per-instance", "GAP")):
            assert lines[labels].reason.startswith(
                f"no non-targeted {labels[0].lower()} {labels[1]} generator for dmtl"
            )
            assert "make one with `python -m mta_core train generator --preset" in lines[labels].reason
            assert lines[labels].paper and not lines[labels].ours
        assert set(made.weights) == {"dmtl", "drawer"}
        assert made.has_some

    def test_numbers_are_those_of_the_rows_in_the_papers_units(self, at_hand: Path, scenes: Path) -> None:
        made = reproduction("mta-table5", scenes)
        finish(made)
        rows = {
            (row["metric"], row["aggregation"]): row for row in made.outcomes[MTA].rows
        }  # fmt: skip
        assert all(set(row) == set(ROW_KEYS) and row["n"] == 3 for row in rows.values())
        lines = {line.labels: line for line in made.report().lines}
        attacked = lines["Per-instance", "MTA"].ours
        assert attacked["pooled"][0] == pytest.approx(100 * rows["miou", "pooled"]["adversarial"])
        assert attacked["published"][5] == pytest.approx(rows["angle_median", "published"]["adversarial"])
        assert lines["Clean", ""].ours["pooled"][2] == pytest.approx(rows["abs_err", "pooled"]["clean"])
        assert rows["angle_median", "published"]["ci95"] is None
        assert rows["angle_median", "published"]["clean"] != rows["angle_median", "pooled"]["clean"]

    def test_a_difference_is_shown_on_the_papers_data_alone(
        self, at_hand: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = reproduction("mta-table5", scenes)
        finish(made)
        report = made.report()
        line = next(line for line in report.lines if line.labels == ("Clean", ""))
        for ours, paper, difference in zip(line.ours["published"], line.paper, line.difference, strict=True):
            assert None not in (ours, paper) and difference == pytest.approx(ours - paper)  # type: ignore[operator]
        assert "| difference |" in report.markdown()
        assert any("The paper tests on 654 pictures." in note for note in report.notes)
        monkeypatch.setattr(Reproduction, "is_comparable", False)
        report = made.report()
        assert all(not line.difference for line in report.lines) and "| difference |" not in report.markdown()
        assert any("no difference is shown" in note for note in report.notes)

    def test_every_epsilon_is_served_by_one_generator_and_that_is_said(self, at_hand: Path, scenes: Path) -> None:
        made = reproduction("mta-fig-epsilon", scenes, limit=1)
        finish(made)
        assert [row["epsilon"] for row in made.rows() if row["metric"] == "miou" and row["attack"] == "mta"][::3] == [
            1, 2, 5, 10, 16,
        ]  # fmt: skip
        note = next(note for note in made.report().notes if note.startswith("Generator `drawer`"))
        assert "trained at epsilon 5 and scaled to 1, 2, 10, 16" in note

    def test_without_a_victim_every_line_says_how_to_make_it(self, runs: Path, scenes: Path) -> None:
        made = reproduction("mta-table5", scenes)
        finish(made)
        report = made.report()
        assert all(line.reason.startswith("no victim dmtl, make one with `python -m mta_core") for line in report.lines)
        assert not made.rows() and not any(note.startswith("Measured") for note in report.notes)

    def test_data_of_another_kind_are_refused(self, runs: Path) -> None:
        for data in ("pictures:.", "office31:.", "moon"):
            with pytest.raises(DataError, match=r"expected data among rooms, nyuv2:PATH for mta-table5, got "):
                reproduction("mta-table5", Path("."), data=data)

    def test_transferred_perturbations_are_made_for_the_other_victim(self, at_hand: Path, scenes: Path) -> None:
        torch.manual_seed(1)
        victim = Dmtl(SPACES, SIZE, width=4)
        toys.stir_batch_norm(victim, toys.make_pictures(4, *SIZE))
        weights.save_weights(victim, weights.Card("mtan", "victim", "dmtl", {"width": 4}, SPACES, SIZE), at_hand / "m")
        made = reproduction("mta-table6", scenes, limit=1)
        finish(made)
        assert set(made.victims) == {"dmtl", "mtan"}
        for attack in ("mta", "pgd"):
            rows = made.outcomes[Run("mtan", attack, 5, made_on="dmtl")].rows
            assert {(row["source"], row["victim"]) for row in rows} == {("dmtl", "mtan")}, attack
        clean = next(row["clean"] for row in made.outcomes[Run("mtan")].rows if row["metric"] == "abs_err")
        assert next(row["clean"] for row in rows if row["metric"] == "abs_err") == clean, "it is mtan that is measured"
        line = made.report().lines[-1]
        assert line.labels == ("PGD",) and line.ours and not line.paper

    def test_weights_that_are_damaged_cost_one_line(self, at_hand: Path, scenes: Path) -> None:
        generators._frozen.cache_clear()
        (at_hand / "drawer" / "drawer.safetensors").write_bytes(bytes(10_000_000))
        made = reproduction("mta-table5", scenes, limit=1)
        finish(made)
        assert made.outcomes[MTA].reason.endswith("the sha256 differs") and made.outcomes[CLEAN].rows

    @pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (DataError("no labels"), 2)], ids=repr)
    def test_what_was_measured_is_told_whatever_stops_the_rest(
        self, at_hand: Path, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any, code: int
    ) -> None:
        whole = Reproduction._measure

        def measure(made: Reproduction, run: Run, stage: str) -> Any:
            if run.attack == "mta":
                raise error
            return (yield from whole(made, run, stage))

        monkeypatch.setattr(Reproduction, "_measure", measure)
        file = tmp_path / "table.json"
        assert (
            main(["reproduce", "mta-fig-epsilon", "--data", f"nyuv2:{scenes}", "--limit", "1", "--json", str(file)])
            == code
        )
        found = json.loads(file.read_text())
        assert found["rows"] and "its turn did not come" in {line["reason"] for line in found["table"]["lines"]}


def tiny(monkeypatch: pytest.MonkeyPatch, scenes: Path) -> None:
    """Presets of the paper's names and of no size."""
    victim = replace(toys.tiny_recipe(scenes), name="dmtl-paper")
    monkeypatch.setattr(presets, "VICTIMS", {"dmtl-paper": lambda: victim})

    def recipe(method: str, instance: str) -> GeneratorRecipe:
        return GeneratorRecipe(
            name=f"{method}-{instance}", victim="dmtl-paper", method=method, instance=instance, ngf=4, num_blocks=1,
            per_epoch=8, phases=((2, 64, 96),), holdout=5,
        )  # fmt: skip

    kinds = [(m, i) for m in ("mta", "gap") for i in ("universal", "per-instance")]
    monkeypatch.setattr(presets, "GENERATORS", {f"{m}-{i}": lambda m=m, i=i: recipe(m, i) for m, i in kinds})


def until(events: Iterator[Event], text: str, steps: int) -> None:
    """Goes through events until so many steps after a message, and then no further, as a killed process would."""
    seen = False
    for event in events:
        seen = seen or (isinstance(event, Message) and event.text == text)
        if seen and isinstance(event, Progress) and event.done == steps:
            break
    else:
        raise AssertionError(f"the work ended before {text!r}")
    events.close()  # type: ignore[attr-defined]


class TestPaper:
    def test_weights_that_are_finished_stay_so_when_a_recipe_gains_a_setting(self, runs: Path, scenes: Path) -> None:
        recipe = toys.tiny_recipe(scenes)
        kept = {key: value for key, value in asdict(recipe).items() if key != "flips"} | {"data": ["nyuv2"]}
        card = weights.Card("tiny", "victim", "dmtl", {"width": 4}, SPACES, SIZE, recipe=kept)
        weights.save_weights(Dmtl(SPACES, SIZE, width=4), card, runs / "tiny")
        assert not list(make(recipe, toys.CPU, None, "")), "nothing is trained"
        with pytest.raises(ValueError, match="was trained with other settings"):
            list(make(replace(recipe, flips=False), toys.CPU, None, ""))

    def test_killed_and_started_again_it_goes_on(
        self, runs: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny(monkeypatch, scenes)
        options: dict[str, Any] = {"num_lines": 4, "scale": Paper(f"nyuv2:{scenes}", toys.CPU)}
        until(reproduction("mta-table5", scenes, **options).run(), "training dmtl-paper-nyuv2", 7)
        made = reproduction("mta-table5", scenes, **options)
        said = [event.text for event in finish(made) if isinstance(event, Message)]
        assert said[:2] == ["training dmtl-paper-nyuv2", "resumed after epoch 1"]
        trained = [text.removeprefix("training ") for text in said if text.startswith("training")]
        assert trained[1:] == ["gap-dmtl-paper-nyuv2-universal-eps5", "mta-dmtl-paper-nyuv2-universal-eps5"]
        assert not any(outcome.reason for outcome in made.outcomes.values()) and set(made.weights) == set(trained)
        assert paper_presets.DEVIATIONS in made.report().notes
        card, _ = weights.find_card("generator", trained[1])
        assert "--preset gap-universal" in card.command and str(scenes) not in card.command
        again = finish(reproduction("mta-table5", scenes, **options))
        assert not any(isinstance(event, Message) for event in again), "what is trained is not trained again"

    def test_when_time_is_over_it_says_where_it_stands(
        self, runs: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny(monkeypatch, scenes)
        clock = SimpleNamespace(monotonic=lambda: float(len(list(runs.glob("*/checkpoint.pt")))))
        monkeypatch.setattr("mta_core.reproduce.trained.time", clock)
        scale = Paper(f"nyuv2:{scenes}", toys.CPU, deadline=1.0)  # over with the first checkpoint
        made = reproduction("mta-table5", scenes, scale=scale)
        finish(made)
        first, *others = [made.outcomes[run].reason for run in made.table.runs]
        assert not made.failures, "no error: there is more to do"
        assert first == "the training of dmtl-paper-nyuv2 stopped after epoch 1 of 4: the same command goes on"
        assert set(others) == {"dmtl-paper-nyuv2 is not trained yet: no time was left, the same command goes on"}
        made = reproduction("mta-table5", scenes, scale=replace(scale, deadline=2.0))
        finish(made)
        reasons = [made.outcomes[run].reason for run in made.table.runs]
        assert reasons[0] == "" and "universal-eps5 stopped after epoch 1 of 2" in reasons[1]

    def test_weights_of_other_settings_are_not_taken_for_these(
        self, runs: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny(monkeypatch, scenes)
        options: dict[str, Any] = {"num_lines": 1, "scale": Paper(f"nyuv2:{scenes}", toys.CPU)}
        finish(reproduction("mta-table5", scenes, **options))
        made_earlier = presets.VICTIMS["dmtl-paper"]()
        monkeypatch.setattr(presets, "VICTIMS", {"dmtl-paper": lambda: replace(made_earlier, seed=9)})
        finish(made := reproduction("mta-table5", scenes, **options))
        assert re.search(
            "trained with other settings than this scale has: move .*dmtl-paper-nyuv2 away", made.outcomes[CLEAN].reason
        )

    @pytest.mark.parametrize("kind", ["card", "types", "recipe", "folder", "checkpoint", "file"])
    def test_runs_that_cannot_be_used_are_an_error(
        self, kind: str, runs: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        tiny(monkeypatch, scenes)
        folder = runs / "dmtl-paper-nyuv2"
        folder.mkdir(parents=True)
        card = weights.Card(folder.name, "victim", "dmtl", {"width": 4}, SPACES, SIZE, recipe={"data": 5})
        match kind:
            case "card":
                (folder / f"{folder.name}.json").write_text("{}")
            case "types":
                (folder / f"{folder.name}.json").write_text(json.dumps(asdict(card)))
            case "recipe":
                torch.save({"recipe": {"name": "another"}}, folder / "checkpoint.pt")
            case "folder":
                (folder / "checkpoint.pt").mkdir()
            case "checkpoint":
                (folder / "checkpoint.pt").write_text("hello")
            case "file":
                folder.rmdir()
                folder.touch()
        before = sorted(runs.rglob("*"))
        code = main(["reproduce", "mta-table5", "--scale", "paper", "--data", f"nyuv2:{scenes}", "--device", "cpu"])
        out, err = capsys.readouterr()
        said = err.strip().splitlines()[-1]
        assert code == 2 and said.startswith(f"{folder.name} cannot be trained: ") and said in out
        left = [path for path in sorted(runs.rglob("*")) if path.name != "lock"]  # an empty file
        assert err.count("cannot be trained") == 1 and left == before

    def test_a_backbone_of_another_network_is_refused_before_the_work(
        self, runs: Path, scenes: Path, tmp_path: Path, capsys: Any
    ) -> None:
        torch.save([torch.ones(3)], tmp_path / "list.pth")
        words = ["reproduce", "mta-table1", "--scale", "paper", "--data", f"objects:{tmp_path}"]
        assert main([*words, "--backbone", str(tmp_path / "list.pth")]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "expected torchvision's weights of resnet18, got " in err and len(err.splitlines()) == 1

    def test_a_folder_of_runs_that_cannot_be_written_is_refused_before_the_work(
        self, runs: Path, scenes: Path, capsys: Any
    ) -> None:
        runs.touch()
        assert main(["reproduce", "mta-table5", "--scale", "paper", "--data", f"nyuv2:{scenes}"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "runs is not a folder" in err and len(err.splitlines()) == 1


class TestCommand:
    def run(self, *arguments: object) -> int:
        return main(["reproduce", *map(str, arguments)])

    def test_writes_markdown_and_json(self, at_hand: Path, scenes: Path, tmp_path: Path, capsys: Any) -> None:
        out = tmp_path / "t.json"
        code = self.run("mta-table5", "--data", f"nyuv2:{scenes}", "--limit", 2, "--device", "cpu", "--json", out)
        assert code == 0
        printed, err = capsys.readouterr()
        lines = printed.splitlines()
        cells = [line.count("|") for line in lines if line.startswith("|")]
        assert len(cells) > 8 and len(set(cells)) == 1, "every line of the table has as many cells"
        assert err == ""
        written = json.loads(out.read_text())
        assert set(written) == {"rows", "provenance", "table"}
        assert all(tuple(row) == ROW_KEYS for row in written["rows"])
        made, table = written["provenance"], written["table"]
        assert (made["scale"], made["limit"], made["pictures"], set(made["weights"])) == (
            "small", 2, 2, {"dmtl", "drawer"},
        )  # fmt: skip
        assert table["name"] == "mta-table5" and len(table["columns"]) == 9 and table["is_comparable"]
        for line in table["lines"]:
            assert bool(line["ours"]) != bool(line["reason"])
            for numbers in (*line["ours"].values(), line["paper"], line["difference"]):
                assert len(numbers) in (0, 9) and all(n is None or math.isfinite(n) for n in numbers)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("mta-table99",), "invalid choice: 'mta-table99'"),
            (("mta-table5", "--scale", "huge"), "invalid choice: 'huge'"),
            (("mta-table5", "--data", "pictures:."), "expected data among rooms, nyuv2:PATH"),
            (("mta-table5", "--data", "nyuv2:nowhere"), "expected a folder of data"),
            (("mta-table5", "--limit", "0"), "from 1 to 1000000"),
            (("mta-table5", "--budget-minutes", "soon"), "expected a whole number"),
            (("mta-table5", "--budget-minutes", "5"), "expected --scale paper"),
            (
                ("mta-table1", "--scale", "paper", "--backbone", "nowhere.pth"),
                "expected a weight file after --backbone",
            ),
            (("mta-table7", "--data", "rooms"), "expected no --data for mta-table7"),
        ],
    )
    def test_bad_input_is_answered_in_one_line(
        self, arguments: tuple[str, ...], message: str, runs: Path, capsys: Any
    ) -> None:
        assert self.run(*arguments) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.strip().splitlines()) == 1 and message in err


@pytest.mark.slow
def test_table_5_with_what_is_shipped(tmp_path: Path) -> None:
    """The real victim, on rooms: the clean line is far better than any line under a trained generator."""
    out = tmp_path / "t5.json"
    assert main(["reproduce", "mta-table5", "--scale", "small", "--limit", "4", "--json", str(out)]) == 0
    written = json.loads(out.read_text())
    lines = {tuple(line["labels"]): line for line in written["table"]["lines"]}
    assert not written["table"]["is_comparable"] and all(not line["difference"] for line in lines.values())
    clean, noise, attacked = (
        lines[labels]["ours"]["published"] for labels in (("Clean", ""), ("Random noise", ""), ("Per-instance", "MTA"))
    )
    assert clean[0] > 30 and noise[0] > 0.8 * clean[0] and attacked[0] < 0.5 * clean[0]
    assert attacked[2] > 2 * clean[2] and attacked[4] > clean[4] + 10
    assert {row["n"] for row in written["rows"]} == {4}
    assert "dmtl" in written["provenance"]["weights"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in REPRODUCIBLE if name.startswith("mta")])
def test_every_table_with_what_is_shipped(name: str, tmp_path: Path) -> None:
    """Nothing is missing: every line is measured, on a few pictures of our own data."""
    out = tmp_path / "table.json"
    limit = () if name == "mta-table7" else ("--limit", "2")
    assert main(["reproduce", name, "--scale", "small", *limit, "--json", str(out)]) == 0
    lines = json.loads(out.read_text())["table"]["lines"]
    assert lines and all(line["ours"] and not line["reason"] for line in lines)


def test_commands_name_presets_that_are_there() -> None:
    for text in (victim_command("dmtl"), generator_command("dmtl", "gap", "universal", "")):
        assert all(piece.startswith("python -m mta_core train ") for piece in text.split(" && "))
    assert victim_command("nobody") == generator_command("nobody", "mta", "universal", "") == ""
