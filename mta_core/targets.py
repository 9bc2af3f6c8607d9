"""What a targeted attack wants a victim to answer (MTA sections 3.1 and 3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from mta_core.explore import Subject
from mta_core.goal import AWAY, PICTURE, Goal, words_of
from mta_core.imaging import read_fitted
from mta_core.tasks import Task
from mta_core.wording import plain

__all__ = ["PICTURE", "answers_of", "parse_goal"]


def parse_goal(text: str | None, tasks: Sequence[Task], subject: Subject) -> Goal:
    """The goal of these words: `picture:FILE` for what the victim answers for another picture; `TASK=VALUE,...` for
    an answer that is the same everywhere, such as `segmentation=wall,depth=1.5,normals=camera`; one VALUE for all
    tasks, as for classifiers that share their classes.

    Raises:
        ValueError: a task has no value, or another one has, or a value means nothing.
        ImageError: the picture cannot be read.
    """
    if not text:
        return AWAY
    if text.startswith(PICTURE):
        height, width = subject.precise.input_size
        file = Path(text.removeprefix(PICTURE))
        other = read_fitted(file, (height, width))
        answers = subject.answer(other[None], tasks)
        # Not where it lies, which is nobody's business, but what tells whether it is the same.
        name = f"{PICTURE}{plain(file.stem)}@{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"
        return Goal(name, {t.name: t.as_target(answers[t.name])[0] for t in tasks})
    return Goal(text, answers_of(text, tasks))


def answers_of(text: str, tasks: Sequence[Task]) -> dict[str, Tensor]:
    """What each task is to answer by these words, where they name no picture.

    Raises:
        ValueError: see `parse_goal`.
    """
    values = words_of(text, [t.name for t in tasks])
    return {t.name: t.everywhere(values[t.name]) for t in tasks}
