"""What readers say of the model's summaries, what its checks found of that, and that nobody has read any, where so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from helpers.app.html import figure
from helpers.params import Params, Target

if TYPE_CHECKING:
    from helpers.runs.review_summary import ReadSummaries
    from helpers.scorers.sensitivity import ErrorSensitivity
    from helpers.stats.intervals import Estimate

#: The targets that only readers can show to be met, by the question that readers answer.
QUESTIONS = {"usable": "usable_summaries", "faithful": "faithful_summaries"}
_LIST = Markup("<div class='notice'><p>{}</p><ul>{}</ul><p>{}</p></div>")
_ITEM = Markup("<li><strong>{}</strong>: {}</li>")
UNREAD = "Nobody has read summaries of this model; these need a review:"
REVIEW = "Times, tokens and checks say nothing of either. A report and “helpers review RUN” make a file for readers."
READ = "Expect mistakes. Of {n} recorded summaries of this model, read by a {who}:"
_WORTH = Markup("<details class='worth'><summary>What these checks are worth</summary>{}</details>")
_PARAGRAPH = Markup("<p>{}</p>")
OUTPUT_CHECKS = (
    "Output checks look at the surface: empty, copied, cut off, going round, a name or a number nobody said."
)
FLAGS = (
    "Faithfulness checks look for another person, time, amount or a denial that the dialogue speaks for. A flag is a "
    "reason to look. They miss much, and never show a summary to be right."
)
FOUND = (
    "Of {n} recorded summaries of this model that a {who} found false, "
    "they flag {found}; of the {rest} others {alarms}."
)
PLANTED = "Of single errors planted in true summaries they notice {} to {}, by kind of error."
ALARMS = "Of true summaries, {source}, they flag {share} ({low} to {high})."


def quality_html(params: Params, folder: Path) -> Markup:
    """Return the targets on usable and faithful summaries with what readers found, or that they need a review.

    ``folder`` is the app's run; readings are those that its parameters name.
    """
    targets = {question: getattr(params.targets, name) for question, name in QUESTIONS.items()}
    wanted: dict[str, Target] = {question: target for question, target in targets.items() if target is not None}
    if not wanted:
        return Markup()
    read = _read(params, folder)
    shares = read.summary.shares if read else {}
    lines = Markup().join(
        _ITEM.format(target.label, _told(target, shares.get(question))) for question, target in wanted.items()
    )
    return _LIST.format(_who(read), lines, "" if read else REVIEW)


def checks_worth_html(params: Params, folder: Path, noticed: ErrorSensitivity | None) -> str:
    """Return what the app's checks are worth: what they find of what readers found false, and how often they err.

    ``noticed`` is what they notice of planted errors.
    """
    from helpers.scorers.sensitivity import ALL_CHECKS

    said = [OUTPUT_CHECKS, FLAGS]
    if read := _read(params, folder):
        said.append(_found_of(read, params))
    for row in noticed.rows if noticed else ():
        alarms = row.false_alarms
        if row.name == ALL_CHECKS and noticed and None not in (alarms.value, alarms.low, alarms.high):
            share, low, high = (figure(value or 0.0, "rate") for value in (alarms.value, alarms.low, alarms.high))
            said.append(ALARMS.format(source=noticed.source, share=share, low=low, high=high))
            planted = [one.value for one in row.detection.values() if one.value is not None]
            if planted:
                said.append(PLANTED.format(*(figure(one, "rate") for one in (min(planted), max(planted)))))
    return str(_WORTH.format(Markup().join(map(_PARAGRAPH.format, said))))


def _found_of(read: ReadSummaries, params: Params) -> str:
    """Return how many of the summaries that readers found false the faithfulness checks flag, and how many others."""
    from helpers.runs.review_summary import recorded_samples, recorded_summaries
    from helpers.scorers.faithfulness import faithfulness

    summaries, dialogues = recorded_summaries(params), {one.id: one.dialogue for one in recorded_samples(params)}
    of = {one.id: True for one in read.readings if one.id in summaries and one.id in dialogues}
    of |= {one.id: False for one in read.readings if one.id in of and not one.faithful}
    flagged = {id for id in of if faithfulness(summaries[id], dialogues[id])}
    false = {id for id, faithful in of.items() if not faithful}
    alarms = len(flagged - false) or "none"
    counts = {"n": len(false), "found": len(flagged & false), "rest": len(of) - len(false), "alarms": alarms}
    return FOUND.format(**counts, who=_readers(read))


def _read(params: Params, folder: Path) -> ReadSummaries | None:
    if not params.reviews:
        return None
    from helpers.runs.review_summary import read_summaries  # with SciPy, which not every app has to load
    from helpers.runs.run import Run

    return read_summaries(Run(folder, params, measuring=False))


def _readers(read: ReadSummaries) -> str:
    return " and a ".join(read.summary.made_by)


def _who(read: ReadSummaries | None) -> str:
    return UNREAD if read is None else READ.format(n=read.summary.dialogues, who=_readers(read))


def _told(target: Target, share: Estimate | None) -> str:
    least = "" if target.min is None else f"; the target is at least {figure(target.min, 'rate')}"
    if share is None or share.value is None:
        return f"not known{least}"
    between = ""
    if share.low is not None and share.high is not None:
        between = f" ({figure(share.low, 'rate')} to {figure(share.high, 'rate')})"
    return f"{figure(share.value, 'rate')}{between}{least}"
