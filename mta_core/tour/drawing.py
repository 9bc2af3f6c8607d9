"""The six scenes of the tour, drawn from the shipped victims, generators and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from mta_core import explore, imaging, victims
from mta_core.amplified import amplify, gain_of
from mta_core.attacks import JOINT, Attack, Mta, Pgd
from mta_core.budget import Budget
from mta_core.data import Sample, open_data
from mta_core.devices import Device
from mta_core.events import Event, Progress
from mta_core.explore import Outcome, Subject, TaskOutcome
from mta_core.goal import AWAY
from mta_core.targets import parse_goal
from mta_core.tasks import suited, task
from mta_core.tasks.base import Span
from mta_core.tasks.classification import Classification
from mta_core.tour.scene import Panel, Scene

PICTURE, OTHERS = 0, (1, 5, 9)
"""Which rooms of the gallery are shown: one throughout, and those of the pattern that is one for all."""
OBJECTS = 3
QUALITY = 88
NUMBERS = {
    "segmentation": ("pixel_accuracy", "{} of pixels right"), "depth": ("abs_err", "off by {}"),
    "normals": ("angle_mean", "off by {}"),
}  # fmt: skip
"""What is said of each task's answer: a measure, and its value in words that need no explanation."""
PATTERN, STRONG, MILD = (Budget.from_units("linf", size) for size in (5, 10, 4))


@dataclass
class Studio:
    """What scenes are drawn with.

    Attributes:
        gallery: where the shipped pictures lie.
        files: the pictures drawn so far, by name.
        used: sha256 of every weight file used, by name.
    """

    device: Device
    gallery: str
    files: dict[str, bytes] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    _subjects: dict[str, Subject] = field(default_factory=dict)

    def subject(self, name: str) -> Subject:
        if name not in self._subjects:
            victim, card = victims.load(name)
            self._subjects[name] = Subject.prepare(card.name, victim, self.device, card)
            self.used |= victims.digests(card)
        return self._subjects[name]

    @cached_property
    def rooms(self) -> Sequence[Sample]:
        return open_data(f"rooms:{self.gallery}", "gallery", self.subject("dmtl").precise.input_size)

    def attacked(
        self, subject: Subject, attack: Attack, sample: Sample, budget: Budget, *, joint: bool = False, target: str = ""
    ) -> Outcome:
        names = [name for name in subject.precise.tasks if name in sample.targets]
        tasks = suited([task(name) for name in names], subject.precise.tasks)
        goal = parse_goal(target, tasks, subject) if target else AWAY
        scope = "joint" if joint else "per-task"
        return explore.run(subject, attack, sample.image, tasks, budget, truth=sample.targets, scope=scope, goal=goal)

    def panel(self, name: str, caption: str, alt: str, picture: Tensor) -> Panel:
        """A picture (3, H, W) in [0, 1]."""
        buffer = io.BytesIO()
        imaging.to_pil(picture).save(buffer, "WEBP", quality=QUALITY, method=6)
        file = f"{name}.webp"
        self.files[file] = buffer.getvalue()
        return Panel(caption, alt, file)

    def answers(self, name: str, o: TaskOutcome, kinds: Sequence[str]) -> list[Panel]:
        """A task's answers of these kinds in colours that they share, each with its main measure."""
        values = {"clean": o.clean, "adversarial": o.adversarial, "noise": o.noisy}
        shown = [value for value in (*values.values(), o.truth) if value is not None]
        span: Span | None = o.task.legend(*shown).span or o.task.span(*shown)
        return [self._answer(f"{name}-{o.task.name}-{kind}", o, kind, values[kind], span) for kind in kinds]

    def _answer(self, name: str, o: TaskOutcome, kind: str, value: Tensor | None, span: Span | None) -> Panel:
        assert value is not None, "computed by `explore.run`"
        measure, said = NUMBERS[o.task.name]
        number = o.task.measure(measure).format(o.measures[kind][measure])
        of = {"clean": "", "adversarial": " under attack", "noise": " with random noise"}[kind]
        caption = f"{o.task.label}{of}: {said.format(number)}"
        return self.panel(name, caption, caption, o.task.colour(value, span)[0])


