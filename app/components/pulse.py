"""The heartbeat of a fragment that follows something."""

from __future__ import annotations

from app.components.registering import register, together
from app.news import News

NOTHING = News()

_component = register("pulse", together("pulse.js"))


def beat(key: str, seconds: float | None, *, times: int = 0, since: int = 0, news: News = NOTHING) -> None:
    """Runs the fragment that calls this again and again, every so many seconds; None ends it.

    Args:
        times: how many times, without end where it is 0.
        since: a number; another one starts the counting anew.
        news: of what it follows: it runs when there is something new, and now and then.
    """
    period = round(1000 * seconds) if seconds else 0
    data = {"period": period, "times": times, "since": since, "names": news.names, "known": news.known}
    _component(key=key, data=data, on_beat_change=lambda: None)
