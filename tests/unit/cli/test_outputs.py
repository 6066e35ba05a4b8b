"""What is read is never what is written."""

from pathlib import Path

import pytest

from helpers.cli.main import main

ROWS = "id,dialogue,summary,prediction\n1,Ann: hi,Ann greets,Ann greets\n"


@pytest.mark.parametrize(
    "command",
    [
        ["summarise", "replay", "--input", "FILE", "--output", "FILE"],
        ["score", "FILE", "--prediction", "prediction", "--reference", "summary", "--json", "FILE"],
        ["monitor", "FILE", "--json", "FILE"],
        ["monitor", "FILE", "--export-grafana", "FILE"],
        ["monitor", "FILE", "--export-prometheus", "FILE"],
    ],
)
def test_an_output_that_is_read_as_well_is_refused(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    assert main([str(file) if part == "FILE" else part for part in command]) == 2
    assert "is read as well, and would be lost; give another file" in capsys.readouterr().err
    assert file.read_text() == ROWS
