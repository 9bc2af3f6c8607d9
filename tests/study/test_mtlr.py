"""The study's tables and figures made again: what they ask for, what they show, and that nothing is done twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mta_core import exchange
from mta_core.attacks.pgd import Pgd
from mta_core.cli import main
from mta_core.cli.arguments import REPRODUCIBLE
from mta_core.reproduce import mtlr
from mta_core.reproduce.mtlr_chain import ChainReproduction
from mta_core.reproduce.mtlr_exhibit import PAPER, SMALL
from mta_core.reproduce.mtlr_rows import rows_of
from mta_core.reproduce.mtlr_spreads import AS_RELEASED, L2, LINF, NormFigure
from mta_core.reproduce.mtlr_study import Asked
from mta_core.reproduce.mtlr_tables import PairTable
from mta_core.rows import checked_run
from mta_core.store import Store
from mta_core.study import findings as on_disk
from mta_core.study import plan, shipped, study
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import Probe
from mta_core.study.printed import LETTERS, PARTS, RESNET18, TABLES, XCEPTION, Printed
from mta_core.summary import measure_in, summary
from mta_core.vulnerability import vulnerability
from tests import runs as stored
from tests.study.conftest import MakeVictim
from tests.toys import CPU

every_exhibit = pytest.mark.parametrize("name", mtlr.EXHIBITS)
MTLR = [name for name in REPRODUCIBLE if name.startswith("mtlr")]


def finding(probe: Probe, task: str, clean: float = 0.5, relative: float = 1.0) -> Finding:
    adversarial = clean * (1 + relative)
    ends = [(0.9 * value, 1.1 * value) for value in (clean, adversarial, relative)]
    return Finding(
        probe, task, clean, adversarial, relative, *ends, 3, 0, f"short-{probe.model}", "ab" * 32, "rooms", "cd"
    )


def made_up(probes: Iterable[Probe]) -> Findings:
    """Different numbers for every probe and task."""
    found = Findings()
    for number, probe in enumerate(probes):
        found.add(
            finding(probe, task, 0.1 + 0.7 / (place + 1), 1 + number / 7) for place, task in enumerate(probe.model)
        )
    return found


def as_printed(table: Printed) -> Findings:
    """Findings that are the paper's own numbers, but for scale."""
    found = Findings()
    for (main_task, other), clean in table.clean.items():
        model = plan.ordered("".join(dict.fromkeys(main_task + other)))
        for attacked, part in ((main_task, "single"), (model, "multi")):
            relative = 10 * getattr(table, part)[main_task, other]
            found.add([finding(Probe(model, attacked), main_task, clean / 1000, relative)])
    return found


