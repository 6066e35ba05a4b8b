"""What a summary states and what the turns of its dialogue say, as the stems that both share and who does it.

No parser and no model: clauses are found by their marks and conjunctions, who acts by pronouns and names. That is
enough to compare two readings of a clause, the one told and the one with another person or value.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Literal

from helpers.core.text import word_set
from helpers.scorers.mentions import Value, name_pattern, sentences, speakers_of, turns_of, values_of

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STOP = word_set("""
    a about after again all also an and any are as at be because been before being both but by can can't cannot could
    did do does doing don't down each either else even every few for from get gets getting got had has have having he
    her here hers him his how i i'd i'll i'm i've if in instead into is isn't it it's its itself just let let's like
    may me might more most much must my no nor not now of off ok okay on once one only or other our out over own per
    please put rather she she'll should since so some still such than that that's the their them then there there's
    these they they'll they're this those though through to too under until up us very was wasn't we we'd we'll we're
    we've well were what when where whether which while who whom whose why will with without won't would yes yet you
    you'd you'll you're you've your agree agrees agreed say says said tell tells told want wants wanted
    """)
#: What ends a clause of a summary, so that what follows has a subject of its own.
_BOUNDARY = re.compile(
    r"[;:!?()]|, (?:and|but|so|while|who|which|because|as|since|where|though|although) |"
    r" (?:while|because|so that|since|although|though|whereas|after|before|until|unless) "
)
_PASSIVE = re.compile(
    r"(?:has |have |will |must |can |should |may |to )?(?:be|is|are|was|were|been|being|gets?|got|receives?|received)\b"
)
_PRONOUN = re.compile(r"(?:He|She) (?=will\b|is to\b|must\b|\w+s\b)")
#: Verbs whose subject says or does little in the turns: one who receives, or makes another one act.
_CAUSES = re.compile(
    r"(?:will |can |must |should |to |may )?"
    r"(?:(?:get|receive|owe|want|need|expect|earn|learn|find|hear|like|prefer)(?:s|es)?\b|"
    r"(?:make|let|persuade|ask|help|lend|remind|allow|convince|tell|pay|give|send)(?:s|es)? "
    r"(?:[A-Z]|him\b|her\b|them\b|their\b|the\b)|"
    r"pays? [\d.,]+ to\b)"
)
_DONE_TO = re.compile(r"\b(?:has|have|had|get|gets) (?:\w+ ){1,3}\w+ed\b")
_COMMITS = re.compile(
    r"\b(?:I'll|I’ll|I will|I'd|I’d|I can|I could|let me|I'm (?:going|about) to|I'm \w+ing|I’m \w+ing|shall I)\b|"
    r"^(?:on it|will do|done|doing|\w+ing)\b",
    re.I,
)
_I = re.compile(r"\b(?:I|I'm|I've|I’m|I’ve|my|mine|me)\b")
_WE = re.compile(r"\b(?:we|we'll|we're|we've|we’ll|let's|let’s|us|our)\b", re.I)
_YOU = re.compile(r"\b(?:you|you'll|you're|you've|you’ll|your|please)\b", re.I)
#: What makes a sentence deny something.
DENIES = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|refus\w+|declin\w+|reject\w+|cancel\w*)\b|n['’]t\b",
    re.IGNORECASE,
)


@cache
def stem(word: str) -> str:
    """Return the Porter stem of a word in lower case, without a possessive s."""
    from nltk.stem.porter import PorterStemmer

    return str(PorterStemmer().stem(re.sub(r"['’]s$", "", word.lower())))


def stems(text: str, leave: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the stems of a text's words of content, in order, but for those in ``leave``."""
    words = (word.lower().replace("’", "'") for word in _WORD.findall(text))
    found = (stem(word) for word in words if word not in _STOP and len(word) > 1)
    return tuple(one for one in found if one not in leave)


Manner = Literal["commits", "tells", "plain", "asks", "asked", "named", "together"]
#: How a speaker can stand to what a sentence says: see `Utterance`.
MANNERS: tuple[Manner, ...] = ("commits", "tells", "plain", "asks", "asked", "named", "together")


@dataclass(frozen=True)
class Utterance:
    """One sentence of a turn, what it is about, and how each speaker stands to it.

    Its speaker ``commits`` ("I'll", "let me"), ``tells`` of themselves ("I", "my"), ``asks`` ("you", "please") or
    none of these (``plain``); another one is ``asked`` or ``named``; with "we" all stand ``together``.
    """

    place: int
    speaker: str
    text: str
    stems: frozenset[str]
    manners: Mapping[str, tuple[Manner, ...]]
    values: tuple[Value, ...]
    denies: bool


@dataclass(frozen=True)
class Clause:
    """A clause of a summary whose subject is a speaker: who, and the stems of what that person does."""

    agent: str
    text: str
    stems: tuple[str, ...]


