"""history.html: each target over the published reports, with intervals and looks; other models and data apart."""

from __future__ import annotations

import math

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.figures import drawn_figure
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.scales import Scale, scale_for
from helpers.report.components.tables import Cell, Column, asked, chip, collapsible, table
from helpers.report.components.tracks import ends_axis, interval_track
from helpers.report.views.looks import BY_INTERVAL
from helpers.runs.results.cited import Cited
from helpers.verdicts.history import History

HREF = "history.html"
LINK = Link(HREF, "History")
POINTER = Markup("<p><a href='{}'>Every published report, target by target</a></p>").format(HREF)
#: The scale of all looks, with a name for who does not see it.
_AXIS = Markup("<span class='unseen'>On one scale</span>{}")
TITLE = "How have the targets fared over the published reports?"
HOW = Markup(
    "<p class='note'>Dot: what a look found. Bar: its interval, which covers all looks that a target has. "
    "Line: the target, with what meets it shaded. {} on the <a href='index.html'>front page</a>. Reports are grouped "
    "by weights, engine, precision, prompt, generation settings and dialogues; times and failures also by the machine. "
    "A report that finds the same on the same answers repeats its look.</p>"
).format(BY_INTERVAL)


def page(frame: Frame, history: History) -> str:
    """Return the page: this model's targets one by one, what others' were, and what could not be read."""
    found = Cited(history, "results/history.json")
    own = [series for series in found.series if series.own]
    others = [series for series in found.series if not series.own]
    parts = [_lead(found), HOW if own else Markup()]
    parts += [_figure(series, found.allowed, f"target-{place}") for place, series in enumerate(own)]
    if others:
        parts.append(Markup("<h2>Other systems, machines or data</h2>"))
        other = "another model, engine, precision or setting, other dialogues or another machine"
        parts.append(sentence("<p>These looks were at {other}.</p>", other=other))
        parts += [_other(series, f"other-{place}") for place, series in enumerate(others)]
    if found.left_out:
        text = "<p class='note'>{n} further looks at other systems or data are in <code>history.jsonl</code>.</p>"
        parts.append(sentence(text, n=number(found.left_out, "count")))
    parts.append(_unread(found))
    return render_page(frame, title=TITLE, body=Markup("\n").join(part for part in parts if part))


def _lead(found: Cited) -> Markup:
    """Return how many reports there are; with one or none there is nothing to compare."""
    if not found.own_runs:
        return Markup(
            "<p class='answer'>No published report has looked at a target of this system on these dialogues.</p>"
        )
    if found.own_runs.raw == 1:
        return Markup(
            "<p class='answer'>One published report has looked at the targets of this system (weights, engine, "
            "precision and settings) on these dialogues: there is no earlier one to set beside it.</p>"
        )
    return sentence(
        "<p class='answer'><strong>{own} published reports</strong> have looked at the targets of this system on these "
        "dialogues; {all} reports are in the ledger.</p>",
        own=number(found.own_runs, "count"),
        all=number(found.runs, "count"),
    )


def _figure(series: Cited, allowed: Cited, name: str) -> Markup:
    """Return one target as a figure: what the latest look found, and every look on one scale."""
    latest = series.looks[len(series.looks) - 1]
    subtitle = sentence(
        "Target {target}; latest look {look} of {allowed}, over {n} dialogues",
        target=asked(latest, series.style.raw),
        look=number(latest.look, "count"),
        allowed=number(allowed, "count"),
        n=number(latest.n, "count"),
    )
    heading = Markup("<h2>{}</h2>").format(quoted(series.label))
    return heading + drawn_figure(
        name, _finding(series), subtitle, [_looks(series, name, quoted(series.label))], "over-time"
    )


def _finding(series: Cited) -> Markup:
    """Return the latest verdict, and the one before it if that was another."""
    verdicts = [look.verdict.raw for look in series.looks]
    earlier = next((one for one in reversed(verdicts) if one != verdicts[-1]), None)
    if earlier:
        return sentence("Now {latest}, before {earlier}", latest=chip(verdicts[-1]), earlier=chip(earlier))
    told = "{latest} at the only look so far" if len(verdicts) == 1 else "{latest} at every look"
    return sentence(told, latest=chip(verdicts[-1]))


def _other(series: Cited, name: str) -> Markup:
    who = series.system_name.raw or "an earlier model whose name was not kept"
    latest = series.looks[len(series.looks) - 1]  # tells apart models of one name
    heading = Markup("{}: {}, dialogues {}, last report {}").format(
        quoted(series.label), quoted(who), quoted(series.dialogues), quoted(latest.run)
    )
    return collapsible(heading, Markup('<div class="over-time">{}</div>').format(_looks(series, name, heading)))


def _looks(series: Cited, name: str, of: Markup) -> Markup:
    """Return the looks of one series as a table, each with its interval on the scale of all of them."""
    style: Style = series.style.raw
    scale, looks = _scale(series), list(series.looks)
    latest = looks[-1]
    columns = [
        Column("Report"),
        Column(_AXIS.format(ends_axis(scale, style, latest.threshold.raw, asked(latest, style)))),
        Column("Actual", numeric=True),
        Column("Interval", numeric=True),
        Column("Look", numeric=True),
        Column("n", numeric=True),
        Column("By its interval"),
    ]
    rows: list[list[Cell]] = [
        [
            _report(look),
            interval_track(scale, look.raw, look.threshold.raw, look.direction.raw, look.verdict.raw) or "–",
            number(look.value, style),
            interval(look, style),
            number(look.look, "count"),
            number(look.n, "count"),
            _verdict(look, latest, style),
        ]
        for look in looks
    ]
    note: Cell = ""
    if series.earlier:
        note = sentence("{n} older looks are in <code>history.jsonl</code>.", n=number(series.earlier, "count"))
    return table(sentence("{of}: every look, the oldest first", of=of), columns, rows, id=f"{name}-looks", note=note)


def _report(look: Cited) -> Markup:
    day = f"{look.raw.at:%d %b %Y}".lstrip("0")
    return Markup('<time class="quoted" datetime="{}">{}</time><span class="aside"><code>{}</code></span>').format(
        look.raw.at.date().isoformat(), day, look.run
    )


def _verdict(look: Cited, latest: Cited, style: Style) -> Markup:
    """Return a look's verdict, with its threshold where the latest one has another."""
    other = look.threshold.raw != latest.threshold.raw or look.direction.raw != latest.direction.raw
    against = sentence("<span class='aside'>against {target}</span>", target=asked(look, style)) if other else ""
    return chip(look.verdict.raw) + against


def _scale(series: Cited) -> Scale:
    looks = series.raw.looks
    ends = [end for look in looks for end in (look.low, look.value, look.high, look.threshold) if end is not None]
    return scale_for([end for end in ends if math.isfinite(end)], is_rate=series.style.raw == "rate")


def _unread(found: Cited) -> Markup:
    """Return which lines of the ledger are no looks; they stay in the file."""
    if not found.unread:
        return Markup()
    items = [
        sentence("<li>line {line}: {why}</li>", line=number(one.line, "count"), why=quoted(one.why))
        for one in found.unread
    ]
    head = Markup("<h2>Lines that could not be read</h2>\n<p>These lines of <code>history.jsonl</code> are no looks. ")
    return head + Markup("They are passed over here, and stay in the file.</p>\n<ul>{}</ul>").format(
        Markup().join(items)
    )