class TestExhibits:
    @every_exhibit
    @pytest.mark.parametrize("scale", [SMALL, PAPER])
    def test_what_they_ask_for_fills_every_line(self, name: str, scale: str) -> None:
        exhibit = mtlr.EXHIBITS[name]
        probes = exhibit.probes(scale)
        assert len(set(probes)) == len(probes)
        for found, is_whole in ((made_up(probes), True), (Findings(), False)):
            lines = exhibit.lines(found, scale)
            assert lines and len({line.labels for line in lines}) == len(lines)
            for line in lines:
                assert len(line.labels) == len(exhibit.heads)
                assert bool(line.ours) is is_whole and bool(line.reason) is not is_whole
                for numbers in (*line.ours.values(), line.paper, line.difference, line.intervals):
                    assert len(numbers) in (0, len(exhibit.columns))
            assert all(exhibit.notes(found, scale))

    @every_exhibit
    def test_none_needs_a_probe_that_its_lines_do_not_show(self, name: str) -> None:
        exhibit = mtlr.EXHIBITS[name]
        probes = exhibit.probes(SMALL)
        whole = exhibit.lines(made_up(probes), SMALL)
        for left_out in probes[:: max(1, len(probes) // 5)]:
            known = Findings(each for each in made_up(probes) if each.probe != left_out)
            if len(left_out.attacked) == len(left_out.model) == 2 and isinstance(exhibit, PairTable):
                continue  # shown for each of its tasks
            assert exhibit.lines(known, SMALL) != whole, left_out

    def test_the_small_study_measures_what_the_small_exhibits_of_its_models_show(self) -> None:
        measured = set(plan.small_study())
        own = [e for e in mtlr.EXHIBITS.values() if e.name.split("fig")[-1] not in ("2", "6", "8", "9", "10", "11")]
        missing = {probe for e in own if e.setting(SMALL) == "short" for probe in e.probes(SMALL)} - measured
        assert not missing

    def test_figures_show_tasks_in_the_papers_order(self) -> None:
        titles = [mtlr.EXHIBITS[f"mtlr-fig{number}"].title for number in range(1, 12)]
        assert [re.findall(r"\((\w)\)", title)[0] for title in titles] == list("sADdEenkKpr")

    def test_legends_are_the_papers(self) -> None:
        exhibit = mtlr.EXHIBITS["mtlr-fig3"]
        lines = exhibit.lines(Findings(), SMALL)
        assert [line.labels[0] for line in lines][:5] == ["D D", "Ds D", "Ds Ds", "Dd D", "Dd Dd"]
        assert [line.labels[0] for line in lines][-2:] == ["all D", "all all"]
        assert len(exhibit.lines(Findings(), PAPER)) == 1 + 2 * 10

    def test_segmentation_is_shown_as_miou_and_all_else_as_error(self) -> None:
        probe = Probe("s", "s")
        (line, *_) = mtlr.EXHIBITS["mtlr-fig1"].lines(Findings([finding(probe, "s", 0.4, 0.5)]), SMALL)
        assert line.ours[""] == pytest.approx([40.0, 60.0, 0.5])
        assert line.intervals[0] == pytest.approx((34.0, 46.0))
        (line, *_) = mtlr.EXHIBITS["mtlr-fig3"].lines(Findings([finding(Probe("D", "D"), "D", 0.4, 0.5)]), SMALL)
        assert line.ours[""] == pytest.approx([0.6, 0.4, 0.5])


class TestTables:
    @pytest.mark.parametrize("printed", TABLES, ids=lambda table: table.encoder)
    def test_the_papers_own_numbers_rank_as_they_do(self, printed: Printed) -> None:
        table = PairTable.of(printed)
        notes = [note for note in table.notes(as_printed(printed), SMALL) if note.startswith("Rank correlation")]
        assert [note.split(", ")[1].split(":")[0] for note in notes] == list(PARTS)
        for note in notes:
            said = re.findall(r"[+-]\d\.\d\d(?= \()", note)
            assert set(said) == {"+1.00"} and len(said) == (5 if "clean" in note else 7)
        assert "+1.00 (95 % +1.00 to +1.00, p < 0.001) over 25 cells" in notes[1]
        assert "over the 20 off the diagonal" in notes[2]

    def test_ours_stand_above_the_papers_with_intervals(self) -> None:
        table, found = PairTable.of(RESNET18), as_printed(RESNET18)
        lines = {line.labels: line for line in table.lines(found, SMALL)}
        single = lines["Single", "d"]
        assert single.ours[""] == pytest.approx([10 * RESNET18.single["d", other] for other in LETTERS])
        assert list(single.paper) == [RESNET18.single["d", other] for other in LETTERS]
        clean = lines["Clean", "n (MSE, e-2)"]
        assert clean.ours[""] == pytest.approx([RESNET18.clean["n", other] / 10 for other in LETTERS])
        assert lines["Multi", "s"].ours[""][1] == pytest.approx(10 * RESNET18.multi["s", "d"])
        assert all(number is None for line in lines.values() for number in line.difference), "other data"
        compared = {line.labels: line.difference for line in table.lines(found, PAPER)}
        assert compared["Single", "d"][0] == pytest.approx(9 * 7.73)
        assert compared["Clean", "d (MSE)"] == [None] * 5, "the paper's unit is not said"
        assert compared["Clean", "s (1 - mIoU, %)"][0] == pytest.approx(5.05 - 50.50)

    @pytest.mark.parametrize("printed", TABLES, ids=lambda table: table.encoder)
    def test_the_thirteen_shared_cells_are_marked(self, printed: Printed) -> None:
        table = PairTable.of(printed)
        marked = [
            (line.labels[1][0], i) for line in table.lines(Findings(), SMALL) for i in line.marked
        ]  # fmt: skip
        is_shared = printed.number in (4, 6)
        assert len(marked) == (13 if is_shared else 0)
        assert any("13 cells in common" in note for note in table.notes(Findings(), SMALL)) is is_shared
        assert {main_task for main_task, _ in marked} <= set("dDE")

    def test_what_is_said_of_xceptions_clean_errors_is_so(self) -> None:
        (said,) = (
            note for note in PairTable.of(XCEPTION).notes(Findings(), SMALL) if "clean errors of n and E" in note
        )
        (times,) = re.findall(r"at least (\d+) times the largest", said)
        for main_task in "nE":
            row = [XCEPTION.clean[main_task, other] for other in LETTERS]
            others = [t.clean[main_task, other] for t in TABLES if t is not XCEPTION for other in LETTERS]
            assert min(row) >= int(times) * max(others)
            ends = [f"{round(value)}" for value in (min(row), max(row), min(others), max(others))]
            assert "{} to {} where those have {} to {}".format(*ends) in said

    def test_each_has_its_own_encoder(self) -> None:
        tables = [PairTable.of(printed) for printed in TABLES]
        assert [table.setting(PAPER) for table in tables] == ["s1", "s5", "s6", "s8", "s7"]
        assert [table.setting(SMALL) for table in tables] == [
            "short", "short-resnet50", "short-xception", "short-wide_resnet50_2", "short-resnet152",
        ]  # fmt: skip


class TestNorms:
    def figure(self) -> NormFigure:
        exhibit = mtlr.EXHIBITS["mtlr-fig17"]
        assert isinstance(exhibit, NormFigure)
        return exhibit

    def found(self, relative: dict[str, float]) -> Findings:
        exhibit = self.figure()
        base = [probe for main_task in plan.CURVE_TASKS for probe in plan.curve(main_task)]
        return Findings(
            finding(exhibit.varied[label](probe), task, 0.5, value)
            for label, value in relative.items() for probe in base for task in probe.model
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("l2", "words"), [(4.0, "40 % is its own doing"), (12.0, "The whole gap between L-inf and L2")]
    )
    def test_says_how_much_is_the_implementation(self, l2: float, words: str) -> None:
        notes = self.figure().notes(self.found({LINF: 10.0, L2: l2, AS_RELEASED: 0.0}), SMALL)
        assert f"10 under L-inf, {l2:g} under L2" in notes[0] and words in notes[0]

    def test_the_same_attacks_are_compared(self) -> None:
        """One that is measured in one of the three ways alone does not count."""
        whole, odd = self.found({LINF: 10.0, L2: 4.0, AS_RELEASED: 0.0}), Probe("sd", "s", epsilon=4.0)
        some = Findings(each for each in whole if each.probe.model == "sD" or each.probe.epsilon == 8.0)
        some.add([finding(odd, "s", 0.5, 1e6)])
        (said, *_) = self.figure().notes(some, SMALL)
        assert "(4 attacks, measured in all three ways): 10 under L-inf" in said

    def test_says_how_large_the_balls_are(self) -> None:
        (small, *_), (paper, *_) = (self.figure().notes(Findings(), scale) for scale in (SMALL, PAPER))
        assert "At 128x160 the L-inf ball of 4/255 reaches as far as 3.89 in L2" in small and "larger budget" in small
        assert "At 256x256 the L-inf ball of 4/255 reaches as far as 6.96 in L2" in paper and "smaller" in paper
        assert "to 0.031 together" in paper and "about 0.0055 of the 4" in paper


def test_rows_are_sound_and_told_apart(tmp_path: Path) -> None:
    base = Probe("sd", "sd")
    found = made_up(plan.variations(base))
    rows, made = checked_run([row for each in found for row in rows_of(each)], stored.make_provenance())
    assert len(rows) == 2 * len(found)
    said = {(row["task"], row["metric"], row["attack"], row["norm"], row["epsilon"]) for row in rows}
    assert len(said) == len(rows), "no two probes have the same rows"
    assert {row["attack"] for row in rows} == {
        "pgd", "pgd, 1 steps", "pgd, 5 steps", "pgd, 10 steps", "pgd, 15 steps", "pgd, released L2 step",
    }  # fmt: skip
    assert {measure_in(row).label for row in rows} == {"Error of the study", "Relative vulnerability"}
    store = Store(tmp_path / "results.sqlite")
    store.add(rows, made)
    (run,) = store.find()
    assert "Error of the study" in summary(run)["measures"]
    for suffix, write in exchange.WRITERS.items():
        assert exchange.read(f"runs{suffix}", write([run])) == [(list(run.rows), run.provenance)]


class TestReproduction:
    @pytest.fixture
    def at_hand(self, make_victim: MakeVictim) -> None:
        make_victim("A")
        make_victim(plan.ALL)

    def command(self, rooms: Path, *arguments: object) -> int:
        given = ("reproduce", "mtlr-fig2", "--data", f"rooms:{rooms}", "--device", "cpu", "--limit", "1", *arguments)
        return main([str(argument) for argument in given])

    def test_measures_shows_keeps_and_does_nothing_twice(
        self, at_hand: None, rooms: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "figure.json"
        assert self.command(rooms, "--json", out) == 0
        shown = capsys.readouterr().out
        assert all(f"| {legend} | ours | " in shown for legend in ("A A", "all A", "all all"))
        assert "1 picture of `rooms` (test), scale small: 2 models of the setting `short`, seed 0" in shown
        written = json.loads(out.read_text())
        rows, made = checked_run(written["rows"], written["provenance"])
        assert made["weights"].keys() == {"short-autoencoding", "short-all"} and made["limit"] == made["pictures"] == 1
        errors = {
            tuple(row["attacked"]): row for row in rows if (row["task"], row["metric"]) == ("autoencoding", "error")
        }
        assert {len(attacked) for attacked in errors} == {1, 11}
        lines = written["table"]["lines"]
        assert lines[-1]["ours"][""][0] == pytest.approx(
            next(e for a, e in errors.items() if len(a) == 11)["adversarial"]
        )
        (kept,) = Store().find()
        assert list(kept.rows) == rows
        monkeypatch.setattr(study, "measure", None)
        assert self.command(rooms, "--no-store") == 0 and capsys.readouterr().out == shown

    def test_when_time_is_over_it_says_what_is_left(self, rooms: Path, runs: Path) -> None:
        asked = Asked(CPU, data=f"rooms:{rooms}", limit=1, deadline=0.0)
        made = mtlr.reproduction("mtlr-fig2", asked)
        assert not [event for event in made.run() if "training" in str(event)]
        report = made.report()
        assert all(line.reason for line in report.lines) and not made.has_some and not made.failures
        assert any("no time was left, the same command goes on" in note for note in report.notes)

    def test_what_comes_with_the_program_is_not_measured_again(self, runs: Path, tmp_path: Path) -> None:
        exhibit = mtlr.EXHIBITS["mtlr-table2"]
        on_disk.write(shipped.folder() / shipped.FINDINGS, made_up(exhibit.probes(SMALL)))
        made = mtlr.reproduction("mtlr-table2", Asked(CPU))
        assert not list(made.run()) and made.has_some
        report = made.report()
        assert "35 of 35 probes were measured before and come with the program." in report.notes[0]
        assert not report.is_comparable and all(line.ours for line in report.lines)
        text = report.markdown()
        assert (
            text.count("| ours |") == text.count("| paper |") == 15 and "| Single | d | paper | 7.73 | 7.87 |" in text
        )
        fewer = mtlr.reproduction("mtlr-table2", Asked(CPU, limit=5))
        assert not fewer.has_some, "those were of all pictures"

    def test_beside_other_weights_nothing_shipped_of_that_model_stays(self, at_hand: None, rooms: Path) -> None:
        made = mtlr.reproduction("mtlr-fig2", Asked(CPU, data=f"rooms:{rooms}", limit=1))
        assert isinstance(made, mtlr.StudyReproduction)
        alone, one, together = made.probes
        list(made.study.run([one]))
        digests = {each.victim: each.sha256 for each in made.found}
        made.known = Findings(
            replace(finding(probe, task), victim="short-all") for probe in (one, together) for task in probe.model
        )
        assert not made.found.has(together)
        list(made.run())
        assert all(made.found.has(probe) for probe in (alone, one, together))
        assert {each.sha256 for each in made.own if each.victim == "short-all"} == set(digests.values())
        assert len({each.content_sha256 for each in made.own}) == 1

    @pytest.mark.parametrize("name", MTLR)
    def test_every_one_runs_or_is_refused_in_one_sentence(
        self, name: str, runs: Path, rooms: Path, capsys: Any
    ) -> None:
        is_counted = name == mtlr.COUNTED
        assert main(["reproduce", name, "--scale", "paper", "--device", "cpu"]) == (0 if is_counted else 2)
        out, err = capsys.readouterr()
        expected = "" if is_counted else "expected --data taskonomy:PATH beside --scale paper"
        assert expected in err and bool(out) is is_counted and len(err.splitlines()) == (not is_counted)
        if not is_counted:
            report = mtlr.reproduction(name, Asked(CPU, data=f"rooms:{rooms}", limit=1)).report()
            assert report.name == name and all(line.reason for line in report.lines) and "Not run" in report.markdown()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("mtlr-table1", "--data", "rooms"), "expected no --data for mtlr-table1: it counts alone"),
            (("mtlr-table2", "--data", "nyuv2:."), "expected the data rooms at the small scale"),
            (("mtlr-fig12", "--data", "rooms:nowhere"), "expected a folder"),
            (("mtlr-fig1", "--scale", "paper", "--data", "taskonomy:nowhere"), "expected "),
            (("mtlr-fig1", "--scale", "paper", "--data", "taskonomy"), "expected --data taskonomy:PATH"),
            (
                ("mtlr-fig12", "--backbone", "x.pth"),
                "expected no --backbone for mtlr-fig12: its models start at random",
            ),
            (("mtlr-fig18",), "invalid choice"),
        ],
    )
    def test_bad_input_is_answered_in_one_line(
        self, arguments: tuple[str, ...], message: str, runs: Path, capsys: Any
    ) -> None:
        assert main(["reproduce", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.strip().splitlines()) == 1 and message in err


class TestChain:
    @pytest.fixture
    def at_hand(self, make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch) -> MakeVictim:
        monkeypatch.setattr(plan, "chain", lambda: ["s", "sd"])
        monkeypatch.setattr(Probe, "attack", Pgd(3, 2.0))
        for letters in ("s", "sd"):
            make_victim(letters)
        return make_victim

    def chain(self, name: str, rooms: Path) -> ChainReproduction:
        made = mtlr.reproduction(name, Asked(CPU, data=f"rooms:{rooms}", limit=1))
        assert isinstance(made, ChainReproduction)
        for _ in made.run():
            pass
        return made

    def test_the_one_is_n_times_the_other_and_measured_once(
        self, at_hand: MakeVictim, rooms: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[Any] = []

        def watched(setting: Any, **options: Any) -> Any:
            calls.append(setting)
            return vulnerability(setting, **options)

        monkeypatch.setattr("mta_core.reproduce.mtlr_chain.vulnerability", watched)
        whole, mean = self.chain("mtlr-fig12", rooms), self.chain("mtlr-fig13", rooms)
        assert len(calls) == 2, "the second figure is of the same measurements"
        ours = [[line.ours[""] for line in made.report().lines] for made in (whole, mean)]
        assert ours[0][0] == ours[1][0] and ours[0][1] == pytest.approx([2 * value for value in ours[1][1]])
        rows, _ = checked_run(mean.rows(), stored.make_provenance())
        assert [(row["metric"], len(row["attacked"])) for row in rows] == [
            ("vulnerability", 1), ("first_order", 1), ("vulnerability", 2), ("first_order", 2),
        ]  # fmt: skip
        joint = calls[1]
        weighted = type(joint)(**{**vars(joint), "weights": None})
        direct = [event.values for event in vulnerability(weighted, limit=1, batch_size=16) if hasattr(event, "values")]
        (value,) = (
            row["adversarial"] for row in direct if row.get("metric") == "vulnerability" and len(row["attacked"]) == 2
        )
        assert rows[2]["adversarial"] == pytest.approx(value, rel=1e-4), "as measured with weights of 1/N"

    def test_other_weights_are_measured_again(self, at_hand: MakeVictim, rooms: Path) -> None:
        before = self.chain("mtlr-fig12", rooms).report()
        at_hand("s", seed=5)
        after = self.chain("mtlr-fig12", rooms).report()
        assert before.lines[0] != after.lines[0] and before.lines[1] == after.lines[1]
        assert any("Adam" in note for note in after.notes)
