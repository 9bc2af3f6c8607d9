"""The page Cost and the service behind it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import streamlit as st
from helpers import to_the_end
from measured import open_view
from streamlit.testing.v1 import AppTest

from app import charts, costs, exports, resources
from app.costs import Costs, Measured
from mta_core import cost, devices, peak
from mta_core.contenders import Setup
from mta_core.cost import Cost
from mta_core.events import Event, Progress, Row
from mta_core.jobs import Job, Worker

SMALL = Setup(size=(32, 48), ngf=4, per_instance_blocks=2, universal_blocks=1, attacks=("pgd",), repeats=2)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generators of the page are small ones, and no process is started."""
    st.cache_resource.clear()
    monkeypatch.setattr(costs, "SETUP", SMALL)
    monkeypatch.setattr(peak, "can_measure", lambda device: False)


@pytest.fixture
def service() -> Costs:
    return Costs(devices.pick("cpu"), Worker())


def job_of(service: Costs) -> Job[Event]:
    running = service.running()
    assert running is not None
    return running[1]


def open_page(**params: str) -> AppTest:
    return open_view("cost", **params)


def html(at: AppTest) -> str:
    return " ".join(element.proto.body for element in at.get("html"))


def charts_of(at: AppTest) -> list[str]:
    return [chart.proto.alt for chart in at.get("plotly_chart")]


def test_what_needs_no_measurement_is_there_at_once() -> None:
    at = open_page()
    assert at.button(key="cost_start").label == "Measure"
    table = html(at)
    assert "GAP, 2 blocks" in table and "Stored patterns" in table and costs.NOTHING in table
    assert [alt.split(":")[0] for alt in charts_of(at)] == ["Parameters", "Multiply-adds"]
    assert any("not been measured" in caption.value for caption in at.caption)
    assert any("a tenth" in element.value for element in at.markdown)


def test_a_measurement_is_shown_to_every_browser() -> None:
    at = open_page(cost_precision="float32")
    at.button(key="cost_start").click().run()
    running = resources.costs().running()
    assert running is not None and running[0] == replace(SMALL, precision="float32", attacks=("pgd",))
    to_the_end(running[1])
    assert running[1].error is None
    for other in (at.run(), open_page(cost_precision="float32")):
        assert other.button(key="cost_start").label == "Measure"
        words = html(other)
        assert "times as long" in words and re.search(r"<td>[\d.]+ m?s</td>", words)
        assert charts_of(other)[0].startswith("Time of generators")
        assert any("median of 2 turns" in caption.value for caption in other.caption)
    assert any("iterative attacks are left out" in caption.value.lower() for caption in other.caption), (
        "the victim of this studio answers larger pictures"
    )
    assert not any(button.disabled for button in other.get("download_button"))
    known = resources.costs().latest(running[0])
    told = json.loads(exports.records_json(costs.rows(known), costs.provenance(known, resources.costs().device)))
    assert [row["name"] for row in told["rows"]] == list(known.costs) and told["provenance"]["victim"] == "dmtl"
    assert {row["turns"] for row in told["rows"] if row["milliseconds"]} == {2}
    assert "times as long" not in html(open_page(cost_batch="4")), "that was another setup"
    without = open_page(cost_precision="float32", cost_attacks="DeepFool")
    assert "times as long" in html(without), "what generators cost does not depend on the attacks beside them"


def test_the_page_follows_and_stops_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()

    def measure(setup: Setup, device: object) -> Iterator[Event]:
        yield Progress(1, 4, "runs", stage="turn 1 of 2: MTA, 2 blocks")
        may_go_on.wait(30)
        yield Row(vars(replace(cost.known(setup)[1], milliseconds=12.0, turns=1, over_mta=1.0)))
        raise AssertionError("it was stopped")

    monkeypatch.setattr(cost, "measure", measure)
    at = open_page()
    at.button(key="cost_start").click().run()
    running = resources.costs().running()
    assert running is not None
    running[1].wait(0, 10)
    other = open_page()
    assert "turn 1 of 2: MTA, 2 blocks" in html(other) and "width:25.0%" in html(other)
    assert 'role="progressbar" aria-label="Progress" aria-valuenow="25"' in html(other)
    other.button(key="cost_stop").click().run()
    assert "Stopping" in html(other)
    may_go_on.set()
    to_the_end(running[1])
    assert running[1].error is None
    assert "12 ms" in html(at.run()), "what was measured so far stays"
    assert at.button(key="cost_start")
    assert "stopped after 1 of 4 runs" in html(at)
    assert "stopped" not in html(open_page(cost_batch="4")), "that is another setup"


def test_what_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(setup: Setup, device: object) -> Iterator[Event]:
        yield Progress(0, 1, "runs")
        raise RuntimeError("out of memory")

    monkeypatch.setattr(cost, "measure", measure)
    at = open_page()
    at.button(key="cost_start").click().run()
    if running := resources.costs().running():
        to_the_end(running[1])
    at.run()
    assert at.error[0].value == "out of memory."
    assert at.button(key="cost_start")


