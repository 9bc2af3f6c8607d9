"""Does an attack survive what happens to a picture before a victim sees it? A tab below the pictures of Explore."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from app import exports, resources, survival_charts, survival_job, tables, works
from app.charts import KINDS
from app.components import livechart
from app.components.grid import grid
from app.request import Request
from app.result import Result
from app.state import keys, pages
from app.survival_job import Asked, Points
from app.words import direction, in_sentence, perturbation_title, plain, sentence
from mta_core.attacks import JOINT
from mta_core.explore import TaskOutcome
from mta_core.jobs import Job
from mta_core.survival import TRANSFORMATIONS, UNTOUCHED, Transformation, Trial, curve_of, middle_of
from mta_core.survival.data_set import KEYS
from mta_core.wording import counted

STYLE = Path(__file__).with_name("survival.css")
LATER = "This is computed when the attack has ended."
SHOWS = (
    "It shows what each task's main measure is after the picture was changed, for the clean picture, the adversarial "
    "one and random noise of the same size: the attack survives as far as its line stays away from the clean one."
)
SHOWS_NOT = (
    "It does not show what an attack would do that was made with the change in mind, nor, where the clean line goes "
    "too, whether the attack has faded or the victim can no longer read the picture."
)
LEFT = (
    "Damage left is how far the adversarial picture's main measure is from the clean picture's, both after the change, "
    "over how far it is without the change. 100 % is all of it, 0 % none; above 100 % the change helps the attack. "
    "A dash: the attack does no more to this picture than random noise of the same size."
)


def tab(request: Request, result: Result | None, is_live: bool) -> bool:
    """The curves, as far as they are known; whether there are points to come."""
    st.html(STYLE)
    kind, chosen = _choose()
    if is_live or result is None or not result.is_complete_for(request):  # it would slow the attack that is waited for
        st.caption(LATER)
        return False
    is_waiting = _follow(result, kind)
    points = survival_job.known(resources.workshop(), result)
    to_come = sum(trial not in points for trial in Asked.of(result, kind).trials) if is_waiting else 0
    _legend(f"Computing, {counted(to_come, 'point')} to come …" if to_come else "")
    for column, o in zip(
        grid([1] * len(result.outcome.tasks), gap="medium"), result.outcome.tasks.values(), strict=True
    ):
        with column:
            _task(result, o, points, kind, chosen)
    st.caption(f"{SHOWS} {SHOWS_NOT}")
    table, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with table:
        st.html(_table(points, list(result.outcome.tasks.values()), kind, chosen))
    with words:
        st.caption(LEFT)
    _downloads(result, points)
    return is_waiting


def drop_others(request: Request) -> None:
    """Ends the work on what nobody asks for any more."""
    last = works.last(works.SURVIVAL)
    if last is not None and last[0].request != request:
        works.drop(works.SURVIVAL)


def _choose() -> tuple[Transformation, Trial]:
    """What happens to the picture, and the strength at which it is shown."""
    offered = {kind.label: kind for kind in TRANSFORMATIONS}
    what, strength = st.columns([1, 2], gap="medium")
    with what:
        label = st.selectbox(
            "What happens to the picture", list(offered), key=keys.SURVIVE, persist_state="session", **keys.LINKED
        )
    pages.note_drawn(keys.SURVIVE)
    kind = offered[label]
    with strength:
        chosen = _choose_strength(kind)
    st.caption(f"{kind.label}: {kind.summary}.")
    return kind, chosen


def _choose_strength(kind: Transformation) -> Trial:
    offered = {survival_charts.tick(trial): trial for trial in curve_of(kind)}
    if not kind.axis:
        return middle_of(kind)
    key = keys.strength_key(kind.name)
    chosen = st.select_slider(
        f"Shown at: {kind.axis}", list(offered), survival_charts.tick(middle_of(kind)), key=key,
        persist_state="session", **keys.LINKED,
    )  # fmt: skip
    pages.note_drawn(key)
    return offered[chosen]


def _follow(result: Result, kind: Transformation) -> bool:
    """Starts what is not known yet; whether there is more to come."""
    workshop, asked = resources.workshop(), Asked.of(result, kind)
    job: Job | None = works.on(works.SURVIVAL, asked)
    if job is None or job.is_cancelled or (job.is_done and not job.error):
        found = survival_job.known(workshop, result)
        if all(trial in found for trial in asked.trials):
            return False
        job = survival_job.start(workshop, result, asked)
        works.keep(works.SURVIVAL, asked, job)
    job.wait(len(job.events), 0.3)
    if job.error:
        st.error(plain(sentence(str(job.error))))
    return not job.is_done


def _legend(note: str) -> None:
    """What the lines are, and how much is still to be computed."""
    entries = (f'<span class="mta-entry" style="--swatch:{colour}">{label}</span>' for label, colour in KINDS.values())
    working = f'<span class="mta-status mta-alive">{note}</span>' if note else ""
    st.html(f'<div class="mta-legend mta-steady">{"".join(entries)}{working}</div>')


def _task(result: Result, o: TaskOutcome, points: Points, kind: Transformation, chosen: Trial) -> None:
    """The curve of a task, and below it what the victim sees and answers at the chosen strength."""
    t, measure = o.task, o.main_measure
    said = measure.named(o.is_targeted)
    st.markdown(f"**{t.label}**: {said.label}, {direction(measure.higher_is_better)}")
    figure = survival_charts.curve(points, kind, t, measure, chosen)
    alt = survival_charts.alt(points, kind, t, measure)
    livechart.draw(f"survival_{t.name}", figure, alt, survival_charts.HEIGHT)
    st.html(f'<div class="mta-pair">{_picture(result, t.name, chosen)}{_answer(o, points, chosen)}</div>')


def _picture(result: Result, task: str, trial: Trial) -> str:
    name = JOINT if JOINT in result.outcome.perturbations else task
    words = _after(trial)
    alt = f"Adversarial picture for {perturbation_title(name)}, {words}"
    return _figure(survival_job.picture(result, name, trial), alt, f"Adversarial, {words}")


def _answer(o: TaskOutcome, points: Points, trial: Trial) -> str:
    seen = points.get(trial)
    alt = f"{o.task.label} of the adversarial picture, {_after(trial)}"
    if seen is None:
        return '<figure><div class="mta-to-come">…</div><figcaption>being computed</figcaption></figure>'
    value = o.main_measure.format(seen.measures[o.task.name]["adversarial"][o.main_measure.name])
    return _figure(seen.answers[o.task.name], alt, f"{o.task.label}: {value}")


def _after(trial: Trial) -> str:
    return "untouched" if trial is UNTOUCHED else f"after {in_sentence(trial.title)}"


def _figure(png: bytes, alt: str, caption: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return (
        f'<figure><img src="{source}" alt="{html.escape(alt)}"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _table(points: Points, outcomes: Sequence[TaskOutcome], kind: Transformation, chosen: Trial) -> str:
    """The damage that is left after each transformation at a middle strength; of the chosen one at the chosen one."""
    heads = "".join(f'<th scope="col">{html.escape(o.task.label)}</th>' for o in outcomes)
    lines = ""
    for each in TRANSFORMATIONS:
        trial = chosen if each is kind and chosen is not UNTOUCHED else middle_of(each)
        cells = "".join(_cell(survival_charts.share(points, trial, o.task, o.main_measure)) for o in outcomes)
        said = html.escape(trial.said or "–")
        lines += f'<tr><th scope="row">{html.escape(each.label)}</th><td>{said}</td>{cells}</tr>'
    head = f'<tr><th scope="col">After</th><th scope="col">Strength</th>{heads}</tr>'
    return tables.framed(
        head, f"<tbody>{lines}</tbody>", f"Damage left: {kind.label} at the strength above, the others at a middle one"
    )


def _cell(share: float | None) -> str:
    """Dots where it is not known yet."""
    return "<td>…</td>" if share is None else tables.share_cell(share)


def _downloads(result: Result, points: Points) -> None:
    """All that is known so far."""
    stem = f"{result.request.picture.stem}-survival"
    files: Mapping[str, tuple[str, str]] = {
        "json": ("Rows (JSON)", "application/json"), "csv": ("Rows (CSV)", "text/csv")
    }  # fmt: skip
    make = {
        "json": lambda: survival_job.rows_json(resources.workshop(), result, points),
        "csv": lambda: exports.rows_csv(survival_job.rows(result, points), KEYS),
    }
    with st.container(horizontal=True, key="survival_downloads", gap="small"):
        for ending, (label, kind) in files.items():
            st.download_button(
                label, make[ending], f"{stem}.{ending}", kind, key=f"get_survival_{ending}", on_click="ignore"
            )
