"""What the server does before the first line of a page is there."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from app.front import NAME, STATIC, STYLE, Front, answer_at_once

PAGE = "<html><head><title>Streamlit</title></head><body>ü</body></html>"


def ask(app: ASGIApp, path: str = "/", method: str = "GET") -> tuple[dict[str, str], bytes]:
    """Headers and body of the answer of an app behind the front."""
    scope = {"type": "http", "path": path, "method": method, "headers": []}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the browser stays
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as elsewhere:  # Playwright may have left a loop in this thread
        elsewhere.submit(lambda: asyncio.run(Front(app)(scope, receive, send))).result()
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return headers, b"".join(message.get("body", b"") for message in sent[1:])


def pieces() -> Response:
    async def parts() -> Any:
        for at in range(0, len(PAGE), 9):
            yield PAGE[at : at + 9].encode()

    return StreamingResponse(parts(), media_type="text/html")


@pytest.mark.parametrize("page", [lambda: HTMLResponse(PAGE, headers={"etag": "of the file"}), pieces])
def test_a_page_has_its_name_and_its_first_style_from_the_start(page: Any) -> None:
    headers, body = ask(page(), "/compare")
    assert body.decode() == PAGE.replace("<title>Streamlit</title>", f"<title>{NAME}</title>{STYLE}")
    assert headers["content-length"] == str(len(body))
    assert "etag" not in headers, "a browser would keep the page of an older version"


@pytest.mark.parametrize(
    ("response", "path"),
    [
        (JSONResponse({"title": "<title>Streamlit</title>"}), "/"),
        (HTMLResponse(PAGE), "/static/frame.html"),
        (HTMLResponse(PAGE, 404), "/"),
        (HTMLResponse(PAGE, headers={"content-encoding": "gzip"}), "/"),
    ],
)
def test_everything_else_is_as_it_was(response: Response, path: str) -> None:
    headers, body = ask(response, path)
    assert body == response.body
    assert headers["content-length"] == str(len(response.body))


def test_who_connects_is_answered_at_once() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        answer_at_once()
        client.connect(server.getsockname())
        there, _ = server.accept()
        with there:
            assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            there.sendall(b"still open")
            assert client.recv(100) == b"still open"


def test_streamlits_own_files_are_as_streamlit_would_send_them() -> None:
    file = next((STATIC / "static" / "js").glob("index.*.js"))
    headers, body = ask(PlainTextResponse("not asked"), f"/static/js/{file.name}")
    assert body == file.read_bytes()
    assert "javascript" in headers["content-type"]
    assert "immutable" in headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/../index.html", "/static/js/none.ABCDEFGH.js", "/static/../../x.ABCDEFGH.py"]
)
def test_all_other_paths_are_left_to_streamlit(path: str) -> None:
    assert ask(PlainTextResponse("asked"), path)[1] == b"asked"
