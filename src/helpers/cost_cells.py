"""What several sheets of the cost workbook refer to: the first scenario, a price by its name, and what is not known."""

from __future__ import annotations

from helpers.cost_workbook import Formula

UNKNOWN = "not known"
#: The sheet of scenarios, as a formula names it.
SCENARIOS = "'Optimisation scenarios'"
#: The row of the first scenario: a title, an empty row and the heads stand above it.
FIRST = 4


def priced(instance: str) -> str:
    """Return what an hour of an instance costs, as a formula over the price list."""
    return f"INDEX(price_hours,MATCH({instance},price_names,0))"


def where_known(cell: str, formula: str, value: float | None, style: str = "plain") -> Formula:
    """Return a formula that holds where a cell is a number, and says *not known* elsewhere."""
    return Formula(f'IF(ISNUMBER({cell}),{formula},"{UNKNOWN}")', known(value), style)


def known(value: float | None) -> float | str:
    """Return a value, or that it is not known."""
    return UNKNOWN if value is None else value
