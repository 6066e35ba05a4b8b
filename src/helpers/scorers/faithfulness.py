"""Checks of who, what, when and how much: how strongly a dialogue speaks against what its summary tells.

A check holds the summary as it is told against rival readings, another person or another value in the same place, and
gives the odds of the best rival over the told one, on a logarithmic scale. From its bound on it is found; what the odds
follow from and the bounds were fitted on the bundled ``train`` and ``validation`` references (docs/faithfulness.md).
Whatever chooses among answers must not read this module: a measure must not be its own tutor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from math import log

from helpers.core.model import Frozen
from helpers.core.text import word_set
from helpers.scorers.mentions import Value, name_pattern, sentences, values_of
from helpers.scorers.statements import DENIES, MANNERS, Conversation, clauses, conversation, stems


class FaithfulnessCheck(StrEnum):
    """The faithfulness checks of a summary; each is found where the dialogue contradicts the summary."""

    WHO = "who_does_what"
    WHEN = "when"
    HOW_MUCH = "how_much"
    REVERSED = "negation"
    AT_ODDS = "at_odds_with_itself"


#: What readers are told of each.
CHECK_LABELS = {
    FaithfulnessCheck.WHO: "Who does what",
    FaithfulnessCheck.WHEN: "When",
    FaithfulnessCheck.HOW_MUCH: "How much",
    FaithfulnessCheck.REVERSED: "Affirmed or denied",
    FaithfulnessCheck.AT_ODDS: "Says a thing twice",
}


class Objection(Frozen):
    """One thing that a check found: how strongly, and the words of the summary that it is about."""

    check: FaithfulnessCheck
    strength: float
    words: str


@dataclass(frozen=True)
class Slot:
    """A place of a summary that one of several candidates fills: what speaks for each, and which one is told."""

    check: FaithfulnessCheck
    words: str
    told: str
    evidence: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Judge:
    """What a check weighs, by how much, and the odds from which on it is found."""

    features: tuple[str, ...]
    weights: tuple[float, ...]
    bound: float


WHO_FEATURES = (*MANNERS, "answers", "share")
REVERSED_FEATURES = ("closest", "matched", "share")
VALUE_FEATURES = ("same", "before", "after", "unit", "word_before", "last", "mentions", "corrected", "agent")
#: As ``helpers.experiments.training.checks`` fitted them.
JUDGES: Mapping[FaithfulnessCheck, Judge] = {
    FaithfulnessCheck.WHO: Judge(WHO_FEATURES, (2.98, 1.39, -0.36, 0.09, 1.85, 2.78, 0.0, 0.6, 1.34), 2.35),
    FaithfulnessCheck.WHEN: Judge(VALUE_FEATURES, (2.41, 1.14, 1.01, 1.66, 0.86, 0.86, -0.18, -0.7, 0.81), 2.84),
    FaithfulnessCheck.HOW_MUCH: Judge(VALUE_FEATURES, (2.7, 1.31, 0.96, 2.15, 1.98, 1.57, 0.17, -0.34, 0.56), 4.26),
    FaithfulnessCheck.REVERSED: Judge(REVERSED_FEATURES, (-1.96, 0.21, 3.99), 3.45),
    FaithfulnessCheck.AT_ODDS: Judge((), (), 0.65),
}


def faithfulness(summary: str | None, dialogue: str) -> tuple[Objection, ...]:
    """Return what the checks find in a summary, each at most once, with what it finds strongest."""
    if not summary or not summary.strip():
        return ()
    found = strongest(summary, conversation(dialogue))
    return tuple(one for check, one in found.items() if one.strength >= JUDGES[check].bound)


def strongest(summary: str, talk: Conversation) -> dict[FaithfulnessCheck, Objection]:
    """Return the strongest objection of each check that has one to make, however weak."""
    found: dict[FaithfulnessCheck, Objection] = {}
    for slot in slots(summary, talk):
        against = weighed(slot)
        if slot.check not in found or against > found[slot.check].strength:
            found[slot.check] = Objection(check=slot.check, strength=against, words=slot.words)
    weight, words = at_odds(summary, talk)
    if words:
        found[FaithfulnessCheck.AT_ODDS] = Objection(check=FaithfulnessCheck.AT_ODDS, strength=weight, words=words)
    return {check: found[check] for check in FaithfulnessCheck if check in found}


def slots(summary: str, talk: Conversation) -> Iterator[Slot]:
    """Yield every place of a summary with somebody who acts, a value or a statement, each with its rivals."""
    yield from _subjects(summary, talk)
    yield from _values(summary, talk)
    yield from _statements(summary, talk)


def _subjects(summary: str, talk: Conversation) -> Iterator[Slot]:
    for clause in clauses(summary, talk):
        if len(talk.speakers) > 1:
            evidence = {name: _acts(name, clause.stems, talk) for name in talk.speakers}
            yield Slot(FaithfulnessCheck.WHO, f"{clause.agent} {clause.text}", clause.agent, evidence)


def _acts(name: str, about: Sequence[str], talk: Conversation) -> tuple[float, ...]:
    """Return what speaks for a speaker as the one who does something, in the order of `WHO_FEATURES`."""
    best = dict.fromkeys(MANNERS, 0.0)
    answers, own, before = 0.0, 0.0, 0.0
    everywhere = talk.shared(about)
    for said, shared in zip(talk.utterances, everywhere, strict=True):
        for manner in said.manners.get(name, ()):
            best[manner] = max(best[manner], shared)
        if said.speaker == name:
            own += shared
            if not {"commits", "plain"}.isdisjoint(said.manners.get(name, ())):
                answers = max(answers, before)
            before = 0.0
        else:
            before = max(before, shared) if shared else before * 0.5
    total = sum(everywhere)
    return (*best.values(), answers, own / total if total else 1 / len(talk.speakers))


def _values(summary: str, talk: Conversation) -> Iterator[Slot]:
    agents = {clause.text: clause.agent for clause in clauses(summary, talk)}
    for sentence in sentences(summary):
        told = values_of(sentence)
        for value in told:
            candidates = {one.key: one for _, one in talk.values if one.kind == value.kind}
            own = next((key for key, one in candidates.items() if equal(value, one)), None)
            if own is None or len(candidates) < 2:
                continue
            about = _around(sentence, value, told, talk)
            agent = next((name for text, name in agents.items() if value.text in text and text in sentence), "")
            evidence = {key: _stands(one, value, sentence, about, agent, talk) for key, one in candidates.items()}
            check = FaithfulnessCheck.HOW_MUCH if value.kind == "number" else FaithfulnessCheck.WHEN
            yield Slot(check, f"{value.text} in: {sentence}", own, evidence)


def _statements(summary: str, talk: Conversation) -> Iterator[Slot]:
    for sentence in sentences(summary):
        for part in _CLAUSE.split(sentence):
            about = stems(part, talk.names)
            if len(about) > 1:
                told = "denied" if DENIES.search(part) else "affirmed"
                evidence = {name: _says(about, talk, name == "denied") for name in ("denied", "affirmed")}
                yield Slot(FaithfulnessCheck.REVERSED, part.strip(), told, evidence)


def _says(about: Sequence[str], talk: Conversation, denies: bool) -> tuple[float, ...]:
    """Return what speaks for a statement as affirmed or denied, in the order of `REVERSED_FEATURES`."""
    shared, matched = talk.shared(about), talk.matched(about)
    own = [place for place, said in enumerate(talk.utterances) if said.denies == denies]
    total = sum(shared)
    return (
        max((shared[place] for place in own), default=0.0),
        max((matched[place] for place in own), default=0.0),
        sum(shared[place] for place in own) / total if total else 0.5,
    )


_CLAUSE = re.compile(r"[,;:]| (?:and|but|so|because|while|until|as|since) ")


def _around(sentence: str, value: Value, told: Sequence[Value], talk: Conversation) -> dict[str, float]:
    """Return the stems near a value in its sentence, the nearer the heavier."""
    found: dict[str, float] = {}
    for side, text in ((-1, sentence[: value.start]), (1, sentence[value.end :])):
        near = stems(text, talk.names)
        for distance, one in enumerate(reversed(near) if side < 0 else near):
            found[one] = max(found.get(one, 0.0), 1 / (1 + 0.4 * distance))
    for other in told:
        for one in stems(other.text):
            found.pop(one, None)
    return found


def _stands(
    value: Value, told: Value, sentence: str, about: Mapping[str, float], agent: str, talk: Conversation
) -> tuple[float, ...]:
    """Return the evidence for a value as the one in a place of the summary, in the order of `VALUE_FEATURES`."""
    said = talk.utterances
    spoken = [(place, one) for place, one in talk.values if equal(value, one)]
    places = list(dict.fromkeys(place for place, _ in spoken))
    scale = sum(weight * talk.weights[one] for one, weight in about.items() if one in talk.weights) or 1.0

    def shared(step: int) -> float:
        near = [said[place + step].stems for place in places if 0 <= place + step < len(said)]
        return (
            max((sum(about[one] * talk.weights[one] for one in about if one in has) for has in near), default=0.0)
            / scale
        )

    next_word, last_word = _next_word(sentence, told.end), _last_word(sentence, told.start)
    return (
        shared(0),
        shared(-1),
        shared(1),
        float(any(next_word == _next_word(said[at].text, one.end) != "" for at, one in spoken)),
        float(any(last_word == _last_word(said[at].text, one.start) != "" for at, one in spoken)),
        max(places, default=0) / max(len(said), 1),
        log(1 + len(places)),
        float(bool(places) and _is_corrected(value, places[-1], talk)),
        float(any(said[at].speaker == agent for at in places)) if agent else 0.0,
    )


@lru_cache(maxsize=1 << 12)
def _next_word(text: str, end: int) -> str:
    found = _FIRST.match(text[end:])
    return (found[1] or found[2]).lower() if found else ""


@lru_cache(maxsize=1 << 12)
def _last_word(text: str, start: int) -> str:
    found = _LAST.match(text[:start][::-1])
    return found[1][::-1].lower() if found else ""


_FIRST = re.compile(r"(%)|[^\w.;!?]*([^\W\d_]+)")
#: The last word of a text that is read backwards: a search for its end would begin at every letter.
_LAST = re.compile(r"[^\w.;!?]*([^\W\d_]+|[£$€])")


def equal(a: Value, b: Value) -> bool:
    """Whether two values are the same: "the 14th" is 14 March, "at 3" is 3:00."""
    if a.kind == b.kind == "date":
        return a.key == b.key or a.key.startswith(f"{b.key} ") or b.key.startswith(f"{a.key} ")
    if a.kind == b.kind:
        return a.key == b.key
    number, other = (a, b) if a.kind == "number" else (b, a)
    return number.kind == "number" and other.kind in ("time", "date") and re.split("[: ]", other.key)[0] == number.key


_CORRECTS = re.compile(
    r"(?i)(?:\bactually\b|\bno,? wait\b|\bwait\b|\bsorry\b|\bmake (?:it|that)\b|\binstead\b|\brather\b|"
    r"\b(?:is|are|was)(?:n't| not)\b|\bnot\b|^no\b|\bthen\b|\bbetter\b|\bchanged?\b|\bmoved?\b|\bfull\b|\bearliest\b|"
    r"\bfinal\w*\b)"
)


def _is_corrected(value: Value, last: int, talk: Conversation) -> bool:
    """Whether the sentence of a value's last mention, or one of the next three, corrects it to another of its kind."""
    return any(
        any(one.kind == value.kind and not equal(one, value) for one in said.values) and _CORRECTS.search(said.text)
        for said in talk.utterances[last : last + 4]
    )


