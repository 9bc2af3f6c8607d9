"""Training of generators against a frozen victim (MTA section 3)."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import distributed, generators, weights
from mta_core.budget import Norm
from mta_core.data.augment import Augmentation
from mta_core.data.loader import Batch, Place, arriving, together
from mta_core.devices import Device
from mta_core.events import Event, Message, Pause
from mta_core.generators import Patterns
from mta_core.generators.resnet import Images
from mta_core.goal import PICTURE
from mta_core.objective import VictimObjective, as_form
from mta_core.patterns import PatternPen
from mta_core.task_weights import ALL, PENALTY, make_task_weights
from mta_core.train import Descent, Phases
from mta_core.train_fooling import FoolingTraining, Part
from mta_core.train_places import epoch_places
from mta_core.train_recipes import check_start
from mta_core.train_run import train
from mta_core.turns import PAUSE, Cuts, windows
from mta_core.whole_batch import see_whole_batches

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
        form: whether the fooling losses are `log`s, as in the paper, or the losses themselves, for a plain `sum`.
        weighting: where alpha_t of the tasks' fooling losses (equations 3 and 5) come from: `uniform`, as in the
            paper, `fixed`, `mgda`, `uncertainty` or `dwa`; see `mta_core.task_weights`. With `gap` and a perturbation
            for each task nothing is shared that tasks could compete for, and Adam undoes most of what a weight does.
        weights: the fixed ones, by name.
        init: name of a trained generator, or path to its card, to start from; empty for a random start.
        patterns: the same, to take nothing but the patterns from, whatever its method and width; they must have the
            victim's input size.
        pattern_epochs: the first epochs, which draw a pattern for all pictures (see `Generator`) at the victim's
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
        learning_rate: of Adam, its largest.
        schedule: how it moves, one of `mta_core.train.SCHEDULES`.
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
    form: str = "log"
    weighting: str = "uniform"
    weights: tuple[tuple[str, float], ...] = ()
    ngf: int = 24
    num_blocks: int = 6
    init: str = ""
    patterns: str = ""
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
    schedule: str = "cycle"
    output_gain: float = 0.005
    output_rate: float = 0.05
    saturation: float = 0.05
    holdout: int = 20
    limit: int = 0
    seed: int = 0


class GeneratorTraining(FoolingTraining, Descent):
    """The generator and its optimiser."""

    def __init__(self, recipe: GeneratorRecipe, device: Device) -> None:
        super().__init__(recipe, device)
        names = [t.name for t in self.tasks]
        self.form = as_form(recipe.form)
        height, width = self.card.input_size
        if self.goal.text.startswith(PICTURE) and {tuple(size) for _, *size in recipe.phases} != {(height, width)}:
            raise ValueError(f"expected phases of {height}x{width}, the size of the victim, towards a picture")
        self.generator = self._start()
        self.generator.to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not self.generator.is_universal:  # its input is the same in all processes, and one picture
            see_whole_batches(self.generator)
        learnt = [parameter for parameter in self.generator.parameters() if parameter.requires_grad]
        is_shared = recipe.method != "gap" or recipe.scope == "joint"
        self.task_weights = make_task_weights(recipe.weighting, names, recipe.weights, learnt, is_shared)
        lasts = [decoder[-1] for decoder in self.generator.decoders.values()]  # type: ignore[index]
        ends = [parameter for last in lasts for parameter in last.parameters()]
        apart = [*ends, *self.generator.patterns.values(), *self.generator.noise.values()]
        inner = [one for one in self.generator.parameters() if all(one is not other for other in apart)]
        groups = [{"params": inner}, {"params": ends}]
        self.optimiser = torch.optim.Adam(groups, lr=recipe.learning_rate, betas=(0.5, 0.999))
        self.pen = PatternPen(dict(self.generator.patterns.items()), recipe.pattern_limit)

    @property
    def architecture(self) -> str:
        return str(self.recipe.method)

    def network_options(self, size: list[int]) -> dict[str, Any]:
        recipe = self.recipe
        has_pattern = bool(recipe.pattern_epochs or recipe.patterns)
        if recipe.init:
            start, _ = weights.find_card("generator", recipe.init)
            has_pattern = has_pattern or "pattern_size" in start.options
        sizes = {"pattern_size": size} if has_pattern else {}
        sizes |= {"noise_size": size} if recipe.instance == "universal" else {}
        kind = {"method": recipe.method, "instance": recipe.instance}
        return {"ngf": recipe.ngf, "num_blocks": recipe.num_blocks, **sizes, **kind}

    @property
    def title(self) -> str:
        return f"{self.recipe.method.upper()} generator, {self.recipe.instance}"

    def _start(self) -> generators.Generator:
        """The generator to train: a new one, or one that was trained before.

        Raises:
            ValueError: that one is of another kind than the recipe says, or has no such patterns.
        """
        limit = self.recipe.pattern_limit
        if self.recipe.init and self.recipe.patterns:
            raise ValueError("expected either init or patterns to start from, got both")
        if self.recipe.init:
            generator, self.start = generators.load(self.recipe.init)
            check_start(self.start, self.card, generators.OPTIONS)
            assert isinstance(generator, generators.Generator), "a card of these options is of no other kind"
            generator.requires_grad_(True)
            generator.noise.requires_grad_(False)
        else:
            made = generators.build(self.card)
            assert isinstance(made, generators.Generator)
            generator = made
            for decoder in generator.decoders.values():
                nn.init.normal_(decoder[-1].weight, 0, self.recipe.output_gain)  # type: ignore[index]
            for pattern in generator.patterns.values():
                nn.init.uniform_(pattern, -limit, limit)
        with torch.no_grad():
            for name, pattern in self._kept_patterns().items():
                generator.patterns[name].copy_(pattern)
            for pattern in generator.patterns.values():
                pattern.clamp_(-limit, limit)
        return generator

    def _kept_patterns(self) -> dict[str, Tensor]:
        """Those that `patterns` of the recipe names."""
        if not self.recipe.patterns:
            return {}
        other, self.start = generators.load(self.recipe.patterns)
        kept = dict(other.patterns.items()) if isinstance(other, generators.Generator) else {}
        wanted = {name: (3, *self.card.input_size) for name in self.groups}
        if {name: tuple(pattern.shape) for name, pattern in kept.items()} != wanted:
            asked = f"{', '.join(wanted)} at {self.card.input_size[0]}x{self.card.input_size[1]}"
            raise ValueError(f"expected {self.recipe.patterns} to have patterns for {asked}")
        return kept

    def state(self) -> dict[str, Any]:
        return {
            "generator": self.generator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "pen": self.pen.momentum,
            "task_weights": self.task_weights.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.task_weights.restore(state.get("task_weights", {}))
        kept = state.get("pen", {})
        self.pen.momentum = {name: momentum.to(self.device.torch_device) for name, momentum in kept.items()}

    @property
    def builds_on(self) -> list[str]:
        return [*super().builds_on, *([self.start.sha256] if self.start else [])]

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
        """The generator's outputs before their tanh, differentiable, in the device's fast precision: (B, 3, H, W), or
        (1, 3, H, W) where they are the same for all pictures."""
        if self.is_drawing:
            patterns = self.generator.patterns.items()
            return {name: pattern[None] for name, pattern in patterns}
        kind, dtype = self.device.torch_device.type, self.device.fast_dtype
        if self.generator.is_universal:  # the same for all pictures: one stands for them
            images = images[:1] if isinstance(images, Tensor) else {name: one[:1] for name, one in images.items()}
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
        """-log loss_t, or log loss_t to the target, of each task and picture, (B,) (MTA equations 2 and 4)."""
        wanted = self.goal.targets(targets)
        losses: dict[str, Tensor] = {}
        for name, output in outputs.items():
            wanted_of_group = {task: wanted[task] for task in self.groups[name]}
            objective = VictimObjective(self.fast, wanted_of_group, None, self.form, self.goal.is_targeted)
            reached = objective.losses((pictures_of(images, name) + self.scale(output.tanh())).clamp(0, 1))
            losses |= {task: -term for task, term in objective.terms(reached).items()}
        return losses

    def steps(self) -> Iterator[Event]:
        recipe = self.recipe
        size = self.card.input_size if self.is_drawing else self.crop
        augment = Augmentation(size, (1.0, 1.0), light=0.1, noise=0.0)
        seed, shown = recipe.seed + 1009 * (self.epoch + 1), size if recipe.whole_views else self.card.input_size
        streams, begun = [], self.step
        for part in self.parts:
            places = epoch_places(self.places(part), recipe.per_epoch, recipe.seed, self.epoch)
            steps = max(1, len(places) // recipe.batch_size)
            views = part.views.at(shown)
            streams.append(
                arriving(
                    views, places, recipe.batch_size, augment, seed=seed, drop_last=True, first=begun,
                    share=distributed.share_of_batch,
                )
            )  # fmt: skip
        self.generator.train()
        for group in together(streams):
            if group is None:
                yield PAUSE
                continue
            share = self.share_done(self.epoch + self.step / steps)
            rate = self.learning_rate(share)
            for parameters, factor in zip(self.optimiser.param_groups, (1.0, recipe.output_rate), strict=True):
                parameters["lr"] = rate * factor
            losses: dict[str, float] = {}
            yield from self.take_gradients(*self._on_device(group), losses)
            self.move(share)
            yield self.progress(rate, begun, steps, losses)
        self.task_weights.end_epoch()

    def move(self, share: float) -> None:
        """A step down the gradients, when `share` of the drawing is done, or of what follows it."""
        if self.is_drawing:
            self.pen.step(0.02 + 0.3 * (1 - share))
        else:
            self.pen.step(0.002 + 0.018 * (1 - share))
            self.optimiser.step()

    def take_gradients(
        self, images: Images, targets: Mapping[str, Tensor], values: dict[str, float]
    ) -> Iterator[Message | Pause]:
        """Also takes the weights of the tasks, once the whole batch is known: `values` gets the weighted loss."""
        yield from super().take_gradients(images, targets, values)
        alphas = self.task_weights.end_batch()
        values["loss"] = sum(alpha * values[name] for name, alpha in alphas.items())
        values |= {f"weight of {name}": alpha for name, alpha in alphas.items()}

    def _on_device(self, group: Sequence[Batch]) -> tuple[Images, dict[str, Tensor]]:
        """A batch of each part: pictures, by task where there are several parts, and targets."""
        clean: dict[str, Tensor] = {}
        targets: dict[str, Tensor] = {}
        for part, (images, labels) in zip(self.parts, group, strict=True):
            pictures = self.device.put(images)
            clean |= dict.fromkeys(part.tasks, pictures)
            targets |= self.targets_of(pictures, labels, part.tasks)
        return (clean if len(self.parts) > 1 else pictures), targets

    def backward(
        self, images: Images, targets: Mapping[str, Tensor], share: float
    ) -> Generator[Pause, None, dict[str, float]]:
        """First what the victim says of a few pictures and one perturbation at a time: its gradients with respect to
        the generator's outputs. Then, once for all of them, those of the generator."""
        cuts = Cuts()
        with cuts.of(self.generator):
            outputs = {name: cuts(output) for name, output in self.outputs(images).items()}
        yield PAUSE
        losses, terms = yield from self._terms(images, outputs, targets, share)
        last = list(terms)[-1]
        for term, gradients in terms.items():
            for name, gradient in gradients.items():
                outputs[name].grad = gradient
            yield from cuts.backward(keep=term != last)
            self.task_weights.take(term)
        self.task_weights.see(losses, share)
        return {name: float(loss.mean()) for name, loss in losses.items()}

    def _terms(
        self, images: Images, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], share: float
    ) -> Generator[Pause, None, tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]]:
        """The fooling losses (B,) of each task; and of each of the task weights' terms, and of the penalty, the
        gradients with respect to the outputs, by perturbation."""
        found: dict[str, list[Tensor]] = {}
        terms: dict[str, dict[str, Tensor]] = {}
        for name, output in outputs.items():
            pictures = pictures_of(images, name)
            for window in windows(len(pictures), pictures.shape[-2:], pictures.device):
                drawn = output if len(output) == 1 else output[window]
                some = {task: targets[task][window] for task in self.groups[name]}
                losses = self.fooling_losses(pictures[window], {name: drawn}, some)
                wanted = self.task_weights.terms(losses)
                for number, (term, values) in enumerate(wanted.items()):
                    mean = share / len(pictures) * values.sum()
                    (gradient,) = torch.autograd.grad(mean, output, retain_graph=number + 1 < len(wanted))
                    _add(terms.setdefault(term, {}), name, gradient)
                for task, loss in losses.items():
                    found.setdefault(task, []).append(loss.detach())
                yield PAUSE
        penalty = share * self.recipe.saturation * self.excess(outputs)
        if float(distributed.total(penalty.detach())):  # of a square: where it is zero, so is its gradient
            gradients = torch.autograd.grad(penalty, list(outputs.values()))
            of_penalty = terms.setdefault(PENALTY if self.task_weights.is_apart else ALL, {})
            for name, gradient in zip(outputs, gradients, strict=True):
                _add(of_penalty, name, gradient)
        return {task: torch.cat(losses) for task, losses in found.items()}, terms

    @property
    def network(self) -> generators.Generator:
        return self.generator

    def clear_gradients(self) -> None:
        self.task_weights.begin_batch()
        self.generator.zero_grad(set_to_none=True)

    def result(self) -> tuple[generators.Network, dict[str, Any]]:
        """Of a universal generator the perturbations alone (MTA section 3.1), as the last step saw them, since it need
        not run again."""
        if not self.generator.is_universal:
            return self.generator, {}
        patterns = Patterns.of(copy.deepcopy(self.generator).train())  # running means of batch norm lag behind
        kept = {key: value for key, value in self.card.options.items() if key not in generators.OPTIONS}
        return patterns, {"architecture": patterns.architecture, "options": {**patterns.options(), **kept}}

    def reported(self) -> dict[str, Any]:
        return {**super().reported(), "task_weights": self.task_weights.history}

    def drawn_for(self, clean: Tensor) -> dict[str, Tensor]:
        """Adversarial pictures (B, 3, H, W) by the generator as it is now, by perturbation."""
        with torch.no_grad():
            drawn = self.live_generator()(clean)
        return {
            name: self.budget.project_adversarial(clean + self.budget.scale(direction), clean)
            for name, direction in drawn.items()
        }

    def live_generator(self) -> generators.Network:
        """What it would save now, ready to attack with on this device; the training does not notice."""
        return self.device.freeze(self.result()[0], self.device.fast_dtype)

    @property
    def remark(self) -> str:
        return "" if self.recipe.weighting == "uniform" else f", {self.recipe.weighting} task weights"


def _add(sums: dict[str, Tensor], name: str, value: Tensor) -> None:
    sums[name] = sums[name] + value if name in sums else value


def pictures_of(images: Images, perturbation: str) -> Tensor:
    """The pictures that a perturbation is for."""
    return images if isinstance(images, Tensor) else images[perturbation]


def train_generator(recipe: GeneratorRecipe, device: Device, out: Path, **options: Any) -> Iterator[Event]:
    """Trains, measures and saves a generator: see `train` and its options."""
    yield from train(GeneratorTraining(recipe, device), out, **options)
