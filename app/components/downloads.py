"""Measured rows, taken away as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app import exports

Rows = Sequence[Mapping[str, Any]]


def rows(
    name: str,
    rows: Callable[[], Rows],
    made: Callable[[], Mapping[str, Any]],
    key: str,
    *,
    has_rows: bool = True,
    has_provenance: bool = True,
) -> None:
    """Both files, made on the click.

    Args:
        name: of the files, without an ending.
        made: their provenance, which JSON carries.
        key: of the place of both on the page.
        has_rows: whether there is anything to take away.
        has_provenance: whether there is that too.
    """
    with st.container(horizontal=True, key=key, gap="small"):
        st.download_button(
            "Rows (JSON)", lambda: exports.rows_json(rows(), made()), f"{name}.json", "application/json",
            key="get_rows_json", on_click="ignore", disabled=not (has_rows and has_provenance),
        )  # fmt: skip
        st.download_button(
            "Rows (CSV)", lambda: exports.rows_csv(rows()), f"{name}.csv", "text/csv", key="get_rows_csv",
            on_click="ignore", disabled=not has_rows,
        )  # fmt: skip


def records(
    name: str, rows: Callable[[], Rows], made: Callable[[], Mapping[str, Any]], key: str, *, has_rows: bool = True
) -> None:
    """The same of rows that have keys of their own. See `rows`."""
    with st.container(horizontal=True, key=key, gap="small"):
        st.download_button(
            "Rows (JSON)", lambda: exports.records_json(rows(), made()), f"{name}.json", "application/json",
            key=f"{key}_json", on_click="ignore", disabled=not has_rows,
        )  # fmt: skip
        st.download_button(
            "Rows (CSV)", lambda: exports.records_csv(rows()), f"{name}.csv", "text/csv", key=f"{key}_csv",
            on_click="ignore", disabled=not has_rows,
        )  # fmt: skip
