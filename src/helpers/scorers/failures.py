"""Failed output checks: valid answers that are no summary of their dialogue."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Sequence
from enum import StrEnum
from itertools import chain

from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people
from helpers.scorers.rouge import ngrams, too_long
from helpers.scorers.words import words


class OutputFailure(StrEnum):
    """What can be wrong with a text that was delivered as a summary."""

    EMPTY = "empty"
    MISSING_VALUE = "missing_value"
    TOO_LONG = "too_long"
    COPY = "copy"
    CUT_OFF = "cut_off"
    HEAD_LOST = "head_lost"
    LOOP = "loop"
    UNKNOWN_PERSON = "unknown_person"
    UNSPOKEN_NUMBER = "unspoken_number"


#: What readers are told of each.
OUTPUT_LABELS = {
    OutputFailure.EMPTY: "Empty",
    OutputFailure.MISSING_VALUE: "The name of a missing value",
    OutputFailure.TOO_LONG: "Too long to check",
    OutputFailure.COPY: "Copied from the dialogue",
    OutputFailure.CUT_OFF: "Ends within a sentence",
    OutputFailure.HEAD_LOST: "Begins within a sentence",
    OutputFailure.LOOP: "Repeats itself",
    OutputFailure.UNKNOWN_PERSON: "Name not in the dialogue",
    OutputFailure.UNSPOKEN_NUMBER: "Number not in the dialogue",
}


#: The kinds that cannot be judged without the dialogue.
NEED_DIALOGUE = (OutputFailure.COPY, OutputFailure.UNKNOWN_PERSON, OutputFailure.UNSPOKEN_NUMBER)

#: How servers say that an answer ended by itself.
COMPLETE = ("stop", "eos", "eos_token", "stop_sequence", "end_turn")

#: What programs write where a value is missing.
_MISSING = frozenset(("nan", "none", "null", "n/a", "na", "<na>", "nat", "#n/a", "undefined", "[null]"))
_COPY_RUN = 8
_COPY_SHARE = 0.8
_LOOP_RUN = 4
_LOOP_SHARE = 0.3
_LONGEST_PERIOD = 30

_SPEAKER = re.compile(r"^[^:\n]{1,40}:", re.MULTILINE)
_BULLET = re.compile(r"^[\s\"'“‘«(\[*_#>•–-]+")
_MARKS = ".,;:!?…%'’\")]"
_PLAIN_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_ENDS_IN_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|e\.g|i\.e|vs)\.$")


def output_failures(
    summary: str | None, dialogue: str | None, references: Sequence[str] = ()
) -> tuple[OutputFailure, ...]:
    """Return what is wrong with a summary, in the order of `OutputFailure`; an empty tuple when nothing is.

    Without a dialogue the kinds in `NEED_DIALOGUE` are not judged. The references only tell the style: where none of
    them ends (or begins) as a sentence does, neither need the summary. A text that is empty, too long or only the name
    of a missing value (nan, None, N/A) has no other failure.
    """
    if summary is None or not re.search(r"[^\W_]", summary):
        return (OutputFailure.EMPTY,)
    if summary.strip().casefold() in _MISSING:
        return (OutputFailure.MISSING_VALUE,)
    if too_long(summary, references):
        return (OutputFailure.TOO_LONG,)
    checks = {
        OutputFailure.COPY: dialogue is not None and _is_copy(summary, dialogue),
        OutputFailure.CUT_OFF: _is_cut_off(summary) and not (references and all(map(_is_cut_off, references))),
        OutputFailure.HEAD_LOST: _has_lost_head(summary) and not (references and all(map(_has_lost_head, references))),
        OutputFailure.LOOP: _is_loop(re.findall(r"\w+", summary.lower())),
        OutputFailure.UNKNOWN_PERSON: dialogue is not None and bool(unknown_people(summary, dialogue)),
        OutputFailure.UNSPOKEN_NUMBER: dialogue is not None and bool(unspoken_numbers(summary, dialogue)),
    }
    return tuple(kind for kind, found in checks.items() if found)


def as_told(failures: Sequence[OutputFailure], finish: str) -> tuple[OutputFailure, ...]:
    """Return the failures with ``cut_off`` as the server tells it: by why it ended an answer, not by how the text ends.

    ``finish`` is its word: ``length`` is a cut-off, `COMPLETE` are none; any other tells nothing.
    """
    told = {OutputFailure.CUT_OFF} if finish == "length" else set()
    kept = {kind for kind in failures if kind != OutputFailure.CUT_OFF or finish not in COMPLETE}
    return tuple(kind for kind in OutputFailure if kind in kept | told)


def _is_copy(summary: str, dialogue: str) -> bool:
    """Whether most runs of eight words occur in the dialogue, its speakers' labels read or skipped."""
    said, own = words(dialogue), words(summary)
    if not own:  # a script that is not read as words
        return summary.strip() in dialogue
    unlabelled = words(_SPEAKER.sub(" ", dialogue))
    if own in (said, unlabelled):
        return True
    runs = set(ngrams(own, _COPY_RUN))
    taken = runs.intersection(chain(ngrams(said, _COPY_RUN), ngrams(unlabelled, _COPY_RUN)))
    return bool(runs) and len(taken) >= _COPY_SHARE * len(runs)


