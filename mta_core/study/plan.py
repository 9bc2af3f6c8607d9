"""What the robustness study measures: which models under which attacks, and which of them each figure shows.

Tasks are letters here (`mta_core.study_presets.LETTERS`), as in the paper's tables; a model is the letters of its tasks
in their order there, so that `ds` and `sd` are the same; but in the weighted setting S4 the main task comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from mta_core.attacks.pgd import Pgd
from mta_core.budget import Budget
from mta_core.study_presets import LETTERS, MAIN, SETTINGS, SHORT

ALL = "".join(LETTERS)
EPSILON, L2_EPSILON, STEPS, STEP_SIZE = 8.0, 4.0, 25, 2.0
"""As the paper attacks unless it says otherwise: epsilon and step size of L-infinity in 1/255, epsilon of L2 plain."""
FIGURE_TASKS = "sADdEenkKpr"
"""The task under attack in Figures 1 to 11."""
CURVE_TASKS = "sDEn"
"""The main tasks of Figures 14 to 17."""
CURVE_STEPS = (1, 5, 10, 15, 25)
CURVE_EPSILONS = (2.0, 4.0, 8.0, 16.0)
CHAIN = MAIN
"""The order in which tasks are added one after the other, in Figures 12 and 13; the paper does not print theirs."""


def ordered(letters: str) -> str:
    """The same tasks in the order of the study.

    Raises:
        ValueError: these are not letters of tasks, each once.
    """
    if not letters or not set(letters) <= set(LETTERS) or len(set(letters)) < len(letters):
        raise ValueError(f"expected different letters of tasks among {ALL}, got {letters[:100]!r}")
    return "".join(letter for letter in LETTERS if letter in letters)


def spelled(letters: str, setting: str) -> str:
    """As models of a setting are called. Raises ValueError, see `ordered`."""
    known = ordered(letters)
    return letters if setting in SETTINGS and SETTINGS[setting].is_weighted else known


@dataclass(frozen=True)
class Probe:
    """One model under one attack; every task of the model is then measured.

    Attributes:
        model: letters in the order of the study; of S4 the main task first.
        attacked: letters in the order of the study; all attacked tasks share one perturbation.
        norm: `linf` or `l2`.
        epsilon: in the norm's unit: 1/255, or plain.
        l2_step: of `mta_core.attacks.pgd.Pgd`.
    """

    model: str
    attacked: str
    norm: str = "linf"
    epsilon: float = EPSILON
    steps: int = STEPS
    l2_step: str = "unit"

    def __post_init__(self) -> None:
        assert self.attacked == ordered(self.attacked) and set(self.attacked) <= set(ordered(self.model))

    @property
    def is_usual(self) -> bool:
        """Whether it attacks as the paper does unless it says otherwise."""
        return self == Probe(self.model, self.attacked)

    @property
    def budget(self) -> Budget:
        return Budget.from_units(self.norm, self.epsilon)

    @property
    def attack(self) -> Pgd:
        """The paper says a step size for L-infinity alone; of L2 it is 2.5 epsilon / steps, the released code's aside,
        which is its own."""
        step_size = STEP_SIZE if self.norm == "linf" else 0.0
        return Pgd(num_steps=self.steps, step_size=step_size, l2_step=self.l2_step)


def pairs(letters: str) -> list[str]:
    """Models of two of these tasks, in the order of the study."""
    return ["".join(pair) for pair in combinations(ordered(letters), 2)]


def chain(letters: str = CHAIN) -> list[str]:
    """Models to which one task after the other is added."""
    return [letters[:n] for n in range(1, len(letters) + 1)]


def probes(models: Sequence[str]) -> list[Probe]:
    """Each model attacked on each of its tasks alone and on all at once, as the paper attacks."""
    return [Probe(model, attacked) for model in models for attacked in dict.fromkeys((*model, ordered(model)))]


def by_steps(probe: Probe) -> list[Probe]:
    return [replace(probe, steps=steps) for steps in CURVE_STEPS]


def by_epsilon(probe: Probe) -> list[Probe]:
    return [replace(probe, epsilon=epsilon) for epsilon in CURVE_EPSILONS]


def by_norm(probe: Probe) -> list[Probe]:
    """Figure 17: the same "epsilon = 4" in both norms, and L2 as the released code has it."""
    l2 = replace(probe, norm="l2", epsilon=L2_EPSILON)
    return [replace(probe, epsilon=L2_EPSILON), l2, replace(l2, l2_step="released")]


def variations(probe: Probe) -> list[Probe]:
    """The probe with other numbers of steps, epsilons and norms, itself among them, each once."""
    return list(dict.fromkeys([*by_steps(probe), *by_epsilon(probe), *by_norm(probe)]))


def curves(mains: str = CURVE_TASKS, letters: str = MAIN) -> list[Probe]:
    """Figures 14 to 17: each main task attacked in a model of its own, and beside each of the other letters alone and
    with both attacked."""
    own = [probe for main in mains for probe in curve(main, letters)]
    return [each for probe in dict.fromkeys(own) for each in variations(probe)]


def curve(main: str, letters: str = MAIN) -> list[Probe]:
    """The lines of a main task in Figure 14, in the order of the study."""
    models = [ordered(main + other) for other in letters if other != main]
    return [Probe(main, main), *(Probe(model, attacked) for model in models for attacked in (main, model))]


def tables(letters: str = MAIN) -> list[Probe]:
    """Tables 2 to 6: tasks alone and all pairs."""
    return probes([*letters, *pairs(letters)])


def small_study(setting: str = SHORT) -> list[Probe]:
    """What is measured of the short victims: the tables of the five main tasks; and of the plain ones the curves, a
    chain of tasks, all attacked, and all eleven tasks, each attacked alone and all at once."""
    if setting != SHORT:
        return tables()
    chained = [Probe(ordered(model), ordered(model)) for model in chain() if len(model) > 2]
    return list(dict.fromkeys([*tables(), *chained, *probes([ALL]), *curves()]))


def paper_study(setting: str) -> list[Probe]:
    """What is measured of a setting of Table 1: the tables of its tasks, of S1 also what the short ones have. In S4 the
    two orders of a pair are models of their own, whose weights differ.

    Raises:
        ValueError: there is no such setting.
    """
    if setting not in SETTINGS:
        raise ValueError(f"expected a setting among {', '.join(SETTINGS)}, got {setting[:100]!r}")
    letters = SETTINGS[setting].letters
    if SETTINGS[setting].is_weighted:
        return probes([*letters, *map("".join, permutations(letters, 2))])
    cells = tables(letters)
    return list(dict.fromkeys([*cells, *small_study()])) if setting == "s1" else cells
