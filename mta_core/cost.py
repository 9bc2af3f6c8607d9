"""What perturbations cost: parameters, multiply-adds, time and memory of GAP, MTA and iterative attacks.

MTA section 3.2 and Table 7: one generator for all tasks stores less and draws faster than one a task, because its
encoder is stored once and, where the tasks share their input, runs once. Contenders take turns in one process, as in
`bench`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from mta_core import bench, peak
from mta_core.bench import Clock
from mta_core.contenders import Contender, Entry, Setup, contenders, entries
from mta_core.devices import Device
from mta_core.events import Event, Message, Progress, Row
from mta_core.multiply_adds import Counter

PAPER_MILLISECONDS = {"gap-per-instance": 342, "mta-per-instance": 126, "gap-universal": 384, "mta-universal": 137}
PAPER_PARAMETERS = {
    "gap-per-instance": 3.77e6, "mta-per-instance": 1.33e6, "gap-universal": 1.64e6, "mta-universal": 0.62e6
}  # fmt: skip
"""As Table 7 prints them."""
REMARKS = (
    "The paper's Table 7 prints 3.77, 1.33, 1.64 and 0.62 million parameters: exactly a tenth of what its architecture "
    "has.",
    "Its times for 4 blocks exceed those for 10 blocks, which cannot be: fewer blocks of the same kind are less work.",
    "Universal perturbations need no generator once they are drawn: their patterns are stored. The time of their "
    "generators is given because the paper gives it, for one input that all tasks share. With a noise pattern of its "
    "own for each task (section 3.1) the shared encoder runs once a task too: MTA saves parameters, but no time.",
)
"""What must be known to compare with the paper."""


@dataclass(frozen=True)
class Cost:
    """What the perturbations of all tasks cost for one batch of pictures.

    Attributes:
        name, label, method, instance, num_blocks, inputs, parameters: see `contenders.Entry`.
        multiply_adds: of the whole work for the batch.
        milliseconds: median of the turns; None before the first.
        turns: as many as there were so far.
        over_mta: its time over that of the MTA generator of the same instance, the median of ratios within turns.
        peak_bytes: weights and the most that the work holds at once; None where it was not measured.
        paper_milliseconds, paper_parameters: what Table 7 prints, where the setup is the paper's.
    """

    name: str
    label: str
    method: str
    instance: str
    num_blocks: int | None
    inputs: str
    precision: str
    batch_size: int
    parameters: int
    multiply_adds: int | None
    milliseconds: float | None
    turns: int
    over_mta: float | None
    peak_bytes: int | None
    paper_milliseconds: float | None
    paper_parameters: float | None

    @classmethod
    def of(cls, setup: Setup, entry: Entry) -> Self:
        """What is known before anything is measured."""
        paper = entry.name if setup.is_papers else ""
        timed = paper if setup.batch_size == 1 else ""  # the paper's times are of one picture
        return cls(
            **vars(entry), precision=setup.precision, batch_size=setup.batch_size, milliseconds=None, turns=0,
            over_mta=None, peak_bytes=None, paper_milliseconds=PAPER_MILLISECONDS.get(timed),
            paper_parameters=PAPER_PARAMETERS.get(paper),
        )  # fmt: skip


def known(setup: Setup) -> list[Cost]:
    """The generators' parameters and multiply-adds, exact without a measurement, beside the paper's numbers."""
    return [Cost.of(setup, entry) for entry in entries(setup)]


def measure(setup: Setup, device: Device) -> Iterator[Event]:
    """Progress after every piece of work; after each turn a `Row` with the fields of `Cost` for every contender, the
    later ones being the better founded; last, once more with peak memory.

    Raises:
        ValueError: the device does not compute in that precision, or there is no such victim.
    """
    team, notes = contenders(setup, device)
    for note in notes:
        yield Message(note)
    clock = Clock(device.torch_device)
    counts: dict[str, int] = {}
    total = (1 + setup.repeats) * len(team)
    for i, member in enumerate(team):
        for _ in _count(setup, device, member, counts):
            yield Progress(i, total, "runs", stage=f"warming up: {member.entry.label}")
    for turn in range(setup.repeats):
        for i, member in enumerate(team, (1 + turn) * len(team)):
            pictures = _pictures(setup, device, turn)
            for _ in clock.follow(member.entry.name, member.work(pictures, setup.seed + turn)):
                yield Progress(i, total, "runs", stage=f"turn {turn + 1} of {setup.repeats}: {member.entry.label}")
        yield from _rows(setup, team, clock, counts, {})
    if not peak.can_measure(device):
        yield Message("peak memory is not measured on this system")
        return
    held: dict[str, int] = {}
    yield Progress(total, total, "runs", stage="measuring memory")
    try:
        for name, size in peak.peaks(setup, device, team):
            held[name] = size
            yield Progress(total, total, "runs", stage="measuring memory")
    except RuntimeError as error:
        yield Message(str(error))
    yield from _rows(setup, team, clock, counts, held)


def _pictures(setup: Setup, device: Device, turn: int) -> Tensor:
    return device.put(bench.draw_pictures(setup.batch_size, setup.size, setup.seed + turn))


def _count(setup: Setup, device: Device, member: Contender, counts: dict[str, int]) -> Iterator[None]:
    """The first pass, which chooses and compiles kernels; counts the multiply-adds of an attack as it runs."""
    pieces = member.work(_pictures(setup, device, -1), setup.seed)
    counter = Counter()
    while True:
        with counter:
            piece = next(pieces, None)
        if piece is None:
            break
        yield
    counts[member.entry.name] = counter.multiply_adds


def _rows(
    setup: Setup, team: list[Contender], clock: Clock, counts: Mapping[str, int], held: Mapping[str, int]
) -> Iterator[Row]:
    for entry in (member.entry for member in team):
        measured = Cost.of(setup, entry)
        if measured.multiply_adds is None:
            measured = replace(measured, multiply_adds=counts[entry.name])
        measured = replace(
            measured,
            milliseconds=clock.milliseconds(entry.name),
            turns=len(clock.turns[entry.name]),
            over_mta=clock.ratio(entry.name, entry.rival),
            peak_bytes=held.get(entry.name),
        )
        yield Row(vars(measured))
