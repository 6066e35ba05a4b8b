"""Each target over the published reports, by the ledger of looks: one model on one kind of dialogues at a time."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.core.model import Frozen
from helpers.core.text import Style
from helpers.params import Targets
from helpers.runs.run import Run
from helpers.stats.spending import LOOKS
from helpers.verdicts.compute import case_of
from helpers.verdicts.looks import LEDGER, Look, UnreadLine, unread_lines
from helpers.verdicts.targets import Case, looks_of, questions_of, style_of

#: The newest looks that are told of one target, and those of all of them together.
MOST_OF_ONE, MOST = 10, 70

Key = tuple[str, str, str]


class LookSeries(Frozen):
    """The looks at one target of one system about one set of dialogues, the oldest first.

    ``own``: it is this run's. ``runs`` are the reports behind all its looks, ``earlier`` the older looks that are not
    among ``looks``.
    """

    target: str
    label: str
    style: Style
    system: str
    system_name: str
    dialogues: str
    own: bool
    runs: int
    earlier: int
    looks: tuple[Look, ...]


class History(Frozen):
    """What the ledger says of targets over time: this run's own first, then other models or data, the newest first.

    ``runs`` counts the reports of all lines, ``own_runs`` those of this run's data and model; ``left_out`` the looks of
    others that are too many to tell. A target has ``allowed`` looks.
    """

    runs: int
    own_runs: int
    series: tuple[LookSeries, ...]
    left_out: int
    unread: tuple[UnreadLine, ...]
    allowed: int = LOOKS


def history_of(run: Run) -> History:
    """Return the history of a run's targets: the ledger as it was when the run began, and the run's own looks."""
    case = case_of(run)
    looks = [*(one for one in case.ledger if one.run != case.manifest.run), *looks_of(case)]
    return history(looks, case, unread_lines(run.directory / LEDGER))


def history(looks: Iterable[Look], case: Case, unread: tuple[UnreadLine, ...] = ()) -> History:
    """Return looks by target, system and dialogues; ``case`` is the run whose own they may be."""
    asked = {(one.target, one.system, one.dialogues): None for one in questions_of(case)}
    found: dict[Key, list[Look]] = {key: [] for key in asked}
    for look in looks:
        found.setdefault((look.target, look.system, look.dialogues), []).append(look)
    others = sorted((key for key in found if key not in asked), key=lambda key: found[key][-1].at, reverse=True)
    own = [_series(key, found[key], case.params.targets, own=True) for key in asked if found[key]]
    told, room, left_out = [], MOST - sum(len(one.looks) for one in own), 0
    for key in others:
        series = _series(key, found[key], case.params.targets, own=False)
        if len(series.looks) <= room:
            told.append(series)
            room -= len(series.looks)
        else:
            left_out += len(found[key])
    lines = [look for each in found.values() for look in each]
    return History(
        runs=len({look.run for look in lines}),
        own_runs=len({look.run for key in asked for look in found[key]}),
        series=(*own, *told),
        left_out=left_out,
        unread=unread,
    )


def _series(key: Key, looks: list[Look], targets: Targets, *, own: bool) -> LookSeries:
    name, system, dialogues = key
    target, newest = getattr(targets, name, None), looks[-1]
    return LookSeries(
        target=name,
        label=target.label if target else name,
        style=style_of(target.unit if target else "plain", newest.direction),
        system=system,
        system_name=newest.system_name,
        dialogues=dialogues,
        own=own,
        runs=len({look.run for look in looks}),
        earlier=max(0, len(looks) - MOST_OF_ONE),
        looks=tuple(looks[-MOST_OF_ONE:]),
    )
