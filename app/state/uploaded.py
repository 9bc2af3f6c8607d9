"""The files that a session sent, and the one that a link names."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.state import keys, session
from app.uploads import Upload, Wanted

_UPLOAD, _SENT, _REFUSED = "upload", "sent", "_refused"
"""Keys in `app.state.session.held`."""
_MOST_SENT = 3
"""Uploads that a session holds, so that the browser's Back finds an earlier one."""
_WANTED = "_wanted"


def upload() -> tuple[str, Upload | str] | None:
    """The id of the last file and what it is, or the sentence why it cannot be read.

    It outlives the uploader, which is empty when it comes back into sight.
    """
    return session.held().get(_UPLOAD)


def sent() -> list[Upload]:
    """The last uploads of this session, the latest one last."""
    found: list[Upload] = session.held().setdefault(_SENT, [])
    return found


def keep_upload(file_id: str, upload: Upload | str) -> None:
    session.held()[_UPLOAD] = (file_id, upload)
    if isinstance(upload, Upload):
        session.held()[_SENT] = [*(one for one in sent() if one.sha256 != upload.sha256), upload][-_MOST_SENT:]


def forget_upload() -> None:
    _, gone = session.held().pop(_UPLOAD, None) or ("", None)
    session.held()[_SENT] = [one for one in sent() if one is not gone]
    session.leave_seat()  # it may be what is seen there


def is_uploader_empty() -> bool:
    return st.session_state.get(keys.UPLOADER) is None


def wanted() -> Wanted | None:
    """The file that a link names and that is not there."""
    found: Wanted | None = st.session_state.get(_WANTED)
    return found


def want(wanted: Wanted | None) -> None:
    """Remembers what a link names, until it is there or given up."""
    st.session_state[_WANTED] = wanted
    session.held().pop(_REFUSED, None)


def is_link_read() -> bool:
    """Whether it was looked up already what the link names; the browser's Back and Forward mean another link."""
    context = get_script_run_ctx()
    is_back = context is not None and getattr(context, "is_history_navigation", False)
    return _WANTED in st.session_state and not is_back


def refuse(file_id: str, upload: Upload | str) -> None:
    """Remembers a file that is not the one that the link names, or why it cannot be read."""
    session.held()[_REFUSED] = (file_id, upload)


def refused() -> tuple[str, Upload | str] | None:
    return session.held().get(_REFUSED)
