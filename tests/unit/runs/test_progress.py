"""What a run says of the time that is left."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.params.files import load_params
from helpers.runs import progress
from helpers.runs.budget import planned_of_variants, planned_requests

PAGES = ("01", "02", "03", "04", "05", "06", "07")


def test_the_time_left_counts_variants_and_not_the_waking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params, url = load_params("demo"), "http://127.0.0.1:8080"
    measured: Any = SimpleNamespace(
        params=params,
        manifest=SimpleNamespace(dialogues=30),
        measuring=True,
        server={"url": url},
        directory=tmp_path,
    )
    shown, now = progress.Progress(measured, PAGES), [0.0]
    shown._began = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    asked = [{"phase": "cold", "status": 503}] * 19 + [{"phase": "probe"}] * 20
    (tmp_path / "requests.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in asked))
    now[0] = 60.0
    planned = sum(planned_requests(params, 30, PAGES, url).values()) + 3 * (1 + 3 * 8)
    left = int(60 / 20 * (planned - 20))
    assert shown.line() == f"20 requests, 1:00 elapsed, about {left // 60}:{left % 60:02d} left"
    assert shown.share() == pytest.approx(20 / planned)


def test_page_04_asks_the_variants_that_are_timed() -> None:
    assert planned_of_variants(load_params("demo"), 30, PAGES) == 3 * (1 + 3 * 8)
    assert planned_of_variants(load_params("demo", ["quantization.all_at_once=true"]), 30, ["04"]) == 3 * (1 + 3 * 9)
    assert planned_of_variants(load_params("demo"), 5, ["04"]) == 3 * (1 + 3 * 5)
    assert planned_of_variants(load_params("demo"), 30, ["03"]) == 0
    assert planned_of_variants(load_params("replay"), 30, PAGES) == 0
