"""Training of universal perturbations by DeepFool (Moosavi-Dezfooli et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mta_core import distributed
from mta_core.attacks import DeepFool, Objective
from mta_core.data.loader import arriving
from mta_core.devices import Device, memory_in_use
from mta_core.events import Event, Pause, Progress
from mta_core.generators import Patterns
from mta_core.objective import VictimObjective
from mta_core.train_fooling import FoolingTraining, Part
from mta_core.train_places import epoch_places
from mta_core.train_run import train
from mta_core.turns import PAUSE, Stopwatch
from mta_core.universal import push

Objectives = Mapping[str, list[Objective]]
"""One for each task that a perturbation is to fool, by perturbation."""


@dataclass(frozen=True)
class UapRecipe:
    """How universal perturbations are learnt; the card keeps it. As in the paper no label is used: what is to be left
    is the victim's clean answer.

    Attributes:
        victim, data, tasks, scope, target, norm, epsilon, holdout, limit: see `GeneratorRecipe`. A joint perturbation
            is pushed by one task after the other.
        fooling_rate: it ends where every perturbation fools so many of the epoch's pictures: 1 - delta in the paper.
        epochs: or after so many of them.
        per_epoch: pictures of each source in an epoch.
        batch_size: pictures whose pushes are averaged; 1 in the paper. More is quicker on an accelerator.
        num_steps, num_candidates, overshoot, share: of DeepFool; see there.
    """

    name: str = "uap-dmtl"
    victim: str = "dmtl"
    data: tuple[str, ...] = ("rooms",)
    tasks: tuple[str, ...] = ("segmentation", "depth", "normals")
    scope: str = "per-task"
    target: str = ""
    norm: str = "linf"
    epsilon: float = 5.0
    fooling_rate: float = 0.8
    epochs: int = 5
    per_epoch: int = 100
    batch_size: int = 1
    num_steps: int = 5
    num_candidates: int = 3
    overshoot: float = 0.02
    share: float = 0.9
    holdout: int = 20
    limit: int = 0
    seed: int = 0


class UapTraining(FoolingTraining):
    """The perturbations as they are now, and how many of the pictures they fool."""

    architecture = Patterns.architecture
    title = "UAP, universal"

    def __init__(self, recipe: UapRecipe, device: Device) -> None:
        self.attack = DeepFool(recipe.num_steps, recipe.num_candidates, recipe.overshoot, recipe.share)
        super().__init__(recipe, device)
        zero = torch.zeros(1, 3, *self.card.input_size, device=device.torch_device)
        self.perturbations: dict[str, Tensor] = dict.fromkeys(self.groups, zero)
        self.rates: dict[str, float] = {}

    def network_options(self, size: list[int]) -> dict[str, Any]:
        return {"pattern_size": size, "method": "uap", "instance": "universal"}

    def result(self) -> tuple[Patterns, dict[str, Any]]:
        """The perturbations as directions that reach 1: an attack shrinks them to its budget."""
        made = Patterns(list(self.groups), self.card.input_size)
        with torch.no_grad():
            for name, perturbation in self.perturbations.items():
                made.directions[name].copy_(perturbation[0] / perturbation.abs().max().clamp(min=1e-12))
        return made, {}

    @property
    def last_epoch(self) -> int:
        is_done = bool(self.rates) and min(self.rates.values()) >= self.recipe.fooling_rate
        return self.epoch if is_done else int(self.recipe.epochs)

    def state(self) -> dict[str, Any]:
        return {"perturbations": self.perturbations, "rates": self.rates}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, own in self.perturbations.items():
            kept = state["perturbations"][name]
            if kept.shape != own.shape:
                raise RuntimeError(f"expected a perturbation of {tuple(own.shape)}, got {tuple(kept.shape)}")
            self.perturbations[name] = kept.to(own)
        self.rates = {name: state["rates"][name] for name in self.groups} if state["rates"] or not state["step"] else {}
        if not all(isinstance(rate, float) for rate in self.rates.values()):
            raise TypeError("expected a fooling rate for each perturbation")

    def run_epoch(self) -> Iterator[Event]:
        self.watch = Stopwatch()
        yield from self.watch.over(self._epoch())
        self.step = 0

    def _epoch(self) -> Iterator[Event]:
        total, begun, before = self._steps_of_an_epoch(), self.step, 0
        fooled: dict[str, list[Tensor]] = {name: [] for name in self.groups}
        for part in self.parts:
            for batch in self._batches(part, first=self.step - before):
                yield PAUSE
                if batch is None:
                    continue
                shares = {}
                for name, own in batch[1].items():
                    shares[name] = 1 - distributed.mean(self._push(name, batch[0], own))
                    yield PAUSE
                self.step += 1
                speed = (self.step - begun) * self.recipe.batch_size / max(self.watch.seconds, 1e-9)
                values = {
                    "loss": sum(shares.values()) / len(shares), **shares, "pictures per second": speed,
                    "MB": memory_in_use(self.device) / 1e6,
                }  # fmt: skip
                done = self.epoch * total + self.step
                yield Progress(done, int(self.recipe.epochs) * total, "steps", values, "training")
            before += self._steps_of(part)
        for part in self.parts:
            for batch in self._batches(part):
                yield PAUSE
                if batch is None:
                    continue
                for name, own in batch[1].items():
                    attacked = (batch[0] + self.perturbations[name]).clamp(0, 1)
                    fooled[name] += [self.attack.has_fooled(objective, attacked) for objective in own]
        self.rates = {name: distributed.mean(torch.cat(found)) for name, found in fooled.items()}

    def _push(self, name: str, clean: Tensor, objectives: list[Objective]) -> Tensor:
        """Pushes a perturbation for each of its tasks; whether the old one fooled them, (B * tasks,)."""
        found = []
        for objective in objectives:
            self.perturbations[name], has_fooled = push(
                self.perturbations[name], clean, objective, self.budget, self.attack
            )
            found.append(has_fooled)
        return torch.cat(found)

    def _batches(self, part: Part, first: int = 0) -> Iterator[tuple[Tensor, Objectives] | None]:
        """This epoch's pictures from that batch on, and what is held against them: the clean answers, or the target;
        None while the next ones are not there yet."""
        recipe = self.recipe
        places = epoch_places(part.places, recipe.per_epoch, recipe.seed, self.epoch)
        if first >= self._steps_of(part):
            return
        views, share = part.views.at(self.card.input_size), distributed.share_of_batch
        for batch in arriving(views, places, recipe.batch_size, first=first, share=share):
            if batch is None:
                yield None
                continue
            clean = self.device.put(batch[0])
            victim = self.subject.followed_by(self.attack, self.tasks)
            wanted = self.goal.targets(self.targets_of(clean, {}, part.tasks))
            yield (
                clean,
                {
                    name: [VictimObjective(victim, {t: wanted[t]}, is_targeted=self.goal.is_targeted) for t in group]
                    for name, group in self.groups.items()
                    if set(group) <= set(part.tasks)
                },
            )

    def _steps_of_an_epoch(self) -> int:
        return sum(map(self._steps_of, self.parts))

    def _steps_of(self, part: Part) -> int:
        return -(-int(self.recipe.per_epoch) * len(part.places) // int(self.recipe.batch_size))

    def measure(self) -> Generator[Pause, None, dict[str, float]]:
        """As other trainings; and how many of the epoch's pictures each perturbation fools."""
        return {**(yield from super().measure()), **{f"fooled {name}": rate for name, rate in self.rates.items()}}


def train_uap(recipe: UapRecipe, device: Device, out: Path, **options: Any) -> Iterator[Event]:
    """Trains, measures and saves universal perturbations: see `train` and its options."""
    yield from train(UapTraining(recipe, device), out, **options)
