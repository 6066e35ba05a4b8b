"""Building the demonstration model: what libraries say of themselves meanwhile is not shown."""

from __future__ import annotations

import sys

import pytest
from tqdm.auto import tqdm

from helpers.engines.demo_model import silent


def test_bars_and_lines_of_libraries_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with silent():
        list(tqdm([1, 2], desc="Converting"))
        print("this is deprecated", file=sys.stderr)
    assert capsys.readouterr() == ("", "")
    list(tqdm([1, 2], desc="Converting"))
    assert "Converting" in capsys.readouterr().err
