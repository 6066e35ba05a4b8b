"""``helpers score``: the scores of a file of predictions, with intervals, groups, baseline and failures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.cli.arguments import write_text
from helpers.core.errors import InputError
from helpers.core.paths import DATA
from helpers.samples.predictions import PredictionColumns, PredictionFile, check_predictions, read_pairs
from helpers.scorers import MAX_WORDS, NEED_DIALOGUE, SampleScore, SemanticFailure, score_all, signature
from helpers.scorers.aggregate import Scores, aggregate, compare
from helpers.scorers.semantic import Models, Semantics, semantic_scores
from helpers.stats.comparison import Paired

EXAMPLE = DATA / "example_predictions.csv"


class ScoreReport(Scores):
    """What ``helpers score --json`` writes; failures hold the kinds that could be judged."""

    signature: str
    groups: dict[str, Scores]
    baseline: Scores | None
    paired: dict[str, Paired]
    not_measured: dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers score``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
A row without a prediction scores 0 and counts as 'empty'; a prediction over {MAX_WORDS:,} words scores 0
and counts as 'too_long'. A row without a reference, a doubled id or text that is not UTF-8 is refused by its
row number. A row may have fewer references than others; in JSON Lines a reference column may hold a list.
Rows without --id are named by their number.

Example, two references per row and groups ({EXAMPLE.name} comes with the package):
  helpers score {EXAMPLE} --id id --prediction summary \\
    --reference reference --reference reference_2 --dialogue dialogue --group domain --baseline baseline
"""
    parser.add_argument("file", type=Path, metavar="FILE.csv|jsonl")
    parser.add_argument("--prediction", required=True, metavar="COL", help="the summaries to score")
    parser.add_argument(
        "--reference", required=True, action="append", metavar="COL", help="repeatable; the best one counts"
    )
    parser.add_argument("--id", metavar="COL", help="names of the rows, all different")
    parser.add_argument("--dialogue", metavar="COL", help="enables the checks that need the input")
    parser.add_argument("--group", metavar="COL", help="scores also by the values of this column")
    parser.add_argument("--baseline", metavar="COL", help="another system's predictions, compared row by row")
    parser.add_argument("--key-facts", metavar="COL", help="what must be said: a list, or 'fact; fact', each 'a|b|c'")
    parser.add_argument("--embedding-model", metavar="DIR", help="a sentence-embedding model: semantic similarity")
    parser.add_argument("--bertscore-model", metavar="DIR", help="an encoder model: BERTScore")
    parser.add_argument("--bertscore-layer", type=int, metavar="N", help="the layer BERTScore reads (default: last)")
    parser.add_argument("--json", metavar="OUT", help="write the report here as JSON (- for standard output)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: all cores")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Score a file of predictions, print the report and return 0.

    Raises `InputError` for a file or an argument that cannot be used.
    """
    if args.processes < 1:
        raise InputError(f"--processes {args.processes}: give 1 or more")
    if args.json not in (None, "-") and not Path(args.json).parent.is_dir():
        raise InputError(f"--json {args.json}: no such folder; create it first")
    columns = PredictionColumns(
        prediction=args.prediction,
        references=tuple(args.reference),
        id=args.id,
        dialogue=args.dialogue,
        group=args.group,
        key_facts=args.key_facts,
        baseline=args.baseline,
    )
    checked = check_predictions(args.file, columns)
    models = Models(args.embedding_model, args.bertscore_model, args.bertscore_layer)
    scores, meant = _score(args.file, columns, args.prediction, checked.n, args.processes, models)
    baseline = _score(args.file, columns, args.baseline, checked.n, args.processes, models)[0] if args.baseline else []
    report = summarise(scores, baseline, checked, columns, meant, seed=args.seed)
    text = json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
        return 0
    if args.json:
        write_text("--json", Path(args.json), text)
    print(as_text(report))
    return 0


def summarise(
    scores: Sequence[SampleScore],
    baseline: Sequence[SampleScore],
    checked: PredictionFile,
    columns: PredictionColumns,
    meant: Semantics,
    *,
    seed: int = 0,
) -> ScoreReport:
    """Return the report over the scores of all rows and of the baseline (or none), in the file's order."""
    not_measured = {}
    if columns.dialogue is None:
        unread = ("compression", "novel_unigrams", "novel_bigrams", *NEED_DIALOGUE)
        not_measured = dict.fromkeys(map(str, unread), "no --dialogue column")
    if columns.key_facts is None:
        not_measured["key_fact_recall"] = "no --key-facts column"
    not_measured |= meant.not_measured

    def means(of: Sequence[SampleScore]) -> Scores:
        found = aggregate(of)
        judged = {kind: count for kind, count in found.failures.items() if kind not in not_measured}
        return found.model_copy(update={"failures": judged})

    by_group: dict[str, list[SampleScore]] = {}
    for group, score in zip(checked.groups, scores, strict=bool(checked.groups)):
        by_group.setdefault(group, []).append(score)
    total = means(scores)
    return ScoreReport(
        **dict(total),
        signature="|".join(
            filter(None, [signature(checked.references, total.metrics["rouge1"].method), meant.signature])
        ),
        groups={group: means(by_group[group]) for group in sorted(by_group)},
        baseline=means(baseline) if baseline else None,
        paired=compare(scores, baseline, seed=seed) if baseline else {},
        not_measured=not_measured,
    )


