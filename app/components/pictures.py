"""Choosing a picture: a scene of the gallery, one of a connected data set, or an upload."""

from __future__ import annotations

import streamlit as st

from app import library, resources
from app.components import by_name, picker, sent
from app.library import Picture, Shelf
from app.state import choices, keys, permalink, uploaded
from app.words import nearest, plain
from mta_core.data import DataError
from mta_core.imaging import Fit, ImageError

GALLERY, OBJECTS, UPLOAD = "Gallery", "Objects", "Upload"
MAX_UPLOAD_MB = 64


def choose() -> Picture | None:
    """The chosen picture; None where there is nothing to show yet."""
    gallery, objects, connected = resources.gallery(), resources.objects(), resources.connected()
    sources = [*([GALLERY] if gallery else []), *([OBJECTS] if objects else []), UPLOAD, *connected]
    source = by_name.choose_of_few("Picture", sources, key="source", width="stretch")
    if source == UPLOAD:
        return _upload() or (_gallery_scene(gallery) if gallery else None)
    sent.leave_link()
    if source == OBJECTS and objects is not None:
        return _object(objects)
    if source in connected:
        return _connected(connected[source])
    return _gallery(gallery) if gallery else None


def place() -> dict[str, object]:
    """The picture that is chosen here, by the keys of these controls; an upload by its digest."""
    source = choices.value_of("source")
    if source == UPLOAD:
        return choices.answers("source", "fit") | sent.place()
    own = {GALLERY: keys.SCENE, OBJECTS: keys.OBJECT}.get(str(source), "number")
    return choices.answers("source", own)


def ask() -> None:
    """Says what is to be chosen, where the page cannot show anything before."""
    if uploaded.wanted() is None or choices.value_of("source") != UPLOAD:
        st.info("Choose a picture in the side bar.")
    else:
        sent.ask()


def choose_data_set() -> tuple[str, Shelf] | None:
    """Its label and the data set; None, and why, where there is none."""
    gallery, objects = resources.gallery(), resources.objects()
    shelves = {
        **({GALLERY: gallery} if gallery else {}),
        **({OBJECTS: objects} if objects else {}),
        **resources.connected(),
    }
    if not shelves:
        st.caption("There is no data set: the gallery is missing and none is connected.")
        return None
    told = "What is shipped, and what is connected: see the page Library."
    label = by_name.choose("Data set", list(shelves), key="data", help=told)
    return label, shelves[label]


def place_of(shelf: Shelf, label: str, index: int) -> dict[str, object]:
    """A picture of a data set, by the keys of these controls."""
    if shelf is resources.gallery():
        return {"source": GALLERY, keys.SCENE: shelf.keys()[index]}
    if shelf is resources.objects():
        return {"source": OBJECTS, keys.OBJECT: shelf.keys()[index]}
    return {"source": label, "number": float(index + 1)}


def _gallery(gallery: Shelf) -> Picture:
    return _picked(gallery, keys.SCENE, "Scenes of the gallery", [f"Room {i + 1}" for i in range(len(gallery))])


def _object(objects: Shelf) -> Picture:
    titles = [objects.read(index).name for index in range(len(objects))]
    return _picked(objects, keys.OBJECT, "Objects in three domains", titles)


def _picked(shelf: Shelf, key: str, label: str, titles: list[str]) -> Picture:
    names = shelf.keys()
    return shelf.read(names.index(picker.pick(key, label, names, titles, shelf.thumbnails())))


def _gallery_scene(gallery: Shelf) -> Picture:
    names = gallery.keys()
    return gallery.read(names.index(permalink.thumbnail(keys.SCENE, names)))


def _connected(shelf: Shelf) -> Picture | None:
    number = st.number_input(
        f"Picture, 1 to {len(shelf)}", 1.0, float(len(shelf)), step=1.0, format="%.0f", key="number",
        persist_state="session", **keys.LINKED,
    )  # fmt: skip  # not whole numbers: a link that says "inf" would end the page
    try:
        return shelf.read(nearest(number) - 1)
    except (DataError, ImageError) as error:
        st.error(plain(f"This picture is left out: {error}."), icon=None)
        return None


def _upload() -> Picture | None:
    """The uploaded picture. Any file is accepted and looked at here, so that what is wrong can be said."""
    sent.follow_link()
    file = st.file_uploader(
        "Your picture", key=keys.UPLOADER, on_change=_uploaded, max_upload_size=MAX_UPLOAD_MB,
        label_visibility="collapsed",
        help="JPEG, PNG, WebP, GIF, BMP, TIFF or PPM. It stays in memory and is forgotten with this session.",
    )  # fmt: skip
    fit = _fit()
    if file is not None:
        sent.take(file)
    if (wanted := uploaded.wanted()) is not None:
        st.caption(plain(f"Waiting for {wanted.name}, which the link names."))
        return library.missing(wanted.name)
    kept = uploaded.upload()
    if kept is None:
        st.caption("Choose a file. It is forgotten with this session, unless you save it under Share.")
        return None
    if file is None:
        st.button("Remove the uploaded picture", key="remove", on_click=sent.remove, width="stretch")
    if isinstance(kept[1], str):
        st.error(plain(kept[1]))
        return None
    sent.write_link(kept[1])
    return kept[1].pictures[fit]


def _fit() -> Fit:
    names: dict[str, Fit] = {"Crop": "crop", "Pad": "pad"}
    chosen = st.segmented_control(
        "Fit", names, default="Crop", required=True, key="fit", width="stretch", persist_state="session",
        help="Fills the frame and cuts what stands over, or shows everything between black bars.", **keys.LINKED,
    )  # fmt: skip
    return names[chosen or "Crop"]


def _uploaded() -> None:
    """Called when a file was chosen or taken away, not when the uploader is out of sight for a while."""
    if uploaded.is_uploader_empty():
        sent.remove()
