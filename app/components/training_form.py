"""The form of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from app import resources, trainings
from app.components.controls import RANGES
from app.state import choices
from app.words import in_sentence, nearest
from mta_core.budget import Norm
from mta_core.tasks import Task
from mta_core.weights import Card

Option = TypeVar("Option")
WHAT = {"Generator": "generator", "Victim": "victim"}
METHODS = {"MTA": "mta", "GAP": "gap"}
INSTANCES = {"Per-instance": "per-instance", "Universal": "universal"}
SCOPES = {"Per task": "per-task", "Joint": "joint"}
NORMS = {norm.label: norm for norm in Norm}
SIZES = {"96 × 128": (96, 128), "192 × 256": (192, 256), "288 × 384": (288, 384)}
MINUTES, EPOCHS = "Minutes", "Epochs"
EPSILON = 8.0


@dataclass(frozen=True)
class Asked:
    """What the form asks for; see `app.trainings.order_of`.

    Attributes:
        said: the same in a sentence.
    """

    what: str
    settings: dict[str, str]
    minutes: float
    patience: int
    said: str


def choose() -> Asked | None:
    """None where there is no victim to fool."""
    return _generator() if _either("Train a", WHAT, "train_what") == "generator" else _victim()


def _generator() -> Asked | None:
    cards = resources.workshop().victims()
    if not cards:
        return None
    names = [card.name for card in cards]
    card = cards[names.index(st.selectbox("Victim", names, key="train_victim", help="The model that it is to fool."))]
    tasks = _tasks(trainings.attackable(card))
    method = _either("Method", METHODS, "train_method", "MTA shares one encoder among the tasks, GAP shares nothing.")
    instance = _either("Kind", INSTANCES, "train_instance")
    scope = _either("Perturbations", SCOPES, "train_scope")
    norm = _either("Norm", NORMS, "train_norm")
    epsilon = _epsilon(norm)
    minutes, epochs = _end(10.0, 45)
    name = _name(f"{method}-{card.name}")
    with st.expander("More settings", key="train_more"):
        shares = _shares(tasks)
        data = _data(card)
        ngf = _whole("Width (ngf)", "train_ngf", 1, 128, 16)
        blocks = _whole("Residual blocks", "train_blocks", 1, 16, 4)
        rate = st.number_input("Learning rate", 1e-6, 1.0, 2e-3, format="%.1e", key="train_rate")
        seed, patience = _seed_and_patience()
    settings = trainings.generator_settings(
        card, tasks, shares, epochs=epochs, name=name, data=data, method=method, instance=instance, scope=scope,
        norm=str(norm), epsilon=epsilon, ngf=ngf, num_blocks=blocks, learning_rate=rate, seed=seed,
    )  # fmt: skip
    size = f"{epsilon:g}/255" if norm is Norm.LINF else f"{epsilon:g} ({norm.label})"
    end = f"{minutes:g} minutes" if minutes else f"{epochs} epochs"
    said = (
        f"{'An' if method == 'mta' else 'A'} {method.upper()} generator against {card.name}, on {data}, at {size}, for "
        f"{end}: it draws a pattern for each perturbation first, then networks learn on top of it."
    )
    return Asked("generator", settings, minutes, patience, said)


def _victim() -> Asked:
    tasks = _tasks(trainings.trainable())
    kind = st.selectbox("Network", ["dmtl", "mtan"], key="train_kind", help="Both after SegNet; MTAN has attention.")
    size = SIZES[st.selectbox("Picture size", list(SIZES), key="train_size")]
    minutes, epochs = _end(10.0, 20)
    name = _name(kind)
    with st.expander("More settings", key="train_more"):
        shares = _shares(tasks)
        width = _whole("Width", "train_width", 1, 64, 16)
        rate = st.number_input("Learning rate", 1e-6, 1.0, 1e-3, format="%.1e", key="train_rate_victim")
        seed, patience = _seed_and_patience()
    settings = trainings.victim_settings(
        tasks, shares, epochs=epochs, size=size, name=name, architecture=kind, width=width, learning_rate=rate,
        per_epoch=160, limit=200, seed=seed,
    )  # fmt: skip
    end = f"{minutes:g} minutes" if minutes else f"{epochs} epochs"
    return Asked("victim", settings, minutes, patience, f"A victim of the kind {kind}, on rooms, for {end}.")


def _tasks(offered: Sequence[Task]) -> list[Task]:
    labels = {t.label: t for t in offered}
    choices.restore_choice("train_tasks", list(labels))
    chosen = st.pills(
        "Tasks", list(labels), selection_mode="multi", default=list(labels), key="train_tasks", width="stretch"
    )  # fmt: skip
    return [t for label, t in labels.items() if label in chosen] or list(offered)


def _epsilon(norm: Norm) -> float:
    _, low, high, first, step = RANGES[norm]
    if norm is Norm.LINF:
        return float(st.slider("Epsilon", low, high, EPSILON, step, "%g/255", key="train_epsilon"))
    return float(st.slider("Epsilon (L2 norm)", low, high, first, step, "%g", key="train_epsilon_l2"))


def _end(minutes: float, epochs: int) -> tuple[float, int]:
    """Minutes, 0 for no end before the last epoch; and how many epochs there are."""
    if _either("End after", {MINUTES: MINUTES, EPOCHS: EPOCHS}, "train_end") == EPOCHS:
        return 0.0, _whole("Number of epochs", "train_epochs", 1, 10_000, epochs)
    given = st.number_input("Number of minutes", 0.1, 10_000.0, minutes, key="train_minutes")
    return float(given), max(epochs, nearest(given))


def _name(stem: str) -> str:
    """The one that was typed, or the first free one; once its training has begun, the next."""
    free = trainings.free_name(stem, resources.board().records())
    return st.text_input("Name", key="train_name", placeholder=free).strip() or free


def _shares(tasks: Sequence[Task]) -> dict[str, float]:
    return {
        t.name: float(
            st.number_input(f"Weight of {in_sentence(t.label)}", 0.01, 100.0, 1.0, key=f"train_share_{t.name}")
        )
        for t in tasks
    }


def _data(card: Card) -> str:
    sources = trainings.sources_for(card.tasks) or [trainings.fallback(card)]
    return str(st.selectbox("Data", sources, key="train_data"))


def _seed_and_patience() -> tuple[int, int]:
    seed = _whole("Seed", "train_seed", 0, 2**31 - 1, 0)
    patience = _whole(
        "Patience", "train_patience", 0, 1000, 0,
        "Ends when the held-out score has not risen for so many epochs, and keeps the best; 0 to go on. The score is "
        "the mean over the tasks of the log of the main measure, of a generator its log ratio to the clean one.",
    )  # fmt: skip
    return seed, patience


def _either(label: str, options: Mapping[str, Option], key: str, help: str | None = None) -> Option:
    """What the chosen label stands for; the first unless another is chosen."""
    chosen = st.segmented_control(
        label, list(options), default=next(iter(options)), key=key, help=help, required=True, width="stretch"
    )  # fmt: skip
    return options[chosen] if chosen in options else next(iter(options.values()))


def _whole(label: str, key: str, low: int, high: int, first: int, help: str | None = None) -> int:
    return int(st.number_input(label, low, high, first, step=1, key=key, help=help))
