"""A result as one HTML file: opens from disk, asks nothing of any network, in light and dark, and prints. No streamlit
here.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app import panels, reproduction, tables, versus
from app.panels import View
from app.reproduction import Where
from app.result import Result
from app.words import direction, facts, in_sentence, perturbation_title, reference, sentence
from mta_core import results
from mta_core.explore import TaskOutcome
from mta_core.tasks.colours import CIVIDIS

STYLE = Path(__file__).with_name("report.css")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the file may load: nothing but what is in it."""
Cells = Sequence[Mapping[str, Any]]
Files = Mapping[str, bytes]


def report_html(
    result: Result, view: View, where: Where, device: str, second: Result | None = None, link: str = ""
) -> bytes:
    """The whole report.

    Args:
        where, device: what it was computed with; the latter for people.
        second: what came of it for a second victim.
        link: the address of the page that shows it.
    """
    request = result.request
    title = f"{request.attack.label} at {request.budget.label} on {request.picture.name}"
    parts = [
        f"<h1>{_e(title)}</h1>",
        f'<p class="quiet">Multi-task attack explorer, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {_e(device)}.</p>',
        _link(link),
        _summary(result),
        *_pictures(result, view, second),
        _measures(result, second),
        _sizes(result, second),
        _losses(result),
        _settings(result, second, where, device),
        _again(result, second, where),
    ]
    style = STYLE.read_text(encoding="utf-8")
    head = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_e(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
    )
    return f"{head}<body><main>{''.join(parts)}</main></body></html>\n".encode()


def _link(link: str) -> str:
    return f'<p class="quiet">The same view: <a href="{_e(link)}">{_e(link)}</a></p>' if link else ""


def _summary(result: Result) -> str:
    items = "".join(
        f"<li>{_e(o.task.label)}: {_e(in_sentence(sentence(result.verdict(name))))}</li>"
        for name, o in result.outcome.tasks.items()
    )
    stopped = ""
    if result.stopped_at is not None:
        stopped = (
            f"<p>It was stopped by hand after {result.stopped_at} steps: the lines below run it to its end, and give "
            "other numbers.</p>"
        )
    return f"<ul>{items}</ul>{stopped}"


def _pictures(result: Result, view: View, second: Result | None) -> list[str]:
    """The picture and what was added to it, then each task's outputs."""
    if second is not None:
        return _pictures_of_both(result, view, second)
    request, made = result.request, result.outcome.perturbations
    drawn = [panels.drawn(result, View(name, view.gain, view.beside)) for name in made]
    rows, files = drawn[0]
    clean, *_, last = rows[0]["cells"]
    parts = ["<h2>Picture and perturbation</h2>", _facts(request.picture.name, _credit(result))]
    parts.append(_figures([clean, last], files.pngs))
    for name, (own, own_files) in zip(made, drawn, strict=True):
        parts += [f"<h3>Perturbation for {_e(perturbation_title(name))}</h3>", _size_line(facts(made[name]))]
        parts.append(_figures(own[0]["cells"][1:3], own_files.pngs))
    parts.append("<h2>Outputs</h2>")
    return parts + [_row(row, files.pngs) for row in rows[1:]]


def _pictures_of_both(result: Result, view: View, second: Result) -> list[str]:
    names = (result.request.victim, second.request.to or second.request.victim)
    rows, made = versus.drawn(result, second, names, view, is_transfer=bool(second.request.to))
    files = made.pngs
    parts = ["<h2>Picture and perturbation</h2>"]
    rows = [{**row, "words": _credit(result)} if row["id"] == "picture" else row for row in rows]
    pictures = [row for row in rows if row["id"] in ("picture", "perturbation")]
    parts += [_row(row, files) for row in pictures] + ["<h2>Outputs</h2>"]
    return parts + [_row(row, files) for row in rows if row not in pictures]


def _credit(result: Result) -> str:
    """Of a file that somebody sent there is none to give."""
    picture = result.request.picture
    return "" if picture.origin.is_file else picture.credit


def _facts(*lines: str) -> str:
    return "".join(f'<p class="quiet">{_e(line)}</p>' for line in lines if line)


def _size_line(values: Iterable[Sequence[str]]) -> str:
    return _facts(", ".join(f"{name} {value}" for name, value in values))


def _row(row: Mapping[str, Any], files: Files) -> str:
    """A row of the page: its title, what became of it, its pictures and how to read their colours."""
    said = [row.get("words", ""), *(f"{side['name']}: {side['words']}" for side in row.get("sides", ()))]
    size = _size_line(row["facts"]) if row.get("facts") else ""
    return (
        f"<h3>{_e(row['title'])}</h3>{''.join(f'<p>{_e(text)}</p>' for text in said if text)}{size}"
        f"{_figures(row['cells'], files)}{_legend(row)}"
    )


