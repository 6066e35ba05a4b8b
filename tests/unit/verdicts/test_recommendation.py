"""What is recommended of variants and of settings, and what counts as a saving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from helpers.cost.costs import basis
from helpers.cost.instances import choices
from helpers.params import Params
from helpers.params.files import load_params
from helpers.runs.results.latency_cost import LatencyCost, SettingResult, SettingsSweep
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate, rate
from helpers.verdicts.recommendation import Deployed, SettingChoice, choose, choose_setting

GB = 10**9


def estimate(value: float, half: float = 0.1) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=10, method="made up")


def variant(name: str, seconds: float | None, peak: float = 1.0, **fields: Any) -> VariantResult:
    engine, dtype = name.split()
    told = {"latency": estimate(seconds), "peak_bytes": int(peak * GB)} if seconds else {"reason": "no such engine"}
    return VariantResult(name=name, engine=engine, dtype=dtype, **told, **fields)


def quality(good: bool | None) -> dict[str, Any]:
    return {
        "quality": Paired(difference=-0.001, n=127),
        "p_loss": {True: 0.04, False: 0.06, None: None}[good],
        "agreement": estimate(0.4),
    }


def equal(n: int) -> dict[str, Any]:
    """Every answer is the reference's own."""
    return {
        "quality": paired([0.3] * n, [0.3] * n, margin=0.01, limit=1.0),
        "p_loss": 1.0,
        "agreement": rate(n, n),
        "speedup": estimate(2.0),
    }


