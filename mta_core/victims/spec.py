"""How somebody's own model is named: `module:function`, `torchvision:NETWORK` or `transformers:PATH`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mta_core.weights import MAX_SIDE, MIN_SIDE, NAME

TORCHVISION, TRANSFORMERS, MODULE = "torchvision", "transformers", "module"
DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
OPTIONS: Mapping[str, tuple[str, ...]] = {
    TORCHVISION: ("weights", "classes", "size", "labels"), TRANSFORMERS: ("size", "depth", "labels"),
    MODULE: ("labels",),
}  # fmt: skip
FORMS = "module:function, torchvision:NETWORK?weights=FILE or transformers:PATH"


@dataclass(frozen=True)
class Spec:
    """One's own model, as it was named.

    Attributes:
        text: all of it, which is the victim's name.
        kind: one of `OPTIONS`.
        target: the module and function, the network, or the folder or name.
        options: what follows `?`, as `key=value&key=value`.
    """

    text: str
    kind: str
    target: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """What it is read from, as far as it says: where one of these changes it is another model."""
        named = [self.options[key] for key in ("weights", "classes", "labels") if key in self.options]
        folder = Path(self.target).expanduser()
        within = sorted(folder.iterdir()) if self.kind == TRANSFORMERS and folder.is_dir() else []
        return [*(Path(text).expanduser() for text in named), *within]

    def size(self, usual: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which it is shown pictures.

        Raises:
            ValueError: what was said is none.
        """
        if "size" not in self.options:
            return usual
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", self.options["size"])
        sides = tuple(int(side) for side in found.groups()) if found else ()
        if len(sides) != 2 or not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
            raise ValueError(
                f"expected size=HEIGHTxWIDTH with sides in [{MIN_SIDE}, {MAX_SIDE}], got {self.options['size'][:100]!r}"
            )
        return sides[0], sides[1]


def is_spec(text: str) -> bool:
    """Whether a victim's name is that of somebody's own model; paths to cards are not, whatever they begin with."""
    name = text.partition("?")[0]
    if text.startswith((f"{TORCHVISION}:", f"{TRANSFORMERS}:")):
        return True
    return re.fullmatch(f"{DOTTED}:{DOTTED}", name) is not None and not name.endswith(".json")


def parse(text: str) -> Spec:
    """Raises ValueError where that names no model in any of the `FORMS`."""
    name, question, rest = text.partition("?")
    kind, _, target = name.partition(":")
    if not (is_spec(text) and target.strip() and text.isprintable()):
        raise ValueError(f"expected {FORMS}, got {text[:100]!r}")
    if kind not in (TORCHVISION, TRANSFORMERS):
        kind, target = MODULE, name
    options: dict[str, str] = {}
    for piece in rest.split("&") if question else ():
        key, _, value = piece.partition("=")
        if key not in OPTIONS[kind] or not value or key in options:
            known = ", ".join(f"{one}=..." for one in OPTIONS[kind])
            raise ValueError(f"expected some of {known} behind the ?, & between them, got {piece[:100]!r}")
        options[key] = value
    return Spec(text, kind, target, options)


def with_option(text: str, key: str, value: str) -> str:
    """The same model with one more option."""
    return f"{text}{'&' if '?' in text else '?'}{key}={value}"


def parse_named(text: str) -> dict[str, str]:
    """Models by the names they are shown under, from `SPEC,NAME=SPEC,...`; without a name it is the spec itself.

    Raises:
        ValueError: a piece names no model, or a name comes twice.
    """
    named: dict[str, str] = {}
    for piece in filter(None, (part.strip() for part in text.split(","))):
        name, equals, rest = piece.partition("=")
        name, spec = (name, rest) if equals and re.fullmatch(NAME, name) else (piece, piece)
        if not is_spec(spec):
            raise ValueError(f"expected {FORMS}, or NAME= before it, got {piece[:100]!r}")
        if name in named:
            raise ValueError(f"expected each name once, got two of {name[:100]!r}")
        named[name] = spec
    return named
