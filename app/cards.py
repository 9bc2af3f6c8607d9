"""Victims, generators and data sets as people read about them. No streamlit here."""

from __future__ import annotations

import html
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from app.words import direction, in_sentence
from mta_core import generators, imported, tasks, victims, weights
from mta_core.generators import instance_of, method_of, scope_of
from mta_core.tasks import Measure, Task
from mta_core.weights import ROOT, Card, WeightsError

SPACES = {
    "nyu13": "13 indoor classes", "taskonomy": "17 classes of objects", "office31": "31 classes of Office-31",
    "metres": "metres", "log": "log depth", "unit-camera": "unit vectors", "components": "vectors in [-1, 1]",
    "signed": "in [-1, 1]", "curvatures": "two curvatures in [-1, 1]", "picture": "the picture itself",
}  # fmt: skip
"""Label spaces in words; others are called by their names."""
NORMS = {"linf": "L-inf", "l2": "L2"}
OPERATOR = "named by the operator"
"""Where a model of one's own is from."""
PLACES = (*imported.PLACES, OPERATOR)
MAIN = 6
"""Numbers in the short form of a card; the others are in its table."""
Fact = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """Weights with their card.

    Attributes:
        path: of the weight file; None for a model that the operator named, which has its own.
    """

    card: Card
    path: Path | None

    @property
    def place(self) -> str:
        return OPERATOR if self.path is None else imported.place_of(self.path)


@dataclass(frozen=True)
class Line:
    """A measure of a card: what it is on clean pictures, and under attack."""

    task: str
    label: str
    direction: str
    clean: str
    adversarial: str


def entries(kind: str) -> list[Entry]:
    """All victims or generators, shipped ones first, the operator's own models last."""
    own = victims.own.cards() if kind == "victim" else []
    return [*(Entry(card, path) for card, path in weights.find_cards(kind)), *(Entry(card, None) for card in own)]


def is_wanted(entry: Entry, text: str, labels: Collection[str], places: Collection[str]) -> bool:
    """Whether every word is somewhere in the card, it answers one of these tasks, and lies in one of these places;
    nothing asked for is no condition."""
    card = entry.card
    said = " ".join([card.name, entry.place, *(f"{name} {value}" for name, value in facts(entry))]).lower()
    return (
        all(word in said for word in text.lower().split())
        and (not labels or any(label_of(name, space) in labels for name, space in card.tasks.items()))
        and (not places or entry.place in places)
    )


def label_of(name: str, space: str) -> str:
    found = _task(name, space)
    return found.label if found else name


def _task(name: str, space: str) -> Task | None:
    try:
        return tasks.task(name, space)
    except ValueError:
        return None


def answers_of(spaces: Mapping[str, str]) -> str:
    """Tasks with their label spaces: `Segmentation (13 indoor classes), Depth (metres)`."""
    return ", ".join(f"{label_of(name, space)} ({SPACES.get(space, space)})" for name, space in spaces.items())


def facts(entry: Entry) -> list[Fact]:
    """What a card says, but for its measures and its command."""
    card = entry.card
    height, width = card.input_size
    found = [("Answers" if card.kind == "victim" else "Attacks", answers_of(card.tasks))]
    found += _aims(card) if card.kind == "generator" else []
    if entry.path is None:
        model = str(card.options["model"])
        found += [("Model", model), *([("Trained on", card.data)] if card.data else [])]
        found += [("Pictures", f"{width} × {height} pixels"), ("sha256", card.sha256)]
        return [*found, ("On the command line", f"--victim {shlex.quote(model)}")]
    return [
        *found,
        ("Architecture", " ".join([card.architecture, *_options(card)])),
        ("Parameters", _count(card)),
        ("Weight file", f"{entry.path.stat().st_size / 1e6:.1f} MB" if entry.path.exists() else "not there"),
        ("Pictures", f"{width} × {height} pixels"),
        ("Trained on", card.data or "not said"),
        ("Terms", card.terms or "not said"),
        ("Seed", str(card.seed)),
        ("sha256", card.sha256),
        ("Lies in", f"{shown_path(entry.path)} ({entry.place})"),
    ]


def _aims(card: Card) -> list[Fact]:
    options = card.options
    epsilon, norm = options.get("epsilon"), str(options.get("norm", ""))
    size = f"{epsilon:g}{'/255' if norm == 'linf' else ''} ({NORMS.get(norm, norm)})" if is_number(epsilon) else ""
    target = str(options.get("target", "")).replace("_", " ")
    return [
        ("Made against", str(options.get("victim", "not said"))),
        ("Method", f"{method_of(card).upper()}, {instance_of(card)}, {scope_of(card)}"),
        ("Goal", f"towards {target}" if target else "non-targeted"),
        *([("Trained at epsilon", size)] if size else []),
    ]


def _options(card: Card) -> list[str]:
    """What of the options builds the network."""
    aims = ("method", "instance", "victim", "victim_sha256", "victim_parts", "norm", "epsilon", "scope", "target")
    return [f"{key}={value}" for key, value in card.options.items() if key not in aims]


