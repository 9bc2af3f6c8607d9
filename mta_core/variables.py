"""What a sweep can vary. Adding one is a class here and an entry in `VARIABLES`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from mta_core.attacks import ATTACKS, attack_class, make_attack
from mta_core.budget import Budget, Norm
from mta_core.sweep_recipe import SweepRecipe, Value
from mta_core.tasks import task
from mta_core.wording import in_sentence


class Variable(ABC):
    """One thing that varies while everything else stays."""

    name: ClassVar[str]
    label: ClassVar[str]
    is_number: ClassVar[bool] = True

    @property
    def text(self) -> str:
        """As in recipes; the inverse of `variable`."""
        return self.name

    @property
    def axis(self) -> str:
        """What a chart's axis is called."""
        return self.label

    def parse(self, text: str) -> Value:
        """Raises ValueError where the text is no value of it."""
        if not self.is_number:
            return text.strip()
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"expected a number for {self.label.lower()}, got {text[:100]!r}") from None

    def check(self, recipe: SweepRecipe) -> None:
        """Raises ValueError, in one sentence, where it means nothing for this recipe."""
        return None

    @abstractmethod
    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        """The recipe with this value of it.

        Raises:
            ValueError: it has no such value.
        """

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        """The value for people."""
        return f"{self.label.lower()} {value:g}" if isinstance(value, float) else str(value)

    def unit(self, recipe: SweepRecipe) -> str:
        """Of its values: `1/255`, `l2`, or empty."""
        return ""


class Epsilon(Variable):
    name = "epsilon"
    label = "Epsilon"

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        return replace(recipe, epsilon=_number(self, value))

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        return f"epsilon {Budget.from_units(recipe.norm, _number(self, value)).label}"

    def unit(self, recipe: SweepRecipe) -> str:
        return recipe.budget().epsilon_unit


class _Setting(Variable):
    """A number among the attack's settings."""

    key: ClassVar[str]
    what: ClassVar[str]

    def check(self, recipe: SweepRecipe) -> None:
        able = [kind.name for kind in ATTACKS if any(f.name == self.key for f in fields(kind))]
        if recipe.attack not in able:
            label = attack_class(recipe.attack).label
            raise ValueError(f"{label} has no {self.what} to vary: expected an attack among {', '.join(able)}")


class Steps(_Setting):
    name, label = "steps", "Steps"
    key, what = "num_steps", "steps"

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        number = _number(self, value)
        if number != int(number):
            raise ValueError(f"expected steps as whole numbers, got {number:g}")
        return recipe.with_setting(self.key, int(number))

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        return f"{value:g} step{'' if value == 1 else 's'}"


class StepSize(_Setting):
    name, label = "step-size", "Step size"
    key, what = "step_size", "step size"

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        return recipe.with_setting(self.key, _number(self, value))

    def unit(self, recipe: SweepRecipe) -> str:
        return recipe.budget().epsilon_unit


class NormOf(Variable):
    """`linf`, or `l2:4` with an epsilon of its own, since the two measure in different units."""

    name, label = "norm", "Norm"
    is_number = False

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        norm, colon, epsilon = str(value).partition(":")
        try:
            number = float(epsilon) if colon else recipe.epsilon
        except ValueError:
            raise ValueError(f"expected a norm as NORM or NORM:EPSILON, got {str(value)[:100]!r}") from None
        return replace(recipe, norm=Norm(norm).value, epsilon=number)

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        return self.at(recipe, value).budget().label


@dataclass(frozen=True)
class Weight(Variable):
    """How much one task counts in a joint objective, in (0, 1); the others share the rest as the recipe weighs them."""

    of: str = ""

    name, label = "weight", "Task weight"

    @property
    def text(self) -> str:
        return f"{self.name}:{self.of}"

    @property
    def axis(self) -> str:
        return f"Weight of {in_sentence(task(self.of).label)}"

    def check(self, recipe: SweepRecipe) -> None:
        names = [t.name for t in recipe.parsed_tasks()]
        attack = recipe.made()
        if recipe.scope != "joint":
            raise ValueError("expected joint perturbations to vary a weight: only one for all tasks weighs them")
        if not attack.is_climbing:
            raise ValueError(f"expected an attack that climbs the losses to vary a weight, {attack.label} does not")
        if self.of not in names or len(names) < 2:
            raise ValueError(f"expected weight:TASK with one of several attacked tasks, {', '.join(names)}")

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        number = _number(self, value)
        if not 0 < number < 1:
            raise ValueError(f"expected weights above 0 and below 1, got {number:g}")
        names = [t.name for t in recipe.parsed_tasks()]
        before = recipe.shares() or dict.fromkeys(names, 1 / len(names))
        rest = 1 - before[self.of]
        weights = {name: number if name == self.of else (1 - number) * before[name] / rest for name in names}
        return replace(recipe, weights=tuple(weights.items()))

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        return f"weight {value:g} of {in_sentence(task(self.of).label)}"


class AttackOf(Variable):
    """Each with those settings, weights and form that mean something for it."""

    name, label = "attack", "Attack"
    is_number = False

    def check(self, recipe: SweepRecipe) -> None:
        known = {f.name for value in recipe.values for f in fields(attack_class(str(value)))}
        for key, _ in recipe.settings:
            if key not in known:
                raise ValueError(f"expected settings that one of the attacks has, none has {key!r}")

    def at(self, recipe: SweepRecipe, value: Value) -> SweepRecipe:
        kind = attack_class(str(value))
        own = {f.name for f in fields(kind)}
        changed = replace(recipe, attack=kind.name, settings=tuple(s for s in recipe.settings if s[0] in own))
        return changed if kind.is_climbing else replace(changed, weights=(), form="sum")

    def said(self, recipe: SweepRecipe, value: Value) -> str:
        return make_attack(str(value)).label


VARIABLES: dict[str, Callable[..., Variable]] = {
    made.name: made for made in (Epsilon, Steps, StepSize, NormOf, Weight, AttackOf)
}


def variable(text: str) -> Variable:
    """What a recipe's `variable` names: `epsilon`, or `weight:TASK`.

    Raises:
        ValueError: there is no such variable.
    """
    name, _, of = text.partition(":")
    known = [f"{one}:TASK" if one == Weight.name else one for one in VARIABLES]
    if name not in VARIABLES or bool(of) != (name == Weight.name):
        raise ValueError(f"expected a variable among {', '.join(known)}, got {text[:100]!r}")
    return Weight(task(of).name) if of else VARIABLES[name]()


def points(recipe: SweepRecipe) -> list[SweepRecipe]:
    """The recipe of every point, in their order.

    Raises:
        ValueError: in one sentence, what does not go together; the victim and the data are not asked.
    """
    varied = variable(recipe.variable)
    recipe.check_values()
    varied.check(recipe)
    found = [varied.at(recipe, value) for value in recipe.values]
    for number, point in enumerate(found):
        point.check_point()
        if point in found[:number]:
            twice = recipe.values[number]
            raise ValueError(f"expected each value once, got {varied.said(recipe, twice)} twice, as {twice}")
    if varied.name == AttackOf.name and recipe.form != "sum" and all(p.form == "sum" for p in found):
        raise ValueError("expected an attack that climbs the losses with a form, none of these does")
    return found


def _number(varied: Variable, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected numbers for {varied.label.lower()}, got {str(value)[:100]!r}")
    return float(value)
