"""The manifest of a run says nothing of this machine's folders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from helpers.params.files import load_params
from helpers.runs.manifest import describe


def test_the_manifest_names_recordings_without_paths_of_this_machine() -> None:
    manifest = describe(load_params("demo"), "run", "command", datetime.now(UTC))
    named = manifest.given["quantization.variants"][0]["predictions"]
    assert named.endswith("baselines/demo-tuned-fp32.jsonl")
    assert not Path(named).is_absolute()
