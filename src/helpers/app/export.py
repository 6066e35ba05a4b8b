"""``helpers app --export``: the web app as a folder that a Hugging Face Space runs as it is.

The folder holds ``app.py``, ``requirements.txt``, ``README.md`` with the Space's front matter, ``params.yaml`` and this
package. The Space asks the endpoint that its secrets name; nothing of a token or an address is written.
"""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

import yaml

from helpers.core.errors import InputError
from helpers.core.paths import PACKAGE
from helpers.params import Params
from helpers.params.files import write_params

#: What the app imports when an endpoint answers; pinned to what it was tested with.
NEEDED = (
    "aiohttp", "anyio", "filelock", "gradio", "huggingface_hub", "markupsafe", "nltk", "numpy", "pydantic",
    "python-dotenv", "pyyaml", "regex", "scipy", "starlette", "tenacity", "text2num", "tokenizers",
)  # fmt: skip
#: What the package has that the app never reads.
LEFT_OUT = shutil.ignore_patterns("__pycache__", "adapter", "handler", "train.jsonl", "test.jsonl", "validation.jsonl")
#: The secrets of a Space that asks an endpoint, and of one that asks an inference provider.
ENDPOINT_SECRETS = """\
- `HF_ENDPOINT_URL`: the address of the endpoint, as its page shows it
- `HF_TOKEN`: a token that may use it; it is sent to that address alone, over https"""
PROVIDER_SECRETS = """\
- `HF_TOKEN`: a token of Hugging Face that may call inference providers; it is sent to their router alone, over https"""
#: A Space listens on this port, and Gradio's own variables say where else.
APP = '''\
"""The web app as a Space: it asks the endpoint or the provider that params.yaml and its secrets name."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "src"))

from helpers.cli.main import main  # noqa: E402

if __name__ == "__main__":
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0")
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    sys.exit(main(["app", str(HERE / "params.yaml"), "--host", host, "--port", port]))
'''
README = Template("""\
---
$front---

# $title

A web app in front of a deployed dialogue summariser: one dialogue or a batch, with latency, token counts and what the
model never read.

To run it, give the Space its secrets (Settings, Variables and secrets):

$secrets

$addresses

To publish it: `hf upload USER/NAME . . --repo-type space` in this folder. What a visitor types goes to the endpoint;
the log of the app keeps $kept. `requirements.txt` pins what it was tested with, under Python $python.
""")


def export(params: Params, out: Path) -> None:
    """Write the Space of a params file into a new or empty folder.

    Raises `InputError` when something lies there, when it cannot be written, or for anything but a deployed endpoint:
    a Space computes nothing itself.
    """
    if params.backend != "endpoint" or params.replay is not None:
        raise InputError("--export: a Space asks a deployed endpoint; give a params file with 'backend: endpoint'")
    if own := [name for name in ("id", "prompt") if Path(getattr(params.model, name) or "").is_absolute()]:
        raise InputError(f"--export: model.{own[0]}: a file of this machine, which a Space does not have")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"--export {out}: something lies there already; give a new folder, or an empty one")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(PACKAGE, partial / "src" / "helpers", ignore=LEFT_OUT)
        write_params(partial, _of_a_space(params))
        (partial / "app.py").write_text(APP)
        (partial / "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in NEEDED))
        (partial / "README.md").write_text(readme(params), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(f"--export {out}: cannot be written: {error.strerror}") from None


def _of_a_space(params: Params) -> Params:
    """Return the parameters without an address or a file of this machine: those of what a Space does not do."""
    others = ("baseline", "reviews", "scoring", "settings", "quantization", "load", "execution", "monitoring", "claims")
    kept: dict[str, Any] = {name: Params.model_fields[name].get_default(call_default_factory=True) for name in others}
    if Path(params.samples.source).is_absolute():
        kept["samples"] = params.samples.model_copy(update={"source": "bundled:demo"})
    endpoint = params.endpoint.model_copy(update={"url": None, "metrics": ()})
    return params.model_copy(update={**kept, "endpoint": endpoint})


def readme(params: Params) -> str:
    """Return the Space's README, whose front matter says how it is run."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    front = {
        "title": params.title[:100],
        "emoji": "💬",
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": python,
        "app_file": "app.py",
        "pinned": False,
        "license": "mit",
        "short_description": "Summaries of dialogues by a deployed model",
    }
    hosts = ", ".join(f"`{host}`" for host in params.app.allow_hosts)
    addresses = (
        f"Visitors may also name an https endpoint of their own on {hosts}, with a token of their own."
        if hosts
        else "Visitors cannot name another server: `app.allow_hosts` in `params.yaml` lists none."
    )
    return README.substitute(
        front=yaml.safe_dump(front, sort_keys=False, allow_unicode=True),
        title=" ".join(params.title.split()),
        secrets=PROVIDER_SECRETS if params.provider else ENDPOINT_SECRETS,
        addresses=addresses,
        kept="summaries, times and counts" if params.privacy.text == "full" else "times and counts, and no text",
        python=python,
    )
