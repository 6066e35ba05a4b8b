"""ROUGE as the `rouge_score` package defines it, and how much of a summary is the summariser's own wording.

Each text is read once for all metrics, and the longest common subsequence is found a row of its table at a time in the
bits of one number: a score takes a tenth of the package's time. A property test holds every score to the package's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import chain, islice, pairwise
from typing import Any

from helpers import __version__
from helpers.core.text import LONGEST_TEXT
from helpers.scorers.words import Tokenizer, words

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")

#: Most pairs of a word of the summary and one of a reference that are compared: the work of a score grows with them.
MAX_PAIRS = 1 << 24
#: A longer word is no word; stemming takes the square of its length.
_LONGEST_WORD = 100

_ABBREVIATIONS = "mr mrs ms dr prof st jr sr vs etc e.g i.e a.m p.m u.s u.k"
_ABBREVIATED = frozenset(_ABBREVIATIONS.split())
#: A word that ends a sentence beyond doubt when one that begins with a letter follows.
_PLAIN_END = re.compile(r"([A-Za-z]{2,})[.?!]")
#: Characters that Punkt is given at a time: its work grows with their square.
_PIECE = 10_000
#: The ends of sentences that Punkt does not know.
_FOREIGN_STOP = re.compile(r"(?<=[。！？｡؟।۔])")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as ROUGE reads it: its stemmed words, in one row and by sentence."""

    stems: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=16)
def read(text: str, tokenizer: Tokenizer = "unicode") -> Reading:
    """Return a text as ROUGE reads it; words of ``a-z0-9`` over three letters are stemmed by Porter."""
    found = [tuple(map(_stem, words(sentence, tokenizer))) for sentence in sentences(text)]
    return Reading(tuple(chain.from_iterable(found)), tuple(filter(None, found)))


def too_long(summary: str, references: Sequence[str] = ()) -> bool:
    """Whether a summary is not scored: over `MAX_PAIRS` with a reference, or over what a text may hold at all."""
    longest = max((len(words(text)) for text in references), default=1)
    return len(summary) > 2 * LONGEST_TEXT or len(words(summary)) * longest > MAX_PAIRS


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: its lines, split by Punkt with a short list of abbreviations.

    Also after the stops of scripts that Punkt does not know.
    """
    parts = [part for line in text.splitlines() for part in _FOREIGN_STOP.split(line)]
    return [sentence for part in parts for sentence in _split(part)]


def rouge(summary: str, references: Sequence[str], tokenizer: Tokenizer = "unicode") -> dict[str, float]:
    """Return ROUGE-1/2/L/Lsum F1 in 0-1, Porter-stemmed, each metric by its best reference.

    ``references`` holds at least one text. Source: Lin (2004), as computed by `rouge_score`.
    """
    own = read(summary, tokenizer)
    scored = [_scores(own, read(text, tokenizer)) for text in references]
    return dict(zip(METRICS, map(max, zip(*scored, strict=True)), strict=True))


def _scores(own: Reading, wanted: Reading) -> tuple[float, float, float, float]:
    a, b = own.stems, wanted.stems
    if not a or not b:
        return 0.0, 0.0, 0.0, 0.0
    common = lcs_length(b, a)
    whole = len(own.sentences) == len(wanted.sentences) == 1
    return (
        _f1(_overlap(a, b), len(a), len(b)),
        _f1(_overlap(pairwise(a), pairwise(b)), max(len(a) - 1, 1), max(len(b) - 1, 1)),
        _f1(common, len(a), len(b)),
        _f1(common if whole else _union_hits(wanted, own), len(a), len(b)),
    )


def _f1(hits: int, own: int, wanted: int) -> float:
    precision, recall = hits / own, hits / wanted
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def _overlap(own: Any, wanted: Any) -> int:
    """Return how many items two rows share, each as often as in the row that has it less often."""
    left, hits = Counter(wanted), 0
    for item in own:
        if left.get(item, 0):
            left[item] -= 1
            hits += 1
    return hits


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Source: Hyyrö (2004), "Bit-parallel LCS-length computation revisited".
    """
    return len(a) - _lcs_rows(a, b)[-1].bit_count()


def _lcs_rows(a: Sequence[str], b: Sequence[str], *, keep: bool = False) -> list[int]:
    """Return the last row of the table of common subsequences, or with ``keep`` all of them, the first for no word.

    Bit i of the row for the first j words of ``b`` is 0 where word i of ``a`` makes the common subsequence longer.
    """
    places: dict[str, int] = {}
    for index, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << index
    everything = (1 << len(a)) - 1
    row = everything
    rows = [row]
    for word in b:
        if matched := row & places.get(word, 0):
            row = (row + matched | row - matched) & everything
        if keep:
            rows.append(row)
    return rows if keep else [row]


