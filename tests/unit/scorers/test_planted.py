"""Planted errors: one of each kind, what gives no occasion, and that what was read is what is planted today."""

import json
from collections import Counter

import pytest

from helpers.core.paths import DATA
from helpers.params import Samples
from helpers.samples.dataset import load_samples
from helpers.scorers.planted import PlantedKind, plant

K = PlantedKind
DIALOGUE = """\
Ana: The flight on Friday is full. Can you move it?
Clerk: Actually, Sunday at 9:40 has seats, for 120 more.
Ana: Fine by me. I won't pay 120 for two bags, though.
Clerk: Bags are 35. Please be at the airport at 7:30.
Ana: I'll leave one at the hotel. My brother drives me."""
TRUE = "Ana moves her flight to Sunday at 9:40 for 120 and pays 35 for a bag. The clerk will not refund her."


@pytest.mark.parametrize(
    ("kind", "true", "false"),
    [
        (K.SPEAKERS_EXCHANGED, "Ana asks the clerk for a refund.", "The clerk asks Ana for a refund."),
        (K.SPEAKERS_EXCHANGED, "Ana will leave a bag.", "The clerk will leave a bag."),
        (K.NUMBER_MOVED, "Ana pays 120 to move and 35 for a bag.", "Ana pays 35 to move and 120 for a bag."),
        (K.DATE_MOVED, "Ana leaves at 9:40, not at 7:30.", "Ana leaves at 7:30, not at 9:40."),
        (K.DATE_MOVED, "Ana flies on Sunday.", "Ana flies on Friday."),
        (K.PLACE_MOVED, "Ana leaves a bag at the hotel.", "Ana leaves a bag at the airport."),
        (K.NEGATED, "The clerk will not refund her.", "The clerk will refund her."),
        (K.NEGATED, "Ana's brother will drive her.", "Ana's brother will not drive her."),
        (K.NEGATED, "Ana carries a bag.", "Ana does not carry a bag."),
        (K.BEFORE_CHANGE, "Ana flies on Sunday instead of Friday.", "Ana flies on Friday instead of Sunday."),
        (K.BEFORE_CHANGE, "Ana flies on Sunday.", "Ana flies on Friday."),
    ],
)
def test_one_error_of_its_kind(kind: PlantedKind, true: str, false: str) -> None:
    planted = plant(kind, "a", true, DIALOGUE)
    assert planted is not None
    assert planted.false == false


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (K.SPEAKERS_EXCHANGED, "Ana and the clerk agree on Sunday."),
        (K.SPEAKERS_EXCHANGED, "They agree."),
        (K.NUMBER_MOVED, "Ana flies on Sunday."),
        (K.NEGATED, "If it is full, nobody goes."),
        (K.OUTCOME_OMITTED, "Ana flies."),
        (K.PERSON_INVENTED, "They fly."),
    ],
)
def test_no_occasion_no_error(kind: PlantedKind, text: str) -> None:
    assert plant(kind, "a", text, DIALOGUE) is None


def test_what_is_invented_stands_nowhere_in_the_dialogue() -> None:
    person, amount = (plant(kind, "a", TRUE, DIALOGUE) for kind in (K.PERSON_INVENTED, K.NUMBER_INVENTED))
    assert person is not None
    assert amount is not None
    new_words = set(person.false.replace(".", " ").split()) - set(TRUE.replace(".", " ").split())
    assert len(new_words) == 1
    assert not new_words & set(DIALOGUE.split())
    new = {word.strip(".,") for word in amount.false.split()} - {word.strip(".,") for word in TRUE.split()}
    assert len(new) == 1
    assert new.pop() not in DIALOGUE


def test_the_same_texts_give_the_same_error() -> None:
    assert {plant(K.NUMBER_MOVED, "a", TRUE, DIALOGUE) for _ in range(3)} == {
        plant(K.NUMBER_MOVED, "a", TRUE, DIALOGUE)
    }


def test_twenty_of_each_kind_were_read_and_are_what_is_planted_today() -> None:
    lines = (DATA / "planted_readings.jsonl").read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    samples = {one.id: one for one in load_samples(Samples(source="bundled:train"))}
    for row in read:
        sample, place = samples[row["id"]], row["reference"]
        planted = plant(PlantedKind(row["kind"]), f"{sample.id}/{place}", sample.references[place], sample.dialogue)
        assert planted is not None, row
        assert planted.false == row["text"], row
    assert {row["read_by"] for row in read} == {"language model"}
    good = Counter(row["kind"] for row in read if row["false"] and row["grammatical"])
    assert Counter(row["kind"] for row in read) == dict.fromkeys(PlantedKind, 20)
    assert min(good[kind] for kind in PlantedKind) >= 18
