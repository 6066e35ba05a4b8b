"""Planted errors: true summaries made false in one known way, to see which measure would have noticed.

Each error leaves a grammatical text that says something else than the dialogue, or leaves its outcome out. What was
planted and read to make sure of that is in ``data/planted_readings.jsonl``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import TypeVar

from helpers.core.text import stable_hash, word_set
from helpers.scorers.mentions import Turn, Value, name_pattern, sentences, speakers_of, turns_of, values_of

Item = TypeVar("Item")


class PlantedKind(StrEnum):
    """What is done to a true summary."""

    SPEAKERS_EXCHANGED = "speakers_exchanged"
    NUMBER_MOVED = "number_moved"
    DATE_MOVED = "date_moved"
    PLACE_MOVED = "place_moved"
    NEGATED = "negated"
    BEFORE_CHANGE = "before_change"
    OUTCOME_OMITTED = "outcome_omitted"
    PERSON_INVENTED = "person_invented"
    NUMBER_INVENTED = "number_invented"


@dataclass(frozen=True)
class PlantedError:
    """A false summary beside the true one that it was made of."""

    id: str
    kind: PlantedKind
    dialogue: str
    true: str
    false: str


@dataclass(frozen=True)
class _Plot:
    """What a planter works with: the true summary, its dialogue, and the chance by which it chooses."""

    text: str
    dialogue: str
    chance: random.Random

    def shuffled(self, items: Iterable[Item]) -> list[Item]:
        found = list(items)
        self.chance.shuffle(found)
        return found


def plant(kind: PlantedKind, id: str, summary: str, dialogue: str) -> PlantedError | None:
    """Return a true summary with one error of a kind in it, or ``None`` where the texts give no occasion.

    The choice among several depends on ``id``, kind and summary alone.
    """
    # A generator of chance for texts, not for secrets.
    chance = random.Random(stable_hash([id, kind, summary]))  # noqa: S311
    false = _PLANTERS[kind](_Plot(summary, dialogue, chance))
    if false is None or false == summary:
        return None
    return PlantedError(id, kind, dialogue, summary, false)


def _exchange_speakers(plot: _Plot) -> str | None:
    """Exchange two speakers, or put another in the place of the only one named."""
    speakers = [name for name in speakers_of(plot.dialogue) if len(name) > 2]
    named = [name for name in speakers if name_pattern(name).search(plot.text)]
    pairs = [(a, b) for place, a in enumerate(named) for b in named[place + 1 :] if not _alike(plot.text, a, b)]
    if pairs:
        return _renamed(plot.text, *plot.chance.choice(pairs))
    others = [name for name in speakers if name not in named]
    if len(named) == 1 and others:
        return _renamed(plot.text, named[0], plot.chance.choice(others))
    return None


def _alike(text: str, a: str, b: str) -> bool:
    """Whether a text treats two people alike somewhere ("Ana, Cleo and Ben"), or one by the other ("her manager")."""
    if re.search(rf"(?i)\b(?:his|her|their) (?:{re.escape(a)}|{re.escape(b)})\b", text):
        return True
    joined = r"(?:,? (?:and|or|with|meets?|meeting) (?:the )?|, )"
    return any(
        re.search(rf"(?i)\b{re.escape(x)}{joined}(?:[\w ]+?{joined})?{re.escape(y)}\b", text)
        for x, y in ((a, b), (b, a))
    ) or bool(re.search(r"\b(?:each other|one another|both)\b", text))


def _renamed(text: str, a: str, b: str) -> str:
    """Return the text with two speakers exchanged; a role such as Customer is spelled small and gets its article."""
    names = sorted({a, a.lower(), b, b.lower()}, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:(the|an?) )?({'|'.join(map(re.escape, names))})(?![\w-])", re.IGNORECASE)
    roles = {name for name in (a, b) if _is_role(name)}

    def other(found: re.Match[str]) -> str:
        old, new = (a, b) if found[2].lower() == a.lower() else (b, a)
        if new not in roles:
            return new
        if old in roles and not found[1]:
            return new if found[2][0].isupper() else new.lower()
        article = (found[1] or "the").lower()
        if article != "the":
            article = "an" if new[0].lower() in "aeiou" else "a"
        return _begun(f"{article} {new.lower()}", found, text)

    return pattern.sub(other, text)


def _begun(new: str, found: re.Match[str], text: str) -> str:
    """Return a text as big as its place wants it: with a capital where a sentence begins."""
    before = text[: found.start()].rstrip()
    return new[0].upper() + new[1:] if not before or before[-1] in ".!?" else new


def _is_role(name: str) -> bool:
    return not _ROLES.isdisjoint(name.lower().split())


def _moved(plot: _Plot, kinds: Sequence[str]) -> str | None:
    """Exchange two values of one kind that belong to two things, or take another of the dialogue for one."""
    own = [value for value in values_of(plot.text) if value.kind in kinds]
    pairs = [
        (a, b)
        for place, a in enumerate(own)
        for b in own[place + 1 :]
        if a.key != b.key and _shape(plot.text, a) == _shape(plot.text, b) and not _listed(plot.text, a, b)
    ]
    if pairs:
        a, b = plot.chance.choice(pairs)
        return _spliced(plot.text, [(a.start, a.end, b.text), (b.start, b.end, a.text)])
    said = [value for value in values_of(plot.dialogue) if value.key not in {one.key for one in values_of(plot.text)}]
    for value in plot.shuffled(own):
        fits = [one for one in said if _shape(plot.dialogue, one) == _shape(plot.text, value)]
        if fits:
            return _spliced(plot.text, [(value.start, value.end, plot.chance.choice(fits).text)])
    return None


def _shape(text: str, value: Value) -> tuple[str, ...]:
    """Return what two values must share to take each other's place."""
    unit = (text[value.start - 1 : value.start], text[value.end : value.end + 1])
    signs = tuple(sign for sign in unit if sign in tuple("£$€%"))
    if value.kind == "number":
        return ("number", "part" if "." in value.text else "whole", *signs)
    named = "named" if re.search("[A-Z]", value.text) else "bare"
    return (value.kind, named, "several" if value.text.endswith("days") else "one", *signs)


