"""The tasks. Adding one is a file here and a line in `TASKS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mta_core.tasks.autoencoding import Autoencoding
from mta_core.tasks.base import Legend, Measure, Span, Task
from mta_core.tasks.classification import Amazon, Dslr, Webcam
from mta_core.tasks.component_normals import ComponentNormals
from mta_core.tasks.curvature import Curvature
from mta_core.tasks.depth import Depth
from mta_core.tasks.euclidean_depth import EuclideanDepth
from mta_core.tasks.log_depth import LogDepth, LogEuclideanDepth
from mta_core.tasks.meter import Meter
from mta_core.tasks.normals import Normals
from mta_core.tasks.own_classes import known as _of_own_classes
from mta_core.tasks.relative_depth import RelativeDepth
from mta_core.tasks.scalars import EdgeOcclusion, EdgeTexture, Keypoints2d, Keypoints3d, Reshading
from mta_core.tasks.segmentation import Segmentation
from mta_core.tasks.taskonomy import TaskonomySegmentation

SCENE_TASKS: tuple[Task, ...] = (Segmentation(), Depth(), Normals())
"""Of indoor scenes: what `dmtl` and `mtan` answer."""
_MAPS: tuple[Task, ...] = (
    Keypoints2d(), Keypoints3d(), EdgeTexture(), EdgeOcclusion(), Curvature(), Reshading(), Autoencoding(),
)  # fmt: skip
_VARIANTS: tuple[Task, ...] = (TaskonomySegmentation(), LogDepth(), LogEuclideanDepth(), ComponentNormals())
TASKS: tuple[Task, ...] = (
    *SCENE_TASKS, Amazon(), Dslr(), Webcam(), EuclideanDepth(), *_MAPS, *_VARIANTS, RelativeDepth(),
)  # fmt: skip
"""Each is known by its name and label space; the first of a name is meant where only the name is said. Beside them
there are those in the label spaces of somebody's own models: see `mta_core.label_spaces`."""
STUDY_TASKS: tuple[Task, ...] = (*_VARIANTS, *_MAPS)
"""The eleven of the robustness study, in the label spaces that it trains and attacks in: s, d, D, n, k, K, e, E, p, r
and A. All but the first lose by L1."""


def task(name: str, space: str = "") -> Task:
    """The task of that name, or of that letter of the robustness study, in a label space: the usual one, unless it is
    said.

    Raises:
        ValueError: there is no such task.
    """
    own = [known for known in _all() if name and name in (known.name, known.letter)]
    if not own:
        raise ValueError(f"expected a task among {', '.join(names())}, got {name!r}")
    for known in own:
        if space in ("", known.space):
            return known
    raise ValueError(f"expected {own[0].name} in a label space among {', '.join(t.space for t in own)}, got {space!r}")


def _all() -> tuple[Task, ...]:
    return (*TASKS, *_of_own_classes())


def names() -> tuple[str, ...]:
    """Of all tasks, each once."""
    return tuple(dict.fromkeys(known.name for known in TASKS))


def variants(name: str) -> tuple[Task, ...]:
    """A task in all its label spaces, the usual one first.

    Raises:
        ValueError: there is no such task.
    """
    usual = task(name)
    return tuple(known for known in _all() if known.name == usual.name)


def parse_tasks(text: str | Iterable[str]) -> tuple[Task, ...]:
    """Tasks from words ("segmentation,depth"), letters ("sd") or a sequence of names, in the registry's order, each in
    its usual label space.

    Raises:
        ValueError: a name is unknown, or there is none.
    """
    words = text.split(",") if isinstance(text, str) else list(text)
    letters = {known.letter for known in TASKS if known.letter}
    if isinstance(text, str) and len(words) == 1 and set(text) <= letters:
        words = list(text)
    chosen = {task(word.strip()).name for word in words if word.strip()}
    if not chosen:
        raise ValueError(f"expected at least one task among {', '.join(names())}, got none")
    return tuple(task(name) for name in names() if name in chosen)


def answered(spaces: Mapping[str, str]) -> tuple[Task, ...]:
    """The tasks of a victim's card, or of data, that this program knows: each in its label space there."""
    return tuple(t for name in names() for t in variants(name) if spaces.get(name) == t.space)


def suited(tasks: Iterable[Task | str], spaces: Mapping[str, str]) -> tuple[Task, ...]:
    """Each task in the label space that a victim's card, or a data source, has it in; as it is where that is unknown.

    Raises:
        ValueError: a name is unknown.
    """
    return tuple(_suited(task(t) if isinstance(t, str) else t, spaces) for t in tasks)


def _suited(usual: Task, spaces: Mapping[str, str]) -> Task:
    space = spaces.get(usual.name, usual.space)
    return next((known for known in variants(usual.name) if known.space == space), usual)


def measure_of(name: str, metric: str, unit: str | None = None) -> Measure:
    """The measure of a task's row: label spaces of a task share names of measures, but then in different units.

    Raises:
        ValueError: there is no such task or measure.
    """
    found = [m for t in variants(name) for m in t.measures if metric in (m.name, m.when_targeted)]
    if not found:
        raise ValueError(f"expected a measure of {name}, got {metric!r}")
    return next((m for m in found if m.unit == unit), found[0])


__all__ = [
    "SCENE_TASKS", "STUDY_TASKS", "TASKS", "Legend", "Measure", "Meter", "Span", "Task", "answered", "measure_of",
    "names", "parse_tasks", "suited", "task", "variants",
]  # fmt: skip
