"""Below the pictures of the page Transfer: tables of this picture, of a data set, and the paper's."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import exports, paper, resources, series, state, tables, tried
from app.components.chrome import FIRST_PRESET
from app.components.pictures import GALLERY
from app.library import Shelf
from app.series import Measured, Series
from app.words import nearest, plain
from app.workshop import Request, Result, Tick
from mta_core.data import DataError
from mta_core.imaging import ImageError
from mta_core.jobs import Job
from mta_core.transfer import Pair, resizing
from mta_core.weights import Card

PICTURE, DATA_SET = "This picture", "Data set"
PLACE = "series"
FIRST_COUNT, MOST = 8, 10_000
NO_OTHER = (
    "There is no other victim yet that answers these tasks. Make one with "
    f"`python -m mta_core train victim --preset {FIRST_PRESET} --out runs/{FIRST_PRESET}`, then reload this page."
)


def note(request: Request) -> None:
    """What is particular about the two victims."""
    cards = _cards()
    source, to = cards[request.victim], cards[request.to]
    if source is to:
        alone = len([card for card in cards.values() if set(card.tasks.items()) & set(source.tasks.items())]) == 1
        same = f"Made on {source.name} and tried on itself: both halves show the white-box attack."
        st.info(f"{plain(same)} {NO_OTHER if alone else 'Choose another victim under “Tried on”.'}")
    elif source.input_size != to.input_size:
        said = resizing(source.name, source.input_size, to.name, to.input_size)
        st.caption(plain(f"{said[:1].upper()}{said[1:]}."))


def tabs(request: Request, result: Result | None) -> bool:
    """Only what is open is drawn; whether more of it is on its way."""
    picture, data_set = st.tabs([PICTURE, DATA_SET], key=state.TABLES, on_change="rerun", **state.LINKED)
    state.note_drawn(state.TABLES)
    if picture.open and result is not None:
        with picture:
            _of_picture(result)
    if data_set.open:
        with data_set:
            return _of_data(request)
    return False


def _of_picture(result: Result) -> None:
    found = tried.pairs_of(result)
    noise = tried.pairs_of(result, "noise") if result.is_complete else []
    names = (result.request.victim, result.request.to)
    if result.unreached:
        st.caption("Stopped: tasks whose turn had not come are not attacked.")
    _summary(found, names)
    st.html(tables.transfer_table(found, noise, names, f"{result.request.picture.name}, both victims"))
    without = [o.task.label.lower() for o in result.outcome.tasks.values() if o.truth is None]
    if without:
        st.caption(f"No ground truth for {', '.join(without)}: each victim is measured against its own clean output.")


def _of_data(request: Request) -> bool:
    asked = _form(request)
    if asked is None:
        return False
    last = state.last_work(PLACE)
    shown: Series = last[0] if last and series.known(resources.workshop(), asked) is None else asked
    job: Job[Tick] | None = state.work_on(PLACE, shown)
    is_live = job is not None and not job.is_done  # asked first: what comes meanwhile is drawn by the next look
    measured = series.known(resources.workshop(), shown)
    _toolbar(asked, shown, job, measured)
    if job is not None and job.error:
        st.error(plain(f"{job.error}."))
    if measured is not None:
        _show(shown, measured, is_live)
    elif not is_live:
        st.caption("Nothing is measured yet for these settings.")
    return is_live


def _form(request: Request) -> Series | None:
    """Which pictures; None, and the reason on the page, where they cannot be read."""
    gallery = resources.gallery()
    shelves: dict[str, Shelf] = {**({GALLERY: gallery} if gallery else {}), **resources.connected()}
    if not shelves:
        st.info("No data set is here: name some when the server starts, `MTA_DATA_ROOTS=nyuv2:/data/nyuv2 make app`.")
        return None
    left, right, _ = st.columns([2, 1, 2])
    with left:
        label = st.selectbox("Pictures of", list(shelves), key=state.DATA, **state.LINKED)
    shelf = shelves[label]
    with right:
        count = st.number_input(
            f"How many, of {len(shelf)}", 1.0, float(MOST), float(FIRST_COUNT), 1.0, "%.0f", key=state.COUNT,
            **state.LINKED,
        )  # fmt: skip  # not whole numbers: a link that says "inf" would end the page
    for key in (state.DATA, state.COUNT):
        state.note_drawn(key)
    try:
        return series.series_of(request, label, shelf, nearest(count), _cards()[request.victim])
    except (DataError, ImageError) as error:
        st.error(plain(f"These pictures cannot be read: {error}."))
        return None


def _toolbar(asked: Series, shown: Series, job: Job[Tick] | None, measured: Measured | None) -> None:
    """What is going on, and the buttons that start and stop it."""
    is_live = job is not None and not job.is_done
    with st.container(horizontal=True, vertical_alignment="center", key="series_toolbar", gap="small"):
        known = series.known(resources.workshop(), asked)
        is_done = known is not None and known.is_whole
        if not (is_live and shown == asked) and not is_done:
            st.button("Measure", key="measure", type="primary", on_click=_start, args=(asked,))
        if is_live and job is not None:
            st.button("Stop", key="stop_series", on_click=job.stop, disabled=job.is_stopping)
        st.html(f'<div class="mta-status{" mta-alive" if is_live else ""}">{_said(shown, job, measured)}</div>')
    if is_live:
        done = measured.num_pictures if measured and not measured.is_whole else 0
        st.progress(min(1.0, done / shown.count))


def _said(shown: Series, job: Job[Tick] | None, measured: Measured | None) -> str:
    done = measured.num_pictures if measured else 0
    if job is not None and not job.is_done:
        return "Stopping after this step …" if job.is_stopping else f"{done} of {shown.count} pictures …"
    if measured is None:
        return ""
    of_all = "" if measured.is_whole else f" of {shown.count}"
    return f"{done}{of_all} pictures in {measured.seconds:.0f} s"


def _start(asked: Series) -> None:
    """Called by the button."""
    state.keep_work(PLACE, asked, series.start(resources.workshop(), asked))


def _show(shown: Series, measured: Measured, is_live: bool) -> None:
    request = shown.request
    names = (request.victim, request.to)
    found, noise = measured.pairs(request), measured.noise(request)
    _summary(found, names)
    st.html(tables.transfer_table(found, noise, names, f"{shown.title}, {measured.num_pictures} of its pictures"))
    _caption(shown, measured)
    _downloads(shown, measured, is_live)
    if names == (paper.SOURCE, paper.TO):
        _paper(request)


def _summary(found: Sequence[Pair], names: tuple[str, str]) -> None:
    if names[0] != names[1]:  # else it is said above
        st.markdown(plain(tables.summary(found, names)))


def _caption(shown: Series, measured: Measured) -> None:
    parts = ["Under the attacked values: 95 % intervals over pictures."] if measured.num_pictures > 1 else []
    parts += ["Carries over: how far a measure moves, of how far it moves on the victim that the attack was made on; "
              "a dash where it does not move there beyond chance."]  # fmt: skip
    without = [t.label.lower() for t in shown.request.tasks if t.name not in shown.data.spaces]
    if without:
        parts.append(f"No labels for {', '.join(without)}: each victim is measured against its own clean output.")
    if measured.left_out:
        parts.append(f"Left out, since they cannot be read: {', '.join(measured.left_out)}.")
    st.caption(plain(" ".join(parts)))


def _downloads(shown: Series, measured: Measured, is_live: bool) -> None:
    """Nothing while the table still grows: every redraw makes new addresses."""
    stem = f"transfer-{shown.request.victim}-{shown.request.to}-{shown.request.attack.name}"
    with st.container(horizontal=True, key="series_downloads", gap="small"):
        st.download_button(
            "Rows (JSON)",
            lambda: exports.rows_json(measured.rows, series.provenance(resources.workshop(), shown, measured)),
            f"{stem}.json", "application/json", key="get_rows_json", on_click="ignore", disabled=is_live,
        )  # fmt: skip
        st.download_button(
            "Rows (CSV)", lambda: exports.rows_csv(measured.rows), f"{stem}.csv", "text/csv", key="get_rows_csv",
            on_click="ignore", disabled=is_live,
        )  # fmt: skip


def _paper(request: Request) -> None:
    """The paper's own table, for the pair that it tells of."""
    instance = "universal" if request.attack.is_universal else "per-instance"
    found, names = paper.pairs(instance), ("DMTL", "MTAN")
    caption = f"The paper's Tables 5 and 6: MTA, {instance}, at 5/255"
    st.html(tables.transfer_table(found, [], names, caption))
    st.caption(
        "Guo et al., section 4.4: their own models and generators on the whole NYUv2 test set. The table above is of "
        "this program's victims on the pictures chosen here."
    )


def _cards() -> dict[str, Card]:
    return {card.name: card for card in resources.workshop().victims()}
