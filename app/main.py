"""Navigation, nothing else."""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` knows only this folder
    sys.path.insert(0, str(ROOT))

from app.components import chrome  # noqa: E402

chrome.page()
st.navigation(
    [
        st.Page("views/explore.py", title="Explore", default=True),
        st.Page("views/compare.py", title="Compare"),
        st.Page("views/transfer.py", title="Transfer"),
    ],
    position="top",
).run()
