"""Navigation, nothing else."""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` knows only this folder
    sys.path.insert(0, str(ROOT))

from app import works  # noqa: E402
from app.components import chrome, share  # noqa: E402
from app.state import pages  # noqa: E402

chrome.page()
PAGES = (
    st.Page("views/explore.py", title="Explore", default=True),
    st.Page("views/compare.py", title="Compare"),
    st.Page("views/transfer.py", title="Transfer"),
    st.Page("views/sweep.py", title="Sweep"),
    st.Page("views/vulnerability.py", title="Vulnerability"),
    st.Page("views/train.py", title="Train"),
    st.Page("views/cost.py", title="Cost"),
    st.Page("views/jobs.py", title="Jobs"),
    st.Page("views/results.py", title="Results"),
    st.Page("views/library.py", title="Library"),
    st.Page("views/tour.py", title="Tour"),
)
page = st.navigation(PAGES, position="top")
if pages.turn_to(page.title):
    works.drop_all()
chrome.heading(page.title)
page.run()
share.link(page.title)
