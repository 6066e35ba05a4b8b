"""Page 02 as it is shown, with what a further reference would score in the place of the summaries."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components import tiles
from helpers.report.components.figures import Chart, points, small_multiples
from helpers.report.components.numbers import NOT_MEASURED, between, interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, table
from helpers.report.views.common import by_value, ended_early, groups_finding, not_measured
from helpers.report.views.robustness import under_changes
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.scorers.failures import OUTPUT_LABELS, OutputFailure
from helpers.verdicts.compute import judgement

#: Metrics in reading order, with their names, the style of their figures, and which way is better.
METRICS: dict[str, tuple[str, Style]] = {
    "rouge1": ("ROUGE-1", "score"),
    "rouge2": ("ROUGE-2", "score"),
    "rougeL": ("ROUGE-L", "score"),
    "rougeLsum": ("ROUGE-Lsum", "score"),
    "key_fact_recall": ("Key-fact recall", "rate"),
    "compression": ("Words per word of dialogue", "score"),
    "length_ratio": ("Words per word of reference", "score"),
    "novel_bigrams": ("New word pairs", "rate"),
    "semantic_similarity": ("Semantic similarity", "score"),
    "bertscore_f1": ("BERTScore", "score"),
    "nli_consistency": ("Entailed by the turns", "score"),
}
ROUGE = ("rouge1", "rouge2", "rougeL")
CHARTED = (*ROUGE, "key_fact_recall")
RERANKED = (
    "The server answers with the likeliest of its beams in which these same checks find nothing (model.rerank): what "
    "fails here failed in every beam, and the checks are no independent judge of it."
)


def answer(result: Cited) -> Markup:
    """Return what the summaries are worth, in two sentences."""
    if result.reason:
        return not_measured(result.reason.raw)
    scores = result.scores
    parts = [_recorded(result)] if result.raw.is_told_by_recordings else []
    parts.append(
        sentence(
            "{n} of {asked} dialogues have a summary in this run.",
            n=number(result.answered, "count"),
            asked=number(result.asked, "count"),
        )
    )
    if result.raw.is_regression_check:
        parts.append(
            sentence(
                "A regression check: {n} of these answers are word for word those recorded of this system.",
                n=number(result.baseline_equal, "count"),
            )
        )
    if "rougeL" in scores.raw and not result.raw.is_told_by_recordings:
        parts.append(
            sentence(
                "ROUGE-L is {value} on average ({between}).",
                value=number(scores["rougeL"].value, "score"),
                between=between(scores["rougeL"], "score"),
            )
        )
    if "key_fact_recall" in scores.raw and not result.raw.is_told_by_recordings:
        parts.append(
            sentence(
                "{value} of the facts that a summary must contain are in it ({between}).",
                value=number(scores["key_fact_recall"].value, "rate"),
                between=between(scores["key_fact_recall"], "rate", name=""),
            )
        )
    if result.replaced.raw:
        parts.append(
            sentence(
                "{n} characters of answers that no page may show (controls and such) were replaced.",
                n=number(result.replaced, "count"),
            )
        )
    return Markup("<p class='answer'>{} {}</p>{}").format(
        Markup(" ").join(parts), _failures_sentence(result), ended_early(result)
    )


def key_figures(run: Run, result: Cited) -> Markup:
    """Return the figures of the answer, of the recorded answers of this very system where these are known."""
    if result.reason:
        return Markup()
    judged = Cited(judgement(run, "02"), "results/judged.json").rows
    read = [
        tiles.judged_tile(row, "#readings")
        for row in judged
        if row.name.raw == "usable_summaries" and row.estimate.value.raw is not None
    ]
    found = _best_known(result)
    scored = [
        tiles.estimate_tile(METRICS[name][0], found[name], METRICS[name][1])
        for name in ("rougeL", "key_fact_recall")
        if name in found.raw
    ]
    failed = tiles.estimate_tile("Failed output checks", result.output_failure_rate, "rate", "in this run")
    return tiles.key_figures(*read, *scored, failed)


def _best_known(result: Cited) -> Cited:
    """Return the scores of this very system on the most dialogues: its recorded answers', else those of this run."""
    if result.raw.is_told_by_recordings:
        return next(iter(result.recordings)).estimates
    return result.scores


