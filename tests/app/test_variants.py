"""What can be compared: the registry, and the generators that are there."""

from __future__ import annotations

from typing import Any

from app.variants import goals_of, trained, variants
from mta_core.attacks import ATTACKS, Generative, Pgd
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import Card

SPACES = {t.name: t.space for t in SCENE_TASKS}


def card(name: str, **options: Any) -> Card:
    return Card(name, "generator", "mta", options, SPACES, (288, 384))


CARDS = [
    card("first"), card("second"), card("u", instance="universal"), card("j", scope="joint"), card("g", method="gap"),
    card("aimed", target="floor"),
]  # fmt: skip


def test_every_attack_of_the_registry_is_there_in_each_scope() -> None:
    found = variants([], SCENE_TASKS)
    for kind in ATTACKS:
        own = [(v.scope, v.kind) for v in found if v.kind is kind]
        assert own == ([] if kind.is_baseline or issubclass(kind, Generative) else [(s, kind) for s in kind.scopes])


def test_generators_are_found_by_what_they_do() -> None:
    found = {v.label: v for v in variants(CARDS, SCENE_TASKS) if issubclass(v.kind, Generative)}
    assert list(found) == ["MTA", "MTA (second)", "MTA universal", "MTA joint", "GAP"]
    assert dict(found["MTA universal"].settings) == {"instance": "universal"}
    assert dict(found["MTA"].settings) == {"instance": "per-instance", "generator": "first"}, "not what auto may take"
    assert dict(found["MTA (second)"].settings) == {"instance": "per-instance", "generator": "second"}
    assert found["MTA joint"].scope == "joint" and found["GAP"].kind.name == "gap"
    assert not found["MTA (second)"].is_first_choice and found["GAP"].is_first_choice
    assert "every picture" in found["MTA universal"].words and "all tasks" in found["MTA joint"].words


def test_labels_are_unique_since_links_name_them() -> None:
    labels = [v.label for v in variants([*CARDS, card("first"), card("second")], SCENE_TASKS)]
    assert len(labels) == len(set(labels))


def test_targeted_generators_and_those_for_fewer_tasks_are_left_out() -> None:
    fewer = Card("fewer", "generator", "mta", {}, {"depth": "metres"}, (288, 384))
    assert trained([fewer, card("aimed", target="floor")], SCENE_TASKS) == {}
    assert trained([fewer], SCENE_TASKS[1:2]) == {"mta": [fewer]}


def test_a_target_has_to_name_the_tasks_and_no_others() -> None:
    aimed = card("aimed", target="segmentation=wall,depth=2,normals=up")
    assert trained([aimed], SCENE_TASKS, with_targeted=True) == {"mta": [aimed]}
    assert trained([aimed], SCENE_TASKS[:1], with_targeted=True) == {}, (
        "it would be told of tasks that are not attacked"
    )


def test_towards_a_target_generators_lead_that_were_trained_for_it_in_whatever_words() -> None:
    cards = [*CARDS, card("spelt", target="segmentation=wall,normals=up, depth=2.0")]
    found = {v.label: v for v in variants(cards, SCENE_TASKS, "segmentation=wall,depth=2,normals=up")}
    assert found["MTA"].target == "segmentation=wall,normals=up, depth=2.0" and "GAP" not in found
    assert found["PGD"].target == "segmentation=wall,depth=2,normals=up"
    assert "MTA" not in {v.label for v in variants(cards, SCENE_TASKS, "segmentation=wall,depth=3,normals=up")}
    assert "MTA" not in {v.label for v in variants(cards, SCENE_TASKS, is_like=True)}


def test_a_task_is_offered_what_generators_were_trained_for_then_its_own_goals() -> None:
    depth = SCENE_TASKS[1]
    cards = [card("one", target="segmentation=wall,depth=1.5,normals=up"), card("two", target="nonsense")]
    assert goals_of(depth, cards) == ["1.5", *depth.goals]


def test_steps_are_set_as_far_as_an_attack_allows() -> None:
    found = {v.label: v for v in variants([], SCENE_TASKS)}
    assert found["PGD"].has_steps and found["PGD"].attack(7) == Pgd(num_steps=7)
    assert found["PGD"].attack(100_000) == Pgd(num_steps=100)
    assert not found["FGSM"].has_steps and found["FGSM"].attack(7).name == "fgsm"
