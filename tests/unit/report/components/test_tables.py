from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.report.components.tables import (
    SEVERITY,
    Column,
    actual,
    chip,
    collapsible,
    facts,
    overall,
    sample_size,
    table,
    tally,
    verdict_table,
)
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate
from helpers.verdicts.sample_size import PriceOfKnowing
from helpers.verdicts.targets import Judged

COLUMNS = [Column("Kind"), Column("Latency", unit="s", numeric=True, better="down")]


def soup(html: Markup) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def estimate(value: float | None = 1.874, **more: Any) -> Cited:
    ends = {"low": 1.4, "high": 2.3} if value is not None else {"low": None, "high": None}
    return Cited(Estimate(**{"value": value, "n": 10, "method": "student-t"} | ends | more), "f.json#/e")


def judged(verdict: str = "met", **more: Any) -> Cited:
    fields = {"name": "latency", "label": "Average <latency>", "unit": "s", "direction": "max", "threshold": 3.0}
    rest = {"estimate": estimate().raw, "verdict": verdict, "reason": "", "source": "us", "page": "03"}
    return Cited(Judged.model_validate(fields | rest | {"address": "f.json#/e"} | more), "f.json#/v")


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (["met", "not judged", "missed"], "missed"),
        (["met", "not measured"], "met"),
        (["not judged", "not measured"], "not measured"),
    ],
)
def test_verdicts_come_to_the_worst_that_was_judged(verdicts: list[str], told: str) -> None:
    assert overall(verdicts) == told
    cells = BeautifulSoup(tally(verdicts), "html.parser").select(".tally > span")
    assert cells[0]["class"] == [min(verdicts, key=SEVERITY.index).replace(" ", "-")]
    assert len(cells) == len(verdicts)


def test_table_has_caption_scopes_units_and_arrows() -> None:
    found = soup(table("Times & kinds", COLUMNS, [("warm", Markup("<data>1.20</data>"))], id="t", anchors=["r1"]))
    assert found.select_one("table#t > caption").get_text() == "Times & kinds"  # type: ignore[union-attr]
    heads = found.select("thead th[scope=col]")
    assert [head.get_text() for head in heads] == ["Kind", "Latency (s)\N{NO-BREAK SPACE}↓"]
    assert [head.get("class") for head in heads] == [None, ["num"]]
    row = found.select_one("tbody tr#r1")
    assert row is not None
    assert [(cell.name, cell.get("scope"), cell.get("class")) for cell in row.find_all(["th", "td"])] == [
        ("th", "row", None),
        ("td", None, ["num"]),
    ]
    region = found.select_one("div.scroll[role=region][tabindex='0']")
    assert region is not None
    assert region["aria-label"] == "Times & kinds"


def test_plain_cells_are_escaped_and_markup_is_kept() -> None:
    html = table("<c>", [Column("<h>", unit="<u>")], [("<x>",), (Markup("<b>y</b>"),)], note="<n>")
    assert [word for word in ("<c>", "<h>", "<u>", "<x>", "<n>") if word in html] == []
    assert "<b>y</b>" in html


def test_empty_table_says_so() -> None:
    found = soup(table("Failures", COLUMNS, [], id="failures", note="Of ten."))
    assert found.select("table") == []
    sentence = found.select_one("p#failures")
    assert sentence is not None
    assert sentence.get_text() == "Failures: none. Of ten."


def test_what_a_reader_cannot_compare_is_a_sentence() -> None:
    columns = [Column("Variant"), Column("Time", unit="s", numeric=True), Column("n", numeric=True), Column("Verdict")]
    rows = [("a", "1.0", "10", chip("met")), ("b", "–", "–", chip("not measured")), ("c", "2.0", "10", chip("met"))]
    found = soup(table("T", columns, rows))
    assert [row.get_text(" ") for row in found.select("tbody tr")] == ["a 1.0 10 ✓ met", "c 2.0 10 ✓ met"]
    note = found.select_one(".note")
    assert note is not None
    assert note.get_text() == "Not measured: b."
    more = soup(table("T", columns, [*rows, ("d", "3.0", "10", chip("met"))], note="Means."))
    assert [head.get_text() for head in more.select("thead th")] == ["Variant", "Time (s)"]
    assert more.select_one(".note").get_text("|", strip=True).startswith("Means.|The same in every row:|n|10;|Verdict")  # type: ignore[union-attr]
    silent = soup(table("Drift", columns, rows[1:2]))
    assert silent.get_text().strip() == "Drift: not measured: b."
    kept = soup(table("T", columns, rows, anchors=["x", "y", "z"]))
    assert len(kept.select("tbody tr")) == 3, "what something links to stays"


