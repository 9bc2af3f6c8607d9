"""The command line: `python -m mta_core COMMAND`. Its options are in `arguments`; each command has its own file."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from mta_core import PROGRAM
from mta_core.cli.arguments import make_parser

USER_ERROR = 2
INTERRUPTED = 130
OUT_OF_MEMORY = 1
SHARED = ("train", "evaluate", "transfer")
"""What several processes can do together."""
NO_MEMORY = ("out of memory", "can't allocate memory")
"""What PyTorch says on a GPU and on the CPU. Named here too, since the engine is not imported before it is needed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 when stopped by the keyboard."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text that a terminal can show
    given = sys.argv[1:] if argv is None else list(argv)
    if not is_one_of_several():
        return _guarded(given, _complain)
    from mta_core.cli.together import together

    return together(lambda complain: _guarded(given, complain), _complain)


def is_one_of_several() -> bool:
    """Whether `torchrun`, or something like it, started this process."""
    return "RANK" in os.environ or "WORLD_SIZE" in os.environ


def _guarded(argv: list[str], complain: Callable[[str, int], int]) -> int:
    try:
        return run(argv)
    except KeyboardInterrupt:
        return complain("stopped", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ValueError as error:  # what the engine raises for bad input: see the classes derived from it
        return complain(str(error), USER_ERROR)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return complain(f"{where}{error.strerror or error}", USER_ERROR)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(text in str(error) for text in NO_MEMORY):
            raise
        return complain("out of memory: choose a smaller batch, victim or picture", OUT_OF_MEMORY)


def run(argv: list[str]) -> int:
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what is wrong, or printed the help
        return int(stop.code or 0)
    arguments.argv = argv
    if is_one_of_several() and arguments.command not in SHARED:
        raise ValueError(f"expected {' or '.join(SHARED)} in several processes, {arguments.command} runs in one")
    return _command(arguments)


def _command(arguments: argparse.Namespace) -> int:
    # Imported only now: torch takes seconds, which help and a mistyped option need not wait for.
    module = import_module(f"mta_core.cli.{arguments.module}")
    code: int = module.run(arguments)
    return code


def _complain(text: str, code: int) -> int:
    print(f"{PROGRAM}: {' '.join(text.split())}", file=sys.stderr)
    return code


__all__ = ["main"]
