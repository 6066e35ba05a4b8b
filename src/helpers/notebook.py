"""What a notebook imports beside its page and its views: the run it works on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from helpers.report.components.page import css
from helpers.runs.directory import attach, newest_finished
from helpers.runs.run import Run


def open_run(params: str, run_dir: str = "") -> Run:
    """Return the run a notebook works on.

    With ``run_dir`` (given by papermill) it attaches to that run. Without, it makes ``runs/interactive-<time>``,
    serves the model on a free port until the kernel ends, and takes other pages' results from the newest
    finished run of the same parameters. Raises `InputError` with a message that names the fix.
    """
    if run_dir:
        return attach(Path(run_dir), params)
    from helpers.runs.launch import start_run  # brings up servers, which an attached page does without

    run = start_run(params, [], name=f"interactive-{datetime.now(UTC):%Y%m%dT%H%M%S}", interactive=True)
    run.earlier = newest_finished(run.params)
    return run


def show(*parts: Markup) -> None:
    """Display parts in a notebook as HTML and nothing else, so that the same result gives the same bytes."""
    from IPython.display import display

    display({"text/html": f'<div class="helpers-out">{Markup().join(parts)}</div>'}, raw=True)


def interactive_style() -> str:
    """Return the ``<style>`` that makes shown parts look in JupyterLab as they do on a page, light or dark."""
    # Tripled, because JupyterLab styles tables through up to two classes of its own.
    scope = ".helpers-out" * 3
    dark = 'body[data-jp-theme-light="false"] .helpers-out { color-scheme: dark; }'
    parts = "font-size: 15px; line-height: 1.55;\n" + css("style").replace(":root", "&")
    return f"<style>.helpers-out {{ color-scheme: light; }} {dark}\n{scope} {{ {parts}}}</style>"
