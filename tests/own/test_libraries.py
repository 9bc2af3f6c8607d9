"""Victims of torchvision and of Hugging Face transformers: small untrained models of the real classes, from files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torchvision import models

from mta_core import victims
from mta_core.devices import Device
from mta_core.explore import Subject
from mta_core.objective import pseudo_targets
from mta_core.tasks import answered
from mta_core.victims import Adapted, from_transformers, own
from tests import toys

VOC = models.segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT.meta["categories"]
SIZE = (64, 96)


@pytest.fixture(autouse=True)
def nobody_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_allowed", set())
    monkeypatch.delenv(own.VARIABLE, raising=False)


def load(name: str) -> tuple[Adapted, Any]:
    victims.allow(name)
    victim, card = victims.load(name)
    assert isinstance(victim, Adapted) and card.name == name and len(card.sha256) == 64
    return victim, card


def assert_alike(one: Tensor, other: Tensor) -> None:
    """To what rounding makes of it in an untrained network of many layers: far below what anything else would."""
    assert one.shape == other.shape
    assert float((one - other).abs().mean()) <= 0.01 * float(other.std()) + 1e-5


def check_contract(victim: Adapted) -> None:
    """What every registered victim keeps."""
    for size in ((64, 96), (50, 70)):
        pictures = toys.make_pictures(2, *size).requires_grad_()
        answers = victim(pictures)
        assert set(answers) == set(victim.tasks)
        for t in answered(victim.tasks):
            answer = answers[t.name]
            assert answer.shape == (2, t.channels, *size) and answer.dtype == torch.float32
            assert answer.isfinite().all()
            (gradient,) = torch.autograd.grad(answer.square().sum(), pictures, retain_graph=True)
            assert gradient.isfinite().all() and (gradient.abs().sum(1) > 0).float().mean() > 0.7
            alone = victim(pictures[1:].detach())[t.name]
            assert_alike(alone, answer[1:].detach())
            assert victim(pictures[:1].detach(), [t.name]).keys() == {t.name}
    assert answered(victim.tasks) and not any(parameter.requires_grad for parameter in victim.parameters())


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files as people have them: the library's classes or one's own, with an auxiliary head or without."""
    folder, files = tmp_path_factory.mktemp("torchvision"), {}
    for name, more in (
        ("lraspp_mobilenet_v3_large", {"num_classes": 21}),
        ("deeplabv3_mobilenet_v3_large", {"num_classes": 5, "aux_loss": True}),
    ):
        torch.manual_seed(1)
        network = models.get_model(name, weights=None, weights_backbone=None, **more)
        toys.stir_batch_norm(Maps(network), toys.make_pictures(4, *SIZE))
        files[name] = folder / f"{name}.pth"
        torch.save(network.state_dict(), files[name])
        files[f"{name}, safetensors"] = folder / f"{name}.safetensors"
        save_file(
            {key: value.contiguous() for key, value in network.state_dict().items()}, files[f"{name}, safetensors"]
        )
    return files


