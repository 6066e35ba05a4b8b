"""The alert engine on scripted logs: the exact time of every change of state, for every rule."""

from __future__ import annotations

import dataclasses
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.monitoring.alerts import Alerted, watch
from helpers.monitoring.series import Series, from_records, load, save
from helpers.monitoring.windows import window_of
from helpers.params import Alerts, Rule
from helpers.runs.request_log import Record
from tests.logs import attempt, traffic, usage

RULE = {"label": "rule", "unit": "plain", "source": "test", "window": 10, "minimum": 4, "hold": 5, "hysteresis": 0.1}


def run(name: str, records: list[Record], load: list[tuple[float, float]] | None = None, **more: object) -> Alerted:
    rules = Alerts.model_validate({name: RULE | more})
    return watch(from_records(records, usage(load or [])), rules)


def steps(found: Alerted) -> list[tuple[str, float]]:
    return [(change.state, change.seconds) for change in found.timeline]


#: Requests end one second after they are sent. Ten seconds good, fifteen bad, then good again until the end.
BAD = [*traffic(0, 10), *traffic(10, 25, seconds=1.0, kind="timeout"), *traffic(25, 60)]


def slow(start: int, end: int) -> list[Record]:
    return [attempt(at - 3.0, 3.0) for at in range(start, end)]


