"""One picture, attacked: choose, run, show."""

from __future__ import annotations

from app import state
from app.components import beside, controls, detail, following
from app.components.following import Asked
from app.library import Picture


def choose(picture: Picture) -> Asked:
    request = controls.choose(picture)
    state.drop_work_of_others(state.CURVE, request)
    second = beside.choose(request)
    beside.drop_others(second, request)
    gain, last = controls.look(request, has_last_column=second is None)
    return Asked(request, gain, last, second=second)


following.page(choose, detail.tabs, state.DETAIL)
