"""The tour in the browser: one component that has everything from the start, so that nothing can fail later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from app.components.registering import register, together
from mta_core.tour import Scene

_component = register("tour", together("shared.js", "tour.js"), together("tour.css"))


def draw(scenes: Sequence[Scene], files: Mapping[str, bytes]) -> None:
    """Shows the scenes; which one stands in the page's address (`?scene=2`), kept there by the browser itself."""
    header = {
        "scenes": [asdict(scene) for scene in scenes],
        "files": [[name, len(data)] for name, data in files.items()],
    }
    _component(key="tour", data=json.dumps(header).encode() + b"\n" + b"".join(files.values()))
