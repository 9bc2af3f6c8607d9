"""Results in words and numbers for people. No streamlit here."""

from __future__ import annotations

import re
from typing import Any

from mta_core.amplified import gain_of
from mta_core.attacks import JOINT
from mta_core.explore import PerturbationOutcome, TaskOutcome
from mta_core.tasks import task
from mta_core.wording import in_sentence as in_sentence


def measure_line(outcome: TaskOutcome, *, is_targeted: bool = False) -> dict[str, Any]:
    """The main measure before and after, for people; towards a target success is to come nearer."""
    measure = outcome.main_measure
    values = {kind: measure.format(numbers[measure.name]) for kind, numbers in outcome.measures.items()}
    before, after = (outcome.measures[kind][measure.name] for kind in ("clean", "adversarial"))
    return {
        "label": measure.named(is_targeted).label,
        "direction": direction(measure.higher_is_better),
        "worse": measure.is_worse(before, after) if is_targeted else measure.is_worse(after, before),
        "reference": reference(outcome, is_targeted),
        **values,
    }


def reference(outcome: TaskOutcome, is_targeted: bool) -> str:
    """What measures are taken against, where that is not the truth."""
    if is_targeted:
        return "against the target"
    return "" if outcome.truth is not None else "against the clean output"


def plain(text: str) -> str:
    """The text as it is where Markdown is drawn: a file may be called `a$b$c.png`."""
    return re.sub(r"([\\`*_$\[\]<>~#|:])", r"\\\1", text)


def nearest(number: float) -> int:
    """The whole number that a field without decimals shows for a positive one: the browser rounds halves up."""
    return int(number + 0.5)


def direction(higher_is_better: bool) -> str:
    return "↑ better" if higher_is_better else "↓ better"


def facts(shown: PerturbationOutcome) -> list[list[str]]:
    """The size of a perturbation, for people."""
    s = shown.similarity
    return [
        ["L-inf", f"{s.linf * 255:.2f}/255"], ["L2", f"{s.l2:.2f}"], ["PSNR", psnr(shown)], ["SSIM", f"{s.ssim:.3f}"]
    ]  # fmt: skip


def psnr(shown: PerturbationOutcome) -> str:
    value = shown.similarity.psnr
    return "∞" if value == float("inf") else f"{value:.1f} dB"


def automatic_gain(shown: PerturbationOutcome) -> float:
    return gain_of(shown.perturbation)


def with_unit(number: str, unit: str) -> str:
    """A degree sign follows its number at once."""
    return f"{number}{unit}" if unit in ("°", "") else f"{number} {unit}"


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:].removesuffix(".") + "."


def perturbation_title(perturbation: str) -> str:
    return "all tasks" if perturbation == JOINT else in_sentence(task(perturbation).label)
