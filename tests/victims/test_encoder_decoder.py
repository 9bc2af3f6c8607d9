"""The victims of the robustness study: their sizes, their tasks, and weights to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models

from mta_core import victims
from mta_core.generators.resnet import count_parameters
from mta_core.multiply_adds import multiply_adds
from mta_core.tasks import TASKS
from mta_core.victims.dmtl import CHANNELS
from mta_core.victims.encoder_decoder import EncoderDecoder, table1_cost
from mta_core.victims.encoders import ENCODERS, make_encoder
from mta_core.weights import Card, WeightsError
from tests.toys import CPU, make_pictures, stir_batch_norm

PAIR = {"depth": "metres", "normals": "unit-camera"}
"""Four channels of answers, as the pairs of Table 1 have."""
TABLE_1 = {
    "resnet18": (14.19, 6.09), "resnet50": (29.66, 9.90), "xception": (4.33, 3.64), "resnet152": (64.30, 19.64),
    "wide_resnet50_2": (72.99, 19.45),
}  # fmt: skip
"""Millions of parameters, billions of operations."""
OURS = {
    "resnet18": (14_186_692, 4_532_994_048), "resnet50": (29_663_940, 7_703_887_872),
    "xception": (4_320_904, 2_816_737_280), "resnet152": (64_299_716, 17_401_118_720),
    "wide_resnet50_2": (72_990_148, 17_250_123_776),
}  # fmt: skip
"""Parameters and multiply-adds."""


def on_meta(encoder: str, **options: Any) -> EncoderDecoder:
    with torch.device("meta"):
        return EncoderDecoder(PAIR, encoder=encoder, **options).eval()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_sizes_and_costs_beside_table_1(encoder: str) -> None:
    victim = on_meta(encoder)
    parameters, products = OURS[encoder]
    assert count_parameters(victim) == parameters
    made = multiply_adds(victim.encoder, torch.empty(1, 3, 256, 256, device="meta"))
    features = torch.empty(1, victim.encoder.channels, *(2 * [256 // victim.encoder.stride]), device="meta")
    made += sum(multiply_adds(decoder, features) for decoder in victim.decoders.values())
    assert made == products
    size, cost = TABLE_1[encoder]
    off = 0.004 if encoder == "xception" else 0.0005
    assert parameters / 1e6 == pytest.approx(size, rel=off)
    assert table1_cost(victim) / 1e9 == pytest.approx(cost, rel=off)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_answers_any_subset_of_tasks(encoder: str) -> None:
    tasks = {"segmentation": "nyu13", "curvature": "curvatures", "normals": "components"}
    victim = EncoderDecoder(tasks, (64, 96), encoder, fraction=0.125)
    stir_batch_norm(victim, make_pictures(2, 64, 96))
    pictures = make_pictures(2, 64, 96)
    with torch.no_grad():
        answers = victim.eval()(pictures)
        alone = victim(pictures, ["curvature"])
    assert {name: tuple(answer.shape) for name, answer in answers.items()} == {
        "segmentation": (2, 13, 64, 96), "curvature": (2, 2, 64, 96), "normals": (2, 3, 64, 96),
    }  # fmt: skip
    assert list(alone) == ["curvature"] and torch.equal(alone["curvature"], answers["curvature"])
    length = answers["normals"].norm(dim=1)
    assert (length - 1).abs().max() > 0.01, "components are not made unit"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_folding_leaves_no_batch_norm_and_the_same_answers(encoder: str) -> None:
    victim = EncoderDecoder(PAIR, (64, 64), encoder, fraction=0.125)
    stir_batch_norm(victim, make_pictures(8, 128, 128, seed=9))
    pictures, frozen = make_pictures(), CPU.freeze(victim.eval())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in frozen.modules())
    for name, answer in victim(pictures).items():
        off = (frozen(pictures)[name] - answer).abs()
        assert off.mean() < 1e-3 * answer.abs().mean()


def test_channels_are_those_of_the_tasks() -> None:
    found = [t for t in TASKS if t.is_dense]
    assert len(found) >= 3
    for t in found:
        assert CHANNELS[t.space] == t.channels, (t.name, t.space)


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name != "xception"])
def test_the_encoders_are_torchvisions(encoder: str) -> None:
    with torch.device("meta"):
        own, theirs = make_encoder(encoder).state_dict(), models.get_model(encoder, weights=None).state_dict()
    kept = {name: value.shape for name, value in theirs.items() if not name.startswith("fc.")}
    assert {name: value.shape for name, value in own.items()} == kept


def test_starts_from_torchvisions_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trained = models.resnet18(weights=None)
    stir_batch_norm(trained, make_pictures(4))
    torch.save(trained.state_dict(), tmp_path / "net.pth")
    victim = EncoderDecoder({"depth": "metres"}, (64, 64))
    victim.load_backbone(tmp_path / "net.pth")
    features: list[torch.Tensor] = []
    trained.layer4.register_forward_hook(lambda _, __, made: features.append(made))
    trained.eval()(make_pictures())
    assert torch.equal(victim.eval().encoder(make_pictures()), features[0])
    with pytest.raises(WeightsError, match=r"^expected torchvision's weights of resnet50, got .*net\.pth: its layers"):
        EncoderDecoder({"depth": "metres"}, (64, 64), "resnet50").load_backbone(tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="its layers are those of another network"):
        EncoderDecoder({"depth": "metres"}, (64, 64), fraction=0.5).load_backbone(tmp_path / "net.pth")


def test_a_light_one_is_light() -> None:
    assert count_parameters(on_meta("resnet18", fraction=0.25)) == 894_436


@pytest.mark.parametrize(
    ("options", "tasks", "message"),
    [
        ({"encoder": "vgg16"}, PAIR, "expected an encoder among resnet18, .*, xception, got 'vgg16'"),
        ({"encoder": 5}, PAIR, "expected an encoder among"),
        ({"fraction": 3.0}, PAIR, r"expected a fraction of the channels in \[0.05, 2.0\], got 3.0"),
        ({"fraction": float("nan")}, PAIR, "expected a fraction"),
        ({"fraction": "wide"}, PAIR, "expected a fraction"),
        ({"fraction": True}, PAIR, "expected a fraction"),
        ({}, {"segmentation": "ade20k"}, "expected tasks in label spaces among nyu13, .*, got ade20k"),
        ({"width": 4}, PAIR, "unexpected keyword argument 'width'"),
    ],
)
def test_a_card_that_asks_for_nonsense_is_refused(options: dict[str, Any], tasks: dict[str, str], message: str) -> None:
    with pytest.raises(WeightsError, match=f"the card of odd does not fit encoder-decoder: .*{message}"):
        victims.build(Card("odd", "victim", "encoder-decoder", options, tasks, (64, 64)))


def test_no_task_is_no_victim() -> None:
    with pytest.raises(ValueError, match=r"expected tasks in label spaces among .*, got none"):
        EncoderDecoder({})
