"""What a notebook imports beside its page and its views: its run, what it shows, and what to try with it."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from helpers.core.console import say
from helpers.core.paths import PROJECT, runs_folder
from helpers.experiments.prediction_scores import score_file, summarise, with_rows
from helpers.params.files import apply_overrides, given_tree, validate
from helpers.report.components.page import css
from helpers.runs.directory import attach, newest_finished
from helpers.runs.manifest import Manifest
from helpers.runs.progress import EVERY, Progress
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.samples.predictions import PredictionColumns, PredictionFile
from helpers.scorers.semantic import Semantics
from helpers.scorers.words import Tokenizer

if TYPE_CHECKING:
    import pandas as pd

#: Tripled, because JupyterLab and VS Code style tables through up to two classes or an id-less element of their own.
_SCOPE = ".helpers-out" * 3
#: How the dark themes of JupyterLab, VS Code and its high contrast mark the body of a page.
_DARK = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    "body.vscode-high-contrast:not(.vscode-high-contrast-light)",
)
#: What goes with our style only where a notebook's own is around it: its paper, and what VS Code has for any table.
_AROUND = (
    "background: var(--paper); padding: .1rem .75rem; font-size: 15px; line-height: 1.55;\nthead { background: none; }"
)


def open_run(params: str, run_dir: str = "") -> Run:
    """Return the run a notebook works on.

    With ``run_dir`` (a path, or the name of a run in ``runs/``) it attaches to that run, which is judged by ``params``,
    or by its own where that is empty. Without, it makes ``runs/interactive-<time>``, serves the model on a free port
    until the kernel ends, and takes other pages' results from the newest finished run of the same parameters. Raises
    `InputError` with a message that names the fix.
    """
    if run_dir:
        return attach(_run_directory(run_dir), params or None)
    from helpers.runs.launch import start_run  # brings up servers, which an attached page does without

    with bar(lambda seconds: (f"bringing up whoever answers, {seconds:.0f} s", None)):
        run = start_run(params, [], name=f"interactive-{datetime.now(UTC):%Y%m%dT%H%M%S}", interactive=True)
    run.earlier = newest_finished(run.params)
    run.watching = lambda page: _measuring(run, page)
    return run


def runs() -> pd.DataFrame:
    """Return the runs on this machine, newest first, with the pages that each has results for."""
    import pandas as pd

    found = []
    for path in runs_folder().glob("*/manifest.json"):
        with suppress(ValueError):  # of another version
            one = Manifest.model_validate_json(path.read_bytes())
            pages = sorted(result.stem for result in path.parent.glob("results/[0-9][0-9].json"))
            found.append(
                {
                    "run": path.parent.name,
                    "started": f"{one.started_at:%Y-%m-%d %H:%M}",
                    "finished": one.finished_at is not None,
                    "model": one.model,
                    "dialogues": one.dialogues,
                    "pages": " ".join(pages),
                }
            )
    columns = ["run", "started", "finished", "model", "dialogues", "pages"]
    return pd.DataFrame(found, columns=columns).sort_values("started", ascending=False, ignore_index=True)


def show(*parts: Markup) -> None:
    """Display parts in a notebook as HTML and nothing else, so that the same result gives the same bytes.

    The style goes with every output: JupyterLab takes cells that are out of sight off the page, and theirs with them.
    """
    from IPython.display import display

    html = f'<div class="helpers-out">{interactive_style()}{Markup().join(parts)}</div>'
    display({"text/html": html}, raw=True)


def interactive_style() -> str:
    """Return the ``<style>`` that makes shown parts look in a notebook as they do on a page, light or dark."""
    dark = ", ".join(f"{body} .helpers-out" for body in _DARK)
    schemes = f".helpers-out {{ color-scheme: light; }} {dark} {{ color-scheme: dark; }}"
    return f"<style>{schemes}\n{_SCOPE} {{ {_AROUND}\n{css('style').replace(':root', '&')}}}</style>"


def frame(found: Any) -> pd.DataFrame:
    """Return any result, list of results or records of a log as a tidy table; see `helpers.runs.results.frame`."""
    from helpers.runs.results.frame import frame as table  # with pandas, which a page does without

    return table(found.raw if isinstance(found, Cited) else found)


def score(
    data: str | Path | pd.DataFrame,
    *,
    prediction: str,
    references: Sequence[str],
    baseline: str | None = None,
    dialogue: str | None = None,
    group: str | None = None,
    key_facts: str | None = None,
    id: str | None = None,
    tokenizer: Tokenizer = "unicode",
) -> Cited:
    """Return the scores of predictions in a file or a table, as ``helpers score`` gives them, with their rows.

    The names are those of columns; ``baseline`` is another system's predictions. Rows that cannot be used are set aside
    and told. Raises `SamplesError` for what cannot be read as asked.
    """
    columns = PredictionColumns(prediction, tuple(references), id, dialogue, group, key_facts, baseline)
    with tempfile.TemporaryDirectory() as folder:
        if not isinstance(data, str | Path):
            path = Path(folder) / "DataFrame.jsonl"  # read as a file is, so that the same rules hold
            data.to_json(path, orient="records", lines=True, date_format="iso", force_ascii=False)
            data = path
        file, done = PredictionFile(data, columns, tokenizer=tokenizer), [0]
        with bar(lambda seconds: (f"{done[0]:,} rows scored, {seconds:.0f} s", None)):
            scored = score_file(file, os.cpu_count() or 1, lambda rows: done.append(done.pop() + rows))
            report = with_rows(summarise(scored, file, Semantics({}, {}, "")), scored, file)
    for line in report.input.lines():
        say(line)
    return Cited(report, "score.json")


def what_if(run: Run, *overrides: str) -> Run:
    """Return the run as it would be judged with other parameters, given as ``section.key=value``.

    It reads what was measured and writes nothing. Raises `ParamsError` for an unknown parameter.
    """
    tree = given_tree(run.params)
    apply_overrides(tree, overrides)
    return replace(run, params=validate(tree, "what_if"), measuring=False, closing=[], release=lambda: None)


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return where two tables differ, a row for each cell that does.

    Rows are told apart by the first column, or by their place where that repeats itself.
    """
    import pandas as pd

    old, new = _cells(before), _cells(after)
    order = old.index.append(new.index.difference(old.index, sort=False))
    both = pd.DataFrame({"before": old.reindex(order), "after": new.reindex(order)}, dtype=object)
    differs = (both["before"] != both["after"]) & ~(both["before"].isna() & both["after"].isna())
    return both[differs].reset_index()


