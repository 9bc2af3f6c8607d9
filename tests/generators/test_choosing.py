"""Which generator `auto` takes, and whom an attack by one was made on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mta_core import generators, victims, weights
from mta_core.attacks import Mta, Pgd
from mta_core.budget import Budget
from mta_core.data.rooms.source import Rooms
from mta_core.explore import Subject
from mta_core.generators import MtaGenerator
from mta_core.kinds import Aim
from mta_core.objective import make_problem, pseudo_targets
from mta_core.setting import Setting
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import Card, WeightsError
from tests.toys import CPU, make_pictures, make_victim

SPACES = {task.name: task.space for task in SCENE_TASKS}
NAMES = tuple(SPACES)
SIZE = (64, 64)


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two victims, `room` and `other`, and nothing else."""
    monkeypatch.setattr(weights, "RUNS", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    for seed, name in enumerate(("room", "other")):
        card = Card(name, "victim", "dmtl", {"width": 4}, SPACES, SIZE)
        weights.save_weights(make_victim(seed=seed), card, tmp_path / name)
    return tmp_path


def put(folder: Path, name: str, victim: str = "room", tasks: tuple[str, ...] = NAMES, **options: Any) -> None:
    """A generator on the shelf, as training describes it."""
    made = MtaGenerator(tasks, ngf=4, num_blocks=1)
    known = victims.find(victim)
    own = {**made.options(), "victim": known.name, "victim_sha256": known.sha256}
    own |= {"victim_parts": victims.parts(known)} if "=" in victim else {}
    card = Card(name, "generator", "mta", {**own, **options}, {t: SPACES[t] for t in tasks}, SIZE)
    weights.save_weights(made, card, folder / name)


def chosen(victim: str = "room", tasks: tuple[str, ...] = NAMES, **aim: Any) -> str:
    return generators.choose(generators.AUTO, victim, Aim(tasks, **aim)).name


@pytest.mark.parametrize(
    ("norm", "epsilon", "name"),
    [
        ("linf", 1, "g-1"), ("linf", 0.5, "g-1"), ("linf", 5, "g-5"), ("linf", 3, "g-5"), ("linf", 8, "g-8"),
        ("linf", 30, "g-8"), ("l2", 9, "round"), ("l2", 1, "round"),
    ],
)  # fmt: skip
def test_auto_takes_the_one_that_was_trained_for_such_a_budget(
    shelf: Path, norm: str, epsilon: float, name: str
) -> None:
    for own in (1, 8, 5):
        put(shelf, f"g-{own}", norm="linf", epsilon=float(own))
    put(shelf, "round", norm="l2", epsilon=4.0)
    put(shelf, "untold")
    assert chosen(budget=Budget.from_units(norm, epsilon)) == name
    assert chosen() == "g-1", "the first, where the budget makes no difference"


def test_epsilons_of_another_norm_are_not_compared(shelf: Path) -> None:
    for name, own in (("a", 8), ("b", 5), ("c", 1)):
        put(shelf, name, norm="linf", epsilon=float(own))
    for epsilon in (1, 5, 8, 30):
        assert chosen(budget=Budget.from_units("l2", epsilon)) == "a", "the first: 5 of L2 is not 5/255"


def test_the_attack_itself_takes_that_one(shelf: Path) -> None:
    for own in (1, 5):
        put(shelf, f"g-{own}", norm="linf", epsilon=float(own))
    victim, card = victims.load("room")
    budget = Budget.from_units("linf", 5)
    assert Mta().resolve(card, Aim(NAMES, budget=budget)) == Mta(generator="g-5")
    pictures = make_pictures(1)
    targets = pseudo_targets(victim, SCENE_TASKS, pictures)
    problem = make_problem(victim, pictures, targets, budget, victim_name="room")
    assert torch.equal(Mta()(problem)["depth"], Mta(generator="g-5")(problem)["depth"])


ALL = "segmentation=wall,depth=1,normals=camera"


@pytest.mark.parametrize(
    ("tasks", "target"),
    [
        (NAMES, "depth=1.0,normals=camera,segmentation=wall"), (("depth",), "depth=1"), (("depth",), "1.00"),
        (("depth", "normals"), "normals=camera,d=1"),
    ],
)  # fmt: skip
def test_a_target_is_the_same_however_it_is_written(shelf: Path, tasks: tuple[str, ...], target: str) -> None:
    put(shelf, "aimed", target=ALL)
    assert chosen(tasks=tasks, target=target) == "aimed"
    for other in ("", "depth=2", "picture:x@0123456789abcdef"):
        with pytest.raises(WeightsError, match="was trained towards segmentation=wall"):
            generators.choose("aimed", "room", Aim(("depth",), target=other))


def test_victims_are_known_by_their_weights(shelf: Path) -> None:
    both = "segmentation=room,depth=other"
    put(shelf, "for-room")
    put(shelf, "for-both", both, ("segmentation", "depth"))
    for victim in (both, "depth=other,segmentation=room"):
        assert chosen(victim, ("segmentation", "depth")) == "for-both"
        assert chosen(victim, ("depth",)) == "for-both"
        assert [card.name for card in generators.cards(victim)] == ["for-both", "for-room"]
    assert chosen("depth=other,normals=room", ("depth",)) == "for-both"
    assert chosen("depth=room,normals=room", ("depth", "normals")) == "for-room"
    with pytest.raises(WeightsError, match="no trained MTA generator"):
        chosen("depth=room,segmentation=other", ("depth", "segmentation"))


def test_of_a_generator_for_several_victims_each_is_offered_its_own_tasks(shelf: Path) -> None:
    both, two = "segmentation=room,depth=other", ("segmentation", "depth")
    put(shelf, "for-both", both, two)
    put(shelf, "aimed", both, two, target="segmentation=wall,depth=1")
    put(shelf, "damaged", both, two, target="segmentation=wall")
    for victim, own, target in (("room", "segmentation", "segmentation=wall"), ("other", "depth", "depth=1")):
        cards = {card.name: card for card in generators.cards(victim)}
        assert all(card.tasks == {own: SPACES[own]} for card in cards.values())
        assert cards["aimed"].options["target"] == target and cards["damaged"].options["target"] == "segmentation=wall"
        assert chosen(victim, (own,), target=target) == "aimed"
    assert [set(card.tasks) for card in generators.cards(both)] == [set(two)] * 3


def test_rows_tell_other_weights_of_the_same_name_from_the_victim(shelf: Path) -> None:
    put(shelf, "old")
    put(shelf, "of-other", "other")
    put(shelf, "for-both", "segmentation=room,depth=room", ("segmentation", "depth"))
    before = victims.find("room").sha256
    assert Mta(generator="old").made_on("room") == "room"
    assert Mta(generator="for-both").made_on("room") == "room"
    assert Mta(generator="of-other").made_on("room") == "other"
    weights.save_weights(
        make_victim(seed=7), Card("room", "victim", "dmtl", {"width": 4}, SPACES, SIZE), shelf / "room"
    )
    victim, card = victims.load("room")
    subject = Subject.prepare("room", victim, CPU, card)
    source = Rooms.open(weights.ROOT / "assets" / "gallery", "gallery", SIZE)
    attack = Mta(generator="old")
    setting = Setting(subject, source, attack, Budget.from_units("linf", 5), SCENE_TASKS)
    assert setting.identity(subject, attack)["source"] == f"room@{before[:12]}"
    assert Pgd().made_on(card) == "room"


def test_a_family_is_known_inside_a_victim_of_several(shelf: Path) -> None:
    for seed, name in enumerate(NAMES):
        card = Card(f"kin-{name}", "victim", "dmtl", {"width": 4}, SPACES, SIZE)
        weights.save_weights(make_victim(seed=seed + 3), card, shelf / f"kin-{name}")
    _, card = victims.load("depth=kin,normals=kin-normals,segmentation=room")
    assert card.options["victims"] == {"depth": "kin-depth", "normals": "kin-normals", "segmentation": "room"}
    assert set(victims.digests(card)) == {"kin-depth", "kin-normals", "room"}
