"""The file of results: what it keeps, finds, and survives."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mta_core import store as stores
from mta_core.search import Search
from mta_core.store import Store, StoreError
from tests.runs import make_provenance, make_row, make_rows

ROOT = Path(__file__).resolve().parents[1]
WRITER = """
import sys
from pathlib import Path
from mta_core.store import Store
from tests.runs import make_provenance, make_row
assert "torch" not in sys.modules
store, name, count = Store(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    rows = [make_row(n=i, split=name) for i in range(40)]
    print(store.add(rows, make_provenance(number % 1000, writer=name, turn=number)), flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "new" / "results.sqlite")


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    """Another process that adds runs of 40 rows and prints each id once it is stored."""
    arguments = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def filled(store: Store, count: int, **changed: Any) -> list[int]:
    return [store.add(make_rows(**changed), make_provenance(number)) for number in range(count)]


class TestKeeping:
    def test_a_run_comes_back_as_it_was(self, store: Store) -> None:
        rows = [
            make_row(),
            make_row(clean=math.nan, adversarial=math.inf, ci95=(math.nan, 1.0)),
            make_row(ci95=None, attacked=()),
        ]
        made = make_provenance(attack={"steps": 10, "odd": math.nan}, unreadable=["caf\udce9.png"])
        (run,) = store.get([store.add(rows, made)])
        assert run.rows[0] == rows[0] and list(run.rows[0]) == list(rows[0])
        assert run.rows[1] == make_row(clean=None, adversarial=None, ci95=[None, 1.0]), "as in a JSON file"
        assert run.rows[2] == make_row(ci95=None, attacked=[])
        assert run.provenance == made | {"attack": {"steps": 10, "odd": None}}
        assert run.date == datetime(2026, 3, 1, tzinfo=UTC)

    def test_the_same_run_is_kept_once(self, store: Store) -> None:
        first = store.add(make_rows(), make_provenance())
        again = store.add(make_rows(), dict(reversed(make_provenance().items())))
        assert first == again and store.count() == 1
        assert store.add(make_rows(), make_provenance(1)) != first
        assert store.add(make_rows(adversarial=2.0), make_provenance()) != first

    def test_what_a_job_adds_later_replaces_what_it_had_added(self, store: Store) -> None:
        ids = [store.add(make_rows(), make_provenance(number, **job))
               for number, job in enumerate(({}, {"job": "a"}, {"job": "b"}, {"job": ""}))]  # fmt: skip
        store.delete(ids[1:2])
        whole = make_provenance(7, job="a")
        assert store.add([*make_rows(), make_row(seed=1)], whole) == ids[1], "links to it stay"
        assert store.count() == 4 and {run.id for run in store.find(limit=None)} == set(ids)
        (run,) = store.get(ids[1:2])
        assert (len(run.rows), run.provenance, run.deleted) == (3, whole, None)
        with pytest.raises(ValueError, match="epsilon"):
            store.add([make_row(epsilon=-1.0)], make_provenance(8, job="a"))
        assert store.get(ids[1:2]) == [run]
        store.take_in([(make_rows(), make_provenance(9, job="a"))])
        assert store.count() == 5 and store.get(ids[1:2]) == [run], "an import takes nothing away"

    def test_the_stamp_tells_of_what_others_are_about_to_write(self, store: Store) -> None:
        store.add(make_rows(), make_provenance())
        with closing(sqlite3.connect(store.path)) as other:
            other.execute("SELECT count(*) FROM runs").fetchone()  # keeps the second file open
            before, file = store.stamp(), store.path.stat()
            store.add(make_rows(), make_provenance(1))
            after = store.path.stat()
            assert (after.st_mtime_ns, after.st_size) == (file.st_mtime_ns, file.st_size)
            assert store.stamp() != before and store.stamp() == store.stamp()

    @pytest.mark.parametrize(("changed", "message"), [
        ({"epsilon": -1.0}, "expected epsilon to be a number of at least 0"),
        ({"n": 2**63}, "expected n to be a whole number"),
        ({"n": True}, "expected n to be a whole number"),
        ({"clean": "0.5"}, "expected clean to be a number or null"),
        ({"clean": 10**400}, "expected clean to be a number that fits"),
        ({"higher_is_better": 1}, "expected higher_is_better to be true or false"),
        ({"norm": "l7"}, "expected norm to be linf or l2"),
        ({"ci95": [2.0, 1.0]}, "low is above high"),
        ({"ci95": 1.0}, "expected ci95 to be"),
        ({"attacked": "depth"}, "expected attacked to be a list"),
        ({"victim": "a\x1b[2J"}, "expected victim to be a text"),
        ({"victim": "=cmd()"}, "expected victim to be a text"),
        ({"victim": "a" * 501}, "expected victim to be a text"),
        ({"more": 1}, "expected no field 'more'"),
    ])  # fmt: skip
    def test_a_wrong_row_stores_nothing(self, store: Store, changed: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            store.add([make_row(), make_row() | changed], make_provenance())
        assert not store.path.exists()

    @pytest.mark.parametrize("made", [None, {}, {"date": 5}, {"date": "soon"}, {"date": "9999-12-31T23:59:59-09:00"},
                                      make_provenance(deep=json.loads("[" * 30 + "]" * 30)),
                                      make_provenance(odd=object())])  # fmt: skip
    def test_a_wrong_provenance_stores_nothing(self, store: Store, made: Any) -> None:
        with pytest.raises(ValueError, match="expected"):
            store.add(make_rows(), made)
        assert not store.path.exists()

    def test_to_look_makes_no_file(self, store: Store) -> None:
        assert (store.find(), store.count(), set(map(len, store.choices().values()))) == ([], 0, {0})
        assert not store.path.parent.exists()


class TestFinding:
    def test_the_newest_come_first_page_by_page(self, store: Store) -> None:
        ids = filled(store, 5)
        found = [run.id for offset in (0, 2, 4) for run in store.find(limit=2, offset=offset)]
        assert found == ids[::-1] and store.count() == 5

    def test_every_condition_is_met_by_one_row(self, store: Store) -> None:
        store.add([make_row(task="depth", epsilon=2), make_row(task="normals", epsilon=8)], make_provenance(0))
        store.add([make_row(task="depth", epsilon=8, victim="mtan")], make_provenance(1))
        assert store.count(Search({"task": ["depth"]})) == 2
        (run,) = store.find(Search({"task": ["depth", "normals"]}, epsilon=(5, None)))[1:]
        assert [row["task"] for row in run.rows] == ["normals"], "of a run come the rows that were searched for"
        (run,) = store.find(Search({"task": ["depth"]}, epsilon=(5, 8)))
        assert run.rows[0]["victim"] == "mtan"
        assert store.count(Search({"task": ["depth"], "victim": ["dmtl"]}, epsilon=(5, None))) == 0
        assert store.count(Search({"task": []})) == 2, "nothing chosen is no condition"

    @pytest.mark.parametrize(("text", "count"), [
        ("GPU", 1), ("h200", 1), ("gpu pgd", 1), ("pgd", 2), ("küche", 1), ("100%", 0), ("_", 2), ("'; DROP", 0),
        ("caf\udce9", 0),
    ])  # fmt: skip
    def test_words_are_found_wherever_they_are(self, store: Store, text: str, count: int) -> None:
        store.add(make_rows(), make_provenance(0, device="GPU H200", unreadable=["Küche.png"]))
        store.add(make_rows(), make_provenance(1))
        assert store.count(Search(text=text)) == count

    def test_a_span_of_time_has_no_end(self, store: Store) -> None:
        ids = filled(store, 4)
        start = datetime(2026, 3, 1, 0, 1, tzinfo=UTC)
        found = store.find(Search(since=start, until=start + timedelta(minutes=2)))
        assert [run.id for run in found] == [ids[2], ids[1]]

    def test_menus_have_what_the_rows_have(self, store: Store) -> None:
        (first,) = filled(store, 1)
        store.add(make_rows(victim="mtan", norm="l2", epsilon_unit="l2"), make_provenance(9))
        assert store.choices()["victim"] == ["dmtl", "mtan"] and store.choices()["norm"] == ["l2", "linf"]
        store.delete([first])
        assert store.choices()["victim"] == ["mtan"]

    def test_what_is_not_there_is_said(self, store: Store) -> None:
        filled(store, 1)
        with pytest.raises(StoreError, match=r"got 7$"):
            store.get([1, 7])


class TestDeleting:
    def test_it_can_be_undone(self, store: Store) -> None:
        ids = filled(store, 3)
        before = store.find()
        store.delete(ids[:2])
        assert [run.id for run in store.find()] == [ids[2]]
        assert {run.id for run in store.find(Search(is_deleted=True))} == set(ids[:2])
        assert store.get(ids[:1])[0].deleted is not None
        store.restore(ids[:2])
        assert store.find() == before

    def test_all_are_deleted_or_none(self, store: Store) -> None:
        ids = filled(store, 2)
        for act in (store.delete, store.restore):
            with pytest.raises(StoreError, match="99"):
                act([*ids, 99])
        assert store.count() == 2

    def test_a_deleted_run_comes_back_with_an_import(self, store: Store) -> None:
        ids = filled(store, 2)
        runs = [(run.rows, run.provenance) for run in store.get(ids)]
        store.delete(ids[:1])
        taken = store.take_in([*runs, (make_rows(), make_provenance(7))])
        assert (taken.added, taken.restored, taken.known) == (1, 1, 1)
        assert taken.sentence == "1 run added, 1 restored that had been deleted, 1 there already"
        assert store.count() == 3

    def test_after_a_month_it_is_gone_and_its_number_is_not_given_again(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = filled(store, 3)
        store.delete(ids[2:])
        monkeypatch.setattr(stores, "KEPT_DAYS", -1)
        store.delete(ids[1:2])
        with pytest.raises(StoreError, match="expected runs"):
            store.restore(ids[2:])
        with sqlite3.connect(store.path) as connection:
            assert connection.execute("SELECT count(*) FROM rows").fetchone() == (2,)
        connection.close()
        assert store.add(make_rows(), make_provenance(9)) > ids[2]


class TestOthers:
    def test_two_processes_lose_nothing(self, store: Store) -> None:
        writers = [writer(store.path, name, 30) for name in ("one", "other")]
        printed = [process.communicate(timeout=60) for process in writers]
        assert [process.returncode for process in writers] == [0, 0], printed
        ids = [int(line) for out, _ in printed for line in out.split()]
        assert len(set(ids)) == 60
        assert {run.id: len(run.rows) for run in store.find(limit=None)} == dict.fromkeys(ids, 40)

    def test_threads_share_a_store(self, store: Store) -> None:
        def work(name: str) -> None:
            for number in range(10):
                store.add(make_rows(split=name), make_provenance(number))
                store.find()

        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.count() == 20

    def test_a_killed_writer_leaves_whole_runs(self, store: Store) -> None:
        """Each run whose id was printed is there, and every run has all of its rows."""
        chance = random.Random(0)
        printed: list[int] = []
        for time in range(10):
            process = writer(store.path, f"writer {time}", 1_000_000)
            timer = threading.Timer(chance.uniform(0.03, 0.4), process.kill)
            timer.start()
            out, err = process.communicate(timeout=60)
            timer.join()
            assert process.returncode == -signal.SIGKILL, err
            printed += [int(line) for line in out.split("\n")[:-1]]  # the last may be cut off
        assert printed
        found = {run.id: len(run.rows) for run in store.find(limit=None)}
        assert set(printed) <= found.keys() and set(found.values()) == {40}
        assert len(found) - len(printed) <= 10, "at most one a writer was stored, but not printed any more"
        store.delete(list(found)[:1])
        assert store.count() == len(found) - 1

    def test_who_waits_for_a_writer_gets_its_turn(self, store: Store) -> None:
        filled(store, 1)
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=store.add, args=(make_rows(), make_provenance(5)))
        thread.start()
        assert store.count() == 1, "to look is not to wait"
        other.execute("COMMIT")
        thread.join()
        other.close()
        assert store.count() == 2


class TestOtherFiles:
    @staticmethod
    def check_refused(path: Path, message: str) -> None:
        before = path.read_bytes()
        store = Store(path)
        for act in (store.find, store.choices, lambda: store.add(make_rows(), make_provenance())):
            with pytest.raises(StoreError, match=message) as caught:
                act()
            assert "\n" not in str(caught.value)
        assert path.read_bytes() == before
        assert [each.name for each in path.parent.iterdir()] == [path.name]

    def test_what_is_no_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "results.sqlite"
        path.write_bytes(b"my letters to the editor, " * 100)
        self.check_refused(path, "file is not a database")

    def test_another_programs_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "results.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE runs (id)")
        connection.close()
        self.check_refused(path, "another program's database")

    def test_one_that_nobody_may_write_is_read(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        filled(store, 2)
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
        before = sorted(path.name for path in store.path.parent.iterdir())
        assert store.count() == 2 and sorted(path.name for path in store.path.parent.iterdir()) == before

    def test_a_newer_store_is_left_as_it_is(self, store: Store) -> None:
        filled(store, 1)
        with sqlite3.connect(store.path) as connection:
            connection.execute("PRAGMA user_version = 2")
        connection.close()
        self.check_refused(store.path, "newer version of this program")

    def test_a_damaged_store_is_refused(self, store: Store) -> None:
        filled(store, 30)
        content = bytearray(store.path.read_bytes())
        content[4096:] = random.Random(0).randbytes(len(content) - 4096)
        store.path.write_bytes(content)
        self.check_refused(store.path, "cannot be used")

    def test_an_empty_file_becomes_one(self, store: Store) -> None:
        store.path.parent.mkdir()
        store.path.touch()
        assert store.find() == []
        filled(store, 1)
        assert store.count() == 1

    def test_a_folder_or_no_folder_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path, tmp_path / "file" / "results.sqlite"):
            with pytest.raises(StoreError, match=r"expected a file of results|cannot be used"):
                Store(path).add(make_rows(), make_provenance())

    def test_a_full_disk_is_said_and_costs_nothing(self, store: Store) -> None:
        """Files of that process may not grow any more."""
        filled(store, 3)
        limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n" + WRITER
        arguments = [sys.executable, "-c", limited, str(store.path), "late", "50"]
        process = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert process.returncode == 1 and "StoreError: the results in" in process.stderr.splitlines()[-1]
        assert {len(run.rows) for run in store.find(limit=None)} <= {2, 40}
        assert store.count() == 3 + len(process.stdout.split())
