"""How fast this device is: a victim's pass, a generator's pass, PGD over its floor, and PGD beside others.

The floor of k-step PGD is what no implementation can avoid: k forward passes and input gradients of the same victim's
joint loss, at the same precision and layout. Contenders take turns in one process, so that a busy machine slows all
alike; a ratio is the median of the ratios within each turn.
"""

from __future__ import annotations

import copy
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core import generators, presets, victims
from mta_core.attacks import JOINT, Pgd
from mta_core.devices import Device
from mta_core.events import Event, Message, Progress, Row
from mta_core.explore import Subject
from mta_core.kinds import Aim
from mta_core.objective import make_problem, pseudo_targets
from mta_core.tasks import Task, suited, task
from mta_core.victims import Victim
from mta_core.weights import Card, WeightsError
from mta_core.yardsticks import BUDGET, NUM_STEPS, bare_floor, floor, foolbox_pgd, joint_loss, plain_pgd

Piece = TypeVar("Piece")
MAX_OVER_FLOOR = 1.05
MAX_OVER_PLAIN = 0.85
MIN_STRENGTH = 0.99


@dataclass(frozen=True)
class Figure:
    """One result: milliseconds or a ratio, and what it should reach."""

    name: str
    value: float
    unit: str
    goal: str = ""
    is_reached: bool | None = None
    note: str = ""