def _listed(text: str, a: Value, b: Value) -> bool:
    """Whether two values are side by side as equals are: "7 and 12", "Monday or Friday"."""
    return bool(re.fullmatch(r",? ?(?:and|or|,|/|-|–)? ?(?:the )?", text[a.end : b.start]))


def _move_place(plot: _Plot) -> str | None:
    """Exchange two places, or take another place of the dialogue for one."""
    own = list(_PLACE.finditer(plot.text))
    for place in plot.shuffled(own):
        others = [one for one in own if one[2] != place[2]]
        if others:
            other = plot.chance.choice(others)
            return _spliced(plot.text, [(*place.span(2), other[2]), (*other.span(2), place[2])])
        said = _place_names(plot.dialogue)
        fits = [name for name in said if name.removeprefix("the ").lower() not in plot.text.lower()]
        if fits:
            return _spliced(plot.text, [(*place.span(2), plot.chance.choice(fits))])
    return None


def _place_names(dialogue: str) -> list[str]:
    """Return the places that a dialogue mentions, as they can follow a preposition."""
    rooms = [
        f"the {noun}" for noun in re.findall(rf"\b({_PLACE_NOUNS})\b", " ".join(t.text for t in turns_of(dialogue)))
    ]
    return list(dict.fromkeys([*rooms, *re.findall(_PROPER_PLACE, dialogue)]))


def _negate(plot: _Plot) -> str | None:
    """Drop a negation, or add one to the first statement that takes it."""
    for planter in plot.shuffled((_drop_negation, _add_negation)):
        found = planter(plot)
        if found:
            return found
    return _deny(plot)


def _drop_negation(plot: _Plot) -> str | None:
    for pattern, told in _NEGATIONS:
        found = pattern.search(plot.text)
        if found:
            return plot.text[: found.start()] + found.expand(told) + plot.text[found.end() :]
    return None


def _add_negation(plot: _Plot) -> str | None:
    for found in _AUXILIARY.finditer(plot.text):
        before, after = re.split(r"[,.;:]", plot.text[: found.start()])[-1], plot.text[found.end() :]
        if not _CONDITION.search(before) and not _DENIED.match(after):
            return f"{plot.text[: found.end()]} not{plot.text[found.end() :]}"
    return None


def _deny(plot: _Plot) -> str | None:
    """Make "Ana books a table" into "Ana does not book a table"."""
    for speaker in speakers_of(plot.dialogue):
        found = re.search(
            rf"\b(?i:{re.escape(speaker)}) (?!is\b|was\b|has\b|as\b)([a-z]{{2,}}s)\b(?! and\b)", plot.text
        )
        if found and not found[1].endswith("ss") and not _DENIED.match(plot.text[found.end() :]):
            return f"{plot.text[: found.start(1)]}does not {_infinitive(found[1])}{plot.text[found.end(1) :]}"
    return None


