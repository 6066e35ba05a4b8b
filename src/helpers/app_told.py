"""What the app tells a visitor beside a summary, as HTML in which every text of others is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.app_desk import Answered

_TOLD = Markup("<div class='told'>{}</div>")
_WRONG = Markup("<p class='wrong' role='alert'>{}</p>")
_WARNING = Markup("<p class='warning' role='alert'>{}</p>")
_TABLE = Markup(
    "<div class='answers' tabindex='0'><table><caption>{}</caption><thead><tr>{}</tr></thead>"
    "<tbody>{}</tbody></table></div>"
)
HEADERS = ("Dialogue", "Summary, or what went wrong", "At (UTC)", "Seconds", "Tokens read", "Written", "Never read")
_NOTE = Markup("<p role='status'>{}</p>")


def told(answer: Answered) -> str:
    """Return what is said below a summary: the problem, or time, tokens and what the model never read."""
    if answer.problem:
        return wrong(answer.problem)
    counts = ((answer.input_tokens, "tokens read"), (answer.output_tokens, "tokens written"))
    facts = [] if answer.seconds is None else [f"{answer.seconds:.2f} s"]
    facts += [f"{n:,} {name}" for n, name in counts if n is not None] or ["tokens not known"]
    lost = f"{answer.lost_tokens:,} tokens of the dialogue" if answer.lost_tokens else ""
    warning = _WARNING.format(f"Too long for the model: it never read {lost}.") if lost else Markup()
    return str(_TOLD.format(_NOTE.format(" · ".join(facts)) + warning))


def wrong(text: str) -> str:
    """Return a problem as a sentence."""
    return str(_TOLD.format(_WRONG.format(text[:1].upper() + text[1:])))


def note(text: str) -> str:
    """Return something that is simply so."""
    return str(_TOLD.format(_NOTE.format(text)))


def progress(done: int, of: int, answers: Sequence[Answered] = ()) -> str:
    """Return how far a batch has come."""
    failed = sum(bool(answer.problem) for answer in answers)
    return note(f"{done} of {of} done" + (f", {failed} without a summary" if failed else ""))


def table(caption: str, answers: Sequence[Answered]) -> str:
    """Return answers as a table, one row per dialogue; nothing for none."""
    if not answers:
        return note("Nothing yet.")
    head = Markup().join(Markup("<th scope='col'>{}</th>").format(name) for name in HEADERS)
    body = Markup().join(Markup("<tr>{}</tr>").format(_cells(answer)) for answer in answers)
    return str(_TABLE.format(caption, head, body))


def _cells(answer: Answered) -> Markup:
    text, figure = Markup("<td>{}</td>"), Markup("<td class='figure'>{}</td>")
    seconds = "" if answer.seconds is None else f"{answer.seconds:.2f}"
    counts = (answer.input_tokens, answer.output_tokens, answer.lost_tokens)
    figures = [f"{answer.at:%H:%M:%S}", seconds, *("" if n is None else f"{n:,}" for n in counts)]
    said = Markup("<td class='text'>{}</td>").format(answer.summary or answer.problem)
    return text.format(answer.name) + said + Markup().join(figure.format(cell) for cell in figures)
