"""Every white-box attack against independent implementations, on a classifier of handwritten digits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.estimators.classification import PyTorchClassifier
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.attacks import Apgd, Attack, DeepFool, Evaluation, Fgsm, Margins, MiFgsm, Objective, Pgd, Problem
from mta_core.budget import Budget
from mta_core.tasks.base import class_margins
from mta_core.universal import push
from tests.toys import seeded

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports a name that scipy has moved
    import foolbox

NUM_CLASSES = 10


@dataclass(frozen=True)
class Digits:
    """A trained classifier and pictures that it gets right, (500, 3, 8, 8) in [0, 1], float64."""

    classifier: nn.Module
    pictures: Tensor
    labels: Tensor

    def part(self, number: int) -> Digits:
        return Digits(self.classifier, self.pictures[:number], self.labels[:number])

    def objective(self, labels: Tensor) -> Objective:
        def evaluate(images: Tensor) -> Evaluation:
            logits = self.classifier(images)
            losses = F.cross_entropy(logits, labels, reduction="none")
            maps = logits[:, :, None, None], labels[:, None, None]
            return Evaluation(losses, {"digits": losses.detach()}, lambda: Margins(class_margins(*maps)))

        return evaluate

    def attacked(self, attack: Attack, budget: Budget) -> Tensor:
        return attack(Problem(self.pictures, {"digits": self.objective(self.labels)}, budget))["digits"]

    def fooled(self, pictures: Tensor) -> float:
        """Share of the pictures whose answer is wrong."""
        return float((self.classifier(pictures).argmax(1) != self.labels).double().mean())

    def for_art(self) -> PyTorchClassifier:
        return PyTorchClassifier(
            model=self.classifier, loss=nn.CrossEntropyLoss(), input_shape=self.pictures.shape[1:],
            nb_classes=NUM_CLASSES, clip_values=(0.0, 1.0), device_type="cpu",
        )  # fmt: skip

    def for_foolbox(self) -> foolbox.PyTorchModel:
        return foolbox.PyTorchModel(self.classifier, bounds=(0, 1), device="cpu")


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


LINF, L2 = Budget.from_units("linf", 20), Budget.from_units("l2", 0.7)
budgets = pytest.mark.parametrize("budget", [LINF, L2], ids=["linf", "l2"])
EXACT: list[tuple[Attack, Callable[[], foolbox.attacks.base.Attack], Budget]] = [
    (DeepFool(50), foolbox.attacks.L2DeepFoolAttack, Budget.from_units("l2", 1e3)),
    (DeepFool(50), foolbox.attacks.LinfDeepFoolAttack, Budget.from_units("linf", 255)),
    (
        DeepFool(3, num_candidates=2, overshoot=0.1),
        lambda: foolbox.attacks.L2DeepFoolAttack(steps=3, candidates=3, overshoot=0.1),
        Budget.from_units("l2", 1e3),
    ),
]


@pytest.mark.parametrize(("attack", "peer", "budget"), EXACT, ids=["l2", "linf", "few steps and candidates"])
def test_deepfool_is_foolboxs(
    digits: Digits, attack: Attack, peer: Callable[[], foolbox.attacks.base.Attack], budget: Budget
) -> None:
    """Both follow the authors' code; the budget holds every perturbation."""
    expected = peer().run(digits.for_foolbox(), digits.pictures, foolbox.criteria.Misclassification(digits.labels))
    found = digits.attacked(attack, budget)
    assert (found - expected).abs().max() <= 1e-5
    assert digits.fooled(found) > 0.6 and budget.contains(found, digits.pictures).all()


def art_settings(budget: Budget) -> dict[str, float]:
    return {"norm": np.inf if budget is LINF else 2, "eps": budget.epsilon, "eps_step": budget.epsilon / 5}


STRENGTH: list[tuple[str, Attack, Callable[[PyTorchClassifier, Budget], evasion.EvasionAttack]]] = [
    ("fgsm", Fgsm(start=0.0), lambda model, budget: evasion.FastGradientMethod(model, **art_settings(budget))),
]
