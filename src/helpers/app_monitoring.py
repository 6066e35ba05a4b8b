"""The Monitoring tab: what this session asked in the last minutes, as small charts, each with its content in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from helpers.app_desk import Answered

WINDOW = timedelta(minutes=15)
MINUTES = int(WINDOW.total_seconds() // 60)
#: The drawing and the plot within it, in units of the drawing.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 150, 46, 330, 12, 126
#: A point: minutes before now, value, and whether there was a summary.
Point = tuple[float, float, bool]

_FIGURE = Markup(
    "<figure class='chart'><figcaption>{}</figcaption><svg viewBox='0 0 {} {}' role='img' aria-label='{}'>{}{}</svg>"
    "</figure>"
)
_TEXT = Markup("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>")
_LINE = Markup("<path class='axis' d='M{} {:.1f}H{}'/>")
_DOT = Markup("<circle class='fine' cx='{:.1f}' cy='{:.1f}' r='3.5'/>")
_CROSS = Markup("<path class='failed' d='M{:.1f} {:.1f}l6 6m0 -6l-6 6'/>")
_BAR = Markup("<rect class='fine' x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}'/>")


def draw(history: Sequence[Answered]) -> str:
    """Return a session's charts: service time, requests per minute and tokens, zero at the foot of each."""
    now = datetime.now(UTC)
    recent = [answer for answer in history if answer.request and now - answer.at <= WINDOW]
    failed = sum(bool(answer.problem) for answer in recent)
    said = f"This session in the last {MINUTES} minutes: {len(recent)} asked, {failed} without a summary (×)."
    seconds = [_point(answer, now, answer.seconds) for answer in recent if answer.seconds is not None]
    tokens = [
        _point(answer, now, answer.input_tokens + (answer.output_tokens or 0))
        for answer in recent
        if answer.input_tokens is not None
    ]
    per_minute = Counter(int((now - answer.at).total_seconds() // 60) for answer in recent)
    charts = (
        _chart("Service time, seconds", _dots(seconds), [value for _, value, _ in seconds]),
        _chart("Requests per minute", _bars(per_minute), list(per_minute.values())),
        _chart("Tokens, read and written", _dots(tokens), [value for _, value, _ in tokens]),
    )
    note = Markup("<div class='told'><p role='status'>{}</p></div>").format(said)
    return str(note + Markup("<div class='charts'>{}</div>").format(Markup().join(charts)))


def _point(answer: Answered, now: datetime, value: float) -> Point:
    return (now - answer.at).total_seconds() / 60, value, not answer.problem


def _chart(title: str, marks: Markup, values: Sequence[float]) -> Markup:
    top = max(values, default=0.0)
    reach = f"{len(values)} values up to {_figure(top)}" if values else "nothing yet"
    scale = _LINE.format(LEFT, BOTTOM, RIGHT) + _TEXT.format(LEFT - 6, BOTTOM + 4, "end", "0")
    if values:
        scale += _LINE.format(LEFT, TOP, RIGHT) + _TEXT.format(LEFT - 6, TOP + 4, "end", _figure(top))
    scale += _TEXT.format(LEFT, HEIGHT - 6, "start", f"{MINUTES} minutes ago")
    scale += _TEXT.format(RIGHT, HEIGHT - 6, "end", "now")
    return _FIGURE.format(title, WIDTH, HEIGHT, f"{title}: {reach}", scale, marks)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _dots(points: Sequence[Point]) -> Markup:
    top = max((value for _, value, _ in points), default=0.0) or 1.0
    placed = [(_x(minutes), _y(value / top), fine) for minutes, value, fine in points]
    return Markup().join(_DOT.format(x, y) if fine else _CROSS.format(x - 3, y - 3) for x, y, fine in placed)


def _bars(per_minute: Counter[int]) -> Markup:
    top = max(per_minute.values(), default=1)
    width = (RIGHT - LEFT) / MINUTES - 1
    return Markup().join(
        _BAR.format(_x(minute + 1), _y(n / top), width, BOTTOM - _y(n / top)) for minute, n in per_minute.items()
    )


def _x(minutes: float) -> float:
    return RIGHT - (RIGHT - LEFT) * minutes / MINUTES


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share
