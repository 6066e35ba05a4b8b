"""Variants and settings over recorded answers, and the dialogues that are sent to each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.experiments import quantization, recordings
from helpers.experiments.recordings import compare_recordings
from helpers.experiments.variants import latency, qualities, speedup, spread
from helpers.params import Samples, Variant
from helpers.params.files import load_params
from helpers.runs.request_log import Record
from helpers.runs.results.base import ComparedResult
from helpers.samples.dataset import Sample, load_samples
from helpers.samples.readers import read_rows
from helpers.scorers.planted import PlantedKind, plant
from helpers.verdicts.recommendation import as_good
from tests.logs import attempt
from tests.unit.verdicts.test_recommendation import REFERENCE

TEST = load_samples(Samples(source="bundled:test"))


def test_dialogues_are_spread_over_their_lengths() -> None:
    samples = [Sample(id=str(n), dialogue="x" * n) for n in (5, 1, 9, 3, 7)]
    assert [s.id for s in spread(samples, 2)] == ["3", "7"]
    assert [s.id for s in spread(samples, 1)] == ["5"]
    assert len(spread(samples, 9)) == 5


def test_recorded_answers_are_compared_and_a_missing_recording_says_how() -> None:
    params = load_params("demo")
    variants = [
        variant.model_copy(update={"predictions": None}) if variant.dtype == "int4" else variant
        for variant in params.quantization.variants
    ]
    found = qualities(params, "quantization", variants)
    same, int4 = found["openvino float32"], found["openvino int4"]
    assert same["quality"].n == len(TEST)
    assert same["agreement"].value > 0.95, "the same arithmetic and the same search"
    assert "--set model.engine=openvino --set model.dtype=int4" in int4["quality_reason"]
    assert found[REFERENCE]["rouge_l"].n == len(TEST)
    assert "quality" not in found[REFERENCE]


def test_a_recording_of_other_weights_is_not_compared(tmp_path: Path) -> None:
    params = load_params("demo")
    reference, int8 = (one for one in params.quantization.variants if one.name in (REFERENCE, "openvino int8"))
    told = json.loads(Path(str(int8.predictions)).with_suffix(".meta.json").read_text())
    stale = tmp_path / "stale.jsonl"
    stale.write_bytes(Path(str(int8.predictions)).read_bytes())
    for weights, prompt, said in (
        (told["weights_sha256"], told["prompt_sha256"], ""),
        ("0" * 64, told["prompt_sha256"], "with other weights;"),
        ("0" * 64, "1" * 64, "with other weights and prompt;"),
        (None, None, ""),
    ):
        manifest = told | {"weights_sha256": weights, "prompt_sha256": prompt}
        stale.with_suffix(".meta.json").write_text(json.dumps(manifest))
        ways = [reference, int8.model_copy(update={"predictions": str(stale)})]
        found = qualities(params, "quantization", ways)["openvino int8"]
        assert ("quality" in found) is not bool(said)
        assert said in found.get("quality_reason", "")


def test_recorded_answers_differ_only_where_fewer_tokens_cut_them() -> None:
    params = load_params("demo")
    own, fewer, *_ = params.settings.beside(1, 128)
    found = qualities(params, "settings", [own, fewer])[fewer.name]
    whole, cut = ({row.cells["id"]: row.cells for row in read_rows(s.predictions or "")} for s in (own, fewer))
    same = [row["prediction"] == whole[name]["prediction"] for name, row in cut.items()]
    assert same == [whole[name]["output_tokens"] <= 64 for name in cut]
    assert found["quality"].n == len(TEST)
    assert found["agreement"].value == pytest.approx(sum(same) / len(TEST))


def harmless(_: Sample, text: str) -> str:
    return text.replace(", and ", " and ").replace(" is not ", " isn't ")


def planted(kind: PlantedKind) -> Callable[[Sample, str], str]:
    return lambda sample, text: error.false if (error := plant(kind, sample.id, text, sample.dialogue)) else text


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (harmless, True),
        (planted(PlantedKind.NEGATED), False),
        (planted(PlantedKind.SPEAKERS_EXCHANGED), False),
        (planted(PlantedKind.NUMBER_MOVED), False),
    ],
    ids=["harmless", "negated", "names exchanged", "numbers exchanged"],
)
def test_what_says_something_false_is_not_as_good(
    change: Callable[[Sample, str], str], good: bool, tmp_path: Path
) -> None:
    samples = load_samples(Samples(source="bundled:train"))
    ways = [Variant(predictions=str(tmp_path / "true")), Variant(dtype="int8", predictions=str(tmp_path / "changed"))]
    for way, answer in zip(ways, (lambda _, text: text, change), strict=True):
        rows = ({"id": one.id, "prediction": answer(one, one.references[0])} for one in samples)
        Path(str(way.predictions)).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    params = load_params("demo", ["quantization.samples=bundled:train"])
    found = ComparedResult(name="changed", **qualities(params, "quantization", ways)["transformers int8"])
    assert found.agreement
    assert found.agreement.value != 1
    assert (as_good(found, is_reference=False) == "met") is good


def test_a_long_run_times_every_variant() -> None:
    plan = load_params("showcase").quantization
    assert {one.timed for one in plan.variants} == {True, False}
    assert all(plan.times(one) for one in plan.variants)
    assert [one.name for one in load_params("demo").quantization.variants] == [one.name for one in plan.variants]


@pytest.mark.parametrize("override", ["quantization.rounds=2", "quantization.dialogues=7"])
def test_too_little_to_tell_engines_apart_is_not_measured_and_asks_nothing(override: str) -> None:
    params = load_params("demo", [override])
    samples = [Sample(id=str(n), dialogue="x" * n) for n in range(1, 11)]
    run: Any = SimpleNamespace(params=params, samples=samples, server={}, manifest=SimpleNamespace(processor="a CPU"))
    found = quantization.measure(run)
    assert (found.requests, found.rounds > 2) == (0, "rounds" not in override)
    assert all(row.latency is None for row in found.variants)
    assert "a speed takes 8 in 3" in found.variants[0].reason
    untimed = [row.reason for row in found.variants if row.name == "openvino int8"]
    assert untimed == ["timed only in a longer run (quantization.time_all)"]


def test_rounds_that_differ_widen_what_dialogues_alone_would_say() -> None:
    def asked(drift: float) -> list[Record]:
        return [
            replace(attempt(0.0, 2.0 + 0.1 * sample + drift * number, sample=str(sample)), repeat=number)
            for sample in range(8)
            for number in range(3)
        ]

    def width(records: list[Record]) -> float:
        found = latency(records)
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    assert width(asked(1.0)) > 3 * width(asked(0.0))
    ratio = speedup(asked(0.0), asked(1.0))
    assert ratio is not None
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.high / ratio.low > 2, "the other's rounds differ by as much as a second"


def test_what_pages_compare_is_scored_beside_a_conversion_and_found_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    @contextmanager
    def at_once(processes: int) -> Iterator[Any]:
        yield SimpleNamespace(submit=lambda work, *given: done.append(work(*given)))

    params = load_params("demo")
    monkeypatch.setattr(quantization, "pool", at_once)
    monkeypatch.setattr(quantization, "converted_size", lambda model, tell: done.append(model.dtype))
    monkeypatch.setattr(quantization, "is_converted", lambda model: model.dtype != "int4")
    quantization.prepare(params, print)
    assert done == [None, "int4"]
    monkeypatch.setattr(recordings, "_scored", lambda *_: pytest.fail("scored again"))
    assert all(found.n == 442 for found in compare_recordings(params))
    for section, ways in (("settings", params.compared_settings), ("quantization", params.quantization.variants)):
        assert any("quality" in fields for fields in qualities(params, section, ways).values())
    monkeypatch.setattr(quantization, "is_converted", lambda model: True)
    quantization.prepare(params, print)
    assert done == [None, "int4"], "nothing is started where nothing is to be converted"
