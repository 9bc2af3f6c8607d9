"""Which presets make the victims and generators that a table needs, and what to type to run them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mta_core import PROGRAM, presets
from mta_core.kinds import Instance
from mta_core.paper_presets import named
from mta_core.train_generator import GeneratorRecipe
from mta_core.train_victim import VictimRecipe

Recipe = VictimRecipe | GeneratorRecipe


def victim_presets(role: str) -> list[str]:
    """The preset of that name, or those of a family `ROLE-TASK` that together answer several tasks; empty for none."""
    if role in presets.VICTIMS:
        return [role]
    made = {name: make() for name, make in presets.VICTIMS.items() if name.startswith(f"{role}-")}
    return [name for name, recipe in made.items() if name in {f"{role}-{task}" for task, _ in recipe.weights}]


def generator_preset(victim: str, method: str, instance: Instance, target: str) -> str | None:
    """The preset of a per-task generator of that kind for that victim; the last one, since those that others start
    from stand before them."""
    wanted = (victim, method, instance, "per-task", target)
    found = None
    for name, make in presets.GENERATORS.items():
        recipe = make()
        if (recipe.victim, recipe.method, recipe.instance, recipe.scope, recipe.target) == wanted:
            found = name
    return found


def command(kind: str, preset: str, settings: Iterable[tuple[str, str]] = ()) -> str:
    """What to type to train with a preset, preceded by what makes the weights that it starts from."""
    known = presets.VICTIMS if kind == "victim" else presets.GENERATORS
    recipe = known[preset]()
    words = ["train", kind, "--preset", preset]
    changed = dict(settings)
    for key, value in changed.items():
        words += ["--set", f"{key}={value}"]
    words += ["--out", f"runs/{changed.get('name', recipe.name)}"]
    start = recipe.init or (recipe.patterns if isinstance(recipe, GeneratorRecipe) else "")
    first = f"{command(kind, start)} && " if start in known else ""
    return f"{first}{PROGRAM} {shlex.join(words)}"


def victim_command(role: str) -> str:
    """How to make what plays a role; empty where no preset does."""
    return " && ".join(command("victim", preset) for preset in victim_presets(role))


def generator_command(victim: str, method: str, instance: Instance, target: str) -> str:
    """How to make such a generator: by its own preset, or by changing one for the same victim; empty where there is
    none."""
    if preset := generator_preset(victim, method, instance, target):
        return command("generator", preset)
    near = [name for name, make in presets.GENERATORS.items() if make().victim == victim and not make().init]
    if not near:
        return ""
    name = named(f"{method}-{victim}", instance, target)
    settings = [("name", name), ("method", method), ("instance", instance)]
    return command("generator", near[0], settings + ([("target", target)] if target else []))
