"""Split dialogues by what may make a difference: domain, length, and whether the model read all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from helpers.runs.results.base import Group
from helpers.stats.intervals import Estimate


class Labelled(Protocol):
    """Anything that carries the labels of its dialogue."""

    @property
    def domain(self) -> str | None: ...
    @property
    def length(self) -> str | None: ...
    @property
    def truncated(self) -> bool | None: ...


L = TypeVar("L", bound=Labelled)

LABELS: dict[str, Callable[[Labelled], str | None]] = {
    "length": lambda row: row.length,
    "domain": lambda row: row.domain,
    "truncated": lambda row: None if row.truncated is None else ("truncated" if row.truncated else "read whole"),
}
#: Lengths in their natural order; other labels are sorted by name.
ORDER = ("short", "medium", "long", "very-long")


def grouped(rows: Sequence[L], estimate: Callable[[Sequence[L]], dict[str, Estimate]]) -> tuple[Group, ...]:
    """Return the estimates of every group of every label; rows without a label are in no group of it."""
    groups = []
    for by, label_of in LABELS.items():
        members: dict[str, list[L]] = {}
        for row in rows:
            label = label_of(row)
            if label is not None:
                members.setdefault(label, []).append(row)
        for label in sorted(members, key=lambda name: (ORDER.index(name) if name in ORDER else -1, name)):
            groups.append(Group(by=by, label=label, n=len(members[label]), estimates=estimate(members[label])))
    return tuple(groups)
