"""The notebooks in a real JupyterLab, cell by cell, as somebody sees them; over recorded answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from helpers.core.paths import PROJECT
from tests.render.browser import launched

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(420)]

RUN_CELL = """async (place) => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = place;
  await jupyterapp.commands.execute('notebook:run-cell');
  await notebook.scrollToItem(place, 'start');
  await new Promise((done) => setTimeout(done, 600));
  const node = notebook.widgets[place].node, ours = node.querySelector('.helpers-out');
  const drawn = (one) => getComputedStyle(one).display !== 'none' && one.getBoundingClientRect().width > 100;
  const heading = node.querySelector('.helpers-out thead th');
  return {
    figures: [...node.querySelectorAll('figure')].map((one) =>
      ['svg', '.rows, .plane'].map((kind) => [...one.querySelectorAll(kind)].filter(drawn).length)),
    paper: ours && getComputedStyle(ours).backgroundColor,
    ink: ours && getComputedStyle(ours).color,
    aligned: heading && getComputedStyle(heading).textAlign,
    tables: node.querySelectorAll('table.dataframe').length,
    said: [...node.querySelectorAll('[data-mime-type^="application/vnd.jupyter.std"]')].map((one) => one.innerText),
  };
}"""
IS_IDLE = "jupyterapp.shell.currentWidget?.context.sessionContext.session?.kernel?.status === 'idle'"
SET_THEME = "async (name) => { await jupyterapp.commands.execute('apputils:change-theme', {theme: name}); }"
SET_SOURCE = "([place, text]) => jupyterapp.shell.currentWidget.content.widgets[place].model.sharedModel.setSource(text)"
LIGHT, DARK = ("rgb(255, 255, 255)", "rgb(20, 24, 29)"), ("rgb(15, 19, 23)", "rgb(233, 236, 240)")


@contextmanager
def jupyterlab(folder: Path, runs: Path) -> Iterator[str]:
    """Serve a folder in JupyterLab until the block ends; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    options = ["--no-browser", "--allow-root", "--expose-app-in-browser", f"--port={port}", "--IdentityProvider.token="]
    options += [f"--ServerApp.root_dir={folder}", f"--LabApp.workspaces_dir={folder / 'spaces'}"]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            stdout=log, stderr=log, env={**os.environ, **own, "HELPERS_RUNS": str(runs)},
        )  # fmt: skip
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def opened(name: str, folder: Path, runs: Path) -> Iterator[Page]:
    """Open a notebook of a folder in a browser, its kernel idle: a cell that is run earlier is never done."""
    with jupyterlab(folder, runs) as address, launched() as browser:
        page = browser.new_page(viewport={"width": 1380, "height": 1000})
        page.goto(f"{address}/lab/tree/{name}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        page.wait_for_function(IS_IDLE, timeout=90_000)
        yield page


def prepared(name: str, params: str, folder: Path) -> list[dict[str, Any]]:
    """Copy a notebook with other parameters; return its cells."""
    notebook = json.loads((PROJECT / "notebooks" / name).read_text())
    for cell in notebook["cells"]:
        if "parameters" in cell["metadata"].get("tags", []) and "run_dir" in "".join(cell["source"]):
            cell["source"] = [f'params: str = "{params}"\n', 'run_dir: str = ""']
    (folder / name).write_text(json.dumps(notebook))
    return list(notebook["cells"])


@pytest.mark.parametrize(("name", "figures"), [("02-sample-eval.ipynb", 1), ("08-your-data.ipynb", 2)])
def test_each_figure_is_there_once_and_styled(name: str, figures: int, tmp_path: Path, runs: Path) -> None:
    cells = prepared(name, "replay", tmp_path)
    code = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    with opened(name, tmp_path, runs) as page:
        shown = {place: page.evaluate(RUN_CELL, place) for place in code}
        assert [found["said"] for found in shown.values() if found["said"]] == []
        drawn = [count for found in shown.values() for count in found["figures"]]
        assert len(drawn) >= figures
        assert {lines for lines, _ in drawn} <= {0, 1}, "the drawing for wide or for narrow screens"
        assert all(lines or rows for lines, rows in drawn)
        ours = [found for found in shown.values() if found["paper"]]
        assert len(ours) >= 4
        assert {(found["paper"], found["ink"]) for found in ours} == {LIGHT}
        assert {found["aligned"] for found in ours} <= {"left", "start", None}
        explore = [place for place in code if "explore" in cells[place]["metadata"].get("tags", [])] or code[-2:]
        assert [shown[place]["tables"] for place in explore] == [1, 1]
        page.evaluate(SET_THEME, "JupyterLab Dark")
        again = page.evaluate(RUN_CELL, next(place for place, found in shown.items() if found["figures"]))
        assert (again["paper"], again["ink"]) == DARK


def test_a_mistake_is_one_line(tmp_path: Path, runs: Path) -> None:
    name = "03-latency-cost.ipynb"
    prepared(name, "replya", tmp_path)
    with opened(name, tmp_path, runs) as page:
        page.evaluate(RUN_CELL, 1)
        (error,) = page.evaluate(RUN_CELL, 2)["said"]
        assert error.strip().splitlines() == [error.strip()]
        assert error.startswith("ParamsError: replya: no such parameter file (did you mean 'replay'?)")
        page.evaluate(SET_SOURCE, [2, "%xmode Verbose\n%tb"])
        assert "load_params" in "".join(page.evaluate(RUN_CELL, 2)["said"])
