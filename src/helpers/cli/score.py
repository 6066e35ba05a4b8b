"""``helpers score``: the scores of a file of predictions, with intervals, groups, baseline and failures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import get_args

from helpers.cli.arguments import add_reading, check_other, write_text
from helpers.core.console import say, shown, tell
from helpers.core.errors import InputError
from helpers.core.text import spell
from helpers.experiments.prediction_scores import EXAMPLE, ScoreReport, add_meaning, score_file, summarise
from helpers.samples.predictions import PredictionColumns, PredictionFile
from helpers.samples.readers import name_of
from helpers.scorers.aggregate import Scores
from helpers.scorers.planted import PlantedKind
from helpers.scorers.rouge import MAX_PAIRS
from helpers.scorers.semantic import Models
from helpers.scorers.sensitivity import ErrorSensitivity, sensitivity, true_summaries
from helpers.scorers.words import Tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers score``."""
    parser.epilog = f"""\
FILE is CSV (comma, semicolon or tab), JSON Lines, JSON or Parquet, also .gz; - reads it from standard input. An empty
prediction scores 0 and counts as 'empty'; the strings nan, None, NULL and N/A do so as
'missing_value'; one whose words times those of a reference are over {MAX_PAIRS:,} as 'too_long'. A row that
cannot be used (no reference, no word in it, a missing cell) is set aside and counted; --strict refuses the file, and
doubled ids or columns always do. A row may have fewer references than others; a reference cell may hold a list. Rows
without --id are named by their number.

Example, two references per row and groups ({EXAMPLE.name} comes with the package):
  python -m helpers score {shown(EXAMPLE)} --id id --prediction summary \\
    --reference reference --reference reference_2 --dialogue dialogue --group domain --baseline baseline
"""
    parser.add_argument("file", metavar="FILE|-")
    parser.add_argument("--prediction", required=True, metavar="COL", help="the summaries to score")
    parser.add_argument(
        "--reference", required=True, action="append", metavar="COL", help="repeatable; the best one counts"
    )
    parser.add_argument("--id", metavar="COL", help="names of the rows, all different")
    parser.add_argument("--dialogue", metavar="COL", help="enables the checks that need the input")
    parser.add_argument("--group", metavar="COL", help="scores also by the values of this column")
    parser.add_argument("--baseline", metavar="COL", help="another system's predictions, compared row by row")
    parser.add_argument("--key-facts", metavar="COL", help="what must be said: a list, or 'fact; fact', each 'a|b|c'")
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="also say what each metric and check notices of errors planted in the references (needs --dialogue)",
    )
    parser.add_argument("--embedding-model", metavar="DIR", help="a sentence-embedding model: semantic similarity")
    parser.add_argument("--bertscore-model", metavar="DIR", help="an encoder model: BERTScore")
    parser.add_argument("--nli-model", metavar="DIR", help="an NLI model: what the turns entail (needs --dialogue)")
    parser.add_argument("--bertscore-layer", type=int, metavar="N", help="the layer BERTScore reads (default: last)")
    parser.add_argument(
        "--tokenizer",
        choices=get_args(Tokenizer),
        default="unicode",
        help="what ROUGE takes for words: those of any script (default), equal to rouge_score's where a text has no "
        "letter beyond a-z; or rouge_score's alone",
    )
    add_reading(parser)
    parser.add_argument("--json", metavar="OUT", help="write the report here as JSON (- for standard output)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: all cores")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Score a file of predictions, print the report and return 0.

    Raises `InputError` for a file or an argument that cannot be used.
    """
    if args.processes < 1:
        raise InputError(f"--processes {args.processes}: give 1 or more")
    if args.sensitivity and args.dialogue is None:
        raise InputError("--sensitivity: errors are planted by the dialogue; give --dialogue COL")
    if args.nli_model and args.dialogue is None:
        raise InputError("--nli-model: it asks what the dialogue entails; give --dialogue COL")
    if args.json not in (None, "-") and not Path(args.json).parent.is_dir():
        raise InputError(f"--json {args.json}: no such folder; create it first")
    if args.json not in (None, "-"):
        check_other("--json", Path(args.json), [args.file])
    from tqdm import tqdm

    columns = PredictionColumns(
        prediction=args.prediction,
        references=tuple(args.reference),
        id=args.id,
        dialogue=args.dialogue,
        group=args.group,
        key_facts=args.key_facts,
        baseline=args.baseline,
    )
    file = PredictionFile(args.file, columns, args.encoding, args.strict, args.tokenizer)
    if args.strict:
        file.check()
    with tqdm(unit="row", file=sys.stderr, disable=None) as bar:
        scored = score_file(file, args.processes, bar.update)
    models = Models(args.embedding_model, args.bertscore_model, args.bertscore_layer, args.nli_model)
    meant = add_meaning(scored, file, models)
    report = summarise(scored, file, meant, seed=args.seed)
    if args.sensitivity:
        report = report.model_copy(update={"sensitivity": _sensitivity(file, models)})
    for line in report.input.lines():
        say(line)
    text = json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if args.json == "-":
        tell(text.rstrip("\n"))
        return 0
    tell(as_text(report))
    if args.json:
        write_text("--json", Path(args.json), text)
    return 0


def as_text(report: ScoreReport) -> str:
    """Return the report for a terminal."""
    counted = f"{report.n} prediction{'' if report.n == 1 else 's'}"
    lines = [counted, f"signature of the scores: {report.signature}", "", *_table("all", report), *_failing(report)]
    for group, scores in report.groups.items():
        lines += ["", *_table(f"group {group} (n = {scores.n})", scores)]
    if report.baseline:
        lines += ["", *_table("baseline", report.baseline), ""]
        lines.append(f"{'prediction - baseline':24} {'mean':>7}   95 % interval                p")
        for metric, d in report.paired.items():
            interval = f"{_signed(d.low)} to {_signed(d.high)}"
            lines.append(f"{metric:24} {_signed(d.difference)}   {interval}   {_number(d.p_value)}")
    if report.tokenizer.rouge_score_sees < 1:
        sees = spell(report.tokenizer.rouge_score_sees, "rate")
        lines += ["", f"words: {report.tokenizer.name}; rouge_score's own tokeniser sees {sees} of letters and digits"]
    if report.sensitivity:
        lines += ["", *_noticed(report.sensitivity)]
    reasons: dict[str, list[str]] = {}
    for name, reason in report.not_measured.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"not measured: {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return "\n".join(lines)


def _sensitivity(file: PredictionFile, models: Models) -> ErrorSensitivity:
    rows = ((row.id, row.dialogue or "", row.references, row.key_facts) for row in file.rows())
    return sensitivity(true_summaries(rows), f"the references of {name_of(file.source)}", models)


def _noticed(found: ErrorSensitivity) -> list[str]:
    """Return the table of planted errors: share noticed by kind, the ranking of metrics in brackets."""
    kinds = [kind for kind in PlantedKind if kind.value not in found.not_measured]
    lines = [
        f"share of planted errors noticed, in {found.dialogues} dialogues ({found.source}); [ranked below the true one]"
    ]
    for row in found.rows:
        alarms = row.false_alarms
        lines.append(
            f"{row.name}: false alarms {_number(alarms.value)} ({_number(alarms.low)} to {_number(alarms.high)})"
        )
        for kind in kinds:
            rate, rank = row.detection[kind], row.ranked.get(kind)
            ranked = f"   [{_number(rank.value).strip()}]" if rank else ""
            lines.append(f"  {kind:22} {_number(rate.value)}   {_number(rate.low)} to {_number(rate.high)}{ranked}")
    return [*lines, *(f"not measured: {name}: {reason}" for name, reason in found.not_measured.items())]


def _table(title: str, scores: Scores) -> list[str]:
    lines = [f"{title:24} {'mean':>7}   95 % interval"]
    for metric, m in scores.metrics.items():
        between = f"{_number(m.low)} to {_number(m.high)}" if m.low is not None else f"none: {m.note}"
        lines.append(f"{metric:24} {_number(m.value)}   {between}")
    found = [f"{kind} {count}" for kind, count in scores.failures.items() if count]
    return [*lines, f"failures: {', '.join(found) or 'none'}"]


def _failing(report: ScoreReport) -> list[str]:
    """Return the names of the first predictions that fail each check."""
    lines = []
    for kind, names in report.failing.items():
        more = ", …" if report.failures[kind] > len(names) else ""
        lines.append(f"  {kind}: {', '.join(names)}{more}")
    return lines


def _number(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:7.4f}"


def _signed(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:+7.4f}"
