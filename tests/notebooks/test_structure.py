"""Every notebook: one question, annotated parameters, no definitions, no outputs, short cells."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from helpers.core.paths import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
MOST_CELLS, MOST_LINES = 14, 8


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_the_notebooks_are_numbered() -> None:
    assert [path.stem[:3] for path in NOTEBOOKS[:3]] == ["01-", "02-", "03-"]
    assert all(re.fullmatch(r"0[1-7]-[a-z-]+", path.stem) for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_structure(path: Path) -> None:
    code, text = cells(path, "code"), [source(cell) for cell in cells(path, "markdown")]
    assert len(code) + len(text) <= MOST_CELLS
    titles = re.findall(r"^# .*", "\n".join(text), re.MULTILINE)
    assert len(titles) == 1
    assert titles[0].endswith("?")
    assert [heading for heading in ("## Answer",) if not any(t.startswith(heading) for t in text)] == []
    parameters = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert len(parameters) == 1
    assigned = ast.parse(source(parameters[0])).body
    assert all(isinstance(line, ast.AnnAssign) for line in assigned)
    assert [line.target.id for line in assigned] == ["params", "run_dir"]  # type: ignore[attr-defined]
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert source(cell).count("\n") < MOST_LINES
        assert not [n for n in ast.walk(ast.parse(source(cell))) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    assert any("assert " in source(cell) for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_prose_has_no_typed_number(path: Path) -> None:
    for cell in cells(path, "markdown"):
        assert not re.search(r"\d", re.sub(r"\b95 %|\b0[1-7]\b|ROUGE-[12L]", "", source(cell))), source(cell)
