"""The tasks. Adding one is a file here and a line in `TASKS`."""

from __future__ import annotations

from collections.abc import Iterable

from mta_core.tasks.base import Legend, Measure, Span, Task
from mta_core.tasks.classification import Amazon, Dslr, Webcam
from mta_core.tasks.depth import Depth
from mta_core.tasks.meter import Meter
from mta_core.tasks.normals import Normals
from mta_core.tasks.segmentation import Segmentation

SCENE_TASKS: tuple[Task, ...] = (Segmentation(), Depth(), Normals())
"""Of indoor scenes: what `dmtl` and `mtan` answer."""
TASKS: tuple[Task, ...] = (*SCENE_TASKS, Amazon(), Dslr(), Webcam())


def task(name: str) -> Task:
    """The task of that name, or of that letter of the robustness study.

    Raises:
        ValueError: there is no such task.
    """
    for known in TASKS:
        if name and name in (known.name, known.letter):
            return known
    raise ValueError(f"expected a task among {', '.join(t.name for t in TASKS)}, got {name!r}")


def parse_tasks(text: str | Iterable[str]) -> tuple[Task, ...]:
    """Tasks from words ("segmentation,depth"), letters ("sd") or a sequence of names, in the registry's order.

    Raises:
        ValueError: a name is unknown, or there is none.
    """
    words = text.split(",") if isinstance(text, str) else list(text)
    letters = {known.letter for known in TASKS if known.letter}
    if isinstance(text, str) and len(words) == 1 and set(text) <= letters:
        words = list(text)
    chosen = {task(word.strip()).name for word in words if word.strip()}
    if not chosen:
        raise ValueError(f"expected at least one task among {', '.join(t.name for t in TASKS)}, got none")
    return tuple(known for known in TASKS if known.name in chosen)


__all__ = ["SCENE_TASKS", "TASKS", "Legend", "Measure", "Meter", "Span", "Task", "parse_tasks", "task"]
