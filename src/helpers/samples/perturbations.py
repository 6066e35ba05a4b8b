"""Harmless changes of a dialogue: speakers renamed, typos, filler. None may change what a summary of it says.

Each depends on the dialogue and a seed alone, keeps its turns, and says where it does not apply. Names, numbers and
dates keep their spelling; filler, and whatever tells a name from a role, is English.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import regex

from helpers.core.text import stable_hash, word_set
from helpers.params.samples import Change
from helpers.scorers.mentions import speakers_of, turns_of
from helpers.scorers.statements import stems
from helpers.scorers.words import letters

#: Names of any gender, so that a "he" or "she" in the turns fits as before; none begins like another.
NAMES = (
    "Arden", "Blaise", "Casey", "Devon", "Emery", "Finley", "Harley", "Indra", "Jamie", "Jules", "Kendall", "Lennox",
    "Marley", "Noor", "Peyton", "Quinn", "Remy", "Riley", "Rowan", "Sasha", "Shiloh", "Skyler", "Tatum", "Teagan",
)  # fmt: skip
#: One word in this many has a typo.
WORDS_A_TYPO = 20
#: One turn in this many begins with filler; the first has a greeting.
TURNS_A_FILLER = 3
GREETINGS = ("Hi! ", "Hello! ", "Hey! ")
FILLERS = ("Um... ", "Uh... ", "Hmm... ", "Well... ", "You know... ")

#: A label that may be a name: words with a capital, with what joins the parts of names.
_LABEL = regex.compile(r"\p{Lu}[\p{Latin}\p{M}]*(?:(?:\. |[ .'’-])\p{Lu}[\p{Latin}\p{M}]*)*")
_RUN = regex.compile(r"[\p{L}\p{M}\p{N}_]+")
#: What may get a typo: a word in lower case, of five letters or more, with nothing but common marks around it.
_PLAIN = regex.compile(r"""(?<!\S)[("'“‘]*(\p{Ll}{5,})[)"'”’]*[.,!?;…]*(?!\S)""")
_TITLES = word_set("mr mrs ms miss mx dr prof")
#: Labels that say what somebody is and not who: a summary calls them "the agent".
_ROLES = word_set(
    """
    account admin adviser advisor agent analyst applicant arbiter archer architect assistant attendant audiologist
    auditor author baker bard bassist billing board boss bot bro brother builder building bursar butcher buyer
    caller candidate captain care carer caretaker centre ceo chair chef choreographer citizen cleric clerk client
    clockmaker coach colleague collector comms concierge contractor coordinator copywriter council counsellor course
    creative customer dad data database daughter day dba dentist designer desk dev developer dietitian director
    dispatcher doctor donor driver drummer editor electrician employee employer engineer examiner exhibitor
    facilitator facilities farm farmer father ferry finance flatmate foreman forwarder founder friend gaffer game
    garden goalie gran grandad grandma grandpa granny guard guest guide guitarist gym head healer helpdesk hire
    hiring home host hotel householder hr husband instructor insurer interviewee interviewer island it journalist
    judge jungler juror keeper kennel lab landlady landlord lawyer lead leader learner lecturer legal liaison
    librarian line locksmith lost machinist mage main manager managing marketing master mayor mechanic medical
    member mentor midwife moderator mom mother mum museum narrator neighbor neighbour network newbie night nurse
    office officer one operations operator ops optician organiser organizer owner panel paralegal parent parking
    participant partner party passenger patient payroll pet pharmacist photographer physio pilot planner plant
    player plumber pm police policyholder porter president principal printer privacy producer product professor
    programmer property publisher quality quizmaster radiology rancher reader reception receptionist recruiter
    register release rep repair reporter researcher reservations resident retention reviewer rider rival rogue
    roommate runner safety sales salesperson school scout scrum secretary security seller sensei shelter shift shop
    singer sis sister site sleepyhead social solicitor sommelier son speaker spokesperson stage stargazer stay
    steward store student superintendent supervisor supplier support system tailor tank tax teacher team tech
    technician tenant terminal tester therapist tickets tourist trainee trainer travel traveler traveller treasurer
    trustee tuner tutor two unknown user vendor vet viewer vocalist volunteer waiter waitress ward warehouse web
    wife witness worker workshop writer
    """
)
#: Names that are words as well: where the turns have the word, nobody can say which of both it is.
_ALSO_WORDS = word_set(
    """
    amber angel april art august basil bill bob brook buck carol chance charity chase chip clay cliff crystal daisy dale
    dawn dean destiny don drew earnest faith felicity frank gay gene ginger glen grace grant guy hazel heath heather
    holly hope hunter iris ivy jack jasmine jay jean jewel joy june ken lance laurel lily louse mark mason melody mercy
    merry miles nick olive pat patience patty pearl penny pepper pierce piper poppy prudence ray reed rich rob robin rod
    rose ruby rusty sage sally sandy serenity skip sterling stone sue summer sunny tanner tom trinity victor violet
    wade ward warren will willow winter wood
    """
)
#: What a typo leaves alone, beside names and digits: number words, times, dates, and what turns a statement round.
_KEPT = word_set(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred hundreds thousand thousands
    million millions billion billions dozen dozens couple pair double triple twice thrice once half halves quarter
    quarters third thirds first second seconds fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth twins fortnight
    monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
    sundays january february march april may june july august september october november december today tonight
    tomorrow yesterday morning afternoon evening night noon midday midnight week weeks weekend month months year years
    hour hours minute minutes o'clock until before after
    cannot never nobody nothing none neither without unless except refuse refused reject rejected decline declined
    cancel cancelled canceled
    """
)


@dataclass(frozen=True)
class Perturbation:
    """A dialogue with a harmless change, or the ``reason`` why the change does not apply to it.

    ``exchanged`` has both names for each other, in every case they may be written in.
    """

    dialogue: str = ""
    reason: str = ""
    exchanged: Mapping[str, str] = field(default_factory=dict)

    def mapped_back(self, summary: str) -> str:
        """Return a summary of the changed dialogue with the speakers' own names.

        The names change places: one of the dialogue's own, which the changed one does not have, is a new one now.
        """
        return exchange(summary, self.exchanged)


def perturbed(change: Change, dialogue: str, seed: int) -> Perturbation:
    """Return a dialogue with a change; equal dialogues and seeds give equal changes."""
    # A generator of chance for texts, not for secrets.
    chance = random.Random(stable_hash([seed, change, dialogue]))  # noqa: S311
    return _CHANGES[change](dialogue, chance)


def exchange(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the words of ``names`` exchanged; done twice, it gives back the text."""
    return _RUN.sub(lambda word: names.get(word[0], word[0]), text) if names else text


def _rename(dialogue: str, chance: random.Random) -> Perturbation:
    speakers = speakers_of(dialogue)
    if not speakers:
        return Perturbation(reason="it names no speakers")
    said, folded = " ".join(turn.text for turn in turns_of(dialogue)), dialogue.casefold()
    own = dict.fromkeys(word for label in speakers for word in _names_in(label, said))
    new = [name for name in NAMES if name.casefold() not in folded]
    chance.shuffle(new)
    exchanged: dict[str, str] = {}
    for old, name in zip(own, new, strict=False):
        for a, b in ((old, name), (old.lower(), name.lower()), (old.upper(), name.upper())):
            if _RUN.fullmatch(a) and a not in exchanged and b not in exchanged:
                exchanged |= {a: b, b: a}
    if not exchanged:
        return Perturbation(reason="its speakers have no names that can be told from roles and words")
    changed = exchange(dialogue, exchanged)
    if [turn.speaker for turn in turns_of(changed)] != [
        exchange(turn.speaker, exchanged) for turn in turns_of(dialogue)
    ]:
        return Perturbation(reason="with other names its turns would begin elsewhere")
    return Perturbation(changed, exchanged=exchanged)


def _names_in(label: str, said: str) -> list[str]:
    """Return the parts of a speaker's label that are names which the turns, ``said``, have no other use for."""
    if not _LABEL.fullmatch(label):
        return []
    parts = [word for word in _RUN.findall(label) if len(word) > 1 and word.lower() not in _TITLES]
    roles = any(word.lower() in _ROLES or word.isupper() or _has_article(word, said) for word in parts)
    return [] if roles or any(_is_unclear(word, said) for word in parts) else parts


def _has_article(word: str, said: str) -> bool:
    """Whether the turns speak of "the agent": a role that no list has."""
    return bool(regex.search(rf"\b(?:the|an?|our|your|my)\s+{regex.escape(word)}\b", said, regex.IGNORECASE))


def _is_unclear(name: str, said: str) -> bool:
    """Whether the turns have a name as a word as well ("will"), or a short form of it, which would remain."""
    words, own = set(_RUN.findall(said)), name.casefold()
    if (own in _ALSO_WORDS or not stems(name)) and own in {word.casefold() for word in words}:
        return True
    short = {word for word in words if 2 < len(word) < len(name) and word[0].isupper() and own[0] == word[0].casefold()}
    return any(own.startswith(word.casefold()) and stems(word) for word in short)


def _misspell(dialogue: str, chance: random.Random) -> Perturbation:
    runs = _RUN.findall(dialogue)
    names = {word.casefold() for label in speakers_of(dialogue) for word in _RUN.findall(label) if len(word) > 2}
    kept = _KEPT | {word.casefold() for word in runs if word != word.lower()} | names
    known = kept | {word.casefold() for word in runs}
    places = [
        (at, word)
        for at, word in _plain_words(dialogue)
        if word.casefold() not in kept and not word.startswith(tuple(names)) and _misspellings(word, known)
    ]
    if not places:
        return Perturbation(reason="it has no word that may be misspelled")
    chosen = chance.sample(places, min(len(places), max(1, round(len(runs) / WORDS_A_TYPO))))
    return Perturbation(
        _spliced(dialogue, ((at, len(word), chance.choice(_misspellings(word, known))) for at, word in chosen))
    )


def _plain_words(dialogue: str) -> Iterator[tuple[int, str]]:
    """Yield the words that may get a typo, with their places; what may be a speaker's label gets none."""
    for at, line in _lines(dialogue):
        for found in _PLAIN.finditer(line, line.find(":") + 1):
            yield at + found.start(1), found[1]


def _misspellings(word: str, known: frozenset[str] | set[str]) -> list[str]:
    """Return a word with two neighbours swapped, or one letter dropped or doubled, first and last letter staying.

    None is a word that the dialogue has, or one that means a number, a date or a denial.
    """
    inner = range(1, len(word) - 1)
    swapped = {f"{word[:i]}{word[i + 1]}{word[i]}{word[i + 2 :]}" for i in inner[:-1]}
    dropped = {word[:i] + word[i + 1 :] for i in inner}
    doubled = {word[:i] + word[i] + word[i:] for i in inner}
    return sorted((swapped | dropped | doubled) - known)


def _fill(dialogue: str, chance: random.Random) -> Perturbation:
    seen, there = letters(dialogue)
    turns = [at for at in map(_turn_begins, _lines(dialogue)) if at is not None]
    if not turns:
        return Perturbation(reason="it has no turns of speakers")
    if 2 * seen < there:
        return Perturbation(reason="filler is English, and it is not")
    fillers = [chance.choice(GREETINGS)]
    fillers += [chance.choice(FILLERS) if chance.random() * TURNS_A_FILLER < 1 else "" for _ in turns[1:]]
    return Perturbation(_spliced(dialogue, ((at, 0, text) for at, text in zip(turns, fillers, strict=True))))


def _turn_begins(placed: tuple[int, str]) -> int | None:
    """Return where the text of a speaker's turn begins that is on a line; ``None`` where the line has none."""
    at, line = placed
    found = turns_of(line)
    if len(found) != 1 or not found[0].speaker or not _RUN.search(found[0].text):
        return None
    begin = line.index(":") + 1
    return at + begin + len(line[begin:]) - len(line[begin:].lstrip())


def _lines(dialogue: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in dialogue.splitlines(keepends=True):
        yield at, line
        at += len(line)


def _spliced(text: str, parts: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with other text at some places: where each begins, how many characters go, and what comes."""
    for at, length, new in sorted(parts, reverse=True):
        text = text[:at] + new + text[at + length :]
    return text


_CHANGES: Mapping[Change, Callable[[str, random.Random], Perturbation]] = {
    "renamed": _rename,
    "typos": _misspell,
    "filler": _fill,
}
