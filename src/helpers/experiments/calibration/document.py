"""``python -m helpers.experiments.calibration.document OUT.md``: the simulations behind the verdicts, as a document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from helpers.core.machine import usable_cores
from helpers.core.processes import pool
from helpers.experiments.calibration import errors, looks
from helpers.experiments.calibration.errors import OFF_TARGET, ON_TARGET, TRUTHS, Saving
from helpers.experiments.calibration.populations import OUT_OF_REACH, POPULATIONS, Population
from helpers.stats.power import CHANCE
from helpers.stats.spending import LOOKS, PROMISED, SPENT, level

SIZES = (5, 10, 20, 50, 100)
#: Repetitions of one look, and of a user's looks.
ONCE, LOOKED = 4_000, 1_000

TEXT = """# How often a verdict is wrong

<!-- Written by `make statistics`; do not edit. -->

A verdict says *met* or *missed* when the whole interval lies on one side of the target. This page shows by simulation
how often that is wrong and how often it decides: data of known truth are drawn, and judged by the very code that judges
a report (`helpers.stats`, `helpers.verdicts`). Each figure of one look rests on {once:,} samples, each of several looks
on {looked:,} users; the standard errors of 2.5 % are {once_error:.2f} and {looked_error:.2f} points.

## One look

Each cell gives two shares of samples: those whose 95 % interval lies wholly above the truth (a false *met*, where more
is better), and those whose interval lies wholly below it. From n = 5 on at most 2.5 % is promised on each side for data
like these; below that no verdict is given. In brackets, what the usual 95 % interval does: Student-t, for rates Wilson.

{one_look}

Out of reach are kinds of dialogues of which a small sample may contain but one; no interval can know of the other:

{out_of_reach}

The interval of a mean is the widest of four (`helpers.stats.means`): Student-t, Hall's transformation of it, the
log-normal interval where the data do not speak against it, and a rate of deviations where most values are equal.
Rates have the exact interval of Clopper and Pearson. The dialogue is the unit: attempts of one dialogue that fail
together count once (last row: 39 attempts each, which pooled would be taken for 39 times the evidence).

## Several looks

Who looks again at an open target, with more dialogues, has another chance to be wrong. A question has {looks} looks.
They spend {spent:.1f} % of the promised {promised:.0f} % by the Pocock-type function of Lan and DeMets; the rest pays
for an n that is chosen by what was seen. The levels of the intervals are {levels}.

The truth lies exactly on the target, so that every verdict is wrong. A user looks at 10 dialogues, then as often as the
row says. *As advised*: takes the n that the page names, up to {most:,} dialogues. *Until decided*: `report
--until-decided`. *Other tools*: the usual 95 % interval at 10, 20, 40, 80 and 160 dialogues.

{several}

## Power

The page names the n at which the next look decides with a chance of {chance:.0f} %, averaged over every truth that this
look leaves open. Truths were drawn evenly around the target; users who were undecided at 10 dialogues asked the n they
were advised:

{power}

For one particular truth the chance is another: near the target it is less, far from it more.

## Until decided

`report --until-decided` beside a single look at a fixed n that decides as often, with one 95 % interval: the fixed n
knows the truth that it was chosen for, which nobody does.

{savings}

On average over these it asks **{saved:.0f} % fewer** dialogues. The largest share of wrong verdicts is {wrong:.1f} %.
"""


def write(path: Path, once: int = ONCE, looked: int = LOOKED) -> None:
    """Simulate everything, on all processors, and write the document."""
    with pool(usable_cores()) as others:
        savings = list(others.map(partial(_saving, looked), OFF_TARGET))
        text = TEXT.format(
            once=once,
            looked=looked,
            once_error=100 * (0.025 * 0.975 / once) ** 0.5,
            looked_error=100 * (0.025 * 0.975 / looked) ** 0.5,
            one_look=_table(["data", *(f"n = {n}" for n in SIZES)], others.map(partial(_row_once, once), POPULATIONS)),
            out_of_reach=_table(
                ["data", *(f"n = {n}" for n in SIZES)], others.map(partial(_row_once, once), OUT_OF_REACH)
            ),
            looks=LOOKS,
            spent=100 * SPENT,
            promised=100 * PROMISED,
            most=looks.MOST,
            levels=", ".join(f"{100 * level(look):.2f} %" for look in range(1, LOOKS + 1)),
            several=_table(
                ["data", "one look", "as advised", "until decided", "other tools"],
                others.map(partial(_row_looked, looked), ON_TARGET),
            ),
            chance=100 * CHANCE,
            power=_table(["truths of", "decided"], others.map(partial(_row_power, looked), TRUTHS)),
            savings=_table(
                ["data", "target", "decided", "wrong", "dialogues, mean", "fixed n", "saved"], map(_row_saving, savings)
            ),
            saved=100 * sum(one.saved for one in savings) / len(savings),
            wrong=100 * max(one.wrong for one in savings),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _saving(times: int, scenario: tuple[Population, float]) -> Saving:
    return errors.saving(*scenario, times)


def _row_once(times: int, shape: Population) -> list[str]:
    cells = []
    for n in SIZES:
        ours, usual = errors.one_look(shape, n, times)
        cells.append(
            f"{_percent(ours.above)}, {_percent(ours.below)} ({_percent(usual.above)}, {_percent(usual.below)})"
        )
    return [shape.name, *cells]


def _row_looked(times: int, shape: Population) -> list[str]:
    found = [
        errors.over_looks(shape, shape.truth, following, times)
        for following in (looks.once, looks.as_advised, looks.until_decided)
    ]
    found.append(errors.peeking(shape, shape.truth, times))
    return [shape.name, *(f"{_percent(one.met)}, {_percent(one.missed)}" for one in found)]


def _row_power(times: int, name: str) -> list[str]:
    return [name, _percent(errors.power(name, times).decided)]


def _row_saving(one: Saving) -> list[str]:
    found = one.outcome
    return [
        one.name,
        f"{one.threshold:g}",
        _percent(found.decided),
        _percent(one.wrong),
        f"{found.n:.0f}",
        f"{one.fixed:,}",
        f"{100 * one.saved:.0f} %",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
