"""Layout, folding and precision change the speed, not the answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mta_core import devices
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.generators import MtaGenerator
from mta_core.objective import make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS
from mta_core.victims import ARCHITECTURES, Victim
from tests.toys import CPU, make_pictures, make_victim, stir_batch_norm

every = pytest.mark.parametrize("kind", ARCHITECTURES, ids=lambda kind: kind.architecture)


def make_generator() -> MtaGenerator:
    torch.manual_seed(0)
    generator = MtaGenerator(["depth", "normals"], ngf=8, num_blocks=2)
    stir_batch_norm(generator, make_pictures(4))
    return generator.eval()


def num_norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@every
def test_a_frozen_victim_answers_alike(kind: type[Victim]) -> None:
    victim, pictures = make_victim(kind), make_pictures()
    frozen = CPU.freeze(victim)
    expected, found = victim(pictures), frozen(CPU.put(pictures))
    for name, answer in expected.items():
        assert found[name].dtype == torch.float32
        # Max-pooling takes either of two nearly equal values, so a few pixels may differ by more than rounding.
        difference = (found[name] - answer).abs()
        assert difference.mean() < 1e-4 and difference.quantile(0.99) < 1e-3
    assert num_norms(frozen) == 0 and num_norms(victim) > 0
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


@every
def test_half_precision_is_close(kind: type[Victim]) -> None:
    victim, pictures = make_victim(kind), make_pictures()
    exact, fast = victim(pictures), CPU.freeze(victim, torch.bfloat16)(CPU.put(pictures))
    for name, answer in exact.items():
        assert fast[name].dtype == torch.float32
        # An untrained network amplifies rounding: noise of half a grey level in the picture does more than bfloat16.
        assert correlation(fast[name], answer) > 0.6, name


def test_a_frozen_generator_answers_alike() -> None:
    generator, pictures = make_generator(), make_pictures()
    frozen = CPU.freeze(generator)
    for name, direction in generator(pictures).items():
        torch.testing.assert_close(frozen(CPU.put(pictures))[name], direction, atol=1e-4, rtol=0)
    assert num_norms(frozen) == 0


def test_freezing_leaves_the_original_alone() -> None:
    generator = make_generator().train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    CPU.freeze(generator, torch.bfloat16)
    assert generator.training and all(p.requires_grad and p.dtype == torch.float32 for p in generator.parameters())
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_pictures_are_put_channels_last_in_float32() -> None:
    put = CPU.put(make_pictures().double())
    assert put.dtype == torch.float32 and put.is_contiguous(memory_format=torch.channels_last)


def test_picks_a_device() -> None:
    assert devices.pick("cpu").torch_device.type == "cpu" and devices.pick("cpu").label.startswith("CPU")
    assert devices.pick("cpu").fast_dtype in (torch.float32, torch.bfloat16)
    assert devices.pick().torch_device.type in ("cpu", "cuda", "mps")


def test_says_which_devices_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^expected a device among auto, cpu, cuda, mps, got 'tpu'$"):
        devices.pick("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"^this machine has no cuda device: choose auto or cpu$"):
        devices.pick("cuda")


on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["pgd", "fgsm", "noise"])
def test_attacks_on_cuda_agree_with_the_cpu(name: str) -> None:
    victim, pictures, cuda = make_victim(), make_pictures(), devices.pick("cuda")
    budget, targets = Budget.from_units("linf", 0.5), pseudo_targets(victim, SCENE_TASKS, pictures)
    frozen, clean = cuda.freeze(victim), cuda.put(pictures)
    moved = {task: target.cuda() for task, target in targets.items()}
    here = make_attack(name)(make_problem(victim, pictures, targets, budget))
    there = make_attack(name)(make_problem(frozen, clean, moved, budget))
    for t in SCENE_TASKS:
        assert budget.contains(there[t.name], clean).all()
        one, other = (
            t.loss(victim(adversarial)[t.name], targets[t.name]) for adversarial in (here[t.name], there[t.name].cpu())
        )
        torch.testing.assert_close(one, other, rtol=0.02, atol=1e-4)


@on_gpu
@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu() -> None:
    victim, pictures, cuda = make_victim(), make_pictures(), devices.pick("cuda")
    found = cuda.freeze(victim)(cuda.put(pictures))
    for name, answer in victim(pictures).items():
        assert (found[name].cpu() - answer).abs().mean() < 1e-3
