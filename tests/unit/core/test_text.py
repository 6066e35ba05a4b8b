"""What people, dialogues and models write is no formula in a spreadsheet."""

import pytest

from helpers.core.text import harmless


@pytest.mark.parametrize("text", ["=cmd()", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1"])
def test_what_would_run_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["Ann meets Bo.", "", "a=b", -1.5, 3, None])
def test_the_rest_stays_as_it_is(cell: object) -> None:
    assert harmless(cell) == cell
