"""The keys of widgets and the query parameters of links. No streamlit here.

Widgets named in `LINKED` are bound to the query parameter of the same name; the scene and the object, chosen in a
component, are written there by `app.state.permalink`. Values that a link gets wrong fall back to their defaults.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mta_core.attacks import ATTACKS
from mta_core.survival import TRANSFORMATIONS
from mta_core.tasks import Task, names
from mta_core.variables import VARIABLES

LINKED: dict[str, Any] = {"bind": "query-params"}
"""Passed to a widget whose value belongs to the link."""
SCENE, OBJECT, UPLOADER = "scene", "object", "upload"
UPLOADER_AGAIN = "upload_again"
"""Key of the uploader of a file that a link names."""
FILE_DIGEST, FILE_NAME = "sha256", "file"
"""The query parameters that name an upload: the first digits of its SHA-256, and its file's name."""
STUDY_CELL = "study_cell"
"""The query parameter that names the cell of the study whose pictures are shown: its main and its auxiliary task."""
STUDY_BLOCK, STUDY_WHOSE, STUDY_TABLE = "study_block", "study_whose", "study_table"
STUDY_ATTACK, STUDY_MAIN = "study_attack", "study_main"
"""Keys of the widgets of the page Vulnerability: of its heat map, then of the pictures and of the curves."""
THEORY_OF, THEORY_BOUND = "theory_of", "theory_bound"
THEORY = (
    THEORY_OF, "theory_data", "theory_victim", "theory_count", "theory_tasks", "theory_norm", "theory_epsilon",
    "theory_epsilon_l2", "theory_steps", "theory_restarts", THEORY_BOUND,
)  # fmt: skip
THEORY_PICTURE = ("theory_set", "theory_model", "theory_number")
"""The same of its theory: which numbers are shown, what is measured, and the picture whose gradients are."""
SECOND, THREAT = "second", "threat"
"""Keys of the controls of a second victim, and the place of the work on it."""
BESIDE, BESIDE_TARGET = "beside", "beside_target"
"""Keys of the control for the last column: of attacks without a target, and with one, which is shown first there."""
CHOICES = (
    "source", "number", UPLOADER, "fit",
    "victim", "to", "tasks", "attack", "scope", "norm", "epsilon", "epsilon_l2",
    SECOND, THREAT, "gain", BESIDE, BESIDE_TARGET,
    "compare", "on", "data", "count", "attacks", "steps", "attack_a", "attack_b", "epsilon_b", "epsilon_l2_b",
    "goal", "target", "like", *(f"measure_{name}" for name in names()), *(f"target_{name}" for name in names()),
    "varied", "varied_task", "varied_attacks", *(f"values_{name}" for name in VARIABLES),
)  # fmt: skip
"""Keys of the widgets in the side bar, beside the settings of the attacks: of Explore, then of Compare and Sweep."""
JOB = "job"
"""The query parameter that names a job on the board."""
WHOSE, DETAIL = "shown", "detail"
"""Keys of the widgets below: whose perturbation is shown, and which charts. Their parts are redrawn by themselves."""
SURVIVE = "survive"


def strength_key(transformation: str) -> str:
    """Key of the widget that says at which strength a transformation is shown."""
    return f"{SURVIVE}_{transformation}"


SURVIVAL = (SURVIVE, *(strength_key(kind.name) for kind in TRANSFORMATIONS))
"""Keys of the widgets of what is left of an attack: what happens to the picture, and how strongly."""
SURFACE, SURFACE_VIEW, STEP, REPLAY_VIEW = "surface", "surface_view", "step", "replay_view"
"""What the link says of 3-D and of Replay, its colours and its step, and the keys of their components."""
COST = ("cost_precision", "cost_batch", "cost_attacks")
"""Keys of the widgets of the page Cost."""
TRAIN = (
    "train_what", "train_victim", "train_tasks", "train_method", "train_instance", "train_scope", "train_norm",
    "train_epsilon", "train_epsilon_l2", "train_end", "train_minutes", "train_epochs", "train_name", "train_ngf",
    "train_blocks", "train_rate", "train_rate_victim",
    "train_width", "train_kind", "train_size", "train_seed", "train_patience",
    "train_data", *(f"train_share_{name}" for name in names()), SCENE, "source", "number",
)  # fmt: skip
"""The same of Train."""
TRAIN_SHOWN = "train_shown"
FOUND = tuple(
    f"found_{name}" for name in
    ("text", "data", "victim", "attack", "task", "goal", "norm", "from", "to", "since", "until", "deleted", "page")
)  # fmt: skip
"""Keys of the widgets of the page Results: what is searched for."""
CHART_OF, CHART_BY, FILE = "found_measure", "found_by", "found_file"
"""Keys of the other widgets of Results: what its chart shows, and the file that is imported."""
LIBRARY = tuple(f"library_{name}" for name in ("shelf", "text", "tasks", "places"))
"""Keys of the widgets of the page Library: what it shows."""
LIBRARY_FILES, LIBRARY_NAME, LIBRARY_FILE = "library_files", "library_name", "library_file"
LIBRARY_FOUND, LIBRARY_KIND, LIBRARY_PATH, LIBRARY_EVERY = (
    f"library_{name}" for name in ("found", "kind", "path", "every")
)
"""Its other ones: the weights to import, and the data to connect."""
MATRIX = "matrix"
"""Key of the heat map."""
TABLES, DATA, COUNT, OTHERS = "tables", "set", "pictures", "others"
"""The same of Transfer: which tables, on how many pictures of which data set, and which further attacks."""
STAGE = "stage"
"""Key of the pictures."""
PICKED = {SCENE: "_scene", OBJECT: "_object", STUDY_CELL: "_study_cell"}
"""What was chosen in a component, which has no value of its own in the session: its key there by that in the link."""


def picker(key: str) -> str:
    """Key of the thumbnails of scenes or objects."""
    return f"{key}_picker"


def not_here(key: str) -> str:
    """What the link chose in the control of that key, which does not offer it: its key in the session."""
    return f"_not_here_{key}"


def target_key(t: Task) -> str:
    """Key of the control that says what a task is to answer."""
    return f"target_{t.name}"


def settings() -> list[str]:
    """Keys of the widgets of the attacks' fields."""
    return [f"{kind.name}_{f.name}" for kind in ATTACKS for f in fields(kind)]
