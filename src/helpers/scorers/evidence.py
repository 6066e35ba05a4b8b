"""Where a finding is: the words of a summary that a check is about, and those of the dialogue against them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from helpers.scorers.failures import OutputFailure
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection, rival, slots, weighed
from helpers.scorers.mentions import Turn, turns_of, values_of
from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people
from helpers.scorers.rouge import ngrams
from helpers.scorers.statements import Conversation, Utterance, conversation, stems
from helpers.scorers.words import words

#: A text beyond this, characters, is searched for nothing: a reader is shown no more of it.
LONGEST = 20_000
#: Words in a row that make a copy, and a loop.
_COPIED, _REPEATED = 8, 4
#: Words at the end of a summary that is cut off.
_LAST = 3

Span = tuple[int, int]


@dataclass(frozen=True)
class Mark:
    """Words that a ``flag`` is about, from ``start`` to ``end``: of the summary or, from 0 on, of a ``turn``."""

    flag: str
    start: int
    end: int
    turn: int | None = None


def evidence(
    summary: str, dialogue: str, failures: Sequence[str] = (), objections: Sequence[Objection] = ()
) -> tuple[Mark, ...]:
    """Return the words that failed output checks and objections are about, in the summary and in the dialogue's turns.

    A check that is about no words, such as one of an empty summary, has none.
    """
    if max(len(summary), len(dialogue)) > LONGEST:
        return ()
    found = list(in_summary(summary, dialogue, failures, objections))
    if OutputFailure.COPY in failures:
        found += [Mark(OutputFailure.COPY, *span, turn) for turn, span in _copied(summary, turns_of(dialogue))]
    talk = conversation(dialogue)
    for one in objections:
        found += [Mark(one.check, *span, turn) for turn, span in _against(summary, one, talk)]
    return tuple(found)


def in_summary(
    summary: str, dialogue: str, failures: Sequence[str] = (), objections: Sequence[Objection] = ()
) -> tuple[Mark, ...]:
    """Return the words of a summary that failed output checks and objections are about."""
    if max(len(summary), len(dialogue)) > LONGEST:
        return ()
    found = [
        Mark(kind, *span)
        for kind in failures
        if kind in _IN_SUMMARY
        for span in _IN_SUMMARY[OutputFailure(kind)](summary, dialogue)
    ]
    return (*found, *(Mark(one.check, *span) for one in objections for span in _told(summary, one)))


def places(text: str, wanted: str) -> Iterator[Span]:
    """Yield where words occur in a text, not as a part of longer ones."""
    if wanted:
        yield from (m.span() for m in re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", text))


def _whole(summary: str, dialogue: str) -> Iterator[Span]:
    yield 0, len(summary)


def _end(summary: str, dialogue: str) -> Iterator[Span]:
    if found := list(re.finditer(r"\S+", summary))[-_LAST:]:
        yield found[0].start(), found[-1].end()


def _start(summary: str, dialogue: str) -> Iterator[Span]:
    if found := re.search(r"\S+", summary):
        yield found.span()


def _people(summary: str, dialogue: str) -> Iterator[Span]:
    for name in dict.fromkeys(unknown_people(summary, dialogue)):
        yield from places(summary, name)


def _numbers(summary: str, dialogue: str) -> Iterator[Span]:
    values = values_of(summary)
    for number in dict.fromkeys(unspoken_numbers(summary, dialogue)):
        literal = list(places(summary, number))
        yield from literal or ((one.start, one.end) for one in values if one.key == number)


def _loops(summary: str, dialogue: str) -> Iterator[Span]:
    """Yield every run of four words that was there before or, where there is none, a word said again at once."""
    found = list(re.finditer(r"\w+", summary))
    tokens = [m[0].lower() for m in found]
    seen: set[tuple[str, ...]] = set()
    repeated = False
    for place, run in enumerate(ngrams(tokens, _REPEATED)):
        if run in seen:
            repeated = True
            yield found[place].start(), found[place + _REPEATED - 1].end()
        seen.add(run)
    if not repeated:
        yield from (m.span() for before, m in pairwise(found) if before[0].lower() == m[0].lower())


#: What a failed output check is about; `COPY` is about words of the dialogue too.
_IN_SUMMARY: Mapping[OutputFailure, Callable[[str, str], Iterator[Span]]] = {
    OutputFailure.MISSING_VALUE: _whole,
    OutputFailure.COPY: _whole,
    OutputFailure.CUT_OFF: _end,
    OutputFailure.HEAD_LOST: _start,
    OutputFailure.LOOP: _loops,
    OutputFailure.UNKNOWN_PERSON: _people,
    OutputFailure.UNSPOKEN_NUMBER: _numbers,
}


def _copied(summary: str, turns: Sequence[Turn]) -> Iterator[tuple[int, Span]]:
    """Yield the turns that occur in a summary, or of which a long run of words does."""
    own = words(summary)
    text, runs = f" {' '.join(own)} ", set(ngrams(own, _COPIED))
    for place, turn in enumerate(turns):
        said = words(turn.text)
        if said and (f" {' '.join(said)} " in text or not runs.isdisjoint(ngrams(said, _COPIED))):
            yield place, (0, len(turn.text))


def _told(summary: str, objection: Objection) -> Iterator[Span]:
    """Yield where the words of an objection occur in the summary."""
    told = objection.words
    if objection.check == FaithfulnessCheck.AT_ODDS:
        for part in dict.fromkeys(re.split(r", | … ", told)):
            yield from (m.span() for m in re.finditer(rf"(?<!\w){re.escape(part)}(?!\w)", summary, re.IGNORECASE))
        return
    value, within, sentence = told.partition(" in: ")
    if within and (at := summary.find(sentence)) >= 0:
        yield from [(at + start, at + end) for start, end in places(sentence, value)][:1]
        return
    while told and told not in summary:  # the summary has a pronoun for the name in front
        told = told.partition(" ")[2]
    if told:
        yield summary.index(told), summary.index(told) + len(told)


def _against(summary: str, objection: Objection, talk: Conversation) -> Iterator[tuple[int, Span]]:
    """Yield the place in the turns that speaks most for the rival of what the summary tells."""
    told = [one for one in slots(summary, talk) if (one.check, one.words) == (objection.check, objection.words)]
    if not told:
        return
    slot = max(told, key=weighed)
    best, shared = rival(slot), talk.shared(stems(slot.words, talk.names))

    def nearest(those: Sequence[int]) -> Utterance | None:
        return talk.utterances[max(those, key=shared.__getitem__)] if those else None

    if slot.check in (FaithfulnessCheck.WHEN, FaithfulnessCheck.HOW_MUCH):
        spoken = {place: value.text for place, value in talk.values if value.key == best}
        said = nearest(list(spoken))
        words_of = spoken[talk.utterances.index(said)] if said else ""
    else:
        said = nearest([place for place, one in enumerate(talk.utterances) if _speaks_for(best, slot.check, one)])
        words_of = said.text if said else ""
    if said:
        text = turns_of(talk.dialogue)[said.place].text
        first = next((m for m in re.finditer(re.escape(words_of), text) if m.start() >= text.find(said.text)), None)
        yield said.place, first.span() if first else (0, len(text))


def _speaks_for(candidate: str, check: FaithfulnessCheck, said: Utterance) -> bool:
    if check == FaithfulnessCheck.REVERSED:
        return said.denies == (candidate == "denied")
    return not {"commits", "plain", "tells", "asked"}.isdisjoint(said.manners.get(candidate, ()))
