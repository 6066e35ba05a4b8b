"""A value inside a result with its address, so that a figure on a page can name where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Cited:
    """A value inside a result file, with its address (file and JSON pointer, RFC 6901).

    Attributes and items of the value are reached as its own and are `Cited` in turn; ``raw`` is the value itself,
    ``whole`` the value that it is a part of.
    """

    __slots__ = ("address", "raw", "whole")

    def __init__(self, raw: Any, address: str, whole: Any = None) -> None:
        self.raw, self.whole = raw, whole
        self.address = address if "#" in address else f"{address}#"

    def __getattr__(self, name: str) -> Cited:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._child(getattr(self.raw, name), name)

    def __getitem__(self, key: str | int) -> Cited:
        return self._child(self.raw[key], key)

    def __iter__(self) -> Iterator[Cited]:
        return (self._child(item, index) for index, item in enumerate(self.raw))

    def items(self) -> Iterator[tuple[str, Cited]]:
        """Yield the keys of a mapping with their cited values."""
        return ((key, self._child(value, key)) for key, value in self.raw.items())

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __str__(self) -> str:
        return str(self.raw)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_parts(self.raw)]  # what a notebook completes

    def __repr__(self) -> str:
        inside = ", ".join(_parts(self.raw))
        return f"{type(self.raw).__name__} at {self.address}" + (
            f" with {inside}" if inside else f": {self.raw!r:.200}"
        )

    def frame(self) -> pd.DataFrame:
        """Return the value as a tidy table: one row per item of a list, or else per figure; see `frame`."""
        from helpers.runs.results.frame import frame  # with pandas, which a page does without

        return frame(self.raw)

    def _child(self, value: Any, key: str | int) -> Cited:
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Cited(value, f"{self.address}/{step}", self.raw)


def _parts(value: Any) -> list[str]:
    return [str(name) for name in getattr(type(value), "model_fields", value if isinstance(value, dict) else ())]
