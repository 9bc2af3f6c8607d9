"""Thumbnails of scenes or objects: a group of radio buttons that are pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from app.components.registering import register, together
from app.state import heard, keys, permalink

SCRIPT = together("shared.js", "picker.js")
_component = register("picker", SCRIPT, together("picker.css"))


def pick(key: str, label: str, names: Sequence[str], titles: Sequence[str], pngs: Sequence[bytes]) -> str:
    """Shows the thumbnails, and returns the name of the one chosen, which `key` keeps in the state."""
    chosen = permalink.thumbnail(key, names)

    def changed() -> None:
        name = heard.picked(key)
        if name in names:
            permalink.choose_thumbnail(key, name, names[0])

    header = {
        "label": label,
        "names": list(names),
        "titles": list(titles),
        "chosen": chosen,
        "sizes": [len(p) for p in pngs],
    }
    data = b"\n".join((json.dumps(header).encode(), b"".join(pngs)))
    _component(key=keys.picker(key), data=data, on_picked_change=changed)
    return chosen
