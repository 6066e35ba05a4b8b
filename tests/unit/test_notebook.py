"""What a notebook shows while it is worked on, and what it can try."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from markupsafe import Markup

from helpers.core.errors import ParamsError, SamplesError
from helpers.experiments.prediction_scores import EXAMPLE
from helpers.notebook import bar, compare, interactive_style, open_run, score, show, what_if
from helpers.params.files import load_params
from helpers.report.execute import choose, write_without_explore
from helpers.report.views import predictions as views
from helpers.runs.run import Run

COLUMNS: dict[str, Any] = {"prediction": "summary", "references": ["reference", "reference_2"], "baseline": "baseline"}


def test_show_emits_html_with_its_style_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: calls.append((data, options)))
    show(Markup("<p>a</p>"), Markup("<p>b</p>"))
    html = f'<div class="helpers-out">{interactive_style()}<p>a</p><p>b</p></div>'
    assert calls == [({"text/html": html}, {"raw": True})]


def test_interactive_style_stays_inside_its_outputs() -> None:
    css = interactive_style()
    assert css.startswith("<style>.helpers-out {")
    assert css.endswith("}</style>")
    assert ":root" not in css
    assert "&amp;" not in css
    assert "--jp-" not in css
    assert "--vscode-" not in css
    assert css.count("{") == css.count("}")


def test_a_bar_is_there_while_it_takes_and_then_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: Any) -> None:
            shown.append(html.data)

    def display(html: Any, *, display_id: bool) -> Handle:
        shown.append(html.data)
        return Handle()

    monkeypatch.setattr("IPython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("helpers.notebook.EVERY", 0.01)
    with bar(lambda seconds: ("3 requests", 0.5)):
        time.sleep(0.3)
    assert shown[0] == '<progress max="1" value="0.500"></progress> <small>3 requests</small>'
    assert len(shown) > 2
    assert shown[-1] == ""
    shown.clear()
    with bar(lambda seconds: ("quick", None)):
        pass
    assert shown == []


def test_an_error_of_ours_is_its_message_unless_all_is_asked_for() -> None:
    shell = InteractiveShell.instance()
    try:
        (line,) = _raised()
        assert re.sub(r"\x1b\[\d*m", "", line).startswith(
            "ParamsError: replya: no such parameter file (did you mean 'replay'?)"
        )
        shell.InteractiveTB.set_mode("Verbose")
        assert len("\n".join(_raised()).splitlines()) > 10
    finally:
        shell.InteractiveTB.set_mode("Context")
        InteractiveShell.clear_instance()


def _raised() -> list[str]:
    with pytest.raises(ParamsError) as caught:
        open_run("replya")
    return caught.value._render_traceback_()


def test_a_run_is_judged_by_other_parameters_and_stays_as_it_is() -> None:
    run = Run(Path("nowhere"), load_params("replay"), measuring=True)
    other = what_if(run, "targets.average_latency.max=1.5")
    targets = (run.params.targets.average_latency, other.params.targets.average_latency)
    assert [target and target.max for target in targets] == [3.0, 1.5]
    assert not other.measuring
    with pytest.raises(ParamsError, match=r"what_if: unknown key 'averge_latency'.*did you mean 'average_latency'"):
        what_if(run, "targets.averge_latency.max=1.5")


def test_only_cells_that_differ_are_compared() -> None:
    before = pd.DataFrame({"name": ["a", "b"], "value": [1.0, None], "note": ["x", "y"]})
    after = pd.DataFrame({"name": ["a", "b", "c"], "value": [2.0, None, 3.0], "note": ["x", "y", "z"]})
    found = compare(before, after).values.tolist()
    assert found[0] == ["a", "value", 1.0, 2.0]
    assert [row[:2] for row in found[1:]] == [["c", "value"], ["c", "note"]]
    assert compare(before, before).empty
    repeated = pd.DataFrame({"name": ["a", "a"], "value": [1, 2]})
    assert compare(repeated, repeated.assign(value=[1, 5])).values.tolist() == [[1, "value", 2, 5]]
    assert compare(pd.DataFrame(), pd.DataFrame()).empty


def test_a_table_is_scored_as_its_file_is() -> None:
    file, table = (score(data, **COLUMNS, group="domain") for data in (EXAMPLE, pd.read_csv(EXAMPLE)))
    assert compare(file.frame(), table.frame()).empty
    assert list(file.rows.frame()["failures"]) == list(table.rows.frame()["failures"])
    assert list(file.rows.frame()["scores.rougeL"]) == [row.scores["rougeL"] for row in file.raw.rows]
    assert file.raw.rows[3].failures == ("empty",)
    assert [len(rows) for rows in (file.rows, file.baseline_rows)] == [file.n.raw] * 2


@pytest.mark.parametrize("columns", [COLUMNS | {"group": "domain"}, COLUMNS | {"baseline": None}])
def test_own_scores_are_shown_for_one_system_and_for_two(columns: dict[str, Any]) -> None:
    result = score(EXAMPLE, **columns)
    parts = [views.answer, views.scores, views.chart, views.comparison, views.failures, views.lowest]
    shown = {part.__name__: part(result) for part in parts}
    assert "ROUGE-L of" in shown["answer"]
    assert ("row by row" in shown["answer"]) == (columns["baseline"] is not None) == bool(shown["comparison"])
    assert shown["chart"].count("<figure") == 1 + ("group" in columns)
    assert "not measured: no --dialogue column" in shown["scores"].replace(" is not", " not")


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(
        SamplesError, match=r"^example_predictions.csv: no column 'sumary' \(did you mean 'summary'\?\)"
    ):
        score(EXAMPLE, prediction="sumary", references=["reference"])


def test_what_is_for_people_in_jupyterlab_is_no_page_and_on_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = nbformat.v4.new_code_cell
    for name, tags in (("01-page", []), ("02-whole", ["explore"])):
        cells = [cell("kept"), cell("left out", metadata={"tags": ["explore"]})]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"tags": tags}), tmp_path / f"{name}.ipynb")
    monkeypatch.setattr("helpers.report.execute.NOTEBOOKS", tmp_path)
    (page,) = choose([], claims=True)
    assert page.notebook.name == "01-page.ipynb"
    write_without_explore(page.notebook, tmp_path / "copy.ipynb")
    assert [one["source"] for one in json.loads((tmp_path / "copy.ipynb").read_text())["cells"]] == [["kept"]]
