"""What a notebook offers to try, on the figures of the published demonstration: it shows a table and a difference."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.backends.base import Answer
from helpers.core.paths import REPORTS
from helpers.experiments import monitoring
from helpers.params import Generation
from helpers.params.files import load_params, write_params
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import PAGES, write_result
from helpers.runs.run import Run
from tests.logs import traffic, write_log
from tests.notebooks.test_structure import PAGES as NOTEBOOKS
from tests.notebooks.test_structure import cells, is_explore, source


class _Obedient:
    """Answers with as many words as it may."""

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        return [Answer(" ".join(text.split()[: generation.max_new_tokens])) for text in dialogues]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The published results as a run, with a log of its own for page 06."""
    published = json.loads((REPORTS / "results.json").read_text(encoding="utf-8"))
    directory = tmp_path_factory.mktemp("runs") / "published"
    (directory / "results").mkdir(parents=True)
    for page in PAGES:
        (directory / "results" / f"{page}.json").write_text(json.dumps(published[f"results/{page}.json"]))
    (directory / "manifest.json").write_text(json.dumps(published["manifest.json"]))
    run = Run(directory, load_params("demo"), measuring=False)
    write_params(directory, run.params)
    write_log(directory / "requests.jsonl", traffic(0, 400, 2.0, seconds=2.0))
    write_result(directory / "results", monitoring.measure(run))
    run.__dict__["backend"] = _Obedient()
    return run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_data_is_a_table_and_a_changed_parameter_makes_a_difference(path: Path, measured: Run) -> None:
    experiment = importlib.import_module(f"helpers.experiments.{path.stem[3:].replace('-', '_')}")
    names: dict[str, Any] = {"run": measured, "experiment": experiment, "result": measured.measured(experiment)}
    assert isinstance(names["result"], Cited)
    table, difference = (_last_value(source(cell), names) for cell in cells(path, "code") if is_explore(cell))
    assert len(table) >= 1
    assert list(difference.columns) == ["of", "what", "before", "after"]
    assert len(difference) >= 1


def _last_value(text: str, names: dict[str, Any]) -> pd.DataFrame:
    """Run a cell and return what it shows."""
    tree = ast.parse(text)
    *before, last = tree.body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    assert isinstance(shown, pd.DataFrame)
    return shown
