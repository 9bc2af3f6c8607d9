"""One picture, attacked: choose, run, show."""

from __future__ import annotations

from app import state
from app.components import controls, detail, following
from app.components.following import Asked
from app.library import Picture


def choose(picture: Picture) -> Asked:
    request = controls.choose(picture)
    state.drop_work_of_others(state.CURVE, request)
    return Asked(request, *controls.look(request))


following.page(choose, detail.tabs, state.DETAIL)
