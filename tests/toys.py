"""Small victims, pictures and labels for tests: everything random is drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from mta_core.attacks import Problem, Scope
from mta_core.budget import Budget
from mta_core.data.objects import DOMAINS
from mta_core.devices import Device
from mta_core.generators import Generator, MtaGenerator, Patterns
from mta_core.kinds import JOINT
from mta_core.label_spaces import NYU13
from mta_core.objective import make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS, Task
from mta_core.tasks.numbers import Numbers
from mta_core.train_victim import VictimRecipe
from mta_core.victims import Classifier, EncoderDecoder, Victim, adapt
from mta_core.victims.dmtl import Dmtl
from mta_core.weights import Card, save_weights

CPU = Device(torch.device("cpu"), torch.float32, "CPU, float32")
SIDE = 64
KINDS = ("labels", "pseudo-targets")
SHADES = "tests.toys:make_shades"
"""A victim of one's own: see `Shades`."""


def victim_name(kind: str) -> str:
    """The name under which an attack finds the generator that was fitted to these targets."""
    return f"toy-{kind}"


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_pictures(batch: int = 2, height: int = SIDE, width: int = SIDE, seed: int = 0) -> Tensor:
    """(B, 3, H, W) in [0, 1]: smooth, with some black and white pixels."""
    coarse = torch.rand(batch, 3, 6, 6, generator=seeded(seed)) * 1.4 - 0.2
    return nn.functional.interpolate(coarse, (height, width), mode="bilinear").clamp(0, 1)


def make_prediction(task: Task, batch: int = 2, height: int = 12, width: int = 10, seed: int = 0) -> Tensor:
    """(B, C, H, W), above 0 or on the task's own scale, so that it is a sound answer of every task."""
    raw = torch.rand(batch, task.channels, height, width, generator=seeded(seed))
    if isinstance(task, Numbers):
        return task.low + (task.high - task.low) * raw
    raw = raw * 4 + 0.1
    return raw if task.decode(raw).ndim == 3 else task.decode(raw)


def make_target(task: Task, batch: int = 2, height: int = 12, width: int = 10, seed: int = 1) -> Tensor:
    """Labels of every pixel, in label space."""
    return task.as_target(task.decode(make_prediction(task, batch, height, width, seed)))


def invalidate(target: Tensor, where: Tensor, value: float = math.nan) -> Tensor:
    """`target` without labels where the (B, H, W) mask says so; `value` stands for none in a map of numbers."""
    if not target.is_floating_point():
        return torch.where(where, 255, target)
    return torch.where(where[:, None], value, target)