@dataclass
class Clock:
    """Times of several contenders, turn by turn, in seconds."""

    device: torch.device
    turns: dict[str, list[float]] = field(default_factory=dict)

    def run(self, name: str, work: Callable[[], Tensor]) -> Tensor:
        self._wait()
        begin = time.perf_counter()
        result = work()
        self._wait()
        self.turns.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    def follow(self, name: str, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Passes on the pieces of one turn. What whoever asks for them does in between is not counted."""
        taken = 0.0
        while True:
            self._wait()
            begin = time.perf_counter()
            piece = next(pieces, None)
            self._wait()
            taken += time.perf_counter() - begin
            if piece is None:
                break
            yield piece
        self.turns.setdefault(name, []).append(taken)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def milliseconds(self, name: str) -> float:
        return 1000 * statistics.median(self.turns[name])

    def ratio(self, name: str, to: str) -> float:
        return statistics.median(a / b for a, b in zip(self.turns[name], self.turns[to], strict=True))


@dataclass(frozen=True)
class Ring:
    """Who competes on what.

    Attributes:
        plain: the victim in float32 and default layout, batch norm not folded, parameters frozen.
    """

    subject: Subject
    card: Card
    plain: Victim
    generator: torch.nn.Module
    tasks: tuple[Task, ...]
    note: str

    @classmethod
    def prepare(cls, name: str, device: Device) -> Ring:
        victim, card, note = load_or_make(name)
        tasks = suited(card.tasks, card.tasks)
        plain = copy.deepcopy(victim).eval().requires_grad_(False).to(device.torch_device, torch.float32)
        subject = Subject.prepare(card.name, victim, device)
        return cls(subject, card, plain, _generator(card, device), tasks, note)

    def picture(self, seed: int) -> Tensor:
        """(1, 3, H, W) in [0, 1] on the device: smooth patches with fine texture."""
        return self.subject.device.put(draw_pictures(1, self.subject.precise.input_size, seed))


def draw_pictures(count: int, size: tuple[int, int], seed: int) -> Tensor:
    """(count, 3, H, W) in [0, 1]: smooth patches with fine texture."""
    random = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.rand(count, 3, 9, 12, generator=random), size, mode="bicubic")
    return (coarse + 0.05 * torch.randn(count, 3, *size, generator=random)).clamp(0, 1)


def load_or_make(name: str) -> tuple[Victim, Card, str]:
    """The victim of that name; an untrained `dmtl` of the shipped size where there are no weights of it. Time does not
    tell them apart, strength does.

    Raises:
        WeightsError: there is no such victim, or its files are not what they should be.
    """
    recipe = presets.victim_preset("dmtl")
    if name != recipe.name or any(card.name == name for card in victims.cards()):
        victim, card = victims.load(name)
        return victim, card, ""
    spaces = {t: task(t).space for t, _ in recipe.weights}
    card = Card("untrained", "victim", recipe.architecture, {"width": recipe.width}, spaces, recipe.size)
    torch.manual_seed(0)
    return victims.build(card).eval(), card, f"no weights of {name}: an untrained victim of width {recipe.width}"


def _generator(card: Card, device: Device) -> torch.nn.Module:
    try:
        chosen = generators.choose(generators.AUTO, card, Aim(tuple(card.tasks)))
        return generators.ready(generators.AUTO, chosen, device.torch_device.type)
    except WeightsError:
        pass
    recipe = presets.generator_preset("mta")
    untrained = generators.MtaGenerator(tuple(card.tasks), recipe.ngf, recipe.num_blocks)
    return generators.freeze(untrained, device, device.fast_dtype)


def bench(ring: Ring, repeats: int, seed: int = 0) -> Iterator[Event]:
    """Progress after every turn, then a `Row` with the fields of `Figure` for each result."""
    device = ring.subject.device
    if ring.note:
        yield Message(ring.note)
    clock = Clock(device.torch_device)
    strength: dict[str, list[float]] = {}
    take_turn(ring, Clock(device.torch_device), seed - 1)  # the first pass chooses and compiles kernels
    for turn in range(repeats):
        for contender, value in take_turn(ring, clock, seed + turn).items():
            strength.setdefault(contender, []).append(value)
        yield Progress(turn + 1, repeats, "turns", stage="timing")
    for figure in figures(clock, strength):
        yield Row(vars(figure))


def take_turn(ring: Ring, clock: Clock, seed: int) -> dict[str, float]:
    """Every contender once, on one picture; returns the joint loss that each attack reached, measured in float32."""
    subject, image = ring.subject, ring.picture(seed + 1)
    clock.run("pass plain", lambda: _forward(ring.plain, image.contiguous()))
    clock.run("pass float32", lambda: _forward(subject.precise, image))
    clock.run("pass fast", lambda: _forward(subject.fast, image))
    clock.run("generator", lambda: _forward(ring.generator, image))
    targets = pseudo_targets(subject.precise, ring.tasks, image)
    problem = make_problem(subject.fast, image, targets, BUDGET, scope="joint", seed=seed + 1)
    start = (image + problem.random_start()).contiguous()
    clock.run("floor fast", lambda: floor(subject.fast, image, targets))
    clock.run("bare fast", lambda: bare_floor(subject.fast, image))
    made = {"pgd": clock.run("pgd", lambda: Pgd(num_steps=NUM_STEPS)(problem)[JOINT])}
    plain = image.contiguous()
    clock.run("floor plain", lambda: floor(ring.plain, start, targets))
    made["plain pgd"] = clock.run("plain pgd", lambda: plain_pgd(ring.plain, plain, start, targets))
    if importlib.util.find_spec("foolbox"):
        attack = foolbox_pgd(ring.plain, targets)
        made["foolbox"] = clock.run("foolbox", lambda: attack(plain))
    with torch.no_grad():
        return {name: float(joint_loss(subject.precise, picture, targets)) for name, picture in made.items()}


def _forward(network: torch.nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        answers: dict[str, Tensor] = network(image)
    return next(iter(answers.values()))


def figures(clock: Clock, strength: Mapping[str, list[float]]) -> Iterator[Figure]:
    """The results in the order in which they are read."""
    yield Figure("victim pass, float32, default layout", clock.milliseconds("pass plain"), "ms")
    yield Figure("victim pass, float32, channels last, folded", clock.milliseconds("pass float32"), "ms")
    yield Figure("victim pass, fast precision", clock.milliseconds("pass fast"), "ms")
    yield Figure("generator pass, fast precision", clock.milliseconds("generator"), "ms")
    yield Figure(f"PGD-{NUM_STEPS}, joint", clock.milliseconds("pgd"), "ms")
    yield _at_most("PGD over its floor", clock.ratio("pgd", "floor fast"), MAX_OVER_FLOOR)
    yield Figure("PGD over passes and gradients without a loss", clock.ratio("pgd", "bare fast"), "x")
    yield _at_most("PGD over plain float32 floor", clock.ratio("pgd", "floor plain"), MAX_OVER_PLAIN)
    yield _strength("PGD's loss over plain PGD's", strength["pgd"], strength["plain pgd"])
    yield Figure("plain PGD, float32", clock.milliseconds("plain pgd"), "ms")
    if "foolbox" in strength:
        yield Figure("foolbox LinfPGD, float32", clock.milliseconds("foolbox"), "ms")
        yield Figure("PGD over foolbox", clock.ratio("pgd", "foolbox"), "x")
        yield _strength("PGD's loss over foolbox's", strength["pgd"], strength["foolbox"])


def _at_most(name: str, value: float, limit: float) -> Figure:
    return Figure(name, value, "x", f"<= {limit:g}", value <= limit)


def _strength(name: str, ours: list[float], theirs: list[float]) -> Figure:
    value = sum(ours) / max(sum(theirs), 1e-12)
    return Figure(name, value, "x", f">= {MIN_STRENGTH:g}", value >= MIN_STRENGTH, "mean joint loss reached, float32")
