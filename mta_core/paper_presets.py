"""The generators of the MTA paper, at its sizes (sections 4.1 and 4.2): what `reproduce --scale paper` trains.

ngf 64; 10 residual blocks for NYUv2 per-instance, 4 for NYUv2 universal, 6 for Office-31; Adam at 2e-4; no pattern. How
long was trained the paper does not say: 60 epochs here. On NYUv2 an epoch shows every picture that is trained on once.
On Office-31 it shows 400 of each domain, whatever the number that there are, from 263 to 2,582: a decoder learns as
much from each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import get_args

from mta_core.kinds import Instance
from mta_core.train_fooling import METHODS as METHODS
from mta_core.train_generator import GeneratorRecipe

NYUV2_PICTURES = 755
"""Of the 795 for training; every 20th is held out."""
DEVIATIONS = (
    "Where the training differs from the paper's: in training a perturbation is epsilon times tanh, not the paper's "
    "map, which only an attack uses; Adam has beta1 0.5, as GAP has; one picture in 20 is held out; 60 epochs, of "
    "which the paper says nothing."
)
VICTIM_DEVIATIONS = (
    "Where the victims' training differs from the released code that the paper follows: one picture in 20 is held out, "
    "and gradients of a norm above 5 are shortened to that."
)
TARGET = "bike_helmet"
"""The class of Tables 2 and 4."""


def nyuv2(method: str, instance: str) -> GeneratorRecipe:
    """Section 4.2: batches of 5 for each task. Give the data: `--set data=nyuv2:PATH`."""
    return GeneratorRecipe(
        name=named(f"{method}-dmtl-paper", instance), victim="dmtl-paper", method=method, instance=instance, ngf=64,
        num_blocks=4 if instance == "universal" else 10, batch_size=5, learning_rate=2e-4, schedule="constant",
        phases=((60, 288, 384),), per_epoch=NYUV2_PICTURES, output_gain=0.02, output_rate=1.0, saturation=0.0,
    )  # fmt: skip


def office31(method: str, instance: str, target: str = "") -> GeneratorRecipe:
    """Section 4.1: batches of 10 for each task, against classifiers that the paper does not name. Give the data:
    `--set data=office31:PATH`."""
    return replace(
        nyuv2(method, instance), name=named(f"{method}-resnet18", instance, target), victim="resnet18",
        data=("objects",), tasks=("amazon", "dslr", "webcam"), target=target, num_blocks=6, batch_size=10,
        per_epoch=400, phases=((60, 224, 224),),
    )  # fmt: skip


def named(stem: str, instance: str, target: str = "") -> str:
    """Of a generator, for one of its kind."""
    kinds = [*(["universal"] if instance == "universal" else []), *(["targeted"] if target else [])]
    return "-".join([stem, *kinds])


INSTANCES: tuple[Instance, ...] = get_args(Instance)
GENERATORS: Mapping[str, Callable[[], GeneratorRecipe]] = {
    **{named(f"{m}-paper", i): partial(nyuv2, m, i) for m in METHODS for i in INSTANCES},
    **{
        named(f"{m}-resnet18-paper", i, t): partial(office31, m, i, t)
        for m in METHODS
        for i in INSTANCES
        for t in ("", TARGET)
    },
}
