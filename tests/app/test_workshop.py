"""Attacks as jobs: what is kept, stopped and dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from helpers import png
from test_panels import finished

from app.kept import Recent
from app.library import Shelf, read_upload
from app.request import Request
from app.result import CurvePoint, LossStep, Result
from app.workshop import Workshop
from mta_core import devices, victims
from mta_core.tasks import task


def test_a_finished_result_is_kept(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    result = finished(workshop, request_for(units=7))
    assert workshop.result(request_for(units=7)) is result
    assert workshop.result(request_for(units=6.5)) is None


def test_a_preview_comes_first_and_what_is_kept_is_precise(request_for: Callable[..., Request]) -> None:
    workshop, request = Workshop(replace(devices.pick("cpu"), fast_dtype=torch.bfloat16)), request_for(units=9)
    job = workshop.attack(request)
    while not job.is_done:
        job.wait(len(job.events), 30)
    preview, result = (event for event in job.events if isinstance(event, Result))
    assert not preview.is_complete and result.is_complete and workshop.result(request) is result
    victim, _ = victims.load("dmtl")
    pairs = [(o.clean, result.outcome.tasks[name].clean) for name, o in preview.outcome.tasks.items()]
    assert any(not torch.equal(rough, exact) for rough, exact in pairs), "a preview is made in the fast precision"
    for name, found in result.outcome.tasks.items():
        assert set(found.measures) == {"clean", "adversarial", "noise"}
        assert set(preview.outcome.tasks[name].measures) == {"clean", "adversarial"}
        made = result.outcome.perturbations[name].adversarial
        assert torch.equal(made, preview.outcome.perturbations[name].adversarial)
        exact = task(name).decode(victim.eval()(made[None])[name])
        error, rough = (
            (shown.float() - exact.float()).abs().mean()
            for shown in (found.adversarial, preview.outcome.tasks[name].adversarial)
        )
        assert error <= 1e-4 and error <= rough


def test_without_a_faster_precision_the_preview_is_exact_and_kept(request_for: Callable[..., Request]) -> None:
    workshop = Workshop(replace(devices.pick("cpu"), fast_dtype=torch.float32))
    job = workshop.attack(request_for(units=9))
    while not job.is_done:
        job.wait(len(job.events), 30)
    preview, result = (event for event in job.events if isinstance(event, Result))
    assert preview.is_precise and not preview.is_complete and result.made is preview.made
    for name, found in result.outcome.tasks.items():
        assert found.adversarial is preview.outcome.tasks[name].adversarial


def test_every_perturbation_is_inside_its_budget(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    for request in (request_for("mta"), request_for("fgsm", "joint"), request_for("fgsm", norm="l2", units=4)):
        outcome = finished(workshop, request).outcome
        for made in outcome.perturbations.values():
            assert request.budget.contains(made.adversarial[None], outcome.clean[None]).all()


def test_stopping_keeps_what_was_found(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    request = request_for("pgd", num_steps=100)
    job = workshop.attack(request)
    job.wait(0, 60)
    job.stop()
    while not job.is_done:
        job.wait(len(job.events), 30)
    result = job.events[-1]
    assert isinstance(result, Result) and result.stopped_at is not None and result.stopped_at < 300
    assert result.outcome.perturbations["segmentation"].similarity.linf > 0
    assert torch.equal(result.outcome.perturbations["normals"].adversarial, result.outcome.clean)
    assert result.unreached == ("depth", "normals")
    assert result.verdict("normals") == "not attacked: stopped before its turn"
    assert result.verdict("segmentation") == result.outcome.tasks["segmentation"].verdict
    assert workshop.result(request) is None, "a stopped attack is no answer to the same question"


def test_a_cancelled_attack_ends_at_once(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    job = workshop.attack(request_for("pgd", num_steps=100))
    job.wait(0, 60)
    job.cancel()
    assert job.is_done
    finished(workshop, request_for("fgsm", units=3))
    assert not any(isinstance(event, Result) for event in job.events)


def test_losses_of_an_iterative_attack_come_while_it_runs(
    workshop: Workshop, request_for: Callable[..., Request]
) -> None:
    result = finished(workshop, request_for("pgd", "joint", num_steps=4))
    assert [step.done for step in result.history] == [1, 2, 3, 4]
    assert all(set(step.losses) == {"segmentation", "depth", "normals"} for step in result.history)


def test_the_curve_grows_with_epsilon(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    job = workshop.curve(request_for("fgsm", "joint", units=3))
    while not job.is_done:
        job.wait(len(job.events), 30)
    assert job.error is None
    points = [event for event in job.events if isinstance(event, CurvePoint)]
    assert [point.units for point in points] == [1, 2, 3, 4, 8, 16]
    assert {"clean", "noise", "adversarial"} <= set(points[0].measures["depth"])


def test_what_fails_is_reported(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    job = workshop.attack(request_for("mta", "joint"))
    while not job.is_done:
        job.wait(len(job.events), 30)
    assert isinstance(job.error, ValueError)
    assert not isinstance(job.events[-1] if job.events else None, LossStep)


def test_what_is_computed_of_an_upload_ends_with_it(
    workshop: Workshop, request_for: Callable[..., Request], gallery: Shelf
) -> None:
    upload = read_upload("mine.png", png())["crop"]
    shared = workshop.kept(gallery.read(0))
    before = len(shared.results), len(shared.curves), len(shared.answers)
    request = replace(request_for("fgsm"), picture=upload)
    for job in (workshop.attack(request), workshop.curve(request)):
        while not job.is_done:
            job.wait(len(job.events), 30)
        assert job.error is None
    assert workshop.result(request) is not None and workshop.points(request) is not None
    assert (len(shared.results), len(shared.curves), len(shared.answers)) == before
    again = replace(request, picture=read_upload("mine.png", png())["crop"])
    assert again == request and workshop.result(again) is None, "another browser's upload of the same file"


def test_recent_forgets_the_oldest() -> None:
    recent: Recent[int] = Recent(2)
    for key in "abac":
        recent.put(key, ord(key))
    assert recent.get("b") is None
    assert recent.get("a") == ord("a")
