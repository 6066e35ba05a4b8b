"""What the app says of itself: the model and its limits, where texts go, and the names of its examples."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from markupsafe import Markup

from helpers.app.client import excerpt
from helpers.params import Params
from helpers.samples.dataset import Sample
from helpers.scorers.mentions import turns_of

_HEADER = Markup("<header class='about'><h1>Dialogue summariser</h1><dl>{}</dl></header>")
_ROW = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
_LIMITS = (
    "Reads at most {context:,} tokens{prompt}; what is beyond is truncated, and counted below. "
    "Writes at most {length:,} tokens unless you set another limit. It can be wrong: check what matters."
)
#: What the log keeps, by what ``privacy.text`` allows.
KEPT = "The app logs summaries, timings and token counts."
KEPT_PRIVATE = "The app logs timings and token counts, and no text."


def header_html(params: Params, url: str, quality: Markup) -> str:
    """Return the app's header: the model, its limits, what readers found (``quality``), and where texts go.

    ``url`` is the address of the app's own server, or empty where its owner keeps it to themselves.
    """
    model, generation = params.model, params.generation
    prompt = ", its instructions included" if model.prompt else ""
    limits = _LIMITS.format(context=model.context_tokens, prompt=prompt, length=generation.max_new_tokens)
    kept = KEPT if params.privacy.text == "full" else KEPT_PRIVATE
    rows = [("Model", _model(params)), ("Limits", limits)]
    rows += [("Quality", quality)] if quality else []
    rows += [("Your text", f"It goes to {destination(params, url)}. {kept}")]
    return str(_HEADER.format(Markup().join(_ROW.format(name, said) for name, said in rows)))


def destination(params: Params, url: str) -> str:
    """Return, as a phrase, where requests are sent unless a visitor names another server."""
    if params.backend == "local":
        return "this model on this machine, and stays there"
    if params.provider:
        return f"the inference provider {params.provider}"
    host = urlsplit(url).netloc
    return f"the endpoint at {host}" if host else "the endpoint that the owner of this app has set"


def example_name(sample: Sample, count: Callable[[str], int] | None = None) -> str:
    """Return by what a visitor chooses an example: what it is about, how it begins, and how long it is.

    The length is in tokens where ``count`` counts them, else in turns.
    """
    turns = turns_of(sample.dialogue)
    domain = (sample.domain or "").replace("-", " ")
    size = f"{count(sample.dialogue):,} tokens" if count else f"{len(turns)} turns"
    begins = excerpt(turns[0].text if turns else sample.dialogue)
    return f"{begins} ({', '.join(filter(None, (domain, size)))})"


def _model(params: Params) -> str:
    model = params.model
    name = model.description.rstrip(".") or model.id
    if params.backend != "local":
        return name if name == model.id else f"{name} ({model.id})"
    return f"{name}; {model.engine}, {model.dtype}"
