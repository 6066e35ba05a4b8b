"""Sheets of a workbook: inputs that are marked and named, and formulas over those names.

Nothing a person wrote in a params file is ever written as a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.core.console import public

Value = float | int | str | None


@dataclass(frozen=True)
class Formula:
    """A formula and the value that the model computed for it."""

    text: str
    value: Value
    style: str = "plain"


@dataclass(frozen=True)
class Input:
    """A figure to change; ``name`` is its defined name in the workbook."""

    name: str
    value: Value
    style: str = "plain"


@dataclass(frozen=True)
class Constant:
    """A number that is neither: a fact of the price list, or a point on an axis."""

    value: float
    style: str = "plain"


#: What a cell holds; a text is always a text.
SheetCell = Formula | Input | Constant | str | None

_NUMBERS = {
    "plain": "General",
    "usd": '"$"#,##0.00##',
    "share": "0.0%",
    "hours": "#,##0.00",
    "count": "#,##0",
}
UNKNOWN = "not known"
#: The sheet of scenarios, as a formula names it.
SCENARIOS = "'Optimisation scenarios'"
#: The row of the first scenario: a title, an empty row and the heads are above it.
FIRST = 4
_WIDTH = 24


class Sheet:
    """One sheet of the workbook: rows are written from the top, texts always as texts."""

    def __init__(self, book: Any, name: str, title: str, formats: Mapping[str, Any]) -> None:
        self.name = name
        self._book, self._formats, self._row = book, formats, 0
        self.sheet = book.add_worksheet(name)
        self.sheet.set_column(0, 0, 40)
        self.sheet.set_column(1, 12, _WIDTH)
        self.write([title], style="title")
        self.write([])

    @property
    def next_row(self) -> int:
        """The number of the row that is written next, as a spreadsheet counts them."""
        return self._row + 1

    def write(self, cells: Sequence[SheetCell], *, style: str = "text") -> None:
        """Write the next row."""
        for column, cell in enumerate(cells):
            self._cell(column, cell, style)
        self._row += 1

    def define(self, name: str, first: str, last: str = "") -> None:
        """Give a cell, or the range from one to another, a name that formulas everywhere can use."""
        ends = ":".join(f"${cell[0]}${cell[1:]}" for cell in (first, last) if cell)
        self._book.define_name(name, f"='{self.name}'!{ends}")

    def curves(
        self, title: str, across: str, up: str, place: str, columns: Sequence[int], rows: tuple[int, int]
    ) -> None:
        """Draw columns of numbers over the first, from one row to another; their heads are above the first row."""
        chart = self._book.add_chart({"type": "scatter", "subtype": "straight"})
        first, last = rows[0] - 1, rows[1] - 1
        for column in columns:
            chart.add_series(
                {
                    "name": [self.name, first - 1, column],
                    "categories": [self.name, first, 0, last, 0],
                    "values": [self.name, first, column, last, column],
                }
            )
        chart.set_title({"name": title})
        chart.set_x_axis({"name": across, "min": 0})
        chart.set_y_axis({"name": up, "min": 0})
        self.sheet.insert_chart(place, chart, {"description": title})

    def _cell(self, column: int, cell: SheetCell, style: str) -> None:
        if cell is None:
            return
        if isinstance(cell, str):
            self.sheet.write_string(self._row, column, public(cell), self._formats[style])
        elif isinstance(cell, Formula):
            value = "" if cell.value is None else cell.value
            self.sheet.write_formula(self._row, column, f"={cell.text}", self._formats[cell.style], value)
        elif isinstance(cell, Input):
            self._input(column, cell)
        else:
            self.sheet.write_number(self._row, column, cell.value, self._formats[cell.style])

    def _input(self, column: int, cell: Input) -> None:
        style = self._formats[f"{cell.style} input"]
        if isinstance(cell.value, str):
            self.sheet.write_string(self._row, column, public(cell.value), style)
        elif cell.value is None:
            self.sheet.write_blank(self._row, column, None, style)
        else:
            self.sheet.write_number(self._row, column, cell.value, style)
        if cell.name:
            self.define(cell.name, f"{chr(ord('A') + column)}{self._row + 1}")


def cell_formats(book: Any) -> dict[str, Any]:
    """Return the formats of a workbook by the name of their style."""
    marked = {"bg_color": "#FFF2CC", "border": 1, "border_color": "#BF9000"}
    formats = {
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
        "title": book.add_format({"bold": True, "font_size": 14}),
    }
    for name, number in _NUMBERS.items():
        formats[name] = book.add_format({"num_format": number})
        formats[f"{name} input"] = book.add_format({"num_format": number, **marked})
    return formats


def priced(instance: str) -> str:
    """Return what an hour of an instance costs, as a formula over the price list."""
    return f"INDEX(price_hours,MATCH({instance},price_names,0))"


def where_known(cell: str, formula: str, value: float | None, style: str = "plain") -> Formula:
    """Return a formula that holds where a cell is a number, and says *not known* elsewhere."""
    return Formula(f'IF(ISNUMBER({cell}),{formula},"{UNKNOWN}")', known(value), style)


def known(value: float | None) -> float | str:
    """Return a value, or that it is not known."""
    return UNKNOWN if value is None else value
