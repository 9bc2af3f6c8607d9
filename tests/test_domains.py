"""Several domains, each a task with pictures and a model of its own: trained, fooled, measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mta_core import generators, victims, weights
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.checkpoints import load_checkpoint
from mta_core.data import open_data
from mta_core.data.objects import DOMAINS
from mta_core.evaluate import evaluate
from mta_core.events import Progress, Row
from mta_core.explore import Subject, run
from mta_core.kinds import Aim
from mta_core.objective import make_problem
from mta_core.setting import Setting
from mta_core.targets import parse_goal
from mta_core.tasks import parse_tasks
from mta_core.tasks.classification import CLASSES
from mta_core.train_generator import GeneratorRecipe, train_generator
from mta_core.train_uap import UapRecipe, train_uap
from mta_core.train_victim import VictimRecipe, train_victim
from mta_core.victims import Classifier, Composite
from mta_core.weights import WeightsError
from tests.toys import CPU, write_domains

SIZE = (64, 64)
TASKS = parse_tasks(DOMAINS)
LINF = Budget.from_units("linf", 130)
"""Two classes that differ by 120 grey levels take as much to confuse."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    write_domains(folder)
    return folder


@pytest.fixture(scope="module")
def recipe(root: Path) -> VictimRecipe:
    return VictimRecipe(
        architecture="classifier", network="shufflenet_v2_x0_5", data=(f"office31:{root}",), per_epoch=16, height=64,
        input_width=64, phases=((20, 64, 64),), batch_size=4, learning_rate=3e-3, holdout=5, ema=0.5, light=0.0,
        zooms=(1.0, 1.0),
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(recipe: VictimRecipe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of runs with a classifier a domain, `toy-amazon` and so on."""
    folder = tmp_path_factory.mktemp("runs")
    for domain in DOMAINS:
        list(train_victim(replace(recipe, name=f"toy-{domain}", weights=((domain, 1.0),)), CPU, folder / domain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "RUNS", folder)
        patch.setattr(weights, "SHIPPED", folder / "nothing")
        yield folder


@pytest.fixture(scope="module")
def subject(runs: Path) -> Subject:
    return Subject.prepare("toy", victims.load("toy")[0], CPU)


def setting(subject: Subject, root: Path, attack: str, target: str = "", **settings: Any) -> Setting:
    source = open_data(f"office31:{root}", "test", SIZE)
    goal = parse_goal(target, TASKS, subject)
    return Setting(subject, source, make_attack(attack, **settings), LINF, TASKS, goal=goal)


def rows(events: Iterator[Any]) -> dict[tuple[str, str], dict[str, Any]]:
    found = [event.values for event in events if isinstance(event, Row)]
    return {(r["task"], r["metric"]): dict(r) for r in found if r["aggregation"] == "pooled"}


def answers(subject: Subject, root: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """What is said of each domain's clean test pictures, and what is true, both (N,)."""
    found = {}
    for domain in DOMAINS:
        source = open_data(f"office31:{root}", "test", SIZE).for_task(domain)
        samples = [source[i] for i in range(len(source))]
        with torch.no_grad():
            logits = subject.precise(torch.stack([sample.image for sample in samples]))[domain]
        true = torch.stack([sample.targets[domain] for sample in samples])
        found[domain] = (logits.flatten(1).argmax(1), true.flatten())
    return found


def test_a_name_stands_for_the_victims_of_all_its_tasks(runs: Path) -> None:
    victim, card = victims.load("toy")
    assert isinstance(victim, Composite) and set(victim.tasks) == set(DOMAINS)
    assert set(victims.digests(card)) == {f"toy-{domain}" for domain in DOMAINS}
    assert victims.families() == {"toy": {domain: f"toy-{domain}" for domain in DOMAINS}}
    spelt, other = victims.load(",".join(f"{domain}=toy-{domain}" for domain in DOMAINS))
    assert other.sha256 == card.sha256
    images = torch.rand(2, 3, *SIZE)
    for domain, answer in victim(images).items():
        assert answer.shape == (2, 31, 1, 1) and torch.equal(answer, spelt(images)[domain])


def test_each_domain_is_attacked_and_measured_on_its_own_pictures(subject: Subject, root: Path) -> None:
    found = rows(evaluate(setting(subject, root, "pgd", num_steps=40, step_size=4), batch_size=3))
    right = {domain: float((said == true).float().mean()) for domain, (said, true) in answers(subject, root).items()}
    assert set(found) == {(domain, name) for domain in DOMAINS for name in ("accuracy", "fooling_ratio")}
    for domain in DOMAINS:
        accuracy, fooled = found[domain, "accuracy"], found[domain, "fooling_ratio"]
        assert accuracy["n"] == 8 and accuracy["attacked"] == list(DOMAINS)
        assert accuracy["clean"] == right[domain] >= 0.75, "a toy may take one for another"
        assert accuracy["adversarial"] <= 5 / 8
        assert fooled["clean"] == 0 and fooled["adversarial"] >= 3 / 8
    alone = rows(
        evaluate(replace(setting(subject, root, "pgd", num_steps=40, step_size=4), tasks=TASKS[1:2]), batch_size=8)
    )
    assert alone["dslr", "accuracy"] | {"attacked": 0} == found["dslr", "accuracy"] | {"attacked": 0}


def test_towards_a_class_for_all_domains_or_for_each(subject: Subject, root: Path) -> None:
    rises = dict.fromkeys(DOMAINS, 0.0)
    clean = {domain: said for domain, (said, _) in answers(subject, root).items()}
    for target in ("mug", "amazon=bike,dslr=bike,webcam=bike"):
        found = rows(evaluate(setting(subject, root, "pgd", target, num_steps=40, step_size=4)))
        assert {name for _, name in found} == {"target_accuracy", "fooling_ratio"}
        for domain in DOMAINS:
            row = found[domain, "target_accuracy"]
            wanted = CLASSES.index("mug" if target == "mug" else "bike")
            assert row["goal"] == "targeted" and row["clean"] == float((clean[domain] == wanted).float().mean())
            rises[domain] = max(rises[domain], row["adversarial"] - row["clean"])
    assert all(rise > 0 for rise in rises.values())


def test_joint_perturbations_need_shared_pictures(subject: Subject, root: Path) -> None:
    joint = replace(setting(subject, root, "pgd"), scope="joint")
    with pytest.raises(ValueError, match=r"^expected per-task perturbations: Office-31 has pictures of its own"):
        next(evaluate(joint))


@pytest.mark.parametrize(  # every two of them together once
    ("method", "instance", "target"),
    [
        pytest.param("mta", "per-instance", "", marks=pytest.mark.slow),
        pytest.param("gap", "per-instance", "mug", marks=pytest.mark.slow),
        ("mta", "universal", "mug"),
        pytest.param("gap", "universal", "", marks=pytest.mark.slow),
    ],
)
def test_generators_learn_to_fool_every_domain(
    subject: Subject, root: Path, runs: Path, method: str, instance: str, target: str
) -> None:
    name = f"{method}-{instance}{'-targeted' * bool(target)}"
    recipe = GeneratorRecipe(
        name=name, victim="toy", data=(f"office31:{root}",), tasks=DOMAINS, method=method, instance=instance,
        target=target, ngf=8, num_blocks=1, epsilon=130, per_epoch=16, phases=((20, 64, 64),), batch_size=4,
        learning_rate=4e-3, output_gain=0.02, output_rate=1.0, holdout=5,
    )  # fmt: skip
    events = list(train_generator(recipe, CPU, runs / name))
    steps = [event.values for event in events if isinstance(event, Progress)]
    for domain in DOMAINS:
        assert sum(s[domain] for s in steps[-6:]) < sum(s[domain] for s in steps[:6]), domain
    card = generators.choose(generators.AUTO, "toy", Aim(DOMAINS, target=target), method, instance == "universal")
    assert card.name == name
    assert set(card.metrics["held_out"]) == {f"{k} {d} accuracy" for k in ("clean", "adversarial") for d in DOMAINS}
    own = victims.load("toy-dslr")[1]
    alone = generators.choose(generators.AUTO, own, Aim(("dslr",), target=target), method, instance == "universal")
    assert alone.name == name, "it belongs to each of the classifiers"
    found = rows(evaluate(setting(subject, root, method, target, instance=instance)))
    measure = "target_accuracy" if target else "fooling_ratio"
    for domain in DOMAINS:
        row = found[domain, measure]
        assert row["adversarial"] > row["clean"] and row["source"] == "toy"


def test_universal_perturbations_are_pushed_out_of_every_domain(subject: Subject, root: Path, runs: Path) -> None:
    """The paper's own setting: answers for whole pictures."""
    recipe = UapRecipe(
        name="uap", victim="toy", data=(f"office31:{root}",), tasks=DOMAINS, epsilon=130, epochs=2, per_epoch=6,
        num_steps=5, num_candidates=2, holdout=5, fooling_rate=1.0,
    )  # fmt: skip
    events = list(train_uap(recipe, CPU, runs / "uap"))
    steps = [event for event in events if isinstance(event, Progress)]
    assert [(step.done, step.total) for step in steps] == [(i, 36) for i in range(1, 37)]
    assert all(len(set(step.values) & set(DOMAINS)) == 1 for step in steps), "each picture is of one domain"
    found = rows(evaluate(setting(subject, root, "uap")))
    for domain in DOMAINS:
        row = found[domain, "fooling_ratio"]
        assert row["instance"] == "universal" and row["source"] == "toy"
        assert row["clean"] == 0
    fooled = [found[domain, "fooling_ratio"]["adversarial"] for domain in DOMAINS]
    assert max(fooled) >= 0.4, "of two classes it turns one into the other"
    with pytest.raises(ValueError, match="expected scope per-task"):
        next(train_uap(replace(recipe, scope="joint"), CPU, runs / "joint"))


def test_deepfool_fools_nearly_every_picture_with_less_than_it_may(subject: Subject, root: Path) -> None:
    chosen = setting(subject, root, "deepfool", num_steps=30, num_candidates=3, overshoot=0.05)
    found = rows(evaluate(chosen, batch_size=8))
    for domain in DOMAINS:
        assert found[domain, "fooling_ratio"]["adversarial"] >= 0.75
    source = chosen.source.for_task("dslr")
    images = torch.stack([source[i].image for i in range(len(source))])
    targets = torch.stack([source[i].targets["dslr"] for i in range(len(source))])
    problem = make_problem(subject.precise, images, {"dslr": targets}, LINF)
    sizes = LINF.norm_of(chosen.attack(problem)["dslr"] - images)
    assert len(sizes.unique()) == len(sizes) and (sizes < LINF.epsilon).any(), "each as large as it takes"


def test_one_picture_is_answered_with_probabilities(subject: Subject, root: Path) -> None:
    sample = open_data(f"office31:{root}", "test", SIZE).for_task("amazon")[0]
    outcome = run(subject, make_attack("pgd"), sample.image, TASKS, LINF, truth=sample.targets)
    assert outcome.tasks["amazon"].truth is not None and outcome.tasks["dslr"].truth is None
    for one in outcome.tasks.values():
        assert one.clean.shape == one.adversarial.shape == (1, 31, 1, 1)
        assert set(one.measures["adversarial"]) == {"accuracy", "fooling_ratio"} and "%" in one.verdict


def test_a_network_with_dropout_goes_on_as_if_nothing_had_happened(recipe: VictimRecipe, tmp_path: Path) -> None:
    short = replace(
        recipe, network="mobilenet_v3_small", weights=(("amazon", 1.0),), per_epoch=8, phases=((2, 32, 32),)
    )  # fmt: skip
    list(train_victim(short, CPU, tmp_path / "whole"))
    for event in train_victim(short, CPU, tmp_path / "dropped"):
        if isinstance(event, Progress) and event.done == 3:
            break
    list(train_victim(short, CPU, tmp_path / "dropped", resume=True))
    one, other = (load_checkpoint(tmp_path / name) for name in ("whole", "dropped"))
    assert one is not None and other is not None
    for name, value in one["victim"].items():
        assert torch.equal(value, other["victim"][name]), name


def test_a_classifier_starts_from_the_weights_one_names(tmp_path: Path, recipe: VictimRecipe, runs: Path) -> None:
    torch.manual_seed(1)
    from torchvision import models

    trained = models.shufflenet_v2_x0_5(weights=None)  # of a thousand classes
    torch.save(trained.state_dict(), tmp_path / "net.pth")
    victim = Classifier({"amazon": "office31"}, SIZE, "shufflenet_v2_x0_5")
    victim.load_backbone(tmp_path / "net.pth")
    assert torch.equal(victim.network.conv1[0].weight, trained.conv1[0].weight)  # type: ignore[index, union-attr]
    assert victim.network.fc.weight.shape[0] == 31  # type: ignore[union-attr]
    with pytest.raises(WeightsError, match=r"^expected torchvision's weights of resnet18, got .*net\.pth: its layers"):
        Classifier({"amazon": "office31"}, SIZE, "resnet18").load_backbone(tmp_path / "net.pth")
    (tmp_path / "text.pth").write_text("hello")
    torch.save([torch.ones(3)], tmp_path / "list.pth")
    torch.save({"model": trained.state_dict()}, tmp_path / "nested.pth")
    torch.save(trained, tmp_path / "whole.pth")  # a pickled object
    for name in ("text.pth", "list.pth", "nested.pth", "whole.pth", "none.pth"):
        with pytest.raises(WeightsError, match=rf"^expected torchvision's weights of shuf.*{name}: ") as error:
            victim.load_backbone(tmp_path / name)
        assert "weights_only" not in str(error.value)
    both = replace(recipe, weights=(("amazon", 1.0), ("dslr", 1.0)))
    with pytest.raises(WeightsError, match="expected one task in a label space among office31, got"):
        next(train_victim(both, CPU, tmp_path / "both"))
