"""People named in a summary who do not occur in its dialogue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from helpers.core.text import word_set

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_OPENING = " \t\"'“‘«([{*_-–•"


#: Capitalised in English without naming a person.
_CALENDAR = word_set(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december christmas easter ramadan diwali mr mrs ms miss dr prof
    """
)
#: Words without content of their own, which open sentences with a capital.
_FUNCTION_WORDS = word_set(
    """
    a about above according across after afterwards again against all almost along already also although
    altogether always among an and another any anybody anyone anything apart around as at away back
    because before behind below beside besides between beyond both but by can cannot could despite did
    do does down due during each either else enough even eventually ever every everybody everyone
    everything except few finally first for from further had has have having he hence her here hers
    herself him himself his how however i if in indeed initially inside instead into is it its itself
    just last later least less lest like likewise little many may meanwhile might more moreover most
    much must my near neither never nevertheless next no nobody none nonetheless nor not nothing now
    nowhere of off often on once one only onto or other others otherwise our out outside over owing own
    past per perhaps please possibly previously provided quite rather regarding same second several
    shall she should since so some somebody someone something sometimes soon still such than that the
    their theirs them themselves then there thereafter therefore these they third this those though
    three through throughout thus till to today together tomorrow tonight too towards two under unless
    unlike until up upon us usually various was we well were what whatever when whenever where whereas
    wherever whether which while who whoever whom whose why will with within without would yes yesterday
    yet you your
    """
)
_NOT_A_NAME = re.compile(r"(?:ing|ed|ly|[ts]ion|ment|ness|ship|ity|ance|ence|ery|ous|ful|less|able|ible)$")
#: What follows a subject: auxiliaries, relative pronouns, and past tenses that no ending gives away.
_AFTER_A_NAME = word_set(
    """
    also and began bought brought came can can't cannot chose could couldn't did didn't do does doesn't
    felt forgot found gave got had hadn't has hasn't heard held is isn't kept knew left lent lost made
    may meant met might must or paid put ran reset said sat saw sent set should sold spent spoke swept
    taught thought threw told took was wasn't went who who'd who'll who's whom whose will won won't
    would wouldn't wrote
    """
)
_VERB = re.compile(r"(?:[^s]s|ed)$")


def unknown_people(summary: str, dialogue: str) -> list[str]:
    """Return the names in a summary that are nowhere in the dialogue, in order.

    A name is a capitalised word that is no weekday, month or title. The first word of a sentence counts only
    when it reads as a subject: followed by 's, a verb, a relative pronoun or another name. Accents, case,
    a possessive or plural s, and short forms ("Alex" for Alexandra) make no difference. Places and
    nationalities that the dialogue does not mention are reported like people.
    """
    known = set(re.findall(r"[^\W\d_]+", _fold(dialogue)))
    return [name for name in _names(summary) if not _is_known(_fold(name), known)]


def _names(summary: str) -> Iterator[str]:
    found = list(_WORD.finditer(summary))
    for word, following in zip_longest(found, found[1:]):
        name = re.sub(r"['’]s?$", "", word[0])
        folded = _fold(name)
        if not _looks_like_name(name) or folded in _CALENDAR or folded.removesuffix("s") in _CALENDAR:
            continue
        before = summary[: word.start()].rstrip(_OPENING)[-1:]
        opens_sentence = before in ("", *".!?…:;\n")
        if not opens_sentence or _reads_as_subject(folded, word, following, summary):
            yield name


def _reads_as_subject(folded: str, word: re.Match[str], following: re.Match[str] | None, summary: str) -> bool:
    if folded in _FUNCTION_WORDS or _NOT_A_NAME.search(folded):
        return False
    if word[0].endswith(("'s", "’s")):
        return True
    if following is None:
        return False
    gap, after = summary[word.end() : following.start()], following[0].replace("’", "'")
    if gap == " ":
        return after in _AFTER_A_NAME or _looks_like_name(after) or bool(_VERB.search(after))
    return gap == ", " and (_looks_like_name(after) or after.startswith("who") or after in {"her", "his"})


def _looks_like_name(word: str) -> bool:
    """Whether a word has one capital, at its start or after an apostrophe, as Ana and O'Neil have."""
    return len(word) > 1 and all(part.istitle() for part in re.split(r"['’]", word) if part and part != "s")


def _is_known(name: str, known: set[str]) -> bool:
    forms = {name, name.removesuffix("s"), name + "s", *re.split(r"['’]", name)}
    if forms & known:
        return True
    # A short form: "Alex" for Alexandra; but Maria is not Mariam.
    return len(name) > 2 and any(word.startswith(name) and len(word) > len(name) + 1 for word in known)


def _fold(text: str) -> str:
    """Return a text in lower case without accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain if not unicodedata.combining(character)).lower()