def _figures(cells: Cells, files: Files) -> str:
    return f'<div class="row">{"".join(_figure(cell, files) for cell in cells if cell.get("alt"))}</div>'


def _figure(cell: Mapping[str, Any], files: Files) -> str:
    caption = f"<figcaption>{_e(cell['caption'])}</figcaption>"
    if "bars" in cell:
        items = "".join(
            f'<li style="--share:{100 * share:.1f}%"><span>{_e(name)}</span><span>{100 * share:.1f} %</span></li>'
            for name, share, _ in cell["bars"]
        )
        return f'<figure>{caption}<ol class="bars" aria-label="{_e(cell["alt"])}">{items}</ol></figure>'
    if "digest" not in cell:
        return ""
    data = base64.b64encode(files[cell["digest"]]).decode()
    return f'<figure>{caption}<img alt="{_e(cell["alt"])}" src="data:image/png;base64,{data}"></figure>'


def _legend(row: Mapping[str, Any]) -> str:
    legend, parts = row.get("legend") or {}, []
    if legend.get("span"):
        low, high = (
            f"{value:.1f} {legend['unit']}" if legend.get("unit") else f"{value:.2f}" for value in legend["span"]
        )
        parts.append(_scale("", low, high, legend["scale"]))
    parts += [
        f'<span><i style="background:{_e(colour)}"></i>{_e(name)}</span>' for name, colour in legend.get("entries", ())
    ]
    if (difference := row.get("difference")) and difference.get("top"):
        parts.append(_scale(f"{difference['label']}: ", "0", str(difference["top"]), difference["scale"]))
    return f'<div class="legend">{"".join(parts)}</div>' if parts else ""


def _scale(name: str, low: str, high: str, colours: Sequence[str] | None) -> str:
    colours = ",".join(colours or CIVIDIS)
    return (
        f'<span>{_e(name)}{_e(low)}<span class="scale" style="background:linear-gradient(90deg,{_e(colours)})"></span>'
        f"{_e(high)}</span>"
    )


def _measures(result: Result, second: Result | None) -> str:
    request = result.request
    if second is not None:
        names = (request.victim, second.request.to or second.request.victim)
        caption = f"{request.attack.label} at {request.budget.label} on {request.picture.name}, both victims"
        body = tables.versus_table(versus.measures(result, second), names, caption)
    else:
        body = "".join(_measures_of(result, outcome) for outcome in result.outcome.tasks.values())
    digits = results.dumps(reproduction.measures_of(result, second))
    return f"<h2>Measures</h2>{body}<details><summary>Every digit, as JSON</summary><pre>{_e(digits)}</pre></details>"


