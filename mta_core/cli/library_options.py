"""Options of `check-data`, `import`, `remove` and `restore`. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mta_core.cli.typed import some as _text

MakeCommand = Callable[..., Any]


def add_library(commands: Any, make: MakeCommand) -> None:
    command = make(
        commands, "check-data", "Says what is missing or wrong in a data set; exit code 2 where anything is.",
        module="check_data",
    )  # fmt: skip
    command.add_argument("data", type=_text, metavar="NAME:PATH", help="nyuv2:/data/nyuv2, say; `list data` shows all")
    command.add_argument(
        "--every", action="store_true", help="read every picture (default: 50 of each split, evenly spread)"
    )
    command = make(commands, "import", "Takes in weights from elsewhere after checking them.", module="importing")
    command.add_argument("weights", type=_text, metavar="WEIGHTS", help="a .safetensors file")
    command.add_argument(
        "card", nargs="?", type=_text, metavar="CARD", help="its card (default: the .json file of the same name)"
    )
    command.add_argument("--name", type=_text, metavar="NAME", help="another name than the card's")
    for name, help in (
        ("remove", "Removes imported weights; `restore` brings them back."),
        ("restore", "Brings back imported weights that were removed."),
    ):
        command = make(commands, name, help, module="importing")
        command.add_argument("name", type=_text, metavar="NAME", help="of the weights")
