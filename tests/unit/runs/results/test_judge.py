"""The standing of a judge follows from its figures: each bar by itself, one case to either side of it."""

from __future__ import annotations

import pytest

from helpers.runs.results.judge import BOTH, MUST_SEE, AgainstReaders, JudgeResult, JudgeTrial
from helpers.scorers.planted import PlantedKind
from helpers.stats.intervals import Estimate, rate


def trial(found: Estimate) -> JudgeTrial:
    return JudgeTrial(malformed=0, objects=found)


def standing(
    *, alarms: int = 2, seen: int = 19, agreed: int = 21, denied: int = 0, affirmed: int = 2, **changes: object
) -> JudgeResult:
    """Return a judge of 150 references, 20 errors of each kind and 23 summaries that readers find false."""
    against = AgainstReaders(detection=rate(agreed, 23), alarms=rate(denied, affirmed))
    fields = {
        "references": trial(rate(alarms, 150)),
        "planted": {kind: trial(rate(seen, 20)) for kind in MUST_SEE} | {PlantedKind.PLACE_MOVED: trial(rate(0, 20))},
        "read": dict.fromkeys(BOTH, against),
    }
    return JudgeResult.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({}, ""),
        ({"alarms": 3}, "alarms"),
        ({"seen": 18}, "kinds"),
        ({"agreed": 20}, "readers"),
        ({"denied": 20, "affirmed": 40}, "readers"),  # readers affirm what it denies
        ({"denied": 1, "affirmed": 2}, ""),  # too few to show that
        ({"reason": "not asked"}, "reason"),
        ({"references": None}, "alarms"),
        ({"planted": {}}, "kinds"),
        ({"read": {}}, "readers"),
    ],
)
def test_each_bar_stands_by_itself(figures: dict[str, object], why: str) -> None:
    found = standing(**figures)  # type: ignore[arg-type]
    assert found.qualified == (why == "")
    assert found.alarms_too_often == (why == "alarms")
    assert found.unseen == (tuple(MUST_SEE) if why == "kinds" else ())
    assert found.unlike_readers == (BOTH if why == "readers" else ())


def test_nothing_shown_qualifies_nobody() -> None:
    assert not JudgeResult().qualified
