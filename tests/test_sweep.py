"""Sweeps: what evaluation says at every point, the spread between pictures, and nothing lost when one is stopped."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from safetensors.torch import save
from torch import Tensor

from mta_core.attacks import Noise, make_attack
from mta_core.budget import Budget
from mta_core.data.pictures import Pictures
from mta_core.evaluate import evaluate
from mta_core.events import Event, Progress, Row
from mta_core.explore import Subject
from mta_core.imaging import encode_png
from mta_core.objective import make_problem
from mta_core.results import ROW_KEYS
from mta_core.setting import Setting
from mta_core.sweep import Sweep, SweepRow, sweep
from mta_core.sweep_points import quartiles_of
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import SCENE_TASKS
from mta_core.variables import points, variable
from tests import toys
from tests.test_evaluate import Shelf, Smooth

QUICK = (("num_steps", 2),)
RECIPE = SweepRecipe(victim="toy", settings=QUICK, limit=5, values=(2.0, 8.0), batch_size=2)
JOINT = replace(RECIPE, scope="joint")


class Counting(Smooth):
    """Counts the pictures that it answered."""

    seen = 0

    def predict(self, normalised: Tensor, tasks: Any) -> dict[str, Tensor]:
        type(self).seen += len(normalised)
        return super().predict(normalised, tasks)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.prepare("toy", Counting(), toys.CPU)


@pytest.fixture(scope="module")
def source() -> Shelf:
    shelf = Shelf(5)
    shelf.split = "test"
    return shelf


@pytest.fixture
def run(subject: Subject, source: Shelf, tmp_path: Path) -> Any:
    """Starts a sweep, in the test's folder unless another is named."""

    def start(recipe: SweepRecipe, folder: Path = tmp_path / "kept") -> Any:
        return sweep(recipe, toys.CPU, folder, subject=subject, source=source)

    return start


def finals(events: Any) -> list[SweepRow]:
    return [e for e in events if isinstance(e, SweepRow) and e.point["is_final"]]


def told(rows: list[SweepRow]) -> str:
    """Everything, so that NaN equals itself."""
    return json.dumps([[row.values, row.point] for row in rows], sort_keys=True)


@pytest.mark.parametrize("recipe", [
    RECIPE,
    replace(RECIPE, variable="steps", values=(1.0, 3.0)),
    replace(RECIPE, variable="step-size", values=(0.5, 2.0), with_noise=False),
    replace(RECIPE, variable="norm", values=("linf:4", "l2:1")),
    replace(JOINT, variable="weight:depth", values=(0.1, 0.8)),
    replace(JOINT, variable="attack", values=("fgsm", "pgd", "noise"), form="log"),
], ids=lambda recipe: recipe.variable)  # fmt: skip
def test_every_point_has_the_rows_of_an_evaluation_there(
    run: Any, subject: Subject, source: Shelf, recipe: SweepRecipe
) -> None:
    rows = finals(run(recipe))
    assert all(set(row.values) == set(ROW_KEYS) for row in rows)
    for number, point in enumerate(points(recipe)):
        has_noise = recipe.with_noise and recipe.variable != "attack"
        setting = Setting(
            subject, source, point.made(), point.budget(), SCENE_TASKS, scope=point.scope, form=point.form,
            weights=point.shares(), baselines=(Noise(),) if has_noise else (),
        )  # fmt: skip
        expected = [e.values for e in evaluate(setting, batch_size=2) if isinstance(e, Row)]
        own = [row for row in rows if row.point["number"] == number]
        assert [row.values for row in own] == expected
        assert {row.point["value"] for row in own} == {recipe.values[number]}


def test_a_larger_budget_never_helps_the_victim(run: Any) -> None:
    rows = finals(run(replace(RECIPE, values=(1.0, 4.0, 16.0), settings=(("num_steps", 4),), limit=3)))
    for t in SCENE_TASKS:
        measure = t.measures[1] if t.name == "segmentation" else t.main_measure  # mIoU jumps with rare classes
        of = {
            attack: [row.values["adversarial"] for row in rows if (row.values["attack"], row.values["task"]) ==
                     (attack, t.name) and (row.values["metric"], row.values["aggregation"]) == (measure.name, "pooled")]
            for attack in ("pgd", "noise")
        }  # fmt: skip
        assert of["pgd"] == sorted(of["pgd"], reverse=measure.higher_is_better)
        assert len(of["pgd"]) == len(of["noise"]) == 3
        for attacked, noisy in zip(of["pgd"], of["noise"], strict=True):
            assert measure.is_worse(attacked, than=noisy)


