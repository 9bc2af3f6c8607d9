"""Victims that a person's own module makes: what is declared of them, what is checked, who may name them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from mta_core import label_spaces, victims, weights
from mta_core.devices import Device
from mta_core.explore import Subject
from mta_core.tasks import answered
from mta_core.tasks.own_classes import task_of
from mta_core.victims import Adapted, adapt, checking, own
from mta_core.victims.spec import is_spec, parse, parse_named
from tests import toys

ROAD = ("road", "car", "sky", "bed ", "Bed", "a=b, c")
MODULE = """
import torch
from torch import nn
from mta_core.victims import adapt
from mta_core.victims.dmtl import Dmtl

class Net(nn.Module):
    def __init__(self, channels=6):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, channels, 3, 2, 1)

    def forward(self, x):
        return self.conv(x)

class Two(Net):
    def forward(self, x):
        y = self.conv(x)
        return {"segmentation": y[:, :5], "depth": y[:, 5:]}

class Batchy(Net):
    def forward(self, x):
        y = self.conv(x)
        return y - y.mean(0, keepdim=True)

class Stepped(Net):
    def forward(self, x):
        return self.conv((x * 3).round())

class Cut(Net):
    @torch.no_grad()
    def forward(self, x):
        return self.conv(x)

class Wild(Net):
    def forward(self, x):
        return self.conv(x) / 0

CLASSES = ("road", "car", "sky", "bed ", "Bed", "a=b, c")

class Tired(Net):
    count = 0
    def forward(self, x):
        self.count += 1
        if self.count > 3: raise KeyError("no more\\ntoday")
        return super().forward(x)
def tired(): return adapt(Tired(), {"segmentation": CLASSES}, (48, 64))
def make(): return adapt(Net(), {"segmentation": CLASSES}, (48, 64), mean=(0.5,) * 3, std=(0.25,) * 3)
def two(): return adapt(Two(), {"segmentation": CLASSES[:5], "depth": "relative"}, (48, 64))
def batchy(): return adapt(Batchy(), {"segmentation": CLASSES}, (48, 64))
def stepped(): return adapt(Stepped(), {"segmentation": CLASSES}, (48, 64))
def cut(): return adapt(Cut(), {"segmentation": CLASSES}, (48, 64))
def wild(): return adapt(Wild(), {"segmentation": CLASSES}, (48, 64))
def narrow(): return adapt(Net(4), {"segmentation": CLASSES}, (48, 64))
def flat(): return adapt(nn.Flatten(), {"segmentation": CLASSES}, (48, 64))
def tiny(): return adapt(Net(), {"segmentation": CLASSES}, (4, 64))
def miles(): return adapt(Net(1), {"depth": "miles"}, (48, 64))
def bare(): return Net()
def fails(): raise RuntimeError("no weights\\nhere")
def leaves(): raise SystemExit(3)
def whole(): return Dmtl({"depth": "metres"}, (64, 64), width=2)
class Holder:
    @staticmethod
    def make(): return make()
number = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of its own for each test, which nobody has named yet."""
    name = f"models_{abs(hash(request.node.name)):x}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(own, "_allowed", set())
    monkeypatch.setattr(own, "_known", {})
    monkeypatch.setattr(own, "_said", set())
    monkeypatch.setattr(own, "_failed", {})
    monkeypatch.delenv(own.VARIABLE, raising=False)
    return name


@pytest.fixture
def load(module: str) -> Callable[..., victims.Victim]:
    def loaded(function: str, options: str = "") -> victims.Victim:
        victims.allow(f"{module}:{function}{options}")
        return victims.load(f"{module}:{function}{options}")[0]

    return loaded


def test_a_declared_network_answers_pictures_of_any_size_in_its_own_classes(load: Callable[..., Adapted]) -> None:
    victim = load("make")
    (t,) = answered(victim.tasks)
    assert t.name == "segmentation" and t.channels == 6
    assert t.classes == ("road", "car", "sky", "bed", "Bed 2", "a-b / c")  # type: ignore[attr-defined]
    for size in ((48, 64), (50, 70), (96, 33)):
        pictures = toys.make_pictures(2, *size).requires_grad_()
        answer = victim(pictures)["segmentation"]
        assert answer.shape == (2, 6, *size) and answer.dtype == torch.float32
        (gradient,) = torch.autograd.grad(t.loss(answer, t.pseudo_target(answer)).sum(), pictures)
        assert gradient.isfinite().all() and (gradient.abs().sum(1) > 0).float().mean() > 0.9


def test_it_normalises_as_declared(load: Callable[..., Adapted]) -> None:
    victim, pictures = load("make"), toys.make_pictures(2, 48, 64)
    raw = victim.network((pictures - 0.5) / 0.25)
    expected = nn.functional.interpolate(raw, (48, 64), mode="bilinear")
    torch.testing.assert_close(victim(pictures)["segmentation"], expected)


def test_relative_depth_is_of_no_scale(load: Callable[..., Adapted]) -> None:
    victim, pictures = load("two"), toys.make_pictures(3, 40, 40)
    depth = victim(pictures, ["depth"])
    assert set(depth) == {"depth"}
    torch.testing.assert_close(depth["depth"].mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(depth["depth"].square().mean((1, 2, 3)), torch.ones(3))
    with torch.no_grad():
        victim.network.conv.weight *= 7  # type: ignore[union-attr, operator]
        victim.network.conv.bias += 3  # type: ignore[union-attr, operator]
    torch.testing.assert_close(victim(pictures)["depth"], depth["depth"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("count", [2, 6, 255])
def test_its_classes_keep_what_every_task_keeps(count: int) -> None:
    from tests.tasks import test_task_contract as contract

    t = task_of(label_spaces.declare([f"class {i}" for i in range(count)]))
    assert len(set(t.palette)) == count == len(t.tones) - 1
    contract.test_loss_is_one_finite_number_a_picture_with_a_finite_gradient(t)
    contract.test_pixels_without_label_never_count(t, 1e4)
    contract.test_a_perfect_answer_is_perfect(t)
    contract.test_measures_are_declared_and_readable(t)
    contract.test_decodes_to_label_space(t)
    contract.test_colours_are_pictures_and_invalid_pixels_are_grey(t)
    contract.test_describes_what_happened(t)
    contract.test_legend_fits_the_colours(t)
    contract.test_offered_targets_are_labels_of_every_pixel(t)


def test_a_whole_victim_is_taken_as_it_is(load: Callable[..., victims.Victim]) -> None:
    victim = load("whole")
    assert victim.architecture == "dmtl" and victim.tasks == {"depth": "metres"} and victim.is_known


def test_a_function_may_belong_to_a_class(load: Callable[..., victims.Victim]) -> None:
    assert load("Holder.make").input_size == (48, 64)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("nothing", "expected a function nothing in the module {module}"),
        ("number", "expected a function number in the module {module}"),
        ("fails", "expected a victim of {module}:fails, which raised RuntimeError: no weights here"),
        ("leaves", "expected a victim of {module}:leaves, which raised SystemExit: 3"),
        ("bare", "expected a mta_core.victims.Victim of {module}:bare, got Net: give it to mta_core.victims.adapt"),
        ("narrow", "expected {module}:narrow to answer segmentation in 6-classes-"),
        ("flat", "expected {module}:flat to answer pictures of 48x64, it raised ValueError: expected a map"),
        ("tiny", "expected an input size of {module}:tiny with sides in [32, 4096], got (4, 64)"),
        ("miles", "expected {module}:miles to answer in label spaces among nyu13, "),
        ("wild", "the victim {module}:wild answers segmentation with NaN or infinity"),
        ("cut", "expected a gradient of segmentation at the picture from {module}:cut, there is none: it does"),
        ("stepped", "expected a gradient of segmentation at the picture from {module}:stepped, there is none"),
        ("batchy", "expected {module}:batchy to answer each picture for itself: segmentation depends on others"),
    ],
)  # fmt: skip
def test_what_is_no_victim_is_refused_in_a_sentence(
    load: Callable[..., object], module: str, function: str, says: str
) -> None:
    with pytest.raises(ValueError) as raised:
        load(function)
    text = str(raised.value)
    assert text.startswith(says.format(module=module)) and "\n" not in text


def test_what_a_network_raises_later_is_said_in_a_sentence(load: Callable[..., victims.Victim]) -> None:
    victim, pictures = load("tired"), toys.make_pictures(1, 48, 64)
    victim(pictures)
    with pytest.raises(ValueError, match=r"^the model raised KeyError: .*no more") as raised:
        victim(pictures)
    assert "\n" not in str(raised.value)


def test_want_of_memory_stays_what_it_is() -> None:
    class Full(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    victim = adapt(Full(), {"depth": "metres"}, (48, 64))
    with pytest.raises(torch.OutOfMemoryError):
        victim(toys.make_pictures(1, 48, 64))


def test_modules_that_are_not_there_or_fail_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken_one.py").write_text("import there_is_no_such_package\n")
    (tmp_path / "failing_one.py").write_text("1 / 0\n")
    for name, says in (
        ("nowhere_at_all:make", "expected a module nowhere_at_all: there is no nowhere_at_all where Python looks"),
        ("broken_one:make", "expected a module broken_one: there is no there_is_no_such_package where Python looks"),
        ("failing_one:make", "expected to import failing_one, which raised ZeroDivisionError: division by zero"),
    ):
        victims.allow(name)
        with pytest.raises(ValueError) as raised:
            victims.load(name)
        assert str(raised.value) == says


class TestWhoMayNameThem:
    def test_one_that_fails_is_not_tried_at_every_look(
        self, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried = tmp_path / "tried"
        (tmp_path / f"{module}_slow.py").write_text(
            "from pathlib import Path\n"
            f"tried = Path({str(tried)!r})\n"
            "def make():\n"
            "    tried.write_text((tried.read_text() if tried.exists() else '') + '.')\n"
            "    raise OSError('not yet')\n"
        )
        monkeypatch.setenv(own.VARIABLE, f"slow={module}_slow:make")
        for _ in range(3):
            assert "slow" not in [card.name for card in victims.cards()]
        assert tried.read_text() == ".", "a page asks for all victims whenever it is drawn"
        monkeypatch.setattr(own, "AGAIN", 0.0)
        assert victims.cards() is not None and tried.read_text() == "..", "but later on it is"

    def test_a_name_alone_loads_nothing(self, module: str, tmp_path: Path) -> None:
        (tmp_path / "trap.py").write_text("raise AssertionError('imported')\n")
        for name in ("trap:make", f"transformers:{tmp_path}", "torchvision:fcn_resnet50?weights=DEFAULT"):
            for ask in (victims.load, victims.find):
                with pytest.raises(
                    ValueError, match=r"^expected a victim that was named on the command line or in MTA_V"
                ):
                    ask(name)

    def test_the_operators_are_among_all_victims_and_others_are_not(
        self, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(own.VARIABLE, f" street={module}:make ,{module}:two,{module}:fails, small={module}:whole")
        for _ in range(2):  # what cannot be loaded is said once
            names = [card.name for card in victims.cards()][-3:]
            assert names == ["street", f"{module}:two", "small"]
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and said.startswith(f"MTA_VICTIMS: {module}:fails is left out: expected a victim")
        card = victims.find("street")
        assert card.options["model"] == f"{module}:make" and victims.load("street")[1] == card
        with pytest.raises(ValueError, match="expected a victim that was named"):
            victims.load(f"{module}:make")

    def test_a_name_that_is_taken_or_no_form_is_refused(
        self, module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        victim = toys.make_victim()
        card = weights.Card("taken", "victim", "dmtl", victim.options(), victim.tasks, (64, 64))
        weights.save_weights(victim, card, tmp_path / "runs" / "taken")
        monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
        monkeypatch.setattr(weights, "SHIPPED", tmp_path / "none")
        monkeypatch.setenv(own.VARIABLE, f"taken={module}:make")
        assert [card.name for card in victims.cards()] == ["taken"]
        assert "expected another name in MTA_VICTIMS than taken" in capsys.readouterr().err
        monkeypatch.setenv(own.VARIABLE, "what is this")
        assert [card.name for card in victims.cards()] == ["taken"]
        assert "MTA_VICTIMS: expected module:function, torchvision:NETWORK" in capsys.readouterr().err


class TestDigest:
    def test_it_is_of_the_weights_and_of_what_is_declared_around_them(self, load: Callable[..., Adapted]) -> None:
        one = load("make")
        again = adapt(one.network, {"segmentation": ROAD}, (48, 64), mean=(0.5,) * 3, std=(0.25,) * 3)
        assert own.digest(again) == own.digest(one)
        other = adapt(one.network, {"segmentation": ROAD}, (48, 64), mean=(0.4,) * 3, std=(0.25,) * 3)
        assert own.digest(other) != own.digest(one)
        before = own.digest(one)
        with torch.no_grad():
            one.network.conv.bias[0] += 1e-6  # type: ignore[union-attr, index, operator]
        assert own.digest(one) != before

    def test_a_card_is_found_without_loading_again_until_its_files_change(
        self, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "map.json"
        file.write_text(json.dumps({"space": "nyu13", "classes": {"road": "floor", "bed": "bed"}}))
        name, checked = f"{module}:make?labels={file}", []
        monkeypatch.setattr(own, "check", lambda victim, name: checked.append(checking.check(victim, name)))
        victims.allow(name)
        first = victims.load(name)[1]
        assert victims.find(name) is first and len(checked) == 1
        file.write_text(json.dumps({"space": "nyu13", "classes": {"road": "floor"} | {"sky": "ceiling"}}))
        assert victims.find(name).sha256 != first.sha256 and len(checked) == 2


class TestLabelMap:
    FULL: ClassVar = dict(
        zip((*ROAD[:4], "Bed 2", ROAD[5]), ("floor", "bed", "wall", "bed", "tv", "window"), strict=True)
    )

    def write(self, tmp_path: Path, content: object) -> str:
        (tmp_path / "map.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return f"?labels={tmp_path / 'map.json'}"

    def test_classes_are_taken_together_and_labels_of_others_do_not_count(
        self, load: Callable[..., Adapted], tmp_path: Path
    ) -> None:
        plain = load("make")
        mapped = load("make", self.write(tmp_path, {"space": "nyu13", "classes": self.FULL}))
        (t,) = answered(mapped.tasks)
        assert t.classes == ("bed", "floor", "tv", "wall", "window")  # type: ignore[attr-defined]
        pictures = toys.make_pictures(2, 48, 64)
        shares = plain.predict((pictures - 0.5) / 0.25, plain.tasks)["segmentation"].softmax(1)
        found = mapped(pictures)["segmentation"].softmax(1)
        expected = torch.stack([shares[:, [1, 3]].sum(1), *(shares[:, i] for i in (0, 4, 2, 5))], 1)
        small = nn.functional.interpolate(expected.log(), (48, 64), mode="bilinear").softmax(1)
        torch.testing.assert_close(found, small, atol=1e-4, rtol=1e-3)
        labels = torch.tensor([[[0, 4, 10, 11, 12, 3, 255]]])  # bed, floor, tv, wall, window, chair, none
        assert t.accepts("nyu13") and t.convert(labels, "nyu13").tolist() == [[[0, 1, 2, 3, 4, 255, 255]]]

    def test_where_every_class_of_the_data_is_meant_it_is_the_datas_space(
        self, load: Callable[..., Adapted], module: str, tmp_path: Path
    ) -> None:
        names = [f"n{i}" for i in range(13)]
        network = nn.Conv2d(3, 13, 1)
        victim = adapt(network, {"segmentation": names}, (48, 64))
        file = tmp_path / "map.json"
        nyu13 = label_spaces.BY_NAME["nyu13"]
        file.write_text(json.dumps({"space": "nyu13", "classes": dict(zip(names, nyu13[::-1], strict=True))}))
        mapped = victims.own.with_label_map(victim, file)
        assert mapped.tasks == {"segmentation": "nyu13"}
        pictures = toys.make_pictures(1, 48, 64)
        torch.testing.assert_close(mapped(pictures)["segmentation"], victim(pictures)["segmentation"].flip(1))

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("{", r"^expected a label map in .*map.json: "),
            ("[" * 100_000, r"^expected a label map in .*map.json: "),
            ({"space": "nyu13"}, r'^expected \{"space": "nyu13", "classes": .* in .*, the space among nyu13, tasko'),
            ({"space": "miles", "classes": {"road": "floor"}}, r"the space among nyu13, taskonomy$"),
            ({"space": "nyu13", "classes": {"road": 3}}, r"the space among nyu13, taskonomy$"),
            ({"space": "nyu13", "classes": {"lane": "floor"}},
             r"^expected classes of the model \(road, car, sky, bed, Bed 2, a-b / c\) in map.json, got 'lane'$"),
            ({"space": "nyu13", "classes": {"road": "street"}},
             r"^expected classes of nyu13 \(bed, books, .*\) in map.json, got 'street'$"),
            ({"space": ["nyu13"], "classes": {"road": "floor"}}, r"the space among nyu13, taskonomy$"),
            ({"space": "nyu13", "classes": {"road": "floor", "ROAD": "wall"}},
             r"^expected each class of the model once in map.json, got 'ROAD' again$"),
            ({"space": "nyu13", "classes": {"road": "floor"}},
             r"^expected at least two classes of nyu13 to be meant in map.json, got 1$"),
        ],
    )  # fmt: skip
    def test_other_files_are_refused(
        self, load: Callable[..., object], tmp_path: Path, content: object, says: str
    ) -> None:
        with pytest.raises(ValueError, match=says):
            load("make", self.write(tmp_path, content))

    def test_a_whole_victim_has_a_label_space_already(self, load: Callable[..., object], tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"^expected a network given to adapt for a label map"):
            load("whole", self.write(tmp_path, {"space": "nyu13", "classes": {"road": "floor"}}))


def test_several_models_can_be_one_victim(module: str, load: Callable[..., object]) -> None:
    for function in ("make", "two"):
        load(function)
    name = f"segmentation={module}:make,depth={module}:two"
    victim, card = victims.load(name)
    pictures = toys.make_pictures(1, 48, 64)
    assert victim.tasks == {"segmentation": answered(card.tasks)[0].space, "depth": "relative"}
    assert torch.equal(victim(pictures)["depth"], victims.load(f"{module}:two")[0](pictures)["depth"])
    assert set(victims.digests(card)) == {f"{module}:make", f"{module}:two"} and not victim.is_known


class Preactivated(nn.Module):
    """`bn1` comes before `conv1`, whatever the names suggest."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv1(self.bn1(pictures) ** 2)
        return found


