"""The manifest of a run: nothing of this machine's folders, and what else the processor did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.params.files import load_params
from helpers.report.views.common import stamps
from helpers.runs import manifest as manifests
from helpers.runs.directory import attach
from helpers.runs.manifest import Manifest, describe, with_busy_cores
from tests.review_runs import MOMENT, finished_run


def test_the_manifest_names_recordings_without_paths_of_this_machine() -> None:
    manifest = describe(load_params("demo"), "run", "command", datetime.now(UTC))
    named = manifest.given["quantization.variants"][0]["predictions"]
    assert named.endswith("baselines/demo-tuned-fp32.jsonl")
    assert not Path(named).is_absolute()


@pytest.mark.parametrize(("busy", "warned"), [(0.44, False), (1.26, True)])
def test_a_busy_processor_is_said_before_measuring_and_on_the_pages(
    busy: float, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manifests, "busy_cores", lambda: busy)
    told = with_busy_cores(Manifest(run="r", command="c", started_at=MOMENT, cores=2))
    assert ("1.3 of 2 cores were busy" in capsys.readouterr().err) is warned
    # a run that goes on keeps what was worst
    monkeypatch.setattr(manifests, "busy_cores", lambda: 0.0)
    told = with_busy_cores(told)
    run = finished_run(tmp_path, "r", {"a": "Ana."})
    (run.directory / "manifest.json").write_text(told.model_dump_json())
    assert any("cores were busy with other work" in line for line in stamps(attach(run.directory))) is warned


def test_recorded_answers_wait_for_no_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "busy_cores", lambda: pytest.fail("nothing is measured"))
    assert with_busy_cores(Manifest(run="r", command="c", started_at=MOMENT, backend="replay")).busy_cores is None
