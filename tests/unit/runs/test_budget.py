"""The estimate before the first remote request."""

from helpers.params.files import load_params
from helpers.runs.budget import announcement, planned_requests


def test_the_estimate_names_requests_minutes_dollars_and_bounds() -> None:
    params = load_params("endpoint", ["measure.repeats=4", "endpoint.expected_seconds=3.6"])
    # 10 dialogues × 4 repeats + 2 warm-ups + 20 checks + 6 settings × 8 dialogues × 1 round = 110 requests of 3.6 s
    assert planned_requests(params, 10) == 110
    assert announcement(params, 10) == (  # an hour of x8 costs 0.268
        "about 110 requests, 6.6 minutes, $0.029; it stops at $1.00, 500 requests, 60 minutes"
    )
    assert planned_requests(load_params("endpoint", ["measure.repeats=4", "settings.tried=[]"]), 10) == 62
    free = load_params("endpoint", ["budget={}"])
    assert announcement(free, 10).endswith("no budget bounds it")
    assert planned_requests(load_params("replay"), 10) == 0