def test_layers_that_nobody_knows_are_neither_fused_nor_rounded() -> None:
    torch.manual_seed(0)
    network = Preactivated()
    toys.stir_batch_norm(network, toys.make_pictures(4))
    victim = adapt(network, {"normals": "components"}, (64, 64)).eval()
    fast = Device(torch.device("cpu"), torch.bfloat16, "CPU, bfloat16")
    subject = Subject.prepare("own", victim, fast)
    pictures = toys.make_pictures()
    assert subject.is_exact
    torch.testing.assert_close(subject.fast(pictures)["normals"], victim(pictures)["normals"])


class TestNames:
    @pytest.mark.parametrize(
        "text", ["a:b", "a.b.c:d.e", "torchvision:fcn_resnet50", "transformers:/a/b c", "a:b?labels=x.json",
                 "transformers:owner/name?size=64x64"],
    )  # fmt: skip
    def test_these_are_models_of_ones_own(self, text: str) -> None:
        assert is_spec(text) and parse(text).text == text

    @pytest.mark.parametrize(
        "text", ["dmtl", "runs/a/b.json", "C:\\a.json", "c:a.json", "segmentation=a:b,depth=c", ""]
    )
    def test_these_are_not(self, text: str) -> None:
        assert not is_spec(text)

    @pytest.mark.parametrize(
        "text", ["torchvision:", "transformers: ", "a:b?", "a:b?labels", "a:b?labels=", "a:b?size=64x64",
                 "a:b?labels=x&labels=y", "transformers:x?trust=1", "transformers:a\nb"],
    )  # fmt: skip
    def test_these_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^expected "):
            parse(text)

    @pytest.mark.parametrize("size", ["64", "64x", "x64", "64x64x3", "8x64", "64x5000", "-64x64", "64X64"])
    def test_sizes_have_two_sides(self, size: str) -> None:
        with pytest.raises(ValueError, match=r"^expected size=HEIGHTxWIDTH with sides in \[32, 4096\]"):
            parse(f"transformers:x?size={size}").size((64, 64))

    def test_the_operators_list(self) -> None:
        assert parse_named("") == {} == parse_named(" , ")
        assert parse_named("a=m:f?labels=x.json, transformers:/b?size=64x96") == {
            "a": "m:f?labels=x.json", "transformers:/b?size=64x96": "transformers:/b?size=64x96"
        }  # fmt: skip
        for text in ("a", "a=b", "a=m:f,a=m:g", "../x=m:f"):
            with pytest.raises(ValueError, match=r"^expected "):
                parse_named(text)
