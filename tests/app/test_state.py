"""What the session remembers."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "app"


def test_only_the_state_touches_the_session_state() -> None:
    others = [path for path in APP.rglob("*.py") if path.parent != APP / "state"]
    assert others
    assert [path.name for path in others if "session_state" in path.read_text(encoding="utf-8")] == []


def test_a_part_drawn_with_an_older_choice_is_noticed() -> None:
    def script() -> None:
        import streamlit as st

        from app.state import keys, pages

        if "is_new" not in st.session_state:
            st.session_state["is_new"] = False
            st.session_state[keys.WHOSE] = "Depth"
            pages.count_redraws()
            pages.note_drawn(keys.WHOSE)
        st.write(pages.are_parts_current())

    at = AppTest.from_function(script, default_timeout=60)
    at.run()
    assert at.markdown[0].value == "`True`"
    at.session_state["shown"] = "Segmentation"
    assert at.run().markdown[0].value == "`False`"
    del at.session_state["is_new"]
    assert at.run().markdown[0].value == "`True`"


def test_what_comes_from_a_component_that_is_gone_is_not_heard() -> None:
    """Somebody turned to another tab while its message was on its way."""

    def script() -> None:
        import streamlit as st

        from app.components import replay, surface
        from app.state import heard

        replay._asked()
        surface._choose_colour()
        heard.note_inspected()
        heard.note_moved()
        st.write([heard.opened("matrix"), sorted(heard.take_inspected()), heard.moved(), dict(st.query_params)])

    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception and at.json[0].value.replace(" ", "").replace("\n", "") in ("[null,[],null,{}]",)
