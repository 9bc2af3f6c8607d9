"""Several attacks on the same pictures: the rows of `evaluate`, as they come."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_evaluate import LINF, Shelf, Smooth

from mta_core.attacks import Fgsm, Noise, Pgd
from mta_core.compare import PICTURE_DONE, Comparison, Comparisons, Standing, compare
from mta_core.data import DataError, Sample
from mta_core.evaluate import evaluate
from mta_core.events import Message, Progress, Row
from mta_core.explore import Subject
from mta_core.imaging import ImageError
from mta_core.setting import Setting
from mta_core.tasks import SCENE_TASKS
from tests import toys


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.prepare("toy", Smooth(), toys.CPU)


@pytest.fixture
def settings(subject: Subject) -> list[Setting]:
    first = Setting(subject, Shelf(3), Noise(), LINF, SCENE_TASKS)
    return [first, replace(first, attack=Pgd(num_steps=3)), replace(first, attack=Fgsm(), scope="joint")]


def last(events: Sequence[Any]) -> dict[int, Standing]:
    return {event.number: event for event in events if isinstance(event, Standing)}


def evaluated(setting: Setting, **options: Any) -> list[Mapping[str, Any]]:
    return [event.values for event in evaluate(setting, batch_size=1, **options) if isinstance(event, Row)]


def test_the_rows_are_those_of_evaluate(settings: list[Setting]) -> None:
    found = last(list(compare(settings)))
    assert list(found) == [0, 1, 2]
    for number, setting in enumerate(settings):
        assert list(found[number].rows) == evaluated(setting)
        assert found[number].is_complete and found[number].num_pictures == 3


def test_at_any_moment_the_rows_are_those_of_the_pictures_so_far(settings: list[Setting]) -> None:
    events = list(compare(settings))
    for count in (1, 2):
        seen = [e for e in events if isinstance(e, Standing) and (e.number, e.num_pictures) == (1, count)]
        assert len(seen) == 1 and not seen[0].is_complete
        assert list(seen[0].rows) == evaluated(settings[1], limit=count)


def test_attacks_take_turns_picture_by_picture(settings: list[Setting]) -> None:
    order = [(e.number, e.num_pictures) for e in compare(settings, limit=2) if isinstance(e, Standing)]
    assert order[:6] == [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]


def test_every_step_is_told(settings: list[Setting]) -> None:
    progress = [event for event in compare(settings, limit=2) if isinstance(event, Progress)]
    assert sum(event.values["number"] == 1 for event in progress) == 2 * (3 * len(SCENE_TASKS) + 1), (
        "3 steps a task, and the answers, of each picture"
    )
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert {event.total for event in progress} == {6} and progress[-1].done == 5
    assert {event.stage for event in progress} == {"Random noise", "PGD", "FGSM"}


def test_an_attack_that_cannot_be_made_is_left_out(settings: list[Setting]) -> None:
    found = last(list(compare([settings[0], replace(settings[0], tasks=()), settings[1]])))
    assert found[1].problem == "expected at least one task to attack, got none" and not found[1].rows
    assert found[0].num_pictures == found[2].num_pictures == 3 and not found[2].problem


def test_an_attack_that_fails_on_a_picture_ends_and_the_others_go_on(
    settings: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, made = Fgsm.steps, []

    def fail_on_the_second(self: Fgsm, problem: Any) -> Any:
        made.append(1)
        if len(made) > 1:
            raise ValueError("the weights are of no use")
        return steps(self, problem)

    monkeypatch.setattr(Fgsm, "steps", fail_on_the_second)
    found = last(list(compare(settings)))
    assert (found[2].problem, found[2].num_pictures, found[2].is_complete) == ("the weights are of no use", 1, True)
    assert list(found[1].rows) == evaluated(settings[1])


class Broken(Shelf):
    """A shelf some of whose pictures cannot be read."""

    def __init__(self, count: int, broken: Sequence[int]) -> None:
        super().__init__(count)
        self.broken = broken

    def read(self, index: int) -> Sample:
        if index in self.broken:
            raise ImageError("expected a picture")
        return super().read(index)


def test_pictures_that_cannot_be_read_are_left_out_for_all(settings: list[Setting]) -> None:
    source = Broken(3, (1,))
    events = list(compare([replace(s, source=source) for s in settings]))
    assert [e.text for e in events if isinstance(e, Message)] == ["left out picture 1: expected a picture"]
    assert all(e.left_out == {"picture 1": "expected a picture"} for e in last(events).values())
    assert {e.num_pictures for e in last(events).values()} == {2}
    assert all(e.is_complete for e in last(events).values())
    with pytest.raises(DataError, match="none of 2 can"):
        list(compare([replace(settings[0], source=Broken(2, (0, 1)))]))


def test_what_cannot_be_compared_is_refused(settings: list[Setting]) -> None:
    with pytest.raises(ValueError, match="at least one attack"):
        list(compare([]))
    with pytest.raises(ValueError, match="at least one attack and one picture"):
        list(compare(settings, limit=0))
    with pytest.raises(ValueError, match="the same pictures"):
        list(compare([settings[0], replace(settings[1], source=Shelf(2))]))


def test_seconds_are_those_of_the_work_over_all_runs(settings: list[Setting]) -> None:
    first, begin, idle = Comparison(settings), time.perf_counter(), 0.0
    for event in first.run():
        time.sleep(0.002)  # somebody else's turn
        idle += 0.002
        if event is PICTURE_DONE:
            break
    half = first.seconds
    assert 0 < half <= time.perf_counter() - begin - idle
    other = Comparison(settings)
    other.restore(first.state())
    assert other.seconds == half
    told = [event.values["seconds"] for event in other.run() if isinstance(event, Progress)]
    assert half < told[0] and told == sorted(told) and told[-1] <= other.seconds


def test_a_comparison_goes_on_from_its_state_as_if_never_stopped(settings: list[Setting], tmp_path: Path) -> None:
    settings = [*settings, replace(settings[0], tasks=())]
    whole = last(list(compare(settings)))
    first = Comparison(settings)
    events = first.run()
    while next(events) is not PICTURE_DONE:
        pass
    torch.save(first.state(), tmp_path / "state")
    other = Comparison(settings)
    other.restore(torch.load(tmp_path / "state", weights_only=True))
    assert last(list(other.run())) == whole


@pytest.fixture(scope="module")
def other() -> Subject:
    return Subject.prepare("other", Smooth(seed=1), toys.CPU)


def test_another_victim_sees_the_very_pictures_and_has_rows_of_its_own(settings: list[Setting], other: Subject) -> None:
    both = [replace(setting, others=(other,)) for setting in settings]
    found = last(list(compare(both, limit=2)))
    alone = last(list(compare(settings, limit=2)))
    for number, setting in enumerate(both):
        rows = found[number].rows
        assert list(rows) == evaluated(setting, limit=2)
        assert [row for row in rows if row["victim"] == "toy"] == list(alone[number].rows)
        assert {(row["victim"], row["source"]) for row in rows} == {("toy", "toy"), ("other", "toy")}
    with pytest.raises(ValueError, match="the same victim"):
        list(compare([settings[0], both[1]]))


def test_several_victims_have_their_comparisons_one_after_the_other(
    settings: list[Setting], other: Subject, tmp_path: Path
) -> None:
    mixed = [x for s in settings[:2] for x in (s, replace(s, subject=other))]
    events = list(Comparisons(mixed, 2).run())
    found = last(events)
    assert [list(found[number].rows) for number in range(4)] == [evaluated(s, limit=2) for s in mixed]
    begun = [event.values["number"] for event in events if isinstance(event, Progress)]
    assert [number % 2 for number in begun] == sorted(number % 2 for number in begun), "the first victim first"
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done) and {e.total for e in events if isinstance(e, Progress)} == {8} and done[-1] == 7
    assert [e.values["picture"] for e in events if isinstance(e, Progress)][-1] == 2

    first = Comparisons(mixed, 2)
    run, pictures = first.run(), 0
    while pictures < 3:
        pictures += next(run) is PICTURE_DONE
    torch.save(first.state(), tmp_path / "state")
    again = Comparisons(mixed, 2)
    again.restore(torch.load(tmp_path / "state", weights_only=True))
    assert (again.seen, again.total) == (3, 4) and last(list(again.run())) == found
