"""What the app tells a visitor beside a summary, as HTML in which every text of others is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from helpers.app.client import Answered

_NOTICE = Markup("<div class='notice'>{}</div>")
_WRONG = Markup("<p class='wrong' role='alert'>{}</p>")
_WARNING = Markup("<p class='warning' role='alert'>{}</p>")
_TABLE = Markup(
    "<div class='answers' tabindex='0'><table><caption>{}</caption><thead><tr>{}</tr></thead>"
    "<tbody>{}</tbody></table></div>"
)
HEADERS = ("Dialogue", "Summary, or what went wrong", "At (UTC)", "Seconds", "Tokens in", "Out", "Never read")
_NOTE = Markup("<p role='status'>{}</p>")

#: How a chat server says that an answer reached the limit of its length.
CUT_OFF = "length"
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


def answer_html(answer: Answered) -> str:
    """Return what is said below a summary: the problem, or time, tokens and what the model never read."""
    if answer.problem:
        return error_html(answer.problem)
    read, written = ("tokens read", "tokens written")
    if answer.tokens_by == "text":
        read, written = ("tokens of dialogue", "of summary, counted from the text")
    counts = ((answer.input_tokens, read), (answer.output_tokens, written))
    facts = [] if answer.seconds is None else [f"{answer.seconds:.2f} s"]
    facts += [] if answer.first_token is None else [f"first words after {answer.first_token:.2f} s"]
    facts += [f"{n:,} {name}" for n, name in counts if n is not None] or ["tokens not known"]
    lost = f"{answer.lost_tokens:,} tokens of the dialogue" if answer.lost_tokens else ""
    warning = _WARNING.format(f"Too long for the model: it never read {lost}.") if lost else Markup()
    if answer.finish == CUT_OFF:
        warning += _WARNING.format("Cut off: the summary is as long as it may be. Allow a longer one.")
    return str(_NOTICE.format(_NOTE.format(" · ".join(facts)) + warning))


def error_html(text: str) -> str:
    """Return a problem as a sentence."""
    return str(_NOTICE.format(_WRONG.format(text[:1].upper() + text[1:])))


def note_html(text: str) -> str:
    """Return something that is simply so."""
    return str(_NOTICE.format(_NOTE.format(text)))


def progress(done: int, of: int, answers: Sequence[Answered] = ()) -> str:
    """Return how far a batch has come."""
    failed = sum(bool(answer.problem) for answer in answers)
    return note_html(f"{done} of {of} done" + (f", {failed} without a summary" if failed else ""))


def table(caption: str, answers: Sequence[Answered]) -> str:
    """Return answers as a table, one row per dialogue; nothing for none."""
    if not answers:
        return note_html("Nothing yet.")
    head = Markup().join(Markup("<th scope='col'>{}</th>").format(name) for name in HEADERS)
    body = Markup().join(Markup("<tr>{}</tr>").format(_cells(answer)) for answer in answers)
    return str(_TABLE.format(caption, head, body))


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


def _cells(answer: Answered) -> Markup:
    text, figure = Markup("<td>{}</td>"), Markup("<td class='figure'>{}</td>")
    seconds = "" if answer.seconds is None else f"{answer.seconds:.2f}"
    counts = (answer.input_tokens, answer.output_tokens, answer.lost_tokens)
    figures = [f"{answer.at:%H:%M:%S}", seconds, *("" if n is None else f"{n:,}" for n in counts)]
    said = Markup("<td class='text'>{}</td>").format(answer.summary or answer.problem)
    return text.format(answer.name) + said + Markup().join(figure.format(cell) for cell in figures)


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
