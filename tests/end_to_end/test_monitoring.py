"""Page 06 over a scripted log: complete, cited, and judged again when the rules change."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Report
from tests.logs import BEGAN, attempt, traffic, write_log
from tests.page_checks import loose_digits, remote_references, repeated_ids, wrong_citations


@pytest.mark.slow
def test_the_page_of_a_log_is_cited_and_follows_the_rules(helpers: Report, tmp_path: Path) -> None:
    said: dict[str, Any] = {"summary": "Ann left.", "tokens": (400, 40), "stream": (3.0, 0.05)}
    slow = [attempt(at, 5.0, sample=f"<b>{at % 12}", **said) for at in range(400, 700)]
    said |= {"stream": (0.2, 0.02)}
    early = [attempt(at, sample=f"<b>{at % 12}", **said | {"tokens": (100 + at % 7, 20)}) for at in range(400)]
    looks = [{"at": (BEGAN + timedelta(seconds=at)).isoformat(), "gpu_use": 0.5} for at in range(0, 700, 5)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, looks)))
    log = write_log(tmp_path / "log.jsonl", [*early, *slow, *traffic(700, 720, kind="timeout")])
    done = helpers("report", "params/replay.yaml", "--only", "06", "--set", f"monitoring.logs=[{log}]")
    assert done.code == 0, done.told
    html, tree = done.page("06-monitoring"), json.loads((done.out / "results.json").read_text())
    assert remote_references(html) == repeated_ids(html) == loose_digits(html) == wrong_citations(html, tree) == []
    assert len(html.encode()) < 200_000
    rules = {rule["name"]: rule for rule in tree["results/alerts.json"]["rules"]}
    assert (rules["latency_p50"]["state"], rules["gpu_utilisation"]["state"]) == ("firing", "quiet")
    assert (rules["time_to_first_token"]["state"], rules["inter_token_latency"]["state"]) == ("firing", "quiet")
    assert "Time to first token, p95" in html
    assert "time between tokens, p99" in html
    assert "use of the GPU, highest" in html
    drifts = {row["name"]: row for row in done.result("06")["drift"]}  # type: ignore[attr-defined, index]
    assert (drifts["input_tokens"]["verdict"], drifts["rouge_l"]["verdict"]) == ("drifted", "not enough data")
    assert done.result("06")["errors"] == {"timeout": 20}
    again = helpers("render", str(done.run), "--set", "alerts.latency_p50.above=9", "--out", str(tmp_path / "again"))
    assert again.code == 0, again.told
    later = json.loads((tmp_path / "again" / "results.json").read_text())
    assert later["results/alerts.json"]["rules"][0]["fired"] == 0
    assert later["results/06.json"] == tree["results/06.json"]
