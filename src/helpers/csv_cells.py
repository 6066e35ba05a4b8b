"""Cells of a CSV file that no spreadsheet takes for a formula, whoever wrote their text."""

from __future__ import annotations

#: What a cell begins with that a spreadsheet would run; the wide forms are read like the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell: object) -> object:
    """Return a cell as it is, a text that would run with an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA) else cell