class TestTorchvision:
    def test_it_answers_the_librarys_classes(self, networks: dict[str, Path]) -> None:
        name = "lraspp_mobilenet_v3_large"
        victim, card = load(f"torchvision:{name}?weights={networks[name]}&size=64x96")
        check_contract(victim)
        (t,) = answered(victim.tasks)
        assert list(t.classes) == VOC  # type: ignore[attr-defined]
        assert victim.input_size == SIZE and card.summary == f"torchvision's {name}, 21 classes"
        pictures = toys.make_pictures(2, *SIZE)
        network = models.get_model(name, weights=None, weights_backbone=None, num_classes=21).eval()
        network.load_state_dict(torch.load(networks[name]))
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        with torch.no_grad():
            expected = network((pictures - mean) / std)["out"]
        assert_alike(victim(pictures)["segmentation"], expected)
        other = load(f"torchvision:{name}?weights={networks[f'{name}, safetensors']}&size=64x96")[1]
        assert other.sha256 == card.sha256, "the same weights, however they are stored"

    def test_it_answers_ones_own_classes_and_needs_no_auxiliary_head(
        self, networks: dict[str, Path], tmp_path: Path
    ) -> None:
        name, file = "deeplabv3_mobilenet_v3_large", tmp_path / "classes.json"
        spec = f"torchvision:{name}?weights={networks[name]}&size=64x96"
        victim, _ = load(spec)
        check_contract(victim)
        (t,) = answered(victim.tasks)
        assert t.classes == tuple(f"class {i}" for i in range(5))  # type: ignore[attr-defined]
        assert victim.network.aux_classifier is None
        file.write_text(json.dumps(["none", "crack", "stain", "hole", "dirt"]))
        (t,) = answered(load(f"{spec}&classes={file}")[0].tasks)
        assert t.classes == ("none", "crack", "stain", "hole", "dirt")  # type: ignore[attr-defined]
        file.write_text(json.dumps(["none", "crack"]))
        with pytest.raises(ValueError, match=r"^expected a list of 5 names of classes in .*: it is something else$"):
            load(f"{spec}&classes={file}")

    def test_it_may_be_fused_and_rounded(self, networks: dict[str, Path]) -> None:
        name = "lraspp_mobilenet_v3_large"
        victim, _ = load(f"torchvision:{name}?weights={networks[name]}&size=64x96")
        fast = Device(torch.device("cpu"), torch.bfloat16, "CPU, bfloat16")
        subject, pictures = Subject.prepare("own", victim, fast), toys.make_pictures(2, *SIZE)
        exact = victim(pictures)["segmentation"]
        assert_alike(subject.precise(pictures)["segmentation"], exact)
        assert not subject.is_exact
        assert next(subject.fast.parameters()).dtype == torch.bfloat16
        assert subject.fast(pictures)["segmentation"].isfinite().all(), "how close it is, only a trained one can tell"

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("resnet18?weights=x", r"^expected a network among deeplabv3_mobilenet_v3_large, .*, got 'resnet18'$"),
            ("fcn_resnet50", r"^expected weights for fcn_resnet50: .*\?weights=FILE, or weights=DEFAULT to fetch"),
            ("fcn_resnet50?weights=/nowhere.pth", r"^expected weights of torchvision's fcn_resnet50, got /nowhere"),
            ("fcn_resnet50?weights={lraspp}", r"its layers are those of another network$"),
            ("lraspp_mobilenet_v3_large?weights={pickle}", r"it is no file of tensors alone$"),
            ("lraspp_mobilenet_v3_large?weights={other}", r"it has no layer that tells classes apart$"),
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, networks: dict[str, Path], tmp_path: Path, name: str, says: str) -> None:
        torch.save({"run": print}, tmp_path / "pickle.pth")
        torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
        files = {kind: tmp_path / f"{kind}.pth" for kind in ("pickle", "other")}
        with pytest.raises(ValueError, match=says):
            load(f"torchvision:{name}".format(lraspp=networks["lraspp_mobilenet_v3_large"], **files))

    def test_weights_are_fetched_only_where_they_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fetched = []

        def refuse(url: str, *_: object, **__: object) -> None:
            fetched.append(url)
            raise OSError("no network")

        monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
        monkeypatch.setattr("torch.hub.get_dir", lambda: "/nowhere")
        monkeypatch.setattr("os.makedirs", lambda *_, **__: None)
        with pytest.raises(
            ValueError, match=r"^expected to fetch https://.*: no network; weights=FILE takes them from a f"
        ):
            load("torchvision:lraspp_mobilenet_v3_large?weights=DEFAULT")
        assert len(fetched) == 1


