"""The metric of the evaluate library."""

import sys
from pathlib import Path

import pytest

from helpers.scorers import METRICS, SampleScore, score_sample


def test_evaluate_loads_the_metric_by_path_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import evaluate

    import helpers

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", str(tmp_path))
    folder = Path(helpers.__file__).parent / "scorers" / "dialogue_rouge"
    metric = evaluate.load(str(folder), cache_dir=str(tmp_path))
    predictions, references = ["Ana pays Ben.", ""], [["Ana pays.", "Ben is paid."], ["Milo is late."]]
    found = metric.compute(predictions=predictions, references=references)
    one: SampleScore = score_sample("1", predictions[0], references[0])
    assert found == {**{name: getattr(one, name) / 2 for name in METRICS}, "signature": found["signature"]}
    assert "nrefs:var" in found["signature"]
    assert metric.compute(predictions=["Ana pays."], references=["Ana pays."])["rougeLsum"] == 1