CASES = {
    # 1 to 10 fast, 11 to 25 slow, 26 on fast. Over half of the last ten are slow from 16 (6 of 10), at most half
    # from 31 (5 of 10).
    "latency_p50": (
        [*traffic(0, 10), *slow(11, 26), *traffic(25, 60)],
        {"above": 2.5},
        [("quiet", 4.0), ("pending", 16.0), ("firing", 21.0), ("resolved", 30.0)],
    ),
    # One slow of at most ten is over the p99 at once, until the last slow one leaves, ten seconds after it ended.
    "latency_p99": (
        [*traffic(0, 10), *slow(11, 26), *traffic(25, 60)],
        {"above": 2.5},
        [("quiet", 4.0), ("pending", 11.0), ("firing", 16.0), ("resolved", 35.0)],
    ),
    # Errors at 11 to 25: above 20 % from the third of ten on, at most 18 % when one of ten is left.
    "error_rate": (BAD, {"above": 0.2}, [("quiet", 4.0), ("pending", 13.0), ("firing", 18.0), ("resolved", 34.0)]),
    # No answer from 11 to 25: below 0.5 a second when six of the window's ten seconds had none; back at 0.55 with six.
    "throughput": (
        BAD,
        {"below": 0.5, "minimum": 0},
        [("quiet", 10.0), ("pending", 16.0), ("firing", 21.0), ("resolved", 31.0)],
    ),
    # 120 tokens, from 11 to 25 instead 1,120: the mean of ten is above 800 with seven long ones, and at most 720
    # again with six left.
    "tokens_per_request": (
        [*traffic(0, 10), *traffic(10, 25, tokens=(1000, 120)), *traffic(25, 60)],
        {"above": 800},
        [("quiet", 4.0), ("pending", 17.0), ("firing", 22.0), ("resolved", 29.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_and_resolves_at_the_exact_time(name: str) -> None:
    records, threshold, expected = CASES[name]
    found = run(name, records, **threshold)
    assert steps(found) == expected
    (rule,) = found.rules
    assert (rule.state, rule.fired, rule.first_fired) == ("resolved", 1, expected[2][1])
    assert rule.firing_seconds == expected[3][1] - expected[2][1]


@pytest.mark.parametrize(
    ("during", "expected"),
    [
        # Idle from 10 to 23: below 20 % with seven of ten samples idle, at least 22 % again with five that are not.
        (0.0, [("quiet", 3.0), ("pending", 16.0), ("firing", 21.0), ("resolved", 28.0)]),
        # Busy instead: above 90 % with nine of ten, at most 81 % again with six.
        (1.0, [("quiet", 3.0), ("pending", 18.0), ("firing", 23.0), ("resolved", 27.0)]),
    ],
)
def test_the_load_of_the_processor_fires_on_both_sides(during: float, expected: list[tuple[str, float]]) -> None:
    load = [(float(at), during if 10 <= at < 24 else 0.5) for at in range(60)]
    found = run("cpu_utilisation", traffic(0, 60), load, below=0.2, above=0.9)
    assert steps(found) == expected


def test_a_gpu_that_is_not_there_does_not_apply_and_one_that_is_was_not_sampled() -> None:
    rules = Alerts.model_validate({"gpu_utilisation": RULE | {"below": 0.2}})
    series = from_records(traffic(0, 60))
    (without,), (with_one,) = watch(series, rules).rules, watch(series, rules, gpu=True).rules
    assert (without.state, without.reason) == (
        "not applicable",
        "no GPU is declared and none was seen; the processor is watched instead",
    )
    assert (with_one.state, with_one.reason) == ("not enough data", "no sample of the load was taken")


def test_a_gpu_that_a_server_tells_of_is_watched_though_none_is_declared() -> None:
    rules = Alerts.model_validate({"gpu_utilisation": RULE | {"below": 0.2}})
    idle = usage([(float(at), 0.0 if 10 <= at < 24 else 0.5) for at in range(60)])
    found = watch(from_records(traffic(0, 60), gpu=idle), rules)
    assert steps(found) == [("quiet", 3.0), ("pending", 16.0), ("firing", 21.0), ("resolved", 28.0)]


@pytest.mark.parametrize(("name", "place"), [("time_to_first_token", 0), ("inter_token_latency", 1)])
def test_the_clocks_of_streams_are_watched_where_answers_came_in_streams(name: str, place: int) -> None:
    # One slow of at most ten is over the p95 at once, until the last slow one leaves, ten seconds after it ended.
    def streamed(start: int, end: int, slow: float) -> list[Record]:
        clocks = (slow, 0.01) if place == 0 else (0.1, slow)
        return [attempt(at, stream=clocks) for at in range(start, end)]

    found = run(name, [*streamed(0, 10, 0.1), *streamed(10, 25, 3.0), *streamed(25, 60, 0.1)], above=2.0)
    assert steps(found) == [("quiet", 4.0), ("pending", 11.0), ("firing", 16.0), ("resolved", 35.0)]
    (without,) = run(name, traffic(0, 60), above=2.0).rules
    assert (without.state, without.reason) == ("not applicable", "no answer of the log came in a stream")


def test_columns_of_an_earlier_version_are_read_and_hold_no_stream(tmp_path: Path) -> None:
    path = tmp_path / "series.npz"
    save(path, from_records([attempt(0, stream=(0.5, 0.02))], usage([(1.0, 0.5)]), usage([(1.0, 0.7)])))
    assert load(path).first_token.tolist() == [0.5]
    assert load(path).gpu.tolist() == [0.7]
    with np.load(path) as found:
        kept = {name: found[name] for name in found if name not in ("first_token", "inter_token", "gpu_at", "gpu")}
    np.savez(path, **kept)
    older = load(path)
    assert np.isnan(older.first_token).tolist() == np.isnan(older.inter_token).tolist() == [True]
    assert (len(older.gpu), len(older.gpu_at), older.usage.tolist()) == (0, 0, [0.5])


def test_too_little_data_is_a_state_and_says_how_much_there_was() -> None:
    found = run("latency_p50", traffic(0, 3, seconds=9.0), above=2.5)
    (rule,) = found.rules
    assert (rule.state, rule.most_n, rule.value, rule.livable_above) == ("not enough data", 3, None, None)
    assert found.timeline == ()
    assert run("latency_p50", [], above=2.5).rules[0].state == "not enough data"


def test_what_does_not_last_is_pending_and_falls_back() -> None:
    found = run("error_rate", [*traffic(0, 10), attempt(10, kind="timeout"), *traffic(11, 60)], above=0.05, hold=12)
    assert steps(found) == [("quiet", 4.0), ("pending", 11.0), ("quiet", 21.0)]
    assert found.rules[0].fired == 0


def test_between_the_two_thresholds_nothing_resolves() -> None:
    # Two of ten fail for ever: 20 % is no longer above 25 %, and not yet back at 15 %.
    records = [
        *traffic(0, 20, kind="timeout"),
        *(attempt(at, kind="timeout" if at % 5 == 0 else "ok") for at in range(20, 99)),
    ]
    assert run("error_rate", records, above=0.25, hysteresis=0.4).rules[0].state == "firing"
    assert run("error_rate", records, above=0.25, hysteresis=0.0).rules[0].state == "resolved"


def test_silence_resolves_nothing() -> None:
    found = run("error_rate", [*traffic(0, 30, kind="connection"), attempt(90)], above=0.5)
    assert steps(found) == [("pending", 4.0), ("firing", 9.0)]
    assert found.rules[0].state == "firing"


def test_what_is_no_traffic_is_counted_aside() -> None:
    found = run(
        "error_rate",
        [attempt(0, phase="probe", kind="bad_request"), attempt(1, phase="cold"), *traffic(2, 9)],
        above=0.1,
    )
    assert (found.attempts, found.aside, found.rules[0].fired) == (7, 2, 0)


def test_a_request_that_was_superseded_counts_no_longer() -> None:
    first = attempt(0, kind="timeout")
    again = dataclasses.replace(attempt(1), supersedes=first.request)
    assert len(from_records([first, again])) == 1


@pytest.mark.parametrize("name", ["latency_p50", "latency_p99", "error_rate", "tokens_per_request", "throughput"])
def test_a_threshold_to_live_with_never_fires(name: str) -> None:
    records, threshold, _ = CASES[name]
    livable = run(name, records, **threshold).rules[0]
    side = "below" if name == "throughput" else "above"
    value = getattr(livable, f"livable_{side}")
    if side == "below" and livable.lowest == 0:
        assert value is None, "nothing can fall below 0"
    else:
        assert run(name, records, **{side: value}).rules[0].beyond == 0


def test_no_share_is_asked_to_rise_above_all_there_is() -> None:
    load = [(float(at), 0.97) for at in range(0, 600, 10)]
    rule = run("cpu_utilisation", traffic(2, 9), load, above=0.9, minimum=1, unit="rate").rules[0]
    assert (rule.highest, rule.livable_above) == (pytest.approx(0.97), None)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 9)), min_size=1, max_size=40))
