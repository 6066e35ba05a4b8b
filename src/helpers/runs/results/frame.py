"""Results as tidy tables, for further work in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel

from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate

#: What a table of figures has for each of them.
FIGURE = ("name", "value", "low", "high", "n", "unit", "method", "p_value")


def frame(found: Any) -> pd.DataFrame:
    """Return a result, or a part of one, as a table; seconds, dollars and shares from 0 to 1, as in the result.

    A list has one row per item: an estimate ``x`` of an item becomes the columns ``x``, ``x.low``, ``x.high``, ``x.n``
    and ``x.method``. Items that only label a mapping of estimates have one row per estimate. Anything else has one row
    per figure in it, with the columns of `FIGURE`; lists in it are left out, as each is a table of its own.
    """
    found = list(found) if isinstance(found, Iterator) else found
    if not is_list(found):
        return pd.DataFrame(list(_figures(found, "")), columns=list(FIGURE))
    mapping = _mapping_of_all(found)
    rows = [row for item in found for row in (_labelled(item, mapping) if mapping else [dict(_columns(item, ""))])]
    return pd.DataFrame(rows).rename(columns={"": "value"})


def is_list(value: Any) -> bool:
    """Return whether `frame` gives a value one row per item."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def parts(value: Any) -> dict[str, Any]:
    """Return what a value is made of, by name: fields or keys; nothing where it is none of these."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _figure(value: Any) -> dict[str, Any] | None:
    """Return the value, interval and n of an estimate or a plain number; ``None`` for anything else."""
    if isinstance(value, Paired):
        return {"value": value.difference} | value.model_dump(include={"low", "high", "n", "method", "p_value"})
    if isinstance(value, Estimate):
        return value.model_dump(include={"value", "low", "high", "n", "unit", "method"})
    return {"value": value} if isinstance(value, int | float) and not isinstance(value, bool) else None


def _figures(value: Any, name: str) -> Iterator[dict[str, Any]]:
    if (figure := _figure(value)) is not None:
        yield {"name": name} | figure
    elif not is_list(value):
        for key, part in parts(value).items():
            if key != "schema_version":
                yield from _figures(part, f"{name}.{key}".lstrip("."))


def _columns(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Estimate | Paired):
        figure = _figure(value) or {}
        yield name, figure.pop("value")
        yield from ((f"{name}.{key}".lstrip("."), part) for key, part in figure.items() if key != "unit")
    elif isinstance(value, Sequence) or not (inner := parts(value)):
        yield name, value
    elif name and isinstance(value, Mapping) and any(parts(one) and not _figure(one) for one in inner.values()):
        yield name, value  # a mapping of models has other keys in every row
    else:
        for key, part in inner.items():
            yield from _columns(part, f"{name}.{key}".lstrip("."))


def _mapping_of_all(items: Sequence[Any]) -> str:
    """Return the field of items that holds all their estimates in a mapping; nothing where they have others."""
    found = set()
    for item in items:
        for name, part in parts(item).items():
            inner = list(part.values()) if isinstance(part, Mapping) else [part]
            if any(isinstance(one, Estimate | Paired) for one in inner):
                found.add(name if isinstance(part, Mapping) else "")
    return found.pop() if len(found) == 1 else ""


def _labelled(item: Any, mapping: str) -> Iterator[dict[str, Any]]:
    labels = dict(_columns({name: part for name, part in parts(item).items() if name != mapping}, ""))
    yield from (labels | {"name": name} | (_figure(one) or {}) for name, one in parts(item)[mapping].items())
