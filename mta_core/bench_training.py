"""How fast a generator is trained: its steps beside what no implementation can avoid.

The floor of a step is one forward and backward pass of the generator, and of the victim for each perturbation, in one
piece. A step does that in pieces, so that others may have their turn, then moves the weights. Both take turns in one
process, so that a busy machine slows both alike; a ratio is the median of the ratios within each turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from mta_core import presets
from mta_core.bench import Clock, Figure, draw_pictures
from mta_core.devices import Device
from mta_core.events import Event, Progress, Row
from mta_core.train_generator import GeneratorTraining

MIN_OF_FLOOR = 0.85
MAX_TURN = 250.0
"""Milliseconds, on two cores with 4 pictures of 288x384."""
PRESET = "live"


def bench_training(victim: str, device: Device, repeats: int, seed: int = 0) -> Iterator[Event]:
    """Progress after every turn, then a `Row` with the fields of `mta_core.bench.Figure` for each result.

    Raises:
        ValueError: the victim cannot be trained against.
    """
    recipe = replace(presets.generator_preset(PRESET), victim=victim, seed=seed)
    stages = (("patterns", 0), ("networks", recipe.pattern_epochs))
    clock, longest = Clock(device.torch_device), dict.fromkeys((name for name, _ in stages), 0.0)
    training = GeneratorTraining(recipe, device)
    training.generator.train()
    for turn in range(-1, repeats):  # the first chooses and compiles kernels
        if turn == 0:
            clock = Clock(device.torch_device)
        images = device.put(draw_pictures(recipe.batch_size, training.card.input_size, seed + turn + 1))
        targets = training.targets_of(images, {}, recipe.tasks)
        for name, training.epoch in stages:
            pieces: list[float] = []
            clock.run(f"{name} floor", partial(floor, training, images, targets))
            clock.run(f"{name} step", partial(step, training, images, targets, pieces))
            longest[name] = max(longest[name], *pieces) if turn >= 0 else 0.0
        if turn >= 0:
            yield Progress(turn + 1, repeats, "turns", stage="timing")
    for name, _ in stages:
        for figure in figures(clock, name, recipe.batch_size, longest[name]):
            yield Row(vars(figure))


def floor(training: GeneratorTraining, images: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """The gradients of the mean fooling loss, in one piece."""
    training.clear_gradients()
    losses = training.fooling_losses(images, training.outputs(images), targets)
    mean = torch.stack([loss.mean() for loss in losses.values()]).mean()
    mean.backward()  # type: ignore[no-untyped-call]
    return mean.detach()


def step(training: GeneratorTraining, images: Tensor, targets: dict[str, Tensor], turns: list[float]) -> Tensor:
    """A step as the training makes it; `turns` gets the milliseconds of its pieces."""
    values: dict[str, float] = {}
    begin = time.perf_counter()
    for _ in training.take_gradients(images, targets, values):
        turns.append(1000 * (time.perf_counter() - begin))
        begin = time.perf_counter()
    training.move(0.5)
    turns.append(1000 * (time.perf_counter() - begin))
    return torch.tensor(values["loss"])


def figures(clock: Clock, stage: str, batch_size: int, longest: float) -> Iterator[Figure]:
    took, least = clock.milliseconds(f"{stage} step"), clock.milliseconds(f"{stage} floor")
    of_floor = clock.ratio(f"{stage} floor", f"{stage} step")
    yield Figure(f"{stage}: a step", took, "ms")
    yield Figure(f"{stage}: forward and backward alone", least, "ms")
    yield Figure(f"{stage}: pictures a second", 1000 * batch_size / took, "1/s")
    yield Figure(
        f"{stage}: speed over that of its floor", of_floor, "x", f">= {MIN_OF_FLOOR:g}", of_floor >= MIN_OF_FLOOR
    )
    yield Figure(
        f"{stage}: longest turn", longest, "ms", f"<= {MAX_TURN:g}", longest <= MAX_TURN, "others wait no longer"
    )