def stir_batch_norm(model: nn.Module, pictures: Tensor, seed: int = 0) -> None:
    """Gives batch norm random gains and the statistics of these pictures, so that signals come through as they do in a
    trained model."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5, generator=seeded(seed))
        nn.init.uniform_(norm.bias, -0.2, 0.3, generator=seeded(seed + 1))
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(pictures)
    for norm in norms:
        norm.momentum = 0.1


def make_victim(kind: type[Victim] = Dmtl, seed: int = 0, size: tuple[int, int] = (SIDE, SIDE)) -> Victim:
    """A small untrained victim, frozen: of all tasks of scenes, or of one domain of objects."""
    torch.manual_seed(seed)
    if kind is Classifier:
        victim: Victim = Classifier({"amazon": "office31"}, size, "shufflenet_v2_x0_5")
        stir_batch_norm(victim, make_pictures(8, 2 * size[0], 2 * size[1], seed=100))
        return victim.eval().requires_grad_(False)
    spaces = {task.name: task.space for task in SCENE_TASKS}
    if kind is EncoderDecoder:
        victim = EncoderDecoder(spaces, size, fraction=0.125)
        stir_batch_norm(victim, make_pictures(8, 2 * size[0], 2 * size[1], seed=100))
        return victim.eval().requires_grad_(False)
    victim = kind(spaces, size, width=4)  # type: ignore[call-arg]
    for parameter in victim.heads.parameters():  # type: ignore[union-attr]
        if parameter.ndim == 1:
            nn.init.normal_(parameter, 0, 0.1)  # an answer for pixels whose features are all zero
    stir_batch_norm(victim, make_pictures(4, *size, seed=100))
    return victim.eval().requires_grad_(False)


class Shades(nn.Module):
    """Reads a scene off its grey: the lighter, the higher the class, the nearer, and the more it looks up.

    As good as linear: an attack or a training goes the same way on every machine, while what becomes of a network that
    is hardly trained is anyone's guess.
    """

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        grey = images.mean(1, keepdim=True)
        centres = torch.linspace(0, 1, len(NYU13))[:, None, None]
        normals = torch.cat([torch.zeros_like(grey), grey, 1.5 - grey], 1)
        return {
            "segmentation": 20 * (grey * centres - centres.square() / 2),
            "depth": 4 - 3 * grey,
            "normals": normals,
        }


def make_shades() -> Victim:
    """What `SHADES` names, once it is allowed."""
    spaces = {task.name: task.space for task in SCENE_TASKS}
    return adapt(Shades(), spaces, (64, 96), mean=(0, 0, 0), std=(1, 1, 1))


@dataclass(frozen=True)
class Arena:
    """A victim, pictures, and two kinds of targets."""

    victim: Victim
    pictures: Tensor
    labels: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    def targets(self, kind: str) -> Mapping[str, Tensor]:
        return {"labels": self.labels, "pseudo-targets": self.outputs}[kind]

    def problem(
        self, budget: Budget, *, kind: str = "labels", scope: Scope = "per-task", seed: int = 0,
        tasks: Sequence[Task] = SCENE_TASKS,
    ) -> Problem:  # fmt: skip
        return make_problem(
            self.victim,
            self.pictures,
            {task.name: self.targets(kind)[task.name] for task in tasks},
            budget,
            scope=scope,
            victim_name=victim_name(kind),
            seed=seed,
        )

    def losses(self, task: Task, kind: str, pictures: Tensor) -> Tensor:
        """(B,)"""
        with torch.no_grad():
            return task.loss(self.victim(pictures)[task.name], self.targets(kind)[task.name])


def make_arena() -> Arena:
    victim, pictures = make_victim(), make_pictures()
    labels = {task.name: make_target(task, 2, SIDE, SIDE, seed=3) for task in SCENE_TASKS}
    return Arena(victim, pictures, labels, pseudo_targets(victim, SCENE_TASKS, pictures))


def train_toy_generator(
    arena: Arena, kind: str, folder: Path, method: type[Generator | Patterns] = MtaGenerator,
    scope: Scope = "per-task", is_universal: bool = False, steps: int = 70,
) -> None:  # fmt: skip
    """Fits a generator, or patterns for the attack `uap`, to the arena's own pictures and targets, which a real one
    need not, and saves it."""
    torch.manual_seed(0)
    names = [task.name for task in SCENE_TASKS]
    drawn, options = ([JOINT] if scope == "joint" else names), {}
    if issubclass(method, Patterns):
        generator, is_universal, options = method(drawn, (SIDE, SIDE)), True, {"method": "uap"}
        for direction in generator.parameters():
            torch.nn.init.uniform_(direction, -0.01, 0.01)
    else:
        noise = {"noise_size": (SIDE, SIDE)} if is_universal else {}
        generator = method(drawn, ngf=8, num_blocks=1, **noise)  # type: ignore[arg-type]
    optimiser = torch.optim.Adam([p for p in generator.parameters() if p.requires_grad], 5e-3)
    budget = Budget.from_units("linf", 0.5)
    for _ in range(steps):
        perturbed = {n: (arena.pictures + budget.scale(d)).clamp(0, 1) for n, d in generator(arena.pictures).items()}
        losses = []
        for name, pictures in perturbed.items():
            answers = arena.victim(pictures, names if name == JOINT else [name])
            losses += [task.loss(answers[task.name], arena.targets(kind)[task.name]) for task in SCENE_TASKS
                       if task.name in answers]  # fmt: skip
        optimiser.zero_grad()
        (-(torch.stack(losses) + 1e-4).log().mean()).backward()
        optimiser.step()
    spaces = {task.name: task.space for task in SCENE_TASKS}
    instance = "universal" if is_universal else "per-instance"
    options |= {**generator.options(), "victim": victim_name(kind), "scope": scope, "instance": instance}
    named = [method.architecture if method is not MtaGenerator else "", scope if scope == "joint" else "",
             instance if is_universal else "", f"against-{kind}"]  # fmt: skip
    name = "-".join(part for part in named if part)
    save_weights(generator, Card(name, "generator", method.architecture, options, spaces, (SIDE, SIDE)), folder)


def write_scenes(root: Path, count: int = 10, height: int = 64, width: int = 96) -> None:
    """Scenes in the folder layout whose labels can be read off their colours: left or right, light or dark."""
    for number in range(count):
        random = np.random.default_rng(number)
        image = random.integers(0, 80, (height, width, 3), dtype=np.uint8)
        edge = int(random.integers(width // 4, 3 * width // 4))
        image[:, edge:] += 150
        is_right = np.arange(width) >= edge
        labels = np.where(is_right, 4, 11).astype(np.uint8)[None].repeat(height, 0)
        depth = np.where(is_right, 1500, 3500).astype(np.uint16)[None].repeat(height, 0)
        normals = np.where(is_right[:, None], (128, 255, 128), (128, 128, 255)).astype(np.uint8)[None].repeat(height, 0)
        for kind, pixels in (("rgb", image), ("seg13", labels), ("depth", depth), ("normal", normals)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / kind / f"{number:04d}.png")


def write_domains(root: Path, per_class: int = 8) -> None:
    """Office-31's layout with two of its classes, which the colour tells apart, in every domain."""
    for domain in DOMAINS:
        for label, name in enumerate(("bike", "mug")):
            folder = root / domain / "images" / name
            folder.mkdir(parents=True)
            for number in range(per_class):
                pixels = np.full((31 + number, 40, 3), 60 + 120 * label + number, np.uint8)
                pixels[:9] = 255
                Image.fromarray(pixels).save(folder / f"frame_{number:04d}.jpg")


