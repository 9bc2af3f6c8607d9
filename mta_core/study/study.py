"""The study as one piece of work that goes on where it was stopped: models, then what attacks do to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mta_core.devices import Device
from mta_core.events import Event
from mta_core.study.findings import Findings
from mta_core.study.plan import Probe


class Study:
    """One setting of the study on one data set.

    Attributes:
        findings: what was found so far, read from the setting's folder under `runs/study`.
        failures: why models could not be trained or measured.
    """

    def __init__(
        self, setting: str = "short", data: str = "rooms", device: Device | None = None, limit: int | None = None,
        batch_size: int = 16, seed: int = 0,
    ) -> None:  # fmt: skip
        self.findings = Findings()
        self.failures: list[str] = []

    def run(self, probes: Sequence[Probe]) -> Iterator[Event]:
        yield from ()
