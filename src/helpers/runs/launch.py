"""A run's life around its notebooks: made, its service started, and closed with a complete manifest."""

from __future__ import annotations

import atexit
import json
import shlex
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.backends.endpoint import endpoint_url
from helpers.backends.judge import judge_url
from helpers.core.console import say
from helpers.core.environment import redact
from helpers.core.errors import InputError, ModelError, RunError
from helpers.core.machine import peak_memory
from helpers.core.paths import runs_folder
from helpers.core.published import check_writable
from helpers.engines.demo_model import FOLDERS
from helpers.engines.model_files import model_hashes, tokenizer_file
from helpers.engines.served import start_server
from helpers.params import Params
from helpers.params.files import load_params, write_params
from helpers.runs.directory import set_aside_results
from helpers.runs.inputs import read_inputs
from helpers.runs.manifest import Manifest, PageSeconds, describe, with_busy_cores
from helpers.runs.poller import start_poller
from helpers.runs.run import Run
from helpers.runs.scale_out import summarise_all
from helpers.samples.dataset import dataset_sha256, draw_samples, is_bundled
from helpers.samples.readers import STDIN, keep_stdin
from helpers.stats.intervals import SMALLEST

#: Dialogues of the first look of a run that goes on until its targets are decided, unless ``samples.n`` says.
FIRST_LOOK = 10


def start_run(
    source: str,
    overrides: Sequence[str],
    *,
    name: str = "",
    interactive: bool = False,
    until_decided: bool = False,
    only: Sequence[str] = (),
    asked_as: Sequence[str] = (),
) -> Run:
    """Validate everything, make the run directory, hold it, and start the service that answers.

    A run ``until_decided`` begins with few dialogues, each sent once; ``only`` are the pages asked for, if not all.
    ``asked_as`` are the user's arguments where they name no params file. Raises `InputError` before anything is
    written when parameters, samples or the model's name are wrong.
    """
    params = load_params(source, overrides, measuring=True)
    inputs = read_inputs(params)
    if until_decided:
        params = _first_look(params, len(inputs.samples))
    samples = draw_samples(inputs.samples, params.samples)
    url = endpoint_url(params)
    judge_url(params)
    hashes = model_hashes(params)
    started = datetime.now(UTC)
    directory = _make_directory(name or f"{started:%Y%m%dT%H%M%S}-{Path(source).stem}")
    params = _with_standard_input(params, directory)
    inputs.tell()
    write_params(directory, params)
    options = [part for page in only for part in ("--only", page)] + (["--until-decided"] if until_decided else [])
    by_file = [source, *(part for override in overrides for part in ("--set", override))]
    command = shlex.join(["python", "-m", "helpers", "report", *(asked_as or by_file), *options])
    corpus = {
        "corpus_by_language_model": is_bundled(params.samples),
        "dialogues": len(samples),
        "available": len(inputs.samples),
        "intake": inputs.intake,
        "until_decided": until_decided,
        "only": tuple(only),
    }
    manifest = describe(
        params, directory.name, command, started, dataset_sha256=dataset_sha256(samples), **hashes, **corpus
    )
    manifest = with_busy_cores(manifest)
    write_manifest(directory, manifest)
    run = Run(directory, params, measuring=True, interactive=interactive)
    run.hold()
    _bring_up(run, url)
    return run


def resume_run(run: Run) -> Run:
    """Return an interrupted run that was opened, with the service that answers started again.

    Where its deployment died, the pages from there on are measured again.
    """
    write_manifest(run.directory, with_busy_cores(run.manifest))
    run.__dict__.pop("manifest", None)
    set_aside_results(run)
    _bring_up(run, endpoint_url(run.params))
    return run


