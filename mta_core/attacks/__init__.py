"""The attacks. Adding one is a file here and a line in `ATTACKS`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mta_core.attacks.apgd import Apgd
from mta_core.attacks.base import Attack, Evaluation, Margins, Objective, Problem, Scaling, Step
from mta_core.attacks.deepfool import DeepFool
from mta_core.attacks.fgsm import Fgsm
from mta_core.attacks.generative import Gap, Generative, Mta, Uap
from mta_core.attacks.mifgsm import MiFgsm
from mta_core.attacks.noise import Noise
from mta_core.attacks.pgd import Pgd
from mta_core.kinds import JOINT, Scope

ATTACKS: tuple[type[Attack], ...] = (Mta, Gap, Fgsm, Pgd, MiFgsm, Apgd, DeepFool, Uap, Noise)


def attack_class(name: str) -> type[Attack]:
    """Raises ValueError where there is no such attack."""
    for known in ATTACKS:
        if known.name == name:
            return known
    raise ValueError(f"expected an attack among {', '.join(a.name for a in ATTACKS)}, got {name!r}")


def make_attack(name: str, **settings: Any) -> Attack:
    """The attack of that name with these settings; numbers and truth values may be given as text.

    Raises:
        ValueError: the attack or a setting is unknown, or a value is outside its range.
    """
    kind = attack_class(name)
    known = {f.name: f for f in fields(kind)}
    values = {}
    for key, value in settings.items():
        if key not in known:
            raise ValueError(f"expected a setting of {kind.label} among {', '.join(known) or 'none'}, got {key!r}")
        values[key] = _parsed(key, value, type(known[key].default))
    return kind(**values)


def _parsed(key: str, value: Any, kind: type) -> Any:
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"expected true or false for {key}, got {value!r}")
        return value.lower() == "true"
    try:
        parsed = kind(value)
        is_cut = kind is int and not isinstance(value, str) and parsed != value
    except (TypeError, ValueError, OverflowError):
        is_cut = True
    if is_cut:
        raise ValueError(f"expected {key} to be {_KINDS[kind]}, got {value!r}")
    return parsed


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


__all__ = [
    "ATTACKS",
    "JOINT",
    "Apgd",
    "Attack",
    "DeepFool",
    "Evaluation",
    "Fgsm",
    "Gap",
    "Generative",
    "Margins",
    "MiFgsm",
    "Mta",
    "Noise",
    "Objective",
    "Pgd",
    "Problem",
    "Scaling",
    "Scope",
    "Step",
    "Uap",
    "attack_class",
    "make_attack",
]
