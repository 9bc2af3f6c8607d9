"""Training of generators against a frozen victim (MTA section 3)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import data, generators, victims, weights
from mta_core.budget import Budget, Norm
from mta_core.data.augment import Augmentation
from mta_core.data.loader import Batch, Place, batches
from mta_core.devices import Device
from mta_core.events import Event, Progress
from mta_core.explore import Subject
from mta_core.generators.resnet import Images
from mta_core.kinds import JOINT
from mta_core.objective import VictimObjective, pseudo_targets
from mta_core.patterns import PatternPen
from mta_core.targets import parse_goal
from mta_core.tasks import Meter, Task, task
from mta_core.train import (
    DIVERGED,
    Phases,
    Training,
    Views,
    chained,
    check_start,
    epoch_places,
    provenance_of,
    split_places,
    train,
)
from mta_core.weights import Card, save_weights

Curriculum = tuple[tuple[int, int], ...]
SATURATED = 2.0
"""tanh(2) is 0.96 and passes 7 % of a gradient."""


@dataclass(frozen=True)
class GeneratorRecipe:
    """How a generator is trained; the card keeps it.

    Attributes:
        victim: name of the victim to fool.
        data: sources of pictures; `per_epoch` of each are taken in an epoch.
        tasks: a decoder each.
        method: `mta` for an encoder that all tasks share, `gap` for a generator of its own for each.
        instance: `per-instance` perturbations follow the picture, a `universal` one is the same for all.
        scope: `per-task`, or `joint` for a single perturbation that is to fool all tasks at once.
        target: an answer that is to be brought about, as `mta_core.targets.parse_goal` reads it; empty for none.
        weights: alpha_t of the tasks' fooling losses (equations 3 and 5), by name; one over their number if empty.
        init: name of a trained generator, or path to its card, to start from; empty for a random start.
        pattern_epochs: the first epochs, which draw a pattern for all pictures (see `MtaGenerator`) at the victim's
            input size; in the others, as in a training that starts from a generator with a pattern, the networks learn
            on top of it while it moves in small steps. 0 for none, as in the paper.
        pattern_limit: largest value of the pattern before the tanh. tanh(1.8) is 0.95; the less it is, the more room
            there is for the networks, and the less the pattern does by itself.
        norm, epsilon: the budget, in the units that people type.
        curriculum: (epochs, pictures) of the first epochs, which see only that many pictures of each source. With all
            pictures at once every decoder soon draws one saturated pattern for all of them, whose tanh passes no
            gradient any more; few pictures can be told apart within a minute, and more of them after that.
        phases: (epochs, height, width) of each phase: low resolutions first, which cost little.
        whole_views: whether a phase's resolution shows the whole view, or a crop of the picture at full resolution. On
            crops the victim is often wrong already, and there is little to learn.
        cut_at: epoch after which it ends, its learning rate still that of all phases; 0 for none.
        learning_rate: peak of one cycle of Adam.
        output_gain: standard deviation of the last convolution's initial weights; GAP starts from 0.02.
        output_rate: learning rate of the last convolutions beside the others; 1 in the paper. With ngf 24 each output
            is a sum of 1,176 products, whose weights Adam moves all at once.
        saturation: weight of the penalty on outputs beyond +-2 before the tanh, the square of the excess, mean over
            pixels. Beyond, tanh passes no gradient, and what was drawn stays.
        holdout: every n-th picture of each source is kept out of training and measured instead.
        limit: only the first pictures of each source; 0 for all.
    """

    name: str = "mta-dmtl"
    victim: str = "dmtl"
    data: tuple[str, ...] = ("rooms",)
    tasks: tuple[str, ...] = ("segmentation", "depth", "normals")
    method: str = "mta"
    instance: str = "per-instance"
    scope: str = "per-task"
    target: str = ""
    weights: tuple[tuple[str, float], ...] = ()
    ngf: int = 24
    num_blocks: int = 6
    init: str = ""
    pattern_epochs: int = 0
    pattern_limit: float = 1.8
    norm: str = "linf"
    epsilon: float = 5.0
    curriculum: Curriculum = ()
    per_epoch: int = 400
    phases: Phases = ((4, 288, 384),)
    whole_views: bool = True
    cut_at: int = 0
    batch_size: int = 4
    learning_rate: float = 4e-4
    output_gain: float = 0.005
    output_rate: float = 0.05
    saturation: float = 0.05
    holdout: int = 20
    limit: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """Tasks that share their pictures, and those: places to train on, by source, and places held out."""

    tasks: list[str]
    sources: list[data.DataSource]
    views: Views
    places: list[list[Place]]
    held_out: list[Place]


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
        has_pattern = bool(recipe.pattern_epochs)
        if recipe.init:
            start, _ = weights.find_card("generator", recipe.init)
            has_pattern = has_pattern or "pattern_size" in start.options
        size = list(victim_card.input_size)
        sizes = {"pattern_size": size} if has_pattern else {}
        sizes |= {"noise_size": size} if recipe.instance == "universal" else {}
        self.goal = parse_goal(recipe.target, self.tasks, Subject(victim_card.name, self.precise, self.fast, device))
        options = {
            "ngf": recipe.ngf, "num_blocks": recipe.num_blocks, **sizes, "victim": victim_card.name,
            "victim_sha256": victim_card.sha256, "norm": recipe.norm, "epsilon": recipe.epsilon,
            "instance": recipe.instance, "scope": recipe.scope, "target": recipe.target,
        }  # fmt: skip
        if isinstance(victim, victims.Composite):
            digests = victims.digests(victim_card)
            options["victim_parts"] = {t: digests[part] for t, part in victim_card.options["victims"].items()}
        self.card = Card(
            recipe.name, "generator", recipe.method, options, spaces, victim_card.input_size, seed=recipe.seed,
        )  # fmt: skip
        names = [t.name for t in self.tasks]
        self.groups = {JOINT: names} if recipe.scope == "joint" else {name: [name] for name in names}
        self.weights = dict(recipe.weights) or dict.fromkeys(names, 1 / len(names))
        self.start: Card | None = None
        self.generator = self._start()
        self.generator.to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        lasts = [decoder[-1] for decoder in self.generator.decoders.values()]  # type: ignore[index]
        ends = [parameter for last in lasts for parameter in last.parameters()]
        apart = [*ends, *self.generator.patterns.values(), *self.generator.noise.values()]
        inner = [one for one in self.generator.parameters() if all(one is not other for other in apart)]
        groups = [{"params": inner}, {"params": ends}]
        self.optimiser = torch.optim.Adam(groups, lr=recipe.learning_rate, betas=(0.5, 0.999))
        self.pen = PatternPen(dict(self.generator.patterns.items()), recipe.pattern_limit)
        is_divided = any(data.source(text.partition(":")[0]).is_divided for text in recipe.data)
        if is_divided and recipe.scope == "joint":
            raise ValueError("expected scope per-task: each task has pictures of its own in these data")
        groups_of_tasks = [[name] for name in names] if is_divided else [names]
        self.parts = [self._part(group, is_divided) for group in groups_of_tasks]

    def _part(self, names: list[str], is_divided: bool) -> Part:
        recipe, size = self.recipe, self.card.input_size
        views = Views(recipe.data, names[0] if is_divided else "")
        sources = [view.source for view in views.at(size)]
        places, held_out = split_places(sources, recipe.holdout, recipe.limit, most=16)
        return Part(names, sources, views, places, held_out)

    def _start(self) -> generators.Generator:
        """The generator to train: a new one, or one that was trained before.

        Raises:
            ValueError: that one is of another kind than the recipe says.
        """
        if self.recipe.init:
            generator, self.start = generators.load(self.recipe.init)
            check_start(self.start, self.card, generators.OPTIONS)
            assert isinstance(generator, generators.Generator), "a card of these options is of no other kind"
            generator.requires_grad_(True)
            generator.noise.requires_grad_(False)
            with torch.no_grad():
                for pattern in generator.patterns.values():
                    pattern.clamp_(-self.recipe.pattern_limit, self.recipe.pattern_limit)
            return generator
        generator = generators.build(self.card)
        assert isinstance(generator, generators.Generator)
        for decoder in generator.decoders.values():
            nn.init.normal_(decoder[-1].weight, 0, self.recipe.output_gain)  # type: ignore[index]
        for pattern in generator.patterns.values():
            nn.init.uniform_(pattern, -self.recipe.pattern_limit, self.recipe.pattern_limit)
        return generator

    def state(self) -> dict[str, Any]:
        return {
            "generator": self.generator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "pen": self.pen.momentum,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])
        kept = state.get("pen", {})
        self.pen.momentum = {name: momentum.to(self.device.torch_device) for name, momentum in kept.items()}

    @property
    def builds_on(self) -> list[str]:
        return [str(self.card.options["victim_sha256"]), *([self.start.sha256] if self.start else [])]

    @property
    def is_drawing(self) -> bool:
        """Whether this epoch is for the patterns."""
        return bool(self.epoch < self.recipe.pattern_epochs)

    def share_done(self, epochs: float) -> float:
        """How much of the drawing is done after so many epochs, or of what follows it."""
        drawing = self.recipe.pattern_epochs
        begin, end = (0, drawing) if self.is_drawing else (drawing, self.num_epochs)
        return (epochs - begin) / (end - begin)

    def outputs(self, images: Images) -> dict[str, Tensor]:
        """The generator's outputs before their tanh, differentiable, in the device's fast precision."""
        if self.is_drawing:
            patterns = self.generator.patterns.items()
            return {name: pattern.expand_as(pictures_of(images, name)) for name, pattern in patterns}
        kind, dtype = self.device.torch_device.type, self.device.fast_dtype
        with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            return self.generator.before_tanh(images)

    def excess(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """How far outputs lie where tanh passes no gradient: see `saturation`."""
        return torch.stack([(o.abs() - SATURATED).relu().square().mean() for o in outputs.values()]).sum()

    def places(self, part: Part) -> list[list[Place]]:
        """The pictures of the current epoch, by source: few of them early in the curriculum."""
        epoch = self.epoch
        for length, pictures in self.recipe.curriculum:
            if epoch < length:
                return [places[:pictures] for places in part.places]
            epoch -= length
        return part.places

    def scale(self, directions: Tensor) -> Tensor:
        """As an attack scales them (the papers' map), but for L-infinity by the largest value that tanh can take.

        The papers' map divides by the largest value in the picture. While that is below 1, as with a limited pattern,
        the first strong pixel a network draws weakens all the others, and so it learns to draw nothing at all.
        """
        if self.budget.norm is Norm.LINF and not self.is_drawing:
            return self.budget.epsilon * directions
        return self.budget.scale(directions)

    def fooling_losses(
        self, images: Images, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """alpha_t times -log loss_t, or log loss_t to the target, mean over pictures, of each perturbation (MTA
        equations 2 to 5); the sum over its tasks where it is joint."""
        wanted = self.goal.targets(targets)
        losses = {}
        for name, output in outputs.items():
            group = self.groups[name]
            objective = VictimObjective(
                self.fast, {task: wanted[task] for task in group}, self.weights, "log", self.goal.is_targeted
            )
            adversarial = (pictures_of(images, name) + self.scale(output.tanh())).clamp(0, 1)
            losses[name] = -objective(adversarial).value.mean()
        return losses

    def run_epoch(self) -> Iterator[Event]:
        recipe = self.recipe
        size = self.card.input_size if self.is_drawing else self.crop
        augment = Augmentation(size, (1.0, 1.0), light=0.1, noise=0.0)
        seed, shown = recipe.seed + 1009 * (self.epoch + 1), size if recipe.whole_views else self.card.input_size
        streams = []
        for part in self.parts:
            places = epoch_places(self.places(part), recipe.per_epoch, recipe.seed, self.epoch)
            steps = len(places) // recipe.batch_size
            views = part.views.at(shown)
            streams.append(batches(views, places, recipe.batch_size, augment, seed=seed, drop_last=True))
        self.generator.train()
        begin = time.perf_counter()
        for step, group in enumerate(zip(*streams, strict=True)):
            share = self.share_done(self.epoch + step / steps)
            rate = self.learning_rate(share)
            for parameters, factor in zip(self.optimiser.param_groups, (1.0, recipe.output_rate), strict=True):
                parameters["lr"] = rate * factor
            losses: dict[str, float] = {}
            yield from self.take_gradients(*self._on_device(group), losses)
            if self.is_drawing:
                self.pen.step(0.02 + 0.3 * (1 - share))
            else:
                self.pen.step(0.002 + 0.018 * (1 - share))
                self.optimiser.step()
            speed = (step + 1) * recipe.batch_size / (time.perf_counter() - begin)
            values = {**losses, "learning rate": rate, "pictures per second": speed}
            yield Progress(self.epoch * steps + step + 1, self.last_epoch * steps, "steps", values, "training")

    def _on_device(self, group: Sequence[Batch]) -> tuple[Images, dict[str, Tensor]]:
        """A batch of each part: pictures, by task where there are several parts, and targets."""
        clean: dict[str, Tensor] = {}
        targets: dict[str, Tensor] = {}
        for part, (images, labels) in zip(self.parts, group, strict=True):
            pictures = self.device.put(images)
            clean |= dict.fromkeys(part.tasks, pictures)
            targets |= self._targets(pictures, labels, part.tasks)
        return (clean if len(self.parts) > 1 else pictures), targets

    def backward(self, images: Images, targets: Mapping[str, Tensor], share: float) -> dict[str, float]:
        outputs = self.outputs(images)
        losses = self.fooling_losses(images, outputs, targets)
        total = torch.stack(list(losses.values())).sum()
        (share * (total + self.recipe.saturation * self.excess(outputs))).backward()
        return {"loss": float(total.detach()), **{name: float(loss.detach()) for name, loss in losses.items()}}

    def clear_gradients(self) -> None:
        self.generator.zero_grad(set_to_none=True)

    def _targets(self, clean: Tensor, targets: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        known = {name: targets[name].to(clean.device) for name in names if name in targets}
        unknown = [t for t in self.tasks if t.name in names and t.name not in known]
        return known | (pseudo_targets(self.precise, unknown, clean) if unknown else {})

    def measure(self) -> dict[str, float]:
        """Main measure of each task on the held-out pictures, clean and under the perturbation that is to fool it;
        against the target, where there is one."""
        frozen = self.device.freeze(self.generator, self.device.fast_dtype)
        meters = {(t.name, kind): Meter(t, num_replicates=0) for t in self.tasks for kind in ("clean", "adversarial")}
        for part in self.parts:
            for images, targets in batches(part.sources, part.held_out, self.recipe.batch_size):
                self._measure(frozen, meters, part.tasks, self.device.put(images), targets)
        main = {t.name: t.main_measure.name for t in self.tasks}
        return {f"{kind} {main[name]}": meter.compute()[main[name]] for (name, kind), meter in meters.items()}

    def _measure(
        self,
        frozen: nn.Module,
        meters: Mapping[tuple[str, str], Meter],
        names: Sequence[str],
        clean: Tensor,
        targets: Mapping[str, Tensor],
    ) -> None:
        truth = self._targets(clean, targets, names)
        with torch.no_grad():
            directions = frozen(clean, [name for name in self.groups if name == JOINT or name in names])
            answers = self.precise(clean, names)
            wanted = self.goal.targets(truth)
            victims.check_finite(directions, DIVERGED)
            victims.check_finite(answers, f"the victim {self.recipe.victim}")
            for name, direction in directions.items():
                group = self.groups[name]
                attacked = self.precise(
                    self.budget.project_adversarial(clean + self.budget.scale(direction), clean), group
                )
                for t in (t for t in self.tasks if t.name in group):
                    before = t.decode(answers[t.name])
                    meters[t.name, "clean"].update(before, wanted[t.name], before)
                    meters[t.name, "adversarial"].update(t.decode(attacked[t.name]), wanted[t.name], before)

    def save(self, out: Path, command: str) -> None:
        recipe = self.recipe
        described = {
            **provenance_of(self.recipe, self.start),
            "command": chained(self.start, command),
            "summary": (
                f"{recipe.method.upper()} generator, {recipe.instance}, {self.goal.name}"
                f"{', joint' if recipe.scope == 'joint' else ''}, trained at {self.budget.label}"
            ),
            "metrics": {"held_out": self.measure(), "history": self.history},
        }
        save_weights(self.generator, Card(**{**asdict(self.card), **described}), out)


def pictures_of(images: Images, perturbation: str) -> Tensor:
    """The pictures that a perturbation is for."""
    return images if isinstance(images, Tensor) else images[perturbation]


def train_generator(
    recipe: GeneratorRecipe, device: Device, out: Path, *, resume: bool = False, command: str = ""
) -> Iterator[Event]:
    """Trains, measures and saves a generator: see `train`."""
    yield from train(GeneratorTraining(recipe, device), out, resume=resume, command=command)