def _count(card: Card) -> str:
    number = num_parameters(card.kind, card.sha256, card.name)
    return "unknown" if number is None else f"{number:,}"


@lru_cache(256)
def num_parameters(kind: str, sha256: str, name: str) -> int | None:
    """Counted on a network without memory, once for each weight file; None where the card fits none."""
    try:
        card, _ = weights.find_card(kind, name)
        with torch.device("meta"):
            network = victims.build(card) if kind == "victim" else generators.build(card)
    except (WeightsError, ValueError):
        return None
    return sum(parameter.numel() for parameter in network.parameters())


def shown_path(path: Path) -> str:
    """Below the project as people type it there."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def measures(card: Card) -> list[Line]:
    """What was measured on held-out pictures, task by task."""
    found = card.metrics.get("held_out", {})
    values = {key: float(value) for key, value in found.items() if is_number(value)} if isinstance(found, dict) else {}
    lines: dict[str, dict[str, float]] = {}
    for key, value in values.items():
        state, _, rest = key.partition(" ")
        state, rest = (state, rest) if state in ("clean", "adversarial") else ("clean", key)
        lines.setdefault(rest, {})[state] = value
    return [_line(card, key, by_state) for key, by_state in lines.items()]


def _line(card: Card, key: str, by_state: Mapping[str, float]) -> Line:
    first, _, rest = key.partition(" ")
    name = first if rest and first in card.tasks else ""
    metric = rest if name else key
    for each in [name] if name else list(card.tasks):
        t = _task(each, card.tasks[each])
        measure = _measure(t, metric, is_targeted=bool(card.options.get("target"))) if t else None
        if t and measure:
            clean, adversarial = (
                measure.format(by_state[state]) if state in by_state else "" for state in ("clean", "adversarial")
            )
            return Line(t.label, measure.label, direction(measure.higher_is_better), clean, adversarial)
    clean, adversarial = (f"{by_state[state]:.4g}" if state in by_state else "" for state in ("clean", "adversarial"))
    return Line(name, metric, "", clean, adversarial)


def _measure(t: Task, name: str, *, is_targeted: bool) -> Measure | None:
    found = next((measure for measure in t.measures if measure.name == name), None)
    return found.named(is_targeted) if found else None


def main_numbers(card: Card) -> list[tuple[str, str]]:
    """The main measure of each task: its name, and its value or how far an attack moves it."""
    found, seen = [], set()
    for line in measures(card):
        if line.task and line.task not in seen and line.direction:
            seen.add(line.task)
            value = f"{line.clean} → {line.adversarial}" if line.adversarial else line.clean
            found.append((f"{line.task}: {in_sentence(line.label)}", value))
    return found


def head(entry: Entry) -> str:
    """The card in short, as HTML."""
    card = entry.card
    label = ", ".join(label_of(name, space) for name, space in card.tasks.items())
    summary = card.summary or card.architecture
    said = [summary[:1].upper() + summary[1:], label]
    numbers = "".join(
        f"<div><span>{html.escape(name)}</span><b>{html.escape(value)}</b></div>"
        for name, value in main_numbers(card)[:MAIN]
    )
    of = "held-out pictures" + (", clean → under attack" if card.kind == "generator" else ", clean")
    below = f'<div class="mta-numbers">{numbers}</div><p class="mta-note">On {of}.</p>' if numbers else ""
    return (
        f'<div class="mta-job"><h3>{html.escape(card.name)}</h3><p>{badge(entry.place)} '
        f"{html.escape(' · '.join(part for part in said if part))}</p>{below}</div>"
    )


def badge(place: str) -> str:
    return f'<span class="mta-state">{html.escape(place)}</span>'


def facts_table(found: Sequence[Fact]) -> str:
    """As HTML: a list of terms."""
    lines = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in found)
    return f'<dl class="mta-facts">{lines}</dl>'


def measures_table(card: Card) -> str:
    """As HTML; empty where nothing was measured."""
    lines = measures(card)
    if not lines:
        return ""
    has_attack = any(line.adversarial for line in lines)
    heads = ("Measure", "clean", *(("under attack",) if has_attack else ()))
    body, last = "", None
    for line in lines:
        if line.task != last and line.task:
            body += (
                f'<tr><th class="mta-group" scope="rowgroup" colspan="{len(heads)}">{html.escape(line.task)}</th></tr>'
            )
        last = line.task
        cells = [line.clean, *([line.adversarial] if has_attack else [])]
        values = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        body += f'<tr><th scope="row">{html.escape(line.label)} {html.escape(line.direction[:1])}</th>{values}</tr>'
    said = f"Measures of {html.escape(card.name)} on held-out pictures"
    head_row = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<p class="mta-caption">{said}</p><div class="mta-scroll" tabindex="0" role="region" aria-label="{said}">'
        f'<table class="mta-transfer"><thead><tr>{head_row}</tr></thead><tbody>{body}</tbody></table></div>'
    )
