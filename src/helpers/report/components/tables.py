"""Tables, verdicts and facts as HTML: what a reader compares row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import EXACT

Cell = str | Markup

_GLYPHS = {"met": "✓", "missed": "✗", "undecided": "?", "not measured": "–", "not judged": "–", "informative": "·"}
#: Verdicts, the one to mend first at the front.
SEVERITY = ("missed", "undecided", "not measured", "not judged", "met", "informative")
UNJUDGED = ("not measured", "not judged")
_ARROWS = {"up": "\N{NO-BREAK SPACE}↑", "down": "\N{NO-BREAK SPACE}↓", "none": ""}
_BETTER = {"max": "down", "below": "down", "min": "up", "above": "up", "margin": "up", "none": "none"}
_TARGETS = {
    "max": "≤ {}",
    "below": "< {}",
    "min": "≥ {}",
    "above": "> {}",
    "margin": "> {}",
    "none": '<span class="none">none</span>',
}


@dataclass(frozen=True)
class Column:
    """A column: its header, the unit of its numbers, and which way is better."""

    header: str
    unit: str = ""
    numeric: bool = False
    better: Literal["up", "down", "none"] = "none"


def table(
    caption: Cell,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    id: str | None = None,
    anchors: Sequence[str] = (),
    note: Cell = "",
) -> Markup:
    """Return a table whose first column heads its rows; plain text is escaped.

    What a reader cannot compare is said in a sentence instead: a table without rows, rows in which nothing was
    measured, and columns that are the same in every row. ``anchors`` are the ids of the rows, for links to them.
    Raises `ValueError` when a row has another length than ``columns``.
    """
    cells = [list(row) for row in rows]
    lines = list(zip(cells, list(anchors) or [""] * len(cells), strict=True))
    for line, _ in lines:
        _checked(columns, line)
    silent = [line[0] for line, anchor in lines if not anchor and _says_nothing(line)]
    told = [(line, anchor) for line, anchor in lines if anchor or not _says_nothing(line)]
    if not told:
        return _instead(caption, id, silent, note)
    same = _constant([line for line, _ in told])
    body = [
        table_row([c for place, c in enumerate(columns) if place not in same],
                  [cell for place, cell in enumerate(line) if place not in same], anchor)
        for line, anchor in told
    ]  # fmt: skip
    notes = [note] if note else []
    if said := [(columns[place], told[0][0][place]) for place in same if _words(told[0][0][place]) != "–"]:
        parts = Markup("; ").join(Markup("{} {}").format(_head(column), cell) for column, cell in said)
        notes.append(Markup("The same in every row: {}.").format(parts))
    if silent:
        notes.append(Markup("Not measured: {}.").format(Markup(", ").join(silent)))
    kept = [column for place, column in enumerate(columns) if place not in same]
    return framed_table(caption, kept, body, id, Markup("<br>").join(notes))


#: What a cell says that has nothing to say.
_NOTHING = ("", "–", "not measured", "–not measured")
#: From this many rows on a column that is the same in all of them is a sentence.
_ROWS_FOR_SAME = 3


def _words(cell: Cell) -> str:
    return " ".join(escape(cell).striptags().split())


def _says_nothing(line: Sequence[Cell]) -> bool:
    return len(line) > 1 and all(_words(cell) in _NOTHING for cell in line[1:])


def _constant(lines: Sequence[Sequence[Cell]]) -> list[int]:
    """Return the places of the columns that are the same in every row, but for the first; of few rows, none."""
    if len(lines) < _ROWS_FOR_SAME:
        return []
    return [place for place in range(1, len(lines[0])) if len({_words(line[place]) for line in lines}) == 1]


def _instead(caption: Cell, id: str | None, silent: Sequence[Cell], note: Cell) -> Markup:
    """Return the sentence that is shown where a table would have nothing to compare."""
    name = Markup(' id="{}"').format(id) if id else ""
    which = Markup(": {}").format(Markup(", ").join(silent)) if silent else ""
    found = "not measured" if silent else "none"
    return Markup('<p class="instead"{}><strong>{}:</strong> {}{}.{}</p>\n').format(
        name, caption, found, which, Markup(" {}").format(note) if note else ""
    )


def _head(column: Column) -> Markup:
    unit = Markup(" ({})").format(column.unit) if column.unit else ""
    return Markup("<em>{}</em>{}").format(column.header, unit)


#: What the intervals of verdicts are, which are wider than those of a single look elsewhere.
OVER_LOOKS = (
    "A look at more dialogues is another chance to be wrong. These intervals are therefore wider: over all looks that "
    "a question has, they together cover the true value as often as one 95 % interval does."
)


def verdict_table(
    caption: Cell, rows: Iterable[Cited], *, evidence: Mapping[str, str], id: str | None = None
) -> Markup:
    """Return *metric · target · actual · interval · n · verdict* for cited `helpers.verdicts.targets.Judged` rows.

    ``evidence`` maps the name of a target to the link to what it rests on. A row that is neither met nor
    informative says why below, and an undecided one what deciding it costs. A row says at which look it was judged, and
    against which other thresholds before.
    """
    columns = [
        Column("Metric"),
        Column("Target", numeric=True),
        Column("Actual", numeric=True),
        Column("Interval", numeric=True),
        Column("n", numeric=True),
        Column("Verdict"),
    ]
    body = [line for row in rows for line in _verdict_lines(columns, row, evidence.get(row.name.raw, ""))]
    return framed_table(caption, columns, body, id, OVER_LOOKS)


def actual(estimate: Cited, style: Style, *, bare: bool = False, href: str = "") -> Markup:
    """Return an estimate's value, or the largest value seen and the n that the figure would need.

    ``href`` links it to its evidence.
    """
    value, largest, needs = estimate.value, estimate.largest, estimate.needs
    found = number(value, style, bare=bare)
    if value.raw is None and largest.raw is not None:
        what = "largest dialogue mean" if estimate.unit.raw == "dialogue" else "largest"
        found = Markup('<span class="none">{} {}</span>').format(what, number(largest, style, bare=bare))
    if href:
        found = Markup('<a href="{}">{}</a>').format(href, found)
    if value.raw is None and needs.raw is not None:
        found += Markup('<span class="aside">needs n ≥ {}</span>').format(number(needs, "count"))
    return found


def sample_size(estimate: Cited) -> Markup:
    """Return the n of an estimate with what it counts, and the requests behind it."""
    if estimate.method.raw == EXACT:
        return Markup("–")
    size = counted(estimate)
    if estimate.requests.raw is None or estimate.unit.raw == "request":
        return size
    return Markup('{}<span class="aside">{} requests</span>').format(size, number(estimate.requests, "count"))


def counted(estimate: Cited) -> Markup:
    """Return the n of an estimate with what it counts."""
    unit = estimate.unit.raw + ("" if estimate.n.raw == 1 else "s")
    return Markup('{} <span class="unit">{}</span>').format(number(estimate.n, "count"), unit)


def chip(verdict: str) -> Markup:
    """Return a verdict as glyph, word and colour."""
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span>{}</span>').format(
        verdict.replace(" ", "-"), _GLYPHS[verdict], verdict
    )


def overall(verdicts: Iterable[str]) -> str:
    """Return what some verdicts come to: the worst of those that were judged, if any was.

    Raises `ValueError` without any verdict.
    """
    found = list(verdicts)
    return min([one for one in found if one not in UNJUDGED] or found, key=SEVERITY.index)


def tally(verdicts: Iterable[str]) -> Markup:
    """Return a cell in the colour of each verdict, the worst first; words beside it have to say what they come to."""
    cells = (
        Markup('<span class="{}"></span>').format(verdict.replace(" ", "-"))
        for verdict in sorted(verdicts, key=SEVERITY.index)
    )
    return Markup('<span class="tally" aria-hidden="true">{}</span>').format(Markup().join(cells))


def facts(pairs: Iterable[tuple[Cell, Cell]]) -> Markup:
    """Return names and what is known about each, as a definition list."""
    items = (Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*pair) for pair in pairs)
    return Markup('<dl class="facts">\n{}\n</dl>').format(Markup("\n").join(items))


#: What heads the folded part of a page that says how its answer was found, and the class of that part; it is printed.
METHOD, METHOD_STYLE = "Method, limits and what produced this page", "method"


def collapsible(summary: Cell, body: Cell, style: str = "") -> Markup:
    """Return a body that a reader may open; ``style`` is its class."""
    name = Markup(' class="{}"').format(style) if style else ""
    return Markup("<details{}><summary>{}</summary>\n{}\n</details>").format(name, summary, body)


def framed_table(
    caption: Cell, columns: Sequence[Column], body: Sequence[Markup], id: str | None, note: Cell
) -> Markup:
    """Return a table of rows that are already HTML, as `table_row` makes them; a wide one scrolls by itself."""
    name = Markup(' id="{}"').format(id) if id else ""
    return Markup(
        '<div class="scroll" role="region" aria-label="{}" tabindex="0">\n<table{}><caption><span>{}</span></caption>\n'
        "<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody></table></div>{}\n"
    ).format(
        escape(caption).striptags(),
        name,
        caption,
        Markup().join(_header(column) for column in columns),
        Markup("\n").join(body),
        Markup('\n<p class="note">{}</p>').format(note) if note else "",
    )


def _header(column: Column) -> Markup:
    unit = Markup(' <span class="unit">({})</span>').format(column.unit) if column.unit else ""
    number_class = Markup(' class="num"') if column.numeric else ""
    return Markup('<th scope="col"{}>{}{}{}</th>').format(number_class, column.header, unit, _ARROWS[column.better])


def table_row(columns: Sequence[Column], cells: Sequence[Cell], anchor: str = "") -> Markup:
    """Return one row, headed by its first cell; raises `ValueError` unless there is a cell per column."""
    _checked(columns, cells)
    head = Markup('<th scope="row" class="num">{}</th>') if columns[0].numeric else Markup('<th scope="row">{}</th>')
    parts = [head.format(cells[0])]
    for column, cell in zip(columns[1:], cells[1:], strict=True):
        parts.append((Markup('<td class="num">{}</td>') if column.numeric else Markup("<td>{}</td>")).format(cell))
    name = Markup(' id="{}"').format(anchor) if anchor else ""
    return Markup("<tr{}>{}</tr>").format(name, Markup().join(parts))


def _checked(columns: Sequence[Column], cells: Sequence[Cell]) -> None:
    if len(cells) != len(columns):
        raise ValueError(f"a row of {len(cells)} cells under {len(columns)} columns: give one cell per column")


def _verdict_lines(columns: Sequence[Column], row: Cited, href: str) -> list[Markup]:
    estimate, direction = row.estimate, row.direction.raw
    style: Style = row.style.raw
    cells = [
        Markup("{}{}").format(quoted(row.label), _ARROWS[_BETTER[direction]]),
        wanted(row),
        actual(estimate, style, href=href),
        interval(estimate, style),
        sample_size(estimate),
        chip(row.verdict.raw) + look(row) + needed_place(row),
    ]
    why = [quoted(text) for text in dict.fromkeys((row.reason.raw, estimate.note.raw)) if text]
    if row.other_thresholds:
        others = Markup(", ").join(number(one, style) for one in row.other_thresholds)
        why.append(
            Markup("Looked at before with another threshold: {}. This one is a question of its own.").format(others)
        )
    if row.price_of_knowing:
        why.append(_price(row.price_of_knowing, style))
    below = Markup().join(Markup("<p>{}</p>").format(part) for part in why)
    line = Markup('<tr class="why"><td colspan="{}">{}</td></tr>').format(len(columns), below)
    return [table_row(columns, cells), line] if why else [table_row(columns, cells)]


def wanted(row: Cited) -> Markup:
    """Return what a cited row's target asks for, such as ``≤ 3.00 s``."""
    return asked(row, "difference" if row.direction.raw == "margin" else row.unit.raw)