def _is_cut_off(text: str) -> bool:
    """Whether the text stops within a sentence; a list none of whose lines ends like one does not."""
    lines = [line for line in text.splitlines() if re.search(r"\w", line)]
    if len(lines) > 1 and not any(map(_ends_sentence, lines)):
        return False
    return not _ends_sentence(lines[-1]) or bool(_ENDS_IN_TITLE.search(lines[-1]))


def _ends_sentence(line: str) -> bool:
    """Whether a line has a stop, no ellipsis, before the quotes, brackets and emoji at its end."""
    telling = "".join(re.findall(r"[\w.!?…。！？｡؟।۔,;:]", line))
    return telling.endswith((".", "!", "?", "。", "！", "？", "｡", "؟", "।", "۔")) and not telling.endswith("..")


def _has_lost_head(text: str) -> bool:
    """Whether the text starts within a sentence: in lower case or with a mark that only follows words.

    A first word with a capital, digit or sign in it (iPhone, db-3, total_net) may be small.
    """
    start = _BULLET.sub("", text)
    first = start.split(maxsplit=1)[0].rstrip(_MARKS) if start else ""
    return not first or first[0] in _MARKS or (first.islower() and re.fullmatch(_PLAIN_WORD, first) is not None)


def _is_loop(tokens: Sequence[str]) -> bool:
    """Whether the words go round: three times the same in a row, or many runs of four said before."""
    if len(set(tokens)) == len(tokens):
        return False
    runs = list(ngrams(tokens, _LOOP_RUN))
    if runs and 1 - len(set(runs)) / len(runs) >= _LOOP_SHARE:
        return True
    enough = {period: max(2 * period, 3) for period in range(1, _LONGEST_PERIOD + 1)}
    likely = (period for period, count in _distances(tokens).items() if count >= enough[period])
    return any(_longest_repeat(tokens, period) >= enough[period] for period in likely)


def _distances(tokens: Sequence[str]) -> Counter[int]:
    """Return how many words equal the word at a distance before them, for every distance that a period may have."""
    counts: Counter[int] = Counter()
    seen: dict[str, deque[int]] = {}
    for place, token in enumerate(tokens):
        before = seen.setdefault(token, deque(maxlen=_LONGEST_PERIOD))
        for earlier in reversed(before):
            if place - earlier > _LONGEST_PERIOD:
                break
            counts[place - earlier] += 1
        before.append(place)
    return counts


def _longest_repeat(tokens: Sequence[str], period: int) -> int:
    """Return the longest stretch of words that equal the word one period before."""
    longest = current = 0
    for earlier, later in zip(tokens, tokens[period:], strict=False):
        current = current + 1 if earlier == later else 0
        longest = max(longest, current)
    return longest