class Maps(torch.nn.Module):
    """Only the maps, so that statistics of batch norm can be drawn."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        found: Tensor = self.network(pictures)["out"]
        return found


NAMES = {0: "wall", 1: "floor", 2: "cabinet, shelf", 3: "sky"}
SMALL = {"height": 64, "width": 64}


def segformer(library: Any) -> tuple[Any, Any]:
    config = library.SegformerConfig(
        depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1] * 4, decoder_hidden_size=8, id2label=NAMES
    )
    return library.SegformerForSemanticSegmentation(config), library.SegformerImageProcessor(size=SMALL)


def mobilevit(library: Any) -> tuple[Any, Any]:
    config = library.MobileViTConfig(
        hidden_sizes=[8, 8, 8], neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16], num_attention_heads=1, image_size=64,
        aspp_out_channels=8, id2label=NAMES,
    )  # fmt: skip
    processor = library.MobileViTImageProcessor(size={"shortest_edge": 70}, crop_size=SMALL)
    return library.MobileViTForSemanticSegmentation(config), processor


def maskformer(library: Any) -> tuple[Any, Any]:
    names = ["stage1", "stage2", "stage3", "stage4"]
    backbone = library.SwinConfig(
        embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=2, image_size=64, out_features=names
    )
    decoder = library.DetrConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=5, use_timm_backbone=False, backbone=None,
        use_pretrained_backbone=False, backbone_config=library.ResNetConfig(),
    )  # fmt: skip
    config = library.MaskFormerConfig(
        backbone_config=backbone, decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32, id2label=NAMES
    )
    return library.MaskFormerForInstanceSegmentation(config), library.MaskFormerImageProcessor(size=SMALL)


def dpt(library: Any) -> tuple[Any, Any]:
    config = library.DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=64,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8] * 4, fusion_hidden_size=8,
    )  # fmt: skip
    return library.DPTForDepthEstimation(config), library.DPTImageProcessor(size=SMALL)


def glpn(library: Any) -> tuple[Any, Any]:
    config = library.GLPNConfig(
        depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1] * 4, decoder_hidden_size=8
    )
    return library.GLPNForDepthEstimation(config), library.GLPNImageProcessor()


def depth_anything(library: Any, **more: Any) -> tuple[Any, Any]:
    backbone = library.Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = library.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, patch_size=14, neck_hidden_sizes=[8] * 4,
        fusion_hidden_size=8, head_hidden_size=8, **more,
    )  # fmt: skip
    processor = library.DPTImageProcessor(
        size={"height": 56, "width": 56}, ensure_multiple_of=14, rescale_factor=1 / 51
    )
    return library.DepthAnythingForDepthEstimation(config), processor


def metric(library: Any) -> tuple[Any, Any]:
    return depth_anything(library, depth_estimation_type="metric", max_depth=20)


def depth_pro(library: Any, **more: Any) -> tuple[Any, Any]:
    encoder = {
        "model_type": "dinov2", "num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2, "patch_size": 4,
        "image_size": 16, "mlp_ratio": 2,
    }  # fmt: skip
    config = library.DepthProConfig(
        fusion_hidden_size=8, patch_size=16, intermediate_hook_ids=[1, 0], intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1.0], scaled_images_overlap_ratios=[0.0, 0.2], scaled_images_feature_dims=[8, 8],
        num_fov_head_layers=0, image_model_config=dict(encoder), patch_model_config=dict(encoder),
        fov_model_config=dict(encoder), **{"use_fov_model": True, **more},
    )  # fmt: skip
    network = library.DepthProForDepthEstimation(config)
    ends = [(network.head.layers[-2], 0.5)]  # at random it is all infinitely far, where nothing changes it
    if network.use_fov_model:
        ends.append((network.fov_model.head.layers[-1], 60.0))
    with torch.no_grad():
        for last, usual in ends:
            last.weight.mul_(1e-3)
            last.bias.fill_(usual)
    return network, library.DepthProImageProcessor(size=SMALL)


def without_field(library: Any) -> tuple[Any, Any]:
    return depth_pro(library, use_fov_model=False)


def projected(library: Any) -> tuple[Any, Any]:
    network, processor = dpt(library)
    return type(network)(type(network.config)(**{**network.config.to_dict(), "add_projection": True})), processor


@pytest.fixture(scope="module")
def library() -> Any:
    found = pytest.importorskip("transformers")
    found.utils.logging.disable_progress_bar()
    return found


@pytest.fixture(scope="module")
def folder(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Where a model of some kind lies, as its maker publishes it."""
    made: dict[str, Path] = {}

    def folder_of(make: Callable[[Any], tuple[Any, Any]]) -> Path:
        if make.__name__ not in made:
            torch.manual_seed(2)
            network, processor = make(library)
            if make is mobilevit:  # else no signal comes through
                toys.stir_batch_norm(network, toys.make_pictures(4, 64, 64))
            made[make.__name__] = tmp_path_factory.mktemp(make.__name__)
            for part in (network, processor):
                part.save_pretrained(made[make.__name__])
        return made[make.__name__]

    yield folder_of


