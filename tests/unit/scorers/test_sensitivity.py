"""What metrics and checks notice of planted errors, on a few bundled references."""

import pytest

from helpers.experiments.sensitivity import HELD_OUT, judged_checks, of_samples, read_shipped, sensitivity_key
from helpers.params import Samples
from helpers.samples.dataset import load_samples
from helpers.scorers.faithfulness import FaithfulnessCheck
from helpers.scorers.planted import PlantedKind
from helpers.scorers.semantic import Models
from helpers.scorers.sensitivity import ALARMS, ErrorSensitivity, Noticed, sensitivity, true_summaries
from helpers.stats.intervals import Estimate, rate

SAMPLES = load_samples(Samples(source="bundled:validation"))[:12]


@pytest.fixture(scope="module")
def found() -> ErrorSensitivity:
    rows = ((one.id, one.dialogue, one.references, one.key_facts) for one in SAMPLES)
    return sensitivity(true_summaries(rows), "twelve dialogues", fewest=10)


def row(found: ErrorSensitivity, name: str) -> Noticed:
    return next(one for one in found.rows if one.name == name)


def test_a_kind_of_too_few_cases_is_not_measured(found: ErrorSensitivity) -> None:
    few = {kind for kind, count in found.cases.items() if count < 10}
    assert few
    assert {kind for kind in PlantedKind if kind in found.not_measured} == few
    assert all(set(one.detection) == set(PlantedKind) - few for one in found.rows)
    assert set(of_samples(SAMPLES, "few").not_measured) >= {kind.value for kind in PlantedKind}


def test_an_invented_person_is_noticed_by_the_output_checks_and_by_rouge_but_not_by_key_facts(
    found: ErrorSensitivity,
) -> None:
    invented = PlantedKind.PERSON_INVENTED
    assert (row(found, "output_checks").detection[invented].value or 0) > 0.9
    assert (row(found, "rouge1").ranked[invented].value or 0) > 0.7
    assert (row(found, "key_fact_recall").ranked[invented].value or 0) < 0.7


def test_a_metric_alarms_at_one_true_summary_in_twenty_at_most(found: ErrorSensitivity) -> None:
    for one in found.rows:
        assert one.sort == ("check" if one.threshold is None else "metric")
        if one.sort == "metric":
            assert (one.false_alarms.value or 0) <= ALARMS
        assert one.false_alarms.n == len(SAMPLES)
        assert one.false_alarms.requests == sum(len(sample.references) for sample in SAMPLES)


def test_with_one_reference_there_is_nothing_to_score_a_metric_against() -> None:
    alone = true_summaries((one.id, one.dialogue, one.references[:1], ()) for one in SAMPLES)
    found = sensitivity(alone, "alone", fewest=5)
    assert "no dialogue has two" in found.not_measured["rougeL"]
    assert {one.sort for one in found.rows} == {"check"}


def test_a_check_is_judged_where_its_false_alarms_are_shown_to_be_few() -> None:
    def with_alarms(estimate: Estimate) -> ErrorSensitivity:
        rows = tuple(
            Noticed(name=check, sort="check", false_alarms=estimate, detection={}, ranked={})
            for check in FaithfulnessCheck
        )
        return ErrorSensitivity(source="", dialogues=1, cases={}, rows=rows, not_measured={})

    assert set(judged_checks(with_alarms(rate(1, 127))).values()) == {True}
    assert set(judged_checks(with_alarms(rate(3, 127))).values()) == {False}


def test_the_shipped_table_is_of_this_corpus_and_code() -> None:
    shipped = read_shipped()
    key = sensitivity_key(load_samples(Samples(source=HELD_OUT)), Models())
    assert shipped is not None
    assert shipped.key == key, "make it anew: python -m helpers.experiments.sensitivity"
