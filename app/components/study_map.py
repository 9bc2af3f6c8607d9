"""The study's heat map and, below it, the pictures of the cell that was clicked."""

from __future__ import annotations

import html
from urllib.parse import urlencode

import streamlit as st

from app import study_map, study_pictures, study_words
from app.components import matrix, stage
from app.state import choices, keys, pages, permalink
from app.study_charts import MULTI, SINGLE
from app.study_map import BLOCKS, CELLS, Block
from app.words import plain
from mta_core.study import shipped
from mta_core.study.findings import Findings
from mta_core.study.printed import TABLES, Printed

OURS, PAPER, RANKS = "Ours", "The paper's", "Ranks side by side"
PAPER_MAP = "study_map_paper"


def draw(findings: Findings) -> None:
    """Both parts, which a click changes together."""
    block, whose, table = _choose(findings)
    cell = permalink.thumbnail(keys.STUDY_CELL, _cells(findings))
    if whose == RANKS:
        _ranks(findings, block, table, cell)
    elif whose == PAPER:
        theirs = study_map.printed(table, block)
        _headline(study_map.answer(theirs, block))
        _map(f"The paper's {study_map.table_label(table)}", theirs, block, cell, table)
        st.caption(study_words.under_map(block))
    else:
        mine = study_map.ours(findings, block)
        _headline(study_map.answer(mine, block))
        _map("Ours", mine, block, cell)
        st.caption(study_words.under_map(block))
    for slip in study_words.slips(table, block) if whose != OURS else ():
        st.caption(slip)
    if cell:
        _pictures(findings, cell)
    pages.note_study_map()


def _choose(findings: Findings) -> tuple[Block, str, Printed]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="study_choices"):
        block = st.segmented_control(
            "What", list(BLOCKS), default="Single attack", key=keys.STUDY_BLOCK, required=True, **keys.LINKED
        )
        offered = [OURS, PAPER, RANKS] if len(findings) else [PAPER]
        whose = st.segmented_control(
            "Whose", offered, default=offered[0], key=keys.STUDY_WHOSE, required=True, **keys.LINKED
        )
        names = {study_map.table_label(table): table for table in TABLES}
        chosen = next(iter(names))
        if whose != OURS:
            chosen = st.selectbox("Table of the paper", list(names), key=keys.STUDY_TABLE, width=230, **keys.LINKED)
    return BLOCKS[block or "Single attack"], whose or offered[0], names[chosen]


def _cells(findings: Findings) -> list[str]:
    """Every cell by its letters, the one that is shown first in front; none where there are no pictures of any."""

    def has_pictures(main: str, auxiliary: str) -> bool:
        return shipped.sheet(study_pictures.probe_of(main + auxiliary, multi=False)) is not None

    return [study_map.first(findings, has_pictures), *("".join(cell) for cell in CELLS)]


def _map(
    title: str,
    values: study_map.Values,
    block: Block,
    cell: str,
    table: Printed | None = None,
    *,
    key: str = keys.MATRIX,
    are_ranks: bool = False,
) -> None:
    st.markdown(f"**{plain(title)}**")
    marked = {}
    if table is not None:
        other = study_map.COPIED.get(table.number, table).number
        marked = dict.fromkeys(study_map.copied(table, block), f"= Table {other}")
    message = study_map.message(values, block, cell, _link, marked, are_ranks=are_ranks)
    caption = f"{title}: {study_map.WORDS[block]}, main tasks by auxiliary tasks"
    matrix.draw(message, caption, lambda main, auxiliary: _open(main, auxiliary, block), key)


def _ranks(findings: Findings, block: Block, table: Printed, cell: str) -> None:
    mine, theirs = study_map.ours(findings, block), study_map.printed(table, block)
    _headline(study_map.agreement(mine, theirs))
    left, right = st.columns(2, gap="medium")
    with left:
        _map("Ours", mine, block, cell, are_ranks=True)
    with right:
        title = f"The paper's {study_map.table_label(table)}"
        _map(title, theirs, block, cell, table, key=PAPER_MAP, are_ranks=True)
    st.caption(study_words.under_ranks(block))


def _headline(words: str) -> None:
    if words:
        st.html(f'<p class="mta-headline">{html.escape(words)}</p>')


def _link(cell: str) -> str:
    """The address of this page with a cell's pictures."""
    return f"./vulnerability?{urlencode(permalink.query() | {keys.STUDY_CELL: [cell]}, doseq=True)}"


def _open(main: str, auxiliary: str, block: Block) -> None:
    """Called by a click on a cell: its pictures are of the attack that the map shows."""
    if (main, auxiliary) not in CELLS:
        return
    permalink.choose_thumbnail(keys.STUDY_CELL, main + auxiliary, "")
    if block != "clean" and main != auxiliary:
        choices.choose_study_attack(SINGLE if block == "single" else MULTI)


def _pictures(findings: Findings, cell: str) -> None:
    main, auxiliary = cell[0], cell[1]
    is_pair = main != auxiliary
    beside = f" with {study_map.named(auxiliary)}" if is_pair else " alone"
    st.subheader(f"{study_map.label(main)}{beside}", anchor=False)
    kind: str | None = SINGLE
    if is_pair:
        kind = st.segmented_control(
            "Attack", (SINGLE, MULTI), default=SINGLE, key=keys.STUDY_ATTACK, label_visibility="collapsed",
            required=True, **keys.LINKED,
        )  # fmt: skip
    probe = study_pictures.probe_of(cell, multi=kind == MULTI)
    words = study_pictures.verdict(findings, probe)
    if words:
        _headline(words)
    else:
        st.caption(study_words.NOT_MEASURED)
    path = shipped.sheet(probe)
    if path is None:
        if words:
            st.caption(study_words.NO_PICTURES)
        return
    try:
        made = study_pictures.message(path, probe, findings)
    except ValueError as error:
        st.error(plain(f"{error}."))
        return
    stage.draw(lambda _: made)
    st.caption(study_words.PICTURES)
