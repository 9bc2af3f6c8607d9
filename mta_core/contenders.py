"""Who takes part when the cost of an attack is measured: generators, what they left behind, iterative attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from mta_core import bench, generators
from mta_core.attacks import ATTACKS, make_attack
from mta_core.devices import Device
from mta_core.explore import Subject
from mta_core.generators import GapGenerator, Generator, MtaGenerator, Patterns
from mta_core.generators.resnet import count_parameters
from mta_core.multiply_adds import multiply_adds
from mta_core.objective import make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS, suited
from mta_core.yardsticks import BUDGET, NUM_STEPS

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MAX_BATCH = 64
BATCH_SIZES = (1, 4)
"""Measured unless told otherwise; the second where memory allows."""


def precisions(device: Device) -> tuple[str, ...]:
    """The names of those that the device computes natively."""
    return tuple(name for name, dtype in PRECISIONS.items() if dtype in (torch.float32, device.fast_dtype))


@dataclass(frozen=True)
class Setup:
    """What is compared, how.

    Attributes:
        precision: one of `PRECISIONS`.
        batch_size: pictures at once.
        size: height and width of the pictures.
        ngf: width of the generators; 64 is the paper's.
        per_instance_blocks, universal_blocks: residual blocks; 10 and 4 are the paper's for NYUv2.
        tasks: of how many perturbations a picture gets; names of tasks.
        victim: what the iterative attacks attack.
        attacks: names of those.
        repeats: turns of every contender.

    Raises:
        ValueError: a number is outside its range, or a name unknown.
    """

    precision: str = "float32"
    batch_size: int = 1
    size: tuple[int, int] = (288, 384)
    ngf: int = 64
    per_instance_blocks: int = 10
    universal_blocks: int = 4
    tasks: tuple[str, ...] = tuple(t.name for t in SCENE_TASKS)
    victim: str = "dmtl"
    attacks: tuple[str, ...] = ("pgd", "deepfool")
    repeats: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"expected a precision among {', '.join(PRECISIONS)}, got {self.precision!r}")
        limits = {"batch_size": MAX_BATCH, "ngf": 256, "per_instance_blocks": 32, "universal_blocks": 32}
        for name, high in limits.items():
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"expected {name} in [1, {high}], got {getattr(self, name)}")
        known = [kind.name for kind in ATTACKS if kind.is_climbing or kind.is_iterative]
        if unknown := [name for name in self.attacks if name not in known]:
            raise ValueError(f"expected attacks among {', '.join(known)}, got {unknown[0]!r}")
        if not all(16 <= side <= 2048 for side in self.size):
            raise ValueError(f"expected a size with sides in [16, 2048], got {self.size[0]}x{self.size[1]}")

    @property
    def dtype(self) -> torch.dtype:
        return PRECISIONS[self.precision]

    @property
    def is_papers(self) -> bool:
        """Whether the architecture and the pictures are those of the paper's Table 7."""
        shape = (self.size, self.ngf, self.per_instance_blocks, self.universal_blocks, len(self.tasks))
        return shape == ((288, 384), 64, 10, 4, 3)


@dataclass(frozen=True)
class Entry:
    """One way to the perturbations of a picture, without the networks.

    Attributes:
        method: gap, mta, stored, or the name of an attack.
        inputs: of a generator: "picture", which all decoders share, or "noise", one of its own for each task.
        parameters: as many as must be stored to make the perturbations.
        multiply_adds: for a batch; None where only running it can tell.
    """

    name: str
    label: str
    method: str
    instance: str
    num_blocks: int | None
    inputs: str
    parameters: int
    multiply_adds: int | None

    @property
    def rival(self) -> str:
        """The MTA generator that it is compared with."""
        return f"mta-{self.instance}"


@dataclass(frozen=True)
class Contender:
    """Who takes turns.

    Attributes:
        network: what holds the parameters at inference.
        work: one turn on pictures (B, 3, H, W) by a seed, in pieces between which others may have theirs.
    """

    entry: Entry
    network: nn.Module
    work: Callable[[Tensor, int], Iterator[Any]]


def check(setup: Setup, device: Device) -> None:
    """Raises ValueError where the device would only emulate that precision."""
    if setup.precision not in precisions(device):
        raise ValueError(f"this device computes in {', '.join(precisions(device))}, not in {setup.precision}")


def contenders(setup: Setup, device: Device) -> tuple[list[Contender], list[str]]:
    """Everybody who can take part, and the reasons why others cannot.

    Raises:
        ValueError: the device does not compute in that precision, or there is no such victim.
    """
    check(setup, device)
    team = [_drawing(entry, generators.freeze(_network(setup, entry), device, setup.dtype)) for entry in entries(setup)]
    if not setup.attacks:
        return team, []
    attackers, notes = _attackers(setup, device)
    return team + attackers, notes


