"""The decision on the front page: what is met and what nothing judges, or what has to become better first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from helpers.report.views.decision import _in_the_way, _met, next_steps
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import Results
from helpers.verdicts.targets import Judgement
from tests.unit.report.components.test_tiles import judged

RUN: Any = SimpleNamespace(results=Results)


def text(html: str) -> str:
    return " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())


def cited(*rows: dict[str, Any]) -> Cited:
    return Cited(Judgement(rows=tuple(judged(**row) for row in rows)), "results/judged.json")


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["usable_summaries"], "No target covers latency, reliability or cost."),
        (["usable_summaries", "time_to_first_token", "error_rate"], "No target covers cost."),
        (["average_latency", "success_rate", "cost_per_1000_tokens"], ""),
    ],
)
def test_what_ships_says_what_no_target_judges(targets: list[str], told: str) -> None:
    said = text(_met(cited(*({"name": name, "label": name, "verdict": "met"} for name in targets))))
    assert said.startswith(f"Every target is shown to be met: {', '.join(targets)} .")
    assert (told in said) if told else ("No target judges" not in said)


def test_what_is_missed_comes_before_more_dialogues() -> None:
    rows = cited({"verdict": "missed"}, {"label": "Another", "verdict": "undecided"})
    assert "Average latency 4.0 s (≤ 3.00 s )" in text(_in_the_way(rows))
    assert [text(step)[:40] for step in next_steps(RUN, rows)] == ["More dialogues alone cannot lift HOLD: w"]
    assert next_steps(RUN, cited({"verdict": "undecided"})) == []
