"""What stands beneath each figure of the study: what it shows, and what it does not. No streamlit here."""

from __future__ import annotations

from app.study_map import Block, copied, label, table_label
from mta_core.study import plan
from mta_core.study.findings import Findings
from mta_core.study.plan import Probe
from mta_core.study.printed import Printed
from mta_core.study_presets import LETTERS

INTRO = (
    "Does a network that learns several tasks at once withstand attacks better than one that learns a single task? "
    "Every pair of tasks is a network of its own here, as in *Adversarial Robustness in Multi-Task Learning: Promises "
    "and Illusions*. What stands here was measured beforehand; further down one can measure a network oneself."
)
EMPTY = "Nothing of the study is measured yet: make it with `python -m mta_core study --scale small`."
NO_PICTURES = (
    "There are no pictures of this attack here: `python -m mta_core study --scale small --pictures "
    "runs/study/short/pictures` draws them, of the networks that it has trained."
)
PICTURES = (
    "It shows one picture, the perturbation made for it, and what the network answers for each of its tasks without "
    "and with it. It does not show the average over pictures, which the errors beside it are."
)
NOT_MEASURED = "Of this cell nothing is measured yet: `python -m mta_core study --scale small` goes on with it."
_COLOUR: dict[Block, str] = {
    "clean": "the fuller its colour, the larger it is among the five of its row, since every row has a unit of its own",
    "single": "the fuller its colour, the more it is hurt, on one logarithmic scale for the whole map",
    "multi": "the fuller its colour, the more it is hurt, on one logarithmic scale for the whole map",
}
_WHAT: dict[Block, str] = {
    "clean": "the error of the main task (row) of a network that also learns the auxiliary task (column) and, small, "
    "how many times that of the task alone",
    "single": "by which multiple of its clean error the main task (row) gets worse when it alone is attacked, in a "
    "network that also learns the auxiliary task (column), and, small, how many times that of the task alone",
    "multi": "by which multiple of its clean error the main task (row) gets worse when both tasks are attacked at "
    "once, in a network that also learns the auxiliary task (column), and, small, how many times that of the task "
    "alone",
}
_NOT: dict[Block, str] = {
    "clean": "It does not show which task is harder, because a share of wrong classes (s, in percent) and squared "
    "errors of different labels (all others) cannot be compared down a column",
    "single": "It does not show how good a network is to begin with: a small clean error makes the same damage a large "
    "multiple",
    "multi": "It does not show what the attack does to the auxiliary task, which a click on the cell shows",
}
_CAUTION: dict[Block, str] = {
    "clean": "It does not show that clean errors agree: every row has a unit of its own, which alone puts the rows in "
    "an order, so that only the number within rows counts",
    "single": "It does not show that the values agree, nor why: their pictures, labels and networks are other ones",
    "multi": "It does not show that the values agree, nor why: their pictures, labels and networks are other ones",
}
STEPS = (
    "It shows the error of the main task after attacks of more and more steps, a colour for each auxiliary task the "
    "network has learnt beside it. It does not show whether the strongest attack was found: one that still rises at 25 "
    "steps would go on."
)
BY_STEPS = (
    "It shows how the relative vulnerability of the main task spreads over the auxiliary tasks, a dot each, at each "
    "number of steps. It does not show how sure a single dot is: its interval comes with the pointer."
)
BY_EPSILON = (
    "It shows the same spread as the perturbation is allowed to be larger. It does not show that people overlook it: "
    "at 16/255 it is plain to see."
)
BY_NORM = (
    "It shows the same spread at an epsilon of 4 in two norms: 4/255 for each value of a pixel in L-inf, and a length "
    "of 4 for the whole perturbation in L2, once with steps of that length and once as the paper's code takes them. It "
    "does not show that networks withstand L2 attacks, since the two balls are of different size and the third attack "
    "hardly leaves the clean picture."
)
RELEASED_L2 = (
    "**In the paper's code** the L2 step scales the whole batch to epsilon times 2/255: at “epsilon 4” a picture gets "
    "a perturbation of about 0.006 in L2, where the L-inf ball of the paper's other attacks, 8/255, reaches 13.9. That "
    "L2 attacks do little in the paper's Figure 17 is likely this."
)
RELEASED_START = (
    "**In the paper's code** the relative vulnerability compares the attack's end with its random start, not with the "
    "clean picture as the paper's text has it; ours follows the text."
)
ALL_TASKS = (
    "It shows each task of one network that learns all eleven: how much worse it gets when it alone is attacked, and "
    "when one perturbation is to hurt all at once, with 95 % intervals over pictures. It does not show how much "
    "another training of the same network would differ."
)
UNMOVED = 0.001
"""Relative vulnerability, up or down, below which an attack on the task itself does nothing."""


def unmoved(findings: Findings) -> list[str]:
    """What is to be known of tasks that the network of all tasks seems to defend perfectly."""
    found = ((letter, findings.find(Probe(plan.ALL, letter), letter)) for letter in LETTERS)
    names = [label(letter) for letter, each in found if each and abs(each.relative) < UNMOVED]
    return [
        f"**{name}** does not move even where it alone is attacked, which is no robustness: a network that answers "
        "nearly the same for every picture, as one does that has not learnt a task, cannot be moved in it."
        for name in names
    ]


def under_map(block: Block) -> str:
    """Beneath a map of values."""
    return f"It shows {_WHAT[block]}: {_COLOUR[block]}. {_NOT[block]}."


def under_ranks(block: Block) -> str:
    """Beneath two maps of ranks."""
    return (
        "It shows the place of each cell among the 25 of its map, from 1 for the smallest, with the value below it. "
        f"{_CAUTION[block]}."
    )


def slips(table: Printed, block: Block) -> list[str]:
    """What is odd about numbers of the paper that are on the page."""
    found = []
    if own := copied(table, block):
        found.append(
            "**In the paper** Tables 4 and 6 share 13 identical cells, which two trainings of different networks do "
            f"not bring about; the {len(own)} of them in this block of {table_label(table)} have a dashed frame."
        )
    if block != "clean":
        found.append(RELEASED_START)
    return found
