"""The scores of one summary, and of many in parallel.

Key facts are what a good summary must say, written down with its accepted wordings.
"""

from __future__ import annotations

import multiprocessing
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from helpers.core.errors import SamplesError
from helpers.core.model import Frozen
from helpers.scorers.failures import SemanticFailure, semantic_failures
from helpers.scorers.rouge import MAX_CHARACTERS, MAX_WORDS, novel_ngrams, rouge, too_long, words

#: Rows given to a process at a time; four chunks per process are in flight, which bounds the memory.
_CHUNK = 32

_UNSCORED = {SemanticFailure.EMPTY, SemanticFailure.TOO_LONG}


@dataclass(frozen=True)
class ScoredPair:
    """A summary with what it is held against; ``summary`` is ``None`` when there was no answer."""

    id: str
    summary: str | None
    references: tuple[str, ...]
    dialogue: str | None = None
    key_facts: tuple[str, ...] = ()


class SampleScore(Frozen):
    """The scores of one summary.

    ROUGE F1, key-fact recall and novel n-grams are in 0-1; ``length_ratio`` is words of the summary per word
    of a reference (their mean), ``compression`` words of the summary per word of the dialogue. ``None`` means
    that the row does not hold what the measure needs. A summary that is empty or too long scores 0.
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
    words: int
    failures: tuple[SemanticFailure, ...]


def score_sample(
    id: str,
    summary: str | None,
    references: Sequence[str],
    dialogue: str | None = None,
    key_facts: Sequence[str] = (),
) -> SampleScore:
    """Return the scores of one summary against its references, and what is wrong with it.

    Raises `SamplesError` when no reference is given or one of them cannot be scored against.
    """
    problems = [problem for text in references if (problem := reference_problem(text))]
    if problems or not references:
        raise SamplesError(f"sample {id}: reference: {problem}" for problem in problems or ["none; give one or more"])
    failures = semantic_failures(summary, dialogue, references)
    scorable = "" if summary is None or _UNSCORED.intersection(failures) else summary
    own = words(summary or "")
    said = None if dialogue is None else words(dialogue)
    return SampleScore(
        id=id,
        **rouge(scorable, references),
        key_fact_recall=key_fact_recall(scorable, key_facts),
        length_ratio=len(own) * len(references) / sum(len(words(text)) for text in references),
        compression=len(own) / len(said) if said else None,
        novel_unigrams=novel_ngrams(own, said, 1) if said else None,
        novel_bigrams=novel_ngrams(own, said, 2) if said else None,
        words=len(own),
        failures=failures,
    )


def reference_problem(text: str) -> str | None:
    """Return why a reference cannot be scored against, or ``None``."""
    if too_long(text):
        return f"over {MAX_WORDS:,} words or {MAX_CHARACTERS:,} characters; give a summary, not a document"
    if not words(text):
        return "no word ROUGE can read (it knows a-z and 0-9 only)" if text.strip() else "empty"
    return None


def score_all(
    pairs: Iterable[ScoredPair], processes: int = 1, progress: Callable[[int], object] | None = None
) -> list[SampleScore]:
    """Return the scores of every pair, in order and equal whatever the number of processes.

    ``pairs`` is read as it is needed; ``progress`` is called with the number of pairs just scored.
    """
    scores: list[SampleScore] = []
    for chunk in _scored_chunks(_chunks(pairs), processes):
        scores += chunk
        if progress:
            progress(len(chunk))
    return scores


def key_fact_recall(summary: str, key_facts: Sequence[str]) -> float | None:
    """Return the share of the key facts that the summary states, or ``None`` when none are listed.

    A fact is ``a|b|c``: any of the wordings counts, in any case. A wording starts at the start of a word.
    One that ends in a digit is not continued by another ("14", not "140"), a stem of four letters or more may
    go on ("cancel", "cancelled", but not "seven", "seventy"), a shorter one takes only -s, -es, -ed or -ing.
    """
    if not key_facts:
        return None
    return sum(bool(_pattern(fact).search(summary)) for fact in key_facts) / len(key_facts)


def _chunks(pairs: Iterable[ScoredPair]) -> Iterator[list[ScoredPair]]:
    remaining = iter(pairs)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _scored_chunks(chunks: Iterator[list[ScoredPair]], processes: int) -> Iterator[list[SampleScore]]:
    first = list(islice(chunks, 2))
    chunks = chain(first, chunks)
    if processes == 1 or len(first) < 2:
        yield from map(_score_chunk, chunks)
        return
    # A fresh interpreter, not a fork: the caller may have threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        flying: deque[Future[list[SampleScore]]] = deque()
        for chunk in chunks:
            flying.append(pool.submit(_score_chunk, chunk))
            if len(flying) >= 4 * processes:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()


def _score_chunk(chunk: list[ScoredPair]) -> list[SampleScore]:
    return [score_sample(pair.id, pair.summary, pair.references, pair.dialogue, pair.key_facts) for pair in chunk]


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
