"""What the app tells a visitor beside a summary, as HTML in which every text of others is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.app.checks import CheckedAnswer, Flag, segments
from helpers.app.client import Answered
from helpers.core.text import Style, spell

_NOTICE = Markup("<div class='notice'>{}</div>")
_WRONG = Markup("<p class='wrong' role='alert'>{}</p>")
_WARNING = Markup("<p class='warning' role='alert'>{}</p>")
_NOTE = Markup("<p role='status'>{}</p>")
_TABLE = Markup(
    "<div class='answers' tabindex='0'><table><caption>{}</caption><thead><tr>{}</tr></thead>"
    "<tbody>{}</tbody></table></div>"
)
HEADERS = ("Dialogue", "Summary or error", "At (UTC)", "Seconds", "Tokens in", "Tokens out", "Truncated tokens")
PARTIAL = " The text above is unfinished, and is not kept."

#: How a chat server says that an answer reached the limit of its length.
CUT_OFF = "length"
_CHECKS = Markup("<section class='checks' aria-label='Checks of the summary'><p>{}</p>{}</section>")
_MARKED = Markup("<p class='marked'>{}</p><ol>{}</ol>")
_MARK = Markup("<mark class='{}'>{}<sup>{}</sup></mark>")
_FLAG = Markup("<li class='{}'><strong>{}</strong> ({}){}</li>")
NO_PROOF = "No flag does not mean that a summary is right."


def figure(value: float, style: Style) -> str:
    """Return a value with its unit, between which no line is broken."""
    return spell(value, style).replace(" ", "\xa0")


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


def checks_html(answer: Answered) -> str:
    """Return what the checks found in a summary, with the words that each flag is about marked in it."""
    found = answer.checked
    marked = Markup()
    if found.flags:
        pieces = (_piece(text, about, found.flags) for text, about in segments(answer.summary, found.flags))
        marked = _MARKED.format(Markup().join(pieces), Markup().join(map(_flag, found.flags)))
    return str(_CHECKS.format(_outcome(found), marked))


def _outcome(found: CheckedAnswer) -> str:
    failed, doubted = len(found.failed), len(found.doubted)
    said = f"Output checks: {failed or 'none'} failed. "
    if not found.in_time:
        return f"{said}Faithfulness checks: this dialogue took them too long."
    return f"{said}Faithfulness checks: {doubted or 'no'} flag{'' if doubted == 1 else 's'}. {NO_PROOF}"


def _piece(text: str, about: Sequence[int], flags: Sequence[Flag]) -> Markup:
    if not about:
        return Markup("{}").format(text)
    kinds = sorted({_kind(flags[place]) for place in about})
    return _MARK.format(" ".join(kinds), text, " ".join(str(place + 1) for place in about))


def _flag(flag: Flag) -> Markup:
    words = Markup(": {}").format("; ".join(f"“{one}”" for one in flag.words)) if flag.words else ""
    return _FLAG.format(_kind(flag), flag.label, "faithfulness" if flag.faithful else "output check", words)


def _kind(flag: Flag) -> str:
    return "doubted" if flag.faithful else "failed"


def error_html(text: str, *, partial: bool = False) -> str:
    """Return a problem as a sentence; with ``partial`` the beginning of a summary is shown above it."""
    return str(_NOTICE.format(_WRONG.format(text[:1].upper() + text[1:] + (PARTIAL if partial else ""))))


def note_html(text: str, *, partial: bool = False) -> str:
    """Return a note that reports no problem; with ``partial`` the beginning of a summary is shown above it."""
    return str(_NOTICE.format(_NOTE.format(text + (PARTIAL if partial else ""))))


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


def _cells(answer: Answered) -> Markup:
    figure = Markup("<td class='figure'>{}</td>")
    seconds = "" if answer.seconds is None else f"{answer.seconds:.2f}"
    counts = (answer.input_tokens, answer.output_tokens, answer.lost_tokens)
    figures = [f"{answer.at:%H:%M:%S}", seconds, *("" if n is None else f"{n:,}" for n in counts)]
    name = Markup("<strong>{}</strong> ").format(answer.name) if answer.name else ""
    flags = "; ".join(flag.label for flag in answer.checked.flags)
    found = Markup("<span class='found'>{}</span>").format(flags) if flags else ""
    said = Markup("<td class='text'>{}{}</td>").format(answer.summary or answer.problem, found)
    first = Markup("<td class='name'>{}{}</td>").format(name, answer.excerpt)
    return first + said + Markup().join(figure.format(cell) for cell in figures)