def test_a_task_that_counts_more_is_fooled_more(run: Any) -> None:
    rows = finals(run(replace(JOINT, variable="weight:depth", values=(0.02, 0.98), settings=(("num_steps", 5),))))
    little, much = (
        row.values["adversarial"]
        for row in rows
        if (row.values["attack"], row.values["metric"], row.values["aggregation"]) == ("pgd", "abs_err", "pooled")
    )
    assert much > little


def test_it_goes_on_where_it_was_stopped_and_says_the_same(run: Any, tmp_path: Path) -> None:
    unbroken = list(run(RECIPE))
    expected = told(finals(unbroken))
    Counting.seen = 0
    assert told(finals(run(RECIPE))) == expected and Counting.seen == 0, "finished points are not computed again"
    for share in (0.1, 0.45, 0.8):
        folder = tmp_path / str(share)
        list(islice(run(RECIPE, folder), int(share * len(unbroken))))
        assert told(finals(run(RECIPE, folder))) == expected


def test_what_is_done_is_not_done_again(run: Any, tmp_path: Path) -> None:
    whole = _seen(run(RECIPE, tmp_path / "whole"))
    events = run(RECIPE)
    for event in events:
        if isinstance(event, Progress) and event.done == 4:  # two batches of the first point
            break
    events.close()
    rest = _seen(run(RECIPE))
    assert 0 < rest <= 0.65 * whole, "six of ten pictures"


def _seen(events: Any) -> int:
    """How many pictures the victim answers meanwhile."""
    before = Counting.seen
    for _ in events:
        pass
    return Counting.seen - before


@pytest.mark.parametrize("damage", [b"", b'{"rows": [{}]}', b"\xff\xfe", b"null", b"[" * 100_000])
def test_damaged_files_are_made_again(run: Any, tmp_path: Path, damage: bytes) -> None:
    expected = told(finals(run(RECIPE)))
    partly = run(RECIPE, tmp_path / "partly")
    next(event for event in partly if isinstance(event, Progress) and event.done == 2)
    partly.close()
    for file in [*(tmp_path / "kept").iterdir(), *(tmp_path / "partly").iterdir()]:
        file.write_bytes(damage)
    assert told(finals(run(RECIPE))) == told(finals(run(RECIPE, tmp_path / "partly"))) == expected


@pytest.mark.parametrize(("key", "value"), [
    ("rows", []), ("unreadable", 5), ("max_perturbation", "much"), ("num_outside", None), ("sha256", "0" * 64),
])  # fmt: skip
def test_a_point_that_was_changed_is_measured_again(run: Any, tmp_path: Path, key: str, value: Any) -> None:
    expected = told(finals(run(RECIPE)))
    for file in (tmp_path / "kept").iterdir():
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert told(finals(run(RECIPE))) == expected


def test_a_batch_of_something_else_is_measured_again(run: Any, tmp_path: Path) -> None:
    expected = told(finals(run(RECIPE)))
    partly = run(RECIPE, tmp_path / "partly")
    next(event for event in partly if isinstance(event, Progress) and event.done == 2)
    partly.close()
    (batch,) = (tmp_path / "partly").glob("*.safetensors")
    batch.write_bytes(save({"extent": torch.zeros(2), "0.depth": torch.zeros(2, 3)}))
    assert told(finals(run(RECIPE, tmp_path / "partly"))) == expected


