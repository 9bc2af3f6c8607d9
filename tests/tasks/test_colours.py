"""Classes and depths can be told apart, also by people who see two primary colours instead of three."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from mta_core.tasks import taskonomy
from mta_core.tasks.colours import SCALE, rgb, tone
from mta_core.tasks.curvature import CORNERS
from mta_core.tasks.segmentation import CLASSES, PALETTE

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# severity 1.0, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
every = pytest.mark.parametrize("vision", VISION)


def seen(colours: np.ndarray, vision: str) -> np.ndarray:
    """(N, 3) sRGB as these eyes see it, in CIELAB."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    simulated = (linear @ np.asarray(VISION[vision]).T).clip(0, 1)
    encoded = np.where(simulated <= 0.0031308, simulated * 12.92, 1.055 * simulated ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(encoded))


@every
@pytest.mark.parametrize(
    ("names", "palette"),
    [(CLASSES, PALETTE), (taskonomy.CLASSES, taskonomy.PALETTE), tuple(zip(*CORNERS, strict=True))],
    ids=["nyu13", "taskonomy", "curvature"],
)
def test_every_two_classes_differ(vision: str, names: tuple[str, ...], palette: tuple[str, ...]) -> None:
    lab = seen(rgb(palette).double().numpy(), vision)
    distances = {
        (names[a], names[b]): float(deltaE_ciede2000(lab[a], lab[b])) for a, b in combinations(range(len(names)), 2)
    }
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] > 6, f"{closest} are {distances[closest]:.1f} apart"


@every
def test_depth_grows_lighter_all_the_way(vision: str) -> None:
    scale = SCALE[tone(torch.linspace(0, 1, 32)).long()].double().numpy()
    lightness = seen(scale, vision)[:, 0]
    assert (np.diff(lightness) > 0.5).all()


def test_values_outside_the_scale_take_its_ends() -> None:
    assert tone(torch.tensor([-torch.inf, -1, 0, 1, 2, torch.inf, torch.nan])).tolist() == [0, 0, 0, 254, 254, 254, 255]
