"""What the job board does for the pages. No streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app import comparison_job, series_job, sweeps, theory_job, trainings
from app.library import Shelf
from app.trainings import Trainings
from app.workshop import Workshop
from mta_core.board import Board, Run
from mta_core.job_records import Order, Record

Shelves = Callable[[], Mapping[str, Shelf]]
"""The data sets by `Shelf.name`, as they are now."""


def kinds(workshop: Workshop, shelves: Shelves, training: Trainings) -> dict[str, Run]:
    """What does an order of each kind."""
    return {
        comparison_job.KIND: lambda order, folder, job: comparison_job.run(workshop, shelves(), order, folder, job),
        series_job.KIND: lambda order, folder, job: series_job.run(workshop, shelves(), order, folder, job),
        sweeps.KIND: lambda order, folder, job: sweeps.run(workshop, shelves, order, folder, job),
        theory_job.KIND: lambda order, folder, job: theory_job.run(workshop, shelves(), order, folder, job),
        trainings.KIND: training.run,
    }


def find(board: Board, order: Order) -> Record | None:
    """The newest job that does what an order asks for, whoever asked; None where there is none that counts."""
    for record in board.records():
        if (record.order.kind, record.order.settings) == (order.kind, order.settings) and record.state != "cancelled":
            return record
    return None
