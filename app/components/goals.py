"""Where an attack goes: away from the truth, towards an answer, or towards what another picture looks like."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import resources, state
from app.library import Picture
from mta_core.attacks import Attack, Generative
from mta_core.tasks import Task
from mta_core.weights import Card

AWAY, TOWARDS, LIKE = "Away", "Target", "Like another"
HELP = (
    "Away from the right answer; towards an answer you choose; or towards what the model says of another picture. "
    "A trained generator knows only the target it was trained for."
)


def choose(kind: type[Attack], cards: Sequence[Card], tasks: Sequence[Task]) -> tuple[str, Picture | None]:
    """The target, as `mta_core.targets.parse_goal` reads it, empty for none; and the picture whose answers it is.

    Args:
        cards: the trained generators of this attack; they offer what they were trained for.
    """
    is_trained = issubclass(kind, Generative)
    targets = {str(card.options.get("target", "")) for card in cards}
    gallery = resources.gallery()
    can_be_like = not is_trained and gallery is not None and all(t.is_dense for t in tasks)
    offered = [AWAY] if not is_trained or "" in targets else []
    offered += [TOWARDS] if not is_trained or targets - {""} else []
    offered += [LIKE] if can_be_like else []
    if kind.is_baseline or not offered or offered == [AWAY]:
        return "", None
    chosen = st.segmented_control(
        "Goal", offered, default=offered[0], required=True, key="goal", width="stretch", help=HELP, **state.LINKED
    )
    if chosen == LIKE and gallery is not None:
        return "", _other(len(gallery))
    if chosen != TOWARDS:
        return "", None
    if is_trained:
        return _trained(sorted(targets - {""})), None
    return ",".join(f"{t.name}={_value(t)}" for t in tasks), None


def _trained(targets: Sequence[str]) -> str:
    return st.selectbox("Target", targets, key="target", format_func=_shown, **state.LINKED) or targets[0]


def _value(t: Task) -> str:
    label = f"{t.label}: target" + (" (m)" if t.space == "metres" else "")
    return (
        st.selectbox(
            label, t.goals, key=state.target_key(t), format_func=_shown, persist_state="session", **state.LINKED
        )
        or t.goals[0]
    )


def _shown(value: str) -> str:
    return value.replace("_", " ")


def _other(count: int) -> Picture | None:
    gallery = resources.gallery()
    titles = [f"Room {i + 1}" for i in range(count)]
    chosen = st.selectbox("Like", titles, min(1, count - 1), key="like", persist_state="session", **state.LINKED)
    return gallery.read(titles.index(chosen)) if gallery is not None else None
