"""How much of a mapped file is in this process's memory, as Linux tells it."""

from __future__ import annotations

import re
from pathlib import Path


def resident(*words: str) -> int:
    """Return the bytes in memory of the mapped files whose path has all of these words; one must be there."""
    parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    ours = [part for part in parts if all(word in part for word in words)]
    assert ours
    return sum(1024 * int(found[1]) for part in ours if (found := re.search(r"Rss:\s+(\d+)", part)))
