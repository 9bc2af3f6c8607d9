"""Does a model of one's own keep what is asked of a victim? Tried once, when it is loaded."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core import label_spaces
from mta_core.victims.base import Victim, check_finite
from mta_core.victims.classifier import CLASSES
from mta_core.victims.dmtl import CHANNELS
from mta_core.weights import MAX_SIDE, MIN_SIDE, brief

CLOSE = 1e-2
"""Of the spread of an answer: as far apart may the answers to a picture be alone and beside another one. Whoever
normalises over the batch is far beyond it, rounding far below."""


def check(victim: Victim, name: str) -> None:
    """Shows it two pictures of noise, and one of them alone.

    Raises:
        ValueError: it cannot be attacked or measured; the message is one sentence.
    """
    tasks, size = victim.tasks, victim.input_size
    unknown = [space for space in tasks.values() if _channels(space) is None]
    if unknown or not tasks:
        known, got = ", ".join((*CHANNELS, *CLASSES)), ", ".join(unknown) or "no task"
        raise ValueError(f"expected {name} to answer in label spaces among {known}, or classes, got {got}")
    if not (len(size) == 2 and all(isinstance(side, int) and MIN_SIDE <= side <= MAX_SIDE for side in size)):
        raise ValueError(f"expected an input size of {name} with sides in [{MIN_SIDE}, {MAX_SIDE}], got {size}")
    pictures = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    answers = _answers(victim, pictures, name)
    for task, space in tasks.items():
        shape, wanted = _shape(answers.get(task)), (2, _channels(space), *size)
        if shape not in (wanted, (*wanted[:2], 1, 1)):
            raise ValueError(f"expected {name} to answer {task} in {space} as {wanted}, got {shape}")
    check_finite(answers, f"the victim {name}")
    _check_gradient(answers, pictures, name)
    with torch.no_grad():
        alone = _answers(victim, pictures[1:].detach(), name)
    for task, answer in answers.items():
        one, other = answer[1:].detach(), alone[task]
        if one.shape != other.shape or float((one - other).abs().mean()) > CLOSE * (float(one.std()) + 1e-6):
            raise ValueError(f"expected {name} to answer each picture for itself: {task} depends on others beside it")


def _channels(space: str) -> int | None:
    names = label_spaces.names_of(space)
    return len(names) if names else CHANNELS.get(space, CLASSES.get(space))


def _shape(answer: object) -> object:
    return tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__


def _answers(victim: Victim, pictures: Tensor, name: str) -> dict[str, Tensor]:
    height, width = pictures.shape[-2:]
    try:
        found = victim(pictures)
    except Exception as error:  # it is anybody's
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        reason = f"{type(cause).__name__}: {brief(cause)}"
        raise ValueError(f"expected {name} to answer pictures of {height}x{width}, it raised {reason}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected {name} to answer with a map for each task, by task, got {type(found).__name__}")
    return found


def _check_gradient(answers: dict[str, Tensor], pictures: Tensor, name: str) -> None:
    for task, answer in answers.items():
        expected = f"expected a gradient of {task} at the picture from {name}"
        if not answer.requires_grad:
            raise ValueError(f"{expected}, there is none: it does not follow the picture differentiably")
        weights = torch.rand(answer.shape, generator=torch.Generator().manual_seed(1))
        total = (answer * weights).sum()
        (gradient,) = torch.autograd.grad(total, pictures, retain_graph=True, allow_unused=True)
        if gradient is not None and not gradient.isfinite().all():
            raise ValueError(f"{expected}, it is NaN or infinite")
        if gradient is None or not gradient.abs().sum() > 0:
            raise ValueError(f"{expected}, there is none")