def _repeats(summary: str, talk: Conversation) -> list[tuple[float, str]]:
    """Return what the summary says twice, with its weight: a value at two things, a phrase, one person as two."""
    names = {word for name in talk.speakers for word in name.lower().split()}
    found: list[tuple[float, str]] = []
    seen: dict[tuple[str, str], set[str]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    spelled: dict[tuple[str, str], str] = {}
    for value in values_of(summary):
        label = _last_word(summary, value.start)
        key = (str(value.kind), value.key)
        # "room 4 … room 4" names one thing; "Flatmate 2" is a name
        if label in names or (value.kind == "number" and label in seen.get(key, set()) and label not in _LINKS):
            continue
        seen.setdefault(key, set()).add(label)
        counts[key] += 1
        spelled[key] = value.text
    for key, count in counts.items():
        if count > 1:
            found.append((count - 1.0 if spelled[key][0].isdigit() or key[0] != "number" else 0.5, spelled[key]))
    said = talk.dialogue.lower()
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", summary.lower())
    pairs = Counter(pairwise(words))
    for pair, count in pairs.items():
        telling = [word for word in pair if len(stems(word)) == 1 and word not in names and word not in _TITLES]
        common = said.count(" ".join(pair)) > 1  # a name for one thing, such as "heat pump"
        if count > 1 and len(telling) == 2 and not common and not any(word.isdigit() for word in pair):
            found.append((count - 1.0, " ".join(pair)))
    for name in (name for name in talk.speakers if len(name) > 2):
        parts = [part for sentence in sentences(summary) for part in _PARTS.split(sentence)]
        found += [(2.0, f"{name} … {name}") for part in parts if len(name_pattern(name).findall(part)) > 1]
    for first, second in re.findall(
        r"\b(\w+) (?:and|to|with|for|or|instead of|rather than) (?:the |a )?(\w+)\b", summary
    ):
        if first.lower() == second.lower() and (stems(first) or first.isdigit()):
            found.append((2.0, f"{first} … {second}"))
    return found


_PARTS = re.compile(r"[;:]|, | and ")
_TITLES = word_set("mr mrs ms miss dr prof half quarter past o'clock")
_LINKS = word_set("a an the of for at to in on by and or with from about until is are pay pays paid costs")


def at_odds(summary: str, talk: Conversation) -> tuple[float, str]:
    """Return how much a summary repeats for its length, and what."""
    found = _repeats(summary, talk)
    words = len(summary.split())
    return sum(weight for weight, _ in found) * 25 / max(25, words), ", ".join(what for _, what in found)


def strength(slot: Slot, weights: Sequence[float]) -> float:
    """Return the logarithm of the odds of the best rival of a slot over what is told."""
    odds = _odds(slot, weights)
    return max(value for name, value in odds.items() if name != slot.told) - odds[slot.told]


def weighed(slot: Slot) -> float:
    """Return how strongly the best rival of a slot is preferred to what is told, by the weights of its check."""
    return strength(slot, JUDGES[slot.check].weights)


def rival(slot: Slot) -> str:
    """Return the candidate for a slot that the dialogue speaks for most, beside the one that is told."""
    odds = _odds(slot, JUDGES[slot.check].weights)
    return max((name for name in odds if name != slot.told), key=odds.__getitem__)


def _odds(slot: Slot, weights: Sequence[float]) -> dict[str, float]:
    return {name: sum(w * x for w, x in zip(weights, row, strict=True)) for name, row in slot.evidence.items()}
