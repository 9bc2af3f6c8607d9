"""A stage with made-up pictures that change by themselves once they are told to: a page for the test beside it."""

import sys
from pathlib import Path
from typing import Any

import streamlit as st
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import panels, readings
from app.components import pulse, stage
from app.drawings import cell, coloured, drawing, split
from mta_core.amplified import amplify
from mta_core.tasks import SCENE_TASKS, Task

UPDATES, WIDTH, HEIGHT = 50, 48, 36
SEGMENTATION, DEPTH, NORMALS = SCENE_TASKS
Y, X = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")


def picture(turn: int) -> torch.Tensor:
    """(3, H, W): its column, its row and the turn, in grey levels."""
    return torch.stack([X, Y, torch.full_like(X, 2 * turn)]) / 255


def row_of(t: Task, clean: torch.Tensor, adversarial: torch.Tensor, probability: torch.Tensor | None) -> dict[str, Any]:
    span, difference = t.span(clean, adversarial), t.difference(clean, adversarial)
    cells = [
        cell("Clean", f"{t.label}, clean", coloured(t, clean, span, probability)),
        cell("Adversarial", f"{t.label}, adversarial", coloured(t, adversarial, span, probability), before=0),
        cell("Difference", f"{t.label}, difference", drawing(
            difference.expand(3, -1, -1) / (1e-6 + difference.max()), reading=readings.of_difference(t, difference))),
    ]  # fmt: skip
    return {"id": t.name, "title": t.label, "words": "", "cells": cells}


def rows(turn: int) -> list[dict[str, Any]]:
    change = torch.where(X % 2 == 0, 4, -4).expand(3, -1, -1) / 255
    clean = picture(turn).clamp(4 / 255, 1)
    first = [
        cell("Clean", f"Clean picture, turn {turn}", drawing(clean), panel="clean"),
        cell("Adversarial", "Adversarial picture", drawing(clean + change), panel="adversarial", before=0),
        cell("Perturbation", "Perturbation", drawing(amplify(change, 20), reading=readings.of_perturbation(change)),
             panel="perturbation"),
    ]  # fmt: skip
    metres = (1 + X / 100 + turn / 1000)[None, None]
    angle = torch.deg2rad(90.0 * X / WIDTH)
    looks = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()])[None]
    classes = (X // 8)[None]
    return [
        {"id": "picture", "title": "Made up", "words": "", "cells": first},
        row_of(SEGMENTATION, classes, (classes + (Y >= HEIGHT // 2)) % 13, (Y / HEIGHT)[None]),
        row_of(DEPTH, metres, metres + 0.25, None),
        row_of(NORMALS, looks, looks.flip(1), None),
    ]


@st.fragment
def pictures() -> None:
    turn = st.session_state.get("turn", 0)
    made = split(rows(turn))
    stage.draw(
        lambda wanted: panels.packed(
            *made, None, (), with_files=not wanted.values, values=wanted.values, aspect=f"{WIDTH} / {HEIGHT}", columns=3
        )
    )
    is_running = st.toggle("Run", key="run") and turn < UPDATES
    if is_running:
        st.session_state["turn"] = turn + 1
    pulse.beat("watch", 0.1 if is_running else None)
    st.html('<div style="height: 1500px">The page goes on</div>')


pictures()
