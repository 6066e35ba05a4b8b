"""Every notebook: one question, annotated parameters, no definitions, no outputs, short cells."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from helpers.core.paths import PROJECT
from helpers.report.execute import choose

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
PAGES = [path for path in NOTEBOOKS if "explore" not in json.loads(path.read_text())["metadata"].get("tags", [])]
MOST_CELLS, MOST_LINES = 14, 8


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def is_explore(cell: dict[str, Any]) -> bool:
    return "explore" in cell["metadata"].get("tags", [])


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_the_notebooks_are_numbered_and_seven_are_pages() -> None:
    assert [path.stem[:3] for path in NOTEBOOKS] == [f"0{number}-" for number in range(9)]
    assert [path.stem for path in NOTEBOOKS if path not in PAGES] == ["00-start", "08-your-data"]
    assert [page.notebook.name for page in choose([], claims=True)] == [path.name for path in PAGES]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_are_short_and_clean(path: Path) -> None:
    code = cells(path, "code")
    titles = re.findall(r"^# .*", "\n".join(source(cell) for cell in cells(path, "markdown")), re.MULTILINE)
    assert len(titles) == 1
    assert titles[0].endswith("?")
    assert len([cell for cell in [*code, *cells(path, "markdown")] if not is_explore(cell)]) <= MOST_CELLS
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert source(cell).count("\n") < MOST_LINES
        assert not [n for n in ast.walk(ast.parse(source(cell))) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_a_page_has_an_answer_and_parameters_and_ends_with_something_to_try(path: Path) -> None:
    code, text = cells(path, "code"), [source(cell) for cell in cells(path, "markdown")]
    assert [heading for heading in ("## Answer", "## Try it") if not any(t.startswith(heading) for t in text)] == []
    parameters = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert len(parameters) == 1
    assigned = ast.parse(source(parameters[0])).body
    assert all(isinstance(line, ast.AnnAssign) for line in assigned)
    assert [line.target.id for line in assigned] == ["params", "run_dir"]  # type: ignore[attr-defined]
    assert any("assert " in source(cell) for cell in code)
    assert [is_explore(cell) for cell in code] == [False] * (len(code) - 2) + [True, True]
    assert ".frame()" in source(code[-2])
    assert "compare(" in source(code[-1])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_prose_has_no_typed_number(path: Path) -> None:
    names = re.compile(r"\b95 %|\b0[1-7]\b|ROUGE-[12L]|`[^`]*`|\[0\d-[^)]*\)")
    for cell in cells(path, "markdown"):
        assert not re.search(r"\d", names.sub("", source(cell))), source(cell)
