"""The ledger of looks: who looks again at an open question, with more data, spends error; nobody forgets it here.

A question is a target with its threshold, asked of one system about one set of dialogues. Every report that answers it
is a look, and a question has five (`stats.spending`). The ledger travels with the published report, a line a look, and
is only ever appended to. Rendering a run again is no look: a run keeps the ledger as it found it. A line that is no
look, torn or of another program, is told and passed over, and stays where it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from helpers.core.errors import InputError, RunError
from helpers.core.model import Frozen
from helpers.core.published import alone
from helpers.core.text import on_a_line, stable_hash
from helpers.params import Params
from helpers.params import Samples as SamplesParams
from helpers.runs.manifest import Manifest, public_name
from helpers.stats.spending import LOOKS

#: What a manifest knows of whatever answers.
HASHES = ("weights_sha256", "prompt_sha256", "predictions_sha256", "generation_hash")
#: The ledger's name, beside the published pages and, as a run found it, in the run's directory.
LEDGER = "history.jsonl"


LookVerdict = Literal["met", "missed", "undecided"]


class Question(Frozen):
    """What a look answers; another threshold, system or set of dialogues is another question.

    ``system`` is a hash of what answers: model, weights, prompt, generation settings, engine and, for times and
    failures, the machine. ``dialogues`` names where they come from; a larger n of them is the same question.
    """

    target: str
    direction: str
    threshold: float
    system: str
    dialogues: str


class Look(Question):
    """One line of the ledger: which look at its question, when, at which n, and with what result.

    ``low`` and ``high`` bound the value with probability ``level``, so that all looks together are wrong about once in
    twenty questions.
    """

    schema_version: Literal[1] = 1
    run: str
    at: datetime
    look: int
    n: int
    value: float | None
    low: float | None
    high: float | None
    level: float
    verdict: LookVerdict
    #: what answers, in words; the hash tells systems apart
    system_name: str = ""

    @property
    def question(self) -> Question:
        """The question that this look answers."""
        return Question(**{name: getattr(self, name) for name in Question.model_fields})


class UnreadLine(Frozen):
    """A line of the ledger that is no look, counted from 1, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class Standing:
    """How often a question was looked at: ``numbers`` of the looks of this run with the n of each, and ``used`` in all.

    ``other_thresholds`` are those that the same target had before, where nothing else differs.
    """

    numbers: tuple[tuple[int, int], ...]
    used: int
    other_thresholds: tuple[float, ...] = ()

    @property
    def final(self) -> bool:
        """Whether no further look is left."""
        return self.used >= LOOKS

    def looks(self) -> Iterator[tuple[int, int]]:
        """Yield number and n of each look of this run that the question still had."""
        return ((number, n) for number, n in self.numbers if number <= LOOKS)


def system_of(params: Params, manifest: Manifest, *, timed: bool) -> str:
    """Return a hash of what answers; ``timed`` counts the machine in, which times and failures depend on."""
    model = params.model
    parts: dict[str, object] = {name: getattr(manifest, name) for name in ("backend", "model", "revision", *HASHES)}
    parts |= {"engine": model.engine, "dtype": model.dtype, "rerank": model.rerank}
    if timed and params.backend == "local":
        parts["machine"] = [manifest.processor, manifest.cores, manifest.threads, params.serving.in_words]
    if params.provider:  # each serves a model in numbers and at a speed of its own
        parts["provider"] = [params.provider, params.endpoint.served_model]
    elif timed and params.backend == "endpoint":
        parts["instance"] = params.instance.model_dump(mode="json")
    return stable_hash(parts)


def name_of(params: Params, manifest: Manifest) -> str:
    """Return in words what answers: the model and, where it computes here, engine and type of the weights."""
    engine = f"{params.model.engine} {params.model.dtype}" if params.backend == "local" else ""
    return ", ".join(filter(None, [manifest.model, engine, params.provider or ""]))


def dialogues_of(params: SamplesParams) -> str:
    """Return where the dialogues come from, however many of them are drawn; all bundled ones are of one kind."""
    if params.source.startswith("bundled:"):
        return "bundled"
    if params.source.startswith("hub:"):
        return f"{params.source}@{params.revision or 'main'}/{params.split}"
    return public_name(params.source)


def standing(
    ledger: Sequence[Look],
    question: Question,
    run: str,
    found: Sequence[tuple[int, float | None]],
    *,
    varies: bool = False,
) -> Standing:
    """Return how often a question was looked at with the looks that ``run`` takes: ``found`` holds n and value of each.

    A look that finds what an earlier one found, at the same n and to the last digit, repeats it: the same answers
    scored again are no further chance to be wrong. Times and failures, which ``varies`` names, are drawn again by every
    run, and their looks count even where the figure comes again.
    """
    same = [line for line in ledger if line.run != run and line.question == question]
    known = {} if varies else {(line.n, line.value): line.look for line in same}
    used = max((line.look for line in same), default=0)
    numbers = []
    for n, value in found:
        number = known.get((n, value), used + 1)
        numbers.append((number, n))
        used = max(used, number)
    unlike = (line.threshold for line in ledger if _but_for_threshold(line, question))
    return Standing(tuple(numbers), used, tuple(sorted(set(unlike))))


def read_ledger(path: Path) -> tuple[Look, ...]:
    """Return the looks of a ledger, oldest first; none where there is no file.

    Lines that are no looks are passed over: `unread_lines` has them. Raises `InputError` when the file cannot be read.
    """
    return tuple(line for line in _lines(_bytes(path)) if isinstance(line, Look))


def unread_lines(path: Path) -> tuple[UnreadLine, ...]:
    """Return the lines of a ledger that are no looks; raises `InputError` when the file cannot be read."""
    return tuple(line for line in _lines(_bytes(path)) if isinstance(line, UnreadLine))


def append(path: Path, looks: Iterable[Look]) -> None:
    """Append to a ledger the looks that it does not hold yet, in one piece and one writer after the other.

    What is there stays byte for byte; a full disk or a kill leaves the ledger as it was.
    Raises `RunError` when it cannot be written.
    """
    looks = list(looks)
    try:
        if looks:
            path.parent.mkdir(parents=True, exist_ok=True)
            with alone(path.parent):
                _append(path.resolve(), looks)
    except OSError as error:
        raise RunError(
            f"{path}: the look cannot be recorded: {error.strerror}; the ledger is as it was: free space on the disk, "
            "or give write permission"
        ) from None


def _append(path: Path, looks: Sequence[Look]) -> None:
    held = _bytes(path)
    known = {(look.run, look.question, look.look) for look in _lines(held) if isinstance(look, Look)}
    new = [look for look in looks if (look.run, look.question, look.look) not in known]
    if not new:
        return
    end = (
        b"\n" if held and not held.endswith(b"\n") else b""
    )  # what tore the last line must not take the next one along
    text = "".join(look.model_dump_json() + "\n" for look in new)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(held + end + text.encode())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(f"{path}: the ledger of looks cannot be read: {error.strerror}") from None


def _lines(held: bytes) -> Iterator[Look | UnreadLine]:
    for number, line in enumerate(held.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield Look.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            yield UnreadLine(line=number, why=on_a_line(": ".join(filter(None, [where, first["msg"]]))))


def _but_for_threshold(line: Look, question: Question) -> bool:
    asked: Mapping[str, object] = question.model_dump()
    return line.threshold != question.threshold and all(
        getattr(line, name) == value for name, value in asked.items() if name != "threshold"
    )
