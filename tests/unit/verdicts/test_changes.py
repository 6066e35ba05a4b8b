"""What differs between two runs is shown where it differs, and a verdict by the label of its target."""

from __future__ import annotations

from helpers.runs.results.store import Results
from helpers.verdicts.changes import LONGEST_MAKING, Side, compare


def side(name: str, making: str, verdict: str) -> Side:
    return Side(name, {"model.prompt": making}, Results(), {"average_latency": verdict}, {"average_latency": "Latency"})


def test_long_makings_are_shown_around_their_first_difference() -> None:
    same = "x" * 500
    (found,) = compare(side("a", f"{same}A{same}", "met"), side("b", f"{same}B{same}", "met"), 0).changed
    assert found.a is not None
    assert found.b is not None
    assert (found.a[0], found.a[-1], "A" in found.a, "B" in found.b) == ("…", "…", True, True)
    assert len(found.a) <= LONGEST_MAKING + 2


def test_short_makings_are_shown_whole_and_verdicts_by_their_labels() -> None:
    found = compare(side("a", "one", "met"), side("b", "two", "missed"), 0)
    assert [(change.a, change.b) for change in found.changed] == [("one", "two")]
    assert [(change.name, change.a, change.b) for change in found.verdicts] == [("Latency", "met", "missed")]
