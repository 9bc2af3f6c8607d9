"""A chart that stays while its data change: mounted once, zoom kept. `st.plotly_chart` begins anew each time."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import plotly
import plotly.graph_objects as go
from streamlit.components.v1 import declare_component

from app.components.registering import register, together

_component = register("livechart", together("livechart.js"), together("livechart.css"))
LOOK = {
    "font": {"family": "Source Sans, sans-serif", "size": 13},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}
"""What a figure has unless it says otherwise; ink and grid are the theme's, see livechart.css."""


def draw(key: str, figure: go.Figure, alt: str, height: int) -> None:
    """Shows a figure; another one under the same key takes its place.

    What a person zoomed to stays as long as the figure's `uirevision` does, which is the key unless it has one.

    Args:
        key: of the chart on its page; several charts have one each.
        alt: what the chart shows, in words, for those who do not see it.
        height: in CSS pixels; it is as wide as its place.
    """
    shown = json.loads(figure.to_json())
    shown["layout"] = {"uirevision": key, **LOOK, **shown["layout"], "template": {}}
    message = {"source": _library(), "key": key, "figure": shown, "alt": alt, "height": height}
    _component(key=key, data=json.dumps(message, allow_nan=False).encode(), height=height)


@cache
def _library() -> str:
    """Where this server has plotly.js, as seen from any page: the file inside the plotly package, never another host.

    A component without a page of its own, since Streamlit serves the folder of one.
    """
    served = declare_component("plotly", str(Path(plotly.__file__).parent / "package_data"))
    return f"./component/{served.name}/plotly.min.js?{plotly.__version__}"
