"""The app's monitoring of one session: charts of its last minutes, and the states of the alert rules as of now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from helpers.app.client import Answered
from helpers.app.html import figure, note_html
from helpers.core.text import Style
from helpers.monitoring.alerts import State, Watched, watch
from helpers.monitoring.series import Series, from_records
from helpers.params import Alerts

WINDOW = timedelta(minutes=15)
MINUTES = int(WINDOW.total_seconds() // 60)
#: The drawing and the plot within it, in units of the drawing.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 150, 46, 330, 12, 126
#: A point: minutes before now, value, and whether there was a summary.
ChartPoint = tuple[float, float, bool]
_FIGURE = Markup(
    "<figure class='chart'><figcaption>{}</figcaption><svg viewBox='0 0 {} {}' role='img' aria-label='{}'>{}{}</svg>"
    "</figure>"
)
_TEXT = Markup("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>")
_LINE = Markup("<path class='axis' d='M{} {:.1f}H{}'/>")
_DOT = Markup("<circle class='fine' cx='{:.1f}' cy='{:.1f}' r='3.5'/>")
_CROSS = Markup("<path class='failed' d='M{:.1f} {:.1f}l6 6m0 -6l-6 6'/>")
_BAR = Markup("<rect class='fine' x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}'/>")


#: How a state looks: a class, and a mark beside the word.
LOOKS: dict[State, tuple[str, str]] = {
    "firing": ("missed", "✗"),
    "pending": ("undecided", "?"),
    "resolved": ("undecided", "?"),
    "quiet": ("met", "✓"),
    "not enough data": ("unknown", "–"),
    "not applicable": ("unknown", "–"),
}
_RULES = Markup(
    "<div class='answers rules' tabindex='0'><table><caption>{}</caption><thead><tr>{}</tr></thead>"
    "<tbody>{}</tbody></table></div>"
)
_RULE = Markup(
    "<tr><td>{}</td><td class='state {}'>{} {}</td><td class='figure'>{}</td><td class='figure'>{}</td>"
    "<td class='figure'>{}</td></tr>"
)


@dataclass(frozen=True)
class LiveSeries(Series):
    """A log that is not over: it ends ``now``, seconds after the start."""

    now: float = 0.0

    @property
    def end(self) -> float:
        """When it is looked at."""
        return max(self.now, super().end)


def alerts_html(history: Sequence[Answered], alerts: Alerts, now: datetime | None = None) -> str:
    """Return what every alert rule says of a session's requests up to now; nothing where there are no rules."""
    if not alerts.rules():
        return ""
    past = from_records(answer.record for answer in history if answer.record is not None)
    now = now or datetime.now(UTC)
    since = now.timestamp() - past.start if len(past) else 0.0
    found = watch(LiveSeries(**vars(past), now=since), alerts)
    headers = ("Alert rule", "State", "Fires at", "Value", "Requests seen (needed)")
    head = Markup().join(Markup("<th scope='col'>{}</th>").format(name) for name in headers)
    caption = f"Alert rules over this session's requests, at {now:%H:%M:%S} UTC"
    return str(_RULES.format(caption, head, Markup().join(map(_rule, found.rules))))


def _rule(rule: Watched) -> Markup:
    kind, mark = LOOKS[rule.state]
    style: Style = rule.unit
    bounds = ((rule.above, "above"), (rule.below, "below"))
    fires = " or ".join(f"{word} {figure(level, style)}" for level, word in bounds if level is not None)
    value = "" if rule.value is None else figure(rule.value, style)
    state = (
        rule.state if not rule.reason else Markup("{} <span class='found'>{}</span>").format(rule.state, rule.reason)
    )
    return _RULE.format(rule.label, kind, mark, state, fires, value, f"{rule.most_n} ({rule.minimum})")


def charts_html(history: Sequence[Answered]) -> str:
    """Return a session's charts: service time, requests per minute and tokens, zero at the foot of each."""
    now = datetime.now(UTC)
    recent = [answer for answer in history if answer.request and now - answer.at <= WINDOW]
    failed = sum(bool(answer.problem) for answer in recent)
    noun = "request" if len(recent) == 1 else "requests"
    said = f"This session, last {MINUTES} minutes: {len(recent)} {noun}, {failed} failed (×)."
    seconds = [_point(answer, now, answer.seconds) for answer in recent if answer.seconds is not None]
    tokens = [
        _point(answer, now, answer.input_tokens + (answer.output_tokens or 0))
        for answer in recent
        if answer.input_tokens is not None
    ]
    first = [_point(answer, now, answer.first_token) for answer in recent if answer.first_token is not None]
    per_minute = Counter(int((now - answer.at).total_seconds() // 60) for answer in recent)
    charts = [
        _chart("Service time, seconds", _dots(seconds), [value for _, value, _ in seconds]),
        _chart("Requests per minute", _bars(per_minute), list(per_minute.values())),
        _chart("Tokens, read and written", _dots(tokens), [value for _, value, _ in tokens]),
    ]
    if first:
        charts.insert(1, _chart("First words after, seconds", _dots(first), [value for _, value, _ in first]))
    return note_html(said) + str(Markup("<div class='charts'>{}</div>").format(Markup().join(charts)))


def _point(answer: Answered, now: datetime, value: float) -> ChartPoint:
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


def _dots(points: Sequence[ChartPoint]) -> Markup:
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
