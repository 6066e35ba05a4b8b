"""Page 04: what is recommended, what counts as a saving, and what is said of a variant that was not measured."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from helpers.engines.variant_server import missing_instructions, why_not
from helpers.experiments.variants import qualities, spread
from helpers.params import Variant
from helpers.params.files import load_params
from helpers.runs.manifest import describe
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.samples.dataset import Sample
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate
from helpers.verdicts.recommendation import choose

GB = 10**9


def estimate(value: float, half: float = 0.1) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=10, method="made up")


def variant(name: str, seconds: float | None, peak: float = 1.0, **fields: Any) -> VariantResult:
    engine, dtype = name.split()
    told = {"latency": estimate(seconds), "peak_bytes": int(peak * GB)} if seconds else {"reason": "no such engine"}
    return VariantResult(name=name, engine=engine, dtype=dtype, **told, **fields)


def quality(good: bool | None) -> dict[str, Any]:
    return {"quality": Paired(difference=-0.001, n=127, non_inferior=good), "agreement": estimate(0.4)}


REFERENCE, RIVAL = "transformers float32", "ctranslate2 int8"
CASES = [
    ("a target", variant(REFERENCE, 4.0), variant(RIVAL, 2.0, **quality(True)), RIVAL, "target"),
    ("not as good", variant(REFERENCE, 4.0), variant(RIVAL, 2.0, **quality(False)), REFERENCE, "nothing as good"),
    ("never judged", variant(REFERENCE, 4.0), variant(RIVAL, 2.0), REFERENCE, "nothing as good"),
    ("a cheaper instance", variant(REFERENCE, 2.0, 5), variant(RIVAL, 1.0, 1.0, **quality(True)), RIVAL, "cheaper"),
    ("faster, and nothing else", variant(REFERENCE, 2.0), variant(RIVAL, 1.0, **quality(True)), REFERENCE, "no saving"),
    ("equal answers", variant(REFERENCE, 4.0), variant(RIVAL, 2.0, agreement=estimate(1.0)), RIVAL, "target"),
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
    params = load_params("demo", ["quantization.headroom=1.25"])
    result = Quantization(page="04", variants=(variant(REFERENCE, 2.0, 1.5), variant(RIVAL, 30.0, 1.5)))
    small, slow = choose(result, params).fits
    assert (small.instance, small.per_1000_requests) == ("aws intel-spr x1", pytest.approx(0.033 / 200 * 1000))
    assert slow.instance is None, "thirty seconds each at two hundred an hour leave no time"


def test_dialogues_are_spread_over_their_lengths() -> None:
    samples = [Sample(id=str(n), dialogue="x" * n) for n in (5, 1, 9, 3, 7)]
    assert [s.id for s in spread(samples, 2)] == ["3", "7"]
    assert [s.id for s in spread(samples, 1)] == ["5"]
    assert len(spread(samples, 9)) == 5


def test_a_type_that_would_be_emulated_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr("helpers.core.machine.CPUINFO", cpu)
    cpu.write_text("flags\t\t: fma avx2\n")
    assert "no bfloat16 instructions (avx512_bf16 or amx_bf16)" in missing_instructions("bfloat16", "cpu")
    assert missing_instructions("int8", "cpu") == missing_instructions("bfloat16", "cuda") == ""
    cpu.write_text("flags\t\t: fma avx512_bf16\n")
    assert missing_instructions("bfloat16", "cpu") == ""


def test_an_engine_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(Variant(engine="ctranslate2"), "cpu") == ""
    monkeypatch.setattr("helpers.engines.environments.find_spec", lambda name: None)
    monkeypatch.setattr("helpers.engines.environments.PROJECT", Path("/nowhere"))
    assert "not installed; get it with: pip install ctranslate2" in why_not(Variant(engine="ctranslate2"), "cpu")
    assert "not installed; get it with: make engines" in why_not(Variant(engine="openvino"), "cpu")


def test_recorded_answers_are_compared_and_a_missing_recording_says_how() -> None:
    params = load_params("demo")
    variants = [
        variant.model_copy(update={"predictions": None}) if variant.dtype == "bfloat16" else variant
        for variant in params.quantization.variants
    ]
    found = qualities(params, "quantization", variants)
    same, bf16 = found["ctranslate2 float32"], found["transformers bfloat16"]
    assert same["quality"].n == 127
    assert same["agreement"].value > 0.6, "the same arithmetic, but its beams end by a rule of its own"
    assert "--set model.engine=transformers --set model.dtype=bfloat16" in bf16["quality_reason"]
    assert found[REFERENCE]["rouge_l"].n == 127
    assert "quality" not in found[REFERENCE]


def test_the_manifest_names_recordings_without_paths_of_this_machine() -> None:
    manifest = describe(load_params("demo"), "run", "command", datetime.now(UTC))
    named = manifest.given["quantization.variants"][0]["predictions"]
    assert named.endswith("baselines/demo-tuned-fp32.jsonl")
    assert not Path(named).is_absolute()