def _cells(table: pd.DataFrame) -> Any:
    """Return a series of all cells, by row and column."""
    key = next(iter(table.columns), None)
    labelled = table.set_index(key) if key is not None and table[key].is_unique else table
    return labelled.rename_axis(index="of", columns="what").astype(object).stack(future_stack=True)


def _run_directory(name: str) -> Path:
    """Return the directory a user means: a path, from here or from the project, or the name of a run."""
    given = (Path(name), PROJECT / name, runs_folder() / name)
    return next((path for path in given if path.is_dir()), Path(name))


@contextmanager
def _measuring(run: Run, page: str) -> Iterator[None]:
    progress = Progress(run, [page])
    with bar(lambda seconds: (progress.line(), progress.share())):
        yield


@contextmanager
def bar(told: Callable[[float], tuple[str, float | None]]) -> Iterator[None]:
    """Show a bar with a line while the block runs, then nothing; none where it is over at once.

    ``told`` returns, for the seconds so far, the line and the share that is done. Plain HTML that is replaced: it needs
    no widgets, which VS Code would fetch from the network.
    """
    from IPython import get_ipython
    from IPython.display import HTML, display

    if get_ipython() is None:  # a script, which has nothing to show it in
        yield
        return
    over, began = threading.Event(), time.monotonic()

    def watch() -> None:
        handle = None
        while not over.wait(EVERY if handle else 2 * EVERY):
            line, share = told(time.monotonic() - began)
            value = "" if share is None else f' value="{share:.3f}"'
            html = HTML(f'<progress max="1"{value}></progress> <small>{line}</small>')
            if handle is None:
                handle = display(html, display_id=True)
            else:
                handle.update(html)
        if handle is not None:
            handle.update(HTML(""))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
