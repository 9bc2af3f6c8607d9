"""Figures of the study: errors and relative vulnerabilities by steps, epsilon and norm, and of the model of all tasks.
No streamlit here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import plotly.graph_objects as go

from app.charts import DASHES, KINDS, LINE_COLOURS, SYMBOLS, finish
from app.study_map import label, written
from mta_core.study import plan
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import Probe
from mta_core.study_presets import LETTERS

SINGLE, MULTI = "Single attack", "Multi attack"
COLOURS = {SINGLE: KINDS["adversarial"][1], MULTI: KINDS["clean"][1]}
NORMS = {"linf": "L-inf, 4/255", "unit": "L2, 4", "released": "L2, 4, as released"}
"""What Figure 17 has beside each other."""
HEIGHT = 330
Series = Callable[[Probe], list[Probe]]
"""Probes that differ in one thing from the one that is given."""


def attacks(main: str, auxiliary: str) -> dict[str, Probe]:
    """The attacks on a main task beside an auxiliary one; where it is alone there is but one."""
    if main == auxiliary:
        return {SINGLE: Probe(main, main)}
    model = plan.ordered(main + auxiliary)
    return {SINGLE: Probe(model, main), MULTI: Probe(model, model)}


def known(findings: Findings, main: str, auxiliary: str, kind: str, series: Series) -> list[Finding | None]:
    """What was found of a main task along a series; empty where nothing was."""
    probe = attacks(main, auxiliary).get(kind)
    found = [findings.find(one, main) for one in series(probe)] if probe else []
    measured = [each if each and math.isfinite(each.relative) else None for each in found]
    return measured if any(measured) else []


def mains(findings: Findings, series: Sequence[Series] = (plan.by_steps, plan.by_epsilon, plan.by_norm)) -> list[str]:
    """Main tasks of which there are curves with two points at least."""
    return [
        main for main in plan.CURVE_TASKS
        if any(
            sum(each is not None for each in known(findings, main, auxiliary, SINGLE, one)) > 1
            for auxiliary in LETTERS for one in series
        )
    ]  # fmt: skip


def steps(findings: Findings, main: str) -> go.Figure:
    """The error of the main task against the steps of the attack, beside each auxiliary task (Figure 14)."""
    figure, told = go.Figure(), []
    scale = 100 if main == "s" else 1
    for number, auxiliary in enumerate(each for each in LETTERS if known(findings, main, each, SINGLE, plan.by_steps)):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        for kind in attacks(main, auxiliary):
            found = [each for each in known(findings, main, auxiliary, kind, plan.by_steps) if each]
            if not found:
                continue
            name = "alone" if main == auxiliary else f"with {auxiliary}{', both attacked' if kind == MULTI else ''}"
            y = [scale * each.adversarial for each in found]
            line = go.Scatter(
                x=[each.probe.steps for each in found], y=y, name=name, mode="lines+markers",
                line={"color": colour, "dash": DASHES[kind == MULTI], "width": 3 if main == auxiliary else 1.8},
                marker={"size": 7, "symbol": SYMBOLS[number % len(SYMBOLS)]}, text=[_error(each) for each in found],
                hovertemplate=f"{name}, %{{x}} steps: %{{text}}<extra></extra>",
            )  # fmt: skip
            figure.add_trace(line)
            told.append(f"{name} {_listed(y)}")
    figure.update_xaxes(title_text="steps", rangemode="tozero")
    figure.update_yaxes(title_text="1 − mIoU (%)" if main == "s" else "mean squared error", rangemode="tozero")
    _named(figure, f"Error of {label(main)} by steps: {'; '.join(told)}")
    return _with_legend(figure, rows=math.ceil(len(told) / 3))


def by_steps(findings: Findings, main: str) -> go.Figure:
    """Figure 15."""
    return _boxes(findings, main, plan.by_steps, [str(each) for each in plan.CURVE_STEPS], "steps")


def by_epsilon(findings: Findings, main: str) -> go.Figure:
    """Figure 16."""
    return _boxes(findings, main, plan.by_epsilon, [f"{each:g}" for each in plan.CURVE_EPSILONS], "epsilon (1/255)")


def by_norm(findings: Findings, main: str) -> go.Figure:
    """Figure 17."""
    return _boxes(findings, main, plan.by_norm, list(NORMS.values()), "norm and epsilon")


def has_norms(findings: Findings, main: str) -> bool:
    """Whether anything was attacked with the released code's L2 step."""
    found = (known(findings, main, auxiliary, SINGLE, plan.by_norm) for auxiliary in LETTERS)
    return any(each and each.probe.l2_step == "released" for series in found for each in series)