def _recorded(result: Cited) -> Markup:
    """Return what the recorded answers of this very system are worth, which are many more than a run asks for."""
    first = next(iter(result.recordings))
    rouge, facts = first.estimates["rougeL"], first.estimates["key_fact_recall"]
    return sentence(
        "The recorded answers of this system to {n} dialogues held out from training have ROUGE-L {score} ({between}) "
        "and {recall} of the key facts ({among}).",
        n=number(first.n, "count"),
        score=number(rouge.value, "score"),
        between=between(rouge, "score"),
        recall=number(facts.value, "rate"),
        among=between(facts, "rate", name=""),
    )


def scores(result: Cited) -> Markup:
    """Return every metric with its interval, and its signature."""
    if not result.scores:
        return Markup()
    rows = [(name, estimate) for name, estimate in result.scores.items() if name in METRICS]
    columns = [
        Column("Metric"),
        Column("Mean", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    body = [
        [
            METRICS[name][0],
            actual(found, METRICS[name][1]),
            interval(found, METRICS[name][1]),
            number(found.n, "count"),
        ]
        for name, found in rows
    ]
    body += [[METRICS[name][0], NOT_MEASURED, "–", "–"] for name in result.not_measured.raw]
    note = sentence("Signature: <code>{signature}</code>", signature=result.signature.raw)
    sees = result.rouge_score_sees
    if sees.raw is not None and sees.raw < 1:
        note += sentence(
            "<br>The tokeniser of <code>rouge_score</code> sees {sees} of the letters and digits of these texts; these "
            "scores are comparable with that package's as far as it does.",
            sees=number(sees, "rate"),
        )
    for name, reason in result.not_measured.items():
        note += sentence("<br>{name} is not measured: {reason}.", name=METRICS[name][0], reason=quoted(reason))
    return table("Scores, averaged over dialogues", columns, body, id="scores", note=note)


def by_group(result: Cited) -> Markup:
    """Return the charted metrics for every group beside the pooled mean, which is never shown alone.

    Nothing where the recorded answers of the same system show the same groups on many more dialogues.
    """
    if result.raw.is_told_by_recordings:
        return Markup()
    groups = [group for group in result.groups if group.by.raw != "truncated" or _splits(result, "truncated")]
    if not groups:
        return Markup()
    names = [name for name in CHARTED if name in result.scores.raw]
    labels = [
        ("all dialogues", result.scores),
        *((f"{group.label} ({group.by})", group.estimates) for group in by_value(groups, "rougeL")),
    ]
    charts = [
        Chart(
            METRICS[name][0],
            [(label, found[name]) for label, found in labels if name in found.raw],
            METRICS[name][1],
        )
        for name in names
        if all(name in found.raw for _, found in labels)
    ]
    finding = groups_finding(groups, "rougeL", "dialogues score higher")
    subtitle = "mean and 95 % interval by domain and length; of fewer than five dialogues there is none"
    return small_multiples("groups", finding, subtitle, charts)


def failures(run: Run, result: Cited) -> Markup:
    """Return the failed output checks: valid answers that are no proper summary."""
    rows = [[OUTPUT_LABELS[OutputFailure(kind)], number(count, "count")] for kind, count in result.failures.items()]
    if result.reason:
        return Markup()
    return table(
        "Failed output checks: answered, yet no proper summary",
        [Column("Kind"), Column("Summaries", numeric=True)],
        rows,
        id="failures",
        note=RERANKED if run.params.model.rerank and run.params.backend == "local" else "",
    )


def comparisons(result: Cited) -> Markup:
    """Return the paired comparisons with recorded predictions, or why there are none, and with changed dialogues."""
    if result.reason:
        return Markup()
    rows = []
    for field, label in (("baseline", "The recorded baseline"), ("untuned", "The untuned base")):
        paired = getattr(result, field)
        if field == "baseline" and result.raw.is_regression_check:
            equal = sentence("{n} answers equal word for word", n=number(result.baseline_equal, "count"))
            rows.append([f"{label}, of this system", "regression check", equal, "–", number(paired.n, "count")])
            continue
        if field == "untuned" and result.raw.is_told_by_recordings:
            rows.append([label, "by recorded answers", "see what fine-tuning gained", "–", "–"])
            continue
        if paired.raw is None:
            rows.append([label, NOT_MEASURED, quoted(getattr(result, f"{field}_note")), "–", "–"])
            continue
        rows.append(
            [
                label,
                number(paired.difference, "difference"),
                interval(paired, "difference"),
                number(paired.p_value, "p"),
                number(paired.n, "count"),
            ]
        )
    columns = [
        Column("Compared with"),
        Column("ROUGE-L difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("p", numeric=True),
        Column("n", numeric=True),
    ]
    return table("The same dialogues, two systems", columns, rows, id="paired") + under_changes(result)


def agreement(found: Cited, id: str, title: str = "What another reference would score") -> Markup:
    """Return the scores of the summaries beside those of another reference; nothing where dialogues have one each."""
    if not found:
        return Markup()
    rows = [
        [
            METRICS[name][0],
            actual(one.summaries, "score"),
            actual(one.references, "score"),
            number(one.difference.difference, "difference"),
            interval(one.difference, "difference"),
            number(one.difference.n, "count"),
        ]
        for name, one in found.items()
    ]
    columns = [
        Column("Metric"),
        Column("Summaries", numeric=True),
        Column("Another reference", numeric=True),
        Column("Difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    note = Markup("{} {}").format(
        _reading(found["rougeL"].difference),
        "Each reference is left out in turn and, like the summary, scored against the others.",
    )
    return table(title, columns, rows, id=id, note=note)


def _failures_sentence(result: Cited) -> Markup:
    found = result.output_failure_rate
    if not found.raw or not result.failures:
        return Markup("No summary failed the output checks, which see its surface and not whether it is true.")
    return sentence("{rate} of the summaries fail at least one output check.", rate=number(found.value, "rate"))


def _splits(result: Cited, by: str) -> bool:
    return len([group for group in result.groups if group.by.raw == by]) > 1


def chart(result: Cited) -> Markup:
    """Return the pooled scores as a chart."""
    known = _best_known(result)
    rows = [(METRICS[name][0], found) for name, found in known.items() if name in ROUGE]
    if not rows:
        return Markup()
    finding = (
        sentence("ROUGE-L lies within {among}", among=interval(known["rougeL"], "score"))
        if "rougeL" in known.raw and known["rougeL"].low.raw is not None
        else "Too few dialogues for an interval of the scores"
    )
    recorded = "" if known.address == result.scores.address else "recorded answers of this system, "
    return points(
        "scores-chart",
        finding,
        sentence(
            "{recorded}mean over {n} dialogues with its 95 % interval",
            recorded=recorded,
            n=number(rows[0][1].n, "count"),
        ),
        rows,
        unit="score",
        by="Metric",
    )


def _reading(difference: Cited) -> Markup:
    low, high = difference.low.raw, difference.high.raw
    if low is None or high is None:
        return sentence("One dialogue does not show whether another reference would score higher.")
    if low > 0:
        return sentence(
            "The summaries share more with a reference than references share with one another: beyond this, a higher "
            "ROUGE-L shows no better summary. Facts and failures must tell."
        )
    if high < 0:
        return sentence("Another reference would score higher: there is room for a better ROUGE-L.")
    return sentence(
        "At this n, ROUGE-L does not tell the summaries from another reference: what is wrong with them, facts and "
        "failures must tell."
    )
