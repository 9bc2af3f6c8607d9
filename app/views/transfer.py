"""An attack made on one victim and tried on another: choose, run, show (MTA section 4.4)."""

from __future__ import annotations

from app import series_job, tried
from app.components import controls, following, linked, tryouts
from app.components.following import Asked
from app.library import Picture
from app.state import keys


def choose(picture: Picture) -> Asked:
    request = controls.choose(picture, is_transfer=True)
    return Asked(request, controls.gain_of_perturbation(), task_row=tried.task_row)


linked.restore(series_job.KIND)
following.page(choose, tryouts.tabs, keys.TABLES, tryouts.note)
