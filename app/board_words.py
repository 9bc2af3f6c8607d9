"""Jobs of the board in words. No streamlit here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from mta_core.events import Message
from mta_core.job_records import Record
from mta_core.wording import counted

KINDS: Mapping[str, str] = {
    "training": "Training", "evaluation": "Evaluation", "sweep": "Sweep", "comparison": "Comparison",
    "vulnerability": "Vulnerability",
}  # fmt: skip
STATES: Mapping[str, str] = {
    "queued": "Waiting", "running": "Running", "paused": "Paused", "done": "Done", "failed": "Failed",
    "cancelled": "Cancelled",
}  # fmt: skip
MOST_NAMES = 5
"""Of damaged jobs, that are told one by one."""
MESSAGES = 50
"""The last ones are told."""


def state(record: Record) -> str:
    if record.state == "running" and record.is_finishing:
        return "Finishing"
    if record.state == "done" and record.is_finishing:
        return "Ended early"
    return STATES[record.state]


def duration(seconds: float) -> str:
    """In the two largest units that matter."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {round(seconds % 3600 / 60)} min"


def standing(record: Record, before: int = 0) -> str:
    """How far it is and how long it will take, in a line.

    Args:
        before: how many jobs come before one that waits.
    """
    if record.state == "queued":
        return f"{counted(before, 'job')} before it" if before else "next"
    parts = []
    if record.total:
        parts.append(f"{record.done} of {record.total} {record.unit}")
    elif record.done:
        parts.append(counted(record.done, record.unit.removesuffix("s")))
    if record.state == "running" and record.stage:
        parts.insert(0, record.stage)
    if record.state == "running" and record.left is not None and not record.is_finishing:
        parts.append(f"about {duration(record.left)} left")
    if record.seconds >= 1:
        parts.append(f"{duration(record.seconds)} computed")
    return " · ".join(parts)


def place(record: Record) -> str:
    """On what it was computed, with which memory, when."""
    parts = [time.strftime("%d %b %Y, %H:%M", time.localtime(record.created))]
    if record.device:
        parts.append(record.device)
    if record.memory and record.state == "running":
        parts.append(f"{record.memory / 1e9:.1f} GB in use")
    return " · ".join(parts)


def damaged(folders: Sequence[str]) -> str:
    """Of jobs whose record cannot be read, by the names of their folders."""
    names = ", ".join(folders[:MOST_NAMES]) + (", …" if len(folders) > MOST_NAMES else "")
    which, left = ("record", "is left as it is") if len(folders) == 1 else ("records", "are left as they are")
    return f"The {which} of {counted(len(folders), 'job')} cannot be read and {left}: {names}"


def share(record: Record) -> float:
    """How much of it is done, in [0, 1]."""
    if record.state == "done" and not record.is_finishing:
        return 1.0
    return min(1.0, record.done / record.total) if record.total else 0.0


def link(record: Record) -> str:
    """The address of the page that shows it, as seen from any page; empty where none does."""
    if not record.order.page:
        return ""
    return f"./{record.order.page}?{urlencode({**record.order.query, 'job': record.id}, doseq=True)}"


def happened(record: Record, messages: Sequence[Message]) -> list[str]:
    """What happened in it, the latest last."""
    said = [message.text for message in messages[-MESSAGES:]]
    return [*said, *([record.note] if record.note else [])]
