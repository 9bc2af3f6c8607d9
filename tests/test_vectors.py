"""Fields of vectors, against PyTorch's own functions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mta_core.vectors import across, length, unit


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_lengths_and_directions_agree_with_pytorch(layout: torch.memory_format) -> None:
    vectors = torch.randn(2, 3, 7, 5, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    torch.testing.assert_close(length(vectors, 1), vectors.norm(dim=1, keepdim=True))
    torch.testing.assert_close(unit(vectors, 1), F.normalize(vectors, dim=1))


def test_a_zero_vector_has_a_zero_direction_and_a_finite_gradient() -> None:
    vectors = torch.zeros(1, 3, 2, 2, requires_grad=True)
    direction = unit(vectors, 1)
    assert (direction == 0).all()
    (gradient,) = torch.autograd.grad(direction.sum(), vectors)
    assert gradient.isfinite().all()


def test_directions_across_a_vector_are_at_right_angles_to_it_and_to_each_other() -> None:
    axes = torch.cat([torch.eye(3), -torch.eye(3)]).T.reshape(1, 3, 6, 1)
    drawn = unit(torch.randn(1, 3, 6, 50, generator=torch.Generator().manual_seed(1)), 1)
    normals = torch.cat([axes, drawn], 3)
    first, second = across(normals)
    torch.testing.assert_close(torch.linalg.cross(first, second, dim=1), normals, atol=1e-5, rtol=0)
    for vectors in (first, second):
        torch.testing.assert_close(length(vectors, 1), torch.ones(1, 1, 6, 51), atol=1e-5, rtol=0)
    assert first[0, :, 2, 0].tolist() == [1, 0, 0] and second[0, :, 2, 0].tolist() == [0, 1, 0], "X and Y across Z"
