"""Training of victims: an iterator of events that resumes where it was killed."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mta_core import data, distributed, victims
from mta_core.adversaries import make_adversary
from mta_core.data.augment import Augmentation
from mta_core.data.loader import arriving
from mta_core.devices import Device
from mta_core.events import Event, Pause
from mta_core.tasks import TASKS, Meter, Task, task
from mta_core.train import DIVERGED, TINY, Descent
from mta_core.train_places import Views, epoch_places, split_places
from mta_core.train_recipes import chained, check_start, provenance_of
from mta_core.train_run import train
from mta_core.turns import PAUSE, Cuts, windows
from mta_core.victim_recipe import VictimRecipe as VictimRecipe
from mta_core.victims import Victim, check_finite
from mta_core.weights import Card, save_weights
from mta_core.whole_batch import see_whole_batches
from mta_core.wording import plain

Tensors = tuple[Tensor, ...] | list[Tensor]
OPTIONS = {"classifier": ("network",), "encoder-decoder": ("encoder", "fraction")}
"""What of a recipe an architecture is built by; `width` for the others."""


def tasks_of(recipe: VictimRecipe) -> list[Task]:
    """What a recipe's victim is to answer.

    Raises:
        ValueError: there is no such task, or it is not known in that label space.
    """
    spaces, found = dict(recipe.spaces), []
    for name, _ in recipe.weights:
        space = spaces.get(name, task(name).space)
        known = [t for t in TASKS if t.name == task(name).name]
        if not (fitting := [t for t in known if t.space == space]):
            there = ", ".join(t.space for t in known)
            raise ValueError(f"expected {name} in a label space among {there}, got {space[:100]!r}")
        found += fitting
    return found


class VictimTraining(Descent):
    """The network, a running average of its weights (the result), and its optimiser."""

    def __init__(self, recipe: VictimRecipe, device: Device) -> None:
        recipe.check()
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        self.tasks = tasks_of(recipe)
        spaces = {t.name: t.space for t in self.tasks}
        names = OPTIONS.get(recipe.architecture, ("width",))
        options = {name: getattr(recipe, name) for name in names}
        self.card = Card(recipe.name, "victim", recipe.architecture, options, spaces, recipe.size, seed=recipe.seed)
        self.adversary = make_adversary(recipe, self.tasks, device)
        self.start: Card | None = None
        self.victim: Victim = self._start().to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        see_whole_batches(self.victim)
        self.average = AveragedModel(self.victim, multi_avg_fn=self._blend, use_buffers=True)
        self.optimiser = self._optimiser()
        self.sources = [self._opened(text) for text in recipe.data]
        self.views = Views(recipe.data, self.tasks, self._own_pictures(self.sources))
        self.train_places, self.held_out = split_places(self.sources, recipe.holdout, recipe.limit)
        classes = next((t.channels for t in self.tasks if t.name == "segmentation"), 0)
        self.class_weights = torch.ones(classes + 1)
        """One of each class, and of what is not labelled; ones until `prepare` has counted them."""

    def _optimiser(self) -> torch.optim.Optimizer:
        recipe, parameters = self.recipe, self.victim.parameters()
        decay = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
        if recipe.optimiser == "sgd":
            return torch.optim.SGD(parameters, momentum=recipe.momentum, fused=True, **decay)
        return torch.optim.AdamW(parameters, fused=True, **decay)

    def _opened(self, text: str) -> data.DataSource:
        """The pictures of a source with labels for these tasks.

        Raises:
            DataError: it lacks some.
        """
        source = data.open_data(text, "train", self.recipe.size).for_tasks(self.tasks)
        return source.for_task(self.tasks[0].name)

    def _own_pictures(self, sources: Sequence[data.DataSource]) -> str:
        """The task, where it has pictures of its own."""
        return self.recipe.weights[0][0] if any(source.is_divided for source in sources) else ""

    def _blend(self, averages: Tensors, news: Tensors, num_averaged: Tensor | int) -> None:
        """A running average whose memory grows with the run, or a short one would end near its random start."""
        seen = int(num_averaged)
        get_ema_multi_avg_fn(min(self.recipe.ema, (1 + seen) / (10 + seen)))(averages, news, num_averaged)  # type: ignore[no-untyped-call]

    @property
    def builds_on(self) -> list[str]:
        needed = [self.start.sha256 if self.start else "", self.adversary.builds_on if self.adversary else ""]
        return [digest for digest in needed if digest]

    def _start(self) -> Victim:
        """The network to train: a new one, or one that was trained before.

        Raises:
            ValueError: that one is of another kind than the recipe says.
        """
        if self.recipe.init and self.recipe.backbone:
            raise ValueError("expected either init or backbone to start from, got both")
        if not self.recipe.init:
            victim = victims.build(self.card)
            if self.recipe.backbone:
                victim.load_backbone(Path(self.recipe.backbone))
            return victim
        victim, self.start = victims.load(self.recipe.init)
        check_start(self.start, self.card, tuple(self.card.options))
        return victim.requires_grad_(True)

    def prepare(self) -> Iterator[Event]:
        """Counts the classes, for which pictures may have to be rendered."""
        classes = len(self.class_weights) - 1
        counts = torch.zeros(classes)
        if any(t.name == "segmentation" for t in self.tasks):
            typical = [place for places in self.train_places for place in places[:: max(1, len(places) // 100)]]
            for batch in arriving(self.sources, typical, 1):
                yield PAUSE
                if batch is not None:
                    labels = batch[1]["segmentation"]
                    counts += torch.bincount(labels[labels < classes].flatten(), minlength=classes)
        self.class_weights = self._balanced(counts)

    def _balanced(self, counts: Tensor) -> Tensor:
        """One weight a class of a segmentation, and zero for unlabelled pixels; ones where none were counted."""
        if not counts.any():
            return torch.ones(len(counts) + 1)
        balance = (counts[counts > 0].median() / counts.clamp(min=1)) ** self.recipe.class_balance
        return torch.cat([balance.clamp(max=5), torch.zeros(1)])

    def state(self) -> dict[str, Any]:
        return {
            "victim": self.victim.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.victim.load_state_dict(state["victim"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def loss(self, images: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        device_type = self.device.torch_device.type
        is_mixed = self.device.fast_dtype != torch.float32
        with torch.autocast(device_type, self.device.fast_dtype, enabled=is_mixed):
            answers = self.victim(images)
        losses = {t.name: self._task_loss(t, answers[t.name], targets[t.name]) for t in self.tasks}
        total = sum(
            (weight * losses[name] for name, weight in self.recipe.weights), torch.zeros((), device=images.device)
        )
        return total, {name: float(loss.detach()) for name, loss in losses.items()}

    def backward(
        self, images: Tensor | Mapping[str, Tensor], targets: Mapping[str, Tensor], share: float
    ) -> Generator[Pause, None, dict[str, float]]:
        if not isinstance(images, Tensor):
            assert self.adversary is not None
            seed = self.recipe.seed + 7907 * self.epoch + 1_000_033 * self.step
            images = yield from self.adversary.replace(images["clean"], images["places"], targets, seed)
        cuts = Cuts()
        with cuts.of(self.victim):
            loss, parts = self.loss(images, targets)
        yield PAUSE
        (share * loss).backward(retain_graph=True)  # type: ignore[no-untyped-call]
        yield from cuts.backward(keep=True)
        return {"loss": float(loss.detach()), **parts}

    @property
    def network(self) -> nn.Module:
        return self.victim

    def clear_gradients(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)

    def _task_loss(self, t: Task, answer: Tensor, target: Tensor) -> Tensor:
        valid = t.valid(target)
        weight = valid.float()
        if t.name == "segmentation":
            weight = self.class_weights.to(target.device)[target.clamp(max=t.channels)]
        # Of the whole batch; this process's part of that mean is counted by its share of the pictures.
        counted = distributed.total(weight.sum()).clamp(min=1) * distributed.share_of_whole(len(target))
        return (t.losses_on(answer, target, valid) * weight).sum() / counted

    def steps(self) -> Iterator[Event]:
        recipe = self.recipe
        places = epoch_places(self.train_places, recipe.per_epoch, recipe.seed, self.epoch)
        steps, begun = max(1, len(places) // recipe.batch_size), self.step
        augment = Augmentation(
            self.crop, recipe.zooms, recipe.light, recipe.noise / 255, recipe.flips, self.card.tasks
        )  # fmt: skip
        views = self.views.at(self.crop if recipe.whole_views else recipe.size)
        seed = recipe.seed + 1009 * (self.epoch + 1)
        self.victim.train()
        stream = arriving(
            views, places, recipe.batch_size, augment, seed=seed, drop_last=True, first=begun,
            share=distributed.share_of_batch,
        )  # fmt: skip
        for batch in stream:
            if batch is None:
                yield PAUSE
                continue
            images, targets = batch
            rate = self.learning_rate((self.epoch + self.step / steps) / self.num_epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            on_device = {name: target.to(self.device.torch_device) for name, target in targets.items()}
            losses: dict[str, float] = {}
            yield from self.take_gradients(self._given(self.device.put(images)), on_device, losses)
            nn.utils.clip_grad_norm_(self.victim.parameters(), 5.0)
            self.optimiser.step()
            self.average.update_parameters(self.victim)
            yield self.progress(rate, begun, steps, losses)

    def _given(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """What gradients are taken of; adversarial pictures are made part by part, as memory allows."""
        if self.adversary is None:
            return images
        self.adversary.renew(self.victim)
        return {"clean": images, "places": self.adversary.places(len(images))}

    def measure(self) -> Generator[Pause, None, dict[str, float]]:
        """Every task's measures on the held-out pictures, by the averaged weights; named as `held_out_name` does."""
        frozen = self.live_victim()
        meters = {t.name: Meter(t, num_replicates=0) for t in self.tasks}
        turn = next(windows(self.recipe.batch_size, self.recipe.size, self.device.torch_device))
        for batch in arriving(self.sources, self.held_out, turn.stop):
            yield PAUSE
            if batch is None:
                continue
            with torch.no_grad():
                answers = frozen(self.device.put(batch[0]))
            check_finite(answers, DIVERGED)
            for t in self.tasks:
                meters[t.name].update(t.decode(answers[t.name]).cpu(), batch[1][t.name])
        found = {t: meters[t.name].compute() for t in self.tasks}
        return {self.held_out_name(t, name): value for t, values in found.items() for name, value in values.items()}

    def held_out_name(self, t: Task, measure: str) -> str:
        """`miou`; `depth mse` where another of its tasks has that measure too."""
        shared = sum(measure in [m.name for m in other.measures] for other in self.tasks) > 1
        return f"{t.name} {measure}" if shared else measure

    def score(self, measures: Mapping[str, float]) -> float:
        """The mean over the tasks of the log of the main measure, its sign such that better is more."""
        mains = {self.held_out_name(t, t.main_measure.name): t.main_measure for t in self.tasks}
        logs = [(1 if m.higher_is_better else -1) * math.log(max(measures[n], TINY)) for n, m in mains.items()]
        mean = sum(logs) / len(logs)
        return mean if math.isfinite(mean) else -math.inf

    def live_victim(self) -> Victim:
        """What it would save now, ready to answer on this device; the training does not notice."""
        averaged: Victim = self.average.module  # type: ignore[assignment]
        return self.device.freeze(averaged)

    @property
    def _defence(self) -> str:
        if self.adversary is None:
            return ""
        name = self.adversary.budget.label
        return f", trained against {plain(Path(self.recipe.adversary).stem)} at {name}"

    def save(self, out: Path, command: str) -> None:
        described = {
            **provenance_of(self.recipe, self.start),
            "command": chained(self.start, command),
            "summary": f"{self.victim.summary}{self._defence}{self.cut_remark}",
            "metrics": self.reported(),
        }
        save_weights(self.average.module, Card(**{**asdict(self.card), **described}), out)


def train_victim(recipe: VictimRecipe, device: Device, out: Path, **options: Any) -> Iterator[Event]:
    """Trains, measures and saves a victim: see `train` and its options."""
    yield from train(VictimTraining(recipe, device), out, **options)
