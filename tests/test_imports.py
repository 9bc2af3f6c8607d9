"""Who may import whom, read off the sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = ("tasks", "victims", "attacks", "data")
NO_BROWSER = (
    "charts", "comparison", "costs", "exports", "heatmap", "kept", "library", "pair", "panels", "paper", "series",
    "tables", "tried", "variants", "words", "workshop",
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


def offenders(folder: str, *forbidden: str) -> list[str]:
    files = [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py"))
    found = [(file, name) for file in files if file.exists() for name in imports(file)]
    return [
        f"{file.relative_to(ROOT)}: {name}"
        for file, name in found
        if any(name == banned or name.startswith(f"{banned}.") for banned in forbidden)
    ]


def test_the_engine_knows_no_browser() -> None:
    assert len(list((ROOT / "mta_core").rglob("*.py"))) > 20, "the sources must be found for this to mean anything"
    assert offenders("mta_core", "streamlit", "plotly", "app") == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_four_families_do_not_know_each_other(family: str) -> None:
    above = (
        "objective",
        "explore",
        "evaluate",
        "compare",
        "train",
        "train_victim",
        "train_generator",
        "cli",
        "presets",
    )
    others = [f"mta_core.{other}" for other in (*FAMILIES, *above) if other != family]
    assert offenders(f"mta_core/{family}", *others) == []


@pytest.mark.parametrize("name", NO_BROWSER)
def test_what_needs_no_browser_is_tested_without_streamlit(name: str) -> None:
    assert (ROOT / "app" / f"{name}.py").is_file()
    assert offenders(f"app/{name}.py", "streamlit") == []


def test_the_reader_of_imports_sees_them(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("import plotly.express\ndef f():\n    from mta_core import tasks\n")
    assert imports(file) == {"plotly.express", "mta_core", "mta_core.tasks"}
