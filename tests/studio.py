"""A small stand-in for what is shipped: an untrained victim, its generator and a gallery of drawn scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mta_core.generators import GapGenerator, MtaGenerator, Patterns
from mta_core.kinds import JOINT
from mta_core.victims import Classifier
from mta_core.victims.dmtl import SPACES, Dmtl
from mta_core.victims.mtan import Mtan
from mta_core.weights import SHIPPED, Card, save_weights

SIZE = (96, 128)
"""Of all pictures: enough to be looked at, and quick."""
AIMED = "segmentation=floor,depth=2.0,normals=up"
"""The target of one of the generators, not in the words of the tasks."""


def has_shipped_weights() -> bool:
    return all((SHIPPED / f"{name}.safetensors").exists() for name in ("dmtl", "mta-dmtl"))


def make_weights(runs: Path, seed: int = 0) -> None:
    """An untrained `dmtl` and a generator for it, in the layout of `runs/`."""
    torch.manual_seed(seed)
    victim = Dmtl(width=4)
    torch.nn.init.constant_(victim.heads["depth"][-1].bias, 2.0)
    save_weights(victim, Card("dmtl", "victim", "dmtl", victim.options(), SPACES, SIZE), runs / "dmtl")
    generator = MtaGenerator(tuple(SPACES), 4, 1)
    options = {**generator.options(), "victim": "dmtl"}
    save_weights(generator, Card("mta-dmtl", "generator", "mta", options, SPACES, SIZE), runs / "mta-dmtl")


def make_generators(runs: Path) -> None:
    """Untrained generators for `dmtl` of every kind that the first one is not, by what they are."""
    torch.manual_seed(3)
    made: dict[str, tuple[MtaGenerator | GapGenerator, dict[str, str]]] = {
        "joint": (MtaGenerator((JOINT,), 4, 1), {"scope": "joint"}),
        "gap": (GapGenerator(tuple(SPACES), 4, 1), {}),
        "aimed": (MtaGenerator(tuple(SPACES), 4, 1), {"target": AIMED}),
    }
    for name, (generator, more) in made.items():
        options = {**generator.options(), "victim": "dmtl", **more}
        card = Card(name, "generator", generator.architecture, options, SPACES, SIZE)
        save_weights(generator, card, runs / name)
    make_universal(runs)


def make_universal(runs: Path) -> None:
    """A universal perturbation for each task of `dmtl`, as the MTA generator `universal` would have left it."""
    torch.manual_seed(3)
    patterns = Patterns(list(SPACES), SIZE)
    for direction in patterns.directions.values():
        torch.nn.init.uniform_(direction, -1, 1)
    options = {**patterns.options(), "victim": "dmtl", "method": "mta", "instance": "universal"}
    save_weights(patterns, Card("universal", "generator", "patterns", options, SPACES, SIZE), runs / "universal")


def make_other(runs: Path, name: str = "other", size: tuple[int, int] = SIZE) -> None:
    """An untrained MTAN of that name and input size, in the layout of `runs/`."""
    torch.manual_seed(7)
    victim = Mtan(input_size=size, width=2)
    torch.nn.init.constant_(victim.heads["depth"][-1].bias, 2.0)
    save_weights(victim, Card(name, "victim", "mtan", victim.options(), SPACES, size), runs / name)


def make_classifier(runs: Path, name: str, domain: str, size: tuple[int, int] = (64, 64)) -> None:
    """An untrained classifier of one domain of the objects, in the layout of `runs/`."""
    torch.manual_seed(0)
    tasks = {domain: "office31"}
    victim = Classifier(tasks, size, "shufflenet_v2_x0_5")
    save_weights(victim, Card(name, "victim", "classifier", victim.options(), tasks, size), runs / name)


def make_gallery(root: Path, count: int = 3) -> None:
    """Drawn scenes: a wall, a floor and a box, in the folder layout."""
    height, width = SIZE
    for number in range(count):
        random = np.random.default_rng(number)
        labels = np.full(SIZE, 11, np.uint8)
        labels[height // 2 :] = 4
        left = (3 + 2 * number) * width // 19
        labels[5 * height // 12 : 3 * height // 4, left : left + width // 3] = 9
        depth = np.where(labels == 11, 4000, np.linspace(4000, 1500, height)[:, None]).astype(np.uint16)
        normals = np.where((labels == 4)[..., None], (127, 255, 127), (127, 127, 255)).astype(np.uint8)
        colours = np.array([(90 + 12 * i, 60 + 11 * i, 200 - 10 * i) for i in range(13)])[labels]
        image = (colours + random.integers(-12, 13, (height, width, 3))).clip(0, 255).astype(np.uint8)
        for kind, pixels in (("rgb", image), ("seg13", labels), ("depth", depth), ("normal", normals)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / kind / f"{number:04d}.png")
