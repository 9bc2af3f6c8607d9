"""The page Results and the words and numbers behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
import streamlit as st
from conftest import MAIN
from streamlit.testing.v1 import AppTest

from app import charts, found, remembered
from mta_core import exchange
from mta_core.store import Store
from mta_core.summary import measure_in
from tests.runs import make_provenance, make_row, make_rows

Open = Callable[..., AppTest]
NOON = {"date": "2026-03-02T12:00:00+00:00"}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def three(store: Store) -> list[int]:
    runs = [({}, {}), ({"attack": "mta", "epsilon": 8, "adversarial": 0.5}, {}), ({"victim": "mtan"}, NOON)]
    return [store.add(make_rows(**row), make_provenance(i, **made)) for i, (row, made) in enumerate(runs)]


@pytest.fixture
def results() -> Open:
    st.cache_resource.clear()

    def open_page(*chosen: int, **params: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.session_state["_memory"] = {"chosen": chosen}
        for key, value in params.items():
            at.query_params[f"found_{key}"] = value
        at.switch_page("views/results.py").run()
        assert not at.exception, at.exception
        return at

    return open_page


def html(at: AppTest) -> str:
    return " ".join(element.proto.body for element in at.get("html"))


def listed(at: AppTest) -> list[int]:
    """The runs in the table."""
    return [int(number) for number in at.dataframe[0].value["Run"]]


class TestPage:
    def test_it_says_how_results_come_here(self, results: Open) -> None:
        at = results()
        assert "Compare" in at.info[0].value and "mta_core evaluate" in at.code[0].value
        assert not at.dataframe

    def test_a_line_for_each_run(self, results: Open, three: list[int]) -> None:
        at = results()
        assert listed(at) == three[::-1] and "3 runs" in html(at)
        line = at.dataframe[0].value.iloc[1]
        assert (line["Attack"], line["Epsilon"], line["Pictures"]) == ("MTA", "8/255", "2")
        assert "Absolute error 0.300 m → 0.500 m" in line["Clean → under attack"]
        assert at.get("plotly_chart")[0].proto.alt.startswith("Segmentation: mIoU, by attack: PGD, 5/255, dmtl ")

    @pytest.mark.parametrize(("params", "expected"), [
        ({"attack": "MTA"}, [1]), ({"victim": "mtan"}, [2]), ({"text": "MTAN"}, [2]), ({"from": "6"}, [1]),
        ({"to": "6"}, [2, 0]), ({"since": "2026-03-02"}, [2]), ({"task": "Depth", "victim": "dmtl"}, [1, 0]),
        ({"norm": "nothing like it"}, [2, 1, 0]),
    ])  # fmt: skip
    def test_a_link_carries_what_is_searched_for(
        self, results: Open, three: list[int], params: dict[str, str], expected: list[int]
    ) -> None:
        assert listed(results(**params)) == [three[i] for i in expected]

    def test_nothing_like_that(self, results: Open, three: list[int]) -> None:
        at = results(text="a word that is nowhere")
        assert not at.dataframe and "No such runs" in html(at)

    def test_one_run_is_told_whole(self, results: Open, three: list[int]) -> None:
        at = results(three[0])
        assert at.code[0].value == "python -m mta_core evaluate --seed 0"
        rows, made = (table.value for table in at.dataframe[1:])
        assert list(rows["Measure"]) == ["mIoU", "Absolute error"] and rows["95 % interval"][1] == "1.250 m to 1.750 m"
        assert "ab" * 32 in list(made["Value"]) and "weights.dmtl" in list(made["Setting"])

    def test_several_stand_side_by_side(self, results: Open, three: list[int]) -> None:
        at = results(*three[:2])
        table = html(at)
        assert "run 1" in table and "MTA, 8/255, dmtl" in table and "<small>-1.000 m</small>" in table
        differing = at.dataframe[1].value
        assert list(differing["Setting"]) == ["seed"] and list(differing.iloc[0])[1:] == ["0", "1"]
        at.segmented_control(key="found_by").set_value("Against epsilon").run()
        assert "against epsilon (1/255): PGD, dmtl, MTA, dmtl" in at.get("plotly_chart")[0].proto.alt
        assert "dashed" in " ".join(caption.value for caption in at.caption)

    def test_a_link_names_the_chosen_runs_and_what_the_chart_shows(self, three: list[int]) -> None:
        st.cache_resource.clear()
        told = {"found_measure": "Depth: Absolute error", "found_by": "Against epsilon"}
        told["runs"] = ",".join(map(str, three[:2]))
        for runs, shown in ((told["runs"], "2 chosen"), ("no number,99999,²", "3 runs:"), ("9" * 99, "3 runs:")):
            at = AppTest.from_file(str(MAIN), default_timeout=60).switch_page("views/results.py")
            for key, value in (told | {"runs": runs}).items():
                at.query_params[key] = value
            assert not at.run().exception
            assert shown in html(at)
            assert at.get("plotly_chart")[0].proto.alt.startswith("Depth: Absolute error against epsilon")

    def test_the_address_names_the_chosen_runs(self, results: Open, three: list[int]) -> None:
        at = results(*three[:2])
        assert at.query_params["runs"] in (["1,2"], "1,2")
        at.button(key="delete_runs").click().run()
        assert "runs" not in at.query_params

    def test_no_line_of_clean_pictures_is_told_of_where_there_is_none(self, results: Open, store: Store) -> None:
        ids = [store.add(make_rows(clean=0.1 * i), make_provenance(i)) for i in (1, 2)]
        at = results(*ids)
        for by in ("By attack", "Against epsilon"):
            at.segmented_control(key="found_by").set_value(by).run()
            said = " ".join(caption.value for caption in at.caption)
            assert "95 % intervals" in said and "dashed" not in said

    def test_delete_is_undone(self, results: Open, three: list[int], store: Store) -> None:
        at = results(*three[:2])
        at.button(key="delete_runs").click().run()
        assert listed(at) == three[2:] and store.count() == 1 and "2 runs deleted" in html(at)
        assert at.button(key="delete_runs").disabled, "nothing is chosen any more"
        at.button(key="undo_delete").click().run()
        assert listed(at) == three[::-1] and "deleted" not in html(at)

    def test_there_is_nothing_to_undo_where_an_import_brought_it_back(
        self, results: Open, three: list[int], store: Store
    ) -> None:
        at = results(*three[:2])
        data = exchange.to_jsonl(store.get(three[:1]))
        at.button(key="delete_runs").click().run()
        assert "2 runs deleted" in html(at)
        at.file_uploader(key="found_file").upload("runs.jsonl", data, "application/jsonl").run()
        assert "1 run deleted" in html(at), "the other one"
        store.restore(three)
        at.run()
        assert "deleted" not in html(at) and "undo_delete" not in {button.key for button in at.button}

    def test_what_was_deleted_is_found_and_restored(self, results: Open, three: list[int], store: Store) -> None:
        store.delete(three)
        assert not results().dataframe
        at = results(three[1], deleted="true")
        assert listed(at) == three[::-1]
        at.button(key="restore_runs").click().run()
        assert store.find()[0].id == three[1]

    def test_a_file_is_imported_once_and_a_wrong_one_is_refused(
        self, results: Open, three: list[int], store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = exchange.to_jsonl(store.get(three[:1]))
        store.delete(three[:1])
        at = results()
        at.file_uploader(key="found_file").upload("runs.jsonl", data, "application/jsonl").run()
        assert "1 restored" in at.success[0].value and listed(at) == three[::-1]
        at.run()
        assert at.success, "a redraw at the same moment does not take it away"
        monkeypatch.setattr(remembered, "MOMENTS", 0.0)
        at.run()
        assert not at.success
        at.file_uploader(key="found_file").upload("a$b.csv", b"run\n\xff", "text/csv").run()
        assert not at.success
        assert at.error[0].value == r"Nothing imported from a\$b.csv\: line 2\: expected text in UTF-8."

    def test_a_page_holds_fifty(self, results: Open, store: Store) -> None:
        runs = [(make_rows(split="half" if number % 2 else "all"), make_provenance(number)) for number in range(104)]
        store.take_in(runs)
        ids = [run.id for run in store.find(limit=None)]
        assert listed(results()) == ids[:50]
        at = results(page="3")
        assert listed(at) == ids[100:] and "104 runs" in html(at)
        at.text_input(key="found_text").set_value("half").run()
        assert listed(at) == ids[::2][50:], "the last page that there still is"
        at.text_input(key="found_text").set_value("nowhere").run()
        assert not at.dataframe and not at.exception

    def test_what_others_add_is_seen_with_the_next_beat(self, results: Open, three: list[int], store: Store) -> None:
        at = results(three[0])
        new = store.add(make_rows(), make_provenance(9))
        assert listed(at.run()) == [three[2], new, *three[1::-1]]
        assert "1 chosen" in html(at), "what was chosen stays chosen"

    def test_a_file_that_is_no_store_is_said(self, results: Open, store: Store) -> None:
        store.path.write_bytes(b"not a database" * 100)
        at = results()
        assert "file is not a database" in at.error[0].value and not at.dataframe

    def test_names_from_elsewhere_are_text(self, results: Open, store: Store) -> None:
        rows = make_rows(attack="<b>$x$</b>") + make_rows(task="smell", metric="stench", victim="<i>")
        one, two = (store.add(rows, make_provenance(i, command="<u>`a`", odd={"<s>": i})) for i in range(2))
        at = results(one, two)
        assert "&lt;b&gt;$x$&lt;/b&gt;" in html(at) and "<b>" not in html(at) and "<i>" not in html(at)
        assert r"Measured on \<u\>\`a\`." in [element.value for element in results(one).markdown]


class TestWords:
    def test_a_line_tells_of_the_attack_before_the_noise_beside_it(self, store: Store) -> None:
        noise = make_row(attack="noise", adversarial=0.25)
        store.add([noise, make_row(aggregation="per-picture"), make_row()], make_provenance())
        (line,) = found.table(store.find())
        assert line["Attack"] == "PGD | Random noise"
        assert line["Clean → under attack"] == "Absolute error 0.300 m → 1.500 m"

    def test_a_line_of_several_epsilons_tells_of_the_largest_and_says_so(self, store: Store) -> None:
        of_noise = [make_row(attack="noise", epsilon=epsilon, adversarial=0.3) for epsilon in (16.0, 32.0)]
        rows = [make_row(epsilon=epsilon, adversarial=epsilon) for epsilon in (4.0, 16.0, 1.0)]
        store.add([*of_noise, *rows], make_provenance())
        (line,) = found.table(store.find())
        assert line["Epsilon"] == "1 to 32 /255"
        assert line["Clean → under attack"] == "Absolute error 0.300 m → 16.000 m at 16/255"
        store.add([*rows, make_row(norm="l2", epsilon=4.0, epsilon_unit="l2", adversarial=9.0)], make_provenance(1))
        line = found.table(store.find())[0]
        assert line["Epsilon"] == "1 to 16 /255 | 4 (L2)" and line["Clean → under attack"].endswith("m at 16/255")

    def test_days_are_local_and_the_last_belongs_to_it(self) -> None:
        asked = found.search({"since": date(2026, 3, 1), "until": date(2026, 3, 1)})
        assert asked.since and asked.until and (asked.until - asked.since).total_seconds() == 24 * 3600

    def test_equal_labels_are_told_apart_by_their_runs(self, store: Store, three: list[int]) -> None:
        store.add(make_rows(), make_provenance(5))
        rows = found.rows_of(store.find(), ("depth", "abs_err", "pooled"))
        labels = [label for label, _ in found.named(rows)]
        assert len(set(labels)) == 4 and labels[0] == "PGD, 5/255, dmtl (run 1)"

    def test_units_of_epsilon_do_not_share_an_axis(self, store: Store) -> None:
        made = [{"norm": "l2", "epsilon_unit": "l2", "epsilon": 3.0}, {"epsilon": 8.0}, {"epsilon": 2.0}]
        for number, changed in enumerate(made):
            store.add([make_row(**changed)], make_provenance(number))
        lines = found.lines(found.rows_of(store.find(), ("depth", "abs_err", "pooled")))
        assert {unit: [row["epsilon"] for row in by["PGD, dmtl"]] for unit, by in lines.items()} == {
            "l2": [3.0], "1/255": [2.0, 8.0]
        }  # fmt: skip

    def test_nothing_to_measure_is_no_point(self, store: Store) -> None:
        store.add([make_row(adversarial=None)], make_provenance())
        (run,) = store.find()
        assert found.rows_of([run], ("depth", "abs_err", "pooled")) == []
        assert found.comparison(found.sides([run, run]))[0][2] == [("–", "")]

    def test_charts_have_intervals_where_they_are_known(self) -> None:
        rows = [make_row(), make_row(epsilon=8.0, ci95=None), make_row(epsilon=9.0, ci95=[None, 2.0])]
        figure = charts.found_lines("Depth", measure_in(rows[0]), "1/255", {"PGD": rows})
        error = figure.data[0].error_y
        assert (list(error.array), list(error.arrayminus)) == ([0.25, 0, 0], [0.25, 0, 0])
        assert [shape.y0 for shape in figure.layout.shapes] == [rows[0]["clean"]], "without an attack"
        others = {"PGD": rows, "FGSM": [make_row(clean=9.0)]}
        assert not charts.found_lines("Depth", measure_in(rows[0]), "1/255", others).layout.shapes
        dots = charts.found_dots("Depth", measure_in(rows[0]), [(str(i), row) for i, row in enumerate(rows)])
        assert len(dots.layout.shapes) == 1, "all have the same clean value"
        assert json.loads(dots.to_json())["data"][0]["error_x"]["array"] == [0.25, 0, 0]
