"""Summaries one by one: what was found in each, which to read first, and how page 02 and the front page show those."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from helpers.core.text import stable_hash
from helpers.report.components.numbers import excerpt, number, quoted, sentence
from helpers.report.components.tables import collapsible
from helpers.report.views.common import EMPTY, HIDDEN
from helpers.report.views.sample_eval import METRICS
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import Checked, SampleEval, Scored
from helpers.runs.run import Run
from helpers.scorers.failures import OUTPUT_LABELS
from helpers.scorers.faithfulness import CHECK_LABELS

#: The page of all summaries, and how many of them page 02 shows.
EXPLORER, READ_FIRST = "02-summaries.html", 20
RULE = (
    "First come those that fail an output check, then those that a judged faithfulness check speaks against, then all "
    "others. Among equals the fewest key facts come first, then the lowest ROUGE-L."
)
#: Characters of a summary that page 02 shows; the explorer shows more.
_SHORT = 1_000
#: What every flag is called: failed output checks, then faithfulness checks.
FLAGS: dict[str, str] = {
    **{kind.value: label.lower() for kind, label in OUTPUT_LABELS.items()},
    **{check.value: label.lower() for check, label in CHECK_LABELS.items()},
}
#: An id that can be an address as it is; ids of the page's own are no such.
_PLAIN_ID = re.compile(r"(?!main$)[A-Za-z][\w.-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class SummaryFlag:
    """What was found in a summary: the name, whether it may speak against it, and the words that it is about."""

    kind: str
    counts: bool
    words: str = ""

    @property
    def label(self) -> str:
        """How pages call it."""
        return FLAGS[self.kind]

    @property
    def told(self) -> Markup:
        """Its label with the sign of what speaks against a summary, or that it does not."""
        return Markup("✗ {}").format(self.label) if self.counts else Markup("{} (shown beside)").format(self.label)


def flags(row: Scored, checks: Sequence[Checked]) -> list[SummaryFlag]:
    """Return what the checks found in a summary: an output check counts, a faithfulness check where it is judged."""
    judged = {one.check for one in checks if one.judged}
    own = [SummaryFlag(one.check.value, one.check in judged, one.words) for one in row.objections]
    return [*(SummaryFlag(kind, counts=True) for kind in row.failures), *sorted(own, key=lambda one: not one.counts)]


def in_reading_order(result: Cited) -> list[Cited]:
    """Return the summaries in the order in which to read them, by `RULE`."""

    def key(row: Cited) -> tuple[bool, bool, float, float]:
        failed, scores = bool(row.failures), row.raw.scores
        spoken = any(one.counts for one in flags(row.raw, result.raw.checks))
        return not failed, not spoken, scores.get("key_fact_recall", 1.0), scores.get("rougeL", 1.0)

    return sorted(result.samples, key=key)


def has_texts(result: SampleEval | None) -> bool:
    """Whether there are summaries whose texts may be shown: without any there is no explorer."""
    return result is not None and any(row.summary is not None for row in result.samples)


def anchor(id: str) -> str:
    """Return a summary's anchor on the page of all: its own id, or a hash where that is no address."""
    return id if _PLAIN_ID.fullmatch(id) else f"summary-{stable_hash(id)[:12]}"


def to_read(run: Run, result: Cited) -> Markup:
    """Return the summaries to read first, short, each with a link to where it is shown with its dialogue.

    In JupyterLab, where no page of all is, they have their references and dialogues.
    """
    if result.reason or not result.samples:
        return Markup()
    heading = Markup("<h2>Summaries to read first</h2>")
    if not has_texts(result.raw):
        return heading + HIDDEN + Markup("<p>For the same reason there is no page of all summaries.</p>")
    if run.interactive:
        return Markup("\n").join(
            [heading, Markup("<p>{}</p>").format(RULE), *foremost(result, READ_FIRST, linked=False)]
        )
    cases = [_case(row, result.raw.checks, whole=False) for row in in_reading_order(result)[:READ_FIRST]]
    lead = sentence(
        "<p>{rule} <a href='{all}'>All summaries</a> have a page of their own, to sort and to filter. There each is "
        "beside its dialogue, with the evidence marked.</p>",
        rule=RULE,
        all=EXPLORER,
    )
    return Markup("\n").join([heading, lead, *cases])


def foremost(result: Cited, most: int, *, linked: bool = True) -> list[Markup]:
    """Return at most ``most`` summaries to read first, with their references and dialogues."""
    return [_case(row, result.raw.checks, whole=True, linked=linked) for row in in_reading_order(result)[:most]]


def lowest(rows: Sequence[Cited], most: int) -> list[Markup]:
    """Return at most ``most`` scored predictions with what is known of them, those of the lowest ROUGE-L first."""
    ranked = sorted(rows, key=lambda row: row.scores.raw.get("rougeL", 1.0))
    return [_case(row, (), whole=True, linked=False) for row in ranked[:most]]


def figures(row: Cited) -> Markup:
    """Return the scores by which summaries are ranked."""
    return Markup(" · ").join(
        sentence("{name} {value}", name=METRICS[name][0], value=number(row.scores[name], METRICS[name][1]))
        for name in ("rougeL", "key_fact_recall")
        if name in row.scores.raw
    )


def missed(row: Cited) -> Markup:
    """Return the key facts that are not in a summary."""
    if not row.facts_missed:
        return Markup()
    facts = ", ".join(fact.replace("|", " or ") for fact in row.facts_missed.raw)
    return Markup("<p>Facts missed: {}</p>").format(quoted(facts))


def references(texts: Sequence[str]) -> Markup:
    """Return references to open, or nothing where there are none."""
    items = Markup().join(Markup("<li class='quoted'>{}</li>").format(text) for text in texts)
    return collapsible("References", Markup("<ul>{}</ul>").format(items)) if items else Markup()


def _case(row: Cited, checks: Sequence[Checked], *, whole: bool, linked: bool = True) -> Markup:
    name = quoted(row.id)
    text = excerpt(row.summary.raw or EMPTY, most=None if whole else _SHORT)
    told = [figures(row), *(flag.told for flag in flags(row.raw, checks))]
    dialogue = Markup("<p class='quoted dialogue'>{}</p>").format(excerpt(row.dialogue.raw))
    opened = references([excerpt(one) for one in row.references.raw]) + collapsible("Dialogue", dialogue)
    return Markup(
        "<section class='case'><h3>{}</h3><p class='note'>{}</p><p class='quoted'>{}</p>{}{}</section>"
    ).format(
        Markup("<a href='{}#{}'>{}</a>").format(EXPLORER, anchor(row.id.raw), name) if linked else name,
        Markup(" · ").join(filter(None, told)),
        text,
        missed(row),
        opened if whole else "",
    )
