"""The picture that somebody sent, in the address by its digest: found again, or asked for by name."""

from __future__ import annotations

from typing import Protocol

import streamlit as st

from app import resources
from app.state import keys, uploaded
from app.uploads import SHOWN, Upload, Wanted
from app.words import plain
from mta_core.imaging import ImageError

MAX_UPLOAD_MB = 64


class File(Protocol):
    """As Streamlit hands it over."""

    file_id: str
    name: str

    def getvalue(self) -> bytes: ...


def follow_link() -> None:
    """Shows what the link names, where this browser sent it or somebody saved it on purpose; else it is asked for."""
    if uploaded.is_link_read():
        return
    wanted = Wanted.parse(st.query_params.get(keys.FILE_DIGEST, ""), st.query_params.get(keys.FILE_NAME, "a picture"))
    found = _found(wanted) if wanted else None
    if found is not None:
        uploaded.keep_upload(found.sha256, found)
    uploaded.want(wanted if found is None else None)


def _found(wanted: Wanted) -> Upload | None:
    own = next((upload for upload in reversed(uploaded.sent()) if wanted.is_it(upload)), None)
    return own or resources.uploads().find(resources.browser(), wanted)


def take(file: File) -> None:
    """Makes a file the picture, unless a link names another one."""
    known = {(uploaded.upload() or ("",))[0], (uploaded.refused() or ("",))[0]}
    if file.file_id in known:
        return
    upload, wanted = _read(file), uploaded.wanted()
    if wanted is not None and (isinstance(upload, str) or not wanted.is_it(upload)):
        uploaded.refuse(file.file_id, upload)
    else:
        _keep(file.file_id, upload)


def _keep(file_id: str, upload: Upload | str) -> None:
    uploaded.want(None)
    uploaded.keep_upload(file_id, upload)
    if isinstance(upload, Upload):
        resources.uploads().note(resources.browser(), upload)


def _read(file: File) -> Upload | str:
    try:
        return Upload.read(file.name, file.getvalue())
    except ImageError as error:
        return f"{file.name} cannot be read: {error}."


def ask() -> None:
    """Asks for the file that the link names, and says so where another one was chosen."""
    wanted = uploaded.wanted()
    if wanted is None:
        return
    shown = f"{wanted.digest[:SHOWN]}…"
    st.info(
        plain(f"This link shows {wanted.name}, which is not kept here: choose that file (SHA-256 {shown}) to see it.")
    )
    file = st.file_uploader(
        f"The file {wanted.name}", key=keys.UPLOADER_AGAIN, max_upload_size=MAX_UPLOAD_MB, label_visibility="collapsed"
    )
    if file is not None:
        take(file)
        if uploaded.wanted() is None:
            st.rerun()
    if (found := uploaded.refused()) is not None:
        file_id, upload = found
        if isinstance(upload, str):
            st.error(plain(upload))
        else:
            st.error(plain(f"{upload.name} is another file than the {wanted.name} that this link shows."))
            st.button(f"Show {plain(upload.name)} instead", key="instead", on_click=_keep, args=(file_id, upload))


def write_link(upload: Upload) -> None:
    """Puts the picture into the address."""
    for key, value in place_of(upload).items():
        if st.query_params.get(key) != value:
            st.query_params[key] = value


def leave_link() -> None:
    """Takes it out: another picture is shown."""
    for key in (keys.FILE_DIGEST, keys.FILE_NAME):
        if key in st.query_params:
            del st.query_params[key]


def remove() -> None:
    """Forgets the picture; called by a click."""
    uploaded.forget_upload()
    uploaded.want(None)
    leave_link()


def place() -> dict[str, object]:
    """What a link says of the picture that is shown."""
    kept = uploaded.upload()
    return dict(place_of(kept[1])) if kept is not None and isinstance(kept[1], Upload) else {}


def place_of(upload: Upload) -> dict[str, str]:
    return {keys.FILE_DIGEST: upload.sha256[:SHOWN], keys.FILE_NAME: upload.name}