def _infinitive(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if re.search(r"(?:ss|sh|ch|x|zz|o)es$", verb) else verb[:-1]


def _before_change(plot: _Plot) -> str | None:
    """Tell what held before somebody changed it: "at ten instead of nine" as "at nine instead of ten"."""
    own = values_of(plot.text)
    told = {value.key for value in own}
    turned = [
        (a, b)
        for a, b in pairwise(own)
        if _shape(plot.text, a) == _shape(plot.text, b) and _CHANGED.fullmatch(plot.text[a.end : b.start])
    ]
    if turned:
        a, b = plot.chance.choice(turned)
        return _spliced(plot.text, [(a.start, a.end, b.text), (b.start, b.end, a.text)])
    old = [
        (value, before)
        for value in own
        for before in _replaced(turns_of(plot.dialogue), value)
        if before.key not in told and _shape(plot.text, value) == _shape(before.text, before)
    ]
    if not old:
        return None
    value, before = plot.chance.choice(old)
    return _spliced(plot.text, [(value.start, value.end, before.text)])


def _replaced(turns: Sequence[Turn], value: Value) -> Iterable[Value]:
    """Yield the values of its kind that stood just before the turn which corrects them to ``value`` for good."""
    for place in reversed(range(len(turns))):
        text = turns[place].text
        here = values_of(text)
        at = next((one for one in here if one.kind == value.kind and one.key == value.key), None)
        if at is None:
            continue
        if not _CORRECTION.search(text):
            return
        said = [(text, one) for one in here if one.end <= at.start]
        said += [(turn.text, one) for turn in turns[max(0, place - 1) : place] for one in values_of(turn.text)]
        for where, one in said:
            if one.kind == value.kind and one.key != value.key and _commensurable(where, one, text, at):
                yield Value(one.kind, one.text, 0, len(one.text), one.key)
        return


def _commensurable(where: str, one: Value, text: str, value: Value) -> bool:
    """Whether two values can be of the same thing: numbers of about the same size before the same word or none."""
    if value.kind != "number":
        return True
    units = {found[0] for found in (_UNIT.match(where[one.end :]), _UNIT.match(text[value.end :])) if found}
    return len(units) < 2 and 0.25 <= float(one.key) / float(value.key) <= 4


def _omit_outcome(plot: _Plot) -> str | None:
    """End before the outcome: after the first sentence, or within the only one, where the rest has how it ends."""
    parts = sentences(plot.text)
    ending = _content(" ".join(turn.text for turn in turns_of(plot.dialogue)[-4:]))
    if len(parts) > 1:
        kept, lost = parts[0], " ".join(parts[1:])
    else:
        cut = [m for m in _CLAUSE_END.finditer(plot.text) if len(plot.text[: m.start()].split()) >= 5]
        if not cut:
            return None
        kept, lost = plot.text[: cut[0].start()].rstrip(" ,;") + ".", plot.text[cut[0].start() :]
    told = len(_content(lost) & ending)
    return kept if told >= 3 and told > 2 * len(_content(kept) & ending) else None


def _content(text: str) -> set[str]:
    return {word[:6] for word in re.findall(r"[^\W_]+", text.lower()) if len(word) > 3 or word.isdigit()}


def _invent_person(plot: _Plot) -> str | None:
    """Put somebody whom the dialogue does not know in the place of a speaker."""
    named = [name for name in speakers_of(plot.dialogue) if len(name) > 2 and name_pattern(name).search(plot.text)]
    strangers = [name for name in _STRANGERS if name[:3].lower() not in plot.dialogue.lower()]
    if not named or not strangers:
        return None
    gone, new = plot.chance.choice(named), plot.chance.choice(strangers)
    article = rf"(?:\b(?i:the|an?) )?{name_pattern(gone).pattern}"
    return re.sub(article, new, plot.text)


def _invent_number(plot: _Plot) -> str | None:
    """Put an unsupported number in the place of one."""
    said = {value.key for value in (*values_of(plot.dialogue), *values_of(plot.text))}
    numbers = [v for v in values_of(plot.text) if v.kind == "number" and v.text[0].isdigit() and "." not in v.text]
    for value in plot.shuffled(numbers):
        known = int(value.text.replace(",", ""))
        scale = 10 ** max(0, len(str(known)) - 2)
        new = [n for n in range(known + 2 * scale, known + 9 * scale, scale) if f"{n:g}" not in said]
        if new and known < 1_000_000:
            text = f"{plot.chance.choice(new):,}" if "," in value.text else str(plot.chance.choice(new))
            return _spliced(plot.text, [(value.start, value.end, text)])
    return None


def _spliced(text: str, changes: Sequence[tuple[int, int, str]]) -> str:
    """Return the text with spans replaced, each by a text that begins as big as the one before it did."""
    for start, end, new in sorted(changes, reverse=True):
        small = new if new[0].isupper() and _NAMED.match(new) else new[0].lower() + new[1:]
        begun = small[0].upper() + small[1:] if text[start].isupper() and not text[start:end].isupper() else small
        text = f"{text[:start]}{begun if start == 0 else small}{text[end:]}"
    return text


_PLANTERS: dict[PlantedKind, Callable[[_Plot], str | None]] = {
    PlantedKind.SPEAKERS_EXCHANGED: _exchange_speakers,
    PlantedKind.NUMBER_MOVED: partial(_moved, kinds=("number",)),
    PlantedKind.DATE_MOVED: partial(_moved, kinds=("date", "weekday", "time")),
    PlantedKind.PLACE_MOVED: _move_place,
    PlantedKind.NEGATED: _negate,
    PlantedKind.BEFORE_CHANGE: _before_change,
    PlantedKind.OUTCOME_OMITTED: _omit_outcome,
    PlantedKind.PERSON_INVENTED: _invent_person,
    PlantedKind.NUMBER_INVENTED: _invent_number,
}
_STRANGERS = (
    "Philippa", "Gerald", "Xenia", "Wolfgang", "Beatrix", "Quentin", "Zelda", "Humphrey", "Ludmila", "Fitzgerald",
)  # fmt: skip
_ROLES = word_set("""
    advisor adviser agent analyst baker boss builder caller captain citizen clerk client colleague customer desk dev
    developer director doctor driver editor engineer facilities finance guest hotel host landlord librarian locksmith
    manager mechanic member neighbour nurse office officer operations operator ops organiser parent passenger patient
    pharmacist photographer plumber producer receptionist rep reception secretary sensei spokesperson student support
    teacher team technician tenant trainer vet visitor volunteer
    """)
_NAMED = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Jan|Feb|March|April|May|June|July|Aug|Sep|Oct|Nov|Dec|[A-Z]\w+ [A-Z]"
)
_NEGATIONS = (
    (re.compile(r"\bwon't\b"), "will"),
    (re.compile(r"\bcan(?:not|'t)\b(?! be\b.* be\b)"), "can"),
    (re.compile(r"\b(will|can|may|must|should|would|is|are|was|were|has|have|had|does|do|did) not\b(?! only)"), r"\1"),
    (re.compile(r"\b(is|are|was|were|has|have|had|does|do|did|would|should|could)n't\b"), r"\1"),
    (re.compile(r"\bno longer\b"), "still"),
)  # fmt: skip
_AUXILIARY = re.compile(
    r"\b(?:will|can|must|should|is|are|was|were|(?:has|have)(?= (?:been|sent|bought|found|made|lost|left|\w+ed)\b))\b"
    r"(?!'|’)(?= )(?! (?:not|only|just|also|still|already|both|too|no|nobody|nothing|never|at least)\b)"
)
_CONDITION = re.compile(r"(?i)\b(?:until|unless|before|whether|if|once|not|never|no|than|when|only|nobody|nothing)\b")
_DENIED = re.compile(r"[^,.;:]*\b(?:no|not|none|nobody|nothing|neither|never|only|unless)\b")
_UNIT = re.compile(r"%| ?[a-z]+\b")
_CHANGED = re.compile(
    r",? (?:o'clock |each |euros |people )?(?:instead of|rather than|and not|not|,? no longer) (?:the |on |at |only )?",
    re.I,
)
_CORRECTION = re.compile(
    r"(?i)\b(?:actually|wait|sorry|make (?:it|that)|instead|rather|changed?|moved?|moving|full|earliest|"
    r"better|scratch that|too (?:late|early|many|much|dear)|(?:is|are|was)(?:n't| not)|not the|can't|no longer|then)\b"
)
_CLAUSE_END = re.compile(r", (?:so|and|but|while) |; | so (?!that)")
_PLACE_NOUNS = (
    "airport|attic|balcony|bakery|bank|bar|barn|basement|bathroom|beach|bridge|café|campsite|canteen|car park|cellar|"
    "church|cinema|clinic|corner shop|courtyard|depot|entrance|factory|farm|field|flat|forest|garage|garden|"
    "gate|greenhouse|gym|hall|harbour|hospital|hotel|house|island|kiosk|kitchen|lake|laundry room|library|lobby|market|"
    "meeting room|museum|nursery|office|park|petrol station|pharmacy|platform|playground|pool|port|post office|pub|"
    "reception|restaurant|school|shed|shop|square|stadium|station|store|street|studio|supermarket|terrace|theatre|"
    "tram depot|village|warehouse|website|workshop|yard"
)
_PROPER_PLACE = (
    r"\b[A-Z][a-z]+ (?:Street|Road|Lane|Square|Court|Hall|Park|Bridge|Station|Hill|House|Avenue|Gate|Quay)\b"
)
_PLACE = re.compile(
    rf"\b(at|in|into|to|from|outside|near|behind|by) ((?:the|a|an|his|her|their) (?:[a-z]+ )?(?:{_PLACE_NOUNS})"
    r"(?=[.,;:]| (?:and|or|but|for|at|on|to|in|by|so|as|with|until|from|while|after|before|when|where|rather|instead|"
    rf"if|because|is|are|will|has|had|was)\b)|{_PROPER_PLACE})"
)
