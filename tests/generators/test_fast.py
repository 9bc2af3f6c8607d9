"""What is arranged for speed draws what the plain generator draws."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core import generators
from mta_core.generators import GapGenerator, Generator, MtaGenerator
from mta_core.generators.fast import ROWS, Decoder, Encoder, drawing_rows, padded_relu, padded_sum, relu_
from mta_core.kinds import JOINT
from mta_core.tasks import SCENE_TASKS
from tests.test_devices import correlation
from tests.toys import CPU, make_pictures, stir_batch_norm

NAMES = tuple(task.name for task in SCENE_TASKS)
KINDS: dict[str, tuple[Sequence[str], dict[str, Sequence[int]]]] = {
    "per-instance": (NAMES, {}),
    "with a pattern": (NAMES, {"pattern_size": (24, 32)}),
    "universal": (NAMES, {"noise_size": (32, 48)}),
    "universal with a pattern": (NAMES, {"noise_size": (30, 41), "pattern_size": (24, 32)}),
    "joint": ((JOINT,), {}),
    "universal and joint": ((JOINT,), {"noise_size": (32, 48)}),
}
every = pytest.mark.parametrize("architecture", (MtaGenerator, GapGenerator), ids=lambda kind: kind.architecture)


def make(architecture: type[Generator], kind: str) -> Generator:
    tasks, sizes = KINDS[kind]
    torch.manual_seed(0)
    generator = architecture(tasks, ngf=8, num_blocks=2, **sizes)
    for pattern in generator.patterns.values():
        nn.init.uniform_(pattern, -1, 1)
    stir_batch_norm(generator, make_pictures(4))
    return generator.eval()


def directions(network: nn.Module, pictures: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        found: dict[str, Tensor] = network(pictures)
    return found


@every
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(64, 96), (30, 41)])
def test_draws_what_the_plain_generator_draws(architecture: type[Generator], kind: str, size: tuple[int, int]) -> None:
    plain = make(architecture, kind)
    fast = generators.freeze(plain, CPU)
    assert all(isinstance(decoder, Decoder) for decoder in fast.decoders.values()), "it is arranged"
    pictures = make_pictures(2, *size)
    expected, found = directions(plain, pictures), directions(fast, CPU.put(pictures))
    assert tuple(found) == tuple(expected)
    for name, direction in expected.items():
        assert direction.std() > 0.01, "this would compare nothing"
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], direction, rtol=0, atol=1e-5)


@every
def test_bfloat16_draws_nearly_the_same(architecture: type[Generator]) -> None:
    plain, pictures = make(architecture, "per-instance"), make_pictures(2, 64, 96)
    fast = directions(generators.freeze(plain, CPU, torch.bfloat16), CPU.put(pictures))
    for name, direction in directions(plain, pictures).items():
        assert correlation(fast[name], direction) > 0.995


def test_the_generator_itself_stays_as_it_is() -> None:
    plain = make(MtaGenerator, "per-instance")
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    fast = generators.freeze(plain, CPU)
    assert isinstance(fast.encoder, Encoder) and not isinstance(plain.encoder, Encoder)
    after = plain.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())


def test_rows_of_a_convolution_are_drawn_as_channels() -> None:
    torch.manual_seed(0)
    conv, features = nn.Conv2d(5, 3, 7), torch.randn(2, 5, 4 * ROWS + 6, 19)
    rows = drawing_rows(conv)(features).unflatten(1, (ROWS, 3))
    expected = conv(features)
    for row in range(ROWS):
        torch.testing.assert_close(rows[:, row], expected[:, :, row::ROWS], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("border", [1, 3])
def test_padding_and_what_comes_before_it_are_one(dtype: torch.dtype, border: int) -> None:
    around = (border,) * 4
    one, other = (make_pictures(2, 8, 11, seed).to(dtype) - 0.5 for seed in (0, 1))
    assert torch.equal(padded_sum(one, other, border), F.pad(one + other, around, mode="reflect"))
    assert torch.equal(padded_relu(one, border), F.pad(one.relu(), around, mode="reflect"))
    expected = one.relu()
    assert torch.equal(relu_(one), expected) and torch.equal(one, expected)


def test_a_picture_too_small_to_reflect_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected at least 4x4 to reflect, got 3x9$"):
        padded_relu(torch.zeros(1, 2, 3, 9), 3)
