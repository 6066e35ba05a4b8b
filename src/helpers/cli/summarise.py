"""``helpers summarise``: dialogues in, summaries out, from the service that a params file or an address names.

A ``.csv`` is for people and spreadsheets. A ``.jsonl`` is a recording that later runs compare with: one line per
dialogue, and beside it a manifest (``….meta.json``) of the model, prompt, settings and versions that made it. The same
command again goes on with a recording that was interrupted.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from helpers.backends.base import COUNTS, Backend
from helpers.cli.addresses import params_of
from helpers.cli.arguments import ANSWERING, add_params, add_reading, cannot_write, check_other, samples_of
from helpers.core.console import say
from helpers.core.environment import redact, secrets
from helpers.core.errors import InputError, SamplesError
from helpers.core.text import harmless, visible
from helpers.engines.factory import open_backend
from helpers.engines.model_files import model_hashes
from helpers.params import Params, Samples
from helpers.runs.answer_parts import AnswerParts
from helpers.runs.manifest import describe, public_name
from helpers.runs.recorder import Recorder
from helpers.runs.request_log import Record, RequestLog
from helpers.runs.scale_out import summarise_all
from helpers.runs.sender import RequestSender, limits
from helpers.samples.dataset import (
    Sample,
    Source,
    dataset_sha256,
    draw_samples,
    is_table,
    load_source,
    stream_samples,
)
from helpers.samples.formats import dialogue_of, id_key
from helpers.samples.intake import SHOWN, Intake
from helpers.samples.readers import STDIN, read_text

COLUMNS = ("id", "summary", "input_tokens", "output_tokens", "lost_tokens", "service_time", "error")
Write = Callable[[str, Record], None]
#: The budget of the params file that an address stands for is a report's.
UNBOUNDED = ("budget={usd: null, requests: null, minutes: null}",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``helpers summarise``."""
    parser.description = (
        "Summarise dialogues with the model or endpoint of a params file, or with the service at an address."
    )
    add_params(
        parser, text=ANSWERING, url="no params file: use the service at this address, a chat server for instance"
    )
    parser.add_argument(
        "--input",
        action="append",
        metavar="FILE|-",
        help="CSV, JSON Lines, JSON or Parquet, also .gz, with dialogues as text or turns (repeatable); - reads one of "
        "these, or one dialogue as plain text, from standard input; default: the samples of the params file",
    )
    add_reading(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=".csv, or .jsonl for a recording, which the same command resumes; default: CSV here",
    )


def run(args: argparse.Namespace) -> int:
    """Write one row per dialogue; return 1 if any of them has no summary."""
    check_other("--output", args.output, [name for name in args.input or () if name != "-"])
    params = params_of(args, "summarise", own=UNBOUNDED)
    started = datetime.now(UTC)
    if params.execution.engine == "dask":
        return _fanned_out(args, params)
    samples = read_dialogues(args, params.samples)
    with ExitStack() as opened:
        recorder = None
        if args.output and args.output.suffix == ".jsonl":
            recorder = _recorder(args, params, samples, started)
            opened.callback(recorder.close)
        left = [sample for sample in samples if not recorder or sample.id not in recorder.answered]
        write = recorder.write if recorder else _writer(args.output, opened)
        failures = _ask(params, left, write) if left else 0
        if recorder and not failures:
            recorder.finish()
    say(f"summarise: {len(samples) - failures} of {len(samples)} dialogues have a summary")
    if already := len(samples) - len(left):
        say(f"summarise: {already} had one already; remove {args.output} to ask for them again")
    return 1 if failures else 0


def _recorder(args: argparse.Namespace, params: Params, samples: tuple[Sample, ...], started: datetime) -> Recorder:
    """Open a recording, to go on with what it has; raises `InputError` where that is of something else."""
    command = ["python", "-m", "helpers", "summarise", *_given(args)]
    sources = args.input or [params.samples.source]
    corpus = {
        "dataset_sha256": dataset_sha256(samples),
        "dialogues": len(samples),
        "corpus_by_language_model": any(source.startswith("bundled:") for source in sources),
    }
    made_by = describe(params, args.output.stem, shlex.join(command), started, **model_hashes(params), **corpus)
    try:
        return Recorder(args.output, made_by)
    except OSError as error:
        raise cannot_write("--output", args.output, error) from None


def _ask(params: Params, samples: Sequence[Sample], write: Write) -> int:
    backend = open_backend(params, samples)
    try:
        return summarise(params, backend, samples, write)
    finally:
        backend.close()


