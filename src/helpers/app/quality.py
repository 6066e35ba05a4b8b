"""What readers say of the summaries of the model that the app asks, and that nobody has read any, where that is so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from helpers.core.text import spell
from helpers.params import Params, Target

if TYPE_CHECKING:
    from helpers.runs.review_summary import ReviewSummary
    from helpers.stats.intervals import Estimate

#: The targets that only readers can show to be met, by the question that readers answer.
QUESTIONS = {"usable": "usable_summaries", "faithful": "faithful_summaries"}
_LIST = Markup("<div class='notice'><p>{}</p><ul>{}</ul><p>{}</p></div>")
_ITEM = Markup("<li><strong>{}</strong>: {}</li>")
UNREAD = "Nobody has read summaries of this model; these need a review:"
REVIEW = "Times, tokens and charts say nothing of either. A report and “helpers review RUN” make a file for readers."
READ = "Of {n} recorded summaries of this model, read by a {who}; what the app answers here, nobody has read."


def quality_html(params: Params, folder: Path) -> str:
    """Return the targets on usable and faithful summaries with what readers found, or that they need a review.

    ``folder`` is the app's run; readings are those that its parameters name.
    """
    targets = {question: getattr(params.targets, name) for question, name in QUESTIONS.items()}
    wanted: dict[str, Target] = {question: target for question, target in targets.items() if target is not None}
    if not wanted:
        return ""
    found = _read(params, folder) if params.reviews else None
    lines = Markup().join(
        _ITEM.format(target.label, _told(target, found.shares.get(question) if found else None))
        for question, target in wanted.items()
    )
    return str(_LIST.format(_who(found), lines, REVIEW if found is None else ""))


def _read(params: Params, folder: Path) -> ReviewSummary | None:
    from helpers.runs.review_summary import read_summaries  # with SciPy, which an exported Space does without
    from helpers.runs.run import Run

    read = read_summaries(Run(folder, params, measuring=False))
    return read.summary if read else None


def _who(found: ReviewSummary | None) -> str:
    return UNREAD if found is None else READ.format(n=found.dialogues, who=" and a ".join(found.made_by))


def _told(target: Target, share: Estimate | None) -> str:
    least = "" if target.min is None else f"; the target is at least {spell(target.min, 'rate')}"
    if share is None or share.value is None:
        return f"not known{least}"
    between = ""
    if share.low is not None and share.high is not None:
        between = f" ({spell(share.low, 'rate')} to {spell(share.high, 'rate')})"
    return f"{spell(share.value, 'rate')}{between}{least}"
