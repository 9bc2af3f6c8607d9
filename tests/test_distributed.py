"""Two processes do what one does, to rounding; they end together, and each goes on with what the other left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mta_core import distributed
from mta_core.checkpoints import load_checkpoint
from mta_core.tasks import SCENE_TASKS, Meter, Task
from mta_core.weights import Card, save_weights
from mta_core.whole_batch import see_whole_batches
from tests import toys
from tests.team import EARLY, GENERATORS, SIZE

ROOT = Path(__file__).resolve().parents[1]
TRAININGS = ("victim", "uap", *EARLY, *GENERATORS)
EVALUATIONS = ("all", "one-picture", "broken", "domains")
TORCHRUN = ("torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2", "-m")


def call(runs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS`, with the weights in `runs`."""
    ours = {"OMP_NUM_THREADS": "1", "MTA_RUNS": str(runs)}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, **ours}, text=True, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes, pictures some of which cannot be read, pictures of domains, and a victim of scenes."""
    made = tmp_path_factory.mktemp("team")
    toys.write_scenes(made / "scenes")
    toys.write_domains(made / "domains")
    shutil.copytree(made / "scenes" / "rgb", made / "broken")
    for number in (1, 6):
        (made / "broken" / f"{number:04d}.png").write_bytes(b"no picture")
    spaces = {t.name: t.space for t in SCENE_TASKS}
    card = Card("small", "victim", "dmtl", {"width": 4}, spaces, SIZE)
    save_weights(toys.make_victim(size=SIZE), card, made / "runs" / "small")
    return made


@dataclass(frozen=True)
class Outcome:
    """What the jobs of `tests.team` made, alone and as two."""

    one: Path
    two: Path

    def events(self, job: str) -> Iterator[dict[str, Any]]:
        return (json.loads((out / f"{job}.json").read_text()) for out in (self.one, self.two))

    def tensors(self, job: str) -> Iterator[dict[str, Tensor]]:
        for out in (self.one, self.two):
            state = load_checkpoint(out / job)
            assert state is not None
            yield dict(flat(state))


@pytest.fixture(scope="module")
def outcome(root: Path) -> Outcome:
    made = Outcome(root / "one", root / "two")
    jobs = ("layers", *TRAININGS, *EVALUATIONS)
    with ThreadPoolExecutor() as pool:
        started = [
            pool.submit(call, root / "runs", *how, "tests.team", str(root), str(out), *jobs)
            for how, out in (((), made.one), (TORCHRUN, made.two))
        ]
    for done in started:
        assert done.result().returncode == 0, done.result().stderr
    return made


def flat(state: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint, by path."""
    for name, value in state.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}/{name}")
        elif isinstance(value, Tensor):
            yield f"{path}/{name}", value.double()


def assert_same_tensors(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> None:
    """To rounding: losses are float32, their sums have other orders."""
    assert one.keys() == two.keys() and len(one) > 2
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5, msg=name)


def assert_same_rows(one: list[dict[str, Any]], two: list[dict[str, Any]]) -> None:
    assert len(one) == len(two) > 0
    numbers = ("clean", "adversarial", "ci95")
    for row, other in zip(one, two, strict=True):
        assert {k: v for k, v in row.items() if k not in numbers} == {
            k: v for k, v in other.items() if k not in numbers
        }
        for name in numbers:
            same = None if other[name] is None else pytest.approx(other[name], rel=1e-6, abs=1e-9, nan_ok=True)
            assert row[name] == same, (row["metric"], name)


