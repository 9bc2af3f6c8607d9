"""Commands and their options. Nothing here imports torch, so that help and mistakes are answered at once."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from mta_core import PROGRAM
from mta_core.cli.bench_options import add_bench
from mta_core.cli.drawing_options import add_objects, add_rooms, add_tour
from mta_core.cli.library_options import add_library
from mta_core.cli.results_options import add_results
from mta_core.cli.study_options import add_study
from mta_core.cli.survival_options import add_survive
from mta_core.cli.typed import positive as _positive
from mta_core.cli.typed import seed as _seed
from mta_core.cli.typed import some as _text
from mta_core.cli.typed import threads as _threads

REPRODUCIBLE = (
    "mta-table1", "mta-table2", "mta-table3", "mta-table4", "mta-table5", "mta-table6", "mta-table7",
    "mta-fig-epsilon",
    *(f"mtlr-table{number}" for number in range(1, 7)), *(f"mtlr-fig{number}" for number in range(1, 18)),
)  # fmt: skip
SECTIONS = ("tasks", "victims", "attacks", "generators", "data")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def make_parser() -> Parser:
    parser = Parser(
        prog=PROGRAM, description="Multi-task adversarial attacks: make, train, measure.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_list(commands)
    _add_attack(commands)
    _add_evaluate(commands)
    _add_transfer(commands)
    _add_contest(commands)
    _add_sweep(commands)
    add_survive(commands, _command, _add_data, _add_attack_options)
    _add_vulnerability(commands)
    _add_train(commands)
    _add_reproduce(commands)
    add_study(commands, _command)
    add_rooms(commands, _command)
    add_objects(commands, _command)
    add_tour(commands, _command)
    add_bench(commands, _command)
    add_results(commands, _command)
    add_library(commands, _command)
    return parser


def _command(commands: Any, name: str, help: str, *, module: str = "", seed_help: str = "") -> Parser:
    """A command with the options that all of them have."""
    command: Parser = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
    command.set_defaults(module=module or name)
    command.add_argument("--json", type=_text, metavar="FILE", help="write the result as JSON; - for standard output")
    command.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where to compute (default: %(default)s)",
    )
    command.add_argument(
        "--seed", type=_seed, default=None, metavar="N", help=seed_help or "of everything random (default: 0)"
    )
    return command


def _add_no_store(command: Parser) -> None:
    command.add_argument("--no-store", action="store_true", help="do not keep the rows where `results` finds them")


def _add_list(commands: Any) -> None:
    command = _command(commands, "list", "What there is to choose from.", module="listing")
    command.add_argument("section", nargs="?", choices=SECTIONS, help="only this (default: everything)")


def _add_attack(commands: Any) -> None:
    command = _command(commands, "attack", "Attacks pictures and writes everything there is to see of them.")
    command.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a picture file; with --data the name of a picture there"
    )
    command.add_argument(
        "--data", metavar="NAME[:PATH]", help="take the pictures, and their labels, from rooms, nyuv2:PATH, ..."
    )
    command.add_argument("--split", help="part of those data (default: test)")
    command.add_argument(
        "--fit",
        default="crop",
        choices=("crop", "pad"),
        help="to the victim's size: cut what stands over, or black bars (default: %(default)s)",
    )
    _add_attack_options(command)
    command.add_argument("--to", metavar="W", help="another victim that is shown the same adversarial pictures")
    command.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="of the processor; another number rounds sums differently (default: one a core)",
    )
    command.add_argument(
        "--out", required=True, type=_text, metavar="DIR", help="where to write: a folder for each picture"
    )


def _add_evaluate(commands: Any) -> None:
    command = _command(commands, "evaluate", "Measures what an attack costs a victim over a data set.")
    _add_data(command)
    _add_attack_options(command)
    _add_no_store(command)


def _add_transfer(commands: Any) -> None:
    command = _command(commands, "transfer", "Makes an attack on one victim and measures another under it too.")
    _add_data(command)
    _add_attack_options(command, victim="--from")
    command.add_argument(
        "--to", required=True, metavar="W", help="the victim that is tried on them, named as the other is"
    )
    command.add_argument(
        "--noise", action="store_true", help="random noise of the same size beside the attack, in rows of its own"
    )
    _add_no_store(command)


def _add_data(command: Parser) -> None:
    command.add_argument(
        "--data",
        required=True,
        metavar="NAME[:PATH]",
        help="rooms, nyuv2:PATH, ...; `list data` shows all; unlabelled:rooms, ... leaves the labels out",
    )
    command.add_argument("--split", default="test", help="part of the data (default: %(default)s)")
    command.add_argument("--limit", type=_positive, metavar="N", help="only the first N pictures (of each domain)")
    command.add_argument(
        "--batch-size", type=_positive, default=8, metavar="N", help="pictures at once (default: %(default)s)"
    )


def _add_budget(command: Parser, epsilon: float = 5.0) -> None:
    command.add_argument(
        "--epsilon",
        type=float,
        default=epsilon,
        metavar="E",
        help=f"size: in 1/255 for linf, the plain norm for l2 (default: {epsilon:g})",
    )
    command.add_argument("--norm", default="linf", metavar="NORM", help="linf or l2 (default: %(default)s)")


def _add_attack_options(command: Parser, victim: str = "--victim") -> None:
    """`victim` is what the option is called that names the one that is attacked."""
    command.add_argument(
        victim,
        dest="victim",
        default="dmtl",
        metavar="V",
        help="a name; one for each task: segmentation=NAME,depth=NAME; or a model of your own: module:function, "
        "torchvision:NETWORK?weights=FILE, transformers:PATH (default: dmtl)",
    )
    _add_label_map(command)
    command.add_argument(
        "--attack", default="mta", metavar="A", help="mta, pgd, ...; `list attacks` shows all (default: %(default)s)"
    )
    _add_budget(command)
    command.add_argument(
        "--tasks", metavar="T,T", help="segmentation,depth,normals or sdn (default: all that are answered)"
    )
    command.add_argument("--joint", action="store_true", help="one perturbation for all tasks instead of one for each")
    command.add_argument(
        "--form", default="sum", choices=("sum", "log"), help="joint objective: sum of losses or of their logs"
    )
    command.add_argument(
        "--weights", metavar="T=W,T=W", help="joint objective: how much each task counts (default: all the same)"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the attack, such as num_steps=20; repeatable",
    )
    command.add_argument(
        "--universal", action="store_true", help="one perturbation for every picture (mta, gap; uap always)"
    )
    command.add_argument(
        "--target",
        type=_text,
        metavar="T",
        help="towards an answer: segmentation=wall,depth=1.5,normals=camera, or picture:FILE for another's",
    )


def _add_label_map(command: Parser) -> None:
    command.add_argument(
        "--label-map",
        type=_text,
        metavar="FILE",
        help='which classes of a model of your own mean which of the data\'s: {"space": "nyu13", "classes": {...}}',
    )


def _add_contest(commands: Any) -> None:
    command = _command(commands, "contest", "Compares two sides of trained generators, with paired intervals.")
    _add_data(command)
    command.add_argument("--victim", default="dmtl", metavar="V", help="whom they were made for (default: dmtl)")
    for side in ("one", "other"):
        command.add_argument(
            f"--{side}", required=True, metavar="G,G", help="generators, of different seeds say; their mean counts"
        )
    command.add_argument(
        "--target",
        type=_text,
        metavar="T",
        help="picture:FILE where they were trained towards what a picture looks like",
    )
    _add_budget(command)
    _add_no_store(command)


def _add_sweep(commands: Any) -> None:
    command = _command(commands, "sweep", "Measures an attack again and again while one thing varies.")
    command.add_argument(
        "--variable",
        required=True,
        metavar="X",
        help="epsilon, steps, step-size, norm, attack, or weight:TASK, its share of a joint objective",
    )
    command.add_argument(
        "--values", required=True, metavar="A,B", help="1,2,4,8; for norm linf,l2:4; for attack fgsm,pgd"
    )
    _add_data(command)
    _add_attack_options(command)
    command.add_argument("--no-noise", action="store_true", help="without random noise of the same size beside it")
    _add_no_store(command)
    command.add_argument("--out", required=True, type=_text, metavar="DIR", help="where finished points are kept")
    command.add_argument("--resume", action="store_true", help="go on where an earlier run in DIR was stopped")


def _add_vulnerability(commands: Any) -> None:
    command = _command(
        commands, "vulnerability", "Measures how far losses can be moved, beside what their gradients predict."
    )
    _add_data(command)
    command.add_argument("--victim", default="dmtl", metavar="V", help="see `evaluate` (default: dmtl)")
    _add_label_map(command)
    _add_budget(command, 8.0)
    command.add_argument(
        "--tasks",
        metavar="T,T",
        help="each alone, and the first two, three, ... of `list tasks` together (default: all answered)",
    )
    command.add_argument(
        "--attack",
        default="pgd",
        metavar="A",
        help="what measures: pgd or another that climbs, or a trained generator: mta, gap, uap (default: %(default)s)",
    )
    command.add_argument("--joint", action="store_true", help="of a generator: its one perturbation for all tasks")
    command.add_argument("--universal", action="store_true", help="of a generator: the same one for every picture")
    command.add_argument(
        "--weights", metavar="T=W,T=W", help="of joint losses, however many tasks (default: 1/N of N tasks)"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the attack; of PGD num_steps=10 and num_restarts=2 unless set; repeatable",
    )
    command.add_argument("--no-attack", action="store_true", help="only what gradients predict, at a fraction of time")
    command.add_argument(
        "--released", action="store_true", help="beside it, what the released code of the study takes for these"
    )
    _add_no_store(command)
    command.set_defaults(form="sum", target=None)


def _add_train(commands: Any) -> None:
    command = _command(
        commands, "train", "Trains a victim or a generator.", seed_help="of the training (default: the preset's)"
    )
    command.add_argument("kind", choices=("victim", "generator"))
    command.add_argument(
        "--preset",
        required=True,
        metavar="P",
        help="victim: dmtl, mtan, ...; generator: mta, gap, uap, ...; a wrong name lists all",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="changes a field of the preset, such as width=16; repeatable",
    )
    command.add_argument(
        "--out",
        required=True,
        type=_text,
        metavar="DIR",
        help="where checkpoints and weights go; runs/NAME is searched",
    )
    command.add_argument("--resume", action="store_true", help="go on where an earlier run in DIR was stopped")
    command.add_argument("--limit", type=_positive, metavar="N", help="only the first N pictures of each data source")


def _add_reproduce(commands: Any) -> None:
    command = _command(commands, "reproduce", "Makes a table or figure of a paper again, ours beside what it prints.")
    command.add_argument(
        "name",
        choices=REPRODUCIBLE,
        metavar="TABLE",
        help="mta-table1 to mta-table7, mta-fig-epsilon; mtlr-table1 to mtlr-table6, mtlr-fig1 to mtlr-fig17",
    )
    command.add_argument(
        "--scale",
        choices=("small", "paper"),
        help="small: the weights at hand, in minutes; paper: its sizes, trained under runs/ where they are missing, in "
        "hours on a GPU and over as many commands as it takes (default: small)",
    )
    command.add_argument(
        "--data",
        metavar="NAME[:PATH]",
        help="nyuv2:PATH, office31:PATH or taskonomy:PATH, the papers' data (default: rooms, objects)",
    )
    command.add_argument("--limit", type=_positive, metavar="N", help="only the first N pictures (of each task)")
    command.add_argument("--batch-size", type=_positive, metavar="N", help="pictures at once (default: 8; mtlr: 16)")
    command.add_argument(
        "--budget-minutes",
        type=_positive,
        metavar="N",
        help="with --scale paper, or mtlr: no epoch of training begins after N minutes; the same command goes on",
    )
    command.add_argument(
        "--backbone",
        metavar="FILE",
        help="with --scale paper: torchvision's resnet18, for the classifiers to start from",
    )
    _add_no_store(command)
