"""What every registered architecture keeps."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mta_core import victims, weights
from mta_core.generators.resnet import count_parameters
from mta_core.tasks import TASKS, Task, task
from mta_core.victims import ARCHITECTURES, Resized, Victim
from mta_core.victims.base import channels
from mta_core.victims.dmtl import Dmtl
from mta_core.victims.mtan import Mtan
from tests.toys import make_pictures, make_victim

every = pytest.mark.parametrize("kind", ARCHITECTURES, ids=lambda kind: kind.architecture)


def first(victim: Victim, pictures: torch.Tensor) -> torch.Tensor:
    """The answer to one of its tasks."""
    answers = victim(pictures)
    return answers["depth"] if "depth" in answers else next(iter(answers.values()))


def test_dmtl_has_the_papers_parameters() -> None:
    assert count_parameters(Dmtl(width=64)) == 25_055_185


def test_mtan_has_the_papers_parameters() -> None:
    assert count_parameters(Mtan(width=64)) == 44_229_073


@every
@pytest.mark.parametrize("size", [(64, 96), (50, 70), (33, 131), (20, 20)])
def test_answers_at_the_pictures_own_size(kind: type[Victim], size: tuple[int, int]) -> None:
    victim, pictures = make_victim(kind), make_pictures(2, *size)
    answers = victim(pictures)
    assert set(answers) == set(victim.tasks)
    for name, answer in answers.items():
        assert answer.shape == (2, task(name).channels, *(size if task(name).is_dense else (1, 1)))
        assert answer.dtype == torch.float32 and answer.isfinite().all()
    if "normals" in answers:
        length = answers["normals"].norm(dim=1)
        torch.testing.assert_close(length, torch.ones_like(length), atol=1e-4, rtol=0)


@every
def test_gradients_reach_every_pixel(kind: type[Victim]) -> None:
    victim = make_victim(kind)
    for size in ((64, 64), (50, 70)):
        pictures = make_pictures(1, *size).requires_grad_()
        (gradient,) = torch.autograd.grad(first(victim, pictures).square().sum(), pictures)
        assert gradient.isfinite().all() and (gradient.abs().sum(1) > 0).float().mean() > 0.7


@every
def test_it_is_attacked_after_somebody_asked_it_in_inference_mode(kind: type[Victim]) -> None:
    victim, pictures = make_victim(kind), make_pictures(1)
    channels.cache_clear()
    with torch.inference_mode():
        victim(pictures)
    (gradient,) = torch.autograd.grad(first(victim, pictures.requires_grad_()).square().sum(), pictures)
    assert gradient.abs().sum() > 0


@every
def test_normalises_inside(kind: type[Victim]) -> None:
    victim = make_victim(kind)
    pictures = make_pictures(1)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    name = "depth" if "depth" in victim.tasks else next(iter(victim.tasks))  # normals are made unit outside
    inside = victim.predict((pictures - mean) / std, [name])[name]
    torch.testing.assert_close(victim(pictures)[name], inside, atol=1e-5, rtol=1e-5)


@every
def test_a_picture_does_not_depend_on_its_batch(kind: type[Victim]) -> None:
    victim, pictures = make_victim(kind), make_pictures(3)
    together, alone = first(victim, pictures)[1:2], first(victim, pictures[1:2])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@every
def test_a_card_builds_it_again(kind: type[Victim]) -> None:
    victim = make_victim(kind)
    card = weights.Card("toy", "victim", kind.architecture, victim.options(), victim.tasks, (64, 64))
    again = victims.build(card).eval()
    assert type(again) is kind and again.tasks == victim.tasks and again.input_size == (64, 64)
    again.load_state_dict(victim.state_dict())
    assert torch.equal(first(again, make_pictures()), first(victim, make_pictures()))


def test_answers_only_the_tasks_it_was_made_for() -> None:
    assert set(Dmtl({"depth": "metres"}, (64, 64), width=2)(make_pictures())) == {"depth"}


@pytest.mark.parametrize("t", [t for t in TASKS if t.is_dense], ids=lambda t: f"{t.name}-{t.space}")
def test_a_head_for_every_label_space(t: Task) -> None:
    victim = Dmtl({t.name: t.space}, (64, 64), width=2).eval()
    answer = victim(make_pictures())[t.name]
    assert answer.shape == (2, t.channels, 64, 64)


@pytest.mark.parametrize("size", [(64, 64), (50, 70)])
def test_normals_are_made_unit_where_the_label_space_says_so_alone(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    unit, plain = (Dmtl({"normals": space}, (64, 64), width=4).eval() for space in ("unit-camera", "components"))
    torch.nn.init.normal_(unit.heads["normals"][1].bias, 0, 0.1)  # type: ignore[index]
    plain.load_state_dict(unit.state_dict())
    for victim in (unit, plain):
        shown = Resized(victim, size)(make_pictures(2, *size))["normals"]
        length = shown.norm(dim=1)
        is_unit = torch.allclose(length, torch.ones_like(length), atol=1e-3)
        assert is_unit == (victim is unit) and shown.shape[-2:] == size
    pictures = make_pictures()
    torch.testing.assert_close(F.normalize(plain(pictures)["normals"], dim=1), unit(pictures)["normals"])


def test_unit_normals_also_where_the_head_says_nothing() -> None:
    victim = Dmtl({"normals": "unit-camera"}, (64, 64), width=2).eval()
    for parameter in victim.heads.parameters():
        torch.nn.init.zeros_(parameter)
    assert victim(make_pictures())["normals"].isfinite().all()
