"""The lines of a report, run in a fresh process: they give the very numbers of the page."""

from __future__ import annotations

import html
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from studio import make_gallery
from test_panels import finished

from app import bundle, library, report, reproduction
from app.library import Picture
from app.panels import View
from app.reproduction import Where
from app.request import Request
from app.result import Result
from app.second import Second
from app.workshop import Workshop
from mta_core import devices, imaging, results, victims, weights
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.generators import MtaGenerator, Patterns
from mta_core.tasks import SCENE_TASKS, answered
from mta_core.victims import own
from mta_core.victims.dmtl import SPACES
from mta_core.victims.mtan import Mtan
from mta_core.weights import SHIPPED, Card, save_weights
from tests import toys

ROOT = Path(__file__).resolve().parents[2]
SIZE, OTHER_SIZE = (64, 96), (64, 64)
DEVICE = "the device"
AIMED = "segmentation=floor,depth=2.0,normals=up"
RUN = """
import contextlib, io, json, shlex, sys
from pathlib import Path
from mta_core.cli import main
found = {}
for name, kind, lines in json.loads(sys.stdin.read()):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if kind == "python":
            exec(compile(lines, name, "exec"), {"__name__": "__main__"})
        else:
            codes = [main(shlex.split(line)[3:]) for line in lines.splitlines()]
            assert codes == [0] * len(codes), codes
    found[f"{name}, {kind}"] = printed.getvalue()
print(json.dumps(found))
"""
"""What people type one by one, in one process for all: it takes a second to start."""


OWN = "street_models:make"
MODULE = """
import torch
from mta_core.victims import adapt

def make():
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 3, 3, 1, 1)
    return adapt(network, {"segmentation": ("road", "car", "sky")}, (64, 96))
"""


