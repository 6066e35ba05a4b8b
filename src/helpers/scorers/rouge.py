"""ROUGE by the `rouge_score` package, and how much of a summary is the summariser's own wording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import islice
from typing import Any

from helpers import __version__

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")

#: Longest text that is scored: the longest common subsequence costs words x words in time and memory, and a
#: summary is a hundred words or so.
MAX_WORDS = 2048
MAX_CHARACTERS = 20_000

_ABBREVIATIONS = "mr mrs ms dr prof st jr sr vs etc e.g i.e a.m p.m u.s u.k"


@lru_cache(maxsize=8)  # the texts of one sample are read by several measures
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text as ROUGE reads them: lower-case runs of ``a-z0-9``, not stemmed."""
    from rouge_score.tokenize import tokenize

    return tuple(tokenize(text, None))


def too_long(text: str) -> bool:
    """Whether a text is over `MAX_WORDS` words or `MAX_CHARACTERS` characters, and so is not scored."""
    return len(text) > MAX_CHARACTERS or len(words(text)) > MAX_WORDS


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: its lines, split by Punkt with a short list of abbreviations."""
    return [sentence for line in text.splitlines() for sentence in _splitter().tokenize(line)]


def rouge(summary: str, references: Sequence[str]) -> dict[str, float]:
    """Return ROUGE-1/2/L/Lsum F1 in 0-1, Porter-stemmed, each metric by its best reference.

    ``references`` holds at least one text. Source: Lin (2004), as computed by `rouge_score`.
    """
    best = _scorer().score_multi(["\n".join(sentences(text)) for text in references], "\n".join(sentences(summary)))
    longest = max(_rouge_l(summary, text) for text in references)
    return {metric: longest if metric == "rougeL" else float(best[metric].fmeasure) for metric in METRICS}


def _rouge_l(summary: str, reference: str) -> float:
    """ROUGE-L without the table of `rouge_score`, which takes a quarter of the time of all scores."""
    from rouge_score.scoring import fmeasure

    own, wanted = _stemmed_words().tokenize(summary), _stemmed_words().tokenize(reference)
    common = _lcs_length(own, wanted)
    return float(fmeasure(common / len(own), common / len(wanted))) if own and wanted else 0.0


def _lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of its table at a time in the bits of one number.

    Source: Hyyrö (2004), "Bit-parallel LCS-length computation revisited".
    """
    positions: dict[str, int] = {}
    for index, word in enumerate(a):
        positions[word] = positions.get(word, 0) | 1 << index
    everything = (1 << len(a)) - 1
    row = everything
    for word in b:
        matched = row & positions.get(word, 0)
        row = (row + matched | row - matched) & everything
    return len(a) - row.bit_count()


def novel_ngrams(summary: Sequence[str], dialogue: Sequence[str], n: int) -> float | None:
    """Return the share of the summary's distinct n-grams absent from the dialogue, or ``None`` below n words.

    Both are lists of words. Source: See, Liu & Manning (2017), section 5.
    """
    own = set(ngrams(summary, n))
    if not own:
        return None
    return 1 - len(own.intersection(ngrams(dialogue, n))) / len(own)


def ngrams(tokens: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Yield the runs of n consecutive words, in order."""
    return zip(*(islice(tokens, start, None) for start in range(n)), strict=False)


def signature(references: str = "var", interval: str = "none") -> str:
    """Return the signature of a ROUGE score: how it was computed, in sacrebleu's style.

    ``references`` is their number per sample (``var`` if it differs), ``interval`` the interval's method.
    """
    fields = [
        "rouge",
        f"nrefs:{references}",
        "multi-ref:max",
        "score:f1",
        "stem:porter",
        "split:newline+punkt",
        f"max-words:{MAX_WORDS}",
        "failed:0",
        f"lib:rouge_score {version('rouge_score')}",
        f"nltk {version('nltk')}",
        f"helpers {__version__}",
        "agg:mean",
        f"ci:{interval}",
    ]
    return "|".join(fields)


class _StemmedWords:
    """The default tokenizer of `rouge_score` with its stems remembered, which halves the time of a score."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

        self._porter = PorterStemmer()
        self.stem = lru_cache(maxsize=1 << 16)(self._stem)

    def _stem(self, word: str) -> str:
        try:
            return str(self._porter.stem(word))
        except RecursionError:  # the stemmer recurses once per y of "yyyy..."
            return word

    def tokenize(self, text: str) -> list[str]:
        from rouge_score.tokenize import tokenize

        return list(tokenize(text, self))


@cache
def _stemmed_words() -> _StemmedWords:
    return _StemmedWords()


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([metric for metric in METRICS if metric != "rougeL"], tokenizer=_stemmed_words())


@cache
def _splitter() -> Any:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer  # type: ignore[import-untyped]

    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    return PunktSentenceTokenizer(parameters)
