"""What the app says of the summaries themselves: what readers found, or that nobody has read any."""

from __future__ import annotations

from pathlib import Path

from helpers.app.quality import checks_worth_html, quality_html
from helpers.experiments.sensitivity import read_shipped
from helpers.params.files import load_params
from tests.unit.app.test_html import EVIL


def test_the_readings_that_come_with_a_model_are_shown_with_the_targets(tmp_path: Path) -> None:
    html = quality_html(load_params("demo"), tmp_path)
    assert "<strong>Usable summaries</strong>: 3.3\xa0% (0.4\xa0% to 11.5\xa0%)" in html
    assert "Summaries without a false statement</strong>" in html
    assert html.count("the target is at least 90\xa0%") == 2
    assert "Of 60 recorded summaries of this model, read by a language model" in html


def test_a_model_that_nobody_has_read_needs_a_review(tmp_path: Path) -> None:
    html = quality_html(load_params("endpoint", [f"targets.usable_summaries.label='{EVIL}'"]), tmp_path)
    assert "these need a review" in html
    assert html.count("not known; the target is at least 90\xa0%") == 2
    assert "helpers review RUN" in html
    assert "<img" not in html
    silent = load_params("endpoint", ["targets.usable_summaries=null", "targets.faithful_summaries=null"])
    assert quality_html(silent, tmp_path) == ""


def test_what_the_checks_are_worth_is_counted_from_the_readings_and_cited_from_the_table(tmp_path: Path) -> None:
    shipped = read_shipped()
    assert shipped
    html = checks_worth_html(load_params("demo"), tmp_path, shipped.found)
    assert "that a language model found false, they flag 20; of the 3 others none." in html
    assert "Of 57 recorded summaries" in html
    assert "they flag 4.5\xa0% (2.8\xa0% to 6.9\xa0%)" in html
    assert "never show a summary to be right" in html
    assert "found false" not in checks_worth_html(load_params("endpoint"), tmp_path, None)
