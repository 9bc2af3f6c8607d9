"""The gradients of the tasks in one picture that a person chooses: as pictures, and how they lie to each other."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import resources, theory_picture, theory_words, works
from app.components import pulse, theory_form
from app.components.hearing import hear
from app.components.theory_result import heat
from app.state import choices, keys, pages
from app.theory_picture import Seen
from app.words import in_sentence, nearest, plain, sentence
from mta_core import victims
from mta_core.jobs import Job
from mta_core.tasks import task
from mta_core.weights import brief

LOOK = 0.3
STYLE = Path(__file__).with_name("theory.css")


def draw(used: Mapping[str, object]) -> None:
    """The choice of a picture, and its gradients as soon as they are there."""
    hear(used, *keys.THEORY_PICTURE)
    st.html(STYLE)
    known = theory_form.shelves()
    if not known:
        st.info(theory_form.NO_VICTIM)
        return
    data, victim, picture = st.columns([1, 2, 1], gap="medium")
    with data:
        shelf = theory_form.choose_set(known, "theory_set")
    with victim:
        card = theory_form.choose_victim(shelf, "theory_model")
    with picture:
        choices.limit("theory_number", len(shelf))
        number = st.number_input(
            f"Picture, 1 to {len(shelf)}", 1.0, float(len(shelf)), step=1.0, format="%.0f", key="theory_number",
            persist_state="session", **keys.LINKED,
        )  # fmt: skip
    for key in keys.THEORY_PICTURE:
        pages.note_drawn(key)
    index = nearest(number) - 1
    asked = (shelf.name, index, tuple(victims.digests(card).items()))
    job: Job[Any] | None = works.on(works.GRADIENTS, asked)
    if job is None or job.is_cancelled:
        workshop = resources.workshop()
        job = workshop.worker.submit(lambda _: theory_picture.look(workshop, shelf, card.name, index))
        works.keep(works.GRADIENTS, asked, job)
    is_done, events = job.is_done, job.events  # asked in this order: what ends is drawn next time
    if events:
        _show(events[-1])
    elif job.error is not None:
        st.error(plain(sentence(f"the gradients of this picture cannot be taken: {brief(job.error)}")))
    else:
        st.html('<div class="mta-status mta-alive">Computing the gradients …</div>')
    pulse.beat("watch_gradients", None if is_done else LOOK)


def _show(seen: Seen) -> None:
    cells = [_cell(seen.picture, f"The picture {seen.name}", seen.name, "")]
    for name, png in seen.gradients.items():
        label = task(name).label
        alt = f"Where the loss of {in_sentence(label)} is moved most easily in {seen.name}"
        cells.append(_cell(png, alt, label, f"loss {seen.losses[name]:.3g}, ‖r‖₁ {seen.norms[name]:.3g}"))
    st.html(f'<div class="mta-gradients">{"".join(cells)}</div>')
    st.caption(theory_words.PICTURES)
    st.caption(theory_words.LENGTH)
    if seen.unlabelled:
        names = ", ".join(in_sentence(task(name).label) for name in seen.unlabelled)
        st.caption(f"This picture has no labels of {names}.")
    if len(seen.gradients) < 2:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        heat("theory_products", "Inner products of the gradients", seen.products, theory_words.PRODUCTS)
    with right:
        heat("theory_angles", "Cosine of the gradients", seen.cosines, theory_words.ONE_COSINE)


def _cell(png: bytes, alt: str, title: str, words: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    below = f"<small>{html.escape(words)}</small>" if words else ""
    return (
        f'<figure><img src="{source}" alt="{html.escape(alt)}"><figcaption>{html.escape(title)}{below}</figcaption>'
        "</figure>"
    )