def test_counting_finds_the_percentile_that_sorting_finds(rows: list[tuple[float, float]]) -> None:
    series = from_records(
        [attempt(round(at, 3), round(seconds, 3), sample=str(i)) for i, (at, seconds) in enumerate(rows)]
    )
    rule = Rule.model_validate(RULE | {"above": 2.5})
    window = window_of("latency_p50", rule, series)
    over = window.is_over(2.5)
    for place in np.flatnonzero(window.n):
        value = window.value(place)
        assert value is not None
        assert over[place] == (value > 2.5)


def test_the_work_grows_with_the_log_and_no_faster() -> None:
    rules = Alerts.model_validate(
        {name: RULE | {"above": 2.5, "window": 7200} for name in ("latency_p50", "latency_p99", "error_rate")}
    )

    def work(n: int) -> tuple[int, int]:
        """Return the calls that a log of n attempts in a day takes, and the most memory, bytes."""
        rng, calls = np.random.default_rng(0), 0
        ones, none = np.zeros(n), np.empty(0)
        nan, kind = np.full(n, np.nan), np.zeros(n, dtype=int)
        series = Series(0.0, np.sort(rng.uniform(0, 86_400, n)), rng.exponential(1.0, n), ones, ones, nan, nan,
                        kind, ("ok",), kind, ("a",), none, none, none, none)  # fmt: skip

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        tracemalloc.start()
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            watch(series, rules)
            return calls, tracemalloc.get_traced_memory()[1]
        finally:
            sys.setprofile(before)
            tracemalloc.stop()

    few, many = work(10_000), work(80_000)
    assert many[0] < 12 * few[0]
    assert many[1] < 12 * few[1]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"latency_p50": RULE}, "give 'above', 'below' or both"),
        ({"latency_p50": RULE | {"below": 1.0}}, "give 'above', and no 'below'"),
        ({"error_rate": RULE | {"above": 1.0, "minimum": 0}}, "give at least 1"),
        ({"cpu_utilisation": RULE | {"above": 1.0, "below": 0.95}}, "it never resolves"),
    ],
)
def test_rules_that_cannot_work_are_refused(rules: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Alerts.model_validate(rules)