def finish(run: Run, began: float, pages: Mapping[str, PageSeconds] | None = None) -> None:
    """Close the run: end what it opened and complete the manifest with times and memory.

    ``began`` is when, on the monotonic clock; ``pages`` are the times of the executed pages.
    """
    memory = _peak_memory(run)
    run.stop()
    if run.params.privacy.text != "full":  # the answers hold texts that neither log nor pages may
        shutil.rmtree(run.answers, ignore_errors=True)
    replayed = run.params.backend == "replay"
    asking = {} if replayed else _asking(run)
    inference = sum(asking.values())
    total = time.monotonic() - began
    done = {
        "finished_at": datetime.now(UTC),
        "inference_seconds": inference,
        # What passed before an interruption is not known: a resumed run has no such figure.
        "other_seconds": None if run.manifest.resumed_at else max(0.0, total - inference),
        "page_seconds": {
            number: one.model_copy(update={"asking": asking.get(number, 0.0)}) for number, one in (pages or {}).items()
        },
        "peak_memory_bytes": memory,
    }
    write_manifest(run.directory, run.manifest.model_copy(update=done))
    run.__dict__.pop("manifest", None)
    run.measuring = False


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all."""
    unfinished = directory / "manifest.part"
    unfinished.write_text(redact(manifest.model_dump_json(indent=1)) + "\n", encoding="utf-8")
    unfinished.replace(directory / "manifest.json")


def fan_out(run: Run) -> None:
    """Have Dask workers answer all dialogues, if the parameters say so; a resumed run asks for what is missing."""
    if run.params.execution.engine != "dask":
        return
    totals = summarise_all(run.params, run.samples, run.answers)
    say(f"{totals.dialogues} dialogues over Dask workers: {totals.asked} asked, {totals.failed} without an answer")


def _with_standard_input(params: Params, directory: Path) -> Params:
    """Return parameters that name a file of the run where they named standard input, which is kept there."""
    if params.samples.source == STDIN:
        kept = keep_stdin(directory / "samples")
        params = params.model_copy(update={"samples": params.samples.model_copy(update={"source": str(kept)})})
    if params.replay is not None and params.replay.predictions == STDIN:
        kept = keep_stdin(directory / "predictions")
        params = params.model_copy(update={"replay": params.replay.model_copy(update={"predictions": str(kept)})})
    return params


def _first_look(params: Params, available: int) -> Params:
    if params.backend == "replay" or params.execution.engine == "dask":
        raise InputError(
            "--until-decided asks a few dialogues, then more; recorded predictions and Dask workers have all answers "
            "at once: leave it out"
        )
    n = min(max(params.samples.n or FIRST_LOOK, SMALLEST), available)
    samples = params.samples.model_copy(update={"n": n})
    once = params.measure.model_copy(update={"repeats": 1})
    return params.model_copy(update={"samples": samples, "measure": once})


def _make_directory(name: str) -> Path:
    directory = runs_folder() / name
    check_writable(runs_folder(), "give write permission there, or name another folder with HELPERS_RUNS")
    for attempt in range(1, 100):
        unique = directory if attempt == 1 else directory.with_name(f"{name}-{attempt}")
        if not unique.exists():
            unique.mkdir(parents=True)
            return unique
    raise RunError(f"{directory}: a hundred runs of this name exist; remove some of runs/")


def _bring_up(run: Run, url: str | None) -> None:
    if run.interactive:
        atexit.register(run.close)
    server: dict[str, Any] = {"url": url, "tokenizer": _tokenizer(run.params)}
    if run.params.backend == "local":
        child = start_server(run.directory / "params.yaml", run.directory / "server.log")
        run.closing.append(child.stop)
        server |= {"url": child.url, "started_ns": child.started_ns, "pid": child.process.pid}
    (run.directory / "server.json").write_text(json.dumps(server))
    if server["url"] and run.params.provider is None:  # whose figures are nobody's but its own
        run.closing.append(start_poller(run.params, server["url"], run.log.path).stop)


def _tokenizer(params: Params) -> str | None:
    """Return the path of the model's tokenizer; without it tokens are not measured, which is no reason to stop.

    A name without an owner that made recorded predictions is a label, and is not looked for on the Hub.
    """
    name = params.model.id
    if params.backend == "replay" and "/" not in name and name not in FOLDERS and not Path(name).is_dir():
        return None
    try:
        return str(tokenizer_file(params.model.id, params.model.revision))
    except ModelError as error:
        say(f"tokens will not be counted: {error}")
        return None


def _peak_memory(run: Run) -> dict[str, int]:
    """Return the peak resident memory, bytes, of this process, of the largest notebook and of the server."""
    import resource  # on POSIX alone

    scale = 1024 if sys.platform != "darwin" else 1
    found = {
        "report": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
        "largest notebook": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * scale,
    }
    server = peak_memory(run.server.get("pid"))
    return found | ({"server": server} if server else {})


def _asking(run: Run) -> dict[str, float]:
    """Return by page the seconds spent on requests, and on loading variants, whose times are figures of page 04.

    Under load requests overlap, so that page counts by the clock.
    """
    seconds: dict[str, float] = defaultdict(float)
    for record in run.log.read():
        if record.phase != "load":
            seconds[record.page] += record.service_time or 0.0
    results = run.results()
    loaded, compared = results.load_capacity, results.quantization
    if compared:
        seconds[compared.page] += sum(one.load or 0.0 for one in compared.variants)
    if loaded and loaded.points:
        seconds[loaded.page] += loaded.seconds
    return seconds
