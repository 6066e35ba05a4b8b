"""A model repository ready to upload, with a self-contained handler.

The folder holds ``handler.py``, ``summariser.json`` (task, context, engine, type of the weights, generation settings,
tokens of the prompt), the weights, tokenizer and configuration, and a model card. With CTranslate2 or OpenVINO the
weights lie converted in a folder of that name, beside the modules that decode them here as well and
``requirements.txt``.

torch and transformers are the container's own: a repository that brings others breaks the toolkit that loads it. So
what one of the supported versions of transformers would not know, or would silently read otherwise, is written in the
words of both: `OLDEST` has no class for the tokenizers of version 5, and looks for other keys in the configuration.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from helpers.core.console import say, shown
from helpers.core.environment import environment
from helpers.core.errors import InputError, ModelError
from helpers.core.paths import DATA, PACKAGE
from helpers.engines import model_cache, model_files
from helpers.engines.codec import ChatEncoder, positions
from helpers.engines.conversion import converted
from helpers.params import Params
from helpers.samples.prompts import load_prompt
from helpers.serving.management import TOKEN, management_token

#: The oldest transformers that a packaged repository is tested under.
OLDEST = "4.51.3"
HANDLER = DATA / "handler" / "handler.py"
#: Packages the container lacks, by engine; pinned to what the handler was tested with.
NEEDED: dict[str, tuple[str, ...]] = {
    "transformers": (), "ctranslate2": ("ctranslate2",), "openvino": ("openvino",)
}  # fmt: skip
#: Modules of ours that decode what was converted for an engine; they import nothing of ours.
DECODERS = {"ctranslate2": ("ct2_decoding", "batching"), "openvino": ("openvino_network", "token_search", "batching")}


def write(params: Params, out: Path, figures: Sequence[str] = ()) -> None:
    """Write a model repository into a new folder; ``figures`` are the lines of its card that say what was measured.

    Raises `InputError` when ``out`` exists or no handler does what the params ask, `ModelError` when the model cannot
    be had or has no safetensors.
    """
    if out.exists():
        raise InputError(f"--out {out}: exists already; give a new folder")
    if params.model.engine not in NEEDED:
        raise InputError(f"--engine {params.model.engine}: has no handler; give {' or '.join(NEEDED)}")
    if params.model.rerank:
        raise InputError("model.rerank: the handler answers with its likeliest beam; set model.rerank=false")
    if params.generation.extra:
        raise InputError("generation.extra: the handler does not know these settings; leave it out")
    source = model_files.local_folder(params.model)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _copy_model(params, source, partial)
        shutil.copyfile(HANDLER, partial / "handler.py")
        if needed := NEEDED[params.model.engine]:
            (partial / "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in needed))
        tokenizer = _write_tokenizer(source, partial)
        (partial / "summariser.json").write_text(json.dumps(settings(params, tokenizer), indent=1) + "\n")
        (partial / "README.md").write_text(card(params, figures), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(f"--out {out}: cannot be written: {error.strerror}") from None


def settings(params: Params, tokenizer: Any) -> dict[str, Any]:
    """Return what the handler must know beside the weights; the prompt is in it as tokens."""
    from transformers import AutoConfig

    model, source = params.model, model_files.local_folder(params.model)
    frame: tuple[list[int], list[int]] = ([], [])
    if model.prompt:
        encoder = ChatEncoder(tokenizer, load_prompt(model.prompt), model.context_tokens)
        frame = (encoder.before, encoder.after)
    own: dict[str, Any] = {}
    if model.engine == "openvino":
        from helpers.engines.openvino import own_settings, start_of  # with openvino and torch, which others do without
        from helpers.engines.token_search import rules

        own = {"own": own_settings(source), "start": None}
        try:
            rules(own["own"], params.generation.sent(), 0)
            if model.task != "chat":
                own["start"] = start_of(own["own"])
        except ValueError as error:
            raise ModelError(f"model.id: {model.id} cannot be packaged for openvino: {error}") from None
    return {
        "task": model.task,
        "engine": model.engine,
        "dtype": model.dtype,
        "context_tokens": model.context_tokens,
        "generation": params.generation.sent(),
        "frame": frame,
        "special_ids": sorted(tokenizer.all_special_ids),
        "longest_answer": positions(AutoConfig.from_pretrained(source), "decoder"),
        **own,
    }


def card(params: Params, figures: Sequence[str]) -> str:
    """Return the model card; without figures of a run it says that there are none."""
    tag = "text-generation" if params.model.task == "chat" else "summarization"
    base = f"base_model: {params.model.id}\n" if "/" in params.model.id and not Path(params.model.id).exists() else ""
    lines = [f"---\n{base}pipeline_tag: {tag}\nlibrary_name: {params.model.engine}\n---\n", f"# {params.title}\n"]
    if params.model.description:
        lines.append(f"{' '.join(params.model.description.split())}\n")
    lines.append(
        'Served by `handler.py` with `POST {"inputs": "dialogue"}`; defaults in `summariser.json`, '
        f"context {params.model.context_tokens} tokens.\n"
    )
    lines.append("## Measured\n")
    return "\n".join([*lines, *(figures or ["Nothing was measured for this card."]), ""])


def push(folder: Path, repository: str) -> None:
    """Upload a written folder to a Hub repository, which is made private when it does not exist."""
    token = management_token(environment())
    if not token:
        raise InputError(
            f"--push: no token of the vendor's: set HF_TOKEN in the environment or .env, or {TOKEN} where HF_TOKEN is "
            "the key of a server of your own"
        )
    import huggingface_hub

    api = huggingface_hub.HfApi(token=token)
    try:
        api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder)
    except Exception as error:  # its transport raises many kinds; all of them mean: not uploaded
        raise ModelError(f"--push {repository}: not uploaded, {shown(folder)} is kept: {error}") from error
    say(f"package: uploaded to {repository}")


def _copy_model(params: Params, source: Path, folder: Path) -> None:
    """Copy what the model is made of; weights that were converted take the place of the safetensors."""
    parts = {path for pattern in model_files.PARTS for path in source.glob(pattern)} - {source / model_cache.KNOWN_HASH}
    engine = params.model.engine
    if engine in DECODERS:
        parts = {
            path for path in parts if not path.name.startswith("model.safetensors") and path.suffix != ".safetensors"
        }
        shutil.copytree(converted(source, params.model.dtype, engine=engine), folder / engine)
        for name in DECODERS[engine]:
            shutil.copyfile(PACKAGE / "engines" / f"{name}.py", folder / f"{name}.py")
    for part in sorted(parts):
        shutil.copyfile(part, folder / part.name)
    config = folder / "config.json"
    config.write_text(json.dumps(both_spellings(json.loads(config.read_text())), indent=2) + "\n")


def both_spellings(config: dict[str, Any]) -> dict[str, Any]:
    """Return a model's configuration as transformers 4 and 5 both read it: each ignores the other's keys.

    Version 5 keeps the positions' parameters in ``rope_parameters`` and the type in ``dtype``; version 4 looks for
    ``rope_theta``, ``rope_scaling`` and ``torch_dtype``, and takes its own defaults where they are missing.
    """
    found = dict(config)
    if dtype := config.get("dtype", config.get("torch_dtype")):
        found |= {"dtype": dtype, "torch_dtype": dtype}
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        scaling = {name: value for name, value in rope.items() if name != "rope_theta"}
        is_plain = scaling.get("rope_type", "default") == "default"
        found |= {"rope_theta": rope["rope_theta"], "rope_scaling": None if is_plain else scaling}
    return found


def _write_tokenizer(source: Path, folder: Path) -> Any:
    """Write a model's tokenizer with a class that every supported version has, and return it.

    Raises `ModelError` when it has no fast form.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, truncation_side="right")
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise ModelError(f"{shown(source)}: its tokenizer has no fast form (tokenizer.json); save one there")
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    named = {f"{name}_token": getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "unk", "pad")}
    tokens = {name: str(token) for name, token in named.items() if token is not None}
    known = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": tokenizer.model_max_length, **tokens}
    (folder / "tokenizer_config.json").write_text(json.dumps(known, indent=2) + "\n")
    return tokenizer
