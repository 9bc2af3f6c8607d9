"""The server: `main.py` with what takes seconds (torch, the victim) made ready before the first browser asks.

    python -m streamlit run app/serve.py

`python -m streamlit run app/main.py` serves the same pages; there the first visitor waits.
"""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def warm() -> None:
    from app import resources

    resources.warm()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
    threading.Thread(target=warm, name="warm", daemon=True).start()
    yield {}


app = st.App("main.py", lifespan=lifespan)