def tiny_recipe(scenes: Path) -> VictimRecipe:
    """A training of seconds: four epochs of four steps."""
    return VictimRecipe(
        name="tiny", width=4, data=(f"nyuv2:{scenes}",), per_epoch=8, height=64, input_width=96,
        phases=((2, 32, 64), (2, 64, 96)), batch_size=2, learning_rate=1e-2, holdout=5, ema=0.5,
    )  # fmt: skip


def write_taskonomy(root: Path, place: str, buildings: Sequence[str], side: int = 32) -> None:
    """Two views of each building in Taskonomy's files, the same everywhere: a floor without geometry in its first rows.

    place: where a file lies below `root`, with {building}, {kind} and {point}.
    """
    none = np.arange(side)[:, None] < side // 8
    half = np.broadcast_to(np.where(np.arange(side) < side // 2, 3, 0), (side, side))
    rest = {
        "segment_semantic": half.astype(np.uint8),  # 3 is "chair", 0 uncertain
        "normal": np.where(none[..., None], 128, np.array([128, 0, 128], np.uint8)).repeat(side, 1).astype(np.uint8),
        "principal_curvature": np.where(none[..., None], 0, np.array([191, 191, 0])).repeat(side, 1).astype(np.uint8),
        "reshading": np.full((side, side), 127, np.uint8),
    }
    deep = {
        "depth_zbuffer": np.where(none, 65535, 2 * 512).repeat(side, 1),
        "depth_euclidean": np.where(none, 65535, 5 * 256).repeat(side, 1),
        "keypoints2d": np.full((side, side), 0.005 * 65535 / 4), "keypoints3d": np.full((side, side), 65535 / 4),
        "edge_texture": np.full((side, side), 0.5 * 65535),
        "edge_occlusion": np.full((side, side), 0.00625 * 65535 / 2),
    }  # fmt: skip
    for number, building in enumerate(buildings):
        for point in ("point_0_view_0", "point_0_view_1"):
            picture = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
            kinds = {
                "rgb": picture,
                **rest,
                **{kind: np.rint(values).astype(np.uint16) for kind, values in deep.items()},
            }
            for kind, pixels in kinds.items():
                file = root / place.format(building=building, kind=kind, point=point)
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