@dataclass(frozen=True)
class Conversation:
    """A dialogue read once for all clauses that are compared with it."""

    dialogue: str
    speakers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Keep who speaks."""
        object.__setattr__(self, "speakers", speakers_of(self.dialogue))

    @cached_property
    def names(self) -> frozenset[str]:
        """The stems of the speakers' names, which say nothing of what is done."""
        return frozenset(one for name in self.speakers for one in stems(name))

    @cached_property
    def subject(self) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
        """What ends in a speaker whom the next one is joined to, and what finds one alone; ``None`` without names."""
        names = "|".join(re.escape(form) for name in self.speakers for form in {name, name.lower()} if len(name) > 1)
        if not names:
            return None
        joined = re.compile(rf"(?:{names})(?:,| and|, and) (?:the )?$")
        return joined, re.compile(rf"(?<![\w-])({names})(?![\w'’-])(?! and (?:{names})\b)")

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The sentences of all turns, in order."""
        turns = turns_of(self.dialogue)
        found: list[Utterance] = []
        for place, turn in enumerate(turns):
            for text in sentences(turn.text):
                around = [turns[at].speaker for at in (place - 1, place + 1) if 0 <= at < len(turns)]
                found.append(
                    Utterance(
                        place,
                        turn.speaker,
                        text,
                        frozenset(stems(text, self.names)),
                        self._manners(turn.speaker, text, [name for name in around if name != turn.speaker]),
                        values_of(text),
                        bool(DENIES.search(text)),
                    )
                )
        return tuple(found)

    @cached_property
    def values(self) -> tuple[tuple[int, Value], ...]:
        """All values that are spoken, each with the place of its sentence."""
        return tuple((place, value) for place, said in enumerate(self.utterances) for value in said.values)

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """What sharing a stem is worth: the less, the more sentences have it."""
        seen = Counter(one for said in self.utterances for one in said.stems)
        return {one: 1 / (1 + 0.5 * (count - 1)) for one, count in seen.items()}

    def matched(self, of: Sequence[str]) -> list[float]:
        """Return for every sentence the weight of the stems that it has of some."""
        found = [0.0] * len(self.utterances)
        for one in dict.fromkeys(of):
            for place in self._places.get(one, ()):
                found[place] += self.weights[one]
        return found

    def shared(self, of: Sequence[str]) -> list[float]:
        """Return for every sentence which share of some stems, by weight, it has; what nobody says does not count."""
        known = sum(self.weights.get(one, 0.0) for one in dict.fromkeys(of))
        return [weight / max(known, 1.0) for weight in self.matched(of)]

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, said in enumerate(self.utterances):
            for one in said.stems:
                found.setdefault(one, []).append(place)
        return found

    def _manners(self, speaker: str, text: str, around: Sequence[str]) -> dict[str, tuple[Manner, ...]]:
        """Return how each speaker stands to what a sentence says."""
        found: dict[str, list[Manner]] = {name: [] for name in self.speakers}
        others = [name for name in self.speakers if name != speaker]
        named = [name for name in others if name_pattern(name).search(text)]
        own = found.setdefault(speaker, [])
        if _COMMITS.search(text):
            own.append("commits")
        elif _I.search(text):
            own.append("tells")
        if _YOU.search(text):
            own.append("asks")
            for name in named or (others if len(others) == 1 else dict.fromkeys(around)):
                found[name].append("asked")
        if _WE.search(text):
            for name in self.speakers:
                found[name].append("together")
        for name in named:
            found[name].append("named")
        if not own:
            own.append("plain")
        return {name: tuple(manners) for name, manners in found.items() if manners}


@lru_cache(maxsize=512)
def conversation(dialogue: str) -> Conversation:
    """Return a dialogue as read, the last ones remembered."""
    return Conversation(dialogue)


@lru_cache(maxsize=4)
def clauses(summary: str, talk: Conversation) -> tuple[Clause, ...]:
    """Return the clauses of a summary in which one speaker, and no other with the same verb, does something."""
    found: list[Clause] = []
    if talk.subject is None:
        return ()
    joined, subject = talk.subject
    by_form = {form: name for name in talk.speakers for form in (name, name.lower())}
    last = ""
    for one in sentences(summary):
        told_by = _PRONOUN.match(one)
        # "She will …" is the one who acted last
        sentence = f"{last} {one[told_by.end() :]}" if told_by and last else one
        bounds = [0, *(m.end() for m in _BOUNDARY.finditer(sentence)), len(sentence)]
        for start, end in itertools.pairwise(bounds):
            part = sentence[start:end]
            subjects = [
                m for m in subject.finditer(part) if _is_subject(part, m) and not joined.search(part[: m.start()])
            ]
            for at, m in enumerate(subjects):
                upto = subjects[at + 1].start() if at + 1 < len(subjects) else len(part)
                told = part[m.end() : upto]
                last = m[1]
                if _PASSIVE.match(told.strip()) or _CAUSES.match(told.strip()) or _DONE_TO.search(told):
                    continue
                of = stems(told, talk.names)
                if len(of) > 1:
                    found.append(Clause(by_form[m[1]], told.strip(), of))
    return tuple(found)


def _is_subject(part: str, m: re.Match[str]) -> bool:
    """Whether a name begins what follows: no other name is joined to it, and no preposition or verb is before it."""
    before = part[: m.start()].rstrip().lower()
    after = part[m.end() :].lstrip()
    if not re.match(r"[a-z]", after) or re.match(r"(?:and|or|to|for|with|at|in|on|from|by|of|as)\b", after):
        return False
    last = re.search(r"([\w'’]+|,)$", before)
    return last is None or last[1] in _BEFORE_SUBJECT


_BEFORE_SUBJECT = word_set(", and but so while then that if as because since when which the who")
