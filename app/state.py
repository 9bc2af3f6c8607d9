"""The only keys of the session state, and what of it a link carries.

Widgets named in `LINKED` are bound to the query parameter of the same name; the scene and the object, chosen in a
component, are written here. Values that a link gets wrong fall back to their defaults.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import resources
from app.library import Picture
from app.uploads import Upload, Wanted
from app.watching import Seat
from app.workshop import Result
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
_HELD = "_held"
"""Key of what is large: it is let go when the browser is gone, which Streamlit does when the next one goes."""
_SHOWN, _MEASURED, _UPLOAD, _SEAT, _SENT = "shown", "measured", "upload", "seat", "sent"
"""Keys in there."""
_MOST_SENT = 3
"""Uploads that a session holds, so that the browser's Back finds an earlier one."""
_WANTED, _REFUSED = "_wanted", "_refused"
_REDRAWS, _PAGE = "_redraws", "_page"
_PICKED = {SCENE: "_scene", OBJECT: "_object", STUDY_CELL: "_study_cell"}
STAGE = "stage"
"""Key of the pictures."""
_DRAWN, _LACKS, _INSPECTED = "_drawn", "_lacks", "_inspected"
_LEAVING, _OWNER, _SERIES = "_leaving", "_owner", "_series"
_MEMORY = "_memory"
_MOVED, _DIRECTIONS = "_moved", "_directions"
DIRECTIONS = 4
"""How many of those sent last the browser keeps, as `live_epsilon.js` says."""


def held() -> dict[str, Any]:
    """What is large, by who keeps it."""
    kept: dict[str, Any] = st.session_state.setdefault(_HELD, {})
    return kept


def memory() -> dict[str, Any]:
    """What `app.remembered` keeps."""
    kept: dict[str, Any] = st.session_state.setdefault(_MEMORY, {})
    return kept


def page() -> object:
    """The page that is drawn."""
    return st.session_state.get(_PAGE)


def owner() -> str:
    """Names this browser on the job board, whose queue serves browsers in turn."""
    return str(st.session_state.setdefault(_OWNER, secrets.token_hex(4)))


def query() -> dict[str, list[str]]:
    """The query parameters of the page as it is now."""
    return {key: st.query_params.get_all(key) for key in st.query_params}


def texts(value: Any) -> list[str]:
    """What a widget's value is as a query parameter."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def explicit(*keys: str) -> dict[str, list[str]]:
    """Query parameters that say what these controls say, also where that is their first choice."""
    return {key: texts(st.session_state[key]) for key in keys if st.session_state.get(key) not in (None, [])}


def is_first_draw() -> bool:
    """Whether no page has been drawn in this session yet, so that a link alone says what is asked for."""
    return _REDRAWS not in st.session_state


def keep_series(asked: tuple[Any, ...]) -> None:
    """Remembers what Transfer's table of a data set shows: it stays until something else is measured."""
    st.session_state[_SERIES] = asked


def last_series() -> tuple[Any, ...]:
    return st.session_state.get(_SERIES, ())


def target_key(t: Task) -> str:
    """Key of the control that says what a task is to answer."""
    return f"target_{t.name}"


def take_over_beside(options: Sequence[str]) -> None:
    """Random noise in the last column stays where an attack gets a target, before that control is drawn."""
    noise, asked = options[-1], st.query_params.get(BESIDE)
    if asked == noise and BESIDE_TARGET not in st.session_state and BESIDE_TARGET not in st.query_params:
        st.session_state[BESIDE_TARGET] = noise


def thumbnail(key: str, names: Sequence[str]) -> str:
    """The scene or object, or the cell of the study, chosen here, else by the link.

    Kept in the session: a redraw that was on its way when one was picked still carries the link of before. The
    browser's Back and Forward mean the link.
    """
    context = get_script_run_ctx()
    is_back = context is not None and getattr(context, "is_history_navigation", False)
    kept = None if is_back else st.session_state.get(_PICKED[key])
    chosen = kept or st.query_params.get(key, names[0])
    if chosen not in names:
        chosen = names[0]
    choose_thumbnail(key, chosen, names[0])
    return chosen


def choose_thumbnail(key: str, name: str, default: str) -> None:
    """Remembers the scene or object, in the link too; the default needs no mention there."""
    st.session_state[_PICKED[key]] = name
    if name != default:
        if st.query_params.get(key) != name:
            st.query_params[key] = name
    elif key in st.query_params:
        del st.query_params[key]


def choices() -> dict[str, object]:
    """What was chosen in the side bar, as the browser last told, with the scene, the object and the upload."""
    keys = (*CHOICES, _PICKED[SCENE], _PICKED[OBJECT], *_settings())
    values = {key: st.session_state.get(key) for key in keys}
    chosen = {key: getattr(value, "file_id", value) for key, value in values.items()}
    return chosen | {"_upload": (upload() or ("",))[0]}


