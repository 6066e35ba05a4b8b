"""Scores that are cached: computed once, again where they cannot be read, and never kept of another code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from helpers.experiments import recordings, score_cache
from helpers.experiments.recordings import scored_recording
from helpers.experiments.score_cache import cache_key, cached
from helpers.samples.dataset import Sample

NUMBERS = TypeAdapter(list[int])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def never() -> list[int]:
    pytest.fail("it is cached")


def test_it_is_made_once_and_again_where_it_cannot_be_read(own_cache: Path) -> None:
    assert cached("numbers", "k", NUMBERS, lambda: [1]) == [1]
    assert cached("numbers", "k", NUMBERS, never) == [1]
    assert cached("numbers", "other", NUMBERS, lambda: [2]) == [2]
    (own_cache / "numbers" / "k.json").write_text("[1, tor")
    assert cached("numbers", "k", NUMBERS, lambda: [3]) == [3]
    assert sorted(path.name for path in (own_cache / "numbers").iterdir()) == ["k.json", "other.json"]


def test_where_nothing_can_be_written_it_is_made_all_the_same(own_cache: Path) -> None:
    own_cache.write_text("a file where the folder would be")
    assert cached("numbers", "k", NUMBERS, lambda: [1]) == [1]


def test_another_code_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key("text")
    monkeypatch.setattr(score_cache, "_code", lambda: ("changed",))
    assert cache_key("text") != before


def test_a_recording_is_scored_once_until_an_answer_or_a_reference_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[str] = []
    real = recordings._scored.__wrapped__

    def counted(sample: Sample, summary: str | None, tokenizer: str) -> object:
        scored.append(sample.id)
        return real(sample, summary, tokenizer)

    monkeypatch.setattr(recordings, "_scored", counted)
    sample = Sample(id="a", dialogue="Ann: I come at 7.\nBo: Fine.", references=("Ann comes at 7.",))
    file = tmp_path / "recorded.jsonl"
    file.write_text(json.dumps({"id": "a", "prediction": "Ann comes at 9."}) + "\n")
    first = scored_recording([sample], file)
    assert scored_recording([sample], file) == first
    assert len(scored) == 1
    other = sample.model_copy(update={"references": ("Ann comes at 9.",)})
    assert scored_recording([other], file)["a"].score.rougeL == 1
    file.write_text(json.dumps({"id": "a", "prediction": "Ann comes at 7."}) + "\n")
    assert scored_recording([sample], file)["a"].score.rougeL == 1
    assert len(scored) == 3
