"""What a person sees on a terminal while work goes on."""

from __future__ import annotations

import argparse
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_core.cli import output
from mta_core.events import Event, Message, Progress
from mta_core.wording import counted_among


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


def test_as_many_pictures_as_there_are_of_each_task() -> None:
    shown = [counted_among(numbers, "picture") for numbers in ([1], [3, 3], [3, 1, 2], [1000, 2])]
    assert shown == ["1 picture", "3 pictures", "1 to 3 pictures", "2 to 1,000 pictures"]


def test_json_goes_down_a_pipe_that_another_name_stands_for() -> None:
    """As `--json /dev/stdout` does, which stands for a pipe that has no name of its own."""
    end, start = os.pipe()
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(os.read(end, 100)))
    reader.start()
    output.write_json(argparse.Namespace(json=f"/dev/fd/{start}"), {"a": 1})
    os.close(start)
    reader.join()
    os.close(end)
    assert json.loads(read[0]) == {"a": 1}


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there.json")
    output.write_json(argparse.Namespace(json=str(link)), {"a": 1})
    assert link.is_symlink() and json.loads((tmp_path / "there.json").read_text()) == {"a": 1}
