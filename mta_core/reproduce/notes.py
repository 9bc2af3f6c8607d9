"""What a reader must know of one reproduction: its pictures, its weights, its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mta_core import paper_presets
from mta_core.data import source
from mta_core.reproduce import printed
from mta_core.weights import Card
from mta_core.wording import counted_among

if TYPE_CHECKING:
    from mta_core.reproduce.reproduction import Reproduction


def notes_on(made: Reproduction) -> list[str]:
    """Sentences; none where nothing was measured."""
    rows = made.rows()
    if not rows:
        return []
    counts = [row["n"] for row in rows]
    a_task = " a task" if source(made.table.data).is_divided else ""
    data = f"{counted_among(counts, 'picture')}{a_task} of `{rows[0]['data']}` ({rows[0]['split']})"
    notes = [f"Measured on {data}, scale {made.scale.name}, seed {made.seed}.{_comparison(made, max(counts))}"]
    for card, parameters in made.victims.values():
        learnt = f"trained on {card.data}, " if card.data else ""
        notes.append(f"Victim `{card.name}`: {parameters:,} parameters, {learnt}sha256 {card.sha256[:12]}.")
    notes += [_on_generator(made, card) for card in {card.name: card for card in made.generators.values()}.values()]
    notes += [paper_presets.VICTIM_DEVIATIONS] if made.scale.name == "paper" and made.table.data == "nyuv2" else []
    notes += [paper_presets.DEVIATIONS] if made.scale.name == "paper" and made.generators else []
    return [*notes, _budget(made)]


def _on_generator(made: Reproduction, card: Card) -> str:
    options = card.options
    about = [f"ngf {options['ngf']}, {options['num_blocks']} blocks"] if "ngf" in options else []
    own = options.get("epsilon")
    if isinstance(own, int | float):
        others = sorted({run.epsilon for run, used in made.generators.items() if used.name == card.name} - {own})
        scaled = f" and scaled to {', '.join(f'{e:g}' for e in others)} (at the paper's scale each has its own)"
        about.append(f"trained at epsilon {own:g}{scaled if others else ''}")
    return f"Generator `{card.name}`: {', '.join([*about, f'sha256 {card.sha256[:12]}'])}."


def _comparison(made: Reproduction, num_pictures: int) -> str:
    if not made.is_comparable:
        return (
            f" These are not the paper's data, {made.table.data}: what it prints stands there for orientation, and no "
            f"difference is shown."
        )
    if made.table.data == "nyuv2" and num_pictures != printed.NYUV2_TEST_PICTURES:
        return f" The paper tests on {printed.NYUV2_TEST_PICTURES} pictures."
    return ""


def _budget(made: Reproduction) -> str:
    outside = sum(int(outcome.values["num_outside"]) for outcome in made.outcomes.values() if outcome.values)
    return f"{outside} PICTURES ARE OUTSIDE THE BUDGET." if outside else "Every picture is inside its budget."