def _measures_of(result: Result, outcome: TaskOutcome) -> str:
    """Clean, adversarial and with noise, with units."""
    is_targeted = result.request.is_targeted
    lines = ""
    for m in outcome.task.measures:
        values = {kind: numbers[m.name] for kind, numbers in outcome.measures.items()}
        cells = "".join(
            f'<td class="number">{_e(m.format(values[kind]))}</td>' if kind in values else "<td></td>"
            for kind in ("clean", "adversarial", "noise")
        )
        lines += (
            f'<tr><th scope="row">{_e(m.named(is_targeted).label)}</th><td>{_e(m.unit or "fraction")}</td>'
            f"<td>{_e(direction(m.higher_is_better))}</td>{cells}</tr>"
        )
    against = reference(outcome, is_targeted) or "against the ground truth"
    heads = ("Measure", "Unit", "Direction")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    head += "".join(f'<th scope="col" class="number">{name}</th>' for name in ("Clean", "Adversarial", "Random noise"))
    return (
        f'<div class="scroll"><table><caption>{_e(outcome.task.label)}, {_e(against)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _sizes(result: Result, second: Result | None) -> str:
    of_second = second if second is not None and not second.request.to else None
    rows = [
        (perturbation_title(name).capitalize(), one.request.victim, facts(made))
        for one in (result, of_second)
        if one is not None
        for name, made in one.outcome.perturbations.items()
    ]
    head = "".join(
        f'<th scope="col">{_e(name)}</th>' for name in ("Perturbation", "Made on", *(f[0] for f in rows[0][2]))
    )
    body = "".join(
        f'<tr><th scope="row">{_e(title)}</th><td>{_e(victim)}</td>'
        f"{''.join(f'<td>{_e(value)}</td>' for _, value in values)}</tr>"
        for title, victim, values in rows
    )
    allowed = _e(f"Allowed: {result.request.budget.label}")
    return (
        f'<h2>Size of the perturbation</h2><div class="scroll"><table><caption>{allowed}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _losses(result: Result) -> str:
    """The loss of each task by step, each to its own scale; nothing of an attack of one step."""
    chart = panels.loss_chart(result.history)
    if not chart or not chart["series"]:
        return ""
    lines, legend, said = "", "", []
    for series in chart["series"]:
        values = [value for _, value in series["points"]]
        low, high = min(values), max(values)
        across, up = 540 / max(1, chart["total"] - 1), 150 / ((high - low) or 1)
        points = " ".join(f"{20 + across * (step - 1):.1f},{170 - up * (v - low):.1f}" for step, v in series["points"])
        colour = _e(series["colour"])
        lines += f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        legend += (
            f'<span><i style="background:{colour}"></i>{_e(series["label"])} {values[0]:.3f} to {values[-1]:.3f}</span>'
        )
        said.append(f"{series['label']} from {values[0]:.3f} to {values[-1]:.3f}")
    alt = f"Loss of each task by step, each to its own scale: {', '.join(said)}"
    ends = f'<text x="20" y="192">step 1</text><text x="560" y="192" text-anchor="end">step {chart["total"]}</text>'
    return (
        f'<h2>Loss by step</h2><svg viewBox="0 0 580 200" role="img" aria-label="{_e(alt)}">{lines}{ends}</svg>'
        f'<div class="legend">{legend}</div>'
    )


def _settings(result: Result, second: Result | None, where: Where, device: str) -> str:
    rows = [
        (name, value) for name, value in settings_of(result, second, where, device).items() if value not in ("", None)
    ]
    body = "".join(f'<tr><th scope="row">{_e(name)}</th><td>{_e(str(value))}</td></tr>' for name, value in rows)
    weights = dict(result.request.weights) | dict(second.request.weights if second else ())
    digests = "".join(
        f'<tr><th scope="row">{_e(name)}</th><td><code>{_e(digest)}</code></td></tr>'
        for name, digest in weights.items()
    )
    return (
        f'<h2>Settings</h2><div class="scroll"><table><caption>What was asked for, and what computed it</caption>'
        f"<tbody>{body}</tbody></table></div>"
        f'<div class="scroll"><table><caption>SHA-256 of the weights</caption><tbody>{digests}</tbody></table></div>'
    )


def settings_of(result: Result, second: Result | None, where: Where, device: str) -> dict[str, Any]:
    """Everything that decides the numbers, by names for people."""
    request, origin = result.request, result.request.picture.origin
    height, width = result.outcome.clean.shape[-2:]
    made = results.provenance()
    attack = reproduction.attacked(result)[0].attack
    own = {f.metadata.get("label", f.name): getattr(attack, f.name) for f in fields(attack)}
    unit = {
        f.metadata["label"]: request.budget.epsilon_unit for f in fields(attack) if f.metadata.get("unit") == "budget"
    }
    rows: dict[str, Any] = {
        "Picture": request.picture.name,
        "SHA-256 of the file": origin.sha256,
        "Fit": {"crop": "crop: fills the frame", "pad": "pad: black bars"}[origin.fit] if origin.is_file else "",
        "Size": f"{width} x {height} pixels, 8 bits a channel",
        "Data": "" if origin.is_file else f"{origin.public_data}, {origin.split}, {origin.name}",
        "Victim": request.victim,
        "Tasks attacked": ", ".join(t.label for t in request.tasks),
        "Attack": request.attack.label,
        **{name: f"{value} ({unit[name]})" if name in unit else value for name, value in own.items()},
        "Perturbations": request.scope,
        "Goal": "targeted" if request.is_targeted else "non-targeted",
        "Target": request.like.name if request.like else request.target,
        "Norm": request.budget.norm.label,
        "Epsilon": f"{request.budget.units:g} ({request.budget.epsilon_unit})",
        "Seed": request.seed,
        "Stopped after": f"{result.stopped_at} steps" if result.stopped_at is not None else "",
    }
    if second is not None:
        rows["Second victim"] = second.request.to or second.request.victim
        rows["Attack on it"] = "transfer" if second.request.to else "white-box"
    return rows | {
        "Attack took": f"{result.outcome.seconds:.2f} s",
        "Device": device,
        "Threads": where.threads,
        "Program": f"mta_core {made['mta_core']}",
        "PyTorch": made["torch"],
        "Python": made["python"],
        "Platform": made["platform"],
    }


def _again(result: Result, second: Result | None, where: Where) -> str:
    todo = reproduction.attacked(result, second)
    commands = "\n".join(reproduction.command_lines(todo, where))
    needs = "".join(f"<p>{_e(text)}</p>" for text in reproduction.needs(todo))
    return (
        "<h2>Make it again</h2><p>Run in the program's folder, with the same weights. On the same device, with the "
        f"same number of threads, the numbers are the same to the last digit.</p>{needs}"
        f"<h3>Command line</h3><p>Each <code>result.json</code> below <code>{reproduction.OUT}</code> has the "
        f'numbers.</p><pre id="command">{_e(commands)}</pre><h3>Python</h3><p>Prints the numbers.</p>'
        f'<pre id="python">{_e(reproduction.python_lines(todo, where))}</pre>'
    )


def _e(text: object) -> str:
    return html.escape(str(text))
