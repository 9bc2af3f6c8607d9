"""How strong the preset `live` is after some minutes: trains it and measures it on the gallery, per task.

    python tests/measure_live.py --minutes 10 --out runs/live-10
    python tests/measure_live.py --minutes 60 --out runs/live-10        # goes on from there

Measures are each task's main one over all scenes of the gallery, in float32. The share is that of PGD-10's log ratio:
what an attack makes of a measure in relation to the clean one. Beside it, how many times as far as random noise of the
same size the generator moves the measure.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mta_core import devices, generators, presets, victims  # noqa: E402
from mta_core.attacks import Pgd  # noqa: E402
from mta_core.budget import Budget  # noqa: E402
from mta_core.data import open_data  # noqa: E402
from mta_core.events import Message, Progress  # noqa: E402
from mta_core.explore import Subject, noisy_picture  # noqa: E402
from mta_core.objective import make_problem  # noqa: E402
from mta_core.tasks import Meter, task  # noqa: E402
from mta_core.train_generator import GeneratorTraining  # noqa: E402
from mta_core.train_run import train  # noqa: E402
from mta_core.turns import Stopwatch  # noqa: E402

Makers = Mapping[str, Callable[[torch.Tensor, dict[str, torch.Tensor]], dict[str, torch.Tensor]]]
LEAST_OVER_NOISE = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training; 0 to measure what is there")
    parser.add_argument("--out", type=Path, default=Path("runs/live"))
    parser.add_argument("--pictures", type=int, default=24, help="of the gallery")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device = devices.pick(arguments.device)
    recipe = presets.generator_preset("live")
    if arguments.minutes:
        learn(GeneratorTraining(recipe, device), arguments.out, arguments.minutes)
    report(device, arguments.out / f"{recipe.name}.json", arguments.pictures)
    return 0


def learn(training: GeneratorTraining, out: Path, minutes: float) -> None:
    watch, shown = Stopwatch(), time.monotonic()
    for event in watch.over(train(training, out, resume=True, measure_every=1)):
        if watch.seconds > 60 * minutes:
            training.stop_early()
        if isinstance(event, Message):
            print(f"{watch.seconds:6.0f} s  {event.text}", flush=True)
        if isinstance(event, Progress) and time.monotonic() - shown > 20:
            shown = time.monotonic()
            losses = " ".join(f"{name} {event.values[name]:.2f}" for name in training.recipe.tasks)
            speed = event.values["pictures per second"]
            print(f"{watch.seconds:6.0f} s  step {event.done}: {losses}, {speed:.2f} pictures a second", flush=True)


def report(device: devices.Device, path: Path, count: int) -> None:
    card = generators.load(str(path))[1]
    victim, victim_card = victims.load(str(card.options["victim"]))
    subject = Subject.prepare(victim_card.name, victim, device)
    budget = Budget.from_units(card.options["norm"], card.options["epsilon"])
    network = generators.ready(str(path), card, device.torch_device.type)
    tasks = [task(name) for name in card.tasks]

    def by_generator(clean: torch.Tensor, _: object) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            drawn = network(clean)
        return {name: budget.project_adversarial(clean + budget.scale(d), clean) for name, d in drawn.items()}

    def by_pgd(clean: torch.Tensor, truth: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return Pgd(num_steps=10)(make_problem(subject.fast, clean, truth, budget))

    makers: Makers = {
        "clean": lambda clean, _: {t.name: clean for t in tasks},
        "noise": lambda clean, _: {t.name: noisy_picture(budget, clean, 0) for t in tasks},
        "PGD-10": by_pgd,
        "generator": by_generator,
    }
    meters = {(t.name, kind): Meter(t, num_replicates=0) for t in tasks for kind in makers}
    gallery = open_data(f"rooms:{ROOT / 'assets' / 'gallery'}", "gallery", victim_card.input_size)
    for index in range(min(count, len(gallery))):
        sample = gallery[index]
        clean = device.put(sample.image[None])
        truth = {t.name: sample.targets[t.name][None].to(clean.device) for t in tasks}
        before = subject.answer(clean, tasks)
        for kind, make in makers.items():
            for name, picture in make(clean, truth).items():
                for t in (t for t in tasks if name in (t.name, "joint")):
                    answer = subject.answer(picture, [t])[t.name]
                    meters[t.name, kind].update(answer, truth[t.name].cpu(), before[t.name])
    print(f"{min(count, len(gallery))} pictures of the gallery, {budget.label}, on {device.label}")
    for t in tasks:
        measure = t.main_measure
        value = {kind: meters[t.name, kind].compute()[measure.name] for kind in makers}
        ratio = {kind: abs(math.log(max(value[kind], 1e-6) / value["clean"])) for kind in makers}
        moved = abs(value["generator"] - value["clean"]) / max(abs(value["noise"] - value["clean"]), 1e-9)
        shown = ", ".join(f"{kind} {measure.format(value[kind])}" for kind in makers)
        share = 100 * ratio["generator"] / ratio["PGD-10"]
        enough = "enough" if moved >= LEAST_OVER_NOISE else "TOO LITTLE"
        print(
            f"{t.label} {measure.label}: {shown}; {moved:.1f} times noise ({enough}), {share:.0f} % of PGD-10's ratio"
        )


if __name__ == "__main__":
    sys.exit(main())
