"""Kernels that are forked: as fresh as started ones, and gone when they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError

from helpers.report.kernels import KERNEL, largest_kernel, own_kernel


def executed(tmp_path: Path, source: str) -> str:
    """Return what the only cell of a notebook prints."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    out = str(tmp_path / "out.ipynb")
    with own_kernel():
        done = papermill.execute_notebook(
            str(tmp_path / "in.ipynb"), out, kernel_name=KERNEL, progress_bar=False, extra_arguments=["--log-level=50"]
        )
    return "".join(output.text for output in done.cells[0].outputs)


def test_a_kernel_has_what_pages_import_and_nothing_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPERS_PLANTED", "of now")
    monkeypatch.chdir(tmp_path)
    told = executed(
        tmp_path,
        "import json, os, sys\n"
        "known = [name in sys.modules for name in ('scipy.stats', 'helpers.report.views.sample_eval', 'torch')]\n"
        "print(json.dumps([known, os.environ['HELPERS_PLANTED'], os.getcwd(), __name__, os.getsid(0)]))\n",
    )
    *found, session = json.loads(told)
    assert found == [[True, True, False], "of now", str(tmp_path), "__main__"]
    assert session != os.getsid(0), "Ctrl-C in the terminal would reach the kernel as well"
    assert largest_kernel() > 10_000_000


def test_what_a_kernel_promised_to_do_at_its_end_is_done(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    executed(tmp_path, f"import atexit, pathlib\nend = atexit.register(pathlib.Path({str(ended)!r}).touch)")
    assert ended.exists()


def test_a_kernel_that_dies_is_said_to_be_dead(tmp_path: Path) -> None:
    with pytest.raises(DeadKernelError):
        executed(tmp_path, "import os\nos._exit(3)")
