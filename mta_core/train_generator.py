"""Training of generators against a frozen victim (MTA section 3)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import data, generators, victims
from mta_core.budget import Budget
from mta_core.data.augment import Augmentation
from mta_core.data.cached import Cached
from mta_core.data.loader import batches
from mta_core.devices import Device
from mta_core.events import Event, Progress
from mta_core.objective import VictimObjective, pseudo_targets
from mta_core.tasks import Meter, Task, task
from mta_core.train import Phases, Training, epoch_places, provenance_of, split_places, train
from mta_core.weights import Card, save_weights


@dataclass(frozen=True)
class GeneratorRecipe:
    """How a generator is trained; the card keeps it.

    Attributes:
        victim: name of the victim to fool.
        data: sources of pictures; `per_epoch` of each are taken in an epoch.
        tasks: a decoder each.
        norm, epsilon: the budget, in the units that people type.
        warm_up: epochs in which the perturbation may be larger, `warm_up_epsilon`, and moves away from the victim's own
            clean answers. While it is weak, labels pull both ways (an error falls as often as it rises) and learning
            stands still; the clean answers pull one way.
        phases: (epochs, height, width): first random crops, which cost less, then whole pictures.
        learning_rate: peak of one cycle of Adam.
        output_gain: standard deviation of the last convolution's initial weights. The budget scales by the largest
            pixel of a perturbation, so that one whose values are spread out wastes most of it: a large gain starts
            near +-1 everywhere.
        holdout: every n-th picture of each source is kept out of training and measured instead.
        limit: only the first pictures of each source; 0 for all.
    """

    name: str = "mta-dmtl"
    victim: str = "dmtl"
    data: tuple[str, ...] = ("rooms",)
    tasks: tuple[str, ...] = ("segmentation", "depth", "normals")
    ngf: int = 24
    num_blocks: int = 6
    norm: str = "linf"
    epsilon: float = 5.0
    warm_up: int = 0
    warm_up_epsilon: float = 16.0
    per_epoch: int = 795
    phases: Phases = ((6, 144, 192), (2, 288, 384))
    batch_size: int = 8
    learning_rate: float = 1e-3
    output_gain: float = 0.1
    holdout: int = 20
    limit: int = 0
    seed: int = 0


class GeneratorTraining(Training):
    """The generator, its optimiser, and the victim it learns to fool."""

    def __init__(self, recipe: GeneratorRecipe, device: Device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        victim, victim_card = victims.load(recipe.victim)
        self.precise, self.fast = device.freeze(victim), device.freeze(victim, device.fast_dtype)
        self.budget = Budget.from_units(recipe.norm, recipe.epsilon)
        self.tasks: list[Task] = [task(name) for name in recipe.tasks]
        unknown = [t.name for t in self.tasks if victim_card.tasks.get(t.name) != t.space]
        if unknown:
            raise ValueError(f"the victim {recipe.victim} does not answer {', '.join(unknown)}")
        spaces = {t.name: victim_card.tasks[t.name] for t in self.tasks}
        options = {
            "ngf": recipe.ngf, "num_blocks": recipe.num_blocks, "victim": victim_card.name,
            "victim_sha256": victim_card.sha256, "norm": recipe.norm, "epsilon": recipe.epsilon,
        }  # fmt: skip
        self.card = Card(
            recipe.name, "generator", "mta", options, spaces, victim_card.input_size, seed=recipe.seed,
        )  # fmt: skip
        self.generator = generators.build(self.card)
        for decoder in self.generator.decoders.values():
            nn.init.normal_(decoder[-2].weight, 0, recipe.output_gain)  # type: ignore[index]
        self.generator.to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.generator.parameters(), lr=recipe.learning_rate, betas=(0.5, 0.999))
        self.sources = [Cached(data.open_data(text, "train", victim_card.input_size)) for text in recipe.data]
        self.train_places, self.held_out = split_places(self.sources, recipe.holdout, recipe.limit)

    def state(self) -> dict[str, Any]:
        return {"generator": self.generator.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])

    def perturb(self, images: Tensor) -> dict[str, Tensor]:
        """Adversarial pictures of every task, differentiable; the network in the device's fast precision."""
        kind, dtype = self.device.torch_device.type, self.device.fast_dtype
        with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            directions = self.generator(images)
        return {name: (images + self.current_budget.scale(d)).clamp(0, 1) for name, d in directions.items()}

    @property
    def is_warming_up(self) -> bool:
        return bool(self.epoch < self.recipe.warm_up)

    @property
    def current_budget(self) -> Budget:
        recipe = self.recipe
        return Budget.from_units(recipe.norm, recipe.warm_up_epsilon) if self.is_warming_up else self.budget

    def fooling_losses(self, images: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """-log loss of each task's own perturbation, mean over pictures (MTA equations 3 and 5)."""
        return {
            name: -VictimObjective(self.fast, {name: targets[name]}, form="log")(adversarial).value.mean()
            for name, adversarial in self.perturb(images).items()
        }

    def run_epoch(self) -> Iterator[Event]:
        recipe = self.recipe
        places = epoch_places(self.train_places, recipe.per_epoch, recipe.seed, self.epoch)
        steps = len(places) // recipe.batch_size
        augment = Augmentation(self.crop, (1.0, 1.0), light=0.1, noise=0.0)
        stream = batches(
            self.sources, places, recipe.batch_size, augment, seed=recipe.seed + 1009 * (self.epoch + 1), drop_last=True
        )
        self.generator.train()
        begin = time.perf_counter()
        for step, (images, targets) in enumerate(stream):
            rate = self.learning_rate(self.epoch + step / steps)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            clean = self.device.put(images)
            losses = self.fooling_losses(clean, self._targets(clean, {} if self.is_warming_up else targets))
            self.optimiser.zero_grad(set_to_none=True)
            total = torch.stack(list(losses.values())).mean()
            total.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            speed = (step + 1) * recipe.batch_size / (time.perf_counter() - begin)
            parts = {name: float(loss.detach()) for name, loss in losses.items()}
            values = {"loss": float(total.detach()), **parts, "learning rate": rate, "pictures per second": speed}
            yield Progress(self.epoch * steps + step + 1, self.last_epoch * steps, "steps", values, "training")

    def _targets(self, clean: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        known = {t.name: targets[t.name].to(clean.device) for t in self.tasks if t.name in targets}
        unknown = [t for t in self.tasks if t.name not in known]
        return known | (pseudo_targets(self.precise, unknown, clean) if unknown else {})

    def measure(self) -> dict[str, float]:
        """Main measure of each task on the held-out pictures, clean and under its own perturbation."""
        frozen = self.device.freeze(self.generator, self.device.fast_dtype)
        meters = {(t.name, kind): Meter(t, num_replicates=0) for t in self.tasks for kind in ("clean", "adversarial")}
        for images, targets in batches(self.sources, self.held_out, self.recipe.batch_size):
            clean = self.device.put(images)
            truth = self._targets(clean, targets)
            with torch.no_grad():
                directions, answers = frozen(clean), self.precise(clean)
                for t in self.tasks:
                    adversarial = self.budget.project_adversarial(clean + self.budget.scale(directions[t.name]), clean)
                    attacked = self.precise(adversarial, [t.name])
                    meters[t.name, "clean"].update(t.decode(answers[t.name]), truth[t.name])
                    meters[t.name, "adversarial"].update(t.decode(attacked[t.name]), truth[t.name])
        main = {t.name: t.main_measure.name for t in self.tasks}
        return {f"{kind} {main[name]}": meter.compute()[main[name]] for (name, kind), meter in meters.items()}

    def save(self, out: Path, command: str) -> None:
        described = {
            **provenance_of(self.recipe),
            "command": command,
            "summary": f"MTA generator, per-instance, non-targeted, trained at {self.budget.label}",
            "metrics": {"held_out": self.measure(), "history": self.history},
        }
        save_weights(self.generator, Card(**{**asdict(self.card), **described}), out)


def train_generator(
    recipe: GeneratorRecipe, device: Device, out: Path, *, resume: bool = False, command: str = ""
) -> Iterator[Event]:
    """Trains, measures and saves a generator: see `train`."""
    yield from train(GeneratorTraining(recipe, device), out, resume=resume, command=command)
