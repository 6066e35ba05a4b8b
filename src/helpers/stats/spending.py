"""The error promised over several looks at growing data, spent look by look: at most five, 5 % over all of them.

Who looks again at an open question, with more data, has another chance to be wrong. Each look may therefore err only
with its share of the promised error, and what it shows is an interval of a level of its own; all of them together hold
the true value with 95 %. Sources: Lan and DeMets (1983), with the Pocock-type spending function; Jennison and Turnbull
(1984) for the repeated confidence intervals.
"""

from __future__ import annotations

import math

#: How often a question may be looked at, and the two-sided error promised over all looks.
LOOKS = 5
PROMISED = 0.05
#: What the looks spend of it. The rest pays for an n that was chosen by what earlier looks saw: simulated with the n
#: that the report itself advises, 5 % spent would become 5.9 %.
SPENT = 0.042


def spent(look: int, total: float = SPENT) -> float:
    """Return the two-sided error that the first ``look`` looks may make: ``total × ln(1 + (e - 1) look / 5)``.

    Raises ValueError unless 0 <= look <= 5.
    """
    if not 0 <= look <= LOOKS:
        raise ValueError(f"look {look}: a question has at most {LOOKS} looks")
    return total * math.log(1 + (math.e - 1) * look / LOOKS)


def level(look: int) -> float:
    """Return the level of the interval at a look, counted from 1.

    No credit is taken for what looks have in common, as group-sequential boundaries do: how far a report's data repeat
    an earlier report's is not known, and with an n chosen by what was seen the credit is not sound.
    """
    return 1 - (spent(look) - spent(look - 1))
