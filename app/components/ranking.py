"""The heat map of a comparison, filled while it is computed, with its charts, rows and downloads."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app import charts, comparison, comparison_job, exports, heatmap, orders, resources, works
from app.comparison import Event, Trial
from app.components import downloads, leave, linked, matrix, pulse
from app.components.asking import answer, ask
from app.components.contest import Contest
from app.components.grid import grid
from app.components.hearing import hear
from app.components.ranking_work import Work
from app.heatmap import Line, Scale
from app.state import keys, pages, session
from app.words import plain, sentence
from mta_core.compare import Standing
from mta_core.job_records import CUT_OFF, Order
from mta_core.jobs import Job
from mta_core.wording import counted

PICTURE_PLACE = "map"
"""Where the work on one picture is kept; that on a data set is a job on the board."""
FORM = (
    "data", "count", "victim", "tasks", keys.SECOND, keys.THREAT, "attacks", "norm", "epsilon", "epsilon_l2", "steps",
)  # fmt: skip
"""Keys of the controls of a comparison on a data set."""
SCALES: dict[str, Scale] = {"Times worse": "ratio", "In its own unit": "unit"}
TARGET_SCALES: dict[str, Scale] = {"Times nearer": "ratio", "In its own unit": "unit"}
SCALE, SCALE_TO_TARGET, DETAIL = "scale", "scale_target", "compare_detail"
"""Keys of the controls below the side bar."""
VALUES, ROWS = "Values", "Rows"
STOP_HELP = "Ends the comparison and keeps what has been measured."
CAPTION = "How far each measure fell: a row for each attack, a column for each task"
TARGET_CAPTION = "How near each attack comes to the target: a row for each attack, a column for each task"
INTERVALS = (
    "A dot for each attack with its 95 % interval: where the value would probably lie on other pictures of this "
    "kind. The dashed line is the clean pictures. Where intervals overlap, it takes more pictures to tell which is "
    "stronger."
)
CONFIG = {"displaylogo": False, "displayModeBar": False}


def draw(contest: Contest, used: Mapping[str, object]) -> None:
    """Everything that is known of it; looks again by itself while more is being computed."""
    hear(used, SCALE, SCALE_TO_TARGET, DETAIL)
    leave.go()
    asked, contest = contest, _named(contest)
    work = _work_on_data(contest) if contest.is_data else _work_on_picture(contest)
    is_live = work is not None and work.is_live  # asked first: what ends meanwhile is drawn by the next look
    lines = _lines(contest, work.progress.stage if is_live and work and work.progress else "")
    _toolbar(contest, work, lines)
    _notes(work, lines)
    if contest != asked:
        st.info(linked.OTHER_WEIGHTS)
        st.button(linked.START_ANEW, key="ranking_anew", on_click=_start_anew, args=(asked,))
    _map(contest, lines)
    _below(contest, lines, is_live)
    is_held = work is not None and bool(work.waiting)
    pulse.beat("watch_ranking", 0.5 if is_live else 2.0 if is_held else None)


def _named(contest: Contest) -> Contest:
    """With the very weights of the comparison that the link names, where it is this one but for them."""
    record = linked.named(comparison_job.KIND)
    if not contest.is_data or record is None or not comparison_job.is_of(record.order, contest.trials):
        linked.forget()
        return contest
    try:
        return replace(contest, trials=tuple(comparison_job.read_trials(record.order, resources.shelves())))
    except ValueError:  # a victim is gone
        return contest


def _start_anew(contest: Contest) -> None:
    """Called by a button."""
    linked.forget()
    _start(contest)


def _work_on_data(contest: Contest) -> Work | None:
    """The job of it on the board, whoever asked for it: what a reload, or a restart of the server, finds again."""
    board = resources.board()
    record = orders.find(board, _order(contest))
    if record is None:
        return None
    comparison_job.recall(resources.workshop(), board, record, contest.trials)
    return Work.of_record(record)


def _order(contest: Contest) -> Order:
    return comparison_job.order_of(contest.trials, session.owner(), linked.query(*FORM))


def _work_on_picture(contest: Contest) -> Work | None:
    """The work on it, whoever started it. It is started at once, and again where it was given up while nobody looked,
    or the same picture was uploaded once more. What is under way for another choice of picture or attacks ends."""
    job: Job[Event] | None = works.on(PICTURE_PLACE, contest.trials)
    if job is None:
        works.drop(PICTURE_PLACE)
    if job is None or job.is_done:
        job = resources.workshop().running(contest.trials) or job
    is_wanted = job is None or (job.is_done and not job.error and not job.is_stopping)
    if is_wanted and _open(contest):
        _start(contest)
        job = works.on(PICTURE_PLACE, contest.trials)
        if job is not None:
            job.wait(0, 1.0)
    return None if job is None else Work.of_job(job)


def _open(contest: Contest) -> list[Trial]:
    return [trial for trial in contest.trials if comparison.is_open(resources.workshop(), trial)]


def _start(contest: Contest) -> None:
    """Tries what is not known yet; also called by a button."""
    if not contest.is_data:
        works.keep(PICTURE_PLACE, contest.trials, comparison.start(resources.workshop(), contest.trials))
        return
    board = resources.board()
    record = orders.find(board, _order(contest))
    if record is not None and record.can_go_on:
        ask(record.id, board.resume)
    elif record is None or record.is_ended:
        board.submit(_order(contest))


def _stop(contest: Contest) -> None:
    """Called by a button."""
    if contest.is_data:
        record = orders.find(resources.board(), _order(contest))
        if record is not None:
            board = resources.board()
            ask(record.id, board.cancel if record.state == "queued" else board.finish)
        return
    job = works.on(PICTURE_PLACE, contest.trials) or resources.workshop().running(contest.trials)
    if job is not None:
        job.stop()
        if works.on(PICTURE_PLACE, contest.trials) is not job:
            works.keep(PICTURE_PLACE, contest.trials, job)  # whoever started it, or it would be started again


def _lines(contest: Contest, running: str) -> list[Line]:
    """Known as of now, noise first."""
    workshop = resources.workshop()
    return [
        Line(
            one.label, one.words, _seen_by(one.victim, comparison.standing(workshop, one.trial)),
            one.trial.request.attack.is_baseline, running == one.trial.label,
            {c.task.name: contest.link(one.trial, c.task.name) for c in contest.columns}, one.victim,
        )
        for one in contest.sights
    ]  # fmt: skip


def _seen_by(victim: str, known: Standing | None) -> Standing | None:
    """What is known of one of two victims; of the only one, where none is named."""
    if known is None or not victim:
        return known
    return replace(known, rows=tuple(row for row in known.rows if row["victim"] == victim))


def _toolbar(contest: Contest, work: Work | None, lines: Sequence[Line]) -> None:
    """What is going on, how far it is, and the button that starts or stops it."""
    with st.container(horizontal=True, vertical_alignment="center", key="compare_toolbar", gap="small"):
        if work is not None and work.is_live:
            st.html(f'<div class="mta-status mta-alive">{html.escape(_running_words(contest, work))}</div>')
            st.button(
                "Stop", key="stop_ranking", on_click=_stop, args=(contest,), disabled=work.is_stopping,
                help=STOP_HELP,
            )  # fmt: skip
        else:
            words = _finished_words(contest, lines)
            st.html(f'<div class="mta-status" role="status">{html.escape(words)}</div>')
            if _open(contest):
                is_begun = any(line.standing for line in lines)
                can_go_on = work is not None and work.record is not None and work.record.can_go_on
                label = "Go on" if can_go_on else "Start again" if is_begun else "Start"
                st.button(label, key="start_ranking", on_click=_start, args=(contest,), type="primary")
            else:
                st.html('<i class="mta-none"></i>')
    _bar(work)


def _bar(work: Work | None) -> None:
    is_live = work is not None and work.is_live
    last = work.progress if work and is_live else None
    share = 100 * last.done / last.total if last else 0
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{share:.0f}"' if is_live else ""
    st.html(f'<div class="mta-done {"mta-on" if is_live else ""}" {role}><i style="width:{share:.1f}%"></i></div>')


def _running_words(contest: Contest, work: Work) -> str:
    last = work.progress
    if work.is_stopping:
        return "Stopping after this step …"
    if work.waiting:
        return f"{work.waiting} …"
    if last is None:
        return "Getting ready …"
    count = contest.trials[0].count
    picture = last.values.get("picture", 1 + last.done * count // last.total)
    words = last.stage if count == 1 else f"{last.stage} on picture {picture:.0f} of {count}"
    is_telling = last.done * count >= last.total  # all have had a picture: the next ones take as long
    if not is_telling or count == 1:
        return f"{words} …"
    left = last.values["seconds"] / last.done * (last.total - last.done)
    return f"{words} · about {duration(left)} left"


def _finished_words(contest: Contest, lines: Sequence[Line]) -> str:
    request, count = contest.trials[0].request, contest.trials[0].count
    known = [line.standing for line in lines if line.standing and line.standing.rows]
    what = f"{counted(contest.num_attacks, 'attack')} at {request.budget.label}"
    if contest.second is not None:
        what += f", {contest.victim} and {contest.second.card.name},"
    done = min((one.num_pictures for one in known), default=0)
    missing = max((len(one.left_out) for one in known), default=0)
    of_all = f"{done} of {count} pictures" if missing else counted(count, "picture")
    where = f"on {of_all}" if contest.is_data else f"on {request.picture.name}"
    if not known:
        return f"{what} {where}: not measured yet"
    if any(not one.is_complete for one in known):
        return f"{what} on {counted(count, 'picture')}: stopped after {done}"
    own = [line for line in heatmap.by_victim(lines)[lines[0].victim] if line.standing and line.standing.rows]
    return f"{what} {where}" if len(known) == len(lines) else f"{what} {where}: {len(own) - 1} measured"


def duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _notes(work: Work | None, lines: Sequence[Line]) -> None:
    """What went wrong, and pictures that were left out."""
    answer(work.record if work else None)
    if work is not None and work.error:
        st.error(plain(sentence(work.error)))
    elif work is not None and work.record is not None and work.record.note == CUT_OFF:
        st.info(CUT_OFF)
    left_out = {name: why for line in lines if line.standing for name, why in line.standing.left_out.items()}
    for name, why in left_out.items():
        st.warning(plain(f"left out {name}: {why}."))


def _map(contest: Contest, lines: Sequence[Line]) -> None:
    said = heatmap.headline(contest.columns, lines) or heatmap.without_headline(contest.columns, lines)
    st.html(f'<p class="mta-headline">{html.escape(said)}</p>')
    is_targeted = contest.trials[0].request.is_targeted
    scales, key = (TARGET_SCALES, SCALE_TO_TARGET) if is_targeted else (SCALES, SCALE)
    first = next(iter(scales))
    chosen = st.segmented_control(
        "How far it fell", list(scales), default=first, key=key, label_visibility="collapsed", required=True,
        **keys.LINKED,
    )  # fmt: skip
    pages.note_drawn(key)
    scale = scales[chosen or first]
    message = heatmap.message(contest.columns, lines, scale, contest.trials[0].count)
    matrix.draw(message, TARGET_CAPTION if is_targeted else CAPTION, lambda label, task: _opened(contest, label, task))
    explained = heatmap.EXPLAINED_TARGET if is_targeted else heatmap.EXPLAINED
    what = "its run on the first picture" if contest.is_data else "that run"
    st.caption(plain(f"{explained[scale]} Click a cell to open {what} in Explore."))
    if contest.second is not None:
        st.caption(plain(contest.second.words(contest.victim)))


def _opened(contest: Contest, label: str, task: str) -> None:
    """Called by a click on a cell."""
    trial = next((one.trial for one in contest.sights if one.label == label), None)
    if trial and task in {c.task.name for c in contest.columns}:
        leave.to_explore(contest.explore(trial, task))


def _below(contest: Contest, lines: Sequence[Line], is_live: bool) -> None:
    """Charts, rows and downloads; while they change nothing of them is drawn, since each redraw begins anew."""
    rows = [row for line in lines if line.standing for row in line.standing.rows]
    _downloads(contest, lines, is_live or not rows)
    values, table = st.tabs([VALUES, ROWS], key=DETAIL, on_change="rerun", **keys.LINKED)
    pages.note_drawn(DETAIL)
    if is_live:
        with values if values.open else table:
            st.caption("Drawn when the comparison has ended.")
    elif values.open:
        with values:
            _values(contest, lines)
    elif table.open:
        with table:
            _table(lines, contest)


def _values(contest: Contest, lines: Sequence[Line]) -> None:
    for victim, own in heatmap.by_victim(lines).items():
        _dots(contest, own, victim)
    st.caption(INTERVALS if contest.is_data else "A dot for each attack; the dashed line is the clean picture.")


def _dots(contest: Contest, lines: Sequence[Line], victim: str) -> None:
    """A chart of each task, for one victim."""
    of_victim = f" of {victim}" if victim else ""
    for column, place in zip(contest.columns, grid([1] * len(contest.columns)), strict=True):
        rows = [(line.label, row) for line in lines if (row := heatmap.row_of(line.standing, column))]
        if rows:
            with place:
                figure = charts.intervals(column.task, column.measure, rows)
                alt = f"{column.task.label}: {column.measure.label}{of_victim} under {len(rows)} attacks"
                st.plotly_chart(figure, key=f"values_{column.task.name}{victim}", config=CONFIG, alt=alt)


def _table(lines: Sequence[Line], contest: Contest) -> None:
    found = []
    for line in lines:
        for column in contest.columns:
            row = heatmap.row_of(line.standing, column)
            if row:
                m = column.measure
                low, high = (m.format(end) for end in row["ci95"]) if row["ci95"] else ("–", "–")
                found.append(
                    {
                        "Attack": line.label, "Task": column.task.label, "Measure": m.label,
                        "Clean": m.format(row["clean"]), "Under attack": m.format(row["adversarial"]),
                        "95 % from": low, "to": high, "Pictures": row["n"],
                    }
                )  # fmt: skip
    st.dataframe(found, hide_index=True, width="stretch")
    st.caption("The measures of the map; the downloads hold all of them.")


def _downloads(contest: Contest, lines: Sequence[Line], is_disabled: bool) -> None:
    rows = [row for line in lines if line.standing for row in line.standing.rows]
    downloads.rows(
        "comparison", lambda: rows, lambda: _provenance(contest, lines), "downloads", has_rows=not is_disabled
    )


def _provenance(contest: Contest, lines: Sequence[Line]) -> dict[str, Any]:
    """Where the rows come from: the pictures of the attack that has had the most."""
    both = zip(contest.sights, lines, strict=True)
    known = {sight.trial: line.standing for sight, line in both if line.standing and line.standing.rows}
    trial, most = max(known.items(), key=lambda pair: pair[1].num_pictures)
    requests = {trial.label: trial.request for trial in contest.trials}
    names = comparison.names(trial, most)
    device, data = resources.workshop().device.label, str(most.rows[0]["data"])
    return exports.provenance(requests, device, data, names, comparison.contents(trial), unreadable=list(most.left_out))