def sees(studio: Studio) -> Scene:
    sample, subject = studio.rooms[PICTURE], studio.subject("dmtl")
    outcome = studio.attacked(subject, Mta(), sample, PATTERN)
    panels = [studio.panel("sees", "A room, drawn by a computer", "A furnished room", outcome.clean)]
    for o in outcome.tasks.values():
        panels += studio.answers("sees", o, ["clean"])
    words = (
        "One network looks at one picture and answers three questions about every pixel: what is it, how far away is "
        "it, and which way does its surface face? Robots and cars ask such questions."
    )
    return Scene("What a network sees", words, f"{subject.name}, no attack", 4, tuple(panels))


def invisible(studio: Studio) -> Scene:
    sample, subject = studio.rooms[PICTURE], studio.subject("dmtl")
    outcome = studio.attacked(subject, Pgd(), sample, MILD, joint=True)
    made = outcome.perturbations[JOINT]
    tasks = [studio.answers("invisible", o, ["clean", "adversarial"]) for o in outcome.tasks.values()]
    rows = [
        [studio.panel("invisible-clean", "The picture", "The room", made.clean), *(before for before, _ in tasks)],
        [studio.panel("invisible-changed", "The picture, changed", "The same room, hardly changed", made.adversarial),
         *(after for _, after in tasks)],
    ]  # fmt: skip
    psnr = made.similarity.psnr
    words = (
        "No pixel of the second room differs by more than 4 of 255 steps of brightness from the first. People see the "
        "same room. The network's three answers fall apart, all by this one change."
    )
    return _scene("A change that people overlook", words, f"dmtl, PGD with {Pgd().num_steps} steps, one "
                  f"perturbation for three tasks, epsilon 4/255 (L-inf), PSNR {psnr:.1f} dB", 4, rows)  # fmt: skip


def noise(studio: Studio) -> Scene:
    sample, subject = studio.rooms[PICTURE], studio.subject("dmtl")
    outcome = studio.attacked(subject, Pgd(), sample, MILD, joint=True)
    made = outcome.perturbations[JOINT]
    noisy = explore.noisy_picture(MILD, outcome.clean[None], 0)[0]
    gain = gain_of(made.perturbation)
    rows = [
        [studio.panel(f"noise-{name}", caption, caption, amplify(change, gain)),
         *(studio.answers(f"noise-{name}", o, [name])[0] for o in outcome.tasks.values())]
        for name, caption, change in (
            ("noise", f"Random noise, {gain:g} times as strong", noisy - outcome.clean),
            ("adversarial", f"The attack, {gain:g} times as strong", made.perturbation),
        )
    ]  # fmt: skip
    words = (
        "Random noise of the very same size does next to nothing. The attack is no accident: it "
        "follows the network's own gradients to where its answers break."
    )
    return _scene("It is not just noise", words, "dmtl, both at epsilon 4/255 (L-inf)", 4, rows)


def universal(studio: Studio) -> Scene:
    subject = studio.subject("dmtl")
    outcomes = [studio.attacked(subject, Mta("universal"), studio.rooms[i], PATTERN) for i in OTHERS]
    made = [outcome.perturbations["segmentation"] for outcome in outcomes]
    gain = gain_of(made[0].perturbation)
    pattern = amplify(made[0].perturbation, gain)
    rows = [
        [studio.panel("universal-pattern", f"The pattern, {gain:g} times as strong", "A coloured pattern", pattern)],
        studio.answers("universal-1", outcomes[0].tasks["segmentation"], ["clean"]),
    ]
    for number, (outcome, shown) in enumerate(zip(outcomes, made, strict=True), 1):
        caption = f"Room {number} with the pattern"
        rows[0].append(studio.panel(f"universal-{number}", caption, caption, shown.adversarial))
        rows[1] += studio.answers(f"universal-{number}", outcome.tasks["segmentation"], ["adversarial"])
    words = (
        "This pattern was computed once. Added to any picture it breaks the answers, so nobody has to compute anything "
        "when it is used."
    )
    small = "MTA universal perturbation against segmentation, epsilon 5/255 (L-inf)"
    return _scene("One pattern for every picture", words, small, 4, rows)


