"""What a browser has before the first line of a page is there: the server's part, without streamlit."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "Multi-task attack explorer"
STYLE = '<style>[data-testid="stAppSkeleton"] *, [data-testid="stSkeleton"] { animation: none !important; }</style>'
"""Grey blocks that breathe until the page is there cost a browser without a graphics card a quarter of a core."""


class Front:
    """Streamlit's own page with this program's name and `STYLE`, before the page's own style can be there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/static/", "/_stcore/", "/news/")):
            return await self.app(scope, receive, send)
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
                    if scope["method"] != "HEAD":
                        headers["content-length"] = str(len(page))
                    await send(start)
                    await send({**message, "body": page})

        await self.app(scope, receive, rewritten)
        return None


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
