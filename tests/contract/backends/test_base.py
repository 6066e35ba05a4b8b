"""What every backend promises, whoever computes behind it."""

from __future__ import annotations

import pytest

from helpers.backends.base import Backend
from helpers.core.errors import Failure, RequestError
from helpers.params import Generation

SHORT = "Ann: Lunch at noon?\nBo: Yes, at noon."
OTHER = "Cy: Who brings the plan?"
LONG = "Ann: Lunch at noon?\nBo: Yes.\n" * 40
FEW = Generation(max_new_tokens=12)


def test_one_answer_per_dialogue_in_order(backend: Backend) -> None:
    short, other = (backend.summarise([text], FEW)[0] for text in (SHORT, OTHER))
    assert short.summary != other.summary
    assert [answer.summary for answer in backend.summarise([OTHER, SHORT], FEW)] == [other.summary, short.summary]


def test_the_same_question_has_the_same_answer(backend: Backend) -> None:
    first, again = (backend.summarise([SHORT], FEW)[0].summary for _ in range(2))
    assert first == again
    assert first


def test_an_answer_counts_its_tokens_and_its_time(backend: Backend) -> None:
    (answer,) = backend.summarise([SHORT], FEW)
    assert answer.input_tokens
    assert answer.output_tokens is not None
    assert 0 < answer.output_tokens <= 12
    assert answer.lost_tokens == 0
    assert answer.service_time is not None
    assert 0 < answer.service_time < 60


def test_a_dialogue_over_the_context_is_cut_and_the_loss_counted(backend: Backend) -> None:
    (answer,) = backend.summarise([LONG], FEW)
    assert answer.input_tokens is not None
    assert answer.lost_tokens is not None
    assert 0 < answer.lost_tokens < answer.input_tokens
    (longer,) = backend.summarise([LONG + OTHER], FEW)
    assert longer.lost_tokens is not None
    assert longer.lost_tokens > answer.lost_tokens
    assert longer.summary == answer.summary, "the end is what was cut"


def test_an_empty_dialogue_is_answered(backend: Backend) -> None:
    (answer,) = backend.summarise([""], FEW)
    assert (answer.input_tokens, answer.lost_tokens) == (0, 0)


def test_settings_reach_the_model(backend: Backend) -> None:
    (answer,) = backend.summarise([SHORT], Generation(max_new_tokens=3))
    assert answer.output_tokens is not None
    assert answer.output_tokens <= 3
    beams = backend.summarise([SHORT], Generation(num_beams=4, max_new_tokens=12, min_new_tokens=12))
    assert beams[0].summary != backend.summarise([SHORT], FEW)[0].summary


def test_settings_out_of_range_are_a_bad_request(backend: Backend) -> None:
    with pytest.raises(RequestError, match="min_new_tokens=9 is above max_new_tokens=5") as caught:
        backend.summarise([SHORT], Generation(max_new_tokens=5, min_new_tokens=9))
    assert (caught.value.kind, caught.value.retryable) == (Failure.BAD_REQUEST, False)


def test_a_setting_that_nobody_here_knows_is_refused(backend: Backend) -> None:
    with pytest.raises(RequestError, match="'seed'") as caught:
        backend.summarise([SHORT], Generation(max_new_tokens=5, extra={"seed": 7}))
    assert caught.value.kind is Failure.BAD_REQUEST
