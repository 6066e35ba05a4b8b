"""Key facts: what a good summary must say, written down with its accepted wordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache


def key_fact_recall(summary: str, key_facts: Sequence[str]) -> float | None:
    """Return the share of the key facts that the summary states, or ``None`` when none are listed.

    A fact is ``a|b|c``: any of the wordings counts, in any case. A wording starts at the start of a word.
    One that ends in a digit is not continued by another ("14", not "140"), a stem of four letters or more may
    go on ("cancel", "cancelled", but not "seven", "seventy"), a shorter one takes only -s, -es, -ed or -ing.
    """
    if not key_facts:
        return None
    return sum(bool(_pattern(fact).search(summary)) for fact in key_facts) / len(key_facts)


@cache
def _pattern(fact: str) -> re.Pattern[str]:
    wordings = [wording.strip() for wording in fact.split("|")]
    return re.compile("|".join(_bounded(wording) for wording in wordings if wording) or r"(?!)", re.IGNORECASE)


def _bounded(wording: str) -> str:
    start = r"(?<!\w)" if wording[0].isalnum() else ""
    last_word = re.search(r"\w*$", wording)[0]  # type: ignore[index]  # the pattern matches the empty string
    if not last_word:
        end = ""
    elif last_word[-1].isdigit():
        end = r"(?!\d|[.,:]\d)"
    elif len(last_word) >= 4:
        end = r"(?!teen|ty\b)"
    else:
        end = r"(?:e?s|ed|ing)?(?!\w)"
    # A digit before the point or comma makes this the tail of another number: "50" in "2.50".
    before = r"(?<!\d[.,:])" if wording[0].isdigit() else ""
    return before + start + re.escape(wording) + end