@pytest.mark.slow
def test_batch_norm_and_dropout_see_the_whole_batch(outcome: Outcome) -> None:
    one, two = (torch.load(out / "layers.pt") for out in (outcome.one, outcome.two))
    assert one.keys() == two.keys() and len(one["values"]) == 5
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("job", TRAININGS)
def test_two_processes_train_as_one(outcome: Outcome, job: str) -> None:
    one, two = outcome.events(job)
    assert one["messages"][:-1] == two["messages"][:-1] and len(one["progress"]) == len(two["progress"]) > 0
    for step, other in zip(one["progress"], two["progress"], strict=True):
        for name in step.keys() - {"pictures per second", "MB"}:
            assert step[name] == pytest.approx(other[name], rel=1e-5, abs=1e-5), name
    for row, other in zip(one["rows"], two["rows"], strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)
    assert_same_tensors(*outcome.tensors(job))


@pytest.mark.slow
@pytest.mark.parametrize(("job", "steps", "cut"), [
    ("stopped", 2, "ended early after step 2 of epoch 1 of 4"),
    ("patient", 4, "the best of epoch 2, after epoch 1"),
])  # fmt: skip
def test_two_processes_end_early_together(outcome: Outcome, job: str, steps: int, cut: str) -> None:
    for out, events in zip((outcome.one, outcome.two), outcome.events(job), strict=True):
        assert len(events["progress"]) == steps
        assert Card.read(out / job / "drawn.json").metrics["cut"] == cut


@pytest.mark.slow
@pytest.mark.parametrize("job", EVALUATIONS)
def test_two_processes_measure_what_one_does(outcome: Outcome, job: str) -> None:
    one, two = outcome.events(job)
    assert_same_rows(one["rows"], two["rows"])
    assert one["messages"] == two["messages"] and one["left_out"] == two["left_out"]
    assert ("0001.png" in str(one["left_out"])) == (job == "broken")
    last = [each["progress"][-1] for each in (one, two)]
    assert [each["num_outside"] for each in last] == [0, 0]
    assert last[0]["max_perturbation"] == last[1]["max_perturbation"]
    if job == "all":
        assert len(two["progress"]) == 5, "two of the five pairs of pictures, and all of them at the end"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "end"),
    [(TORCHRUN, ()), pytest.param((), TORCHRUN, marks=pytest.mark.slow)],
    ids=["two-then-one", "one-then-two"],
)
def test_a_training_goes_on_with_another_number_of_processes(
    root: Path, outcome: Outcome, tmp_path: Path, begin: tuple[str, ...], end: tuple[str, ...]
) -> None:
    for started, job in ((begin, "half"), (end, "rest")):
        done = call(root / "runs", *started, "tests.team", str(root), str(tmp_path), job)
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "rest.json").read_text())["messages"][0] == "resumed after step 1 of epoch 2"
    state = load_checkpoint(tmp_path / "resumed")
    assert state is not None and (tmp_path / "resumed" / "drawn.safetensors").is_file()
    assert_same_tensors(next(outcome.tensors("mta")), dict(flat(state)))


@pytest.mark.slow
def test_the_command_line_speaks_once(root: Path, tmp_path: Path) -> None:
    words = (
        "mta_core", "evaluate", "--data", f"nyuv2:{root / 'scenes'}", "--victim", "small", "--attack", "fgsm",
        "--epsilon", "8", "--device", "cpu", "--batch-size", "1", "--limit", "5", "--json",
    )  # fmt: skip
    one = call(root / "runs", *words, str(tmp_path / "one.json"))
    two = call(root / "runs", *TORCHRUN, *words, str(tmp_path / "two.json"))
    assert one.returncode == two.returncode == 0, two.stderr
    assert one.stdout == two.stdout and one.stdout.count("every picture is inside the budget") == 1
    found = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two")]
    assert_same_rows(found[0]["rows"], found[1]["rows"])
    same = ("pictures", "pictures_sha256", "max_perturbation", "num_outside", "unreadable", "weights")
    assert [found[0]["provenance"][name] for name in same] == [found[1]["provenance"][name] for name in same]