def test_one_measurement_at_a_time(service: Costs, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()

    def measure(setup: Setup, device: object) -> Iterator[Event]:
        yield Progress(0, 1, "runs")
        may_go_on.wait(30)

    monkeypatch.setattr(cost, "measure", measure)
    service.start(SMALL)
    job = job_of(service)
    service.start(replace(SMALL, batch_size=4))
    assert job_of(service) is job
    may_go_on.set()
    to_the_end(job)
    assert service.running() is None


def test_each_attack_keeps_what_was_measured_of_it(service: Costs, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(setup: Setup, device: object) -> Iterator[Event]:
        mta = cost.known(setup)[1]
        for turn in range(1, setup.repeats + 1):
            yield Row(vars(replace(mta, milliseconds=10.0, turns=turn)))
            for name in setup.attacks:
                yield Row(vars(replace(mta, name=name, label=name, method=name, milliseconds=90.0, turns=turn)))

    monkeypatch.setattr(cost, "measure", measure)
    both = replace(SMALL, attacks=("pgd", "deepfool"))
    for setup in (replace(SMALL, repeats=3), replace(SMALL, repeats=3, attacks=("deepfool",))):
        service.start(setup)
        if running := service.running():
            to_the_end(running[1])
    found = service.latest(replace(both, repeats=3))
    assert [found.costs[name].milliseconds for name in both.attacks] == [90.0, 90.0] and found.turns == 3
    assert "pgd" not in service.latest(replace(SMALL, repeats=3, attacks=())).costs
    assert "Not measured yet: PGD, DeepFool." in costs.when(
        replace(found, costs={"mta": found.costs["mta-per-instance"]})
    )


def test_what_a_stopped_measurement_did_not_come_to_keeps_its_numbers(
    service: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (vars(replace(c, milliseconds=10.0, turns=2, peak_bytes=5)) for c in cost.known(SMALL)[:2])
    pgd = first | {"name": "pgd", "label": "PGD", "method": "pgd"}
    has_begun = threading.Event()

    def measure(setup: Setup, device: object) -> Iterator[Event]:
        yield from map(Row, (first, second, pgd))

    def stopped(setup: Setup, device: object) -> Iterator[Event]:
        has_begun.wait(30)
        yield Row(first | {"milliseconds": 20.0, "turns": 1, "peak_bytes": None})
        job_of(service).stop()
        yield Progress(1, 4, "runs")
        raise AssertionError("it was stopped")

    for work in (measure, stopped):
        monkeypatch.setattr(cost, "measure", work)
        service.start(SMALL)
        has_begun.set()
        if running := service.running():
            to_the_end(running[1])
    found = service.latest(SMALL).costs
    times = {name: found[name].milliseconds for name in (first["name"], second["name"], "pgd")}
    assert times == {first["name"]: 20.0, second["name"]: 10.0, "pgd": 10.0}
    assert found[first["name"]].peak_bytes == 5


def measured(**milliseconds: float) -> Measured:
    known: dict[str, Cost] = {}
    for c in cost.known(Setup(attacks=("pgd",))):
        value = milliseconds.get(c.name.replace("-", "_"))
        known[c.name] = replace(c, milliseconds=value, over_mta=value and value / milliseconds["mta_per_instance"])
    pgd = replace(known["mta-per-instance"], name="pgd", label="PGD", method="pgd", milliseconds=9000.0, over_mta=90.0)
    return Measured(Setup(), {**known, "pgd": pgd}, at=0.0, load=1.0, cores=2)


def test_the_verdict_is_in_plain_words() -> None:
    words = costs.verdict(measured(gap_per_instance=260.0, mta_per_instance=100.0))
    assert words.startswith("MTA makes the 3 perturbations of a picture in 100 ms; GAP,")
    assert "takes 260 ms, 2.60 times as long." in words and "takes 9.00 s, 90 times as long." in words
    assert costs.verdict(Measured(SMALL, {c.name: c for c in cost.known(SMALL)})) == ""


def test_a_busy_machine_is_named() -> None:
    assert "busy" not in costs.when(measured(mta_per_instance=1.0))
    assert "load 9.0 on 2 cores" in costs.when(replace(measured(mta_per_instance=1.0), load=9.0))


def test_charts_stand_beside_the_paper() -> None:
    figures = charts.cost_charts(measured(gap_per_instance=260.0, mta_per_instance=100.0))
    assert list(figures) == ["time", "iterative", "parameters", "multiply_adds"]
    bars, *marks = figures["time"].data
    assert list(bars.y) == ["GAP, 10 blocks", "MTA, 10 blocks"] and list(bars.x) == [260.0, 100.0]
    assert [tuple(mark.x) for mark in marks] == [(342,), (126,)]
    assert list(figures["iterative"].data[0].y)[-1] == "PGD"


def test_the_papers_time_is_seen_beside_a_quick_device_and_only_where_it_was_taken() -> None:
    time = charts.cost_charts(measured(gap_per_instance=2.6, mta_per_instance=1.0))["time"]
    assert time.layout.xaxis.range[1] > 342
    (four,) = (c for c in cost.known(Setup(batch_size=4)) if c.name == "gap-per-instance")
    assert four.paper_milliseconds is None and four.paper_parameters == 3.77e6


def test_the_day_of_a_measurement_is_named_and_no_two_columns_alike() -> None:
    assert re.search(r", \d\d \w+ (1969|1970), \d\d:\d\d\.", costs.when(measured(mta_per_instance=1.0)))
    assert len(set(costs.COLUMNS)) == len(costs.COLUMNS)
    assert len({c.label for c in cost.known(Setup())}) == len(cost.known(Setup()))


@pytest.mark.parametrize(
    ("milliseconds", "words"), [(0.25, "0.2 ms"), (126, "126 ms"), (1434, "1.43 s"), (25_004, "25.0 s")]
)
def test_durations_are_short(milliseconds: float, words: str) -> None:
    assert costs.duration(milliseconds) == words
