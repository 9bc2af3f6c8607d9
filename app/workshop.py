"""The service behind the page: an attack is asked for by a `Request` and comes back as a `Result`."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from torch import Tensor

from app.kept import Kept, Recent
from app.library import Picture
from app.recording import Recording, keep
from app.request import Answers, Request
from app.result import AttackEvent, CurveEvent, CurvePoint, LossStep, Result, Tick
from mta_core import generators, victims
from mta_core.attacks import JOINT, Step
from mta_core.budget import Budget
from mta_core.devices import Device
from mta_core.explore import Outcome, Subject, add_noise, explore, finish, noisy_picture
from mta_core.goal import Goal
from mta_core.jobs import Job, Worker
from mta_core.targets import PICTURE, parse_goal
from mta_core.tasks import answered
from mta_core.transfer import at_size
from mta_core.weights import Card

CURVE_UNITS = {"linf": (1, 2, 4, 8, 16), "l2": (1, 2, 4, 8, 16)}
"""The epsilons of the curve, as people type them; the chosen one is added."""

SUBJECTS = 2
"""Victims kept ready at a time: one that is attacked, one that its adversarial pictures are tried on."""

PAINTING = 0.5
"""Seconds a browser on this machine may take to draw a preview, before the numbers of it take the processor back."""


class Workshop:
    """Victims made ready, one worker on the accelerator, and what was computed lately."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.worker = Worker()
        self.started: MutableMapping[Hashable, Job[Any]] = WeakValueDictionary()
        """The work of `start` that a browser looks at or the worker is busy with, by what was asked."""
        self._shared = Kept()
        self._subjects: Recent[Subject] = Recent(SUBJECTS)

    def victims(self) -> list[Card]:
        """Those that answer at least one task that can be shown."""
        return [card for card in victims.cards() if answered(card.tasks)]

    def generators(self, victim: str) -> list[Card]:
        return generators.cards(victim)

    def kept(self, picture: Picture) -> Kept:
        """What was computed of a picture lately: an upload's own, or what all browsers share."""
        return picture.kept or self._shared

    def forget(self) -> None:
        """Drops most of what was computed for all browsers: none of them is here any more."""
        self._shared.shrink()

    def result(self, request: Request) -> Result | None:
        return self.kept(request.picture).results.get(request)

    def points(self, request: Request) -> tuple[CurvePoint, ...] | None:
        """The finished curve of a request."""
        return self.kept(request.picture).curves.get(request)

    def attack(self, request: Request) -> Job[AttackEvent]:
        """Starts the attack; its events end with two `Result`s, a preview and the complete one."""
        return self.worker.submit(lambda job: self._attack(request, job))

    def transfer(self, result: Result, request: Request) -> Job[AttackEvent]:
        """Shows the pictures of a result to the other victim of a request, which is that of the result but for it; its
        events are two `Result`s, a preview and the complete one."""
        return self.worker.submit(lambda job: self._transfer(result, request, job))

    def curve(self, request: Request) -> Job[CurveEvent]:
        """Starts the same attack for several epsilons."""
        return self.worker.submit(lambda job: self._curve(request, job))

    def start(self, asked: Sequence[Hashable], work: Callable[[Job[Any]], Iterator[Any]]) -> Job[Any]:
        """Starts work on several attacks, which other browsers find by what was asked."""
        job = self.worker.submit(work)
        self.started[tuple(asked)] = job
        return job

    def running(self, asked: Sequence[Hashable]) -> Job[Any] | None:
        """The work on these, if somebody started it: a page that is loaded anew finds its own again."""
        job = self.started.get(tuple(asked))
        return None if job is None or job.is_done else job

    def prepare(self, victim: str, picture: Picture) -> Job[Answers]:
        """Loads a victim and has it answer a picture, so that the first attack need not wait for it."""

        def work(_: Job[Answers]) -> Iterator[Answers]:
            subject = self.subject(victim)
            yield self._clean_answers(subject, picture, fast=True)
            yield self._clean_answers(subject, picture)

        return self.worker.submit(work)

    def subject(self, name: str) -> Subject:
        """The victim made ready; made again when its files were replaced. Only the worker asks for it."""
        key = (name, self._digest(name))
        subject = self._subjects.get(key)
        if subject is None:
            victim, _ = victims.load(name)
            subject = Subject.prepare(name, victim, self.device)
            self._subjects.put(key, subject)
        return subject

    def _digest(self, victim: str) -> str:
        return next((card.sha256 for card in self.victims() if card.name == victim), "")

    def _attack(self, request: Request, job: Job[AttackEvent]) -> Iterator[AttackEvent]:
        subject, picture = self.subject(request.victim), request.picture
        steps = self._explore(subject, request)
        begin = time.perf_counter()
        adversarials, history, directions, aside = {}, [], {}, 0.0
        recording = keep(Recording(picture.image, request.budget.norm)) if request.is_iterative else None
        for step in steps:
            adversarials[step.perturbation] = step.adversarial
            if step.direction is not None:
                directions[step.perturbation] = step.direction[0].cpu()
            losses = {name: float(loss[0]) for name, loss in step.losses.items()}
            history.append(LossStep(step.perturbation, step.done, step.total, losses))
            if recording is not None:
                before = time.perf_counter()
                recording.add(step)
                aside += time.perf_counter() - before  # no part of the attack
                yield history[-1]
            if job.is_stopping:
                break
        seconds = time.perf_counter() - begin - aside
        names = (JOINT,) if request.scope == "joint" else tuple(t.name for t in request.tasks)
        unreached = tuple(name for name in names if name not in adversarials)
        stopped_at = len(history) if unreached or _is_short(history) else None
        adversarials |= dict.fromkeys(unreached, picture.image[None])
        outcome = self._outcome(subject, request, adversarials, {}, seconds, fast=True)
        tried = self._tried(request, adversarials, fast=True)
        preview = Result(
            request, outcome, tuple(history), stopped_at, unreached, is_precise=subject.is_exact, tried=tried,
            recording=recording, directions=directions, preview_seconds=time.perf_counter() - begin,
        )  # fmt: skip
        if not subject.is_exact and self.device.torch_device.type == "cpu":
            job.rest(PAINTING)
        yield preview
        if not subject.is_exact:
            known = {}
            for name, adversarial in adversarials.items():
                known[name] = subject.answer(adversarial, [t for t in request.tasks if name in (JOINT, t.name)])
                yield Tick()
            outcome = self._outcome(subject, request, adversarials, known, seconds)
            yield Tick()
            tried = self._tried(request, adversarials)
            yield Tick()
        outcome = add_noise(outcome, self._noisy_answers(subject, request))
        if tried is not None:
            tried = add_noise(tried, self._noisy_answers(self._other(request), request))
        made = preview.made if preview.is_precise else {}
        result = replace(preview, outcome=outcome, is_precise=True, is_complete=True, made=made, tried=tried)
        if stopped_at is None:
            self.kept(picture).results.put(request, result)
        yield result

    def _transfer(self, result: Result, request: Request, job: Job[AttackEvent]) -> Iterator[AttackEvent]:
        pictures = {name: made.adversarial[None] for name, made in result.outcome.perturbations.items()}
        other = self._other(request)
        preview = replace(
            result, request=request, tried=self._tried(request, pictures, fast=True), is_precise=other.is_exact,
            is_complete=False, made={},
        )  # fmt: skip
        yield preview
        tried = preview.tried if other.is_exact else self._tried(request, pictures)
        yield Tick()
        assert tried is not None, "a request for a transfer names another victim"
        tried = add_noise(tried, self._noisy_answers(other, request))
        whole = replace(preview, tried=tried, is_precise=True, is_complete=True, made={})
        if whole.stopped_at is None:
            self.kept(request.picture).results.put(request, whole)
        yield whole

    def _curve(self, request: Request, job: Job[CurveEvent]) -> Iterator[CurveEvent]:
        subject = self.subject(request.victim)
        points = []
        for units in sorted({*CURVE_UNITS[request.budget.norm], request.budget.units}):
            at = replace(request, budget=Budget.from_units(request.budget.norm, units))
            adversarials = {}
            for step in self._explore(subject, at):
                adversarials[step.perturbation] = step.adversarial
                yield Tick()
            noisy = self._noisy_answers(subject, at)
            yield Tick()
            outcome = self._outcome(subject, at, adversarials, {})
            measures = {name: o.measures for name, o in add_noise(outcome, noisy).tasks.items()}
            points.append(CurvePoint(units, measures))
            yield points[-1]
        self.kept(request.picture).curves.put(request, tuple(points))

    def _other(self, request: Request) -> Subject:
        """The victim that the adversarial pictures are tried on, for pictures of their size."""
        height, width = request.picture.image.shape[-2:]
        return at_size(self.subject(request.to), (height, width))

    def _tried(self, request: Request, adversarials: Mapping[str, Tensor], *, fast: bool = False) -> Outcome | None:
        """In the eyes of the other victim, not compared with noise yet; None where there is no other."""
        if request.to in ("", request.victim):
            return None
        return self._outcome(self._other(request), request, adversarials, {}, fast=fast)

    def goal(self, subject: Subject, request: Request) -> Goal:
        """Where the attack of a request leads. Only the worker asks for it."""
        if request.like is None:
            return parse_goal(request.target, request.tasks, subject)
        answers = self._clean_answers(subject, request.like)
        return Goal(f"{PICTURE}{request.like.name}", {t.name: t.as_target(answers[t.name])[0] for t in request.tasks})

    def _explore(self, subject: Subject, request: Request) -> Iterator[Step]:
        targets = dict(request.truth)
        if unlabelled := [t for t in request.tasks if t.name not in targets]:
            clean = self._clean_answers(subject, request.picture)
            targets |= {t.name: t.as_target(clean[t.name])[0] for t in unlabelled}
        return explore(
            subject, request.attack, request.picture.image, request.tasks, request.budget,
            truth=targets, scope=request.scope, goal=self.goal(subject, request), seed=request.seed,
        )  # fmt: skip

    def _outcome(
        self,
        subject: Subject,
        request: Request,
        adversarials: Mapping[str, Tensor],
        known: Mapping[str, Answers],
        seconds: float = 0.0,
        *,
        fast: bool = False,
    ) -> Outcome:
        """Not compared with noise yet."""
        return finish(
            subject, request.picture.image, request.tasks, request.budget, adversarials, truth=request.truth,
            known={"clean": self._clean_answers(subject, request.picture, fast=fast), **known}, with_noise=False,
            fast=fast, seconds=seconds, goal=self.goal(subject, request),
        )  # fmt: skip

    def _clean_answers(self, subject: Subject, picture: Picture, *, fast: bool = False) -> Answers:
        """Precise ones even if `fast` ones do, where they are there: what is shown of them does not change."""
        is_fast = fast and not subject.is_exact and self._kept_answers(subject, picture, "clean") is None
        what = "clean, fast" if is_fast else "clean"
        return self._answered(subject, picture, what, lambda clean: clean, fast=is_fast)

    def _noisy_answers(self, subject: Subject, request: Request) -> Answers:
        def noisy(clean: Tensor) -> Tensor:
            return noisy_picture(request.budget, clean, request.seed)

        return self._answered(subject, request.picture, (request.budget, request.seed), noisy)

    def _answered(
        self,
        subject: Subject,
        picture: Picture,
        what: Hashable,
        change: Callable[[Tensor], Tensor],
        *,
        fast: bool = False,
    ) -> Answers:
        """The victim's answers to every task it knows, for the picture changed in some way."""
        answers = self._kept_answers(subject, picture, what)
        if answers is None:
            tasks = answered(subject.precise.tasks)
            answers = subject.answer(change(picture.image[None]), tasks, fast=fast)
            self.kept(picture).answers.put(self._key(subject, picture, what), answers)
        return answers

    def _kept_answers(self, subject: Subject, picture: Picture, what: Hashable) -> Answers | None:
        return self.kept(picture).answers.get(self._key(subject, picture, what))

    def _key(self, subject: Subject, picture: Picture, what: Hashable) -> Hashable:
        """Without the victim itself: it would be kept."""
        return (subject.name, self._digest(subject.name), picture.key, what)


def _is_short(history: list[LossStep]) -> bool:
    return bool(history) and history[-1].done < history[-1].total