def _union_hits(wanted: Reading, own: Reading) -> int:
    """Return the words of the reference's sentences that are in a longest common subsequence with one of the summary's.

    No word counts more often than it occurs in either text. Source: Lin (2004), section 3.2, as in `rouge_score`.
    """
    left_own, left_wanted = Counter(own.stems), Counter(wanted.stems)
    places: dict[str, set[int]] = {}
    for number, sentence in enumerate(own.sentences):
        for word in sentence:
            places.setdefault(word, set()).add(number)
    hits = 0
    for sentence in wanted.sentences:
        sharing = set[int]().union(*(places.get(word, ()) for word in sentence))
        union = set[int]().union(*(_lcs_places(sentence, own.sentences[number]) for number in sharing))
        for place in sorted(union):
            word = sentence[place]
            if left_own[word] > 0 and left_wanted[word] > 0:
                hits += 1
                left_own[word] -= 1
                left_wanted[word] -= 1
    return hits


@lru_cache(maxsize=64)
def _lcs_places(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places in ``a`` of the longest common subsequence that `rouge_score` finds among several."""
    rows = _lcs_rows(a, b, keep=True)
    found = []
    i, j = len(a), len(b)
    while i and j:
        if a[i - 1] == b[j - 1]:
            i, j = i - 1, j - 1
            found.append(i)
            continue
        without_b = i - (rows[j - 1] & (1 << i) - 1).bit_count()
        without_a = i - 1 - (rows[j] & (1 << i - 1) - 1).bit_count()
        if without_b > without_a:
            j -= 1
        else:
            i -= 1
    return tuple(found)


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


def signature(references: Iterable[int], interval: str = "none", tokenizer: Tokenizer = "unicode") -> str:
    """Return the signature of a ROUGE score: how it was computed, in sacrebleu's style.

    ``references`` are their numbers per sample (it says ``var`` if they differ), ``interval`` the interval's method.
    """
    numbers = set(references)
    fields = [
        "rouge",
        f"nrefs:{numbers.pop() if len(numbers) == 1 else 'var'}",
        "multi-ref:max",
        "score:f1",
        f"tok:{tokenizer}",
        "stem:porter",
        "split:newline+punkt",
        f"max-pairs:{MAX_PAIRS}",
        "failed:0",
        f"as:rouge_score {version('rouge_score')}",
        f"nltk {version('nltk')}",
        f"regex {version('regex')}",
        f"helpers {__version__}",
        "agg:mean",
        f"ci:{interval}",
    ]
    return "|".join(fields)


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    """Return the stem of a word as `rouge_score` has it."""
    if not 3 < len(word) <= _LONGEST_WORD or not word.isascii():
        return word
    try:
        return str(_porter().stem(word))
    except RecursionError:  # the stemmer recurses once per y of "yyyy..."
        return word


def _split(line: str) -> list[str]:
    found: list[str] = []
    while bare := line.strip():
        end = len(bare) if len(bare) <= _PIECE else bare.rfind(" ", 1, _PIECE)
        piece, line = (bare[:end], bare[end:]) if end > 0 else (bare[:_PIECE], bare[_PIECE:])
        found += _plainly_split(piece) or _punkt().tokenize(piece)
    return found


def _plainly_split(line: str) -> list[str]:
    """Return the sentences of a line in which every stop is plainly one, as Punkt would; nothing where one is not."""
    tokens, found, start = line.split(), list[str](), 0
    for place, (token, following) in enumerate(pairwise(tokens), 1):
        if "." not in token and "?" not in token and "!" not in token:
            continue
        end = _PLAIN_END.fullmatch(token)
        if not end or end[1].lower() in _ABBREVIATED or not (following[0].isascii() and following[0].isalpha()):
            return []
        found.append(" ".join(tokens[start:place]))
        start = place
    last = tokens[-1].rstrip(".?!")
    # of several stops in a row Punkt may make a sentence of their own
    if len(tokens[-1]) - len(last) > 1 or "." in last or "?" in last or "!" in last:
        return []
    return [*found, " ".join(tokens[start:])]


@cache
def _porter() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@cache
def _punkt() -> Any:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATED)
    return PunktSentenceTokenizer(parameters)
