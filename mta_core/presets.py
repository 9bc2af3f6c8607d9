"""Named configurations of trainings: functions that derive from one another.

A preset is what a paper or the shipped weights used; `--set key=value` changes any of its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from mta_core import paper_presets
from mta_core.data.objects import DOMAINS
from mta_core.recipe_settings import Recipe
from mta_core.study_presets import study_preset
from mta_core.tasks import SCENE_TASKS
from mta_core.train_generator import GeneratorRecipe
from mta_core.train_uap import UapRecipe
from mta_core.train_victim import VictimRecipe

SCENE = tuple(t.name for t in SCENE_TASKS)


def dmtl_start() -> VictimRecipe:
    """Where the shipped victim starts from: small crops at every scale. Give the data: `--set data=nyuv2:PATH`."""
    return VictimRecipe(
        name="dmtl-start", phases=((24, 128, 160),), per_epoch=795, whole_views=False, zooms=(0.44, 1.1),
        learning_rate=1e-3, weights=(("segmentation", 1.0), ("depth", 0.5), ("normals", 2.0)),
    )  # fmt: skip


def dmtl_middle() -> VictimRecipe:
    """From `dmtl-start` on: whole views at rising resolution. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(
        dmtl_start(), name="dmtl-middle", init="dmtl-start", cut_at=34,
        phases=((20, 96, 128), (14, 192, 256), (4, 288, 384)),
        per_epoch=755, whole_views=True, zooms=(1.0, 1.25), learning_rate=5e-4,
        weights=(("segmentation", 1.0), ("depth", 1.0), ("normals", 2.0)),
    )  # fmt: skip


def dmtl_late() -> VictimRecipe:
    """From `dmtl-middle` on, to full resolution. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(
        dmtl_middle(), name="dmtl-late", init="dmtl-middle", cut_at=0, phases=((20, 192, 256), (7, 288, 384)),
        class_balance=0.15,
    )  # fmt: skip


def dmtl() -> VictimRecipe:
    """The shipped victim, from `dmtl-late` on, with more rooms. Give the data: `--set data=nyuv2:PATH,rooms,rooms`."""
    return replace(
        dmtl_late(), name="dmtl", init="dmtl-late", phases=((6, 288, 384),), class_balance=0.3,
        weights=(("segmentation", 2.0), ("depth", 1.0), ("normals", 2.0)),
    )  # fmt: skip


def dmtl_robust_start() -> VictimRecipe:
    """From `dmtl` on, every picture an adversarial one of two steps, at low resolution first, where they cost little.
    3/255 rather than the 4/255 that it is judged at: clean pictures lose less so. Give the data:
    `--set data=nyuv2:PATH,rooms,rooms`."""
    return replace(
        dmtl(), name="dmtl-robust-start", init="dmtl", adversary="pgd", adversary_epsilon=3.0, adversary_steps=2,
        phases=((6, 96, 128), (9, 192, 256), (2, 288, 384)), cut_at=9, noise=0.0, ema=0.998,
    )  # fmt: skip


def dmtl_robust() -> VictimRecipe:
    """The shipped robust victim: from `dmtl-robust-start` on, the learning rate falling, to full resolution. Give the
    data: `--set data=nyuv2:PATH,rooms,rooms`."""
    return replace(
        dmtl_robust_start(), name="dmtl-robust", init="dmtl-robust-start", cut_at=0, learning_rate=3e-4,
        phases=((3, 192, 256), (1, 288, 384)),
    )  # fmt: skip


def dmtl_paper() -> VictimRecipe:
    """The victim at the size of the MTA paper (section 4.2, after the MTAN release): 25 million parameters, 200 epochs,
    batch 2, learning rate 1e-4 halved at half time, no augmentation, plain cross-entropy. Give the data:
    `--set data=nyuv2:PATH`."""
    return replace(
        dmtl(), name="dmtl-paper", init="", width=64, batch_size=2, phases=((200, 288, 384),), per_epoch=795,
        learning_rate=1e-4, schedule="halved", ema=0.0, weight_decay=0.0, zooms=(1.0, 1.0), flips=False, light=0.0,
        noise=0.0, class_balance=0.0, weights=(("segmentation", 1.0), ("depth", 1.0), ("normals", 1.0)),
    )  # fmt: skip


def mtan_start() -> VictimRecipe:
    """Where the shipped `mtan` starts from, which has seen nothing of `dmtl`. Give the data:
    `--set data=nyuv2:PATH,rooms`."""
    return replace(
        dmtl_start(), name="mtan-start", architecture="mtan", width=16,
        phases=((14, 96, 128), (5, 192, 256), (1, 288, 384)), per_epoch=755, whole_views=True, zooms=(1.0, 1.25),
        batch_size=8, class_balance=0.2, seed=1, weights=(("segmentation", 1.5), ("depth", 1.0), ("normals", 2.0)),
    )  # fmt: skip


def mtan() -> VictimRecipe:
    """The shipped `mtan`, from `mtan-start` on. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(mtan_start(), name="mtan", init="mtan-start", phases=((9, 192, 256), (2, 288, 384)))