def _settings() -> list[str]:
    """Keys of the widgets of the attacks' fields."""
    return [f"{kind.name}_{f.name}" for kind in ATTACKS for f in fields(kind)]


def answers(*keys: str) -> dict[str, object]:
    """What these controls say, those left out that say nothing."""
    found = {key: st.session_state.get(_PICKED.get(key, key)) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def note_drawn(key: str) -> None:
    """Remembers with which choice the part of the page that has it (`WHOSE`, say) was drawn."""
    st.session_state.setdefault(_DRAWN, {})[key] = st.session_state.get(key)


def note_study() -> None:
    """The same of the parts of the page Vulnerability that do not look again by themselves."""
    for key in (STUDY_BLOCK, STUDY_WHOSE, STUDY_TABLE, STUDY_ATTACK, STUDY_MAIN):
        note_drawn(key)


def are_parts_current(*but: str) -> bool:
    """Whether the parts drawn so far, `but` for those named, show what the browser last told."""
    drawn = st.session_state.get(_DRAWN, {})
    return all(st.session_state.get(key) == value for key, value in drawn.items() if key not in but)


def restore_choice(key: str, options: Sequence[str]) -> None:
    """Chooses all options of a control, before it is drawn, where none of them is chosen any more."""
    chosen = st.session_state.get(key)
    if isinstance(chosen, list) and not set(chosen) & set(options):
        st.session_state[key] = list(options)


def picker(key: str) -> str:
    """Key of the thumbnails of scenes or objects."""
    return f"{key}_picker"


def picked(key: str) -> str:
    """The scene or object that was just clicked."""
    return str(st.session_state[picker(key)].picked)


def in_link(key: str) -> str:
    """What the link says of something that is chosen in a component; empty where it says nothing."""
    return str(st.query_params.get(key, ""))


def keep_in_link(key: str, value: str, default: str = "") -> None:
    """Has the link say it; the default needs no mention there."""
    if value != default:
        if st.query_params.get(key) != value:
            st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def told(component: str, what: str) -> Any:
    """What the browser's side of a component just told."""
    return getattr(st.session_state[component], what)


def keep_told(component: str, what: dict[str, Any]) -> None:
    """Keeps it until the component is drawn, with what was told since it was last drawn."""
    st.session_state[f"_told_{component}"] = take_told(component) | what


def take_told(component: str) -> dict[str, Any]:
    """What was kept since this was last called."""
    return dict(st.session_state.pop(f"_told_{component}", {}))


def note_lacks(whose: str = _LACKS) -> None:
    """The browser has not got all the pictures that it is to show, on the stage unless `whose` they are is said."""
    st.session_state[whose] = True


def take_lacks(whose: str = _LACKS) -> bool:
    """Whether the browser asked for pictures since this was last called."""
    return bool(st.session_state.pop(whose, False))


def note_inspected() -> None:
    """The browser has not got all the values that it is to tell at the cursor."""
    told = st.session_state[STAGE].inspects
    st.session_state[_INSPECTED] = frozenset(str(one) for one in told) if isinstance(told, list) else frozenset()


def take_inspected() -> frozenset[str]:
    """Digests of the values that the browser asked for since this was last called."""
    return frozenset(st.session_state.pop(_INSPECTED, ()))


def note_moved() -> None:
    """Epsilon is being moved, and the browser asks for what comes of it."""
    told = st.session_state[STAGE].moved
    number = told[0] if isinstance(told, list | tuple) and told else None
    if isinstance(number, int | float):
        st.session_state[_MOVED] = float(number)


def moved() -> float | None:
    """Where epsilon has been moved to since the page was drawn, in units; None where nobody asked."""
    return st.session_state.get(_MOVED)


def sent_directions() -> tuple[str, ...]:
    """Digests of the directions of perturbations that the browser got last."""
    return st.session_state.get(_DIRECTIONS, ())


def note_directions(digests: Sequence[str]) -> None:
    """They have been sent, or were there and are used again."""
    before = [one for one in sent_directions() if one not in digests]
    st.session_state[_DIRECTIONS] = (*before, *digests)[-DIRECTIONS:]


def count_redraws() -> int:
    """How often the whole page was drawn in this session; called when it is drawn anew, before its parts are."""
    st.session_state[_DRAWN] = {}
    st.session_state.pop(_MOVED, None)
    st.session_state[_REDRAWS] = st.session_state.get(_REDRAWS, 0) + 1
    return int(st.session_state[_REDRAWS])


def upload() -> tuple[str, Upload | str] | None:
    """The id of the last file and what it is, or the sentence why it cannot be read.

    It outlives the uploader, which is empty when it comes back into sight.
    """
    return held().get(_UPLOAD)


def sent() -> list[Upload]:
    """The last uploads of this session, the latest one last."""
    found: list[Upload] = held().setdefault(_SENT, [])
    return found


def wanted() -> Wanted | None:
    """The file that a link names and that is not there."""
    found: Wanted | None = st.session_state.get(_WANTED)
    return found


def want(wanted: Wanted | None) -> None:
    """Remembers what a link names, until it is there or given up."""
    st.session_state[_WANTED] = wanted
    held().pop(_REFUSED, None)


def is_link_read() -> bool:
    """Whether it was looked up already what the link names; the browser's Back and Forward mean another link."""
    context = get_script_run_ctx()
    is_back = context is not None and getattr(context, "is_history_navigation", False)
    return _WANTED in st.session_state and not is_back


def refuse(file_id: str, upload: Upload | str) -> None:
    """Remembers a file that is not the one that the link names, or why it cannot be read."""
    held()[_REFUSED] = (file_id, upload)


def refused() -> tuple[str, Upload | str] | None:
    return held().get(_REFUSED)


def is_uploader_empty() -> bool:
    return st.session_state[UPLOADER] is None


def forget_upload() -> None:
    _, gone = held().pop(_UPLOAD, None) or ("", None)
    held()[_SENT] = [one for one in sent() if one is not gone]
    held().pop(_SEAT, None)  # it may be what is seen there


def seat(job: str, picture: Picture) -> Seat:
    """Where this session looks at a training; another picture is looked at from another one."""
    kept: Seat | None = held().get(_SEAT)
    if kept is None or (kept.job, kept.picture) != (job, picture):
        kept = held()[_SEAT] = Seat(job, picture)
    return kept


def keep_upload(file_id: str, upload: Upload | str) -> None:
    held()[_UPLOAD] = (file_id, upload)
    if isinstance(upload, Upload):
        held()[_SENT] = [*(one for one in sent() if one.sha256 != upload.sha256), upload][-_MOST_SENT:]


def shown() -> Result | None:
    """The result on the page; it stays until the next one is there."""
    return held().get(_SHOWN)


def show(result: Result) -> None:
    held()[_SHOWN] = result
    if result.is_complete:
        held()[_MEASURED] = result


def measured() -> Result | None:
    """The last complete result: what charts show while the next is being measured."""
    return held().get(_MEASURED)


def turn_to(page: str) -> bool:
    """Called before a page is drawn: the controls say what a click on the one before asked for.

    Returns:
        whether there was another one before, at whose work nobody looks any more.
    """
    resources.connection().hold(held())
    is_other = bool(st.session_state.get(_PAGE, page) != page)
    if is_other:
        _take_along()
        held().pop(_SEAT, None)
        asked = st.session_state.pop(_LEAVING, None)
        if asked and asked[0] == page:
            for key, value in asked[2].items():
                st.session_state[_PICKED.get(key, key)] = value
    st.session_state[_PAGE] = page
    return is_other


def _take_along() -> None:
    """What a link chose is chosen on the next page, too: Streamlit takes from page to page what the browser has told
    of a widget, which it does not do before something is chosen or looked at again. Not what has another range there.
    """
    for key in (*CHOICES, *_settings()):
        if key not in (UPLOADER, "number", "count") and key in st.session_state:
            st.session_state[key] = st.session_state[key]


def opened(key: str) -> tuple[str, str] | None:
    """The row and the task of the cell of the heat map of this key that was just clicked."""
    told = st.session_state[key].opened
    return (str(told[0]), str(told[1])) if isinstance(told, list | tuple) and len(told) == 3 else None


def choose_study_attack(label: str) -> None:
    """Which attack on the study's cell is shown; called by a click."""
    st.session_state[STUDY_ATTACK] = label


def leave_for(page: str, answers: Mapping[str, object]) -> None:
    """Remembers what the controls of another page are to say, by their keys, until it is drawn: those of the page that
    is left may have the same ones."""
    st.session_state[_LEAVING] = (page, time.monotonic(), dict(answers))


def leaving() -> tuple[str, float, Mapping[str, object]] | None:
    """For which page this one is left, since when, and with which answers; None where it is not."""
    return st.session_state.get(_LEAVING)


def limit(key: str, most: int) -> None:
    """Takes back a number that became too large, before its control is drawn."""
    if (st.session_state.get(key) or 0) > most:
        st.session_state[key] = most


def value_of(key: str) -> Any:
    """What a control says as of now; for callbacks."""
    return st.session_state.get(key)
