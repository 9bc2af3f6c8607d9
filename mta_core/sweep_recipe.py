"""What a sweep keeps the same, and what it varies: every setting, of JSON's types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, get_args

from mta_core.attacks import Attack, make_attack
from mta_core.budget import Budget
from mta_core.kinds import Scope
from mta_core.objective import Form, as_form
from mta_core.task_weights.fixed import shares
from mta_core.tasks import Task, parse_tasks

Value = float | str
MAX_VALUES = 64


@dataclass(frozen=True)
class SweepRecipe:
    """An attack measured again and again while one thing varies.

    Attributes:
        data: `NAME` or `NAME:PATH`.
        limit: how many pictures, from the first (of each task where tasks have their own).
        settings: of the attack, by name; where attacks vary, each takes those that it knows.
        epsilon: in the units of the norm: 1/255 for L-inf, the plain norm for L2.
        weights: how much each task counts in a joint objective; empty for all the same.
        target: as after `--target`; empty where the truth is to be left.
        variable: what varies, see `mta_core.variables`.
        values: those that it takes, in the order in which they are measured.
        with_noise: whether random noise of the same size is measured at every point.
    """

    victim: str = "dmtl"
    data: str = "rooms"
    split: str = "test"
    limit: int = 16
    tasks: tuple[str, ...] = ("segmentation", "depth", "normals")
    attack: str = "pgd"
    settings: tuple[tuple[str, Any], ...] = ()
    scope: Scope = "per-task"
    form: Form = "sum"
    norm: str = "linf"
    epsilon: float = 5.0
    weights: tuple[tuple[str, float], ...] = ()
    target: str = ""
    seed: int = 0
    variable: str = "epsilon"
    values: tuple[Value, ...] = (1.0, 2.0, 4.0, 8.0)
    batch_size: int = 8
    with_noise: bool = True

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: a field is unknown or has another type.
        """
        known = {f.name: f.default for f in fields(cls)}
        values = {}
        for key, value in content.items():
            if key not in known:
                raise ValueError(f"expected a field of a sweep among {', '.join(known)}, got {key[:100]!r}")
            made = _tupled(value)
            number = isinstance(known[key], float) and isinstance(made, int | float) and not isinstance(made, bool)
            if not number and type(made) is not type(known[key]):
                raise ValueError(f"expected {key} of a sweep as in {known[key]!r}, got {str(value)[:100]!r}")
            values[key] = made
        recipe = cls(**values)
        if not _is_pairs(recipe.settings) or not _is_pairs(recipe.weights) or not _is_texts(recipe.tasks):
            raise ValueError("expected tasks of a sweep as texts, settings and weights as pairs of a name and a value")
        return recipe

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def budget(self) -> Budget:
        return Budget.from_units(self.norm, self.epsilon)

    def made(self) -> Attack:
        """The attack; a setting that says nothing of it is an error.

        Raises:
            ValueError: see `make_attack`.
        """
        return make_attack(self.attack, **dict(self.settings))

    def parsed_tasks(self) -> tuple[Task, ...]:
        return parse_tasks(self.tasks)

    def with_setting(self, name: str, value: Any) -> Self:
        """With one setting of the attack changed."""
        return replace(self, settings=tuple(sorted({**dict(self.settings), name: value}.items())))

    def shares(self) -> dict[str, float] | None:
        """The weights of the tasks, of sum 1; None for all the same.

        Raises:
            ValueError: there is not one above 0 for each task.
        """
        return shares(self.weights, [t.name for t in self.parsed_tasks()]) if self.weights else None

    def check_point(self) -> None:
        """Raises ValueError, in one sentence, where these make no attack; what varies does not count here."""
        self.parsed_tasks(), self.budget(), self.shares(), as_form(self.form)
        attack = self.made()
        if self.scope not in get_args(Scope):
            raise ValueError(f"expected a scope among {', '.join(get_args(Scope))}, got {self.scope!r}")
        if self.scope not in attack.scopes:
            raise ValueError(f"{attack.label} makes {' or '.join(attack.scopes)} perturbations, not {self.scope} ones")
        if self.weights and self.scope != "joint":
            raise ValueError("expected a joint perturbation with weights: only one for all tasks weighs them")
        if (self.weights or self.form != "sum") and not attack.is_climbing:
            raise ValueError(
                f"expected an attack that climbs the losses with weights or a form, {attack.label} does not"
            )
        if self.limit < 1 or self.batch_size < 1:
            raise ValueError("expected a batch size and a limit of at least 1")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"expected a seed from 0 to 2147483647, got {self.seed}")

    def check_values(self) -> None:
        """Raises ValueError where there are none, too many, or one twice."""
        if not 1 <= len(self.values) <= MAX_VALUES:
            raise ValueError(f"expected 1 to {MAX_VALUES} values to measure at, got {len(self.values)}")
        if any(isinstance(value, float) and not math.isfinite(value) for value in self.values):
            raise ValueError("expected values that are finite numbers")
        if len(set(self.values)) < len(self.values):
            twice = next(value for value in self.values if self.values.count(value) > 1)
            raise ValueError(f"expected each value once, got {twice} twice")


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list | tuple) else value


def _is_pairs(value: tuple[Any, ...]) -> bool:
    return all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value)


def _is_texts(value: tuple[Any, ...]) -> bool:
    return all(isinstance(item, str) for item in value)
