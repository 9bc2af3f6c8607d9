"""Every white-box attack against independent implementations, on a classifier of handwritten digits."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.attacks.attack import EvasionAttack
from art.estimators.classification import PyTorchClassifier
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.attacks import Apgd, Attack, DeepFool, Evaluation, Fgsm, Margins, MiFgsm, Objective, Pgd, Problem
from mta_core.budget import Budget, Norm
from mta_core.tasks.base import class_margins
from mta_core.universal import push
from tests.toys import seeded

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports a name that scipy has moved
    import foolbox

NUM_CLASSES = 10
ONE_POINT = 0.01
LINF, L2 = Budget.from_units("linf", 20), Budget.from_units("l2", 0.7)


@dataclass(frozen=True)
class Digits:
    """A trained classifier and pictures that it gets right, (500, 3, 8, 8) in [0, 1]."""

    classifier: nn.Module
    pictures: Tensor
    labels: Tensor

    def muted(self) -> Digits:
        """The same in single precision with pictures in [0.3, 0.7], of which the classifier makes the same."""
        bright = copy.deepcopy(self.classifier).float()
        return Digits(nn.Sequential(Stretched(), bright), 0.3 + 0.4 * self.pictures.float(), self.labels)

    def objective(self, labels: Tensor) -> Objective:
        def evaluate(images: Tensor) -> Evaluation:
            logits = self.classifier(images)
            losses = F.cross_entropy(logits, labels, reduction="none")
            maps = logits[:, :, None, None], labels[:, None, None]
            return Evaluation(losses, {"digits": losses.detach()}, lambda: Margins(class_margins(*maps)))

        return evaluate

    def attacked(self, attack: Attack, budget: Budget) -> Tensor:
        return attack(Problem(self.pictures, {"digits": self.objective(self.labels)}, budget))["digits"]

    def for_art(self) -> PyTorchClassifier:
        """It computes in single precision only."""
        return PyTorchClassifier(
            model=copy.deepcopy(self.classifier).float(), loss=nn.CrossEntropyLoss(),
            input_shape=tuple(self.pictures.shape[1:]), nb_classes=NUM_CLASSES, clip_values=(0.0, 1.0),
            device_type="cpu",
        )  # fmt: skip

    def attacked_by_art(self, peer: Peer, budget: Budget) -> Tensor:
        labels = F.one_hot(self.labels, NUM_CLASSES).float().numpy()
        made = peer(self.for_art(), budget).generate(self.pictures.float().numpy(), labels)
        return torch.from_numpy(made).to(self.pictures)

    def fooled(self, pictures: Tensor) -> float:
        """Share of the pictures whose answer is wrong."""
        return float((self.classifier(pictures).argmax(1) != self.labels).double().mean())


class Stretched(nn.Module):
    """[0.3, 0.7] to [0, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.3) * 2.5


@pytest.fixture(scope="module")
def digits() -> Digits:
    data = load_digits()
    pictures = torch.tensor(data.images / 16).float()[:, None].expand(-1, 3, -1, -1)
    tint = 0.6 + 0.4 * torch.rand(len(pictures), 3, 1, 1, generator=seeded(0))
    pictures, labels = pictures * tint, torch.tensor(data.target)
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Conv2d(3, 12, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12 * 36, NUM_CLASSES))
    optimiser = torch.optim.Adam(classifier.parameters(), 1e-2)
    for _ in range(60):
        loss = F.cross_entropy(classifier(pictures[:1000]), labels[:1000])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    classifier = classifier.double().eval().requires_grad_(False)
    pictures = pictures.double()
    is_right = classifier(pictures[1000:]).argmax(1) == labels[1000:]
    assert is_right.double().mean() > 0.85
    return Digits(classifier, pictures[1000:][is_right][:500], labels[1000:][is_right][:500])


PEERS: list[tuple[Attack, Callable[[], foolbox.attacks.base.Attack], Budget]] = [
    (DeepFool(50), foolbox.attacks.L2DeepFoolAttack, Budget.from_units("l2", 1e3)),
    (DeepFool(50), foolbox.attacks.LinfDeepFoolAttack, Budget.from_units("linf", 255)),
    (
        DeepFool(3, num_candidates=2, overshoot=0.1),
        lambda: foolbox.attacks.L2DeepFoolAttack(steps=3, candidates=3, overshoot=0.1),
        Budget.from_units("l2", 1e3),
    ),
]


@pytest.mark.parametrize(("attack", "peer", "budget"), PEERS, ids=["l2", "linf", "few steps and candidates"])
def test_deepfool_is_foolboxs(
    digits: Digits, attack: Attack, peer: Callable[[], foolbox.attacks.base.Attack], budget: Budget
) -> None:
    """Both follow the authors' code; the budget holds every perturbation."""
    model = foolbox.PyTorchModel(digits.classifier, bounds=(0, 1), device="cpu")
    expected = peer().run(model, digits.pictures, foolbox.criteria.Misclassification(digits.labels))
    found = digits.attacked(attack, budget)
    assert (found - expected).abs().max() <= 1e-5
    assert digits.fooled(found) > 0.5 and (found - digits.pictures).abs().amax((1, 2, 3)).min() > 1e-3


Peer = Callable[[PyTorchClassifier, Budget], EvasionAttack]


