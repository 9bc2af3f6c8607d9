"""What attacks cost, measured here and beside the paper: choose, measure, show."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from app import charts, costs, resources
from app.components import downloads, pulse
from app.costs import Measured
from app.state import choices, keys
from app.words import plain
from mta_core.contenders import BATCH_SIZES, Setup
from mta_core.cost import REMARKS

INTRO = (
    "Three perturbations of one picture, one for each task: how long do they take, and what has to be stored for them? "
    "**GAP** trains a generator for each task; **MTA** shares one encoder among them and adds a decoder a task. "
    "Iterative attacks store nothing but the victim, and search anew for every picture."
)
CONFIG = {"displaylogo": False, "displayModeBar": False}


def page() -> None:
    with st.sidebar:
        setup = choose()
    st.subheader("What an attack costs", anchor=False)
    st.markdown(INTRO)
    st.fragment(results)(setup, choices.answers(*keys.COST))
    st.markdown("**To compare with the paper**")
    st.markdown("\n".join(f"- {remark}" for remark in REMARKS))
    st.caption("The same on the command line: `python -m mta_core bench cost`")


def choose() -> Setup:
    offered = resources.costs().precisions
    precision = st.segmented_control(
        "Precision", offered, default=offered[-1], key="cost_precision", required=True, width="stretch",
        help="In which numbers the networks compute; those the device computes natively.", **keys.LINKED,
    )  # fmt: skip
    batch_size = st.segmented_control(
        "Pictures at once", BATCH_SIZES, default=BATCH_SIZES[0], key="cost_batch", required=True,
        width="stretch", **keys.LINKED,
    )  # fmt: skip
    attacks = st.pills(
        "Iterative attacks beside them", list(costs.offered()), selection_mode="multi", default=costs.first_offered(),
        key="cost_attacks", width="stretch", help="They take most of the time of a measurement.", **keys.LINKED,
    )  # fmt: skip
    return costs.setup_of(precision or offered[-1], batch_size or BATCH_SIZES[0], attacks)


def results(setup: Setup, used: Mapping[str, object]) -> None:
    """Follows a measurement, whoever started it."""
    if choices.answers(*keys.COST) != used:  # a choice fell together with a beat, see components/hearing.py
        st.rerun()
    service = resources.costs()
    running = service.running()  # asked first: what ends meanwhile is drawn by the next look
    toolbar(setup, running is not None)
    if (error := service.error(setup)) and running is None:
        st.error(plain(f"{error}."))
    measured = service.latest(setup)
    if words := costs.verdict(measured):
        st.html(f'<div class="mta-headline">{html.escape(words)}</div>')
    show(measured)
    downloads.records(
        "cost", lambda: costs.rows(measured), lambda: costs.provenance(measured, service.device), "cost_downloads",
        has_rows=running is None,
    )  # fmt: skip
    pulse.beat("watch_cost", 0.7 if running else None)


def toolbar(setup: Setup, is_running: bool) -> None:
    service = resources.costs()
    with st.container(horizontal=True, vertical_alignment="center", key="cost_toolbar", gap="small"):
        if is_running:
            st.button("Stop", key="cost_stop", on_click=service.stop, help="Keeps what was measured so far.")
        else:
            st.button("Measure", key="cost_start", type="primary", on_click=service.start, args=(setup,))
        st.html(status(setup))


def status(setup: Setup) -> str:
    running = resources.costs().running()
    if running is None:
        stopped = resources.costs().stopped(setup)
        words = costs.title(setup) + (f": {costs.stopped_words(stopped)}" if stopped else "")
        return f'<div class="mta-status" role="status">{html.escape(words)}</div>'
    its, job = running
    at = costs.progress(job.events)
    words = "Stopping …" if job.is_stopping else f"{costs.title(its)}: {at.stage if at else 'making ready'} …"
    share = at.done / at.total if at else 0.0
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{100 * share:.0f}"'
    bar = f'<div class="mta-done mta-on" {role}><i style="width:{100 * share:.1f}%"></i></div>'
    return f'<div class="mta-status mta-alive">{html.escape(words)}</div>{bar}'


def show(measured: Measured) -> None:
    st.html(table(costs.table(measured)))
    st.caption(costs.when(measured))
    for note in measured.notes:
        st.caption(plain(f"{note[:1].upper()}{note[1:]}."))
    figures = charts.cost_charts(measured)
    for column, (name, figure) in zip(st.columns(len(figures), gap="medium"), figures.items(), strict=True):
        with column:
            st.plotly_chart(figure, key=f"cost_{name}", config=CONFIG, alt=figure.layout.meta["title"])


def table(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in costs.COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>{"".join(f"<td>{html.escape(c)}</td>" for c in row[1:])}</tr>'
        for row in rows
    )
    frame = 'class="mta-cost" tabindex="0" role="region" aria-label="What each attack costs"'  # a phone scrolls it
    return f"<div {frame}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


page()
