"""Derived labels are right on shapes whose geometry is known, and agree with Taskonomy's own on its picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mta_core.data import DataError, derived, open_data
from mta_core.data.filters import box_sums
from mta_core.data.rooms import render_room
from mta_core.data.rooms.source import Rooms, read_field_of_view, write_scene
from mta_core.data.taskonomy_files import read_labels
from mta_core.vectors import unit
from mta_core.weights import ROOT
from tests.toys import make_pictures

SIZE = (144, 192)
FOCAL = 150.0
Shape = tuple[Tensor, Tensor]
"""Depth and normals."""


def lines() -> Tensor:
    return derived.rays(torch.zeros(1, *SIZE), FOCAL)


def plane(normal: tuple[float, float, float], distance: float) -> Shape:
    direction = unit(torch.tensor(normal), dim=0).view(3, 1, 1)
    depth = -distance / (direction * lines()).sum(0, keepdim=True)
    hit = (depth > 0) & (depth < 20)
    return torch.where(hit, depth, 0), torch.where(hit, direction, 0)


def round_shape(radius: float, distance: float, axes: tuple[float, float, float], is_inside: bool = False) -> Shape:
    """A sphere, or a cylinder along the axis that is 0, around a point on the optical axis; from without or within."""
    ray, weight = lines().double(), torch.tensor(axes).double().view(3, 1, 1)
    centre = torch.tensor([0.0, 0.0, -distance]).double().view(3, 1, 1)
    a, b = (ray * ray * weight).sum(0), -(ray * centre * weight).sum(0)
    root = b * b - a * (distance**2 - radius**2)
    depth = (-b + (1 if is_inside else -1) * root.clamp(min=0).sqrt()) / a
    normals = (depth * ray - centre) * weight / radius * (-1 if is_inside else 1)
    hit = (root > 0) & (depth > 0)
    return torch.where(hit, depth, 0)[None].float(), torch.where(hit, normals, 0).float()


def stored(shape: Shape) -> Shape:
    """As it comes back from a file: depth in millimetres, normals in eight bits."""
    depth, normals = shape
    rounded = ((normals + 1) * 127.5).round() / 127.5 - 1
    return (depth * 1000).round() / 1000, torch.where(depth > 0, unit(rounded, dim=0), 0)


SPHERE, CYLINDER = (1.0, 1.0, 1.0), (1.0, 0.0, 1.0)
SHAPES = {
    "wall": (plane((0, 0, 1), 3), (0, 0)),
    "floor": (plane((0.05, 0.99, 0.1), 1.4), (0, 0)),
    "oblique wall": (plane((0.8, 0, 0.6), 2), (0, 0)),
    "ball": (round_shape(0.1, 0.6, SPHERE), (10, 10)),
    "globe": (round_shape(1, 3, SPHERE), (1, 1)),
    "pipe": (round_shape(0.1, 0.6, CYLINDER), (10, 0)),
    "column": (round_shape(0.3, 2, CYLINDER), (1 / 0.3, 0)),
    "lying column": (round_shape(0.3, 2, (0.0, 1.0, 1.0)), (1 / 0.3, 0)),
    "dome from within": (round_shape(3, 0, SPHERE, is_inside=True), (-1 / 3, -1 / 3)),
    "vault from within": (round_shape(3, 0, CYLINDER, is_inside=True), (0, -1 / 3)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("is_stored", [False, True], ids=["exact", "stored"])
def test_principal_curvatures_are_those_of_the_shape(name: str, is_stored: bool) -> None:
    shape, expected = SHAPES[name]
    both = derived.curvature(*(stored(shape) if is_stored else shape), FOCAL)
    known = both.isfinite().all(0)
    assert known.float().mean() > 0.6 * (shape[0] > 0).float().mean(), "most of the shape has a label"
    for found, radians_per_metre in zip(both[:, known], expected, strict=True):
        error = (found - radians_per_metre * derived.SMALLEST_RADIUS).abs()
        allowed = 0.004 + 0.05 * abs(radians_per_metre) * derived.SMALLEST_RADIUS
        assert error.mean() < (allowed if is_stored else allowed / 2), "on the scale of labels, [-1, 1]"


def test_curvature_is_masked_where_a_surface_ends_but_not_where_two_meet() -> None:
    near, far = plane((0, 0, 1), 1), plane((0, 0, 1), 3)
    is_left = torch.arange(SIZE[1]) < 100
    depth, normals = (torch.where(is_left, one, other) for one, other in zip(near, far, strict=True))
    both = derived.curvature(depth, normals, FOCAL)
    assert both[:, :, 97:103].isnan().all() and (both[:, :, :95] == 0).all() and (both[:, :, 105:] == 0).all()
    left, right = plane((0.7, 0, 0.7), 2), plane((-0.7, 0, 0.7), 2)  # a corner of a room, seen from within
    depth, normals = (torch.where(left[0] < right[0], one, other) for one, other in zip(left, right, strict=True))
    both = derived.curvature(depth, normals, FOCAL)[:, 20:-20]
    assert (both[1, :, 94:98] < -0.2).all() and (both[0, :, 94:98].abs() < 0.02).all(), "hollow across, straight along"


def test_curvature_needs_geometry() -> None:
    depth, normals = plane((0, 0, 1), 2)
    depth[:, 40:60] = 0
    assert derived.curvature(depth, normals, FOCAL)[:, 40:60].isnan().all()
    assert derived.curvature(depth, torch.zeros(3, *SIZE), FOCAL).isnan().all()


def test_euclidean_depth_and_reshading_of_a_sphere_around_the_camera() -> None:
    depth, normals = round_shape(3, 0, SPHERE, is_inside=True)
    torch.testing.assert_close(derived.euclidean_depth(depth, FOCAL), torch.full((1, *SIZE), 3.0))
    torch.testing.assert_close(derived.reshading(depth, normals, FOCAL), torch.ones(1, *SIZE))


def test_reshading_of_a_wall_falls_with_the_cosine() -> None:
    depth, normals = plane((0, 0, 1), 2)
    found = derived.reshading(depth, normals, FOCAL)
    slant = math.hypot((0.5 - SIZE[1] / 2) / FOCAL, (SIZE[0] / 2 - 0.5) / FOCAL, 1)
    assert float(found[0, 0, 0]) == pytest.approx(2 / slant - 1, abs=1e-5)
    depth[:, :10] = 0
    assert derived.reshading(depth, normals, FOCAL)[:, :10].isnan().all()
    assert (derived.euclidean_depth(depth, FOCAL)[:, :10] == 0).all(), "0 is no distance"


def test_labels_of_rendered_rooms_are_exact(tmp_path: Path) -> None:
    room = render_room(5, 96, 128)
    write_scene(tmp_path, 5, (96, 128))
    source = Rooms.open(tmp_path, "all", (96, 128)).labelled(["euclidean_depth", "reshading", "curvature"])
    labels = source[0].targets
    distance = np.sqrt((room.points().astype(np.float64) ** 2).sum(-1))
    assert np.abs(labels["euclidean_depth"][0].numpy() - distance).max() < 0.001, "a millimetre"
    cosine = -(room.normals * room.points()).sum(-1) / distance
    assert np.abs(labels["reshading"][0].numpy() - (2 * cosine.clip(0, 1) - 1)).max() < 0.02
    both = labels["curvature"]
    assert both.shape == (2, 96, 128) and 0.2 < both.isfinite().float().mean() < 1
    known = both[:, both.isfinite().all(0)]
    assert (known[0] >= known[1]).all() and (known[0] > 0.02).any() and (known.abs() < 1e-4).float().mean() > 0.2


def test_a_room_without_its_camera_is_furnished_again_to_find_it(tmp_path: Path) -> None:
    write_scene(tmp_path, 5, (24, 32))
    source = Rooms.open(tmp_path, "all", (24, 32)).labelled(["euclidean_depth"])
    before, file = source[0].targets["euclidean_depth"], tmp_path / "camera" / "0000005.txt"
    file.unlink()
    assert torch.equal(source[0].targets["euclidean_depth"], before) and not file.exists(), "not ours to write to"
    cache = Rooms(tmp_path, ["0000005"], "all", (24, 32), render=True).labelled(["euclidean_depth"])
    assert torch.equal(cache[0].targets["euclidean_depth"], before) and file.exists(), "found once"
    file.write_text("wide")
    with pytest.raises(
        DataError, match=r"^expected camera/0000005.txt under .* to hold an angle in \(0, pi\), got 'wide'$"
    ):
        source[0]
    for kind in ("rgb", "depth", "normal", "seg13"):
        (tmp_path / kind / "0000005.png").rename(tmp_path / kind / "kitchen.png")
    other = Rooms.open(tmp_path, "all", (24, 32))
    with pytest.raises(DataError, match=r"^expected camera/kitchen.txt under "):
        other.labelled(["curvature"])[0]
    assert set(other.labelled(["edge_texture"])[0].targets) == {"edge_texture"}, "no camera is needed"


def step(contrast: float, height: int) -> Tensor:
    image = torch.full((3, height, height), 0.5 - contrast / 2)
    image[:, :, height // 2 :] += contrast
    return image


@pytest.mark.parametrize("height", [192, 288, 512])
def test_an_edge_of_texture_is_about_as_strong_at_every_size(height: int) -> None:
    """What a blurred step rises by over two pixels, from its middle between two; the smaller the picture the less of it
    is in the steepest place."""
    found = derived.edge_texture(step(0.25, height))[0]
    sigma = 3 * height / derived.HEIGHT
    share = (math.erf(1.5 / sigma / math.sqrt(2)) + math.erf(0.5 / sigma / math.sqrt(2))) / 2
    expected = 2 * 0.25 * share / math.sqrt(2) * height / derived.HEIGHT / derived.EDGE_TEXTURE - 1
    strongest = found[height // 2].max()
    assert float(strongest) == pytest.approx(expected, abs=0.03) and -0.1 < strongest < 0.2
    assert found[height // 2, 4] == -1
    assert (found[height // 2, height // 2 - 1 : height // 2 + 1] > strongest - 1e-4).all(), "on both sides of the step"


def test_edges_of_occlusion_are_at_jumps_of_depth_and_weaker_far_away() -> None:
    def strength(near: float, far: float) -> float:
        depth = torch.where(torch.arange(SIZE[1]) < 96, near, far).expand(1, *SIZE).clone()
        label = derived.edge_occlusion(depth)[0]
        assert label[:, :40].max() == -1 and label[:, -40:].max() == -1
        return float(label[72, 96])

    assert -1 < strength(8, 8.2) < strength(2, 2.2) < strength(2, 2.6) <= 1
    depth = torch.full((1, *SIZE), 3.0)
    depth[:, :20] = 0
    label = derived.edge_occlusion(depth)
    assert label[:, :20].isnan().all() and label[:, 20:].max() == -1, "the end of what is known is no edge"


def test_key_points_of_a_picture_are_blobs_and_neither_flats_nor_edges() -> None:
    image = step(0.5, 192) * 0.2
    image[:, 60:72, 40:52] = 1
    found = derived.keypoints2d(image)[0]
    assert found.max() == 1 and found[60:72, 40:52].max() == 1
    assert found[150:, 150:].max() < -0.99 and found[150:, 90:100].max() < -0.95


@pytest.mark.parametrize("name", ["keypoints2d", "edge_texture"])
def test_a_mirrored_picture_has_mirrored_labels(name: str) -> None:
    (image,) = make_pictures(1, 96, 128)
    label = {"keypoints2d": derived.keypoints2d, "edge_texture": derived.edge_texture}[name]
    torch.testing.assert_close(label(image.flip(-1)), label(image).flip(-1), atol=2e-3, rtol=0)


def test_sums_over_boxes_are_sums() -> None:
    values = torch.randint(0, 2, (40, 50), generator=torch.Generator().manual_seed(0)).float()
    sums = box_sums(values, 9)(-2, 5, 1, 9)
    assert int(sums[20, 30]) == (1 << 14) * int(values[18:26, 31:40].sum())


def test_key_points_of_surfaces_are_where_three_faces_meet() -> None:
    faces = [plane(normal, 1.0) for normal in ((0.6, 0.5, 0.6), (-0.6, 0.5, 0.6), (0.0, -0.8, 0.6))]
    depths = torch.cat([torch.where(depth > 0, depth, 99) for depth, _ in faces])
    depth, nearest = depths.min(0, keepdim=True)
    normals = torch.stack([face for _, face in faces]).gather(0, nearest[:, None].expand(1, 3, *SIZE))[0]
    found = derived.keypoints3d(depth, normals, FOCAL)[0]
    row, column = divmod(int(found.argmax()), SIZE[1])
    assert torch.unique(nearest[0, row - 3 : row + 4, column - 3 : column + 4]).numel() == 3, "the corner"
    assert found[row, column] > 0.2
    assert torch.unique(nearest[0, row + 30 :]).numel() == 2 and found[row + 45 :].max() < -0.9, "an edge is none"
    for name in ("wall", "column"):
        label = derived.keypoints3d(*SHAPES[name][0], FOCAL)
        assert label[label.isfinite()].max() < -0.9, name
        assert torch.equal(label.isfinite(), SHAPES[name][0][0] > 0)


@pytest.mark.parametrize("name", derived.SPACES)
def test_every_label_has_its_form(name: str) -> None:
    depth, normals = stored(round_shape(0.5, 2, SPHERE))
    (image,) = make_pictures(1, *SIZE)
    labels = derived.derive([name, "depth"], image, depth, normals, FOCAL)
    assert set(labels) == {name}, "nothing is computed that was not asked for"
    label = labels[name]
    assert label.shape == ({"curvature": 2, "autoencoding": 3}.get(name, 1), *SIZE) and label.dtype == torch.float32
    assert label.isfinite().any() and not label.isinf().any()
    if derived.SPACES[name] != "metres":
        assert -1 <= label[label.isfinite()].min() < label[label.isfinite()].max() <= 1
    if name in ("autoencoding", "edge_texture", "keypoints2d"):
        assert label.isfinite().all()


def test_the_shipped_rooms_have_their_cameras() -> None:
    source = open_data(f"rooms:{ROOT / 'assets' / 'gallery'}", "gallery")
    for index in (0, len(source) - 1):
        targets = source[index].targets
        field = read_field_of_view(ROOT / "assets" / "gallery", source.name_of(index))
        assert field is not None
        focal = derived.field_to_focal(field, 384)
        right, narrow, wide = (
            float(derived.jumps(targets["depth"], targets["normals"], factor * focal).float().mean())
            for factor in (1, 2, 0.5)
        )
        assert right < min(narrow, wide), "planes are planes"


@pytest.fixture(scope="module")
def view(data_pack: Path) -> tuple[dict[str, Tensor], Tensor, float]:
    """Taskonomy's labels of a picture of its own, that picture, and its focal length."""
    root = data_pack / "taskonomy_sample" / "taskonomy__point_202_view_5"
    if not root.is_dir():
        pytest.skip("the data pack has no picture of Taskonomy")
    image = torch.from_numpy(np.array(Image.open(root / "rgb.png"))).movedim(-1, 0) / 255
    files = {
        "depth": "depth_zbuffer", "euclidean_depth": "depth_euclidean", "normals": "normal",
        "curvature": "principal_curvature",
        **{name: name for name in ("keypoints2d", "keypoints3d", "edge_texture", "edge_occlusion")},
    }  # fmt: skip
    labels = read_labels({task: root / f"{file}.png" for task, file in files.items()}, list(files), (512, 512))
    radians = json.loads((root / "point_info.json").read_text())["field_of_view_rads"]
    return labels, image, derived.field_to_focal(radians, 512)


@pytest.mark.parametrize(("name", "least"), [
    ("euclidean_depth", 0.99999), ("edge_texture", 0.99), ("edge_occlusion", 0.99), ("keypoints2d", 0.65),
    ("keypoints3d", 0.5), ("mean curvature", 0.85),
])  # fmt: skip
def test_derived_labels_agree_with_taskonomys(
    view: tuple[dict[str, Tensor], Tensor, float], name: str, least: float
) -> None:
    theirs, image, focal = view
    if name == "mean curvature":  # each of both is noisier than their mean: 8 bits at 512 pixels
        ours = derived.curvature(theirs["depth"], theirs["normals"], focal).mean(0)
        truth = theirs["curvature"].mean(0)
    else:
        ours = derived.derive([name], image, theirs["depth"], theirs["normals"], focal)[name]
        truth = theirs[name]
    known = ours.isfinite() & truth.isfinite()
    assert known.float().mean() > 0.7
    assert float(torch.corrcoef(torch.stack([ours[known], truth[known]]))[0, 1]) > least
