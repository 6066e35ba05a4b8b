"""Runs whose summaries are explored, made without asking anybody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.core.paths import DATA
from helpers.report.components.page import Frame, Link
from helpers.report.views import explorer
from helpers.runs.results.sample_eval import Checked, SampleEval, Scored
from helpers.runs.results.store import write_result
from helpers.runs.run import Run
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection
from helpers.stats.intervals import rate
from tests.review_runs import finished_run

FRAME = Frame(nav=[Link("02-sample-eval.html", "Quality")], current="02-summaries.html")
TALK = "Ana: Shall we meet at 3?\nBen: No, make it 4, I'm late.\nAna: Fine, I'll bring the cake."
#: The one check that may not speak against a summary here.
SHOWN_BESIDE = FaithfulnessCheck.AT_ODDS


def scored(id: str, summary: str | None = "Ana and Ben meet at 4.", **fields: Any) -> Scored:
    """Return one dialogue with its summary, as it is measured."""
    fixed: dict[str, Any] = {"domain": "friends", "length": "short", "truncated": False, "dialogue": TALK}
    rest = {"references": ("Ana and Ben will meet at 4.",), "scores": {"rougeL": 0.5, "key_fact_recall": 0.5}}
    return Scored(**{"id": id, "summary": summary} | fixed | rest | fields)


def objection(check: str, words: str) -> Objection:
    return Objection(check=FaithfulnessCheck(check), strength=5.0, words=words)


def run_of(folder: Path, rows: Sequence[Scored]) -> Run:
    """Return a finished run with these summaries."""
    run = finished_run(folder, "run", {})
    checks = tuple(
        Checked(check=check, judged=check != SHOWN_BESIDE, found=0, rate=rate(0, len(rows)))
        for check in FaithfulnessCheck
    )
    result = SampleEval(page="02", asked=len(rows), answered=len(rows), samples=tuple(rows), checks=checks)
    write_result(run.directory / "results", result)
    return run


def explored(run: Run) -> str:
    """Return the page of all summaries of a run that has one."""
    html = explorer.page(run, FRAME)
    assert html is not None
    return html


def result_tree(run: Run) -> dict[str, Any]:
    return {"results/02.json": json.loads((run.directory / "results" / "02.json").read_text())}


def corpus_rows(n: int) -> list[Scored]:
    """Return so many dialogues of the bundled corpus, a reference as the summary of each, some of them damaged."""
    rows = [
        json.loads(line)
        for part in ("demo", "test", "validation", "train")
        for line in (DATA / "corpus" / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found = []
    for place in range(n):
        row, again = rows[place % len(rows)], place // len(rows)
        summary, failures = row["summaries"][again % 2], ()
        if place % 10 == 3:
            summary, failures = summary[:60], ("cut_off",)
        elif place % 10 == 6:
            summary, failures = f"{summary} Zoltan pays 977.", ("unknown_person", "unspoken_number")
        told = {name: row[name] for name in ("domain", "length", "dialogue")}
        scores = {"rougeL": place * 7919 % 1009 / 1009, "key_fact_recall": place % 7 / 7}
        texts = {"references": tuple(row["summaries"]), "facts_missed": tuple(row["key_facts"][:2])}
        found.append(scored(f"{row['id']}-{again}", summary, failures=failures, scores=scores, **told, **texts))
    return found
