"""How the app looks: Gradio blocks around a `helpers.app.client.AppClient`; every text of others is shown as text.

State is Gradio's per session: nothing of one visitor is kept where another could meet it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from helpers.app.batch import ENCODINGS, TAKEN
from helpers.app.client import AppClient
from helpers.app.handlers import Handlers
from helpers.app.html import draw
from helpers.params import Samples
from helpers.samples.dataset import load_samples

CSS = """
.gradio-container {width: 100% !important; max-width: 62rem !important; margin: 0 auto !important}
.notice {font-size: 1rem; line-height: 1.5; overflow-wrap: anywhere}
.notice p {margin: .25rem 0}
.notice .wrong {border-left: .3rem solid #b3261e; padding-left: .7rem}
.notice .warning {border-left: .3rem solid #b58100; padding-left: .7rem}
.answers {overflow-x: auto; max-height: 32rem}
.answers table {width: 100%; border-collapse: collapse; font-size: .9rem}
.answers caption {text-align: left; padding: .25rem 0}
.answers th, .answers td {text-align: left; vertical-align: top; padding: .35rem .5rem}
.answers .text {min-width: 14rem; overflow-wrap: anywhere; white-space: pre-wrap}
.answers table, .answers thead, .answers tr, .answers th, .answers td {border: 0 !important}
.answers th, .answers td {border-bottom: 1px solid var(--border-color-primary) !important}
.answers th:nth-child(n+3), .answers .figure {text-align: right !important; font-variant-numeric: tabular-nums}
.charts {display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem}
.chart {margin: .5rem 0; max-width: 28rem}
.chart figcaption {font-weight: 600}
.chart svg {width: 100%; height: auto}
.chart text {font-size: 11px; fill: var(--body-text-color)}
.chart .axis {stroke: var(--border-color-primary); fill: none}
.chart .fine {fill: #1f7a8c}
.chart .failed {stroke: #d1495b; stroke-width: 2; fill: none}
@media (max-width: 30rem) {
  .gradio-container .main {padding: .6rem !important}
}
footer {display: none !important}
"""
SANS = ("system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
FULL = "The text goes to the server named below; the log of this app keeps the summary, times and counts."
PRIVATE = "The text goes to the server named below; the log of this app keeps times and counts, and no text."


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


def build(client: AppClient, files: Path, quality: str = "") -> gr.Blocks:
    """Return the app, which puts what is to be downloaded into ``files``; it is not launched.

    ``quality`` is what is said of the summaries themselves, as HTML.
    """
    handlers = Handlers(client, files)
    with gr.Blocks(title="Dialogue summariser", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        history = gr.State([])
        gr.Markdown(f"# Summarise a dialogue\n\n{FULL if client.params.privacy.text == 'full' else PRIVATE}")
        fields = _request_fields(client, handlers)
        with gr.Tabs():
            with gr.Tab("Single"):
                _single(client, handlers, fields, history)
            with gr.Tab("Batch"):
                _batch(handlers, fields, history)
            with gr.Tab("History") as past:
                rows = gr.HTML(elem_id="history")
                download = gr.DownloadButton("Download as CSV", interactive=False, elem_id="download")
            with gr.Tab("Monitoring") as monitoring:
                charts = gr.HTML(draw([]), elem_id="charts")
                gr.HTML(quality, visible=bool(quality), elem_id="quality")
                refresh = gr.Button("Draw anew", size="sm")
        past.select(handlers.show_history, history, [rows, download], api_name="history")
        gr.on([monitoring.select, refresh.click], draw, history, charts, api_visibility="private")
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
        "theme": gr.themes.Default(font=SANS, font_mono=MONO),
        # As a sheet of the page: Gradio rewrites the rules of its own parameter for this.
        "head": f"<style>{CSS}</style>",
    }


def _request_fields(client: AppClient, handlers: Handlers) -> RequestFields:
    generation, own = client.params.generation, client.addresses.open
    known = gr.State(None)
    with gr.Accordion("Server and settings", open=False):
        with gr.Row(visible=own):
            url = gr.Textbox(
                label="Address of an endpoint of yours",
                placeholder="empty: the server of this app",
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
                8, longest, value=generation.max_new_tokens, step=8, label="Longest summary, tokens", elem_id="length"
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


def _single(client: AppClient, handlers: Handlers, fields: RequestFields, history: Any) -> None:
    dialogue = gr.Textbox(
        label="Dialogue, one turn per line",
        lines=8,
        max_lines=20,
        placeholder="Ann: Shall we have lunch at noon?\nBo: Yes, and bring the plan.",
        elem_id="dialogue",
    )
    with gr.Row():
        go = gr.Button("Summarise", variant="primary", elem_id="go")
        cancel = gr.Button("Cancel", elem_id="cancel")
    summary = gr.Textbox(label="Summary", lines=3, max_lines=12, interactive=False, buttons=["copy"], elem_id="summary")
    said = gr.HTML(elem_id="said")
    last = gr.State("")
    with gr.Row():
        good = gr.Button("👍 helpful", size="sm", interactive=False, elem_id="good")
        bad = gr.Button("👎 not helpful", size="sm", interactive=False, elem_id="bad")
    demo = load_samples(Samples(source="bundled:demo"))
    gr.Examples(
        [[sample.dialogue] for sample in demo],
        [dialogue],
        example_labels=[sample.id for sample in demo],
        label="Demonstration dialogues",
        cache_examples=False,
    )
    go.click(
        handlers.summarise,
        [dialogue, *fields.inputs(), history],
        [summary, said, history, last, good, bad],
        api_name="summarise",
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
        cancel = gr.Button("Cancel", elem_id="cancel-all")
    said = gr.HTML(elem_id="said-all")
    rows = gr.HTML(elem_id="answers")
    download = gr.DownloadButton("Download as CSV", interactive=False, elem_id="download-all")
    go.click(
        handlers.summarise_all,
        [text, file, *fields.inputs(), encoding, history],
        [rows, said, history, download],
        api_name="summarise_all",
        concurrency_limit=None,  # the threads of `Handlers` bound it
    )
    cancel.click(handlers.cancel_all, None, None, api_visibility="private", queue=False)
