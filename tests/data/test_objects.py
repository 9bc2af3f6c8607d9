"""The procedural objects: the same bytes for the same seed, every class whole and visible, domains that differ."""

import hashlib
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from scipy.ndimage import laplace

from mta_core.data.objects import CLASS_NAMES, DOMAINS, ObjectPicture, render_object

SIZE = 96
_OFFICE_31 = (
    "back_pack bike bike_helmet bookcase bottle calculator desk_chair desk_lamp desktop_computer file_cabinet "
    "headphones keyboard laptop_computer letter_tray mobile_phone monitor mouse mug paper_notebook pen phone printer "
    "projector punchers ring_binder ruler scissors speaker stapler tape_dispenser trash_can"
)
_DIGEST = """
import hashlib
from mta_core.data.objects import DOMAINS, render_object
images = [render_object(5, domain, size=96).image for domain in DOMAINS]
print(hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest())
"""


@pytest.fixture(scope="module")
def pictures() -> dict[tuple[str, int], ObjectPicture]:
    return {
        (domain, label): render_object(1000 + label, domain, label, SIZE)
        for domain, label in product(DOMAINS, range(len(CLASS_NAMES)))
    }


def test_the_names_are_those_of_office_31() -> None:
    assert CLASS_NAMES == tuple(_OFFICE_31.split())


def test_the_same_seed_gives_the_same_bytes_here_and_in_another_process() -> None:
    images = [render_object(5, domain, size=SIZE).image for domain in DOMAINS]
    here = hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest()
    elsewhere = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True)
    assert elsewhere.stdout.strip() == here


def test_full_size_pictures_are_rgb_bytes() -> None:
    for domain in DOMAINS:
        picture = render_object(3, domain)
        assert (picture.image.shape, picture.image.dtype) == ((224, 224, 3), np.uint8)
        assert picture.mask.shape == (224, 224)


def test_seeds_and_domains_give_different_pictures() -> None:
    images = [render_object(seed, domain, 0, SIZE).image for seed, domain in product(range(3), DOMAINS)]
    assert len({image.tobytes() for image in images}) == len(images)


def test_consecutive_seeds_are_balanced_over_the_classes() -> None:
    count = len(CLASS_NAMES)
    labels = [render_object(seed, "webcam", size=64).label for seed in range(70, 70 + 2 * count)]
    assert np.bincount(labels, minlength=count).tolist() == [2] * count


def test_every_class_is_whole_and_large_in_every_domain(pictures: dict[tuple[str, int], ObjectPicture]) -> None:
    for (domain, label), picture in pictures.items():
        rows, columns = (np.flatnonzero(picture.mask.any(axis=axis)) for axis in (1, 0))
        extent = max(np.ptp(rows), np.ptp(columns)) / SIZE
        assert 0.45 < extent < 0.97, (domain, CLASS_NAMES[label])
        for line in (rows, columns):
            assert line[0] > 0 and line[-1] < SIZE - 1, (domain, CLASS_NAMES[label])


def test_the_object_stands_out_from_what_is_around_it(pictures: dict[tuple[str, int], ObjectPicture]) -> None:
    for (domain, label), picture in pictures.items():
        inside, outside = picture.image[picture.mask], picture.image[~picture.mask]
        difference = np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() + np.abs(inside.std() - outside.std())
        assert difference > 8, (domain, CLASS_NAMES[label])


def test_catalogue_pictures_have_a_white_border(pictures: dict[tuple[str, int], ObjectPicture]) -> None:
    for (domain, _), picture in pictures.items():
        border = np.concatenate([picture.image[[0, -1]].reshape(-1, 3), picture.image[:, [0, -1]].reshape(-1, 3)])
        assert (border.min() >= 254) == (domain == "amazon")


def test_a_webcam_shows_less_detail_than_a_dslr() -> None:
    """Both are softened first, so that the webcam's noise does not count as detail; the enlarging bounds the rest."""
    spectra = {domain: np.mean([_fine_share(seed, domain) for seed in range(6)]) for domain in ("dslr", "webcam")}
    assert spectra["webcam"] < 0.5 * spectra["dslr"]


def _fine_share(seed: int, domain: str) -> float:
    """Root mean square of the Laplacian, which enlarging from half the resolution takes away."""
    grey = render_object(seed, domain, 0, 224).image.mean(axis=2)
    return float(np.sqrt(np.mean(laplace(grey) ** 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, "dslr"), "non-negative seed, got -1"),
        ((0, "dlsr"), "domain among amazon, dslr, webcam, got 'dlsr'"),
        ((0, "dslr", len(CLASS_NAMES)), "expected a label from 0 to"),
    ],
)
def test_bad_input_is_refused(arguments: tuple[int, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_object(*arguments)
