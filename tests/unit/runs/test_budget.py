"""The estimate before the first remote request."""

from datetime import UTC, datetime, timedelta

from helpers.params.files import load_params
from helpers.runs.budget import announcement, judge_announcement, planned_requests, spent
from helpers.runs.manifest import Manifest

PAGES, URL = ("01", "02", "03", "04", "05", "06"), "https://endpoint.example"


def test_the_estimate_names_requests_minutes_dollars_and_bounds() -> None:
    params = load_params("endpoint", ["measure.repeats=4", "endpoint.expected_seconds=3.6"])
    # 10 dialogues × 4 repeats + 2 warm-ups + 20 checks + 6 settings × 8 dialogues × 1 round = 110 requests of 3.6 s
    assert planned_requests(params, 10, PAGES, URL) == {"01": 22, "02": 10, "03": 78}
    assert announcement(params, 10, PAGES, URL) == (  # an hour of x8 costs 0.268
        "about 110 requests (by page: 01: 22, 02: 10, 03: 78), 6.6 minutes, $0.029; "
        "it stops at $1.00, 500 requests, 60 minutes"
    )
    fewer = load_params("endpoint", ["measure.repeats=4", "settings.tried=[]"])
    assert planned_requests(fewer, 10, PAGES, URL) == {"01": 22, "02": 10, "03": 30}
    assert planned_requests(fewer, 10, ["03"], URL) == {"03": 40}
    free = load_params("endpoint", ["budget={}"])
    assert announcement(free, 10, PAGES, URL).endswith("no budget bounds it")
    assert planned_requests(load_params("replay"), 10, PAGES, None) == {}
    changed = ["robustness.dialogues=4", "robustness.changes=[renamed, typos]"]
    assert planned_requests(load_params("endpoint", changed), 10, ["02"], URL) == {"02": 10 + 4 * 2}
    assert planned_requests(load_params("endpoint", changed), 3, ["02"], URL) == {"02": 3 + 3 * 2}
    by_workers = ["execution.engine=dask", "budget={}", *changed]
    assert planned_requests(load_params("endpoint", by_workers), 10, ["02"], URL) == {"02": 10}


def test_a_server_on_this_machine_bills_nothing() -> None:
    params = load_params("chat", ["budget.usd=0.000001"])
    told = announcement(params, 10, PAGES, params.endpoint.url)
    assert "no bill, as it runs on this machine" in told
    manifest = Manifest(run="r", command="c", started_at=datetime.now(UTC) - timedelta(hours=1))
    assert spent(params, manifest, 1) == ""
    elsewhere = load_params("chat", ["budget.usd=0.000001", "endpoint.url=https://a.example/v1"])
    assert spent(elsewhere, manifest, 1) == "budget.usd=1e-06 is spent"


def test_the_judge_is_announced_with_its_bound_and_with_what_it_sees() -> None:
    judge = ["scoring.judge.served_model=m", "scoring.judge.requests=400"]
    told = judge_announcement(load_params("demo", judge), 10, "https://judge.example/v1")
    assert told.startswith("up to 400 requests to the judge at judge.example (330 to qualify, ")
    assert "sees these dialogues" in told
    private = judge_announcement(load_params("endpoint", judge), 10, "https://judge.example/v1")
    assert private == "the judge is not asked: privacy.text is 'hash', scoring.judge.send_private is false"


def test_load_is_part_of_the_estimate_where_it_may_be_sent() -> None:
    told = ["load.rates=[0.5, 4]", "load.seconds=10", "load.repeats=2", "load.count=20", "endpoint.expected_seconds=1"]
    params = load_params("endpoint", told)
    assert "05" not in planned_requests(params, 10, PAGES, URL)
    assert planned_requests(params, 10, PAGES, "http://127.0.0.1:8080")["05"] == 50
    allowed = load_params("endpoint", [*told, "load.allow_remote=true"])
    assert planned_requests(allowed, 10, ["05"], URL) == {"05": 50}  # 2 × (5 in 10 s and, of 40, 20 in 20 s)
    assert announcement(allowed, 10, ["05"], URL).startswith("about 50 requests (by page: 05: 50), 1.0 minutes, ")
