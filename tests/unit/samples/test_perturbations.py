"""Changes of a dialogue that may not change what its summary says: what they do, leave alone, and do not apply to."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.params import Samples
from helpers.params.samples import Change
from helpers.samples.dataset import load_samples
from helpers.samples.perturbations import FILLERS, GREETINGS, NAMES, Perturbation, exchange, perturbed
from helpers.scorers.mentions import turns_of, values_of
from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people

CHANGES: tuple[Change, ...] = get_args(Change)
#: Any text, and such as looks like a dialogue: labels, names in every case and form, numbers, dates, all line ends.
ANYTHING = st.text(max_size=80)
PARTS = st.sampled_from(
    [
        *("Ana: ", "Ben: ", "Dr. Ana Silva: ", "Agent: ", "A: ", "ana: ", "İdil: ", "Straß: ", "O'Neil: ", "美咲: "),
        *("Alexandra: ", "Will: ", "Note to self: ", ": ", ":", "Ana", "ana", "ANA", "ana's", "Ben’s", "will", "Alex"),
        *("Quinn", "never", "seven", "tent", "fiver", "twenty-one", "14:30", "on the 3rd", "Monday", "monday", "30%"),
        *("because", "really", "tomorrow", "“through”", "understood,", "meeting.", "db-backup", "a@b.example"),
        *("\n", "\n", "\n", "\r\n", "\u2028", "\x1c", "\t", " "),
    ]
)
DIALOGUES = st.lists(PARTS, max_size=30).map(" ".join) | ANYTHING
SEEDS = st.integers(0, 3)


@settings(deadline=None)  # the first one imports a stemmer
@given(st.sampled_from(CHANGES), DIALOGUES, SEEDS)
@example("renamed", f"Jo: hi\n{'x' * 38} Jo: is no label\nJo: bye", 0)
@example("typos", f"Jo: hi\n{'understood' * 4}: a label if it were shorter", 0)
def test_turns_stay_and_a_seed_decides(change: Change, dialogue: str, seed: int) -> None:
    found = perturbed(change, dialogue, seed)
    assert found == perturbed(change, dialogue, seed)
    assert bool(found.reason) == (found.dialogue == ""), "it applies, or says why not"
    if not found.reason:
        assert found.dialogue != dialogue
        assert len(turns_of(found.dialogue)) == len(turns_of(dialogue))
        assert [exchange(turn.speaker, found.exchanged) for turn in turns_of(found.dialogue)] == [
            turn.speaker for turn in turns_of(dialogue)
        ]


@settings(deadline=None)
@given(DIALOGUES, DIALOGUES, SEEDS)
def test_renaming_is_a_bijection_that_undoes_itself(dialogue: str, summary: str, seed: int) -> None:
    found = perturbed("renamed", dialogue, seed)
    names = found.exchanged
    assert {names[names[word]] for word in names} == set(names), "each word stands for one other"
    assert exchange(exchange(summary, names), names) == summary
    if not found.reason:
        assert found.mapped_back(found.dialogue) == dialogue
        folded = dialogue.casefold()
        assert not [a for a, b in names.items() if a.casefold() in folded and b.casefold() in folded]


@settings(deadline=None)
@given(DIALOGUES, SEEDS)
def test_typos_touch_no_number_no_date_and_no_name(dialogue: str, seed: int) -> None:
    found = perturbed("typos", dialogue, seed)
    if found.reason:
        return
    assert [(v.kind, v.key) for v in values_of(found.dialogue)] == [(v.kind, v.key) for v in values_of(dialogue)]
    assert unspoken_numbers(found.dialogue, dialogue) == unspoken_numbers(dialogue, found.dialogue) == []
    names = re.compile(r"\b(?:\w*[A-Z]\w*|ana\b|never\b|\w*\d\w*)")
    assert names.findall(found.dialogue) == names.findall(dialogue)


@settings(deadline=None)
@given(DIALOGUES, SEEDS)
def test_filler_only_adds(dialogue: str, seed: int) -> None:
    found = perturbed("filler", dialogue, seed)
    if found.reason:
        return
    filler = re.compile("|".join(map(re.escape, (*GREETINGS, *FILLERS))))
    before, after = turns_of(dialogue), turns_of(found.dialogue)
    assert all(
        b.text == a.text or filler.sub("", a.text, count=1) == b.text for a, b in zip(after, before, strict=True)
    )


@pytest.mark.parametrize(
    ("change", "dialogue", "reason"),
    [
        *((change, "", "no (?:speakers|turns|word)") for change in CHANGES),
        ("renamed", "We met and talked for an hour.", "it names no speakers"),
        ("filler", "We met and talked for an hour.", "it has no turns of speakers"),
        ("filler", "美咲: 明日の会議は三時からです\n健: わかりました", "filler is English"),
        ("typos", "Ana: ok, at 3?\nBen: no, 14:30", "no word that may be misspelled"),
        ("renamed", "Agent: Hello.\nCustomer: I want my money back.", "no names that can be told"),
        ("renamed", "Householder: It has a step.\nCouncil: We come on Wednesday.", "no names that can be told"),
        ("renamed", "A: a library?\nB: no\nHR: no", "no names that can be told"),
        ("renamed", "Beekeeper: I come at nine.\nPlumber: Where is the beekeeper?", "no names that can be told"),
        ("renamed", "Will: I drive.\nMark: Will will drive, mark my words.", "no names that can be told"),
        ("renamed", "Alexandra: I drive.\nAgent: Thanks, Alex.", "no names that can be told"),
    ],
)
def test_where_a_change_does_not_apply_it_says_so(change: Change, dialogue: str, reason: str) -> None:
    assert perturbed(change, dialogue, 0) == Perturbation(reason=perturbed(change, dialogue, 0).reason)
    assert re.search(reason, perturbed(change, dialogue, 0).reason)


def test_renaming_reaches_mentions_possessives_and_every_case_and_leaves_roles() -> None:
    dialogue = "Dr. Ana Silva: Ben's late.\nBen: ana, ANA! Sorry. Tell Mr Silva.\nAgent: Ben’s here, with Banana."
    found = perturbed("renamed", dialogue, 5)
    ana, silva, ben = (found.exchanged[name] for name in ("Ana", "Silva", "Ben"))
    assert len({ana, silva, ben} & set(NAMES)) == 3
    assert found.dialogue == (
        f"Dr. {ana} {silva}: {ben}'s late.\n{ben}: {ana.lower()}, {ana.upper()}! Sorry. Tell Mr {silva}.\n"
        f"Agent: {ben}’s here, with Banana."
    )
    assert found.mapped_back(f"{ben}'s late, {ana} says.") == "Ben's late, Ana says."
    assert unknown_people(found.mapped_back("Ana scolds Ben."), dialogue) == [ana, ben], "a name that was not there"


def test_the_bundled_dialogues_are_changed_as_said() -> None:
    samples = load_samples(Samples(source="bundled:test"))
    applied = {change: [perturbed(change, s.dialogue, 0) for s in samples] for change in CHANGES}
    assert [len([p for p in found if not p.reason]) for found in applied.values()] == [367, len(samples), len(samples)]
    for sample, typos in zip(samples, applied["typos"], strict=True):
        differing = sum(a != b for a, b in zip(sample.dialogue.split(), typos.dialogue.split(), strict=True))
        assert 1 <= differing <= max(1, round(len(sample.dialogue.split()) / 15))
    other = [perturbed("typos", sample.dialogue, 1) for sample in samples]
    assert sum(a == b for a, b in zip(applied["typos"], other, strict=True)) == 0, "another seed, other typos"


def test_no_new_name_begins_like_another() -> None:
    assert [(a, b) for a in NAMES for b in NAMES if a != b and b.startswith(a)] == []
