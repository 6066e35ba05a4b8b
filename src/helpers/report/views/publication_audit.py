"""Page 07 as it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from string import ascii_uppercase

from markupsafe import Markup

from helpers.report.components import tiles
from helpers.report.components.figures import TargetLine, points, tallies
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import SEVERITY, Column, framed_table, table_row
from helpers.report.views.common import not_measured
from helpers.runs.results.cited import Cited

_CHIPS = {"holds": ("met", "✓"), "does not hold": ("missed", "✗"), "cannot be checked": ("undecided", "?")}
_REMEDIES = {"does not hold": "What would make it hold:", "cannot be checked": "What would let it be checked:"}
_FINDINGS = {
    "holds": "The whole interval of the published mean lies within its target",
    "does not hold": "The whole interval of the published mean lies beyond its target",
    "cannot be checked": "The interval of the published mean reaches both sides of its target",
}
_COLUMNS = (Column("Claim"), Column("Published"), Column("Re-computed"), Column("Verdict"))


def answer(result: Cited, page: str = "") -> Markup:
    """Return how many claims hold, and those that matter most among the others, with links to them on ``page``."""
    if result.reason:
        return not_measured(result.reason.raw)
    counts = {verdict: number(count, "count") for verdict, count in result.counts.items()}
    first = sentence(
        "<p class='answer'>Of the published claims, {holds} hold, {fails} do not hold, and {unknown} cannot be checked "
        "from what was published.{more}</p>",
        holds=counts["holds"],
        fails=counts["does not hold"],
        unknown=counts["cannot be checked"],
        more=" What matters most:" if result.foremost else "",
    )
    named = Markup().join(_named(result.claims[place], page) for place in result.foremost.raw)
    return first + (Markup("<ul class='answer'>{}</ul>").format(named) if named else "")


def key_figures(result: Cited) -> Markup:
    """Return how many claims there are of every verdict, and the latency that most of them rest on."""
    if result.reason:
        return Markup()
    counts = [
        tiles.Tile(label="Claims", value=number(count, "count"), chip=_worded(verdict), style=_CHIPS[verdict][0])
        for verdict, count in result.counts.items()
    ]
    return tiles.key_figures(*counts, tiles.estimate_tile("Published latency, mean", result.latency, "s"))


def overview(result: Cited) -> Markup:
    """Return a cell for each claim in the colour of its verdict, subject by subject, those that fail most first."""
    if result.reason:
        return Markup()
    subjects = {
        subject: [claim.verdict.raw for claim in found]
        for subject, found in groupby(result.claims, key=lambda claim: str(claim.group))
    }
    rows = sorted(subjects.items(), key=lambda row: row[1].count("does not hold") / len(row[1]), reverse=True)
    kept = [subject for subject, verdicts in rows if set(verdicts) == {"holds"}]
    return tallies(
        "overview",
        f"Every claim holds on: {', '.join(kept)}" if kept else "On no subject do all published claims hold",
        "a cell for each claim, the worst first: does not hold, cannot be checked, holds",
        [(subject, [_CHIPS[one][0] for one in verdicts], _worded(_worst(verdicts))) for subject, verdicts in rows],
    )


def latencies(result: Cited) -> Markup:
    """Return every published latency and their mean with its interval, against the target."""
    if result.reason:
        return Markup()
    target = next(claim for claim in result.claims if claim.name.raw == "latency-target")
    rows = [("mean of all", result.latency), *zip(ascii_uppercase, result.latencies, strict=False)]
    return points(
        "latencies",
        _FINDINGS[target.verdict.raw],
        "published latency of each dialogue in the order given, and their mean with its 95 % interval; seconds",
        rows,
        unit="s",
        target=TargetLine(result.latency_target, "target for the mean"),
        by="Dialogue",
    )


def claims(result: Cited) -> Markup:
    """Return one table for each subject: the claim, both figures and the verdict, the arithmetic below them."""
    if result.reason:
        return Markup()
    subjects = groupby(result.claims, key=lambda claim: str(claim.group))
    return Markup().join(
        framed_table(subject, _COLUMNS, [line for claim in found for line in _lines(claim)], None, "")
        for subject, found in subjects
    )


def limitations(result: Cited) -> Markup:
    """Return the limits that the published report states itself."""
    if not result.limitations:
        return Markup()
    return sentence(
        "<p>The published report states its own limits: {limits}.</p>", limits=quoted("; ".join(result.limitations.raw))
    )


def _named(claim: Cited, page: str) -> Markup:
    return sentence(
        "<li>{chip} <a href='{page}#claim-{name}'>{claim}</a>: published {published}, re-computed {recomputed}.</li>",
        chip=_chip(claim),
        page=page,
        name=claim.name,
        claim=_filled(claim, claim.claim),
        published=_filled(claim, claim.published),
        recomputed=_filled(claim, claim.recomputed),
    )


def _lines(claim: Cited) -> list[Markup]:
    """Return a claim's row, and below it the arithmetic and what is missing."""
    texts = [_filled(claim, text) for text in (claim.claim, claim.published, claim.recomputed)]
    texts[1] += sentence("<span class='aside'>{source}</span>", source=claim.source)
    why = sentence("<p>{arithmetic}</p>", arithmetic=_filled(claim, claim.arithmetic))
    if claim.verdict.raw in _REMEDIES:
        lead, remedy = _REMEDIES[claim.verdict.raw], _filled(claim, claim.remedy)
        why += sentence("<p><strong>{lead}</strong> {remedy}</p>", lead=lead, remedy=remedy)
    below = sentence("<tr class='why'><td colspan='{span}'>{why}</td></tr>", span=len(_COLUMNS), why=why)
    return [table_row(_COLUMNS, [*texts, _chip(claim)], f"claim-{claim.name}"), below]


def _filled(claim: Cited, template: Cited) -> Markup:
    """Return a text of a claim with its figures cited and its words quoted."""
    parts = {
        name: quoted(figure.value) if isinstance(figure.value.raw, str) else number(figure.value, figure.style.raw)
        for name, figure in claim.figures.items()
    }
    return sentence(template.raw, **parts)


def _worst(verdicts: Iterable[str]) -> str:
    return min(verdicts, key=lambda verdict: SEVERITY.index(_CHIPS[verdict][0]))


def _chip(claim: Cited) -> Markup:
    return _worded(claim.verdict.raw)


def _worded(verdict: str) -> Markup:
    kind, glyph = _CHIPS[verdict]
    return sentence(
        "<span class='chip {kind}'><span aria-hidden='true'>{glyph}</span>{word}</span>",
        kind=kind,
        glyph=glyph,
        word=verdict,
    )
