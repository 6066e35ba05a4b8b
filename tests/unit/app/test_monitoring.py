"""What the app says of the alert rules over one session's requests, up to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from helpers.app.client import Answered
from helpers.app.monitoring import alerts_html
from helpers.params import Alerts
from helpers.params.files import load_params
from helpers.runs.request_log import Record
from tests.unit.app.test_html import EVIL

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def slow(n: int) -> list[Answered]:
    """Return answers that took four seconds each, one every five."""
    records = [
        Record(
            request=str(place), attempt=1, page="app", phase="steady", sample="dialogue", kind="ok", settings="",
            started_at=NOON + timedelta(seconds=5 * place), service_time=4.0,
        )
        for place in range(n)
    ]  # fmt: skip
    return [Answered("", record=record, request=record.request) for record in records]


def test_states_follow_the_clock_without_another_request() -> None:
    alerts = load_params("demo").alerts
    assert alerts.latency_p50
    only = Alerts(latency_p50=alerts.latency_p50.model_copy(update={"label": EVIL}))
    states = {after: alerts_html(slow(6), only, NOON + timedelta(seconds=after)) for after in (20, 35, 100)}
    assert "not enough data" in alerts_html([], only, NOON)
    assert "? pending" in states[35]
    assert "✗ firing" in states[100]
    assert "4.00\xa0s" in states[100]
    assert "<img" not in states[100]
    assert alerts_html(slow(6), Alerts(), NOON) == ""
