"""What a browser has before the first line of a page is there: the server's part."""

from __future__ import annotations

import mimetypes
import os
import re
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from secrets import token_urlsafe

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(streamlit.__file__).parent / "static"
DIGEST = re.compile(r"\.[\w-]{8}\.\w+$")
NAME = "Multi-task attack explorer"
STYLE = '<style>[data-testid="stAppSkeleton"] *, [data-testid="stSkeleton"] { animation: none !important; }</style>'
"""Grey blocks that breathe until the page is there cost a browser without a graphics card a quarter of a core."""


COOKIE = "mta_browser"
"""Tells one browser from others, so that a picture that it sent is found again after a reload, or in another tab."""


class Front:
    """Streamlit's own page with this program's name and `STYLE`, before the page's own style can be there; and a cookie
    that names the browser."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/_stcore/", "/news/")):
            return await self.app(scope, receive, send)
        if scope["path"].startswith("/static/"):
            found = _static(scope["path"]) if scope["method"] == "GET" else None
            return await (found or self.app)(scope, receive, send)
        start: Message | None = None
        body = b""

        async def rewritten(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    page = body.replace(b"<title>Streamlit</title>", f"<title>{NAME}</title>{STYLE}".encode(), 1)
                    headers = MutableHeaders(scope=start)
                    del headers["etag"], headers["last-modified"]  # they are of the file
                    if COOKIE not in Request(scope).cookies:
                        headers.append("set-cookie", f"{COOKIE}={token_urlsafe(16)}; Path=/; HttpOnly; SameSite=Lax")
                    if scope["method"] != "HEAD":
                        headers["content-length"] = str(len(page))
                    await send(start)
                    await send({**message, "body": page})

        await self.app(scope, receive, rewritten)
        return None


@lru_cache(512)
def _static(path: str) -> Response | None:
    """A file of Streamlit's own by its path, kept in memory: each page takes a hundred, and piece by piece through all
    of the server's layers they cost it as much as a redraw. None where there is none, or it is not one that never
    changes, whose name has a digest."""
    file = STATIC / path.removeprefix("/")
    if ".." in path or not DIGEST.search(file.name) or not file.is_file():
        return None
    kind, _ = mimetypes.guess_type(file.name)
    forever = {"cache-control": "public, immutable, max-age=31536000"}
    return Response(file.read_bytes(), media_type=kind or "application/octet-stream", headers=forever)


def _is_page(start: Message) -> bool:
    headers = MutableHeaders(scope=start)
    kind = headers.get("content-type", "")
    return start["status"] == 200 and kind.startswith("text/html") and "content-encoding" not in headers


def answer_at_once() -> None:
    """Has all that the server sends go out without waiting for the browser's word on what went before.

    Streamlit's listening socket does not say that it is of TCP, so asyncio leaves Nagle's algorithm on
    (https://github.com/Kludex/uvicorn/issues/3149): up to 40 ms for each of a page's hundred files. Connections inherit
    what the listening socket has.
    """
    for name in os.listdir("/dev/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
