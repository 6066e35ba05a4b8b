"""What a nominal 95 % interval of response times under load covers in simulation.

tests/properties/test_coverage.py recomputes it. Each table reads *kind of data → n → share of experiments whose
interval held the true value*. A share holds from its n up to the next one given; between them coverage only grows.
"""

from __future__ import annotations

from collections.abc import Mapping

Coverage = Mapping[str, Mapping[int, float]]

#: Below this share an interval must say what it covers in simulation.
ACCEPTABLE = 0.93

_QUEUE = "M/M/1 queue, 80 % busy"

#: ``batch_means`` of one run of n requests.
BATCH_MEANS: Coverage = {_QUEUE: {100: 0.52, 500: 0.74, 2_000: 0.86, 10_000: 0.92, 20_000: 0.93}}

#: ``repeats`` of the mean: five runs of n requests each.
REPEATED_MEAN: Coverage = {_QUEUE: {1: 0.83, 100: 0.86, 500: 0.90, 2_000: 0.93}}

#: ``repeats`` of a percentile: five runs of n requests. A short run misses the jams that make the tail.
REPEATED_PERCENTILE: Mapping[float, Coverage] = {
    50: {_QUEUE: {1: 0.93}},
    90: {_QUEUE: {1: 0.60, 100: 0.77, 500: 0.89, 2_000: 0.94}},
    95: {_QUEUE: {1: 0.48, 100: 0.58, 500: 0.82, 2_000: 0.92, 5_000: 0.94}},
    99: {_QUEUE: {1: 0.34, 500: 0.47, 2_000: 0.76, 5_000: 0.88}},
}


def covers(table: Coverage, n: int) -> str:
    """Return what a nominal 95 % interval covers at ``n``, or an empty string where that is at least 93 %."""
    short = []
    for kind, shares in table.items():
        share = shares[max((k for k in shares if k <= n), default=min(shares))]
        if share < ACCEPTABLE:
            short.append(f"{100 * share:.0f} % ({kind})")
    return f"covers about {', '.join(short)} in simulation at this n" if short else ""
