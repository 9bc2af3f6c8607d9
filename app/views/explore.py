"""One picture, attacked: choose, run, show."""

from __future__ import annotations

import streamlit as st

from app import works
from app.components import beside, controls, detail, following, survival
from app.components.following import Asked
from app.library import Picture
from app.state import keys


def choose(picture: Picture) -> Asked:
    place = []  # what the second victim can meet depends on the attack, which is chosen below
    request = controls.choose(picture, below_tasks=lambda: place.append(st.container()))
    works.drop_others(works.CURVE, request)
    survival.drop_others(request)
    with place[0]:
        second = beside.choose(request)
    beside.drop_others(second, request)
    gain, last = controls.look(request, has_last_column=second is None)
    return Asked(request, gain, last, second=second)


following.page(choose, detail.tabs, keys.DETAIL)
