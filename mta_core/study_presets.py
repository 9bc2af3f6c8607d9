"""The victims of the robustness study (MTL-R): its settings S1 to S8 (Table 1), and short ones, for any combination of
tasks.

A preset is called `SETTING:LETTERS`, the main task first: `s1:sd` is semantic segmentation with z-depth as auxiliary.
As the paper has it: SGD at 0.01 with momentum 0.99, divided by ten at 2/3, 4/5 and 14/15 of the epochs, at 256x256. The
batch of 32 and the weight decay of 1e-4 are those of the released code (columbia/MTRobust, `config/`), which has other
rates there. Where the training differs: one picture in 20 is held out, gradients of a norm above 5 are shortened, and
decoders end in a convolution that starts near its labels (`mta_core.victims.encoder_decoder`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mta_core.victim_recipe import VictimRecipe

LETTERS = {
    "s": "segmentation", "d": "depth", "D": "euclidean_depth", "n": "normals", "k": "keypoints2d", "K": "keypoints3d",
    "e": "edge_texture", "E": "edge_occlusion", "p": "curvature", "r": "reshading", "A": "autoencoding",
}  # fmt: skip
SPACES = {"segmentation": "taskonomy", "depth": "log", "euclidean_depth": "log", "normals": "components"}
"""Of the study's tasks, where there are several."""
MAIN = "sdDnE"
"""What the settings S4 to S8 have."""
WEIGHTS = {
    "s": ("d", 0.01, 0.1),
    "d": ("n", 0.01, 0.1),
    "n": ("d", 0.01, 0.1),
    "D": ("s", 0.1, 0.01),
    "E": ("", 0.1, 0.1),
}
"""Section 2, "List of weights": for each main task, an auxiliary one with its weight, and that of any other. The main
task has weight 1."""
SHORT = "short"
ENCODERS = ("resnet50", "xception", "resnet152", "wide_resnet50_2")
"""Of Tables 3 to 6, in their order: `short-resnet50` is the short setting with another encoder than ResNet-18."""
SHORTS = {SHORT: "resnet18", **{f"{SHORT}-{encoder}": encoder for encoder in ENCODERS}}
"""Encoders of the short settings."""


@dataclass(frozen=True)
class Setting:
    """How the models of a study are trained.

    Attributes:
        is_weighted: whether auxiliary tasks have the weights of `WEIGHTS`, else all tasks the same.
        is_mean: whether that is 1/N for each of N tasks, else 1.
        letters: of the tasks that models are made of.
    """

    encoder: str
    epochs: int = 150
    is_weighted: bool = False
    is_mean: bool = False
    letters: str = MAIN


SETTINGS = {
    "s1": Setting("resnet18", letters="".join(LETTERS)),
    "s2": Setting("resnet18", 50, letters="".join(LETTERS)),
    "s3": Setting("resnet18", 100, letters="".join(LETTERS)),
    "s4": Setting("resnet18", is_weighted=True),
    "s5": Setting("resnet50"),
    "s6": Setting("xception"),
    "s7": Setting("resnet152"),
    "s8": Setting("wide_resnet50_2"),
}
"""Table 1, whose sizes are in `mta_core.study.printed`."""
MEAN = "s1-mean"
"""S1 with weights of 1/N, for Figure 13."""
PAPERS = {**SETTINGS, MEAN: Setting("resnet18", is_mean=True, letters="".join(LETTERS))}
"""Settings of the paper's size."""
FORM = f"{', '.join(PAPERS)}, {', '.join(SHORTS)}, then a colon and letters of tasks among {''.join(LETTERS)}"


def study_preset(name: str) -> VictimRecipe:
    """The recipe of `s1:sd`, of `short:sd` or of `short-resnet50:sd`.

    Raises:
        ValueError: there is no such setting, or it has no such combination of tasks.
    """
    setting, _, letters = name.partition(":")
    if setting in SHORTS:
        return short(letters, setting)
    if setting not in PAPERS:
        raise ValueError(f"expected {FORM}, got {name[:100]!r}")
    return paper(setting, letters)


def paper(name: str, letters: str) -> VictimRecipe:
    """A setting of Table 1. Give the data: `--set data=taskonomy:PATH`. An epoch shows as many pictures as theirs."""
    setting = PAPERS[name]
    weights = _weights(letters, setting.letters, is_weighted=setting.is_weighted)
    if setting.is_mean:
        weights = tuple((task, weight / len(letters)) for task, weight in weights)
    return VictimRecipe(
        name=named(name, letters), architecture="encoder-decoder", encoder=setting.encoder, data=("taskonomy",),
        weights=weights, spaces=_spaces(weights), per_epoch=9464, height=256, input_width=256,
        phases=((setting.epochs, 256, 256),), zooms=(1.0, 1.0), flips=False, light=0.0, noise=0.0, class_balance=0.0,
        batch_size=32, optimiser="sgd", momentum=0.99, learning_rate=0.01, schedule="steps", ema=0.0,
    )  # fmt: skip


def short(letters: str, setting: str = SHORT) -> VictimRecipe:
    """A light encoder at low resolution, on rooms: minutes on two cores with a ResNet-18, up to an hour with others."""
    weights = _weights(letters, "".join(LETTERS), is_weighted=False)
    spaces = {**dict(_spaces(weights)), **({"segmentation": "nyu13"} if "s" in letters else {})}
    return VictimRecipe(
        name=named(setting, letters), architecture="encoder-decoder", encoder=SHORTS[setting], fraction=0.25,
        weights=weights, spaces=tuple(spaces.items()), per_epoch=800, height=128, input_width=160,
        phases=((16, 128, 160),), zooms=(1.0, 1.0), light=0.0, noise=0.0, class_balance=0.0, batch_size=8,
        learning_rate=2e-3, ema=0.99,
    )  # fmt: skip


def named(setting: str, letters: str) -> str:
    """In words: `sd` and `sD` would be one file where names have no case."""
    return f"{setting}-{words(letters)}"


def words(letters: str) -> str:
    """Of these tasks: `segmentation-depth`, or `all`."""
    return "all" if set(letters) == set(LETTERS) else "-".join(LETTERS[letter] for letter in letters)


def _weights(letters: str, known: str, *, is_weighted: bool) -> tuple[tuple[str, float], ...]:
    """Raises ValueError where the letters are not different ones of the known, or too many to be weighted."""
    if not letters or not set(letters) <= set(known) or len(set(letters)) < len(letters):
        raise ValueError(
            f"expected different letters of tasks among {known}, the main task first, got {letters[:100]!r}"
        )
    if is_weighted and len(letters) > 2:
        raise ValueError(f"expected a main task and one auxiliary, for which the paper has weights, got {letters!r}")
    special, weight, other = WEIGHTS[letters[0]] if is_weighted else ("", 1.0, 1.0)
    auxiliary = ((LETTERS[letter], weight if letter == special else other) for letter in letters[1:])
    return (LETTERS[letters[0]], 1.0), *auxiliary


def _spaces(weights: tuple[tuple[str, float], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, SPACES[name]) for name, _ in weights if name in SPACES)