@lru_cache(maxsize=16)
def entries(setup: Setup) -> tuple[Entry, ...]:
    """The generators, and what a universal one leaves behind, counted without computing."""
    made = [
        _entry(setup, kind, instance, inputs)
        for kind, instance, inputs in (
            (GapGenerator, "per-instance", "picture"),
            (MtaGenerator, "per-instance", "picture"),
            (GapGenerator, "universal", "picture"),
            (MtaGenerator, "universal", "picture"),
            (MtaGenerator, "universal", "noise"),
        )
    ]
    height, width = setup.size
    stored = Entry(
        "stored", "Stored patterns", "stored", "universal", None, "", len(setup.tasks) * 3 * height * width, 0
    )
    return (*made, stored)


def _entry(setup: Setup, kind: type[Generator], instance: str, inputs: str) -> Entry:
    num_blocks = setup.per_instance_blocks if instance == "per-instance" else setup.universal_blocks
    method, is_noise = kind.architecture, inputs == "noise"
    with torch.device("meta"):
        generator = kind(setup.tasks, setup.ngf, num_blocks, setup.size if is_noise else None).eval()
        parameters = count_parameters(generator) - count_parameters(generator.noise)
        _leave_out_norms(generator)
        count = multiply_adds(generator, torch.empty(setup.batch_size, 3, *setup.size))
    name = f"{method}-{instance}{'-noise' if is_noise else ''}"
    label = f"{method.upper()}, {num_blocks} blocks{', a noise per task' if is_noise else ''}"
    return Entry(name, label, method, instance, num_blocks, inputs, parameters, count)


def _leave_out_norms(generator: nn.Module) -> None:
    """They multiply nothing that is counted, and take most of the time where there are shapes alone."""
    for module in generator.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())


def _network(setup: Setup, entry: Entry) -> Generator | Patterns:
    """Untrained: time and memory do not depend on what was learnt."""
    torch.manual_seed(setup.seed)
    if entry.num_blocks is None:
        patterns = Patterns(setup.tasks, setup.size)
        for direction in patterns.directions.values():
            nn.init.uniform_(direction, -1, 1)
        return patterns
    kind = GapGenerator if entry.method == "gap" else MtaGenerator
    noise_size = setup.size if entry.inputs == "noise" else None
    return kind(setup.tasks, setup.ngf, entry.num_blocks, noise_size).eval()


def _drawing(entry: Entry, network: nn.Module) -> Contender:
    return Contender(entry, network, lambda pictures, _: draw(network, pictures))


def draw(network: nn.Module, pictures: Tensor) -> Iterator[dict[str, Tensor]]:
    """The perturbations of every task, by a generator, scaled to a budget."""
    with torch.no_grad():
        made = {name: BUDGET.scale(direction) for name, direction in network(pictures).items()}
    yield made


def _attackers(setup: Setup, device: Device) -> tuple[list[Contender], list[str]]:
    victim, card, note = bench.load_or_make(setup.victim)
    notes = [note] if note else []
    if tuple(victim.input_size) != setup.size or not set(setup.tasks) <= set(card.tasks):
        answers = f"{', '.join(card.tasks)} at {victim.input_size[0]}x{victim.input_size[1]}"
        return [], [*notes, f"iterative attacks are left out: the victim {card.name} answers {answers}"]
    subject = Subject.prepare(card.name, victim, device)
    return [_attacker(setup, subject, name) for name in setup.attacks], notes


def _attacker(setup: Setup, subject: Subject, name: str) -> Contender:
    """Its work begins with a pass over the clean pictures: their answers are what is to be left."""
    attack = make_attack("pgd", num_steps=NUM_STEPS) if name == "pgd" else make_attack(name)
    network = subject.precise if setup.dtype is torch.float32 else subject.fast
    tasks = suited(setup.tasks, subject.precise.tasks)

    def work(pictures: Tensor, seed: int) -> Iterator[Any]:
        targets = pseudo_targets(subject.precise, tasks, pictures)
        problem = make_problem(network, pictures, targets, BUDGET, victim_name=subject.name, seed=seed)
        yield from attack.run(problem)

    label = f"{attack.label}, {NUM_STEPS} steps" if name == "pgd" else attack.label
    entry = Entry(name, label, name, "per-instance", None, "", count_parameters(network), None)
    return Contender(entry, network, work)
