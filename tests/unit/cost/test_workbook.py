"""The workbook: recalculated by another engine it agrees with the model, before and after an input is changed."""

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from helpers.cost.costs import basis
from helpers.cost.projection import project
from helpers.cost.workbook import write_workbook
from helpers.params.files import load_params

MADE = datetime(2026, 1, 2, tzinfo=UTC)
SLEEPING = ["deployment={name: x, min_replica: 0, scale_to_zero_minutes: 15}", "traffic.requests_per_hour=3"]
FULL = [
    "cost.memory_gb={value: 3, source: own}",
    "cost.service_times={aws nvidia-t4 x1: {value: 0.4, source: own}}",
    "cost.platforms=[{name: Modal, hourly_usd: 0.5, per_1000_requests_usd: 0.1, as_of: 2026-08-20, source: own}, "
    "{name: EC2}]",
    "cost.scenarios=[{label: first, source: s}, {label: smaller, source: s, instance: aws intel-spr x4}, "
    "{label: evenings, source: s, hours_per_day: 9.7, starts_per_day: 3, extra_replicas: 2, extra_hours_per_day: 2, "
    "price_reduction: 0.1, time_reduction: 0.3, requests_per_hour: 333}, "
    "{label: graphics, source: s, instance: aws nvidia-l4 x1}]",
]


def written(path: Path, *overrides: str) -> Path:
    params = load_params("demo", overrides)
    write_workbook(path, params, project(params, basis(params, None)), MADE)
    return path


def recalculated(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import formulas

        return formulas.ExcelModel().loads(str(path)).finish().calculate()


def disagreements(path: Path, expected: Path) -> list[str]:
    """Return every formula of one workbook whose value is not the one cached in another."""
    found, live, cached = (
        recalculated(path),
        openpyxl.load_workbook(path),
        openpyxl.load_workbook(expected, data_only=True),
    )
    cells = [c for sheet in live for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert len(cells) > 200
    wrong = []
    for cell in cells:
        value = found[f"'[{path.name}]{cell.parent.title.upper()}'!{cell.coordinate}"].value[0, 0]
        wanted = cached[cell.parent.title][cell.coordinate].value
        if isinstance(wanted, bool):
            agrees = bool(value) is wanted
        elif isinstance(wanted, int | float):
            agrees = float(value) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        else:
            agrees = (value or None) == wanted
        if not agrees:
            wrong.append(f"{cell.parent.title} {cell.coordinate} {cell.value}: {value!r}, not {wanted!r}")
    return wrong


@pytest.mark.parametrize(
    "overrides", [[], FULL, SLEEPING, ["cost.expected={service_time: 2, tokens_per_request: null, source: s}"]]
)
def test_another_engine_finds_the_cached_values(tmp_path: Path, overrides: list[str]) -> None:
    path = written(tmp_path / "cost.xlsx", *overrides)
    assert disagreements(path, path) == []


def test_a_changed_input_gives_what_the_model_gives(tmp_path: Path) -> None:
    path = written(tmp_path / "cost.xlsx", *FULL)
    changed = written(
        tmp_path / "model.xlsx", *FULL, "cost.hours_per_month=730", "instance.size=x4", "instance.replicas=2",
        "traffic.requests_per_hour=517", "cost.expected={service_time: 1.7, tokens_per_request: 250, source: s}",
        "cost.memory_gb.value=7",
    )  # fmt: skip
    book = openpyxl.load_workbook(path)
    values = {
        "hours_per_month": 730, "instance": "aws intel-spr x4", "replicas": 2, "requests_per_hour": 517,
        "service_time": 1.7, "tokens_per_request": 250, "memory_gb": 7,
    }  # fmt: skip
    for name, value in values.items():
        sheet, cell = next(book.defined_names[name].destinations)
        book[sheet][cell] = value
    book.save(path)
    assert disagreements(path, changed) == []


def test_inputs_are_marked_and_figures_are_formulas(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(tmp_path / "cost.xlsx"))
    assert book.sheetnames == [
        "Inputs", "Infrastructure", "Throughput model", "Optimisation scenarios", "Prices", "Break-even",
        "Other platforms",
    ]  # fmt: skip
    assert len(book["Break-even"]._charts) == 1
    for name in ("hours_per_month", "replicas", "storage_price", "target_requests"):
        sheet, cell = next(book.defined_names[name].destinations)
        assert book[sheet][cell].fill.fgColor.rgb == "FFFFF2CC"
    numbers = [
        cell.coordinate
        for cell in (
            c for name in ("Infrastructure", "Throughput model") for row in book[name].iter_rows() for c in row
        )
        if cell.data_type == "n" and cell.value is not None
    ]
    assert numbers == []


def test_a_text_never_becomes_a_formula(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://example.org","x")'
    path = written(
        tmp_path / "cost.xlsx",
        f"cost.scenarios=[{{label: '{evil}', source: '+1+1'}}]",
        "cost.platforms=[{name: '@SUM(A1)', hourly_usd: 1, as_of: 2026-08-20, source: '-2+3'}]",
        "targets.cost_per_1000_requests.label='=1+1'",
    )
    cells = [c for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for c in row]
    texts = {evil, "+1+1", "@SUM(A1)", "-2+3"}
    found = {c.value: c.data_type for c in cells if isinstance(c.value, str) and c.value in texts}
    assert found == dict.fromkeys(texts, "s")
    assert [c.value for c in cells if c.data_type == "f" and "HYPERLINK" in str(c.value)] == []


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a.xlsx").read_bytes() == written(tmp_path / "b.xlsx").read_bytes()
