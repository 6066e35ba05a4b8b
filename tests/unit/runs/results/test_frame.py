"""Results as tables: one rule for pages, lists and mappings."""

from __future__ import annotations

import pytest

from helpers.runs.results.base import Group, PageResult
from helpers.runs.results.cited import Cited
from helpers.runs.results.frame import FIGURE, frame
from helpers.runs.results.load_capacity import Assumption
from helpers.runs.results.publication_audit import Claim, Figure
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate


class Page(PageResult):
    mean: Estimate | None = None
    scores: dict[str, Estimate]
    gain: Paired
    groups: tuple[Group, ...] = ()


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 1, high=value + 1, n=7, method="widest")


GAIN = Paired(difference=0.5, low=0.1, high=0.9, p_value=0.01, n=7, method="widest")
GROUPS = tuple(
    Group(by="domain", label=label, n=7, estimates={"rougeL": estimate(3), "rouge1": estimate(4)}) for label in "ab"
)
PAGE = Page(page="02", requests=10, scores={"rougeL": estimate(2)}, gain=GAIN, groups=GROUPS)


def test_a_page_has_a_row_for_each_figure_and_none_for_its_lists() -> None:
    table = Cited(PAGE, "results/02.json").frame()
    assert list(table.columns) == list(FIGURE)
    assert list(table["name"]) == ["requests", "seconds", "scores.rougeL", "gain"]
    rouge, gain = (table.set_index("name").loc[name] for name in ("scores.rougeL", "gain"))
    assert (rouge["value"], rouge["low"], rouge["high"], rouge["n"], rouge["unit"]) == (2, 1, 3, 7, "dialogue")
    assert (gain["value"], gain["p_value"], gain["method"]) == (0.5, 0.01, "widest")


def test_a_list_has_a_row_for_each_item_with_its_estimates_as_columns() -> None:
    rows = [Assumption(name="a", rate=1.0, per_hour=3600.0, replicas=1, utilisation=estimate(2), response=None)]
    table = frame(rows)
    assert list(table.columns) == [
        "name", "rate", "per_hour", "replicas",
        "utilisation", "utilisation.low", "utilisation.high", "utilisation.n", "utilisation.method", "response",
    ]  # fmt: skip
    assert table.loc[0, "utilisation.high"] == 3


def test_items_that_label_a_mapping_of_estimates_have_a_row_for_each_of_them() -> None:
    table = Cited(PAGE, "results/02.json").groups.frame()
    assert list(zip(table["label"], table["name"], table["value"], strict=True)) == [
        ("a", "rougeL", 3), ("a", "rouge1", 4), ("b", "rougeL", 3), ("b", "rouge1", 4),
    ]  # fmt: skip


def test_a_mapping_of_models_stays_one_cell() -> None:
    claim = Claim(
        name="x", group="g", source="s", claim="c", published="p", recomputed="r", verdict="holds", arithmetic="a",
        figures={"n": Figure(value=3)},
    )  # fmt: skip
    assert frame((claim,)).loc[0, "figures"] == {"n": Figure(value=3)}


@pytest.mark.parametrize(("value", "rows"), [((), 0), (None, 0), ((1.5, 2.5), 2), (iter([PAGE]), 1)])
def test_anything_else_is_a_table_too(value: object, rows: int) -> None:
    assert len(frame(value)) == rows


def test_a_notebook_completes_what_there_is() -> None:
    cited = Cited(PAGE, "results/02.json")
    assert {"groups", "scores", "frame"} <= set(dir(cited))
    assert repr(cited).startswith("Page at results/02.json# with ")
    assert repr(cited.requests) == "int at results/02.json#/requests: 10"
