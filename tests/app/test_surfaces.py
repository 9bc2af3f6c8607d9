"""Surfaces made from depth: where their points lie, where they are broken, what of them goes to the browser."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from test_panels import finished

from app import surfaces
from app.library import Picture
from app.request import Request
from app.result import Result
from app.workshop import Workshop
from mta_core import victims
from mta_core.data.base import fitted_focal
from mta_core.data.derived import euclidean_depth, field_to_focal, rays
from mta_core.data.nyuv2 import FOCAL, NATIVE
from mta_core.data.rooms.source import write_field_of_view
from mta_core.tasks import SCENE_TASKS, task
from mta_core.tasks.log_depth import from_metres


def plane(normal: tuple[float, float, float], distance: float, size: tuple[int, int], focal: float) -> torch.Tensor:
    """Depth of the plane of the points p with `normal . p = -distance`, (1, H, W)."""
    directions = rays(torch.zeros(1, *size), focal)
    return -distance / (directions * torch.tensor(normal).view(3, 1, 1)).sum(0, keepdim=True)


def test_points_are_where_the_rays_through_the_pixels_meet_the_depth() -> None:
    depth = torch.rand(1, 60, 80, generator=torch.Generator().manual_seed(0)) + 1
    made = surfaces.surface(depth, 70.0)
    assert torch.equal(made.points, rays(depth, 70.0) * depth), "no pixel is left out of a small picture"
    row, column = 13, 57
    expected = [(column + 0.5 - 40) / 70, (30 - 0.5 - row) / 70, -1.0]
    assert torch.allclose(made.points[:, row, column], torch.tensor(expected) * depth[0, row, column])


@pytest.mark.parametrize("size", [(288, 384), (290, 385), (256, 256)])
def test_a_thinned_surface_lies_on_the_plane_that_it_is_of(size: tuple[int, int]) -> None:
    normal = (0.3, 0.5, 0.81)
    depth = plane(normal, 2.0, size, 300.0)
    made = surfaces.surface(depth, 300.0)
    assert made.points.shape[1] <= surfaces.MOST[0] and made.points.shape[2] <= surfaces.MOST[1]
    off = (made.points * torch.tensor(normal).view(3, 1, 1)).sum(0) + 2.0
    assert off.abs().max() < 0.02
    assert made.quads.all(), "a slanted plane has no jumps"


def test_a_floor_seen_at_a_low_angle_is_not_broken() -> None:
    depth = plane((0.0, 1.0, 0.0), 1.5, (288, 384), 320.0)
    depth = torch.where((depth > 0) & (depth < 30), depth, 0)
    made = surfaces.surface(depth, 320.0)
    known = made.points[2] < 0
    corners = known[:-1, :-1] & known[1:, :-1] & known[:-1, 1:] & known[1:, 1:]
    near = made.points[2, :-1][:, :-1] > -12
    assert known.any() and torch.equal(made.quads & near, corners & near)


def test_it_is_broken_at_a_jump_and_where_there_is_no_depth() -> None:
    depth = torch.full((40, 60), 3.0)
    depth[:, 30:] = 2.0
    depth[5, 7] = 0
    kept = surfaces.whole(depth)
    broken = torch.zeros_like(kept)
    broken[:, 29] = True
    broken[4:6, 6:8] = True
    assert torch.equal(kept, ~broken)


def test_rough_depths_are_no_confetti_but_jumps_in_them_are_seen() -> None:
    noise = 1 + 0.03 * torch.randn(96, 128, generator=torch.Generator().manual_seed(0))
    depth = torch.full((96, 128), 3.0)
    depth[:, 64:] = 1.5
    kept = surfaces.whole(depth * noise)
    assert kept[:, :60].float().mean() > 0.95 and kept[:, 68:].float().mean() > 0.95
    assert not kept[:, 63].any()


def test_every_label_space_of_depth_gives_the_same_metres() -> None:
    depth = torch.rand(1, 24, 32, generator=torch.Generator().manual_seed(0)) * 5 + 0.5
    depth[0, 0, 0] = 0
    along = euclidean_depth(depth, 30.0)
    for name, space, value in (
        ("depth", "metres", depth), ("depth", "log", from_metres(depth)),
        ("euclidean_depth", "metres", along), ("euclidean_depth", "log", from_metres(along)),
    ):  # fmt: skip
        found = surfaces.along_axis(task(name, space), value[None], 30.0)
        assert torch.allclose(found, depth, atol=1e-4), (name, space)


def test_normals_of_a_surface_are_those_of_its_plane() -> None:
    normal = torch.tensor([0.2, 0.6, 0.7746]).view(3, 1, 1)
    made = surfaces.surface(plane((0.2, 0.6, 0.7746), 2.0, (48, 64), 60.0), 60.0)
    assert ((surfaces.slopes(made) * normal).sum(0) > 0.999).all()


@pytest.fixture
def result(workshop: Workshop, request_for: Callable[..., Request]) -> Result:
    return finished(workshop, request_for())


def read(message: bytes | None) -> tuple[dict, bytes]:
    assert message is not None
    text, _, packed = message.partition(b"\n")
    return json.loads(text), packed


def test_the_message_holds_what_it_tells(result: Result) -> None:
    header, none = read(surfaces.message(result, with_arrays=False))
    assert not none and not header["has_arrays"]
    header, packed = read(surfaces.message(result, with_arrays=True, colour="lit"))
    assert header["colour"] == "lit" and [scene["title"] for scene in header["scenes"]] == [
        "Clean", "Adversarial", "Ground truth"
    ]  # fmt: skip
    data, at = zlib.decompress(packed), 0
    known = result.outcome.tasks["depth"]
    for scene, value in zip(header["scenes"], (known.clean, known.adversarial, known.truth), strict=True):
        (rows, columns), (height, width), (high, wide) = scene["grid"], scene["size"], scene["normals"]
        points = np.frombuffer(data, "<f4", (rows + 1) * (columns + 1) * 3, at).reshape(rows + 1, columns + 1, 3)
        focal = header["focal"] * width
        expected = surfaces.surface(surfaces.along_axis(known.task, value, focal), focal)
        assert (points == expected.points.permute(1, 2, 0).numpy()).all()
        at += points.nbytes + rows * columns + 4 * height * width + 3 * high * wide
    assert at == len(data)
    assert len(packed) < 4_000_000


def test_the_camera_is_the_pictures_own_or_said_to_be_assumed(
    result: Result, workshop: Workshop, request_for: Callable[..., Request], picture: Picture
) -> None:
    header, _ = read(surfaces.message(result, with_arrays=False))
    size = (picture.image.shape[-2], picture.image.shape[-1])
    assert header["focal"] * size[1] == pytest.approx(picture.focal(size))
    assert "is assumed" not in header["notes"][0]
    unknown = replace(picture, focal=lambda _: None)
    alone = replace(result, request=replace(result.request, picture=unknown), made={})
    header, _ = read(surfaces.message(alone, with_arrays=False))
    assert header["focal"] == pytest.approx(field_to_focal(np.radians(60), 1)) and "60° across" in header["notes"][0]


def test_a_cropped_picture_keeps_the_cameras_focal_length(studio, gallery) -> None:  # type: ignore[no-untyped-def]
    write_field_of_view(studio / "gallery", "0001", 1.0)
    focal = gallery.read(1).focal
    assert focal((288, 384)) == pytest.approx(192 / np.tan(0.5))
    assert focal((144, 192)) == pytest.approx(96 / np.tan(0.5))
    assert focal((288, 288)) == pytest.approx(192 / np.tan(0.5)), "what is cut off at the sides changes nothing"
    assert fitted_focal(FOCAL, NATIVE, (240, 320)) == FOCAL / 2


def test_without_depth_it_says_what_is_missing(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    request = replace(request_for("fgsm", "joint"), tasks=(SCENE_TASKS[0],))
    result = finished(workshop, request)
    assert surfaces.message(result, with_arrays=True) is None
    card = victims.cards()[0]
    assert "choose it under Tasks to attack" in surfaces.lacking(result, [card])
    other = replace(card, name="other", tasks={"segmentation": "nyu13"})
    blind = replace(result, request=replace(request, victim="other"))
    assert surfaces.lacking(blind, [card, other]) == (
        "A surface is made from depth, which other does not predict; dmtl does."
    )


def test_the_tab_shows_the_surfaces_and_says_where_there_are_none(page: Callable[..., AppTest]) -> None:
    def drawn(at: AppTest) -> list[bytes]:
        return [c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_surface")]

    (message,) = drawn(page(detail="3-D", surface="depth"))
    header, arrays = read(message)
    assert header["colour"] == "depth" and len(header["scenes"]) == 3 and not arrays
    at = page(detail="3-D", tasks="Segmentation")
    assert not drawn(at) and "made from depth" in at.info[0].value