def mtan_paper() -> VictimRecipe:
    """The attention network at the size of the MTA paper (section 4.2.3): 44 million parameters, trained as
    `dmtl-paper` is. Give the data: `--set data=nyuv2:PATH`."""
    return replace(dmtl_paper(), name="mtan-paper", architecture="mtan", seed=1)


def segnet(name: str) -> VictimRecipe:
    """A SegNet of one task alone; the three of them together are the victim `segnet`. Give the data:
    `--set data=nyuv2:PATH`."""
    return replace(
        dmtl(), name=f"segnet-{name}", init="", width=16, data=("rooms",), phases=((16, 96, 128), (8, 192, 256)),
        weights=((name, 1.0),), seed=2,
    )  # fmt: skip


def segnet_paper(name: str) -> VictimRecipe:
    """The same at the size of `dmtl-paper`, trained as it is."""
    return replace(dmtl_paper(), name=f"segnet-paper-{name}", weights=((name, 1.0),), seed=2)


def objects(domain: str) -> VictimRecipe:
    """The shipped classifier of a domain of the objects; the three of them together are the victim `objects`."""
    return VictimRecipe(
        name=f"objects-{domain}", architecture="classifier", data=("objects",), per_epoch=2400, height=224,
        input_width=224, phases=((8, 96, 96), (8, 160, 160), (4, 224, 224)), zooms=(1.0, 1.4), batch_size=16,
        learning_rate=2e-3, weight_decay=0.02, noise=12.0, weights=((domain, 1.0),),
    )  # fmt: skip


def resnet(domain: str, network: str) -> VictimRecipe:
    """A classifier by a ResNet as those of the MTA paper (section 4.1). Give the data, `--set data=office31:PATH`, and
    torchvision's weights to start from, `--set backbone=FILE`."""
    return replace(
        objects(domain), name=f"{network}-{domain}", network=network, per_epoch=2000, phases=((20, 224, 224),),
        learning_rate=3e-4,
    )  # fmt: skip


def dmtl_tiny() -> VictimRecipe:
    """A victim for trying things out: minutes on two cores, answers little."""
    return replace(
        dmtl(),
        name="dmtl-tiny",
        init="",
        width=8,
        height=96,
        input_width=128,
        per_epoch=64,
        phases=((2, 96, 128),),
        holdout=8,
    )


def mta_pattern() -> GeneratorRecipe:
    """Where the shipped generator starts from: its pattern. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return GeneratorRecipe(name="mta-pattern", pattern_epochs=6, phases=((6, 288, 384),))


def mta() -> GeneratorRecipe:
    """The shipped per-instance generator, from `mta-pattern` on. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return GeneratorRecipe(init="mta-pattern", learning_rate=2e-3, output_rate=1.0, saturation=0.0)


def gap() -> GeneratorRecipe:
    """The shipped per-instance GAP, on the patterns of `mta-pattern`. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(mta(), name="gap-dmtl", method="gap", init="", patterns="mta-pattern", ngf=16)


def mta_joint_start() -> GeneratorRecipe:
    """Where the shipped generator of one perturbation for all tasks starts from: its pattern first, then networks. Give
    the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(
        mta(), name="mta-joint-start", scope="joint", init="", pattern_epochs=9, phases=((13, 288, 384),)
    )  # fmt: skip


def mta_joint() -> GeneratorRecipe:
    """The shipped generator of one perturbation for all tasks, from `mta-joint-start` on. Equal weights leave the
    normals behind the other tasks, hence more for them. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return replace(
        mta_joint_start(), name="mta-dmtl-joint", init="mta-joint-start", pattern_epochs=0, phases=((6, 288, 384),),
        weighting="fixed", weights=(("segmentation", 1.0), ("depth", 1.0), ("normals", 4.0)),
    )  # fmt: skip


def live() -> GeneratorRecipe:
    """To be watched: minutes on two cores draw patterns from a few rooms, and an hour has networks learn on top of them
    from more."""
    return replace(
        mta(), name="live", init="", ngf=16, num_blocks=4, epsilon=8.0, per_epoch=160, limit=400, holdout=40,
        pattern_epochs=8, curriculum=((8, 48),), phases=((45, 288, 384),),
    )  # fmt: skip


def plain(method: str, instance: str) -> GeneratorRecipe:
    """A generator without a pattern, as in the paper, small enough for two cores: what `contest` compares, with several
    seeds. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return GeneratorRecipe(
        name=paper_presets.named(f"{method}-dmtl-plain", instance), method=method, instance=instance, ngf=16,
        num_blocks=4, phases=((1, 288, 384),), learning_rate=1e-3, output_gain=0.02, output_rate=0.1,
    )  # fmt: skip


def universal(method: str) -> GeneratorRecipe:
    """The shipped universal perturbations, on the patterns of `mta-pattern`. Give the data:
    `--set data=nyuv2:PATH,rooms`."""
    return replace(plain(method, "universal"), name=f"{method}-dmtl-universal", patterns="mta-pattern")