def _fanned_out(args: argparse.Namespace, params: Params) -> int:
    """Answer over Dask workers, whose Parquet parts stay beside the output, then write the output from them.

    Samples are streamed, and nothing holds all answers; the same command again asks only what has no answer.
    """
    if args.output is None or args.output.suffix != ".csv":
        raise InputError(
            "execution.engine: dask writes --output FILE.csv, and Parquet parts beside it; give such a file"
        )
    if not args.input and (args.strict or args.encoding):
        raise InputError(
            "--strict, --encoding: with Dask they are for --input; set samples.strict and samples.encoding"
        )
    samples = read_dialogues(args, params.samples) if args.input else stream_samples(params.samples, _tell)
    parts = AnswerParts(args.output.with_suffix(".parts"))
    totals = summarise_all(params, samples, parts.folder)
    with ExitStack() as opened:
        write = _writer(args.output, opened)
        for row in parts.rows():
            write(row["id"], as_record(row, "scale-out"))
    already = totals.dialogues - totals.asked
    answered = totals.dialogues - totals.failed
    say(f"summarise: {answered} of {totals.dialogues} dialogues have a summary")
    if already:
        say(f"summarise: {already} have a summary already; remove {parts.folder} to send them again")
    return 1 if totals.failed else 0


def as_record(row: dict[str, Any], page: str) -> Record:
    """Return a row of a Parquet part as the record of a request."""
    now = datetime.now(UTC)
    told: dict[str, Any] = {name: row.get(name) for name in ("summary", "service_time", *COUNTS)}
    return Record(
        row["id"],
        1,
        page,
        "steady",
        row["id"],
        now,
        row["kind"],
        "",
        message=row["message"],
        finish=row.get("finish") or "",
        **told,
    )


def read_dialogues(args: argparse.Namespace, default: Samples) -> tuple[Sample, ...]:
    """Return the dialogues of all inputs, or those of the params file when there is no input.

    Rows that were set aside are named. Raises `SamplesError` naming what is wrong with a file, and ids found in two.
    """
    default = default.model_copy(
        update={"strict": args.strict or default.strict, "encoding": args.encoding or default.encoding}
    )
    if not args.input:
        return draw_samples(_told(load_source(default)), default)
    samples = [sample for name in args.input for sample in _read_input(name, args)]
    counts = Counter(id_key(sample.id) for sample in samples)
    if twice := sorted(key for key, n in counts.items() if n > 1):
        raise SamplesError(f"--input: id '{key}' is in two inputs; ids must differ" for key in twice[:SHOWN])
    return tuple(samples)


def summarise(params: Params, backend: Backend, samples: Sequence[Sample], write: Write) -> int:
    """Ask for every sample once (again where that can help), write each row at once, return the number of failures."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        log = RequestLog(Path(folder) / "requests.jsonl")
        sender = RequestSender(backend, params.generation, log, page="summarise", limits=limits(params))
        for number, sample in enumerate(samples, 1):
            outcome = sender.ask(sample.id, sample.dialogue)
            if outcome is None:
                say(f"summarise: no response ({sender.down_kind}); {len(samples) - number + 1} dialogues not sent")
                return failures + len(samples) - number + 1
            if not outcome.record.ok:
                failures += 1
                say(f"summarise: {sample.id}: {outcome.record.kind}: {outcome.record.message}")
            write(sample.id, outcome.record)
            if sys.stderr.isatty():
                print(f"\r{number} of {len(samples)}", end="\r", file=sys.stderr, flush=True)
    return failures


def _read_input(name: str, args: argparse.Namespace) -> tuple[Sample, ...]:
    samples = samples_of(name, args)
    if name != STDIN or is_table(STDIN, samples.columns, args.encoding):
        return _told(load_source(samples))
    text = dialogue_of(visible(read_text(STDIN, args.encoding))).strip()
    if not text:
        raise SamplesError("standard input: no dialogue in it")
    return (Sample(id="stdin", dialogue=text),)


def _told(source: Source) -> tuple[Sample, ...]:
    _tell(source.intake)
    return source.samples


def _tell(intake: Intake) -> None:
    for line in intake.lines():
        say(line)


def _writer(output: Path | None, opened: ExitStack) -> Write:
    """Return what writes a row of a table; every row is flushed, so that a long run keeps what it has."""
    if output is None:
        return _csv_writer(sys.stdout)
    if output.suffix != ".csv":
        raise InputError(f"--output {output}: give a file that ends in .csv or .jsonl")
    try:
        return _csv_writer(opened.enter_context(output.open("w", encoding="utf-8", newline="")))
    except OSError as error:
        raise cannot_write("--output", output, error) from None


def _csv_writer(file: IO[str]) -> Write:
    rows, known = csv.writer(file, lineterminator="\n"), secrets()
    rows.writerow(COLUMNS)

    def write(sample: str, record: Record) -> None:
        made = (record.input_tokens, record.output_tokens, record.lost_tokens, record.service_time)
        error = "" if record.ok else record.kind
        cells = (harmless(redact(text, known)) for text in (sample, record.summary or ""))
        rows.writerow([*cells, *made, error])
        file.flush()

    return write


def _given(args: argparse.Namespace) -> list[str]:
    """Return the arguments as typed, files by their names alone: a manifest tells nothing of this machine."""
    options = [("--set", value) for value in args.overrides] + [
        ("--input", Path(name).name) for name in args.input or []
    ]
    whom = ["--url", public_name(args.url)] if args.url else [Path(args.params).name]
    return [*whom, *[part for option in options for part in option], "--output", args.output.name]
