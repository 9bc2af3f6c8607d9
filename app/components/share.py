"""What leaves the page: a link to the very view, a report, and all files of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from app import bundle, remembered, report, resources, uploads
from app.components import controls, leave, pictures, ranking, sweep_result
from app.components.registering import register, together
from app.panels import View
from app.reproduction import Where
from app.request import Request
from app.result import Result
from app.state import choices, keys, permalink, uploaded
from app.uploads import Upload
from app.words import plain
from mta_core.tasks import names
from mta_core.variables import VARIABLES

HTML = (
    '<div class="mta-share-link"><label for="mta-link">Link to this view</label>'
    '<input id="mta-link" readonly><button type="button">Copy link</button><span role="status"></span></div>'
)
FIRST: Mapping[str, Sequence[str]] = {
    "Compare": (
        "compare", "on", *ranking.FORM, *(f"measure_{name}" for name in names()), "attack_a", "attack_b", "epsilon_b",
        "epsilon_l2_b", "goal", "target", "like", *(f"target_{name}" for name in names()),
    ),
    "Sweep": (*sweep_result.FORM, *(f"values_{name}" for name in VARIABLES)),
    "Vulnerability": (),
    "Train": (),
    "Cost": keys.COST,
    "Jobs": (),
    "Results": (keys.CHART_OF, keys.CHART_BY),
    "Library": keys.LIBRARY[:1],
    "Tour": (),
}  # fmt: skip
"""Of each page without a button of its own, the controls that the link tells also where that is their first choice,
which may be another one tomorrow, or elsewhere: of those whose change draws the whole page. All others stand in the
address, where the browser's side finds them."""
WITH_PICTURE = ("Compare", "Train")
_component = register("share", together("share.js"), together("share.css"), HTML)
SAVED = "Saved on this server: the link shows it to everybody who can open this page."
NOT_SAVED = (
    "The picture is not in the link: opened elsewhere, it asks for the file. To have it shown at once, save the "
    "picture on this server for everybody who has the link."
)


def popover(request: Request, result: Result | None, view: View, is_disabled: bool, second: Result | None) -> None:
    """The button, and what it opens.

    Args:
        is_disabled: whether there is nothing to take away yet: see `app.components.detail.downloads`.
        second: what is known of a second victim.
    """
    with st.popover("Share", key="share", width="content"):
        query = query_of(request)
        _component(key="share_link", data={"query": query})
        kept = uploaded.upload()
        if kept is not None and isinstance(kept[1], Upload) and request.picture.origin.sha256 == kept[1].sha256:
            _saving(kept[1])
        if result is not None:
            _files(result, view, is_disabled, second, query)


def link(page: str) -> None:
    """The same button on a page without a report: the link alone. None where the page draws its own one, or its
    choices are in no link. Called after the page was drawn."""
    if page not in FIRST or (page == "Train" and keys.JOB not in st.query_params):
        return
    with st.popover("Share", key="share", width="content"):
        place = pictures.place() if page in WITH_PICTURE else {}
        told = _told({**place, **choices.answers(*FIRST[page])})
        _component(key="share_link", data={"first": urlencode(told, doseq=True)})
        kept = uploaded.upload()
        if kept is not None and isinstance(kept[1], Upload) and keys.FILE_DIGEST in st.query_params:
            _saving(kept[1])


def query_of(request: Request) -> str:
    """What follows the `?`: every choice, also where it is the first one today; it may be another one tomorrow."""
    return _written({**pictures.place(), **controls.answers(request)})


def _written(answers: Mapping[str, object]) -> str:
    told = {**permalink.query(), **_told(answers)}
    return urlencode(sorted(told.items()), doseq=True)  # the same view, the same link: the address has no certain order


def _told(answers: Mapping[str, object]) -> dict[str, object]:
    """As the controls write it into the address."""
    return {key: leave.in_link(key, value) for key, value in answers.items() if value not in (None, [])}


def _files(result: Result, view: View, is_disabled: bool, second: Result | None, query: str) -> None:
    device = resources.workshop().device
    where, address = Where.of(device), _address(query)
    if second is None and result.request.to and result.request.to != result.request.victim:
        second = result  # the page Transfer: one result holds both
    name = bundle.folder_of(result)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Report (HTML)", lambda: report.report_html(result, view, where, device.label, second, address),
            f"{name}.html", "text/html", key="get_report", on_click="ignore", disabled=is_disabled,
        )  # fmt: skip
        st.download_button(
            "ZIP", lambda: bundle.zip_of(result, where, device.label, second, address), f"{name}.zip",
            "application/zip", key="get_zip", on_click="ignore", disabled=is_disabled,
        )  # fmt: skip
    st.caption(
        "The report is one file that opens anywhere. The ZIP holds lossless pictures, arrays, settings, measures, and "
        "a script that computes the same numbers again."
    )


def _address(query: str) -> str:
    """The link as far as the server knows it; empty without a browser."""
    parts = urlsplit(st.context.url or "")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")) if parts.netloc else ""


def _saving(upload: Upload) -> None:
    is_saved = uploads.is_saved(upload)
    st.caption(SAVED if is_saved else NOT_SAVED)
    if is_saved and upload.is_own:
        st.button("Remove it from this server", key="unsave", on_click=_forget, args=(upload,))
    elif not is_saved:
        st.button("Save the picture for this link", key="save", on_click=_save, args=(upload,))
    if (said := remembered.told()) is not None and said.is_error:
        st.error(plain(said.words))


def _save(upload: Upload) -> None:
    """Called by a button."""
    try:
        uploads.save(upload)
    except OSError as error:
        remembered.tell(f"The picture cannot be saved: {error.strerror}.", is_error=True)


def _forget(upload: Upload) -> None:
    """Called by a button; saving it again undoes it."""
    try:
        uploads.forget(upload)
    except OSError as error:
        remembered.tell(f"The picture cannot be removed: {error.strerror}.", is_error=True)