def _boxes(findings: Findings, main: str, series: Series, values: Sequence[str], axis: str) -> go.Figure:
    """The relative vulnerability of the main task at each value: a dot for each auxiliary task, a box around them."""
    figure, told = go.Figure(), []
    for kind, colour in COLOURS.items():
        points = _points(findings, main, kind, series, values)
        if not points:
            continue
        figure.add_trace(
            go.Box(
                x=[value for value, _, _ in points], y=[each.relative for _, _, each in points], name=kind,
                boxpoints="all", pointpos=0, jitter=0.5, marker={"color": colour, "size": 6}, line={"width": 1.4},
                text=[f"{_beside(main, auxiliary)}: {_relative(each)}" for _, auxiliary, each in points],
                hovertemplate="%{text}<extra></extra>", hoveron="points",
            )
        )  # fmt: skip
        for value in values:
            own = [each.relative for at, _, each in points if at == value]
            if own:
                told.append(f"{kind.lower()} at {value} {written(min(own))} to {written(max(own))}")
    figure.update_xaxes(title_text=axis, type="category", categoryorder="array", categoryarray=list(values))
    figure.update_yaxes(title_text="relative vulnerability", zeroline=True, rangemode="tozero")
    _named(figure, f"Relative vulnerability of {label(main)} by {axis}: {'; '.join(told)}")
    return _with_legend(figure.update_layout(boxmode="group"))


def _points(
    findings: Findings, main: str, kind: str, series: Series, values: Sequence[str]
) -> list[tuple[str, str, Finding]]:
    """Value, auxiliary task and what was found."""
    return [
        (value, auxiliary, found)
        for auxiliary in LETTERS
        for value, found in zip(values, known(findings, main, auxiliary, kind, series), strict=False)
        if found
    ]


def has_all_tasks(findings: Findings) -> bool:
    return any(each.probe.model == plan.ALL for each in findings)


def all_tasks(findings: Findings) -> go.Figure:
    """The model of all eleven tasks: each attacked alone, and all at once, with 95 % intervals."""
    figure, told = go.Figure(), []
    for kind, colour in COLOURS.items():
        found = {
            letter: findings.find(Probe(plan.ALL, letter if kind == SINGLE else plan.ALL), letter) for letter in LETTERS
        }
        shown = {letter: each for letter, each in found.items() if each and math.isfinite(each.relative)}
        name = "attacked alone" if kind == SINGLE else "all attacked at once"
        figure.add_trace(
            go.Bar(
                y=[f"{label(letter)} ({letter})" for letter in shown], x=[each.relative for each in shown.values()],
                name=name, marker_color=colour, error_x=_ends(shown.values()), orientation="h",
                hovertext=[f"{label(letter)}, {name}: {_relative(each)}" for letter, each in shown.items()],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )  # fmt: skip
        told.append(f"{name} {', '.join(f'{letter} {written(each.relative)}' for letter, each in shown.items())}")
    figure.update_xaxes(title_text="relative vulnerability", zeroline=True, rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True)
    _named(figure, f"Relative vulnerability of each of eleven tasks: {'; '.join(told)}")
    return _with_legend(figure.update_layout(bargap=0.25), top=True).update_layout(height=110 + 36 * len(LETTERS))


def _ends(found: Iterable[Finding]) -> Mapping[str, object]:
    """Error bars; none where there is no interval."""
    up, down = [], []
    for each in found:
        low, high = each.relative_ci95 or (each.relative, each.relative)
        up.append(high - each.relative)
        down.append(each.relative - low)
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5, "width": 4,
            "color": "#8a93a0"}  # fmt: skip


def _beside(main: str, auxiliary: str) -> str:
    return "alone" if main == auxiliary else f"with {auxiliary}"


def _relative(found: Finding) -> str:
    ends = found.relative_ci95
    return written(found.relative) + (f" ({written(ends[0])} to {written(ends[1])})" if ends else "")


def _error(found: Finding) -> str:
    scale, unit = (100, " %") if found.task == "s" else (1, "")
    ends = found.adversarial_ci95
    interval = f" ({written(scale * ends[0])} to {written(scale * ends[1])})" if ends else ""
    return f"{written(scale * found.adversarial)}{unit}{interval}"


def _listed(values: Sequence[float]) -> str:
    return ", ".join(map(written, values))


def _named(figure: go.Figure, title: str) -> None:
    finish(figure, title, height=HEIGHT, margin_top=12)


def _with_legend(figure: go.Figure, rows: int = 1, *, top: bool = False) -> go.Figure:
    place = {"y": 1.02, "yanchor": "bottom"} if top else {"y": -0.24, "yanchor": "top"}
    room = {"margin_t": 40} if top else {}
    return figure.update_layout(
        showlegend=True, legend={"orientation": "h", "x": 0, **place}, height=HEIGHT + 20 * rows, **room
    )
