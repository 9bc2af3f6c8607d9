"""A second victim beside the stand-in for the shipped one."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from mta_core.victims.dmtl import SPACES
from mta_core.victims.mtan import Mtan
from mta_core.weights import Card, save_weights


def make_pair(studio: Path, runs: Path, name: str = "mtan", size: tuple[int, int] = (288, 384)) -> None:
    """The weights of the studio, and an untrained MTAN of that name and input size, in the layout of `runs/`."""
    shutil.copytree(studio / "runs", runs)
    torch.manual_seed(7)
    victim = Mtan(input_size=size, width=2)
    torch.nn.init.constant_(victim.heads["depth"][-1].bias, 2.0)
    save_weights(victim, Card(name, "victim", "mtan", victim.options(), SPACES, size), runs / name)
