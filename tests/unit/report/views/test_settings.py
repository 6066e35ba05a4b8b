"""What page 03 says of other settings, with every figure cited."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.report.views import settings as view
from helpers.runs.manifest import Manifest
from helpers.runs.results.cited import Cited
from helpers.runs.results.latency_cost import LatencyCost, SettingResult, SettingsSweep
from helpers.runs.results.store import Results
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate
from helpers.verdicts.compute import projection
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.verdicts.test_recommendation import LEAST, OWN, chosen, setting

MEASURED = {
    "rouge_l": Estimate(value=0.4, low=0.35, high=0.45, n=127, method="student-t"),
    "quality": Paired(difference=-0.02, low=-0.03, high=-0.015, n=127, margin=0.01),
    "facts": Paired(difference=-0.01, low=-0.04, high=0.02, n=127, margin=0.03),
    "faithful": Paired(difference=0.0, low=-0.06, high=0.06, n=127, margin=0.05),
    "p_loss": 1.0,
    "agreement": Estimate(value=0.5, low=0.4, high=0.6, n=127, method="clopper-pearson"),
    "speedup": Estimate(value=4.0, low=3.5, high=4.5, n=3, method="log-ratio"),
    "output_tokens": Estimate(value=32.0, low=30.0, high=34.0, n=3, method="student-t"),
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            [setting(OWN, 4.0, rouge_l=MEASURED["rouge_l"]), setting(LEAST, 1.0, **MEASURED)],
            ["The cheapest setting that meets the latency target of 3.00 s is 1 beam, 64 tokens, with 1.0 s a summary",
             "quality lost; the differences over 127 recorded answers: ROUGE-L −0.020 (−0.030 to −0.015)",
             "key-fact recall −0.010",
             "the share that passes the faithfulness checks +0.000 (−0.060 to +0.060)."],
        ),
        (
            [setting(OWN, 4.0, rouge_l=MEASURED["rouge_l"], recorded_by="transformers float32"),
             setting(LEAST, 1.0, **MEASURED, recorded_by="transformers float32")],
            ["the differences over 127 answers recorded by transformers float32: ROUGE-L",
             "All of these answers were recorded by transformers float32."],
        ),
        (
            [setting(OWN, 4.0, rouge_l=MEASURED["rouge_l"], recorded_by="openvino float16"),
             setting(LEAST, 1.0, **MEASURED, recorded_by="transformers float32")],
            ["127 answers recorded by transformers float32 and by openvino float16: ROUGE-L",
             "1 beam, 64 tokens: recorded by transformers float32."],
        ),
        ([setting(OWN, 1.0), setting(LEAST, None, failed=1, requests=1)],
         ["is 4 beams, 128 tokens", "It is the deployment's own", "1 of 1 requests failed"]),
        ([setting(OWN, 3.1), setting(LEAST, 2.9)], ["No setting is shown to meet",
                                                   "What it costs in quality is not measured"]),
        ([setting(OWN, 9.0)], ["No setting meets the latency target"]),
        ([], ["Not measured: other settings were not part of this run"]),
    ],
    ids=["worse", "recorded", "recorded by two", "own", "undecided", "missed", "nothing"],
)  # fmt: skip
def test_the_section_says_it_and_cites_every_figure(
    settings: list[SettingResult], said: list[str], tmp_path: Path
) -> None:
    made, params = chosen(*settings)
    fields = {"sweep": SettingsSweep(dialogues=3, rounds=1, settings=tuple(settings))} if settings else {}
    result = LatencyCost(page="03", **fields)
    run: Any = SimpleNamespace(
        params=params,
        samples=(),
        results=lambda upto: Results(latency_cost=result),
        manifest=Manifest(run="r1", command="again", started_at=datetime(2026, 11, 1, tzinfo=UTC)),
        directory=tmp_path,
    )
    cited = Cited(result, "results/03.json")
    parts = (view.answer(run, cited), view.speed(run, cited), view.quality(run, cited), view.trade(cited))
    html = "\n".join(parts)
    text = " ".join(_text(html).split())
    assert [words for words in said if words not in text] == []
    assert loose_digits(html) == []
    tree = {"results/03.json": json.loads(result.model_dump_json()),
            "results/settings_choice.json": json.loads(made.model_dump_json()),
            "results/cost.json": json.loads(projection(run).model_dump_json())}  # fmt: skip
    assert wrong_citations(html, tree) == []


def _text(html: str) -> str:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser").get_text()
