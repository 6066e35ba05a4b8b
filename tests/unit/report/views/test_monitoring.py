"""The states of the alerts over the time of a log."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup

from helpers.monitoring.alerts import MOST_CHANGES, shortened, watch
from helpers.monitoring.series import from_records
from helpers.params import Alerts
from helpers.report.views.monitoring import states_over_time
from helpers.runs.results.cited import Cited
from tests.logs import attempt, traffic
from tests.unit.monitoring.test_alerts import RULE


def test_the_strip_of_a_log_follows_its_timeline_and_ends_where_it_is_cut() -> None:
    def alerted(records: list[Any], **more: object) -> Cited:
        rules = Alerts.model_validate({"error_rate": RULE | {"above": 0.2} | more})
        return Cited(shortened(watch(from_records(records), rules)), "results/alerts.json")

    once = alerted([*traffic(0, 10), *traffic(10, 25, kind="timeout"), *traffic(25, 60)])
    strip = BeautifulSoup(states_over_time(once), "html.parser")
    assert strip.select_one(".finding").get_text() == "Fired: rule"  # type: ignore[union-attr]
    assert [row.get_text(" ").split()[-3] for row in strip.select("tbody tr")] == [
        "quiet",
        "pending",
        "firing",
        "resolved",
    ]
    flapping = [attempt(at, kind="timeout" if at // 20 % 2 else "ok") for at in range(6000)]
    cut = alerted(flapping, window=5, hold=0)
    assert len(cut.timeline) == MOST_CHANGES
    assert cut.raw.listed_until < cut.raw.seconds
    lane = BeautifulSoup(states_over_time(cut), "html.parser").select_one(".lane")
    assert lane is not None
    assert "var(--rule)" not in str(lane["style"]), "what was before the first change that is listed is not known"
    assert "drawn as far as the table of changes goes" in states_over_time(cut)
