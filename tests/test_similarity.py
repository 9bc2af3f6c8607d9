"""The similarity measures, against scikit-image and against their definitions."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from mta_core import similarity


def pair(height: int, width: int, strength: float) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(height)
    clean = torch.rand(2, 3, height, width, generator=random)
    noise = torch.randn(clean.shape, generator=random) * strength
    return (clean + noise).clamp(0, 1), clean


@pytest.mark.parametrize(("height", "width"), [(11, 11), (24, 37), (64, 48)])
@pytest.mark.parametrize("strength", [0.02, 0.5])
def test_ssim_and_psnr_agree_with_scikit_image(height: int, width: int, strength: float) -> None:
    adversarial, clean = pair(height, width, strength)
    ssim, psnr = similarity.ssim(adversarial, clean), similarity.psnr(adversarial, clean)
    for picture in range(2):
        x, y = adversarial[picture].double().numpy(), clean[picture].double().numpy()
        expected = structural_similarity(
            x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=0, data_range=1
        )
        assert ssim[picture].item() == pytest.approx(expected, abs=1e-6)
        assert psnr[picture].item() == pytest.approx(peak_signal_noise_ratio(y, x, data_range=1), abs=1e-4)


def test_equal_pictures() -> None:
    clean = pair(16, 16, 0)[1]
    torch.testing.assert_close(similarity.ssim(clean, clean), torch.ones(2))
    assert similarity.psnr(clean, clean).isposinf().all()


def test_ssim_of_a_picture_below_one_window_is_nan() -> None:
    assert similarity.ssim(*pair(10, 40, 0.1)).isnan().all()


def test_distances() -> None:
    clean = torch.zeros(2, 3, 2, 2)
    adversarial = clean.clone()
    adversarial[1, 0, 0] = torch.tensor([0.3, 0.4])
    torch.testing.assert_close(similarity.linf(adversarial, clean), torch.tensor([0.0, 0.4]))
    torch.testing.assert_close(similarity.l2(adversarial, clean), torch.tensor([0.0, 0.5]))
