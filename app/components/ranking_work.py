"""What is going on for a comparison, on one picture or on a data set."""

from __future__ import annotations

from dataclasses import dataclass

from app import resources
from app.comparison import Event
from mta_core.events import Progress
from mta_core.job_records import Record
from mta_core.jobs import Job
from mta_core.wording import counted


@dataclass(frozen=True)
class Work:
    """What is going on for a comparison.

    Attributes:
        is_live: whether more will come of it by itself.
        is_stopping: whether it was asked to end.
        progress: how far it is; None before its first step.
        error: why it failed; empty where it did not.
        waiting: why it has not begun, or does not go on, for people.
        record: of its job, where it is one on the board.
    """

    is_live: bool
    is_stopping: bool
    progress: Progress | None
    error: str = ""
    waiting: str = ""
    record: Record | None = None

    @classmethod
    def of_job(cls, job: Job[Event]) -> Work:
        found = [event for event in job.events if isinstance(event, Progress)]
        return cls(not job.is_done, job.is_stopping, found[-1] if found else None, str(job.error or ""))

    @classmethod
    def of_record(cls, record: Record) -> Work:
        board = resources.board()
        found = [event for event in board.events(record.id) if isinstance(event, Progress)]
        waiting = ""
        if record.state == "queued":
            waiting = f"Waiting for its turn, {counted(board.place(record.id), 'job')} before it"
        elif record.state == "paused":
            waiting = record.note or "Paused"
        is_failed = record.state == "failed"
        return cls(
            record.state in ("queued", "running"), record.is_finishing, found[-1] if found else None,
            record.note if is_failed else "", waiting, record,
        )  # fmt: skip
