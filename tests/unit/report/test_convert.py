"""A notebook becomes a page, the same each time, and what must not be published is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.core.errors import NotebookError
from helpers.report.components.page import framed
from helpers.report.convert import convert
from tests.unit.report.components.test_page import FRAME, soup

QUESTION = new_markdown_cell("# How *fast* & <i>cheap</i>?\n\nA first paragraph.")


def html_output(html: str) -> Any:
    return new_output("display_data", {"text/html": html, "text/plain": "<object>"})


def tagged(tag: str, source: str) -> Any:
    cell = new_code_cell(source)
    cell.metadata["tags"] = [tag]
    return cell


def notebook(*cells: Any) -> nbformat.NotebookNode:
    return new_notebook(cells=[QUESTION, *cells], metadata={"language_info": {"name": "python"}})


def test_a_notebook_becomes_a_page() -> None:
    cells = [
        tagged("parameters", "n = 1  # how many"),
        tagged("injected-parameters", "n = 'injected'"),
        new_code_cell("run = open_run(n)"),
        new_code_cell("show(answer)", outputs=[html_output("<p id='shown'>It is.</p>")]),
        tagged("remove-cell", "secret_step()"),
        new_code_cell("text", outputs=[new_output("execute_result", {"text/markdown": "*soft*"}, execution_count=1)]),
    ]
    html = framed(FRAME, convert(notebook(*cells)))
    found = soup(html)
    assert str(found.h1) == "<h1>How <em>fast</em> &amp; <i>cheap</i>?</h1>"
    assert found.title is not None
    assert found.title.get_text().startswith("How fast & cheap? · ")
    groups = found.select("details.code:not([open])")
    assert [[code.get_text().strip() for code in group.select("pre")] for group in groups] == [
        ["n = 1  # how many", "run = open_run(n)", "show(answer)", "text"]
    ], "one group of code"
    assert found.select(".text > *")[-1] == groups[0], "at the end"
    assert [word for word in ("injected'", "secret_step", "object&gt;", "script") if word in html] == []


def test_the_style_of_a_notebook_is_left_to_the_page() -> None:
    plain, styled = (
        convert(notebook(new_code_cell("x", outputs=[html_output(f'<div class="helpers-out">{style}<p>a</p></div>')])))
        for style in ("", "<style>p { color: red }</style>")
    )
    assert styled == plain


def test_the_answer_comes_first_and_the_method_is_folded_at_the_end() -> None:
    cells = [
        new_code_cell("run = open_run()"),
        new_markdown_cell("## Answer"),
        new_code_cell("show(answer)", outputs=[html_output("<p id='shown'>It is.</p>")]),
        new_markdown_cell("## Method and limits\n\nHow it was done."),
        new_code_cell("show(provenance)", outputs=[html_output("<p id='run'>This run.</p>")]),
    ]
    found = soup(framed(FRAME, convert(notebook(*cells))))
    assert [part.name for part in found.select(".text > *")] == ["h2", "p", "h2", "details", "details"]
    folded = found.select_one(".text > h2 + details.method:not([open])")
    assert folded is not None
    assert [part.get_text().strip() for part in folded.find_all("p")] == [
        "A first paragraph.",
        "How it was done.",
        "This run.",
    ], "what introduces the method stands with it"
    assert [link.get_text() for link in found.select(".toc a")] == ["Answer", "Method and limits"]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (
            new_code_cell(
                "first\n1 / 0",
                outputs=[
                    new_output("error", ename="ZeroDivisionError", evalue="no", traceback=["\x1b[31mlast line\x1b[0m"])
                ],
            ),
            r"notebook: cell 2 raised ZeroDivisionError: no\n    first\n    1 / 0\nthe end of the traceback:\n    last",
        ),
        (
            new_code_cell("warn()", outputs=[new_output("stream", name="stderr", text="\nUserWarning: old\nmore")]),
            "notebook: cell 2 wrote to stderr: 'UserWarning: old'; remove what prints or warns",
        ),
        (
            new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text="1")]),
            "notebook: cell 2 wrote to stdout: '1'",
        ),
        (
            new_code_cell("x", outputs=[new_output("execute_result", {"text/plain": "<X>"}, execution_count=1)]),
            r"notebook: cell 2 shows a raw object; end it with a call of show\(…\) or with ';'",
        ),
        (new_markdown_cell("# Another?"), "notebook: 2 first-level headings; give it one"),
    ],
)
def test_what_must_not_be_published_is_refused(cell: Any, problem: str) -> None:
    with pytest.raises(NotebookError, match=problem):
        convert(notebook(cell))


def test_every_problem_is_named_with_the_file(tmp_path: Path) -> None:
    noisy = [new_code_cell("p", outputs=[new_output("stream", name="stdout", text=text)]) for text in "ab"]
    path = tmp_path / "03-latency.ipynb"
    nbformat.write(notebook(*noisy), path)
    with pytest.raises(NotebookError, match=r"^03-latency\.ipynb: cell 2 .*'a'.*\n03-latency\.ipynb: cell 3 .*'b'"):
        convert(path)


def test_converting_twice_gives_the_same_bytes_and_leaves_the_notebook_alone() -> None:
    node = notebook(new_code_cell("a"), new_code_cell("b", outputs=[html_output("<p>x</p>")]))
    before = nbformat.writes(node)
    assert framed(FRAME, convert(node)) == framed(FRAME, convert(node))
    assert nbformat.writes(node) == before
