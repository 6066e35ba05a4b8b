"""The file that readers fill in: every dialogue of a review with its summaries and the questions, in one page.

It works from the disk, offline and by keyboard, and can be read without its one script, which the policy names by hash.
"""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.page import css, environment, script
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.reviews import Review
from helpers.scorers.mentions import turns_of

QUESTIONS = (
    ("usable", "Usable as it stands?"),
    ("faithful", "Faithful: is every statement true?"),
    ("complete", "Complete: is the outcome in it?"),
)


def review_page(review: Review) -> str:
    """Return a review as one self-contained HTML file, which does not say which side is whose."""
    items = [{"id": one.id, "turns": turns_of(one.dialogue), "texts": one.texts} for one in review.put]
    return (
        environment()
        .get_template("review.html.j2")
        .render(
            review=review.id,
            pair=len(review.runs) > 1,
            items=items,
            questions=QUESTIONS,
            kinds=tuple(ERROR_LABELS.items()),
            style=Markup(css("style") + css("page") + css("review")),  # noqa: S704  (our own style sheets)
            script=script("review"),
        )
    )
