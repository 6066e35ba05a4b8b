"""What a run reads is read whole before any request, and all that is wrong with it is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.core.errors import SamplesError
from helpers.params.files import load_params
from helpers.runs.inputs import read_inputs

ROWS = 'id,dialogue,summary,prediction\n1,Ann: hi,Ann greets.,She greets.\n2,"",Nothing.,Nothing.\n'


def inputs(folder: Path, **files: str) -> list[str]:
    """Return the overrides that name files of a folder, which holds the rows as ``mine.csv``."""
    (folder / "mine.csv").write_text(ROWS)
    return [f"samples.source={folder / 'mine.csv'}", *(f"{key}={folder / name}" for key, name in files.items())]


def test_every_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [*inputs(tmp_path), f"replay.predictions={tmp_path / 'mine.csv'}"]
    found = read_inputs(load_params("replay", given))
    assert [sample.id for sample in found.samples] == ["1"]
    assert {name: (intake.rows, intake.aside) for name, intake in found.intake.items()} == {
        "samples.source": (2, 1),
        "replay.predictions": (2, 0),
    }
    found.tell()
    assert "mine.csv: 1 of 2 rows set aside: nothing to summarise (1)" in capsys.readouterr().err


def test_what_a_page_would_stumble_over_is_said_first(tmp_path: Path) -> None:
    (tmp_path / "others.csv").write_text("id,prediction\nx,y\n")
    given = [
        *inputs(tmp_path),
        f"replay.predictions={tmp_path / 'others.csv'}",
        f"baseline.predictions={tmp_path / 'none.csv'}",
        f"baseline.untuned={tmp_path / 'others.csv'}",
        "baseline.samples=bundled:demo",
        f"monitoring.logs=[{tmp_path / 'requests.jsonl'}]",
    ]
    with pytest.raises(SamplesError) as told:
        read_inputs(load_params("replay", given))
    assert [problem.partition(": ")[0] for problem in told.value.problems] == [
        "others.csv",
        "baseline.predictions",
        "baseline.untuned",
        "monitoring.logs",
    ]
    assert "has none of the 10 dialogues" in str(told.value)


def test_a_tokeniser_that_sees_no_word_of_a_reference_is_said_first(tmp_path: Path) -> None:
    given = [*inputs(tmp_path), f"replay.predictions={tmp_path / 'mine.csv'}", "scoring.tokenizer=rouge_score"]
    assert read_inputs(load_params("replay", given)).samples
    (tmp_path / "mine.csv").write_text("id,dialogue,summary,prediction\n1,甲:好,他们下午见面。,好\n")
    with pytest.raises(SamplesError, match=r"scoring\.tokenizer: rouge_score sees no word .* of 1 dialogues \(1\)"):
        read_inputs(load_params("replay", given))