def targeted(studio: Studio) -> Scene:
    subject = studio.subject("objects")
    source = open_data(f"objects:{studio.gallery}/objects", "gallery", subject.precise.input_size)
    panels: list[Panel] = []
    for index in range(len(source)):
        sample = source[index]
        (name,) = sample.targets
        outcome = studio.attacked(subject, Mta(), sample, STRONG, target="bike_helmet")
        o = outcome.tasks[name]
        assert isinstance(o.task, Classification), "of the objects"
        before, after = (o.task.ranking(value)[0] for value in (o.clean, o.adversarial))
        if "helmet" in before[0].lower() or "helmet" not in after[0].lower():
            continue
        made, stem = outcome.perturbations[name], f"targeted-{len(panels)}"
        for kind, picture, (answer, share) in (("clean", made.clean, before), ("adversarial", made.adversarial, after)):
            caption = f"“{answer}”, {share:.0%} sure"
            panels.append(studio.panel(f"{stem}-{kind}", caption, f"{sample.name}, taken for {answer}", picture))
        if len(panels) == 2 * OBJECTS:
            break
    words = (
        "An attack can also say what the network is to answer. In each pair the left picture is recognised; the right "
        "one is hardly changed, and is taken for a bike helmet."
    )
    rows = [panels]
    return _scene("The attacker chooses the answer", words, "Classifiers of 31 objects, MTA generator towards "
                  "“bike helmet”, epsilon 10/255 (L-inf)", 2 * OBJECTS, rows)  # fmt: skip


def resists(studio: Studio) -> Scene:
    sample, rows = studio.rooms[PICTURE], []
    for name, told in (("dmtl", "Trained as usual"), ("dmtl-robust", "Trained to resist")):
        outcome = studio.attacked(studio.subject(name), Pgd(), sample, MILD)
        picture = outcome.perturbations["segmentation"].adversarial
        rows.append([
            studio.panel(f"resists-{name}", told, f"The picture, attacked: {told.lower()}", picture),
            *studio.answers(f"resists-{name}", outcome.tasks["segmentation"], ["clean", "adversarial"]),
            *studio.answers(f"resists-{name}", outcome.tasks["normals"], ["adversarial"]),
        ])  # fmt: skip
    words = (
        "The same network, trained on attacked pictures, loses far less. It costs something: on untouched pictures it "
        "is a little worse, and no network here resists every attack."
    )
    return _scene("What helps: training on attacks", words, "dmtl and dmtl-robust, each under its own PGD, "
                  f"{Pgd().num_steps} steps, epsilon 4/255 (L-inf)", 4, rows)  # fmt: skip


def _scene(title: str, words: str, small: str, columns: int, rows: Sequence[Sequence[Panel]]) -> Scene:
    return Scene(title, words, small, columns, tuple(panel for row in rows for panel in row))


SCENES: tuple[Callable[[Studio], Scene], ...] = (sees, invisible, noise, universal, targeted, resists)


def draw(studio: Studio, scenes: list[Scene]) -> Iterator[Event]:
    """Draws all scenes into `scenes`, and their pictures into the studio.

    Raises:
        WeightsError: a victim or a generator that is shown is not there.
        DataError: the shipped pictures are not there.
    """
    for done, make in enumerate(SCENES, 1):
        scenes.append(make(studio))
        yield Progress(done, len(SCENES), "scenes", stage="drawing")
