"""What the command line keeps of measurements, and `results`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mta_core import imaging, weights
from mta_core.cli import main
from mta_core.store import Store
from mta_core.tasks import SCENE_TASKS
from mta_core.victims.dmtl import Dmtl
from tests import toys
from tests.runs import make_provenance, make_row, make_rows

SIZE = (64, 96)
SPACES = {t.name: t.space for t in SCENE_TASKS}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    return Store()


@pytest.fixture
def measured(tmp_path: Path) -> tuple[str, ...]:
    """A command line that measures a small victim on two pictures."""
    torch.manual_seed(0)
    victim = Dmtl(SPACES, SIZE, width=4)
    toys.stir_batch_norm(victim, toys.make_pictures(4, *SIZE))
    card = weights.Card("small", "victim", "dmtl", victim.options(), SPACES, SIZE)
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2):
        picture = toys.make_pictures(1, *SIZE, seed=number)
        (folder / f"{number}.png").write_bytes(imaging.encode_png(picture))
    return ("--data", f"pictures:{folder}", "--attack", "fgsm", "--json", str(tmp_path / "rows.json"))


@pytest.fixture
def three(store: Store) -> list[int]:
    runs = [({}, {}), ({"attack": "mta", "epsilon": 8}, {}), ({"victim": "mtan"}, {"device": "GPU H200"})]
    return [store.add(make_rows(**row), make_provenance(i, **made)) for i, (row, made) in enumerate(runs)]


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


class TestKeeping:
    def test_evaluate_keeps_what_it_writes(self, measured: tuple[str, ...], store: Store, tmp_path: Path) -> None:
        assert run("evaluate", "--victim", "small", *measured) == 0
        written = json.loads((tmp_path / "rows.json").read_text())
        (kept,) = store.find()
        assert [kept.rows, kept.provenance] == [tuple(written["rows"]), written["provenance"]]
        assert run("results", "import", tmp_path / "rows.json") == 0 and store.count() == 1

    def test_transfer_keeps_both_victims(self, measured: tuple[str, ...], store: Store) -> None:
        assert run("transfer", "--from", "small", "--to", "small", "--noise", *measured) == 0
        assert {row["attack"] for row in store.find()[0].rows} == {"fgsm", "noise"}

    def test_a_sweep_that_is_gone_on_with_is_one_run(
        self, measured: tuple[str, ...], store: Store, tmp_path: Path
    ) -> None:
        words = ("sweep", "--variable", "epsilon", "--values", "1,2", "--victim", "small", "--out", tmp_path / "swept")
        assert run(*words, *measured) == 0
        (first,) = store.find()
        store.delete([first.id])
        for _ in range(2):
            assert run(*words, "--resume", *measured) == 0
        (again,) = store.find()
        assert (again.id, again.rows) == (first.id, first.rows), "and back in sight"
        more = [*words[:4], "1,2,4", *words[5:]]
        assert run(*more, "--resume", *measured) == 0 and store.count() == 2, "another sweep"
        assert run(*words, *measured) == 0 and store.count() == 3, "measured anew"

    def test_it_can_be_left_out(self, measured: tuple[str, ...], store: Store) -> None:
        assert run("evaluate", "--victim", "small", "--no-store", *measured) == 0
        assert not store.path.exists()

    def test_a_store_that_fails_does_not_cost_the_result(
        self, measured: tuple[str, ...], store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.path.write_bytes(b"not a database" * 100)
        assert run("evaluate", "--victim", "small", *measured) == 0
        out, err = capsys.readouterr()
        assert "every picture is inside the budget" in out
        assert err.count("\n") == 1 and err.startswith("not kept among the results: ")
        assert json.loads((tmp_path / "rows.json").read_text())["rows"]


class TestList:
    def test_shows_a_line_for_each_run(self, three: list[int], capsys: Any) -> None:
        assert run("results", "list") == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 4 and lines[0].split()[:3] == ["run", "finished", "data"]
        assert "GPU" not in lines[1] and "dmtl → mtan" in lines[1]
        assert "MTA" in lines[2] and "8/255" in lines[2] and "Absolute error 0.300 m → 1.500 m" in lines[2]

    @pytest.mark.parametrize(("options", "found"), [
        (("--attack", "mta"), [1]), (("--attack", "mta", "--attack", "pgd"), [2, 1, 0]), (("--epsilon", "5"), [2, 0]),
        (("--epsilon", "6:"), [1]), (("--epsilon", ":8", "--victim", "mtan"), [2]), (("--text", "gpu h200"), [2]),
        (("--since", "2026-03-03"), []), (("--until", "2026-03-03", "--limit", "1"), [2]),
        (("--limit", "1", "--offset", "1"), [1]), (("--deleted",), []), (("--task", "normals"), []),
    ])  # fmt: skip
    def test_filters(self, three: list[int], options: tuple[str, ...], found: list[int], capsys: Any) -> None:
        assert run("results", "list", *options, "--json", "-") == 0
        listed = json.loads(capsys.readouterr().out)
        assert [one["run"] for one in listed["runs"]] == [three[i] for i in found]
        assert set(listed["runs"][0]) == {"run", "digest", "deleted", "rows", "provenance"} if found else True

    def test_nothing_yet_is_no_mistake(self, store: Store, capsys: Any) -> None:
        assert run("results", "list") == 0
        assert capsys.readouterr().out.startswith("no such runs in ") and not store.path.exists()

    def test_strange_names_steer_no_terminal_and_unknown_tasks_are_told(self, store: Store, capsys: Any) -> None:
        store.add([make_row(task="smell", metric="stench", attack="odour")], make_provenance())
        assert run("results", "list") == 0
        assert "odour" in (out := capsys.readouterr().out) and "stench 0.300 m" in out

    @pytest.mark.parametrize(("option", "value"), [
        ("--epsilon", "x"), ("--epsilon", ":"), ("--epsilon", "-1:"), ("--since", "soon"), ("--until", "9999-12-31"),
        ("--epsilon", "8:2"), ("--limit", "0"), ("--offset", "-1"), ("--offset", "9" * 30),
    ])  # fmt: skip
    def test_mistakes_are_said_in_a_line(self, option: str, value: str, capsys: Any) -> None:
        assert run("results", "list", f"{option}={value}") == 2
        assert "expected" in (err := capsys.readouterr().err) and err.count("\n") == 1

    def test_names_that_are_no_text_are_of_no_run(self, three: list[int], capsys: Any) -> None:
        assert run("results", "list", "--attack", "caf\udce9", "--text", "caf\udce9 " * 2000) == 0
        assert capsys.readouterr().out.startswith("no such runs in ")

    def test_a_damaged_run_is_named_and_can_be_put_out_of_sight(
        self, three: list[int], store: Store, capsys: Any
    ) -> None:
        for change in ("provenance = '[]'", "provenance = x'ff'", "provenance = '{'", "deleted_at = 'once'"):
            with sqlite3.connect(store.path) as connection:
                connection.execute(f"UPDATE runs SET {change} WHERE id = ?", [three[0]])
            connection.close()
            listing = ("results", "list", *["--deleted"] * change.startswith("deleted"))
            assert run(*listing) == 2
            err = capsys.readouterr().err
            assert err.count("\n") == 1 and f"run {three[0]} in " in err and f"`results delete {three[0]}`" in err
        with sqlite3.connect(store.path) as connection:
            connection.execute("UPDATE rows SET attacked = NULL, n = 'x' WHERE run = ?", [three[1]])
        connection.close()
        assert run("results", "list") == 2 and f"run {three[1]} in " in capsys.readouterr().err
        assert run("results", "delete", *three[:2]) == run("results", "list") == 0
        assert len(capsys.readouterr().out.splitlines()) == 3


class TestFiles:
    @pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
    def test_what_was_exported_is_imported(
        self, three: list[int], store: Store, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        file = tmp_path / f"runs{suffix}"
        assert run("results", "export", file, "--task", "depth", "--attack", "pgd") == 0
        digests = [one.digest for one in store.find()]
        monkeypatch.setattr(weights, "RUNS", tmp_path / "elsewhere")
        assert run("results", "import", file) == run("results", "import", file) == 0
        assert [one.digest for one in Store().find()] == [digests[0], digests[2]], "runs are handed on whole"
        assert capsys.readouterr().out.splitlines()[1:] == ["2 runs added", "0 runs added, 2 there already"]

    def test_a_wrong_file_is_refused_whole(self, three: list[int], store: Store, tmp_path: Path, capsys: Any) -> None:
        file = tmp_path / "runs.jsonl"
        run("results", "export", file)
        file.write_text(file.read_text() + '{"rows": [{}], "provenance": {}}\n')
        store.path.unlink()
        assert run("results", "import", file) == 2
        assert capsys.readouterr().err.splitlines()[0].endswith("runs.jsonl: line 4: expected the field data in a row")
        assert store.count() == 0

    @pytest.mark.parametrize(("action", "name"), [("export", "a.txt"), ("import", "a.txt"), ("import", "none.csv"),
                                                  ("import", ""), ("export", "none/b/a.csv")])  # fmt: skip
    def test_files_that_cannot_be(self, store: Store, tmp_path: Path, action: str, name: str, capsys: Any) -> None:
        (tmp_path / "a.txt").touch()
        (tmp_path / "none").touch()
        assert run("results", action, tmp_path / name) == 2
        assert capsys.readouterr().err.count("\n") == 1 and (tmp_path / "a.txt").read_bytes() == b""

    def test_nothing_to_export_writes_nothing(self, three: list[int], tmp_path: Path) -> None:
        assert run("results", "export", tmp_path / "a.csv", "--attack", "gap") == 2
        assert not (tmp_path / "a.csv").exists()


def test_delete_and_restore(three: list[int], store: Store, tmp_path: Path, capsys: Any) -> None:
    assert run("results", "delete", *three[:2], "--json", tmp_path / "out.json") == 0
    assert json.loads((tmp_path / "out.json").read_text()) == {"runs": three[:2]}
    assert f"results restore {three[0]} {three[1]}" in capsys.readouterr().out
    assert [one.id for one in store.find()] == three[2:]
    assert run("results", "restore", *three[:2]) == 0 and store.count() == 3
    assert run("results", "delete", three[0], 99) == 2
    assert capsys.readouterr().err.count("\n") == 1 and store.count() == 3


def test_it_imports_no_torch_to_answer_mistakes() -> None:
    mistake = "main(['results', 'list', '--limit', 'x'])"
    code = f"import sys; from mta_core.cli import main; {mistake}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
