"""Adversarial training: whose adversarial pictures a victim learns from in place of the clean ones.

PGD climbs the joint loss of the network as it stands, from a random start: Madry et al., "Towards Deep Learning Models
Resistant to Adversarial Attacks" (ICLR 2018). With one step of 1.25 epsilon it is the fast adversarial training of
Wong et al., "Fast Is Better than Free" (ICLR 2020), which may end by resisting that single step alone: watch it.
A generator is trained already and stays as it is; its pictures cost one pass and follow another network.

PGD climbs a frozen copy in evaluation mode, batch norm with its running statistics: that is the network which an attack
meets afterwards; pictures do not see each other, so it makes no difference how they are batched; and the statistics do
not learn from half-made pictures. Pang et al., "Bag of Tricks for Adversarial Training" (ICLR 2021), find it no weaker
as a defence, and better on clean pictures. The copy has batch norm folded and the device's fast precision, as attacks
have elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence

import torch
from torch import Tensor

from mta_core import distributed, generators, weights
from mta_core.attacks.base import Evaluation, Problem
from mta_core.attacks.pgd import Pgd
from mta_core.budget import Budget
from mta_core.devices import Device
from mta_core.events import Pause
from mta_core.kinds import JOINT
from mta_core.tasks import Task
from mta_core.turns import PAUSE, windows
from mta_core.victim_recipe import NO_ADVERSARY, PGD, VictimRecipe
from mta_core.victims import Victim

MAX_STEP = 16.0
"""Of PGD, in 1/255."""


class Adversary(ABC):
    """Makes adversarial pictures of a budget."""

    def __init__(self, recipe: VictimRecipe, tasks: Sequence[Task], device: Device) -> None:
        self.budget = Budget.from_units("linf", recipe.adversary_epsilon)
        self.tasks, self.device = tasks, device
        self.share, self.size = recipe.adversary_share, recipe.size

    builds_on: str = ""
    """sha256 of the weights that it needs; empty where it needs none."""

    def renew(self, victim: Victim) -> None:  # noqa: B027, most need not know
        """Tells it, before each batch, how the network in training is now."""

    @abstractmethod
    def make(
        self, clean: Tensor, targets: Mapping[str, Tensor], seed: int, first: int
    ) -> Generator[Pause, None, Tensor]:
        """Adversarial pictures (B, 3, H, W) of clean ones, inside the budget and [0, 1], with a turn for others between
        two passes.

        Args:
            targets: labels of every task.
            seed, first: of this batch, and the number of the first of these pictures in it; all that is random follows
                from them, whatever parts of a batch are made at once.
        """

    def places(self, count: int) -> Tensor:
        """Where the `count` pictures of this process stand in the whole batch, (count,) int64; -1 for those that stay
        clean, which are the last ones."""
        counts = distributed.gathered(count)
        begin, attacked = sum(counts[: distributed.rank()]), max(1, round(self.share * sum(counts)))
        places = torch.arange(begin, begin + count)
        return torch.where(places < attacked, places, -1)

    def replace(
        self, clean: Tensor, places: Tensor, targets: Mapping[str, Tensor], seed: int
    ) -> Generator[Pause, None, Tensor]:
        """The pictures with the adversarial ones in their places, as `places` says."""
        attacked = int((places >= 0).sum())
        made = []
        for window in windows(attacked, clean.shape[-2:], self.device.torch_device):
            cut = {name: target[window] for name, target in targets.items()}
            made.append((yield from self.make(clean[window], cut, seed, int(places[window.start]))))
        return torch.cat([*made, clean[attacked:]]).contiguous(memory_format=torch.channels_last)


class PgdAdversary(Adversary):
    """Climbs the joint loss of the network in training."""

    def __init__(self, recipe: VictimRecipe, tasks: Sequence[Task], device: Device) -> None:
        super().__init__(recipe, tasks, device)
        single = 1.25 * recipe.adversary_epsilon if recipe.adversary_steps == 1 else 0.0
        step_size = min(recipe.adversary_step_size or single, MAX_STEP)
        self.attack = Pgd(num_steps=recipe.adversary_steps, step_size=step_size)
        self.weights = dict(recipe.weights)
        self.victim: Victim | None = None

    def renew(self, victim: Victim) -> None:
        self.victim = self.device.freeze(victim, self.device.fast_dtype)

    def make(
        self, clean: Tensor, targets: Mapping[str, Tensor], seed: int, first: int
    ) -> Generator[Pause, None, Tensor]:
        victim, truths = self.victim, {t.name: t.ready(targets[t.name]) for t in self.tasks}
        assert victim is not None, "renew comes first"

        def joint(images: Tensor) -> Evaluation:
            answers = victim(images)
            losses = {t.name: t.loss_on(answers[t.name], truths[t.name]) for t in self.tasks}
            value = torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum(0)
            return Evaluation(value, {name: loss.detach() for name, loss in losses.items()})

        adversarial = clean
        for step in self.attack.run(Problem(clean, {JOINT: joint}, self.budget, seed=seed, first=first)):
            adversarial = step.adversarial
            yield PAUSE
        return adversarial


class GeneratorAdversary(Adversary):
    """Adds what a trained generator draws; where it draws a perturbation for each task, pictures take them in turn.

    Raises:
        WeightsError: there is no such generator.
        ValueError: it fools other tasks.
    """

    def __init__(self, recipe: VictimRecipe, tasks: Sequence[Task], device: Device) -> None:
        super().__init__(recipe, tasks, device)
        name = recipe.adversary
        card, _ = weights.find_card("generator", name)
        known = [t.name for t in tasks]
        if not set(card.tasks) <= set(known):
            raise ValueError(
                f"expected as adversary a generator for some of {', '.join(known)}; {card.name} is for "
                f"{', '.join(card.tasks)}"
            )
        self.builds_on = card.sha256
        self.generator = generators.ready(name, card, device.torch_device.type)
        self.names = (JOINT,) if generators.scope_of(card) == JOINT else tuple(card.tasks)

    def make(
        self, clean: Tensor, targets: Mapping[str, Tensor], seed: int, first: int
    ) -> Generator[Pause, None, Tensor]:
        with torch.no_grad():
            drawn = self.generator(clean, self.names)
        turns = [self.names[(seed + first + number) % len(self.names)] for number in range(len(clean))]
        directions = torch.stack([drawn[name][number] for number, name in enumerate(turns)])
        yield PAUSE
        return self.budget.project_adversarial(clean + self.budget.scale(directions), clean)


def make_adversary(recipe: VictimRecipe, tasks: Sequence[Task], device: Device) -> Adversary | None:
    """The adversary that a recipe names; None where it names none.

    Raises:
        ValueError: there is no such generator, or it fools other tasks.
    """
    if recipe.adversary == NO_ADVERSARY:
        return None
    kind = PgdAdversary if recipe.adversary == PGD else GeneratorAdversary
    return kind(recipe, tasks, device)