def test_an_error_in_one_process_ends_both(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "scenes", tmp_path / "scenes")
    (tmp_path / "scenes" / "seg13" / "0009.png").unlink()
    (tmp_path / "scenes" / "seg13" / "0009.png").mkdir()  # labels that the second process alone wants to read
    words = ("evaluate", "--data", f"nyuv2:{tmp_path / 'scenes'}", "--victim", "small", "--attack", "fgsm")
    done = call(root / "runs", *TORCHRUN, "mta_core", *words, "--device", "cpu", "--json", str(tmp_path / "rows.json"))
    said = [line for line in done.stderr.splitlines() if line.startswith("python -m mta_core")]
    assert done.returncode != 0 and len(said) == 1 and "0009.png" in said[0], done.stderr
    assert 'Traceback (most recent call last):\n  File "' + str(ROOT) not in done.stderr
    assert "exitcode  : 2" in done.stderr and "exitcode  : 1" not in done.stderr
    assert not (tmp_path / "rows.json").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("train", "generator", "--preset", "mta-tiny", "--set", "batch_size=1", "--set", "victim=small"),
            "a picture or more for each of 2 processes, one has 1 picture",
        ),
        (("list", "tasks"), "expected train or evaluate or transfer in several processes, list runs in one"),
    ],
)
def test_what_makes_no_sense_is_refused_once(root: Path, tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    if words[0] == "train":
        words = (*words, "--set", f"data=nyuv2:{root / 'scenes'}", "--device", "cpu", "--out", str(tmp_path / "out"))
    done = call(root / "runs", *TORCHRUN, "mta_core", *words)
    assert done.returncode != 0 and done.stdout == ""
    said = [line for line in done.stderr.splitlines() if line.startswith("python -m mta_core")]
    assert len(said) == 1 and expected in said[0], done.stderr
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RANK": "0"}, "WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK below WORLD_SIZE"),
        ({"RANK": "-1", "WORLD_SIZE": "two"}, "got RANK='-1', WORLD_SIZE='two'"),
    ],
)
def test_a_wrong_environment_is_told(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mta_core.cli import main

    whole = {"LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"} if len(variables) > 1 else {}
    for name in distributed.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**variables, **whole}.items():
        monkeypatch.setenv(name, value)
    assert main(["list", "tasks"]) == 2
    said = capsys.readouterr().err
    assert expected in said and said.count("\n") == 1


@pytest.mark.parametrize("task", SCENE_TASKS, ids=lambda t: t.name)
@pytest.mark.parametrize("ends", [(0, 4, 7), (2, 2, 7), (6, 7, 7)])
def test_meters_unite_to_that_of_all_pictures(task: Task, ends: tuple[int, ...]) -> None:
    value = task.decode(toys.make_prediction(task, 7))
    target = toys.invalidate(toys.make_target(task, 7), torch.arange(7)[:, None, None].expand(7, 12, 10) == 3,
                             255 if task.name == "segmentation" else 0.0)  # fmt: skip
    whole = Meter(task, num_replicates=20, seed=5, has_published=True)
    whole.update(value, target)
    shares, begin = [], 0
    for end in ends:
        meter = Meter(task, num_replicates=20, seed=5, has_published=True)
        meter.skip(begin)
        if end > begin:
            meter.update(value[begin:end], target[begin:end])
        shares.append(meter.sums())
        begin = end
    united = Meter(task, num_replicates=20, has_published=True)
    united.unite(shares)
    assert united.num_pictures == 7
    for aggregation in ("pooled", "per-picture", "published"):
        assert united.compute(aggregation) == pytest.approx(whole.compute(aggregation), nan_ok=True)
        for name, interval in whole.interval(aggregation).items():
            assert united.interval(aggregation)[name] == pytest.approx(interval)


def test_alone_nothing_changes() -> None:
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout())
    see_whole_batches(model)
    assert [type(layer) for layer in model] == [nn.BatchNorm2d, nn.Dropout]
    value = torch.ones(3)
    assert distributed.total(value) is value and distributed.share_of_whole(3) == 1
    assert distributed.share(5) == range(5) and distributed.gathered("it") == ["it"] and distributed.is_first()