def asked(holder: Cited, style: Style) -> Markup:
    """Return what a cited ``direction`` and ``threshold`` ask for."""
    return Markup(_TARGETS[holder.direction.raw]).format(number(holder.threshold, style))  # noqa: S704  (one of our own)


def look(row: Cited) -> Markup:
    """Return which of its looks a cited row was judged at, or nothing for what was not sampled."""
    if row.look.raw is None:
        return Markup()
    words = Markup('<span class="aside">look {} of {}</span>')
    return words.format(number(row.look, "count"), number(row.looks, "count"))


def needed_place(row: Cited) -> Markup:
    """Return on what a cited row must be measured to be decided, or nothing."""
    if not row.needs_run_on:
        return Markup()
    return Markup('<span class="aside">needs a run on {}</span>').format(quoted(row.needs_run_on))


def _price(price: Cited, style: Style) -> Markup:
    cost = [number(part, unit) for part, unit in _priced(price) if part.raw is not None]
    truth = ""
    if price.low.raw is not None and price.high.raw is not None:
        truth = Markup(" ({})").format(interval(price, style))
    return Markup(
        "A look at {} dialogues in all decides it with a chance of {}, averaged over what is left open{}; their "
        "summaries take about {}: <code>{}</code>"
    ).format(
        number(price.n, "count"),
        number(price.chance, "rate"),
        truth,
        Markup(", ").join(cost),
        Markup(" ").join(Markup("<span>{}</span>").format(word) for word in price.command.raw.split(" ")),
    )


def _priced(price: Cited) -> tuple[tuple[Cited, Style], ...]:
    return (price.minutes, "minutes"), (price.dollars, "usd")