@pytest.mark.parametrize(
    ("rows", "anchors", "problem"),
    [
        ([("a",)], [], "a row of 1 cells under 2 columns: give one cell per column"),
        ([("a", "b")], ["x", "y"], "shorter than argument 1|longer than argument 1"),
    ],
)
def test_rows_must_fit(rows: list[tuple[str, ...]], anchors: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        table("T", COLUMNS, rows, anchors=anchors)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (estimate(), "1.87 s"),
        (estimate(None), "not measured"),
        (estimate(None, needs=36), "not measuredneeds n ≥ 36"),
        (estimate(None, needs=72, largest=4.71), "largest dialogue mean 4.71 sneeds n ≥ 72"),
    ],
)
def test_actual(found: Cited, text: str) -> None:
    assert actual(found, "s").striptags() == text


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "10 dialogues"),
        ({"n": 1, "requests": 3}, "1 dialogue3 requests"),
        ({"n": 9, "unit": "request", "requests": 9}, "9 requests"),
    ],
)
def test_sample_size_counts_dialogues_beside_requests(more: dict[str, Any], text: str) -> None:
    assert sample_size(estimate(**more)).striptags() == text


@pytest.mark.parametrize(
    ("verdict", "style", "text"),
    [
        ("met", "met", "✓met"),
        ("missed", "missed", "✗missed"),
        ("undecided", "undecided", "?undecided"),
        ("not measured", "not-measured", "–not measured"),
        ("informative", "informative", "·informative"),
    ],
)
def test_chip_is_word_glyph_and_colour(verdict: str, style: str, text: str) -> None:
    mark = soup(chip(verdict)).span
    assert mark is not None
    assert (mark["class"], mark.get_text()) == (["chip", style], text)


def test_verdict_row_reads_in_order_and_links_to_its_evidence() -> None:
    found = soup(verdict_table("Targets", [judged()], evidence={"latency": "#mean"}))
    assert [head.get_text() for head in found.select("thead th")] == [
        "Metric", "Target", "Actual", "Interval", "n", "Verdict",
    ]  # fmt: skip
    cells = [cell.get_text() for cell in found.select("tbody tr > *")]
    assert cells == [
        "Average <latency>\N{NO-BREAK SPACE}↓", "≤ 3.00 s", "1.87 s", "1.40 to 2.30 s", "10 dialogues", "✓met",
    ]  # fmt: skip
    assert [(link["href"], link.get_text()) for link in found.select("a")] == [("#mean", "1.87 s")]
    addresses = [data["data-from"] for data in found.select("data")]
    assert addresses[:2] == ["f.json#/v/threshold", "f.json#/v/estimate/value"]


@pytest.mark.parametrize(
    ("direction", "threshold", "unit", "target", "arrow"),
    [
        ("max", 3.0, "s", "≤ 3.00 s", "↓"),
        ("below", 1.0, "usd", "< $1.00", "↓"),
        ("min", 0.99, "rate", "≥ 99 %", "↑"),
        ("above", 0.0, "score", "> 0.000", "↑"),
        ("margin", -0.01, "score", "> −0.010", "↑"),
        ("none", None, "usd", "none", ""),
    ],
)
def test_targets_read_by_direction(direction: str, threshold: float | None, unit: str, target: str, arrow: str) -> None:
    row = judged(direction=direction, threshold=threshold, unit=unit)
    cells = soup(verdict_table("T", [row], evidence={})).select("tbody tr > *")
    assert cells[1].get_text() == target
    assert cells[0].get_text().removeprefix("Average <latency>").strip() == arrow


def test_a_row_in_doubt_says_why_and_what_knowing_costs() -> None:
    price = PriceOfKnowing(
        n=414,
        chance=0.8,
        low=1.4,
        high=3.2,
        available=10,
        command="helpers report <x> --set n=414",
        minutes=23.4,
        dollars=None,
    )
    more = {"price_of_knowing": price, "needs_run_on": "aws x8", "look": 2, "other_thresholds": (2.5,)}
    row = judged("undecided", reason="both <sides>", **more)
    found = soup(verdict_table("T", [row], evidence={}))
    why = found.select_one("tr.why")
    assert why is not None
    assert [part.get_text() for part in why.find_all("p")] == [
        "both <sides>",
        "Looked at before with another threshold: 2.50 s. This one is a question of its own.",
        "A look at 414 dialogues in all decides it with a chance of 80 %, averaged over what is left open (1.4 to "
        "3.2 s); their summaries take about 23 minutes: helpers report <x> --set n=414",
    ]
    assert [aside.get_text() for aside in found.select("td .aside")] == ["look 2 of 5", "needs a run on aws x8"]


def test_a_note_is_shown_even_when_met() -> None:
    row = judged(estimate=estimate(note="covers less in simulation").raw)
    assert "covers less in simulation" in verdict_table("T", [row], evidence={})


def test_facts_and_collapsible_escape() -> None:
    assert facts([("<a>", Markup("<code>b</code>"))]) == (
        '<dl class="facts">\n<div><dt>&lt;a&gt;</dt><dd><code>b</code></dd></div>\n</dl>'
    )
    assert collapsible("<s>", "<b>") == "<details><summary>&lt;s&gt;</summary>\n&lt;b&gt;\n</details>"
