"""Page 07 cites every figure, escapes what the file says, and says so where there is no file."""

from pathlib import Path
from typing import Any

import pytest

from helpers.experiments import publication_audit as experiment
from helpers.params.files import load_params
from helpers.report.views import publication_audit as view
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from tests.page_checks import broken_links, loose_digits, repeated_ids, results_tree, wrong_citations
from tests.unit.experiments.test_publication_audit import CPU, TRAFFIC, audit


def test_without_published_claims_it_says_so(tmp_path: Path) -> None:
    result = Run(tmp_path, load_params("demo", ["claims=null"]), measuring=True).measured(experiment)
    assert "'claims' names no file" in result.reason.raw
    assert "Not measured" in view.answer(result)
    assert [part(result) for part in (view.latencies, view.claims, view.limitations)] == ["", "", ""]


@pytest.mark.parametrize("changes", [{}, {"targets__average_latency_s__max": 3.1}, {TRAFFIC: 2000, CPU: "T4"}])
def test_the_page_cites_every_figure(tmp_path: Path, changes: dict[str, Any]) -> None:
    result = Cited(audit(tmp_path, **changes), "results/07.json")
    html = "".join((view.answer(result), view.latencies(result), view.claims(result), view.limitations(result)))
    assert loose_digits(html) == []
    assert wrong_citations(html, results_tree(tmp_path)) == []
    assert broken_links({"07.html": html}) == []
    assert repeated_ids(html) == []
    assert html.count('class="why"') + html.count("class='why'") == len(result.claims)


def test_what_the_file_says_is_escaped(tmp_path: Path) -> None:
    result = Cited(audit(tmp_path, endpoint__memory_described_as="<b>VRAM</b>"), "results/07.json")
    assert "&lt;b&gt;VRAM" in view.claims(result)
    assert "<b>" not in view.claims(result)
