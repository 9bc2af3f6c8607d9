"""A victim that a function of a person's own module makes."""

from __future__ import annotations

import importlib

from torch import nn

from mta_core.victims.base import Victim
from mta_core.victims.spec import Spec
from mta_core.weights import brief


def load(spec: Spec) -> tuple[Victim, str, str]:
    """The victim, what it is, and what it was trained on, which nobody knows.

    Raises:
        ValueError: there is no such function, it fails, or it makes something else.
    """
    name, _, path = spec.target.partition(":")
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ValueError(f"expected a module {name}: there is no {error.name} where Python looks") from error
    except (Exception, SystemExit) as error:  # it is anybody's
        raise ValueError(f"expected to import {name}, which raised {_said(error)}") from error
    for part in path.split("."):
        found = getattr(found, part, None)  # type: ignore[assignment]
    if not callable(found):
        raise ValueError(f"expected a function {path} in the module {name}")
    try:
        made = found()
    except (Exception, SystemExit) as error:
        raise ValueError(f"expected a victim of {spec.target}, which raised {_said(error)}") from error
    if not isinstance(made, Victim):
        more = ": give it to mta_core.victims.adapt" if isinstance(made, nn.Module) else ""
        raise ValueError(f"expected a mta_core.victims.Victim of {spec.target}, got {type(made).__name__}{more}")
    if not type(made).__module__.startswith("mta_core."):
        made.is_known = False
    return made, f"made by {spec.target}", ""


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {brief(error)}" if str(error) else type(error).__name__  # type: ignore[arg-type]
