"""The server: `main.py` with what takes seconds (torch, the victim) made ready before the first browser asks.

    python -m streamlit run app/serve.py

`python -m streamlit run app/main.py` serves the same pages; there the first visitor waits.
"""

import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# Before torch is there: its threads wait asleep for each other. Awake, they take the processor from those they wait for
# wherever browsers, or anything else, run beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from app.front import Front, answer_at_once


def warm() -> None:
    from app import news, resources

    news.is_served = True
    resources.warm()


async def tell(request: Request) -> Response:
    """Imports what takes seconds when it is first asked, not before the server can answer."""
    from app import news

    return await news.answer(request)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
    answer_at_once()
    threading.Thread(target=warm, name="warm", daemon=True).start()
    yield {}


app = st.App("main.py", lifespan=lifespan, middleware=[Middleware(Front)], routes=[Route("/news/{names}", tell)])
