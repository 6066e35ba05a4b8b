"""The scores of one summary.

Key facts are what a good summary must say, written down with its accepted wordings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from helpers.core.errors import SamplesError
from helpers.core.model import Frozen
from helpers.scorers.failures import OutputFailure, output_failures
from helpers.scorers.rouge import novel_ngrams, rouge
from helpers.scorers.words import Tokenizer, words

_UNSCORED = {OutputFailure.EMPTY, OutputFailure.MISSING_VALUE, OutputFailure.TOO_LONG}


class SampleScore(Frozen):
    """The scores of one summary.

    ROUGE F1, key-fact recall and novel n-grams are in 0-1; ``length_ratio`` is words of the summary per word
    of a reference (their mean), ``compression`` words of the summary per word of the dialogue. ``None`` means
    that the row does not hold what the measure needs. A summary that is empty, too long
    or the name of a missing value scores 0.
    """

    id: str
    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815  # the name of the metric
    rougeLsum: float  # noqa: N815
    key_fact_recall: float | None
    length_ratio: float
    compression: float | None
    novel_unigrams: float | None
    novel_bigrams: float | None
    semantic_similarity: float | None = None
    bertscore_f1: float | None = None
    nli_consistency: float | None = None
    words: int
    failures: tuple[OutputFailure, ...]


def score_sample(
    id: str,
    summary: str | None,
    references: Sequence[str],
    dialogue: str | None = None,
    key_facts: Sequence[str] = (),
    tokenizer: Tokenizer = "unicode",
) -> SampleScore:
    """Return the scores of one summary against its references, and what is wrong with it.

    Raises `SamplesError` when no reference is given or one of them has no word.
    """
    problems = ["empty" if not text.strip() else "no word in it" for text in references if not words(text, tokenizer)]
    if problems or not references:
        raise SamplesError(f"sample {id}: reference: {problem}" for problem in problems or ["none; give one or more"])
    failures = output_failures(summary, dialogue, references)
    return SampleScore(
        id=id, **measures(summary, references, dialogue, key_facts, failures, tokenizer), failures=failures
    )


def measures(
    summary: str | None,
    references: Sequence[str],
    dialogue: str | None,
    key_facts: Sequence[str],
    failures: Sequence[OutputFailure],
    tokenizer: Tokenizer,
) -> dict[str, Any]:
    """Return the figures of `SampleScore` by name; ``failures`` are those of the summary."""
    scorable = "" if summary is None or _UNSCORED.intersection(failures) else summary
    own = words(summary or "", tokenizer)
    said = None if dialogue is None else words(dialogue, tokenizer)
    return {
        **rouge(scorable, references, tokenizer),
        "key_fact_recall": key_fact_recall(scorable, key_facts),
        "length_ratio": len(own) * len(references) / sum(len(words(text, tokenizer)) for text in references),
        "compression": len(own) / len(said) if said else None,
        "novel_unigrams": novel_ngrams(own, said, 1) if said else None,
        "novel_bigrams": novel_ngrams(own, said, 2) if said else None,
        "words": len(own),
    }


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