FASTER = {"speedup": estimate(1.5)}
REFERENCE, RIVAL = "transformers float32", "ctranslate2 int8"
CASES = [
    ("a target", variant(REFERENCE, 4.0), variant(RIVAL, 2.0, **quality(True)), RIVAL, "target"),
    ("not as good", variant(REFERENCE, 4.0), variant(RIVAL, 2.0, **quality(False)), REFERENCE, "none keeps quality"),
    ("never judged", variant(REFERENCE, 4.0), variant(RIVAL, 2.0), REFERENCE, "none keeps quality"),
    ("a cheaper instance", variant(REFERENCE, 2.0, 5), variant(RIVAL, 1.0, 1.0, **quality(True)), RIVAL, "cheaper"),
    ("a smaller one holds it", variant(REFERENCE, 2.0), variant(RIVAL, 1.0, **quality(True)), RIVAL, "cheaper"),
    ("faster, and nothing else", variant(REFERENCE, 1.5), variant(RIVAL, 1.0, **quality(True)), REFERENCE, "no saving"),
    ("and dearer", variant(REFERENCE, 1.5), variant(RIVAL, 1, 9, **FASTER, **quality(True)), REFERENCE, "no saving"),
    ("faster, no dearer", variant(REFERENCE, 1.5), variant(RIVAL, 1.0, **quality(True) | FASTER), RIVAL, "faster"),
    ("equal answers", variant(REFERENCE, 1.5), variant(RIVAL, 1.0, **equal(72)), RIVAL, "faster"),
    ("equal on too few", variant(REFERENCE, 1.5), variant(RIVAL, 1.0, **equal(71)), REFERENCE, "none keeps quality"),
    ("no reference", variant(REFERENCE, None), variant(RIVAL, 2.0, **quality(True)), REFERENCE, "not measured"),
    ("no rival", variant(REFERENCE, 2.0), variant(RIVAL, None), REFERENCE, "reference"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second", "chosen", "why"), CASES, ids=[case[0] for case in CASES])
def test_a_saving_is_claimed_only_where_there_is_one(
    name: str, first: VariantResult, second: VariantResult, chosen: str, why: str
) -> None:
    made = choose(Quantization(page="04", variants=(first, second)), load_params("demo"))
    assert (made.recommended, made.why) == (chosen, why)


def test_it_fits_where_memory_and_traffic_allow() -> None:
    params = load_params("demo", ["cost.memory_headroom=1.25"])
    result = Quantization(page="04", variants=(variant(REFERENCE, 2.0, 1.5), variant(RIVAL, 30.0, 1.5)))
    small, slow = choose(result, params).fits
    # x1 has an eighth of the processors: 16 s each, 89 % busy, more than the 80 % that are trusted
    assert (small.instance, small.per_1000_requests) == ("aws intel-spr x2", pytest.approx(0.067 / 200 * 1000))
    assert slow.instance is None, "thirty seconds each at two hundred an hour leave no time"


def test_a_variant_is_placed_by_the_rule_of_page_03_and_the_deployed_one_by_its_figures() -> None:
    params = load_params("demo")
    timed = LatencyCost(page="03", mean=estimate(2.0), peak_memory_bytes=int(1.5 * GB))
    deployed = Deployed("transformers", "float32", basis(params, timed), "missed")
    found = choices(params, deployed.basis)
    assert found.chosen is not None
    result = Quantization(page="04", variants=(variant(REFERENCE, 9.0, 5.0), variant(RIVAL, 2.0, 1.5)))
    own, other = choose(result, params, deployed).fits
    assert (own.deployed, own.instance, own.latency) == (True, found.candidates[found.chosen].instance, "missed")
    assert (other.instance, other.needed_gb) == (own.instance, own.needed_gb)
    assert choose(result, params, deployed).quick == RIVAL, "it meets the target, and its quality is undecided"


OWN, LEAST, MIDDLE = "4 beams, 128 tokens", "1 beam, 64 tokens", "2 beams, 128 tokens"


CUT_CASES = [
    ("the target says nothing of half an answer", quality(True), REFERENCE, "no faster"),
    ("half an answer says which is faster", quality(True) | FASTER, RIVAL, "only faster"),
    ("and not what it is worth", quality(False) | FASTER, REFERENCE, "none keeps quality"),
]


@pytest.mark.parametrize(("name", "fields", "best", "why"), CUT_CASES, ids=[case[0] for case in CUT_CASES])
def test_answers_that_were_cut_say_only_which_is_faster(name: str, fields: dict[str, Any], best: str, why: str) -> None:
    rows = (variant(REFERENCE, 4.0, 5.0), variant(RIVAL, 2.0, 1.0, **fields))
    params = load_params("demo")
    deployed = Deployed("ctranslate2", "int8", basis(params, LatencyCost(page="03", mean=estimate(9.0))), "missed")
    made = choose(Quantization(page="04", variants=rows, cut=24), params, deployed)
    assert (made.recommended, made.why) == (best, why)
    placed = [(fit.deployed, fit.latency, fit.needed_gb is not None) for fit in made.fits]
    assert placed[0] == (False, "not measured", False)
    assert placed[1][:2] == (True, "missed"), "the deployed one is judged by page 03"


def setting(name: str, seconds: float | None, half: float = 0.5, **fields: Any) -> SettingResult:
    if seconds is None:
        return SettingResult(name=name, reason="refused", **fields)
    latency = Estimate(value=seconds, low=seconds - half, high=seconds + half, n=10, method="student-t")
    return SettingResult(name=name, latency=latency, requests=3, **fields)


def chosen(*settings: SettingResult, overrides: Sequence[str] = ()) -> tuple[SettingChoice, Params]:
    params = load_params("demo", overrides)
    return choose_setting(SettingsSweep(dialogues=3, rounds=1, settings=settings), params), params


SETTING_CASES = [
    ("the cheapest of those that meet it", [(OWN, 4.0), (LEAST, 1.0), (MIDDLE, 2.0)], LEAST, "met"),
    ("the deployment's own", [(OWN, 1.0), (LEAST, 1.5)], OWN, "met"),
    ("undecided", [(OWN, 4.0), (LEAST, 2.8), (MIDDLE, 3.1)], LEAST, "undecided"),
    ("met goes before faster and undecided", [(OWN, 4.0), (LEAST, 2.4, 0.9), (MIDDLE, 2.45)], MIDDLE, "met"),
    ("the fastest of all, not of the undecided", [(OWN, 7.44, 9.0), (LEAST, 4.39)], LEAST, "undecided"),
    ("none", [(OWN, 9.0), (LEAST, 4.0)], LEAST, "missed"),
    ("nothing measured", [(OWN, None), (LEAST, None)], None, "not measured"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rows", "best", "outcome"), SETTING_CASES, ids=[case[0] for case in SETTING_CASES])
def test_the_cheapest_that_meets_it_is_named(name: str, rows: list[Any], best: str | None, outcome: str) -> None:
    made, _ = chosen(*(setting(*row) for row in rows))
    assert (made.chosen if made.chosen is None else made.fits[made.chosen].name, made.outcome) == (best, outcome)


def test_a_setting_that_failed_a_request_is_not_chosen_and_without_a_target_the_fastest_is() -> None:
    made, _ = chosen(setting(OWN, 2.0), setting(LEAST, 1.0, failed=1))
    assert made.chosen == 0
    made, _ = chosen(setting(OWN, 2.0), setting(LEAST, 1.0), overrides=["targets={}"])
    assert (made.chosen, made.outcome, made.threshold) == (1, "no target", None)


def test_busy_time_is_priced_at_the_declared_instance() -> None:
    made, _ = chosen(setting(OWN, 3.6))
    floor = made.fits[0].floor_per_1000_requests
    assert floor is not None
    assert floor.value == pytest.approx(0.268)


def test_what_long_dialogues_take_of_the_deployment_they_take_of_every_variant() -> None:
    """Page 04 times a few short dialogues: by these alone another variant would fit where the deployed one does not."""
    params = load_params("demo", ["cost.memory_headroom=1.25"])
    timed = LatencyCost(page="03", mean=estimate(2.0), peak_memory_bytes=int(3.0 * GB))
    deployed = Deployed("transformers", "float32", basis(params, timed), "missed")
    result = Quantization(page="04", variants=(variant(REFERENCE, 2.0, 1.0), variant(RIVAL, 1.0, 0.5)))
    own, other = choose(result, params, deployed).fits
    assert own.needed_gb == pytest.approx(1.25 * 3.0 * GB / 1e9)
    assert other.needed_gb == pytest.approx(1.25 * 2.5 * GB / 1e9)
    assert choose(result, params, deployed).beyond_gb == pytest.approx(2.0 * GB / 1e9)
    declared = load_params("demo", ["cost.memory_gb.value=9", "cost.memory_gb.source=assumed"])
    assert choose(result, declared, deployed).beyond_gb == 0, "a declared memory is nobody's measurement"
