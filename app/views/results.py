"""What was measured before: search, choose, look, compare, take away."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from app import charts, found, remembered
from app.components import finding, pulse
from app.found import MOST_SIDES, Side
from app.state import choices, keys
from app.words import plain
from mta_core import PROGRAM, exchange
from mta_core.search import EVERYTHING, Search
from mta_core.store import Run, Store
from mta_core.summary import measure_in
from mta_core.wording import counted

PAGE = 50
"""Runs in the table at once."""
LOW = 10
"""Runs that a table shows without scrolling."""
CONFIG = {"displaylogo": False, "displayModeBar": False}
EMPTY = (
    "Nothing is kept here yet. Results come here by themselves: what **Compare** and **Transfer** measure on a data "
    "set to its end, what **Sweep** measures, and what the command line does:"
)
EXAMPLE = f"{PROGRAM} evaluate --data rooms --split test --victim dmtl --attack pgd --epsilon 5 --limit 20"
INTERVALS = "Under attack, with 95 % intervals over pictures."
CLEAN = " A dashed line is where all are without an attack."
BY_EPSILON, BY_ATTACK = "Against epsilon", "By attack"


def page() -> None:
    store = Store()
    stamp = store.stamp()
    try:
        with st.sidebar:
            search = finding.choose(store)
        say_what_became()
        remembered.keep_runs_in_link()
        show(store, search)
    except ValueError as error:
        st.error(plain(f"{error}."))
    used = choices.answers(*keys.FOUND)
    st.fragment(watch)(store, stamp, used, remembered.chosen_runs())


def watch(store: Store, stamp: object, used: Mapping[str, object], chosen: Sequence[int]) -> None:
    """Draws the page again where other processes or pages added something, or a choice fell together with a beat."""
    if store.stamp() != stamp or choices.answers(*keys.FOUND) != used or remembered.chosen_runs() != chosen:
        st.rerun()
    pulse.beat("watch_results", 2.0)


def say_what_became() -> None:
    if told := remembered.told():
        (st.error if told.is_error else st.success)(plain(told.words))


def show(store: Store, search: Search) -> None:
    count = store.count(search)
    if not count and not store.count(EVERYTHING) and not search.is_deleted:
        st.subheader("Results", anchor=False)
        undo(store)
        st.info(EMPTY)
        st.code(EXAMPLE, language=None, wrap_lines=True)
        return
    number = page_number(count)
    runs = store.find(search, PAGE, PAGE * (number - 1))
    chosen = [run for run in runs if run.id in remembered.chosen_runs()]
    toolbar(store, search, count, chosen)
    undo(store)
    if not runs:
        st.caption("No run is like that: take back some of what is asked for in the side bar.")
        return
    table(runs, chosen)
    below(chosen or runs, is_chosen=bool(chosen))
    if len(chosen) == 1:
        details(store.get([chosen[0].id])[0])


def page_number(count: int) -> int:
    last = max(1, -(-count // PAGE))
    if last == 1:
        return 1
    choices.limit("found_page", last)
    asked = st.sidebar.number_input(f"Page of {last}", 1, last, 1, key="found_page", **keys.LINKED)
    return int(asked)


def toolbar(store: Store, search: Search, count: int, chosen: Sequence[Run]) -> None:
    ids = [run.id for run in chosen]
    words = counted(count, "deleted run" if search.is_deleted else "run")
    # Either fits one line of a phone: a choice must not move the table, or the next click misses its row.
    words += f", {len(ids)} chosen" if ids else ": choose some to compare them"
    st.html(f'<div class="mta-status" role="status">{html.escape(words if count else "No such runs")}</div>')
    with st.container(horizontal=True, vertical_alignment="center", key="results_toolbar", gap="small"):
        if search.is_deleted:
            st.button("Restore", key="restore_runs", on_click=restore, args=(store, ids), disabled=not ids)
        else:
            st.button("Delete", key="delete_runs", on_click=delete, args=(store, ids), disabled=not ids)
        what = "the chosen runs" if ids else "all runs that were found"
        for suffix, label, kind in ((".jsonl", "JSON lines", "application/jsonl"), (".csv", "CSV", "text/csv")):
            st.download_button(
                label, partial(export, store, search, ids, suffix), f"results{suffix}", kind,
                key=f"get_runs{suffix.replace('.', '_')}", on_click="ignore", disabled=not count,
                help=f"Takes away {what}, with their whole provenance.",
            )  # fmt: skip


def export(store: Store, search: Search, ids: Sequence[int], suffix: str) -> bytes:
    """Called when somebody takes a file away: whole runs, or they would be others where they are imported."""
    wanted = ids or [run.id for run in store.find(search, limit=None)]
    return exchange.WRITERS[suffix](store.get(wanted))


def delete(store: Store, ids: Sequence[int]) -> None:
    """Called by a button."""
    try:
        store.delete(ids)
    except ValueError as error:
        remembered.tell(f"{error}.", is_error=True)
    else:
        remembered.note_deleted(ids)
        remembered.choose_runs(())


def restore(store: Store, ids: Sequence[int]) -> None:
    """Called by a button."""
    try:
        store.restore(ids)
    except ValueError as error:
        remembered.tell(f"{error}.", is_error=True)
    else:
        remembered.note_deleted(())
        remembered.choose_runs(())


def undo(store: Store) -> None:
    """Offered while there is something to undo: others, or an import, may have brought it back."""
    if ids := store.deleted(remembered.deleted_runs()):
        with st.container(horizontal=True, vertical_alignment="center", key="undo_toolbar", gap="small"):
            st.button("Undo", key="undo_delete", on_click=restore, args=(store, ids))
            st.html(f'<div class="mta-status" role="status">{counted(len(ids), "run")} deleted</div>')


def table(runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    """What is chosen stays chosen where runs come or go, which makes it another table."""
    ids = [run.id for run in runs]
    key = f"runs_{hashlib.sha256(str(ids).encode()).hexdigest()[:12]}"
    st.dataframe(
        found.table(runs), hide_index=True, width="stretch", height="content" if len(runs) <= LOW else 390, key=key,
        on_select=lambda: choose(key, ids), selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(run.id) for run in chosen], "columns": [], "cells": []}},
        alt=f"{counted(len(runs), 'run')}, the newest first",
        column_config={
            "Run": st.column_config.TextColumn(width=45),
            "Attack": st.column_config.TextColumn(width=150),
            "Victim": st.column_config.TextColumn(width=100),
            "Pictures": st.column_config.TextColumn(width=70),
            "Epsilon": st.column_config.TextColumn(width=95),
        },
    )  # fmt: skip


def choose(key: str, ids: Sequence[int]) -> None:
    """Called by a click on a row."""
    rows = choices.value_of(key)["selection"]["rows"]
    remembered.choose_runs([ids[row] for row in rows if row < len(ids)])


def below(runs: Sequence[Run], *, is_chosen: bool) -> None:
    if is_chosen and len(runs) > 1:
        compare(runs)
    chart(runs)


def chart(runs: Sequence[Run]) -> None:
    measures = found.measures(runs)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name = st.selectbox("Measure", list(measures), key=keys.CHART_OF, **keys.LINKED)
    with right:
        by = st.segmented_control(
            "Chart", [BY_EPSILON, BY_ATTACK], default=BY_ATTACK, key=keys.CHART_BY, required=True, width="stretch",
            **keys.LINKED,
        )  # fmt: skip
    rows = found.rows_of(runs, measures[name]) if name in measures else []
    if not rows:
        st.caption("There is nothing to measure in these rows.")
        return
    measure = measure_in(rows[0][1])
    if by == BY_ATTACK:
        figures = {"by_attack": charts.found_dots(name, measure, found.named(rows))}
    else:
        figures = {
            f"epsilon_{unit}": charts.found_lines(name, measure, unit, lines)
            for unit, lines in found.lines(rows).items()
        }
    for key, figure in figures.items():
        st.plotly_chart(figure, key=f"found_{key}", config=CONFIG, alt=figure.layout.meta["title"])
    st.caption(INTERVALS + CLEAN * any(figure.layout.shapes for figure in figures.values()))


def compare(runs: Sequence[Run]) -> None:
    columns = found.sides(runs)
    st.subheader("Side by side", anchor=False)
    st.html(compared(columns[:MOST_SIDES]))
    left_out = len(columns) - MOST_SIDES
    note = f" {counted(left_out, 'more column')} left out." if left_out > 0 else ""
    st.caption(f"Pooled measures under attack; below them, how far they are from the first column.{note}")
    if differences := found.differing(runs):
        with st.expander("What is not the same in their provenance"):
            st.dataframe(differences, hide_index=True, width="stretch", alt="Settings that differ")


def compared(columns: Sequence[Side]) -> str:
    head = "".join(f'<th scope="col">run {side.run}<small>{html.escape(side.label)}</small></th>' for side in columns)
    body, last = [], ""
    for task, label, cells in found.comparison(columns):
        if task != last:
            span = len(columns) + 1
            body.append(f'<tr><th class="mta-group" scope="rowgroup" colspan="{span}">{html.escape(task)}</th></tr>')
            last = task
        values = "".join(f"<td>{html.escape(v)}<small>{html.escape(change)}</small></td>" for v, change in cells)
        body.append(f'<tr><th scope="row">{html.escape(label)}</th>{values}</tr>')
    frame = 'class="mta-scroll" tabindex="0" role="region" aria-label="Runs side by side"'
    return (
        f'<div {frame}><table class="mta-transfer"><thead><tr><th scope="col"></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def details(run: Run) -> None:
    st.subheader(f"Run {run.id}", anchor=False)
    if command := found.command(run):
        st.markdown("To measure it again:")
        st.code(command, language=None, wrap_lines=True)
    else:
        st.markdown(plain(f"Measured on {found.measured_on(run)}."))
    rows, made = st.tabs(["Rows", "Provenance"], key="found_detail", on_change="rerun", **keys.LINKED)
    with rows:
        st.dataframe(found.rows_table(run), hide_index=True, width="stretch", alt=f"Every row of run {run.id}")
    with made:
        st.dataframe(found.provenance(run), hide_index=True, width="stretch", alt=f"Provenance of run {run.id}")


page()
