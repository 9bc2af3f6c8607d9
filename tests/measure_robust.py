"""How robust a robust victim is beside a standard one, over pictures of a data set, task by task.

    python tests/measure_robust.py --standard dmtl --robust dmtl-robust --limit 64 --json runs/robust.json
    python tests/measure_robust.py --robust mtan --limit 1 --steps 3 --restarts 1     # only to see it run

Four questions, each to the main measure of each task, one perturbation a task, within L-inf 4/255:

1. Under APGD with restarts, is the log ratio ln(adversarial / clean), more being worse, of the robust victim at most
   half of the standard one's?
2. Does twice as long a PGD (100 steps beside 50) find no more on the robust one: within 1 point (of depth and angles
   1 % of the value)? If it does, its robustness may be that of gradients that lead nowhere.
3. Do pictures made on the standard victim move the robust one no farther than those made on itself? If they do, its
   gradients are masked.
4. Does robustness cost at most a quarter of the clean mIoU?

Rows are those of `evaluate` and `transfer`, each with the command that makes it alone. Exit code 1: an answer is no.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mta_core import PROGRAM, devices, results, victims  # noqa: E402
from mta_core.attacks import Apgd, Attack, Pgd  # noqa: E402
from mta_core.budget import Budget  # noqa: E402
from mta_core.cli.output import check_json, show, table  # noqa: E402
from mta_core.data import open_data  # noqa: E402
from mta_core.events import Row  # noqa: E402
from mta_core.explore import Subject  # noqa: E402
from mta_core.results import is_brief, measure_of  # noqa: E402
from mta_core.setting import Setting  # noqa: E402
from mta_core.tasks import Task, suited  # noqa: E402
from mta_core.transfer import common_tasks, transfer  # noqa: E402

Values = Mapping[str, Any]
MAX_RATIO, MAX_CLEAN_LOSS = 0.5, 0.25
MAX_POINTS, MAX_SHARE = 0.01, 0.01
"""What twice as many steps may change: of measures in per cent, and of others in relation to their value."""


def main() -> int:
    arguments = parse()
    check_json(arguments)
    device = devices.pick(arguments.device)
    standard, robust = (Subject.prepare(card.name, victim, device, card) for victim, card in (
        victims.load(arguments.standard), victims.load(arguments.robust)
    ))  # fmt: skip
    names = common_tasks(standard.precise.tasks, robust.precise.tasks)
    bench = Bench(arguments, suited(names, robust.precise.tasks))
    apgd = Apgd(arguments.steps, arguments.restarts)
    begin = time.perf_counter()
    of_standard = bench.measure(standard, apgd, robust)
    white_box = bench.measure(robust, apgd)
    shorter, longer = (bench.measure(robust, Pgd(steps)) for steps in (arguments.steps, 2 * arguments.steps))
    pairs = [(t, *(rows[robust.name, t.name] for rows in (white_box, of_standard, shorter, longer)),
              of_standard[standard.name, t.name]) for t in bench.tasks]  # fmt: skip
    verdicts = [verdict for pair in pairs for verdict in judge(*pair)]
    print(f"{white_box[robust.name, names[0]]['n']} pictures of {arguments.data}, {bench.budget.label}, {device.label}")
    print(table(("task", "question", standard.name, robust.name, "found", "asked", ""), [v.line for v in verdicts]))
    print("\n".join(["", "Each alone:", *bench.commands]))
    if arguments.json:
        made = results.provenance(
            command=shlex.join(["python", *sys.argv]), device=device.label, seed=arguments.seed,
            seconds=time.perf_counter() - begin, weights={s.name: s.card.sha256 for s in (standard, robust) if s.card},
            data=arguments.data.partition(":")[0], commands=bench.commands, verdicts=[vars(v) for v in verdicts],
        )  # fmt: skip
        results.write_json(Path(arguments.json), results.document(bench.rows, made))
    return 0 if all(verdict.is_reached for verdict in verdicts) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--standard", default="dmtl", metavar="V")
    parser.add_argument("--robust", default="dmtl-robust", metavar="V")
    parser.add_argument("--data", default="rooms", metavar="NAME[:PATH]")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=16, metavar="N", help="pictures (default: %(default)s)")
    parser.add_argument("--epsilon", type=float, default=4.0, help="in 1/255 (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=50, help="of APGD and the shorter PGD (default: %(default)s)")
    parser.add_argument("--restarts", type=int, default=5, help="of APGD (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", metavar="FILE", help="rows, verdicts and where they come from")
    return parser.parse_args()


@dataclass
class Bench:
    """Measures attacks on the same pictures, and remembers the rows and what to type for them."""

    arguments: argparse.Namespace
    tasks: Sequence[Task]
    rows: list[Values] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @property
    def budget(self) -> Budget:
        return Budget.from_units("linf", self.arguments.epsilon)

    def measure(self, subject: Subject, attack: Apgd | Pgd, to: Subject | None = None) -> dict[tuple[str, str], Values]:
        """The main measure of each task by victim and task; also of `to`, which is shown the same pictures."""
        given = self.arguments
        source = open_data(given.data, given.split, subject.precise.input_size)
        setting = Setting(subject, source, attack, self.budget, self.tasks, source.split, seed=given.seed)
        self.commands.append(self._command(subject.name, attack, "" if to is None else to.name))
        print(self.commands[-1], file=sys.stderr, flush=True)
        events = transfer(setting, to or subject, limit=given.limit, batch_size=given.batch_size)
        found = [event.values for event in show(events) if isinstance(event, Row)]
        self.rows += found
        main = {t.name: t.main_measure.name for t in self.tasks}
        kept = (row for row in found if is_brief(row) and row["aggregation"] == "pooled")
        return {(row["victim"], row["task"]): row for row in kept if row["metric"] == main[row["task"]]}

    def _command(self, victim: str, attack: Attack, to: str) -> str:
        given = self.arguments
        settings = {"num_steps": attack.num_steps, "num_restarts": attack.num_restarts}  # type: ignore[attr-defined]
        words = ["transfer", "--from", victim, "--to", to] if to else ["evaluate", "--victim", victim]
        words += ["--data", given.data, "--split", given.split, "--attack", attack.name, "--limit", str(given.limit)]
        words += ["--epsilon", f"{given.epsilon:g}", "--tasks", ",".join(t.name for t in self.tasks)]
        for key, value in settings.items():
            words += ["--set", f"{key}={value}"]
        return f"{PROGRAM} {shlex.join(words)}"


@dataclass(frozen=True)
class Verdict:
    """An answer: numbers as people read them, and whether it is what was asked for."""

    task: str
    question: str
    standard: str
    robust: str
    found: str
    asked: str
    is_reached: bool

    @property
    def line(self) -> tuple[str, ...]:
        reached = "reached" if self.is_reached else "MISSED"
        return self.task, self.question, self.standard, self.robust, self.found, self.asked, reached


def judge(
    task: Task, own: Values, transferred: Values, shorter: Values, longer: Values, standard: Values
) -> Iterator[Verdict]:
    """The answers for a task: rows of the robust victim under its own APGD, the standard one's, and PGDs, and the
    standard victim's under its own APGD."""
    measure = measure_of(own)

    def said(row: Values) -> str:
        return f"{measure.format(row['clean'])} -> {measure.format(row['adversarial'])}"

    ratio = log_ratio(own) / max(log_ratio(standard), 1e-9)
    yield Verdict(
        task.name, "log ratio under APGD", said(standard), said(own),
        f"{log_ratio(own):.3f} / {log_ratio(standard):.3f} = {ratio:.2f}", f"<= {MAX_RATIO:g}", ratio <= MAX_RATIO,
    )  # fmt: skip
    more = (shorter["adversarial"] - longer["adversarial"]) * (1 if own["higher_is_better"] else -1)
    limit = MAX_POINTS if measure.shown_unit == "%" else MAX_SHARE * abs(shorter["adversarial"])
    yield Verdict(
        task.name, "PGD twice as long", "", f"{measure.format(shorter['adversarial'])} -> "
        f"{measure.format(longer['adversarial'])}", measure.format(more), f"<= {measure.format(limit)}", more <= limit,
    )  # fmt: skip
    is_weaker = log_ratio(transferred) <= log_ratio(own)
    yield Verdict(
        task.name, "log ratio, made on the standard one", "", said(transferred), f"{log_ratio(transferred):.3f}",
        f"<= {log_ratio(own):.3f}", is_weaker,
    )  # fmt: skip
    if task.main_measure.name == "miou":
        lost = 1 - own["clean"] / standard["clean"]
        yield Verdict(
            task.name, "clean mIoU lost", measure.format(standard["clean"]), measure.format(own["clean"]),
            f"{100 * lost:.1f} %", f"<= {100 * MAX_CLEAN_LOSS:g} %", lost <= MAX_CLEAN_LOSS,
        )  # fmt: skip


def log_ratio(row: Values) -> float:
    """ln(adversarial / clean) with its sign such that more is worse; 0 where nothing moves."""
    ratio = math.log(max(row["adversarial"], 1e-6) / max(row["clean"], 1e-6))
    return -ratio if row["higher_is_better"] else ratio


if __name__ == "__main__":
    sys.exit(main())
