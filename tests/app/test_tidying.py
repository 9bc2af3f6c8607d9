"""Memory is given back when people have gone."""

from __future__ import annotations

import pytest
import torch
from helpers import until

from app import tidying
from app.kept import Kept
from app.tidying import Tidying, give_back
from mta_core import devices


def test_what_was_kept_for_people_goes_when_the_last_of_them_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "SOON", 0.05)
    monkeypatch.setattr(tidying, "LATE", 0.1)
    given: list[str] = []
    monkeypatch.setattr(tidying, "give_back", lambda: given.append("given"))
    house = Tidying(lambda: given.append("forgotten"))
    house.come()
    house.come()
    house.go(lambda: given.append("let go"))
    until(lambda: "given" in given)
    assert "forgotten" not in given, "somebody is here yet"
    house.go(lambda: given.append("let go, too"))
    until(lambda: "forgotten" in given)
    until(lambda: "let go" in given and "let go, too" in given)
    house.come()


def test_closed_it_lets_go_of_all_at_once() -> None:
    given: list[str] = []
    house = Tidying(lambda: given.append("forgotten"))
    house.come()
    house.go(lambda: given.append("let go"))
    house.close()
    assert given == ["let go"]


def test_only_the_newest_are_kept() -> None:
    kept = Kept()
    for number in range(9):
        kept.results.put(number, number)
        kept.answers.put(number, number)
    kept.shrink()
    assert (len(kept.results), kept.results.get(8), len(kept.answers)) == (1, 8, 4)


def test_freed_memory_goes_back_to_the_system() -> None:
    device = devices.pick("cpu")
    if not devices.memory_in_use(device):
        pytest.skip("this system does not tell what a process uses")
    many = [torch.ones(16_000) for _ in range(8000)]  # pieces too small for the system to hand out one by one
    last = torch.ones(16_000)
    full = devices.memory_in_use(device)
    del many
    give_back()
    assert devices.memory_in_use(device) < full - 300e6
    assert last.sum() == 16_000
