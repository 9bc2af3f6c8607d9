"""What PGD over all eleven tasks of the robustness study costs, beside its floor.

The floor is `mta_core.bench`'s: as many forward passes and input gradients of the joint loss as there are steps, at the
same precision and layout, and nothing else, written out with PyTorch's own functions; once for labels everywhere, once
for labels with gaps, whose pixels the loss has to leave out. All take turns in one process, now the first one first and
now the last, so that a busy machine slows all alike; a ratio is the median of the ratios within each turn. The victim
is untrained, of the size of the short study's: time does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core import study_presets
from mta_core.attacks import JOINT, Pgd
from mta_core.bench import Clock, Figure, draw_pictures
from mta_core.budget import Budget
from mta_core.devices import Device
from mta_core.events import Event, Progress, Row
from mta_core.explore import Subject
from mta_core.objective import make_problem
from mta_core.study.plan import ALL, EPSILON, STEP_SIZE, STEPS
from mta_core.tasks import Task, suited
from mta_core.victims import EncoderDecoder, Victim
from mta_core.yardsticks import joint_loss

MAX_OVER_FLOOR = 1.1
BATCH_SIZE = 8
BUDGET = Budget.from_units("linf", EPSILON)
ATTACK = Pgd(num_steps=STEPS, step_size=STEP_SIZE)
WITH_GEOMETRY = "dDnKEpr"
"""Letters of tasks that have no label where a picture shows no geometry."""
LACKING = 0.1
"""Share of such pixels."""


def untrained(letters: str = ALL) -> Victim:
    """The short study's victim of these tasks, with random weights."""
    recipe = study_presets.short(letters)
    tasks = suited([name for name, _ in recipe.weights], dict(recipe.spaces))
    torch.manual_seed(0)
    spaces = {t.name: t.space for t in tasks}
    return EncoderDecoder(spaces, recipe.size, recipe.encoder, recipe.fraction).eval()


def labels(
    tasks: Mapping[str, Task], count: int, size: tuple[int, int], device: Device, seed: int
) -> dict[str, Tensor]:
    """Random ones of every pixel, valid in every label space: classes, or numbers in [0.1, 0.9]."""
    random = torch.Generator().manual_seed(seed)
    made = {
        name: torch.randint(0, t.channels, (count, *size), generator=random)
        if name == "segmentation"
        else device.put(0.1 + 0.8 * torch.rand(count, t.channels, *size, generator=random))
        for name, t in tasks.items()
    }
    return {name: target.to(device.torch_device) for name, target in made.items()}


def with_gaps(tasks: Mapping[str, Task], targets: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """The same without labels where there is no geometry."""
    first = next(iter(targets.values()))
    random = torch.Generator().manual_seed(seed)
    gap = (torch.rand(len(first), 1, *first.shape[-2:], generator=random) < LACKING).to(first.device)
    return {
        name: torch.where(gap, torch.nan, target) if tasks[name].letter in WITH_GEOMETRY else target
        for name, target in targets.items()
    }


def attack(victim: Victim, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """(B, 3, H, W), adversarial for all tasks at once."""
    return ATTACK(make_problem(victim, images, targets, BUDGET, scope="joint"))[JOINT]


def floor(victim: Victim, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """Forward passes and input gradients of the joint loss."""
    gradient = images
    for _ in range(STEPS):
        point = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(joint_loss(victim, point, targets), point)
    return gradient


def floor_with_gaps(victim: Victim, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """The same over labelled pixels alone; `targets` are those of `with_gaps`."""
    full = {name: t for name, t in targets.items() if not t.is_floating_point() or not t.isnan().any()}
    known = {name: (~t.isnan()).float() for name, t in targets.items() if name not in full}
    filled = {name: targets[name].nan_to_num() for name in known}
    gradient = images
    for _ in range(STEPS):
        point = images.detach().requires_grad_()
        answers = victim(point)
        losses = [
            F.l1_loss(t, answers[name]) if t.is_floating_point() else F.cross_entropy(answers[name], t)
            for name, t in full.items()
        ]
        losses += [
            (F.l1_loss(answers[name], filled[name], reduction="none") * mask).sum() / mask.sum()
            for name, mask in known.items()
        ]
        (gradient,) = torch.autograd.grad(torch.stack(losses).mean(), point)
    return gradient


def bench_study(device: Device, repeats: int, seed: int = 0) -> Iterator[Event]:
    """Progress after every turn, then a `Row` with the fields of `mta_core.bench.Figure` for each result."""
    subject = Subject.prepare("untrained", untrained(), device)
    victim, size = subject.fast, subject.precise.input_size
    tasks = {t.name: t for t in suited(victim.tasks, victim.tasks)}
    clock = Clock(device.torch_device)
    for turn in range(-1, repeats):  # the first chooses and compiles kernels
        if turn == 0:
            clock = Clock(device.torch_device)
        images = device.put(draw_pictures(BATCH_SIZE, size, seed + turn + 1))
        targets = labels(tasks, BATCH_SIZE, size, device, seed + turn + 1)
        gaps = with_gaps(tasks, targets, seed)
        work = {
            "floor": partial(floor, victim, images, targets),
            "pgd": partial(attack, victim, images, targets),
            "pgd with gaps": partial(attack, victim, images, gaps),
            "floor with gaps": partial(floor_with_gaps, victim, images, gaps),
        }
        for name in work if turn % 2 else reversed(work):
            clock.run(name, work[name])
        if turn >= 0:
            yield Progress(turn + 1, repeats, "turns", stage="timing")
    for figure in figures(clock, len(tasks)):
        yield Row(vars(figure))


def figures(clock: Clock, num_tasks: int) -> Iterator[Figure]:
    yield Figure(f"{STEPS} passes and input gradients, {num_tasks} tasks", clock.milliseconds("floor"), "ms")
    yield Figure(f"PGD-{STEPS}, joint, {num_tasks} tasks", clock.milliseconds("pgd"), "ms")
    for kind, more in (("", ""), (" with gaps", ", labels with gaps")):
        ratio = clock.ratio(f"pgd{kind}", f"floor{kind}")
        yield Figure(f"PGD over its floor{more}", ratio, "x", f"<= {MAX_OVER_FLOOR:g}", ratio <= MAX_OVER_FLOOR)
