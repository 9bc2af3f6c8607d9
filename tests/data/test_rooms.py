"""The procedural rooms: exact labels, the same bytes for the same seed, all thirteen classes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mta_core.data.rooms import CLASS_NAMES, UNLABELLED, Label, Room, render_room

HEIGHT, WIDTH = 96, 128
SEEDS = range(16)
_DIGEST = """
import hashlib
from mta_core.data.rooms import render_room
room = render_room(7, 96, 128)
arrays = (room.image, room.segmentation, room.depth, room.normals, room.instance, room.facet)
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def digest(room: Room) -> str:
    arrays = (room.image, room.segmentation, room.depth, room.normals, room.instance, room.facet)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.fixture(scope="module")
def rooms() -> list[Room]:
    return [render_room(seed, HEIGHT, WIDTH) for seed in SEEDS]


def test_shapes_and_types(rooms: list[Room]) -> None:
    for room in rooms:
        assert (room.image.shape, room.image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        assert (room.segmentation.shape, room.segmentation.dtype) == ((HEIGHT, WIDTH), np.uint8)
        assert (room.depth.shape, room.depth.dtype) == ((HEIGHT, WIDTH), np.float32)
        assert (room.normals.shape, room.normals.dtype) == ((HEIGHT, WIDTH, 3), np.float32)
        assert (room.instance.shape, room.instance.dtype) == ((HEIGHT, WIDTH), np.int32)
        assert (room.facet.shape, room.facet.dtype) == ((HEIGHT, WIDTH), np.int32)


def test_the_same_seed_gives_the_same_bytes_here_and_in_another_process(rooms: list[Room]) -> None:
    assert digest(render_room(7, HEIGHT, WIDTH)) == digest(rooms[7])
    elsewhere = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True)
    assert elsewhere.stdout.strip() == digest(rooms[7])


def test_the_renderer_needs_no_torch() -> None:
    """Only `source`, which makes samples of the pictures, may import it: worker processes should start quickly."""
    package = Path(sys.modules["mta_core.data.rooms"].__file__ or "").parent
    for module in package.glob("*.py"):
        assert module.name == "source.py" or "torch" not in module.read_text(), module.name


def test_different_seeds_give_different_rooms(rooms: list[Room]) -> None:
    assert len({digest(room) for room in rooms}) == len(rooms)


def test_a_large_seed_works_and_a_negative_one_is_refused() -> None:
    assert render_room(2**40, 24, 32).depth.min() > 0
    with pytest.raises(ValueError, match="non-negative seed, got -1"):
        render_room(-1)


def test_the_view_does_not_depend_on_the_resolution(rooms: list[Room]) -> None:
    coarse = render_room(3, HEIGHT // 2, WIDTH // 2)
    assert coarse.camera == rooms[3].camera
    assert coarse.focal == pytest.approx(rooms[3].focal / 2)


def test_pictures_use_the_range_without_washing_out(rooms: list[Room]) -> None:
    for room in rooms:
        dark, light = np.quantile(room.image, [0.02, 0.98])
        assert dark < 100 and light > 150
        assert 60 < room.image.mean() < 190


def test_all_classes_occur_and_every_pixel_has_one(rooms: list[Room]) -> None:
    found = set().union(*(np.unique(room.segmentation).tolist() for room in rooms))
    assert found == set(range(len(CLASS_NAMES)))
    assert UNLABELLED not in found


def test_a_facet_has_one_class(rooms: list[Room]) -> None:
    for room in rooms:
        pairs = np.unique(np.stack([room.facet, room.segmentation.astype(np.int32)], axis=-1).reshape(-1, 2), axis=0)
        assert len(pairs) == len(np.unique(room.facet))


def test_depth_is_that_of_a_room(rooms: list[Room]) -> None:
    for room in rooms:
        assert 0.3 < room.depth.min() and room.depth.max() < 12
    medians = [np.median(room.depth) for room in rooms]
    assert 1.8 < np.mean(medians) < 3.4


def test_normals_are_unit_vectors_that_face_the_camera(rooms: list[Room]) -> None:
    for room in rooms:
        assert np.abs(np.linalg.norm(room.normals, axis=-1) - 1).max() < 1e-4
        assert (np.sum(room.normals * room.points(), axis=-1) < 1e-4).all()


def test_floor_and_ceiling_are_level_and_walls_upright(rooms: list[Room]) -> None:
    for room in rooms:
        up = room.camera.rotation()[:, 2]  # the room's vertical in camera coordinates
        rise = room.normals @ up
        floor, ceiling = rise[room.segmentation == Label.FLOOR], rise[room.segmentation == Label.CEILING]
        # Rugs have rounded rims and some ceilings have beams.
        assert floor.size == 0 or np.mean(floor > 0.999) > 0.95
        assert ceiling.size == 0 or np.mean(ceiling < -0.999) > 0.6
        walls = np.abs(rise[room.segmentation == Label.WALL])
        assert walls.size == 0 or np.mean(walls < 1e-3) > 0.85


def test_a_level_camera_would_see_the_floor_as_plus_y(rooms: list[Room]) -> None:
    for room in rooms:
        up = room.camera.rotation()[:, 2]
        pitch, roll = room.camera.pitch, room.camera.roll
        expected = [np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), -np.sin(pitch)]
        assert np.abs(np.abs(up) - np.abs(expected)).max() < 1e-5
        assert up[1] > 0.7
        assert np.sign(up[2]) == np.sign(-pitch)  # looking down, the floor turns towards the camera


def test_normals_agree_with_the_shape_of_the_depth(rooms: list[Room]) -> None:
    errors = np.concatenate([_angles_to_differences(room) for room in rooms])
    assert len(errors) > 50_000
    assert np.mean(errors < 3) > 0.9  # curved solids, whose smooth normals leave their facets, are the rest
    assert np.median(errors) < 0.2


def _angles_to_differences(room: Room) -> np.ndarray:
    """Degrees between the labels and normals from unprojected neighbours, where those lie on one surface."""
    points, facet = room.points().astype(np.float64), room.facet
    across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
    crossed = np.cross(down, across)
    crossed /= np.linalg.norm(crossed, axis=-1, keepdims=True)
    middle = facet[1:-1, 1:-1]
    inside = (middle == facet[1:-1, 2:]) & (middle == facet[1:-1, :-2])
    inside &= (middle == facet[2:, 1:-1]) & (middle == facet[:-2, 1:-1])
    cosine = np.sum(crossed * room.normals[1:-1, 1:-1], axis=-1)[inside]
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_the_floor_lies_one_plane_below_the_camera(rooms: list[Room]) -> None:
    for room in rooms:
        up = room.camera.rotation()[:, 2]
        height = room.points()[room.segmentation == Label.FLOOR] @ up + room.camera.position[2]
        assert height.size == 0 or (np.abs(height) < 0.016).all()  # a rug is 14 mm thick
