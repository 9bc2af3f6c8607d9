"""What trainings against a frozen victim share. `train_generator` and `train_uap` say what is learnt."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from mta_core import data, victims
from mta_core.budget import Budget
from mta_core.data.loader import Place, arriving
from mta_core.devices import Device
from mta_core.events import Pause
from mta_core.explore import Subject
from mta_core.generators import GapGenerator, MtaGenerator, Network
from mta_core.goal import PICTURE
from mta_core.kinds import JOINT, Instance, Scope
from mta_core.objective import Form, pseudo_targets
from mta_core.targets import parse_goal
from mta_core.task_weights import STRATEGIES
from mta_core.tasks import Meter, Task, suited
from mta_core.train import DIVERGED, TINY, Training
from mta_core.train_places import Views, split_places
from mta_core.train_recipes import chained, provenance_of
from mta_core.turns import PAUSE, windows
from mta_core.weights import Card, save_weights

KINDS = ("clean", "adversarial")
METHODS = (MtaGenerator.architecture, GapGenerator.architecture)


@dataclass(frozen=True)
class Part:
    """Tasks that share their pictures, and those: places to train on, by source, and places held out."""

    tasks: list[str]
    sources: list[data.DataSource]
    views: Views
    places: list[list[Place]]
    held_out: list[Place]


def _check(recipe: Any) -> None:
    """Raises ValueError for words that nothing goes by: what is unknown would count as its opposite."""
    known = {
        "instance": get_args(Instance), "scope": get_args(Scope), "form": get_args(Form), "method": METHODS,
        "weighting": [strategy.name for strategy in STRATEGIES],
    }  # fmt: skip
    for name, words in known.items():
        if hasattr(recipe, name) and getattr(recipe, name) not in words:
            raise ValueError(f"expected {name} among {', '.join(words)}, got {getattr(recipe, name)!r}")
    if len(set(recipe.tasks)) < len(recipe.tasks):
        raise ValueError(f"expected each task once, got {', '.join(recipe.tasks)}")


class FoolingTraining(Training):
    """The victim, the pictures, and what is to be brought about.

    Its recipe has at least `name`, `victim`, `data`, `tasks`, `scope`, `target`, `norm`, `epsilon`, `batch_size`,
    `holdout`, `limit` and `seed`: see `GeneratorRecipe`.
    """

    start: Card | None = None
    """The card of the weights that it starts from."""

    def __init__(self, recipe: Any, device: Device) -> None:
        _check(recipe)
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        victim, victim_card = victims.load(recipe.victim)
        self.precise, self.fast = device.freeze(victim), device.freeze(victim, device.fast_dtype)
        self.budget = Budget.from_units(recipe.norm, recipe.epsilon)
        self.tasks: list[Task] = list(suited(recipe.tasks, victim_card.tasks))
        unknown = [t.name for t in self.tasks if victim_card.tasks.get(t.name) != t.space]
        if unknown:
            raise ValueError(f"the victim {recipe.victim} does not answer {', '.join(unknown)}")
        spaces = {t.name: victim_card.tasks[t.name] for t in self.tasks}
        self.subject = Subject(victim_card.name, self.precise, self.fast, device)
        self.goal = parse_goal(recipe.target, self.tasks, self.subject)
        options = {
            **self.network_options(list(victim_card.input_size)), "victim": victim_card.name,
            "victim_sha256": victim_card.sha256, "norm": recipe.norm, "epsilon": recipe.epsilon, "scope": recipe.scope,
            "target": self.goal.text,
        }  # fmt: skip
        if isinstance(victim, victims.Composite):
            options["victim_parts"] = victims.parts(victim_card)
        self.card = Card(
            recipe.name, "generator", self.architecture, options, spaces, victim_card.input_size, seed=recipe.seed,
        )  # fmt: skip
        names = [t.name for t in self.tasks]
        self.groups = {JOINT: names} if recipe.scope == "joint" else {name: [name] for name in names}
        is_divided = any(data.kind_of(text)[0].is_divided for text in recipe.data)
        if is_divided and recipe.scope == "joint":
            raise ValueError("expected scope per-task: each task has pictures of its own in these data")
        groups_of_tasks = [[name] for name in names] if is_divided else [names]
        self.parts = [self._part(group, is_divided) for group in groups_of_tasks]

    @property
    @abstractmethod
    def architecture(self) -> str:
        """Of the network, as in `mta_core.generators.ARCHITECTURES`."""

    @abstractmethod
    def network_options(self, size: list[int]) -> dict[str, Any]:
        """What of the card's options builds the network, for a victim of that input size, and says what it draws."""

    @abstractmethod
    def result(self) -> tuple[Network, dict[str, Any]]:
        """What the training made, which draws a direction (B, 3, H, W) in [-1, 1] for each perturbation, and the fields
        of its card that say how it is built, where the card does not yet."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, for people."""

    @property
    def remark(self) -> str:
        """What else people should know, with a comma before it."""
        return ""

    @property
    def builds_on(self) -> list[str]:
        """The victim; and the picture, where the target is one."""
        picture = [self.goal.text] if self.goal.text.startswith(PICTURE) else []
        return [str(self.card.options["victim_sha256"]), *picture]

    def _part(self, names: list[str], is_divided: bool) -> Part:
        recipe, size = self.recipe, self.card.input_size
        views = Views(recipe.data, self.tasks, names[0] if is_divided else "")
        sources = [view.source for view in views.at(size)]
        places, held_out = split_places(sources, recipe.holdout, recipe.limit, most=16)
        return Part(names, sources, views, places, held_out)

    def targets_of(self, clean: Tensor, targets: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Labels where there are any, and else the victim's clean answers, of the tasks named."""
        known = {name: targets[name].to(clean.device) for name in names if name in targets}
        unknown = [t for t in self.tasks if t.name in names and t.name not in known]
        return known | (pseudo_targets(self.precise, unknown, clean) if unknown else {})

    def measure(self) -> Generator[Pause, None, dict[str, float]]:
        """Main measure of each task on the held-out pictures, clean and under the perturbation that is to fool it;
        against the target, where there is one."""
        frozen = self.device.freeze(self.result()[0], self.device.fast_dtype)
        meters = {(t.name, kind): Meter(t, num_replicates=0) for t in self.tasks for kind in KINDS}
        for part in self.parts:
            for batch in arriving(part.sources, part.held_out, self._pictures_a_turn()):
                yield PAUSE
                if batch is not None:
                    yield from self._measure(frozen, meters, part.tasks, self.device.put(batch[0]), batch[1])
        found = {key: meter.compute()[self.main[key[0]]] for key, meter in meters.items()}
        return {self.measured_as(*key): value for key, value in found.items()}

    @property
    def main(self) -> dict[str, str]:
        """Name of the main measure of each task."""
        return {t.name: t.main_measure.name for t in self.tasks}

    def measured_as(self, task: str, kind: str) -> str:
        """The name of a task's main measure in what `measure` returns; `kind` is one of `KINDS`."""
        is_shared = len(set(self.main.values())) < len(self.main)  # domains have their measure in common
        return f"{kind}{f' {task}' if is_shared else ''} {self.main[task]}"

    def score(self, measures: Mapping[str, float]) -> float:
        """The mean over the tasks of the log ratio of the main measure under attack to the clean one, its sign such
        that a stronger attack has more."""
        ratios = []
        for t in self.tasks:
            clean, adversarial = (max(measures[self.measured_as(t.name, kind)], TINY) for kind in KINDS)
            sign = 1 if t.main_measure.is_raised(self.goal.is_targeted) else -1
            ratios.append(sign * math.log(adversarial / clean))
        mean = sum(ratios) / len(ratios)
        return mean if math.isfinite(mean) else -math.inf

    def _pictures_a_turn(self) -> int:
        return int(next(windows(self.recipe.batch_size, self.card.input_size, self.device.torch_device)).stop)

    def _measure(
        self,
        frozen: nn.Module,
        meters: Mapping[tuple[str, str], Meter],
        names: Sequence[str],
        clean: Tensor,
        targets: Mapping[str, Tensor],
    ) -> Iterator[Pause]:
        truth = self.targets_of(clean, targets, names)
        wanted = self.goal.targets(truth)
        with torch.no_grad():
            directions = frozen(clean, [name for name in self.groups if name == JOINT or name in names])
            answers = self.precise(clean, names)
            victims.check_finite(directions, DIVERGED)
            victims.check_finite(answers, f"the victim {self.recipe.victim}")
        for name, direction in directions.items():
            yield PAUSE
            group = self.groups[name]
            attacked = self.attacked(clean, direction, group)
            for t in (t for t in self.tasks if t.name in group):
                before = t.decode(answers[t.name])
                meters[t.name, "clean"].update(before, wanted[t.name], before)
                meters[t.name, "adversarial"].update(t.decode(attacked[t.name]), wanted[t.name], before)

    def attacked(self, clean: Tensor, direction: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """The victim's answers to pictures under a perturbation, both (B, 3, H, W)."""
        adversarial = self.budget.project_adversarial(clean + self.budget.scale(direction), clean)
        with torch.no_grad():
            answers: dict[str, Tensor] = self.precise(adversarial, names)
        return answers

    def save(self, out: Path, command: str) -> None:
        made = provenance_of(self.recipe, self.start)
        described = {
            **made,
            "recipe": {**made["recipe"], "target": self.goal.text},
            "command": chained(self.start, command),
            "summary": (
                f"{self.title}, {self.goal.name}{', joint' if self.recipe.scope == 'joint' else ''}, "
                f"trained at {self.budget.label}{self.remark}{self.cut_remark}"
            ),
            "metrics": self.reported(),
        }
        network, shape = self.result()
        save_weights(network, Card(**{**asdict(self.card), **shape, **described}), out)