def of_objects(method: str, instance: str, target: str = "") -> GeneratorRecipe:
    """The shipped generators for the classifiers of the objects: 300 steps draw their patterns, then networks learn."""
    return replace(
        plain(method, instance), name=paper_presets.named(f"{method}-objects", instance, target), victim="objects",
        data=("objects",), tasks=DOMAINS, target=target, epsilon=10.0, per_epoch=800, pattern_epochs=3,
        phases=((4 if instance == "universal" else 5, 224, 224),), batch_size=8,
    )  # fmt: skip


def mta_tiny() -> GeneratorRecipe:
    """A generator for trying things out, for the tiny victim."""
    return replace(
        mta(),
        name="mta-dmtl-tiny",
        init="",
        victim="dmtl-tiny",
        ngf=4,
        num_blocks=1,
        per_epoch=64,
        phases=((3, 96, 128),),
        pattern_epochs=1,
        holdout=8,
    )


def uap() -> UapRecipe:
    """A universal perturbation for each task of `dmtl`. Give the data: `--set data=nyuv2:PATH,rooms`."""
    return UapRecipe()


def uap_objects() -> UapRecipe:
    """A universal perturbation for each domain of the objects, as the paper has it: ten steps, all of ten answers."""
    return replace(
        uap(), name="uap-objects", victim="objects", data=("objects",), tasks=DOMAINS, num_steps=10, num_candidates=9,
        per_epoch=500, epochs=10,
    )  # fmt: skip


def uap_tiny() -> UapRecipe:
    """Universal perturbations for trying things out, for the tiny victim."""
    return replace(uap(), name="uap-dmtl-tiny", victim="dmtl-tiny", per_epoch=16, epochs=2, holdout=8)


VICTIMS: Mapping[str, Callable[[], VictimRecipe]] = {
    "dmtl-start": dmtl_start,
    "dmtl-middle": dmtl_middle,
    "dmtl-late": dmtl_late,
    "dmtl": dmtl,
    "dmtl-robust-start": dmtl_robust_start,
    "dmtl-robust": dmtl_robust,
    "dmtl-paper": dmtl_paper,
    "dmtl-tiny": dmtl_tiny,
    "mtan-start": mtan_start,
    "mtan": mtan,
    "mtan-paper": mtan_paper,
    **{f"segnet-{name}": partial(segnet, name) for name in SCENE},
    **{f"segnet-paper-{name}": partial(segnet_paper, name) for name in SCENE},
    **{f"objects-{domain}": partial(objects, domain) for domain in DOMAINS},
    **{f"{n}-{domain}": partial(resnet, domain, n) for n in ("resnet18", "resnet50") for domain in DOMAINS},
}
GENERATORS: Mapping[str, Callable[[], GeneratorRecipe]] = {
    **{
        paper_presets.named(f"{m}-plain", i): partial(plain, m, i)
        for m in paper_presets.METHODS
        for i in paper_presets.INSTANCES
    },
    "live": live,
    "mta-pattern": mta_pattern,
    "mta": mta,
    "gap": gap,
    "mta-joint-start": mta_joint_start,
    "mta-joint": mta_joint,
    **{f"{method}-universal": partial(universal, method) for method in paper_presets.METHODS},
    **{
        paper_presets.named(f"{m}-objects", i, t): partial(of_objects, m, i, t)
        for m in paper_presets.METHODS
        for i in paper_presets.INSTANCES
        for t in ("", paper_presets.TARGET)
    },
    "mta-tiny": mta_tiny,
    **paper_presets.GENERATORS,
}
UAPS: Mapping[str, Callable[[], UapRecipe]] = {"uap": uap, "uap-objects": uap_objects, "uap-tiny": uap_tiny}


def victim_preset(name: str) -> VictimRecipe:
    """One of `VICTIMS`, or of the robustness study: `s1:sd`, see `mta_core.study_presets`.

    Raises:
        ValueError: there is no such preset.
    """
    return study_preset(name) if ":" in name else _preset(VICTIMS, name)


def generator_preset(name: str) -> GeneratorRecipe:
    """Raises ValueError where there is no such preset."""
    return _preset(GENERATORS, name)


def perturbation_preset(name: str) -> GeneratorRecipe | UapRecipe:
    """Of a generator, or of stored perturbations. Raises ValueError where there is no such preset."""
    known: Mapping[str, Callable[[], GeneratorRecipe | UapRecipe]] = {**GENERATORS, **UAPS}
    return _preset(known, name)


def _preset(known: Mapping[str, Callable[[], Recipe]], name: str) -> Recipe:
    if name not in known:
        raise ValueError(f"expected a preset among {', '.join(known)}, got {name!r}")
    return known[name]()


__all__ = [
    "GENERATORS",
    "UAPS",
    "VICTIMS",
    "generator_preset",
    "perturbation_preset",
    "victim_preset",
]
