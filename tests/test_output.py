"""What a person sees on a terminal while work goes on."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from mta_core.cli import output
from mta_core.events import Event, Message, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def work() -> Iterator[Event]:
    yield Progress(1, 4, "steps", {"loss": 0.5}, "training")
    yield Message("epoch 1 of 2")
    yield Progress(4, 4, "steps", {"loss": 0.25}, "training")


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert len(list(output.show(work()))) == 2
    shown = terminal.getvalue()
    assert "training" in shown and "1/4" in shown and "loss 0.500" in shown and "epoch 1 of 2\n" in shown


def test_a_log_file_gets_the_messages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    assert len(list(output.show(work()))) == 2
    assert log.getvalue() == "epoch 1 of 2\n"
