"""The tables of the MTA paper (Guo et al., Multi-Task Adversarial Attack), as plans."""

from __future__ import annotations

from mta_core.kinds import Instance
from mta_core.paper_presets import TARGET
from mta_core.reproduce import printed
from mta_core.reproduce.plan import Column, Line, Run, Table, wrong_averages
from mta_core.tasks import SCENE_TASKS

METHODS = {"gap": "GAP", "mta": "MTA"}
INSTANCES: dict[Instance, str] = {"universal": "Universal", "per-instance": "Per-instance"}
ROOM_TASKS = tuple(t.name for t in SCENE_TASKS)
DOMAINS = {"amazon": "A", "dslr": "D", "webcam": "W"}
EPSILONS = (1.0, 2.0, 5.0, 10.0, 16.0)
"""Of the appendix figure, in 1/255: the paper's text does not say its own."""

ROOM_COLUMNS = (
    Column("mIoU ↑", "segmentation", "miou", 100, 2, "%"),
    Column("Pix Acc ↑", "segmentation", "pixel_accuracy", 100, 2, "%"),
    Column("Abs Err ↓", "depth", "abs_err", 1, 4, "m"),
    Column("Rel Err ↓", "depth", "rel_err", 1, 4),
    Column("Mean ↓", "normals", "angle_mean", 1, 2, "°"),
    Column("Median ↓", "normals", "angle_median", 1, 2, "°"),
    Column("11.25° ↑", "normals", "within_11.25", 100, 2, "%"),
    Column("22.5° ↑", "normals", "within_22.5", 100, 2, "%"),
    Column("30° ↑", "normals", "within_30", 100, 2, "%"),
)

PUBLISHED_NOTE = (
    "The paper's measures are means over pictures (segmentation) and over batches of pictures (depth, angles, whose "
    "median is a mean of medians): the line `published` is ours measured so, `pooled` is over all pixels, as today."
)
GAP_NOTE = (
    "GAP is a generator of its own for each task, trained as MTA is. As released (Poursaeed et al., CVPR 2018) it "
    "scales every channel apart, takes the log of a batch's mean loss, and pushes classifiers towards the least likely "
    "class."
)
PGD_NOTE = "PGD, made for DMTL picture by picture, is there for orientation: the paper has no such line."
CLASSIFIER_NOTE = "The paper does not say which networks its three classifiers are."
UNPRINTED_NOTE = "The paper shows these as a figure in its appendix and prints no numbers: there is nothing to compare."


def _nyuv2(name: str, title: str, heads: tuple[str, ...], lines: tuple[Line, ...], *notes: str) -> Table:
    return Table(
        name, title, ROOM_TASKS, "nyuv2", "rooms", heads, ROOM_COLUMNS, lines, ("published", "pooled"),
        (PUBLISHED_NOTE, *notes),
    )  # fmt: skip


def table5() -> Table:
    clean = Run("dmtl")
    lines = [
        Line(("Clean", ""), clean, "clean", printed.TABLE5_CLEAN),
        Line(("Random noise", ""), clean),
    ]
    for (instance, method), numbers in printed.TABLE5.items():
        run = Run("dmtl", method, 5, _instance(instance))
        lines.append(Line((INSTANCES[run.instance], METHODS[method]), run, paper=numbers))
    return _nyuv2(
        "mta-table5",
        "MTA Table 5: DMTL on NYUv2 under attacks with epsilon 5/255",
        ("Type", "Attack"),
        tuple(lines),
        GAP_NOTE,
    )


def table6() -> Table:
    clean = Run("mtan")
    lines = [Line(("Clean",), clean, "clean", printed.TABLE6_CLEAN), Line(("Random noise",), clean)]
    for instance, numbers in printed.TABLE6.items():
        run = Run("mtan", "mta", 5, _instance(instance), made_on="dmtl")
        lines.append(Line((INSTANCES[run.instance],), run, paper=numbers))
    lines.append(Line(("PGD",), Run("mtan", "pgd", 5, made_on="dmtl")))
    return _nyuv2(
        "mta-table6", "MTA Table 6: perturbations made for DMTL, tested on MTAN, NYUv2, epsilon 5/255", ("Type",),
        tuple(lines), PGD_NOTE,
    )  # fmt: skip


