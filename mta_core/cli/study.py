"""`study`: the robustness study, trained and measured, as one piece of work that goes on where it was stopped."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mta_core import devices, results, weights
from mta_core.cli.output import check_json, command_line, complain, say, show, table, write_json
from mta_core.study import plan
from mta_core.study.models import PAPERS, USUAL, needed
from mta_core.study.plan import Probe
from mta_core.study.study import Study
from mta_core.study_presets import SETTINGS, SHORT, SHORTS
from mta_core.wording import counted


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    setting, data = _setting(arguments)
    probes = _probes(arguments, setting)
    for folder in (weights.RUNS, *([Path(arguments.pictures)] if arguments.pictures else [])):
        results.check_folder(folder)
    study = Study(
        setting, data, devices.pick(arguments.device), arguments.limit, arguments.batch_size, arguments.seed or 0,
        command=command_line(arguments),
    )  # fmt: skip
    begin = time.perf_counter()
    for _ in show(study.train(probes) if arguments.train_only else study.run(probes)):
        pass
    if arguments.train_only:
        say(arguments, f"{counted(len(study.cards), 'model')} of {len(needed(probes))} trained")
        made = {letters: {"name": card.name, "sha256": card.sha256} for letters, card in study.cards.items()}
        write_json(arguments, {"models": made})
    else:
        _tell(arguments, study, probes, time.perf_counter() - begin)
    if arguments.pictures:
        for _ in show(study.draw([probe for probe in probes if probe.is_usual], Path(arguments.pictures))):
            pass
    for name in study.unreadable:
        complain(f"left out {name}: it cannot be read")
    for reason in study.failures:
        complain(reason)
    return 2 if study.failures or study.unreadable else 0


def _setting(arguments: argparse.Namespace) -> tuple[str, str]:
    """Raises ValueError where the setting is none of the scale, or its data are not said."""
    is_paper = arguments.scale == "paper"
    known = tuple(SETTINGS) if is_paper else tuple(SHORTS)
    setting = arguments.setting or ("s1" if is_paper else SHORT)
    if setting not in known:
        raise ValueError(
            f"expected a setting of --scale {arguments.scale} among {', '.join(known)}, got {setting[:100]!r}"
        )
    if is_paper and arguments.data is None:
        raise ValueError(f"expected --data {PAPERS}:PATH beside --scale paper: its models are trained on Taskonomy")
    return setting, arguments.data or USUAL


def _probes(arguments: argparse.Namespace, setting: str) -> list[Probe]:
    """Those of the study, or of the models that are named, which it need not have.

    Raises:
        ValueError: these are not letters of tasks.
    """
    listed = plan.paper_study(setting) if arguments.scale == "paper" else plan.small_study(setting)
    if arguments.models is None:
        return listed
    found: list[Probe] = []
    for model in dict.fromkeys(plan.spelled(letters, setting) for letters in arguments.models):
        found += [probe for probe in listed if probe.model == model] or plan.probes([model])
    return found


def _tell(arguments: argparse.Namespace, study: Study, probes: list[Probe], seconds: float) -> None:
    found = [each for probe in probes for letter in probe.model if (each := study.findings.find(probe, letter))]
    lines = []
    for probe in probes:
        own = [each for each in found if each.probe == probe]
        errors = ", ".join(f"{each.task} {each.relative:.3g}" for each in own)
        if own:
            step = f", {probe.l2_step} step" if probe.l2_step != "unit" else ""
            lines.append((probe.model, probe.attacked, probe.budget.label + step, str(probe.steps), errors))
    if lines:
        say(arguments, "Relative vulnerability (adversarial - clean) / clean of each task's error:")
        say(arguments, table(("model", "attacked", "budget", "steps", "tasks"), lines))
    say(arguments, f"{counted(len(lines), 'probe')} of {len(probes)} measured, in {study.path} ({seconds:.0f} s)")
    write_json(arguments, {"findings": [each.to_json() for each in found], "provenance": study.provenance()})
