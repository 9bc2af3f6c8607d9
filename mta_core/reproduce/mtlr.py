"""The tables and figures of the robustness study (MTL-R), by name.

`mtlr_exhibit` says what one is, `mtlr_tables`, `mtlr_figures` and `mtlr_spreads` what they show, `mtlr_study` has what
is missing measured; `mtlr_settings` (Table 1) counts, and `mtlr_chain` (Figures 12 and 13) measures losses, not errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from mta_core.reproduce import mtlr_chain, mtlr_figures, mtlr_settings, mtlr_spreads, mtlr_tables
from mta_core.reproduce.mtlr_chain import ChainReproduction
from mta_core.reproduce.mtlr_exhibit import Exhibit
from mta_core.reproduce.mtlr_settings import SettingsReproduction
from mta_core.reproduce.mtlr_study import Asked, StudyReproduction

EXHIBITS: Mapping[str, Exhibit] = {
    exhibit.name: exhibit
    for exhibit in (*mtlr_tables.EXHIBITS, *mtlr_figures.EXHIBITS, *mtlr_spreads.EXHIBITS)
}  # fmt: skip
COUNTED = mtlr_settings.NAME
"""What needs neither data nor training."""
NAMES = (COUNTED, *EXHIBITS, *mtlr_chain.NAMES)
Made = SettingsReproduction | ChainReproduction | StudyReproduction


def reproduction(name: str, asked: Asked) -> ChainReproduction | StudyReproduction:
    """All but Table 1.

    Raises:
        DataError: the data are none for this scale, or cannot be opened.
        ValueError: findings that are there are broken.
    """
    if name in mtlr_chain.NAMES:
        return ChainReproduction(name, asked)
    return StudyReproduction(EXHIBITS[name], asked)


__all__ = [
    "COUNTED", "EXHIBITS", "NAMES", "Asked", "ChainReproduction", "Made", "SettingsReproduction", "StudyReproduction",
    "reproduction",
]  # fmt: skip