def art_settings(budget: Budget, steps: int) -> dict[str, Any]:
    """A step is twice the budget by the number of steps long."""
    norm = np.inf if budget.norm is Norm.LINF else 2
    step_size = 2 * budget.epsilon / steps
    return {"norm": norm, "eps": budget.epsilon, "eps_step": step_size, "max_iter": steps, "batch_size": 500}


def step_size(budget: Budget, steps: int) -> float:
    return 2 * budget.units / steps


GRADIENT_PEERS: list[tuple[Callable[[Budget], Attack], Peer]] = [
    (
        lambda budget: Fgsm(start=0.0),
        lambda model, budget: evasion.FastGradientMethod(model, art_settings(budget, 1)["norm"], budget.epsilon),
    ),
    (
        lambda budget: Pgd(10, step_size(budget, 10), random_start=False),
        lambda model, budget: evasion.ProjectedGradientDescentPyTorch(model, **art_settings(budget, 10), verbose=False),
    ),
    (
        lambda budget: MiFgsm(10, step_size(budget, 10), momentum=0.9, random_start=False),
        lambda model, budget: evasion.MomentumIterativeMethod(
            model, **art_settings(budget, 10), decay=0.9, verbose=False
        ),
    ),
]


@pytest.mark.parametrize(
    "budget", [Budget.from_units("linf", 8), Budget.from_units("l2", 0.28)], ids=lambda budget: budget.norm.value
)
@pytest.mark.parametrize(("make", "peer"), GRADIENT_PEERS, ids=["fgsm", "pgd", "mifgsm"])
def test_gradient_attacks_are_those_of_the_robustness_toolbox(
    digits: Digits, make: Callable[[Budget], Attack], peer: Peer, budget: Budget
) -> None:
    """All start from the clean picture. Clipping to [0, 1] and projecting into an L2 ball do not commute, so the
    pictures stay away from black and white."""
    grey = digits.muted()
    found, expected = grey.attacked(make(budget), budget), grey.attacked_by_art(peer, budget)
    assert (found - expected).abs().max() <= 1e-5
    assert abs(grey.fooled(found) - grey.fooled(expected)) <= ONE_POINT and grey.fooled(found) > 0.3


def apgd(model: PyTorchClassifier, budget: Budget) -> EvasionAttack:
    settings = {**art_settings(budget, 20), "eps_step": 2 * budget.epsilon}  # algorithm 1 begins with it
    return evasion.AutoProjectedGradientDescent(
        model, **settings, nb_random_init=1, loss_type="cross_entropy", verbose=False
    )


def deepfool(model: PyTorchClassifier, budget: Budget) -> EvasionAttack:
    return evasion.DeepFool(model, max_iter=50, epsilon=0.02, nb_grads=NUM_CLASSES, batch_size=500, verbose=False)


@pytest.mark.parametrize(
    ("attack", "peer", "budget"),
    [(Apgd(20), apgd, LINF), (Apgd(20), apgd, L2), (DeepFool(50), deepfool, L2)],
    ids=["apgd-linf", "apgd-l2", "deepfool"],
)
def test_is_as_strong_as_that_of_the_robustness_toolbox(
    digits: Digits, attack: Attack, peer: Peer, budget: Budget
) -> None:
    """Random starts differ in one, and the other overshoots once, at the end. Its DeepFool knows no budget: what is
    beyond is cut off there too."""
    found, expected = digits.attacked(attack, budget), digits.attacked_by_art(peer, budget)
    expected = budget.project_adversarial(expected, digits.pictures)
    assert abs(digits.fooled(found) - digits.fooled(expected)) <= ONE_POINT
    assert 0.3 < digits.fooled(found) < 0.9


@pytest.mark.parametrize(
    "budget", [Budget.from_units("linf", 16), Budget.from_units("l2", 0.8)], ids=lambda budget: budget.norm.value
)
def test_a_universal_perturbation_is_that_of_the_robustness_toolbox(digits: Digits, budget: Budget) -> None:
    """Learnt from the same pictures in the same order; how many others it fools."""
    grey, order = digits.muted(), random.Random(0).sample(range(60), 60)
    found, attack = torch.zeros(1, *grey.pictures.shape[1:]), DeepFool(20)
    for i in order:
        one = slice(i, i + 1)
        found, _ = push(found, grey.pictures[one], grey.objective(grey.labels[one]), budget, attack)
    settings = {"max_iter": 20, "epsilon": 0.02, "nb_grads": NUM_CLASSES, "verbose": False}
    peer = evasion.UniversalPerturbation(
        grey.for_art(), "deepfool", settings, delta=0.0, max_iter=1, eps=budget.epsilon,
        norm=art_settings(budget, 1)["norm"], verbose=False,
    )  # fmt: skip
    random.seed(0)  # it draws the same order from the global source
    peer.generate(grey.pictures[:60].numpy())
    expected = torch.from_numpy(peer.noise)
    assert F.cosine_similarity(found.flatten(), expected.flatten(), 0) > 0.99
    shares = [grey.fooled((grey.pictures + made).clamp(0, 1)) for made in (found, expected)]
    assert abs(shares[0] - shares[1]) <= ONE_POINT and shares[0] > 0.2
    assert budget.norm_of(found) <= budget.epsilon * (1 + 1e-6)
