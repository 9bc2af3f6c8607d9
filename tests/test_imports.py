"""Who may import whom, read off the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = {"tasks": (), "victims": (), "attacks": ("tasks", "victims"), "data": ()}
"""With the others that each may know through something else: generators know victims and targets."""
NO_BROWSER = (
    "board_words", "cards", "charts", "comparison", "costs", "exports", "found", "heatmap", "kept", "library", "orders",
    "pair", "panels", "paper", "series", "study_charts", "study_map", "study_pictures", "study_words", "sweep_charts",
    "sweeps", "tables", "tidying", "trainings", "tried", "variants", "watching", "words", "workshop",
)  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside its functions, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: imports are absolute here"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@cache
def brought(module: str, root: Path) -> set[str]:
    """What a module imports, if it is one of this project's, and the package it is in."""
    path = root.joinpath(*module.split("."))
    file = next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
    return {module.rpartition(".")[0], *(imports(file) if file else ())} - {""}


def reached(modules: Iterable[str], root: Path) -> set[str]:
    """Every module that these bring in, be it through others of this project, and they themselves."""
    found: set[str] = set()
    left = set(modules)
    while left:
        found |= left
        left = set().union(*(brought(module, root) for module in left)) - found
    return found


def is_in(module: str, packages: Iterable[str]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def offenders(folder: str, direct: Iterable[str], anyhow: Iterable[str], root: Path = ROOT) -> list[str]:
    """What the files of a folder import though it is forbidden, `direct`ly or `anyhow`."""
    found = []
    for file in sorted((root / folder).rglob("*.py")) or [root / f"{folder}.py"]:
        known = imports(file)
        names = {n for n in known if is_in(n, direct)} | {n for n in reached(known, root) if is_in(n, anyhow)}
        found += [f"{file.relative_to(root)}: {name}" for name in sorted(names)]
    return found


def test_the_engine_knows_no_browser() -> None:
    assert len(list((ROOT / "mta_core").rglob("*.py"))) > 20, "the sources must be found for this to mean anything"
    assert offenders("mta_core", (), ("streamlit", "plotly", "app")) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_four_families_do_not_know_each_other(family: str) -> None:
    above = (
        "objective",
        "explore",
        "evaluate",
        "setting",
        "attacked",
        "tally",
        "vulnerability",
        "compare",
        "train",
        "train_run",
        "train_recipes",
        "train_places",
        "train_victim",
        "train_generator",
        "cli",
        "presets",
    )
    others = {f"mta_core.{other}" for other in (*FAMILIES, *above) if other != family}
    through = {f"mta_core.{other}" for other in FAMILIES[family]}
    assert offenders(f"mta_core/{family}", others, others - through) == []


@pytest.mark.parametrize("name", NO_BROWSER)
def test_what_needs_no_browser_is_tested_without_streamlit(name: str) -> None:
    assert (ROOT / "app" / f"{name}.py").is_file()
    assert offenders(f"app/{name}", (), ("streamlit",)) == []


def test_the_reader_of_imports_sees_them(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("import plotly.express\ndef f():\n    from mta_core import tasks\n")
    assert imports(file) == {"plotly.express", "mta_core", "mta_core.tasks"}


def test_what_is_imported_through_others_is_seen(tmp_path: Path) -> None:
    (tmp_path / "app" / "b").mkdir(parents=True)
    (tmp_path / "app" / "a.py").write_text("from app.b import c\n")
    (tmp_path / "app" / "b" / "__init__.py").write_text("import streamlit.runtime\n")
    (tmp_path / "app" / "b" / "c.py").write_text("from app import a\n")
    assert offenders("app/a", ("streamlit",), (), tmp_path) == []
    assert offenders("app/a", (), ("streamlit",), tmp_path) == ["app/a.py: streamlit", "app/a.py: streamlit.runtime"]
