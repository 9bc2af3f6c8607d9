"""How a victim is trained: every setting, and those of them that make no sense together."""

from __future__ import annotations

from dataclasses import dataclass

from mta_core.train import Phases

OPTIMISERS = ("adamw", "sgd")
NO_ADVERSARY, PGD = "none", "pgd"
MAX_MOMENTUM = 0.9999


@dataclass(frozen=True)
class VictimRecipe:
    """How a victim is trained; the card keeps it.

    Attributes:
        width: channels of the first stage of a SegNet.
        network: of a classifier: its name in torchvision.
        encoder, fraction: of an encoder-decoder: see `EncoderDecoder`.
        backbone: a weight file of that network, or of that encoder, to take all but what answers from; empty for a
            random start.
        data: sources with labels for every task, mixed evenly by taking `per_epoch` pictures of each.
        phases: (epochs, height, width) of each phase: whole views at a low resolution first, which cost little.
        cut_at: epoch after which it ends, its learning rate still that of all phases; 0 for none.
        whole_views: whether a phase's resolution shows the whole view, or a crop of the picture at full resolution.
        zooms: smallest and largest zoom into that, see `Augmentation.scales`.
        flips, light, noise: see `Augmentation`; noise in 1/255.
        init: name of a trained victim, or path to its card, to start from; empty for a random start.
        optimiser: `adamw`, or `sgd` with momentum.
        momentum: of `sgd`.
        learning_rate: its largest.
        schedule: how it moves, one of `mta_core.train.SCHEDULES`.
        weights: of each task's loss.
        spaces: label space of tasks that are known in several; of the others it is the only one.
        class_balance: exponent b of the class weights `(median frequency / frequency)^b` in the segmentation loss.
        adversary: whose adversarial pictures take the place of the clean ones (see `mta_core.adversaries`): `none`,
            `pgd`, or a trained generator, by its name or the path to its card.
        adversary_epsilon: L-infinity budget of these, in 1/255.
        adversary_steps: of PGD; 1 is fast adversarial training.
        adversary_step_size: of PGD, in 1/255; 0 chooses 2.5 epsilon / steps, and 1.25 epsilon for a single step.
        adversary_share: of each batch that is adversarial.
        holdout: every n-th picture of each source is kept out of training and measured instead.
        limit: only the first pictures of each source; 0 for all.
    """

    name: str = "dmtl"
    architecture: str = "dmtl"
    width: int = 32
    network: str = "shufflenet_v2_x1_0"
    encoder: str = "resnet18"
    fraction: float = 1.0
    backbone: str = ""
    data: tuple[str, ...] = ("rooms",)
    per_epoch: int = 795
    height: int = 288
    input_width: int = 384
    phases: Phases = ((40, 96, 128), (16, 192, 256), (5, 288, 384))
    cut_at: int = 0
    whole_views: bool = True
    zooms: tuple[float, float] = (1.0, 1.25)
    flips: bool = True
    light: float = 0.2
    init: str = ""
    batch_size: int = 4
    optimiser: str = "adamw"
    momentum: float = 0.99
    learning_rate: float = 1e-3
    schedule: str = "cycle"
    weight_decay: float = 1e-4
    noise: float = 8.0
    class_balance: float = 0.3
    weights: tuple[tuple[str, float], ...] = (("segmentation", 1.0), ("depth", 0.5), ("normals", 2.0))
    spaces: tuple[tuple[str, str], ...] = ()
    adversary: str = NO_ADVERSARY
    adversary_epsilon: float = 4.0
    adversary_steps: int = 3
    adversary_step_size: float = 0.0
    adversary_share: float = 1.0
    ema: float = 0.998
    holdout: int = 20
    limit: int = 0
    seed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.input_width

    def check(self) -> None:
        """Raises ValueError where settings make no sense, alone or together."""
        low, high = self.zooms
        if not 0 < low <= high:
            raise ValueError(f"expected zooms as the smallest and the largest, above 0, got {low:g} and {high:g}")
        if self.ema >= 1 or self.light > 1 or self.noise > 255:
            raise ValueError("expected ema below 1, light of at most 1 and noise of at most 255")
        names = [name for name, _ in self.weights]
        if len(set(names)) < len(names):
            raise ValueError("expected one weight for each task, got two for one")
        if stray := [name for name, _ in self.spaces if name not in names]:
            raise ValueError(f"expected spaces of tasks that have a weight, got one of {stray[0][:100]!r}")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"expected an optimiser among {', '.join(OPTIMISERS)}, got {self.optimiser[:100]!r}")
        if self.momentum > MAX_MOMENTUM:
            raise ValueError(f"expected a momentum of at most {MAX_MOMENTUM}, got {self.momentum:g}")
        self._check_adversary()

    def _check_adversary(self) -> None:
        if not self.adversary:
            raise ValueError(f"expected adversary to be {NO_ADVERSARY}, {PGD} or the name of a generator, got nothing")
        if not 0 < self.adversary_epsilon <= 16:
            raise ValueError(f"expected adversary_epsilon in (0, 16], in 1/255, got {self.adversary_epsilon:g}")
        if self.adversary_steps > 100:
            raise ValueError(f"expected at most 100 adversary_steps, got {self.adversary_steps}")
        if self.adversary_step_size > 2 * self.adversary_epsilon:
            raise ValueError(
                f"expected an adversary_step_size of at most twice adversary_epsilon, got {self.adversary_step_size:g}"
            )
        if not 0 < self.adversary_share <= 1:
            raise ValueError(f"expected adversary_share in (0, 1], got {self.adversary_share:g}")
