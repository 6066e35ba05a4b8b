"""The checks of who, what, when and how much: what each finds, what it lets pass, and who may not read them."""

import ast

import pytest

from helpers.core.paths import PACKAGE
from helpers.params import Samples
from helpers.samples.dataset import load_samples
from helpers.scorers.faithfulness import JUDGES, FaithfulnessCheck, faithfulness
from helpers.scorers.statements import clauses, conversation
from helpers.stats.intervals import mean_rate

C = FaithfulnessCheck
DIALOGUE = """\
Ines: Who writes the grant report? It's due on Friday.
Omar: I'll write the grant report tonight, all twelve pages.
Ines: Great. Then I'll book the lecture hall for the 14th. It costs 250.
Omar: And the caterer? 900 for lunch, I read.
Ines: The caterer isn't coming, they cancelled. I'll bake bread for everybody."""
TRUE = "Omar will write the grant report tonight; Ines will book the lecture hall and bake bread, as no caterer comes."


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        (TRUE, set()),
        ("", set()),
        (None, set()),
        ("Ines will write the grant report tonight and all twelve pages.", {C.WHO}),
        ("They read of 250 for lunch.", {C.HOW_MUCH}),
        ("Omar writes on Friday, reads on Friday and cooks on Friday.", {C.AT_ODDS}),
        ("They take 14 instead of 14 chairs.", {C.AT_ODDS}),
        ("Ines asks Ines for the report.", {C.AT_ODDS}),
    ],
)
def test_what_is_found(summary: str | None, found: set[FaithfulnessCheck]) -> None:
    assert {one.check for one in faithfulness(summary, DIALOGUE)} == found


def test_an_objection_says_which_words_it_is_about() -> None:
    (one,) = faithfulness("Ines will write the grant report tonight and all twelve pages.", DIALOGUE)
    assert one.words.startswith("Ines will write the grant report")
    assert one.strength >= JUDGES[C.WHO].bound


@pytest.mark.parametrize(
    ("summary", "agents"),
    [
        ("Omar will write the report tonight.", ["Omar"]),
        ("Omar and Ines will write the report.", []),  # nobody alone
        ("The report is for Omar by Ines.", []),
        ("Omar writes pages tonight and Ines books the hall.", ["Omar", "Ines"]),
        ("Omar writes the report tonight. He will bake fresh bread.", ["Omar", "Omar"]),
        ("Omar is asked for the report.", []),  # done to him, not by him
    ],
)
def test_who_acts_in_a_clause(summary: str, agents: list[str]) -> None:
    assert [clause.agent for clause in clauses(summary, conversation(DIALOGUE))] == agents


def test_a_dialogue_without_names_or_values_is_no_trouble() -> None:
    for dialogue in ("", "no speaker here", "Ana:", "Ana: 5\nAna: 6"):
        faithfulness("Ana pays 5 and will not go on Friday.", dialogue)


def test_true_references_of_held_out_dialogues_are_rarely_flagged() -> None:
    samples = load_samples(Samples(source="bundled:test"))
    rates = [
        sum(bool(faithfulness(text, one.dialogue)) for text in one.references) / len(one.references) for one in samples
    ]
    assert mean_rate(rates).value is not None
    assert sum(rates) / len(rates) <= 0.06


def test_nothing_that_answers_reads_the_checks() -> None:
    """A measure must not be its own tutor: neither reranking, nor serving, nor the choice of a model sees a check."""
    readers = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "helpers.scorers.faithfulness":
                readers.append(path.relative_to(PACKAGE).parts[0])
    assert "scorers" in readers
    assert {"engines", "backends", "serving", "samples", "params"}.isdisjoint(readers)
