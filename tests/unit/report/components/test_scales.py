"""Scales: they hold what they must, zero where it is cheap, and a few round ticks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.report.components.scales import Scale, scale_for, scale_of_rows, tick_words

sizes = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(st.lists(sizes, min_size=1, max_size=4))
def test_a_scale_holds_its_values_and_zero(values: list[float]) -> None:
    scale = scale_for(values, is_rate=False)
    assert scale.low <= min(*values, 0) or scale.low == pytest.approx(min(*values, 0))
    assert scale.high >= max(values) or scale.high == pytest.approx(max(values))
    assert scale.low < scale.high
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_a_scale_of_rates_stays_within_its_bounds(values: list[float]) -> None:
    scale = scale_for(values, is_rate=True)
    assert 0 <= scale.low <= min(values) <= max(values) <= scale.high + 1e-9 <= 1 + 2e-9


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([1.0, 3.0], (0.0, 3.12)),
        ([0.90, 1.0], (0.894, 1.006)),
        ([-0.02, 0.01], (-0.0218, 0.0118)),
        ([0.0], (0.0, 1.0)),
        ([2.0], (1.8, 2.2)),
        ([], (0.0, 1.04)),
    ],
)
def test_zero_is_on_the_scale_where_it_is_cheap(values: list[float], ends: tuple[float, float]) -> None:
    scale = scale_of_rows(values, [])
    assert (scale.low, scale.high) == pytest.approx(ends)


def test_one_far_interval_leaves_the_scale_to_the_others() -> None:
    scale = scale_of_rows([0.4, 0.5, 0.6], [(0.3, 0.5), (0.4, 0.6), (-4.4, 5.6)])
    # The widest may add three times the median width on either side, and a margin of 6 %.
    assert (scale.low, scale.high) == pytest.approx((-0.2 - 0.06 * 1.4, 1.2 + 0.06 * 1.4))
    assert (scale.at(-4.4), scale.at(5.6)) == (0, 100), "its ends are pinned"


@given(sizes, sizes, st.integers(1, 7))
def test_ticks_are_few_and_on_the_scale(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    if high - low < 1e-6:
        high = low + 1
    found = Scale(low, high).ticks(most)
    assert len(found) <= most
    assert all(low - 1e-6 * (high - low) <= tick <= high + 1e-6 * (high - low) for tick in found)


def test_a_tick_has_its_unit_and_a_true_minus() -> None:
    assert [tick_words("s", 0.5)(0.25), tick_words("s", 5)(2.5), tick_words("rate", 1)(0.5)] == [
        "250 ms",
        "2.5 s",
        "50 %",
    ]
    assert [tick_words("difference", 1)(0.01), tick_words("difference", 1)(-0.01)] == ["+0.01", "−0.01"]
    assert Scale(0, 0.61).ticks() == pytest.approx([0, 0.2, 0.4, 0.6])