class TestTransformers:
    @pytest.mark.parametrize("make", [segformer, mobilevit, maskformer], ids=lambda make: make.__name__)
    def test_models_that_segment(self, folder: Callable[..., Path], make: Callable[..., Any]) -> None:
        victim, card = load(f"transformers:{folder(make)}")
        check_contract(victim)
        (t,) = answered(card.tasks)
        assert t.classes == ("wall", "floor", "cabinet / shelf", "sky") and card.input_size == (64, 64)  # type: ignore[attr-defined]
        assert not victim.is_known and "4 classes" in card.summary

    @pytest.mark.parametrize(
        ("make", "space", "size"),
        [
            (dpt, "relative", ""),
            (glpn, "metres", "?size=64x96"),
            (depth_anything, "relative", ""),
            (metric, "metres", ""),
            (depth_pro, "metres", ""),
            (without_field, "relative", ""),
        ],
        ids=["dpt", "glpn", "depth_anything", "metric", "depth_pro", "without_field"],
    )
    def test_models_that_estimate_depth(
        self, folder: Callable[..., Path], make: Callable[..., Any], space: str, size: str
    ) -> None:
        victim, card = load(f"transformers:{folder(make)}{size}")
        check_contract(victim)
        assert card.tasks == {"depth": space}
        said = "relative inverse depth" if space == "relative" else "depth in metres"
        assert card.summary.endswith(f"of Hugging Face transformers, {said}")

    def test_it_answers_what_the_library_answers(self, library: Any, folder: Callable[..., Path]) -> None:
        victim, _ = load(f"transformers:{folder(segformer)}")
        pictures = (toys.make_pictures(2, 64, 64) * 255).round() / 255
        network, processor = segformer(library)
        network.load_state_dict(victim.network.state_dict())
        inputs = processor([(p.movedim(0, -1) * 255).byte().numpy() for p in pictures], return_tensors="pt")
        with torch.no_grad():
            logits = network.eval()(**inputs).logits
        expected = F.interpolate(logits, (64, 64), mode="bilinear")
        torch.testing.assert_close(victim(pictures)["segmentation"], expected, atol=1e-4, rtol=1e-4)

    def test_depth_pro_answers_the_metres_that_the_library_answers(
        self, library: Any, folder: Callable[..., Path]
    ) -> None:
        victim, _ = load(f"transformers:{folder(depth_pro)}")
        picture = (toys.make_pictures(1, 64, 64) * 255).round() / 255
        processor = library.DepthProImageProcessor(size=SMALL)
        inputs = processor((picture[0].movedim(0, -1) * 255).byte().numpy(), return_tensors="pt")
        with torch.no_grad():
            found = victim.network(**inputs)
            size = tuple(found.predicted_depth.shape[-2:])  # as it is answered: nothing is resized
            (expected,) = processor.post_process_depth_estimation(found, target_sizes=[size])
            answer = victim.predict(inputs["pixel_values"], ["depth"])["depth"]
        torch.testing.assert_close(answer[0, 0], expected["predicted_depth"], rtol=1e-4, atol=1e-4)

    def test_a_size_that_nothing_is_cropped_to_does_not_count(self, library: Any) -> None:
        big = {"height": 96, "width": 128}
        crops = library.BeitImageProcessor(size=big, crop_size=SMALL, do_center_crop=True)
        whole = library.BeitImageProcessor(size=big, crop_size=SMALL)
        assert (from_transformers._size(crops), from_transformers._size(whole)) == ((64, 64), (96, 128))

    def test_channels_and_scale_are_the_processors(self, library: Any, folder: Callable[..., Path]) -> None:
        flipped, _ = load(f"transformers:{folder(mobilevit)}")
        assert flipped.is_bgr and flipped.mean == (0.0,) * 3 and flipped.std == (1.0,) * 3
        assert load(f"transformers:{folder(glpn)}?size=64x64")[0].std == (1.0,) * 3
        scaled, _ = load(f"transformers:{folder(depth_anything)}")  # times 5 before it is normalised
        assert scaled.mean == pytest.approx((0.1,) * 3) and scaled.std == pytest.approx((0.1,) * 3)

    def test_masks_of_queries_are_shares_of_classes(self, folder: Callable[..., Path]) -> None:
        victim, _ = load(f"transformers:{folder(maskformer)}")
        pictures = toys.make_pictures(1, 64, 64)
        with torch.no_grad():
            found = victim.network((pictures - 0.5) / 0.5)
        assert found.class_queries_logits.shape[-1] == 5 and victim.mean != (0.5,) * 3
        seen = victim.predict((pictures - 0.5) / 0.5, victim.tasks)["segmentation"].exp()
        classes, masks = found.class_queries_logits[0].softmax(-1), found.masks_queries_logits[0].sigmoid()
        expected = sum(classes[q, :4, None, None] * masks[q] for q in range(len(classes)))
        torch.testing.assert_close(seen[0], expected, atol=1e-5, rtol=1e-3)  # type: ignore[arg-type]

    def test_a_label_space_of_its_own_has_a_task_that_measures_and_shows_it(self, folder: Callable[..., Path]) -> None:
        victim, _ = load(f"transformers:{folder(segformer)}")
        (t,) = answered(victim.tasks)
        pictures = toys.make_pictures(2, 64, 64)
        targets = pseudo_targets(victim, [t], pictures)["segmentation"]
        answer = victim(pictures)["segmentation"]
        assert t.measures_of(t.statistics(t.decode(answer), targets))["pixel_accuracy"].tolist() == [1, 1]
        assert t.colour(targets).shape == (2, 3, 64, 64)
        assert {name for name, _ in t.legend(targets).entries} <= set(t.goals)
        assert t.everywhere("Cabinet / Shelf").tolist() == [[2]]

    def test_models_of_the_same_classes_answer_in_the_same_space(self, folder: Callable[..., Path]) -> None:
        spaces = {load(f"transformers:{folder(make)}")[1].tasks["segmentation"] for make in (segformer, maskformer)}
        assert len(spaces) == 1

    def test_a_unit_that_nobody_knows_must_be_said(self, folder: Callable[..., Path], tmp_path: Path) -> None:
        name = f"transformers:{folder(dpt)}"
        assert load(f"{name}?depth=metres")[1].tasks == {"depth": "metres"}
        with pytest.raises(ValueError, match=r"^expected depth=metres or depth=relative for "):
            load(f"{name}?depth=miles")
        with pytest.raises(ValueError, match=r"^expected depth=metres or depth=relative for "):
            load(f"transformers:{folder(projected)}")  # DINOv2's: metres or none, and it does not say
        with pytest.raises(ValueError, match=r"^expected depth=relative for .* no field of view"):
            load(f"transformers:{folder(without_field)}?depth=metres")

    def test_what_is_no_such_model_is_refused(
        self, library: Any, folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(name: str) -> str:
            with pytest.raises(ValueError) as raised:
                load(f"transformers:{name}")
            assert "\n" not in str(raised.value)
            return str(raised.value)

        assert refused(str(tmp_path)).startswith(f"expected a model of transformers in {tmp_path}: ")
        nothing = tmp_path / "nothing"
        assert refused(str(nothing)) == f"expected the folder of a model of transformers, {nothing} is none"
        config = json.loads((folder(segformer) / "config.json").read_text())
        other = {**config, "architectures": ["SegformerForImageClassification"]}
        (tmp_path / "config.json").write_text(json.dumps(other))
        assert refused(str(tmp_path)) == (
            f"expected a model for semantic segmentation or depth estimation in {tmp_path}, got "
            "SegformerForImageClassification"
        )
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "preprocessor_config.json").write_bytes(
            (folder(segformer) / "preprocessor_config.json").read_bytes()
        )
        network, _ = segformer(library)
        torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
        assert "safetensors" in refused(str(tmp_path)), "nothing is unpickled"
        kept = {key: value for key, value in network.state_dict().items() if "classifier" not in key}
        save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
        assert f"expected all weights of {tmp_path}, 2 are missing: decode_head.classifier" in refused(str(tmp_path))

    def test_without_the_package_a_sentence_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "transformers", None)
        with pytest.raises(
            ValueError, match=r"^expected the package transformers for such a model: pip install transf"
        ):
            load("transformers:/anything")
