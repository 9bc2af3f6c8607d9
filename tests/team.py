"""What `test_distributed` runs in several processes, and in one to compare: `python -m tests.team ROOT OUT JOB...`.

ROOT holds scenes and runs; what a job makes lies in OUT/JOB.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mta_core import distributed, weights
from mta_core.attacks import Pgd
from mta_core.budget import Budget
from mta_core.data import open_data
from mta_core.devices import Device, Model
from mta_core.evaluate import evaluate
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.explore import Subject
from mta_core.setting import Setting
from mta_core.tasks import SCENE_TASKS, task
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining, train_generator
from mta_core.train_run import train
from mta_core.train_uap import UapRecipe, train_uap
from mta_core.train_victim import train_victim
from mta_core.whole_batch import see_whole_batches
from tests import toys

SIZE = (64, 96)


class Exact(Device):
    """Computes in float64. In float32 a network that has learnt nothing is unlike itself after a few steps, whatever
    its batches: a weight whose gradient is nothing but rounding is moved by Adam as far as any other."""

    def put(self, images: Tensor) -> Tensor:
        return images.double().contiguous(memory_format=torch.channels_last)

    def freeze(self, model: Model, dtype: torch.dtype = torch.float64) -> Model:
        return super().freeze(model, torch.float64)


EXACT = Exact(torch.device("cpu"), torch.float32, "CPU, float64")


def generator_recipe(root: Path) -> GeneratorRecipe:
    """Two epochs of two steps; batches of three do not divide by two."""
    return GeneratorRecipe(
        name="drawn", victim="small", data=(f"nyuv2:{root / 'scenes'}",), ngf=4, num_blocks=1, per_epoch=6,
        batch_size=3, phases=((1, 32, 64), (1, *SIZE)), holdout=5, epsilon=8.0, learning_rate=1e-3, output_gain=0.05,
    )  # fmt: skip


EARLY = ("stopped", "patient")
GENERATORS: dict[str, dict[str, object]] = {
    "mta": {},
    "joint": {
        "scope": "joint",
        "method": "gap",
        "weighting": "uncertainty",
        "saturation": 5.0,
        "output_gain": 1.0,
    },
    "mgda": {"weighting": "mgda", "saturation": 5.0, "output_gain": 1.0},
    "universal": {"instance": "universal", "phases": ((2, *SIZE),)},
    "patterns": {"pattern_epochs": 1, "phases": ((2, *SIZE),)},
}


def train_one(root: Path, out: Path, job: str) -> list[Event]:
    if job == "victim":
        recipe = replace(toys.tiny_recipe(root / "scenes"), batch_size=3, per_epoch=6, phases=((1, 32, 64), (1, *SIZE)),
                         learning_rate=1e-3)  # fmt: skip
        return list(train_victim(recipe, EXACT, out / job))
    if job in ("half", "rest"):
        return go_on(root, out / "resumed", job)
    if job in EARLY:
        return end_early(root, out / job, job)
    if job == "uap":
        pushed = UapRecipe(
            name="uap", victim="small", data=(f"nyuv2:{root / 'scenes'}",), epsilon=16.0, epochs=1, per_epoch=6,
            batch_size=3, num_steps=2, num_candidates=2, holdout=5, share=0.5, fooling_rate=1.0,
        )  # fmt: skip
        return list(train_uap(pushed, EXACT, out / job))
    recipe = replace(generator_recipe(root), **GENERATORS[job])  # type: ignore[arg-type]
    return list(train_generator(recipe, EXACT, out / job))


class Doubted(GeneratorTraining):
    """Gets worse and worse, as its first process finds; better and better, as the others do."""

    def measure(self) -> Generator[Pause, None, dict[str, float]]:
        measures = yield from super().measure()
        return measures | {"score": (2.0 * (distributed.rank() > 0) - 1) * self.epoch}

    def score(self, measures: Mapping[str, float]) -> float:
        return measures["score"]


def end_early(root: Path, out: Path, job: str) -> list[Event]:
    """A training of four epochs that the last process is asked to stop in its second step, or the first finds good
    enough."""
    recipe = replace(generator_recipe(root), phases=((1, 32, 64), (3, *SIZE)))
    if job == "patient":
        return list(train(Doubted(recipe, EXACT), out, measure_every=1, patience=1))
    training, events = GeneratorTraining(recipe, EXACT), []
    for event in train(training, out):
        events.append(event)
        is_last = distributed.rank() == distributed.size() - 1
        if is_last and isinstance(event, Pause) and any(isinstance(earlier, Progress) for earlier in events):
            training.stop_early()
    return events


def go_on(root: Path, out: Path, job: str) -> list[Event]:
    """The first half of the training `mta`, or the rest of it."""
    stream = train_generator(generator_recipe(root), EXACT, out, resume=job == "rest", checkpoint_every=0)
    if job == "rest":
        return list(stream)
    events: list[Event] = []
    while sum(isinstance(event, Progress) for event in events) < 3:  # the first step of the second epoch
        events.append(next(stream))
    stream.close()  # type: ignore[attr-defined]
    return events


def measure(root: Path, job: str) -> tuple[list[Event], list[str]]:
    """The events of `evaluate`, and which pictures were left out."""
    tasks, limit, has_published = list(SCENE_TASKS), None, True
    victim = toys.make_victim(size=SIZE)
    data = open_data(f"nyuv2:{root / 'scenes'}", "test", SIZE)
    match job:
        case "one-picture":
            limit = 1
        case "broken":
            data, has_published = open_data(f"pictures:{root / 'broken'}", "test", SIZE), False
    left_out: list[str] = []
    subject = Subject.prepare("small", victim, EXACT)
    setting = Setting(subject, data, Pgd(num_steps=1), Budget.from_units("linf", 8), tasks, has_published=has_published)
    return list(evaluate(setting, limit=limit, batch_size=1, unreadable=left_out)), left_out


def measure_domains(root: Path) -> list[Event]:
    """Pictures of each task's own: three of them, of one victim that answers all three alike."""
    names = ("amazon", "dslr", "webcam")

    class Threefold(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.tasks, self.input_size = dict.fromkeys(names, "office31"), SIZE
            self.answer = nn.Conv2d(3, 31, 16, stride=16)

        def forward(self, images: torch.Tensor, wanted: object = names) -> dict[str, torch.Tensor]:
            return {name: self.answer(images).mean((2, 3), keepdim=True) for name in names if name in wanted}  # type: ignore[operator]

    victim = Threefold().requires_grad_(False)
    subject = Subject("threefold", victim, victim, EXACT)  # type: ignore[arg-type]
    data = open_data(f"office31:{root / 'domains'}", "test", SIZE)
    tasks = [task(name) for name in names]
    return list(evaluate(Setting(subject, data, Pgd(num_steps=1), Budget.from_units("linf", 8), tasks), batch_size=3))


def layers(out: Path) -> None:
    """Batch norm and dropout forth and back, of a batch of five: values, gradients, running statistics."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.4), nn.Conv2d(4, 2, 1))
    net[1].momentum = 0.3
    see_whole_batches(net)
    pictures = 20 + toys.make_pictures(5, 16, 16).double()
    mine = pictures[slice(*(distributed.share(5)[0], distributed.share(5)[-1] + 1))].requires_grad_(True)
    torch.manual_seed(4)
    out_values = net(mine)
    (out_values.square().sum() / 5).backward()
    distributed.add_up(parameter.grad for parameter in net.parameters())
    found = {f"gradient {name}": parameter.grad for name, parameter in net.named_parameters()}
    found |= {f"after {name}": value for name, value in net.named_buffers()}
    found["values"] = torch.cat(distributed.gathered(out_values.detach()))
    found["gradient of pictures"] = torch.cat(distributed.gathered(mine.grad))
    if distributed.is_first():
        torch.save(found, out / "layers.pt")


def run(root: Path, out: Path, job: str) -> None:
    extra: list[str] = []
    if job == "layers":
        layers(out)
        return
    if job in ("victim", "uap", "half", "rest", *EARLY, *GENERATORS):
        events = train_one(root, out, job)
    elif job == "domains":
        events = measure_domains(root)
    else:
        events, extra = measure(root, job)
    if distributed.is_first():
        (out / f"{job}.json").write_text(json.dumps({
            "rows": [event.values for event in events if isinstance(event, Row)],
            "progress": [dict(event.values) for event in events if isinstance(event, Progress)],
            "messages": [event.text for event in events if isinstance(event, Message)],
            "left_out": extra,
        }))  # fmt: skip


def main() -> None:
    root, out, jobs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    weights.RUNS, weights.SHIPPED = root / "runs", root / "nothing"
    out.mkdir(exist_ok=True)
    if "RANK" in os.environ:
        distributed.join()
    for job in jobs:
        run(root, out, job)
    distributed.leave()


if __name__ == "__main__":
    main()
