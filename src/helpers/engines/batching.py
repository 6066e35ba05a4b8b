"""Which texts an engine takes together: those of like length, because what is shorter than the longest waits for it.

It imports nothing of ours, because a packaged handler carries a copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Tokens by which texts of a batch may differ in any case.
SPREAD = 24
#: Texts that are padded to the longest of a batch may also be this many times as long as the shortest.
PADDED = 3.0


def alike(lengths: Sequence[int], times: float = 1.0) -> list[list[int]]:
    """Return the places of texts in groups of like length, shortest first, each to be decoded together.

    The longest of a group has at most ``times`` the length of its shortest, and `SPREAD` more.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if groups and lengths[place] <= lengths[groups[-1][0]] * times + SPREAD:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