def figure_epsilon() -> Table:
    clean = Run("dmtl")
    lines = [Line(("Clean", "0"), clean, "clean")]
    for instance, label in INSTANCES.items():
        lines += [Line((label, f"{epsilon:g}"), Run("dmtl", "mta", epsilon, instance)) for epsilon in EPSILONS]
    return _nyuv2(
        "mta-fig-epsilon", "MTA appendix: MTA against DMTL on NYUv2 by epsilon", ("Type", "Epsilon (1/255)"),
        tuple(lines), UNPRINTED_NOTE,
    )  # fmt: skip


def _instance(text: str) -> Instance:
    return "universal" if text == "universal" else "per-instance"


def _office(
    name: str, title: str, numbers: printed.ByThreshold, instance: Instance, metrics: dict[str, str], target: str = ""
) -> Table:
    """A table over the three domains; `metrics` are labels by name, side by side for each domain."""
    places = [*DOMAINS.items(), ("", "Avg")]
    columns = tuple(
        Column(f"{label} {short}".strip(), task, metric, 100, 2, "%")
        for task, label in places
        for metric, short in metrics.items()
    )
    epsilons = list(dict.fromkeys(epsilon for epsilon, _ in numbers))
    noise = {epsilon: Run("objects", "noise", epsilon, target=target) for epsilon in epsilons}
    clean = Line(("–", "Clean"), noise[epsilons[0]], "clean", _clean_numbers(columns))
    lines = [clean]
    for epsilon in epsilons:
        lines.append(Line((f"{epsilon:g}", "Random noise"), noise[epsilon]))
        for method, label in METHODS.items():
            run = Run("objects", method, epsilon, instance, target)
            lines.append(Line((f"{epsilon:g}", label), run, paper=numbers[epsilon, method]))
    wrong = [sentence for line in lines[1:] if line.paper for sentence in wrong_averages(columns, line)]
    heads, notes = ("Epsilon (1/255)", "Attack"), (CLASSIFIER_NOTE, GAP_NOTE, *wrong)
    return Table(name, title, tuple(DOMAINS), "office31", "objects", heads, columns, tuple(lines), notes=notes)


def _clean_numbers(columns: tuple[Column, ...]) -> tuple[float | None, ...]:
    """The paper's clean accuracies, which stand in its text, where the columns have accuracies."""
    known = {(domain, "accuracy"): value for domain, value in zip(DOMAINS, printed.OFFICE_CLEAN, strict=True)}
    numbers = tuple(known.get((column.task, column.metric)) for column in columns)
    return numbers if any(number is not None for number in numbers) else ()


FOOLING = {"fooling_ratio": "fooled ↑", "accuracy": "acc ↓"}
TARGET_ACCURACY = {"target_accuracy": ""}


def table1() -> Table:
    title = "MTA Table 1: universal, non-targeted, on Office-31"
    return _office("mta-table1", title, printed.TABLE1, "universal", FOOLING)


def table2() -> Table:
    title = 'MTA Table 2: universal, towards "bike helmet", on Office-31: top-1 target accuracy ↑'
    return _office("mta-table2", title, printed.TABLE2, "universal", TARGET_ACCURACY, TARGET)


def table3() -> Table:
    title = "MTA Table 3: per-instance, non-targeted, on Office-31"
    return _office("mta-table3", title, printed.TABLE3, "per-instance", FOOLING)


def table4() -> Table:
    title = 'MTA Table 4: per-instance, towards "bike helmet", on Office-31: top-1 target accuracy ↑'
    return _office("mta-table4", title, printed.TABLE4, "per-instance", TARGET_ACCURACY, TARGET)
