"""Who plays the roles of a table: the weights at hand, or those of the paper's size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from mta_core import generators, presets, victims
from mta_core.devices import Device
from mta_core.events import Event
from mta_core.kinds import Aim
from mta_core.paper_presets import named
from mta_core.reproduce import recipes
from mta_core.reproduce.plan import Run, Table
from mta_core.reproduce.trained import NotThere, make
from mta_core.train_generator import GeneratorRecipe
from mta_core.weights import Card, WeightsError

Player = Generator[Event, None, str]
"""Yields what is done to get weights ready, and returns their name."""
PAPER_SIZE = {"dmtl": "dmtl-paper", "mtan": "mtan-paper", "objects": "resnet18"}
"""The presets, or family of presets, of each role at the paper's size. The paper does not name its classifiers."""
SMALL_PICTURES = 240
"""Attacked pictures of a whole table at the small scale, which takes minutes on two cores."""


class Scale(ABC):
    """A way to fill the roles."""

    name: ClassVar[str]

    @abstractmethod
    def victim(self, role: str) -> Player:
        """The victim of that role.

        Raises:
            NotThere: there is none.
        """

    @abstractmethod
    def generator(self, run: Run, victim: Card, aim: Aim) -> Player:
        """The generator of a run against the victim that plays its source.

        Raises:
            NotThere: there is none.
        """

    @abstractmethod
    def limit(self, table: Table) -> int | None:
        """How many pictures each run takes unless told otherwise; None for all."""


class Small(Scale):
    """The weights that come with the program or were trained under their names. The generator of the nearest epsilon is
    scaled to that of a run."""

    name = "small"

    def victim(self, role: str) -> Player:
        yield from ()
        if role not in {card.name for card in victims.cards()} | set(victims.families()):
            raise NotThere(_sentence(f"no victim {role}", recipes.victim_command(role)))
        return role

    def generator(self, run: Run, victim: Card, aim: Aim) -> Player:
        yield from ()
        try:
            return generators.choose(
                generators.AUTO, victim, aim, run.attack, run.instance == "universal"
            ).name  # fmt: skip
        except WeightsError:
            how = recipes.generator_command(run.source, run.attack, run.instance, run.target)
            raise NotThere(_sentence(f"no {_kind(run, aim)} for {run.source}", how)) from None

    def limit(self, table: Table) -> int | None:
        return max(4, SMALL_PICTURES // len(table.runs))


@dataclass(frozen=True)
class Paper(Scale):
    """Victims and generators of the paper's sizes, each generator trained at the epsilon of its run; what is missing is
    trained under `runs/`.

    Attributes:
        data: the text that opens the data, as `--data` takes it: what they are trained on.
        deadline: see `trained.make`.
        backbone: a weight file of torchvision that classifiers start from; empty for a random start.
    """

    name = "paper"
    data: str
    device: Device
    deadline: float | None = None
    backbone: str = ""

    def check_backbone(self) -> None:
        """Raises WeightsError where the backbone is not one of the classifiers' network; asked before the work."""
        made = [presets.victim_preset(name) for size in PAPER_SIZE.values() for name in recipes.victim_presets(size)]
        networks = {recipe.network for recipe in made if recipe.architecture == "classifier"}
        for network in networks if self.backbone else ():
            victims.Classifier({"amazon": "office31"}, network=network).load_backbone(Path(self.backbone))

    def victim(self, role: str) -> Player:
        size = PAPER_SIZE[role]
        stem = f"{size}-{self._data_name}"
        for preset in recipes.victim_presets(size):
            part = preset.removeprefix(size)  # a task, with a hyphen, where one plays for each task
            recipe = replace(presets.victim_preset(preset), name=stem + part, data=(self.data,))
            if self.backbone and recipe.architecture == "classifier":
                recipe = replace(recipe, backbone=self.backbone)
            yield from make(recipe, self.device, self.deadline, self._command("victim", preset, recipe))
        return stem

    def generator(self, run: Run, victim: Card, aim: Aim) -> Player:
        preset = recipes.generator_preset(PAPER_SIZE[run.source], run.attack, run.instance, run.target)
        if preset is None:
            raise NotThere(f"no preset makes a {_kind(run, aim)} of the paper's size for {run.source}")
        stem = named(f"{run.attack}-{victim.name}", run.instance, run.target)
        recipe = replace(
            presets.generator_preset(preset), name=f"{stem}-eps{run.epsilon:g}", victim=victim.name, data=(self.data,),
            epsilon=run.epsilon,
        )  # fmt: skip
        yield from make(recipe, self.device, self.deadline, self._command("generator", preset, recipe), victim)
        return recipe.name

    @property
    def _data_name(self) -> str:
        return self.data.partition(":")[0]

    def _command(self, kind: str, preset: str, recipe: recipes.Recipe) -> str:
        settings = [("name", recipe.name), ("data", self._data_name + (":PATH" if ":" in self.data else ""))]
        if not isinstance(recipe, GeneratorRecipe) and recipe.backbone:
            settings.append(("backbone", "FILE"))
        if isinstance(recipe, GeneratorRecipe):
            settings += [("victim", recipe.victim), ("epsilon", f"{recipe.epsilon:g}")]
        return recipes.command(kind, preset, settings)

    def limit(self, table: Table) -> int | None:
        return None


def _kind(run: Run, aim: Aim) -> str:
    return f"{aim.goal} {run.instance} {run.attack.upper()} generator"


def _sentence(what: str, how: str) -> str:
    return f"{what}, make one with `{how}`" if how else what