def as_text(report: ScoreReport) -> str:
    """Return the report for a terminal."""
    lines = [f"{report.n} predictions   {report.signature}", "", *_table("all", report)]
    for group, scores in report.groups.items():
        lines += ["", *_table(f"group {group} (n = {scores.n})", scores)]
    if report.baseline:
        lines += ["", *_table("baseline", report.baseline), ""]
        lines.append(f"{'prediction - baseline':24} {'mean':>7}   95 % interval                p")
        for metric, d in report.paired.items():
            interval = f"{_signed(d.low)} to {_signed(d.high)}"
            lines.append(f"{metric:24} {_signed(d.difference)}   {interval}   {_number(d.p_value)}")
    reasons: dict[str, list[str]] = {}
    for name, reason in report.not_measured.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"not measured: {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return "\n".join(lines)


def _score(
    path: Path, columns: PredictionColumns, prediction: str, n: int, processes: int, models: Models
) -> tuple[list[SampleScore], Semantics]:
    from tqdm import tqdm

    with tqdm(total=n, desc=prediction, unit="row", file=sys.stderr, disable=None) as bar:
        scores = score_all(read_pairs(path, columns, prediction), processes, progress=bar.update)
    for score in scores:
        if SemanticFailure.TOO_LONG in score.failures:
            name = f"id {score.id}" if columns.id else f"row {score.id}"
            text = f"'{prediction}' is over {MAX_WORDS:,} words: scored 0, counted as too_long"
            print(f"{path.name} {name}: {text}", file=sys.stderr)
    pairs = read_pairs(path, columns, prediction)
    texts = [(pair.summary, pair.references) for pair in pairs] if models.embedding or models.bertscore else []
    meant = semantic_scores([summary for summary, _ in texts], [references for _, references in texts], models)
    for name, values in meant.values.items():
        scores = [score.model_copy(update={name: v}) for score, v in zip(scores, values, strict=True)]
    return scores, meant


def _table(title: str, scores: Scores) -> list[str]:
    lines = [f"{title:24} {'mean':>7}   95 % interval"]
    for metric, m in scores.metrics.items():
        between = f"{_number(m.low)} to {_number(m.high)}" if m.low is not None else f"none: {m.note}"
        lines.append(f"{metric:24} {_number(m.value)}   {between}")
    found = [f"{kind} {count}" for kind, count in scores.failures.items() if count]
    return [*lines, f"failures: {', '.join(found) or 'none'}"]


def _number(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:7.4f}"


def _signed(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:+7.4f}"
