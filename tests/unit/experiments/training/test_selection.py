"""What an adapter learns from: references that the checks accept, and own answers that bear comparison with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.engines import demo_model
from helpers.experiments.training import selection
from helpers.experiments.training.recipe import Recipe
from helpers.samples.dataset import Sample

SAMPLE = Sample(
    id="a",
    dialogue="Ann: Lunch on Friday at noon?\nBo: Yes. I book the table for four.\nAnn: Good, and I bring the plan.",
    references=(
        "Bo books a table for four for lunch on Friday at noon, and Ann brings the plan.",
        "Ann and Bo have lunch on Friday at noon; Ann brings the plan.",
    ),
    key_facts=("friday", "noon", "plan"),
)
NEAR = "Ann and Bo will have lunch on Friday at noon, and Ann brings the plan."


def test_a_reference_that_a_check_doubts_is_not_learnt_and_a_dialogue_without_one_is_left_out() -> None:
    wrong = "Cleo books a table for four for Friday."
    some, none = (SAMPLE.model_copy(update={"references": texts}) for texts in ((NEAR, wrong), (wrong,)))
    assert selection.supported([some, none, SAMPLE]) == [SAMPLE.model_copy(update={"references": (NEAR,)}), SAMPLE]


@pytest.mark.parametrize(
    "answer",
    [
        "Bo and Dan have lunch on Friday at noon; Ann brings the plan.",
        "Ann and Bo have lunch on Friday at noon.",
        "On Friday at noon there will be the plan, which somebody brings along to the place where all of them eat.",
        SAMPLE.references[0],
    ],
    ids=["somebody else", "a fact less", "far from both", "a reference"],
)
def test_an_answer_that_bears_no_comparison_is_not_learnt(answer: str) -> None:
    assert selection.comparable([answer, NEAR, NEAR], SAMPLE) == (NEAR,)


def test_a_dialogue_with_one_reference_says_nothing_of_how_near_is_near() -> None:
    assert selection.comparable([NEAR], SAMPLE.model_copy(update={"references": SAMPLE.references[:1]})) == ()


def test_who_answers_before_is_trained_by_the_rest_of_the_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Recipe] = []

    def teacher(recipe: Recipe) -> Path:
        asked.append(recipe)
        return tmp_path

    monkeypatch.setattr(selection, "answered", lambda model, samples, recipe: [["Lunch.", NEAR]] * len(samples))
    (learnt,) = selection.lessons(Recipe(own_answers=2, rank=8), [SAMPLE], teacher)
    assert asked == [Recipe(rank=8)]
    assert learnt == SAMPLE.model_copy(update={"references": (*SAMPLE.references, NEAR)})
    assert selection.lessons(Recipe(rank=8), [SAMPLE], teacher) == [SAMPLE]
    assert len(asked) == 1


def test_answers_are_sampled_by_a_seed_and_stand_at_their_dialogue() -> None:
    other = SAMPLE.model_copy(update={"dialogue": "Cleo: The boiler is broken.\nDan: I send a plumber at once."})
    recipe = Recipe(own_answers=3, max_new_tokens=24)
    made = selection.answered(demo_model.ensure("demo"), [SAMPLE, other], recipe)
    assert [len(texts) for texts in made] == [3, 3]
    assert len(set(made[0])) > 1
    assert all("Cleo" not in text for text in made[0])
    assert any("Cleo" in text or "boiler" in text.lower() for text in made[1])
    assert selection.answered(demo_model.ensure("demo"), [SAMPLE, other], recipe) == made