@dataclass(frozen=True)
class Case:
    """A result of the page, and that of a second victim."""

    result: Result
    second: Result | None = None

    @property
    def measures(self) -> Any:
        return json.loads(results.dumps(reproduction.measures_of(self.result, self.second)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small victims of two sizes and generators for them, scenes, and a photograph: a folder to type the lines in."""
    root = tmp_path_factory.mktemp("place")
    torch.manual_seed(0)
    victim = toys.make_victim(size=SIZE)
    save_weights(victim, Card("small", "victim", "dmtl", victim.options(), SPACES, SIZE), root / "runs" / "small")
    other = toys.make_victim(Mtan, size=OTHER_SIZE)
    save_weights(other, Card("smaller", "victim", "mtan", other.options(), SPACES, OTHER_SIZE), root / "runs" / "other")
    generator = MtaGenerator(tuple(SPACES), 4, 1)
    options = {**generator.options(), "victim": "small"}
    save_weights(generator, Card("drawn", "generator", "mta", options, SPACES, SIZE), root / "runs" / "drawn")
    patterns = Patterns(list(SPACES), SIZE)
    for direction in patterns.directions.values():
        torch.nn.init.uniform_(direction, -1, 1)
    options = {**patterns.options(), "victim": "small", "method": "mta", "instance": "universal"}
    save_weights(patterns, Card("same", "generator", "patterns", options, SPACES, SIZE), root / "runs" / "same")
    (root / "street_models.py").write_text(MODULE)
    make_gallery(root / "gallery", 2)
    (root / "my photo's.png").write_bytes(imaging.encode_png(toys.make_pictures(1, 100, 130, seed=9)))
    return root


@pytest.fixture(scope="module")
def cases(place: Path) -> Iterator[dict[str, Case]]:
    """What the page computes: in another thread than that of the tests, as in the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "RUNS", place / "runs")
        patch.setattr(weights, "SHIPPED", SHIPPED)
        patch.setenv("MTA_GALLERY", str(place / "gallery"))
        patch.setenv(own.VARIABLE, f"{OWN},street={OWN}")
        patch.syspath_prepend(place)
        workshop = Workshop(devices.pick("cpu"))
        shelf = library.open_gallery()
        assert shelf is not None
        photo = library.read_upload("my photo's.png", (place / "my photo's.png").read_bytes())
        pgd = request(photo["crop"], "pgd", num_steps=2)
        aimed = replace(request(photo["pad"], "pgd", num_steps=2, norm="l2"), target=AIMED)
        like = request(shelf.read(0), "fgsm", "joint", like=shelf.read(1))
        yield {
            "PGD with a random start": Case(finished(workshop, pgd)),
            "a generator": Case(finished(workshop, request(shelf.read(0), "mta"))),
            "a universal one": Case(finished(workshop, request(photo["pad"], "mta", instance="universal"))),
            "towards a target, padded": Case(finished(workshop, aimed)),
            "like another picture": Case(finished(workshop, like)),
            "a second victim": white_box(workshop, request(shelf.read(1), "pgd", num_steps=1)),
            "an own model": Case(finished(workshop, of_own(request(shelf.read(0), "pgd", num_steps=1), OWN))),
            "one that has a name": Case(finished(workshop, of_own(request(photo["crop"], "fgsm"), "street"))),
            "a transfer": transfer(workshop, request(photo["crop"], "mifgsm", "joint", num_steps=2)),
        }


def request(
    picture: Picture, attack: str, scope: Any = "per-task", norm: str = "linf", like: Picture | None = None, **own: Any
) -> Request:
    budget = Budget.from_units(norm, 4.5)
    like = None if like is None else library.at_size(like, SIZE)
    return Request(
        library.at_size(picture, SIZE), "small", SCENE_TASKS, make_attack(attack, **own), scope, budget, like=like
    )


def of_own(first: Request, name: str) -> Request:
    card = victims.find(name)
    return replace(first, victim=name, tasks=answered(card.tasks), weights=((name, card.sha256),))


def white_box(workshop: Workshop, first: Request) -> Case:
    second = Second(victims.find("smaller"))
    return Case(finished(workshop, first), finished(workshop, second.request(first)))


def transfer(workshop: Workshop, first: Request) -> Case:
    result = finished(workshop, first)
    job = workshop.transfer(result, Second(victims.find("smaller"), "transfer").request(first))
    while not job.is_done:
        job.wait(len(job.events), 30)
    second = job.events[-1]
    assert isinstance(second, Result) and second.is_complete
    return Case(result, second)


@pytest.fixture(scope="module")
def printed(cases: Mapping[str, Case], place: Path) -> dict[str, str]:
    """What the lines of all reports print, run by a fresh process in that folder."""
    where = Where.of(devices.pick("cpu"))
    todo = []
    for name, case in ((name, cases[name]) for name in NAMES):
        page = report.report_html(case.result, a_view(case), where, DEVICE, case.second).decode()
        for kind in ("command", "python"):
            lines = lines_of(page, kind).replace(reproduction.FOLDER, str(place / "gallery"))
            todo.append((name, kind, lines.replace(f"{reproduction.OUT}/", f"{slug(name)}/")))
    return json.loads(fresh(place, "-c", RUN, told=json.dumps(todo)))


def fresh(place: Path, *arguments: str, told: str = "") -> str:
    """What a new process prints."""
    environment = {key: value for key, value in os.environ.items() if key != own.VARIABLE}
    environment |= {"MTA_RUNS": str(place / "runs"), "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, *arguments], cwd=place, env=environment, input=told, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert made.returncode == 0, f"{made.stdout}{made.stderr}"
    return made.stdout


def a_view(case: Case) -> View:
    return View(next(iter(case.result.outcome.perturbations)))


def slug(name: str) -> str:
    return name.replace(" ", "-").replace(",", "")


def lines_of(page: str, kind: str) -> str:
    found = re.search(f'<pre id="{kind}">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found.group(1))


NAMES = (
    "PGD with a random start", "a generator", "a universal one", "towards a target, padded", "like another picture",
    "a second victim", "a transfer", "an own model",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_python_gives_the_same_numbers(name: str, cases: Mapping[str, Case], printed: Mapping[str, str]) -> None:
    assert json.loads(printed[f"{name}, python"]) == cases[name].measures


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_gives_the_same_numbers(
    name: str, cases: Mapping[str, Case], printed: Mapping[str, str], place: Path
) -> None:
    found = {}
    for file in (place / slug(name)).glob("*/*/result.json"):
        told = json.loads(file.read_text())
        parts = [(told["settings"]["victim"], told["tasks"])]
        parts += [(told["tried_on"]["victim"], told["tried_on"]["tasks"])] if "tried_on" in told else []
        for victim, tasks in parts:
            found[victim] = {task: dict(one["measures"]) for task, one in tasks.items()}
            for measures in found[victim].values():
                measures.pop("file", None)
    assert found == cases[name].measures


@pytest.mark.parametrize(
    "name",
    [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in ("like another picture", *NAMES[-3::2]))],
)
def test_the_script_of_the_zip_finds_the_same(
    name: str, cases: Mapping[str, Case], place: Path, tmp_path: Path
) -> None:
    case = cases[name]
    packed = bundle.zip_of(case.result, Where.of(devices.pick("cpu")), DEVICE, case.second)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path)
    script = next(tmp_path.glob("*/reproduce.py"))
    assert fresh(place, str(script)).strip() == "The same to the last digit."
    metrics = script.with_name("metrics.json")
    told = json.loads(metrics.read_text())
    (victim, tasks), *_ = told["measures"].items()
    task, measure = ("depth", "abs_err") if "depth" in tasks else ("segmentation", "miou")
    tasks[task]["adversarial"][measure] += 1e-9
    metrics.write_text(json.dumps(told))
    with pytest.raises(AssertionError, match=f"{victim}, {task}, adversarial, {measure}"):
        fresh(place, str(script))


def test_the_script_of_the_zip_says_where_it_runs(cases: Mapping[str, Case], tmp_path: Path) -> None:
    packed = bundle.zip_of(cases[NAMES[1]].result, Where("cpu", 1), DEVICE)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-I", str(next(tmp_path.glob("*/reproduce.py")))]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 1
    assert made.stderr == "expected to be run in the program's folder, which holds mta_core\n"


def test_it_says_what_a_named_model_needs(cases: Mapping[str, Case]) -> None:
    (said,) = reproduction.needs(reproduction.attacked(cases["one that has a name"].result))[1:]
    assert said == "The victim street is no model of this program: MTA_VICTIMS must name it as it did here."
    assert reproduction.needs(reproduction.attacked(cases["a generator"].result))[1:] == []


def test_the_zip_holds_what_was_computed(cases: Mapping[str, Case]) -> None:
    result = cases["PGD with a random start"].result
    with zipfile.ZipFile(io.BytesIO(bundle.zip_of(result, Where("cpu", 1), DEVICE, link="http://x/?a=b"))) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    clean, made = result.outcome.clean, result.outcome.perturbations["depth"]
    assert torch.equal(imaging.decode(files["pictures/clean.png"]), clean), "exactly what was attacked"
    saved = imaging.decode(files["pictures/adversarial-depth.png"])
    assert result.request.budget.contains(saved[None], clean[None]).all()
    arrays = {
        name: np.load(io.BytesIO(files[f"arrays/{name}.npy"]), allow_pickle=False)
        for name in ("adversarial-depth", "perturbation-depth", "depth-adversarial", "segmentation-clean")
    }
    assert (arrays["adversarial-depth"] == made.adversarial.numpy()).all()
    assert (arrays["perturbation-depth"] == made.perturbation.numpy()).all()
    assert (arrays["depth-adversarial"] == result.outcome.tasks["depth"].adversarial[0].numpy()).all()
    assert arrays["segmentation-clean"].dtype == np.int64 and arrays["segmentation-clean"].shape == SIZE
    settings = json.loads(files["settings.json"])
    assert (settings["fit"], settings["threads"], settings["link"]) == ("crop", 1, "http://x/?a=b")
    assert settings["attack"]["random_start"] is True and settings["epsilon"] == 4.5
    units = json.loads(files["metrics.json"])["units"]["depth"]["abs_err"]
    assert units == {"unit": "m", "higher_is_better": False}
    assert "adversarial = clean + perturbation" in files["README.txt"].decode()


def test_nothing_says_where_things_lie(cases: Mapping[str, Case], place: Path) -> None:
    for case in cases.values():
        page = report.report_html(case.result, a_view(case), Where("cpu", 1), DEVICE, case.second).decode()
        packed = bundle.zip_of(case.result, Where("cpu", 1), DEVICE, case.second)
        assert str(place) not in page
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert all(str(place).encode() not in archive.read(name) for name in archive.namelist())


def test_a_generator_is_named(cases: Mapping[str, Case], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another may be trained tomorrow that `auto` takes then."""
    monkeypatch.setattr(weights, "RUNS", place / "runs")
    lines = reproduction.command_lines(reproduction.attacked(cases["a generator"].result), Where("cpu", 1))
    assert "generator=drawn" in lines[0]
