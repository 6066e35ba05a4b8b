"""How the app looks: Gradio blocks around a `helpers.app.client.AppClient`; every text of others is shown as text.

State is Gradio's per session: nothing of one visitor is kept where another could meet it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from helpers.app.batch import ENCODINGS, TAKEN
from helpers.app.client import AppClient
from helpers.app.handlers import BAD, GOOD, Handlers

CSS = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
#: Where two columns of this width, pixels, do not fit side by side, one goes below the other.
NARROWEST = 400
#: White on Gradio's own orange, or on its lighter blue, is too faint to read.
BUTTON = {
    f"button_primary_background_fill{hover}{dark}": shade
    for hover, shade in (("", "*primary_600"), ("_hover", "*primary_700"))
    for dark in ("", "_dark")
}
SANS = ("system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
#: Seconds between two drawings of the monitoring, while it is looked at.
REDRAWN = 3.0


@dataclass(frozen=True)
class Said:
    """What the app says of itself: its header and what its checks are worth, as HTML, and examples by their names."""

    header: str
    worth: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestFields:
    """The fields that say whom to ask and how, shared by the tabs."""

    url: Any
    token: Any
    beams: Any
    length: Any
    known: Any

    def inputs(self) -> list[Any]:
        """Return the fields in the order in which `Handlers` takes them."""
        return [self.url, self.token, self.beams, self.length, self.known]


def build(client: AppClient, files: Path, said: Said) -> gr.Blocks:
    """Return the app, which puts what is to be downloaded into ``files``; it is not launched."""
    handlers = Handlers(client, files)
    with gr.Blocks(title="Dialogue summariser", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        history = gr.State([])
        gr.HTML(said.header, elem_id="about")
        fields = _request_fields(client, handlers)
        with gr.Tabs():
            with gr.Tab("Single") as single:
                _single(handlers, fields, history, said)
            with gr.Tab("Batch") as batch:
                _batch(handlers, fields, history)
            with gr.Tab("History") as past:
                rows = gr.HTML(elem_id="history")
                download = gr.DownloadButton("Download as CSV", interactive=False, elem_id="download")
            with gr.Tab("Monitoring") as monitoring:
                _monitoring(handlers, history, monitoring, (single, batch, past))
        past.select(handlers.show_history, history, [rows, download], api_name="history")
    return page


def launch_settings(client: AppClient) -> dict[str, Any]:
    """Return how the app is launched: on this machine alone, nothing shared, recorded or loaded from elsewhere."""
    hosts = ["127.0.0.1", "localhost", "[::1]"] if client.addresses.on_loopback else []
    return {
        "share": False,
        "quiet": True,
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "pwa": False,
        "footer_links": [],
        # Another site's name that is made to lead here must not let its pages drive this app.
        "app_kwargs": {"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]} if hosts else None,
        "max_file_size": client.params.app.max_upload_bytes,
        "theme": gr.themes.Default(primary_hue="blue", font=SANS, font_mono=MONO).set(**BUTTON),
        # As a sheet of the page: Gradio rewrites the rules of its own parameter for this.
        "head": f"<style>{CSS}</style>",
    }


def _request_fields(client: AppClient, handlers: Handlers) -> RequestFields:
    generation, own = client.params.generation, client.addresses.open
    known = gr.State(None)
    with gr.Accordion("Server and settings", open=False):
        with gr.Row(visible=own):
            url = gr.Textbox(
                label="Endpoint URL (optional)",
                placeholder="empty: the model named above",
                max_length=500,
                elem_id="url",
            )
            token = gr.Textbox(
                label="Token for that endpoint",
                type="password",
                placeholder="used for this address only, never kept",
                max_length=500,
                elem_id="token",
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )
        seen = gr.HTML(elem_id="seen")
        with gr.Row():
            beams = gr.Slider(
                1,
                8,
                value=min(generation.num_beams, 8),
                step=1,
                label="Beams",
                visible=client.offers_beams(None),
                elem_id="beams",
            )
            longest = max(256, generation.max_new_tokens)
            length = gr.Slider(
                8, longest, value=generation.max_new_tokens, step=8, label="Max. new tokens", elem_id="length"
            )
    gr.on(
        [url.submit, url.blur, token.submit, token.blur],
        handlers.look,
        [url, token, known],
        [known, seen, beams],
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=None,  # the threads of `Handlers` bound it
    )
    return RequestFields(url, token, beams, length, known)


def _single(handlers: Handlers, fields: RequestFields, history: Any, said: Said) -> None:
    dialogue = gr.Textbox(
        label="Dialogue, one turn per line",
        lines=10,
        max_lines=20,
        placeholder="Ann: Shall we have lunch at noon?\nBo: Yes, and bring the plan.",
        elem_id="dialogue",
        render=False,
    )
    # Above what they fill, so that on a telephone a chosen one is in sight.
    gr.HTML("<h2>Examples</h2>", elem_id="examples-title")
    with gr.Row(elem_id="examples"):
        for name, text in said.examples.items():
            chosen = gr.Button(name, size="sm", min_width=0)
            chosen.click(partial(str, text), None, dialogue, api_visibility="private", show_progress="hidden")
    with gr.Row(elem_classes="beside"):
        with gr.Column(min_width=NARROWEST):
            dialogue.render()
            with gr.Row():
                go = gr.Button("Summarise", variant="primary", elem_id="go")
                cancel = gr.Button("Cancel", visible=False, elem_id="cancel")
        with gr.Column(min_width=NARROWEST):
            summary = gr.Textbox(
                label="Summary", lines=4, max_lines=12, interactive=False, buttons=["copy"], elem_id="summary"
            )
            told = gr.HTML(elem_id="said")
            checks = gr.HTML(elem_id="checks")
            gr.HTML(said.worth, elem_id="worth")
            last = gr.State("")
            with gr.Row():
                good = gr.Button(GOOD, size="sm", interactive=False, elem_id="good")
                bad = gr.Button(BAD, size="sm", interactive=False, elem_id="bad")
    go.click(
        handlers.summarise,
        [dialogue, *fields.inputs(), history],
        [summary, told, checks, history, last, good, bad, go, cancel],
        api_name="summarise",
        show_progress="hidden",
        concurrency_limit=None,  # the threads of `Handlers` bound it
    )
    cancel.click(handlers.cancel, None, None, api_visibility="private", queue=False)
    for button, judge in ((good, handlers.judge_good), (bad, handlers.judge_bad)):
        button.click(judge, last, [good, bad], api_visibility="private")


def _batch(handlers: Handlers, fields: RequestFields, history: Any) -> None:
    text = gr.Textbox(label="Dialogues, with blank lines between them", lines=6, max_lines=20, elem_id="many")
    with gr.Row():
        file = gr.File(
            label="or a file with columns id, dialogue: CSV, JSON Lines, JSON, Parquet",
            file_types=list(TAKEN),
            elem_id="file",
            height=140,
        )
        encoding = gr.Dropdown(
            list(ENCODINGS), value=ENCODINGS[0], label="Encoding of a CSV or JSON file", elem_id="encoding"
        )
    with gr.Row():
        go = gr.Button("Summarise all", variant="primary", elem_id="go-all")
        cancel = gr.Button("Cancel", visible=False, elem_id="cancel-all")
    said = gr.HTML(elem_id="said-all")
    rows = gr.HTML(elem_id="answers")
    download = gr.DownloadButton("Download as CSV", interactive=False, elem_id="download-all")
    go.click(
        handlers.summarise_all,
        [text, file, *fields.inputs(), encoding, history],
        [rows, said, history, download, go, cancel],
        api_name="summarise_all",
        show_progress="hidden",
        concurrency_limit=None,  # the threads of `Handlers` bound it
    )
    cancel.click(handlers.cancel_all, None, None, api_visibility="private", queue=False)


def _monitoring(handlers: Handlers, history: Any, tab: Any, others: Iterable[Any]) -> None:
    """Show charts and alert states, redrawn every few seconds while the tab is open."""
    charts, rules = gr.HTML(elem_id="charts"), gr.HTML(elem_id="rules")
    clock, refresh = gr.Timer(REDRAWN, active=False), gr.Button("Refresh", size="sm", elem_id="refresh")
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([tab.select, clock.tick, refresh.click], handlers.monitor, history, [charts, rules], **hidden)
    tab.select(lambda: gr.Timer(active=True), None, clock, **hidden)
    for other in others:
        other.select(lambda: gr.Timer(active=False), None, clock, **hidden)