def test_another_recipe_takes_only_points_that_are_the_same(run: Any) -> None:
    list(run(RECIPE))
    Counting.seen = 0
    rows = finals(run(replace(RECIPE, values=(8.0, 2.0), batch_size=3)))
    assert Counting.seen == 0 and [row.point["value"] for row in rows[:: len(rows) // 2]] == [8.0, 2.0]
    assert _seen(run(replace(RECIPE, seed=1))) > 0
    assert _seen(run(replace(RECIPE, limit=4))) > 0


def test_points_of_the_same_names_are_not_taken_for_those_of_other_pictures(subject: Subject, tmp_path: Path) -> None:
    def rows_of(folder: str, seed: int) -> str:
        for name, picture in zip("ab", toys.make_pictures(2, seed=seed), strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{name}.png").write_bytes(encode_png(picture))
        source = Pictures.open(tmp_path / folder, "all", (toys.SIDE, toys.SIDE))
        return told(finals(sweep(few, toys.CPU, tmp_path / "kept", subject=subject, source=source)))

    few = replace(RECIPE, limit=2, values=(2.0,))
    one, before = rows_of("one", 1), Counting.seen
    assert rows_of("copy", 1) == one and Counting.seen == before, "wherever they lie"
    other = rows_of("other", 2)
    assert other != one and Counting.seen > before
    assert rows_of("one", 2) == other, "also where the files were replaced"
    assert rows_of("one", 1) == one


def test_points_of_another_device_are_measured_again(subject: Subject, source: Shelf, tmp_path: Path) -> None:
    one = replace(RECIPE, limit=1, values=(2.0,))
    list(sweep(one, toys.CPU, tmp_path, subject=subject, source=source))
    elsewhere = replace(subject, device=replace(toys.CPU, label="CPU, bfloat16"))
    assert _seen(sweep(one, toys.CPU, tmp_path, subject=elsewhere, source=source)) > 0


def test_seconds_are_those_of_the_work_over_all_runs(subject: Subject, source: Shelf, tmp_path: Path) -> None:
    def made() -> Sweep:
        return Sweep(RECIPE, toys.CPU, subject=subject, source=source)

    begin, spent = time.perf_counter(), 0.0
    first = made()
    events = first.run(tmp_path)
    for event in events:
        if isinstance(event, Progress) and event.done == 7:  # one batch of the second point
            break
        if isinstance(event, SweepRow):
            time.sleep(0.01)  # somebody else's turn
            spent += 0.01
    events.close()
    half = first.seconds
    assert 0 < half <= time.perf_counter() - begin - spent
    whole, again = made(), made()
    list(whole.run(tmp_path))
    worked = time.perf_counter() - begin - spent
    assert half < whole.seconds < worked and first.seconds == half
    list(again.run(tmp_path))
    assert again.seconds == pytest.approx(whole.seconds), "nothing was measured again"
    assert again.provenance()["seconds"] == round(again.seconds, 3)


def test_live_rows_come_with_every_batch_and_progress_with_every_step(run: Any) -> None:
    events: list[Event] = list(run(RECIPE))
    live = [e for e in events if isinstance(e, SweepRow) and not e.point["is_final"]]
    assert [n for n in dict.fromkeys((e.point["number"], e.values["n"]) for e in live)] == [
        (0, 2), (0, 4), (0, 5), (1, 2), (1, 4), (1, 5),
    ]  # fmt: skip
    done = [e.done for e in events if isinstance(e, Progress)]
    assert done == sorted(done) and done[-1] == 10
    assert len(done) > 2 * 3 * 3 * 2, "a step of each task's perturbation, in every batch of every point"


def test_quartiles_are_those_of_the_pictures(run: Any, subject: Subject, source: Shelf) -> None:
    rows = finals(run(replace(RECIPE, values=(8.0,), with_noise=False)))
    clean = torch.stack([source[i].image for i in range(5)])
    problem = make_problem(subject.fast, clean, source.labels, Budget.from_units("linf", 8), victim_name="toy")
    made = make_attack("pgd", num_steps=2)(problem)
    for t in SCENE_TASKS:
        answers = {
            "quartiles": subject.answer(made[t.name], [t])[t.name],
            "clean_quartiles": subject.answer(clean, [t])[t.name],
        }
        for key, answer in answers.items():
            found = t.measures_of(t.statistics(answer, source.labels[t.name], answers["clean_quartiles"]))
            for row in (row for row in rows if row.values["task"] == t.name):
                expected = np.nanquantile(found[row.values["metric"]].numpy(), [0.25, 0.5, 0.75])
                assert row.point[key] == pytest.approx(expected.tolist(), rel=1e-3)


@given(some.lists(some.floats(-1e6, 1e6) | some.just(float("nan")), min_size=1, max_size=30))
def test_quartiles_leave_out_what_could_not_be_measured(values: list[float]) -> None:
    found = quartiles_of(torch.tensor(values, dtype=torch.float64))
    if all(value != value for value in values):
        assert found is None
    else:
        assert found == pytest.approx(np.nanquantile(values, [0.25, 0.5, 0.75]).tolist(), abs=1e-6)


@pytest.mark.parametrize(("changed", "sentence"), [
    ({"attack": "fgsm", "settings": (), "variable": "steps"}, "FGSM has no steps to vary"),
    ({"attack": "apgd", "settings": (), "variable": "step-size"}, "APGD has no step size to vary"),
    ({"variable": "weight:depth", "values": (0.5,)}, "expected joint perturbations"),
    ({"variable": "weight:depth", "values": (0.5,), "scope": "joint", "attack": "noise", "settings": ()}, "climbs"),
    ({"variable": "weight:depth", "values": (1.0,), "scope": "joint"}, "above 0 and below 1"),
    ({"variable": "weight:depth", "values": (0.5,), "scope": "joint", "tasks": ("depth",)}, "one of several"),
    ({"variable": "weight"}, "expected a variable among epsilon, .*weight:TASK"),
    ({"variable": "size"}, "expected a variable among"),
    ({"values": (0.0,)}, r"expected epsilon in \(0, 255\]"),
    ({"values": ("two",)}, "expected numbers for epsilon"),
    ({"values": ()}, "expected 1 to 64 values"),
    ({"values": (2.0, 2.0)}, "expected each value once"),
    ({"values": (float("nan"),)}, "finite"),
    ({"variable": "steps", "values": (2.5,)}, "whole numbers"),
    ({"variable": "steps", "values": (0.0,)}, r"num_steps in \[1, 100\]"),
    ({"variable": "norm", "values": ("l1",)}, "expected a norm among"),
    ({"variable": "norm", "values": ("l2:much",)}, "NORM:EPSILON"),
    ({"variable": "norm", "values": ("linf", "linf:5.0")}, "each value once, got 5/255 .* twice, as linf:5.0"),
    ({"variable": "attack", "values": ("pgd", "magic")}, "expected an attack among"),
    ({"variable": "attack", "values": ("fgsm", "noise")}, "none has 'num_steps'"),
    ({"settings": (("strength", 3),)}, "expected a setting of PGD among"),
    ({"scope": "both"}, "expected a scope among"),
    ({"form": "product"}, "expected form among"),
    ({"weights": (("depth", 1.0),)}, "one weight above 0 for each"),
    ({"tasks": ("depth", "magic")}, "expected a task among"),
    ({"limit": 0}, "at least 1"),
    ({"target": "blue"}, "."),
])  # fmt: skip
def test_what_means_nothing_is_refused_in_one_sentence(run: Any, tmp_path: Path, changed: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refusal:
        next(run(replace(RECIPE, **changed)))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "recipe", [RECIPE, replace(JOINT, weights=(("depth", 0.5),), variable="norm", values=("l2:4",))]
)
def test_a_recipe_survives_json(recipe: SweepRecipe) -> None:
    assert SweepRecipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    "content",
    [{"colour": 1}, {"limit": "many"}, {"limit": True}, {"tasks": "depth"}, {"weights": [1]}, {"with_noise": 1}],
)
def test_a_recipe_of_wrong_types_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SweepRecipe.from_json(content)


def test_weights_keep_the_proportions_of_the_others() -> None:
    recipe = replace(JOINT, variable="weight:depth", weights=(("segmentation", 2.0), ("depth", 5.0), ("normals", 1.0)))
    varied = variable(recipe.variable).at(recipe, 0.4)
    assert dict(varied.weights) == pytest.approx({"segmentation": 0.4, "depth": 0.4, "normals": 0.2})
