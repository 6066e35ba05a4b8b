"""What produced a run: the manifest that every page carries, free of names of machines and of secrets."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from helpers import __version__
from helpers.core.console import say
from helpers.core.machine import busy_cores, cpuinfo, usable_cores
from helpers.core.model import Frozen
from helpers.core.paths import PROJECT
from helpers.core.text import spell
from helpers.params import Params
from helpers.params.files import given_and_defaulted
from helpers.runs.request_log import settings_hash
from helpers.samples.intake import Intake

#: Packages whose version can change a figure.
PACKAGES = (
    "torch",
    "transformers",
    "ctranslate2",
    "openvino",
    "tokenizers",
    "numpy",
    "scipy",
    "statsmodels",
    "evaluate",
    "rouge_score",
    "aiohttp",
    "papermill",
    "nbconvert",
    "matplotlib",
)
#: Of the cores a larger share at work for others is worth a warning.
BUSY_SHARE = 0.25
BUSY = (
    "When measuring began, {busy} of {cores} cores were busy with other work: times are longer, and capacity is less, "
    "than on an idle machine."
)


class PageSeconds(Frozen):
    """Where the time of a page went, in seconds: until its kernel took the first cell, cells, and the text of the page.

    ``asking`` is the part of the cells during which a request was in flight.
    """

    kernel: float
    cells: float
    conversion: float
    asking: float = 0.0


class Manifest(Frozen):
    """What produced a run; seconds, bytes, and hashes in SHA-256.

    ``given`` are the parameters a user passed, ``defaulted`` the others, ``not_applied`` those of both that have no
    effect on a service that has an engine and settings of its own. ``inference_seconds`` is the time with a request in
    flight, ``other_seconds`` the rest of the run; they are filled in when the run ends. ``resumed_at`` is when an
    interrupted run last resumed. ``dialogues`` of the ``available`` ones of the source were sent. ``looks`` are the n
    at which each target was looked at, where the run went on until its targets were decided. ``only`` are the numbers
    of the pages that were requested, none for all of them. ``intake`` counts how many rows of each file were used or
    set aside, by the parameter that names it. ``busy_cores`` were at work for others when measuring began.
    ``page_seconds`` are of the pages as they were executed, by number.
    """

    run: str
    command: str
    started_at: datetime
    resumed_at: datetime | None = None
    finished_at: datetime | None = None
    helpers: str = __version__
    commit: str | None = None
    dirty: bool | None = None
    python: str = Field(default_factory=platform.python_version)
    packages: dict[str, str] = Field(default_factory=dict)
    processor: str = ""
    cores: int = 0
    threads: int | None = None
    busy_cores: float | None = None
    backend: Literal["local", "endpoint", "replay"] = "local"
    model: str = ""
    revision: str | None = None
    weights_sha256: str | None = None
    prompt_sha256: str | None = None
    predictions_sha256: str | None = None
    generation_hash: str = ""
    dataset_sha256: str | None = None
    dialogues: int = 0
    available: int | None = None
    until_decided: bool = False
    looks: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    only: tuple[str, ...] = ()
    intake: dict[str, Intake] = Field(default_factory=dict)
    corpus_by_language_model: bool = False
    not_applied: tuple[str, ...] = ()
    given: dict[str, Any] = Field(default_factory=dict)
    defaulted: dict[str, Any] = Field(default_factory=dict)
    inference_seconds: float | None = None
    other_seconds: float | None = None
    page_seconds: dict[str, PageSeconds] = Field(default_factory=dict)
    peak_memory_bytes: dict[str, int] = Field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether so much else was going on that figures suffer from it."""
        return self.busy_cores is not None and self.busy_cores > BUSY_SHARE * self.cores


def describe(params: Params, run: str, command: str, started_at: datetime, **found: Any) -> Manifest:
    """Return the manifest of a run that starts now; ``found`` are the hashes that others computed."""
    given, defaulted = given_and_defaulted(params)
    commit, dirty = _commit()
    return Manifest(
        run=run,
        command=command,
        started_at=started_at,
        commit=commit,
        dirty=dirty,
        packages=_versions(),
        processor=_processor(),
        cores=usable_cores(),
        threads=params.model.threads,
        backend=params.backend,
        model=public_name(params.model.id),
        revision=params.model.revision,
        generation_hash=settings_hash(dict(params.generation.sent())),
        not_applied=params.not_applied,
        given=public_params(given),
        defaulted=public_params(defaulted),
        **found,
    )


def with_busy_cores(manifest: Manifest) -> Manifest:
    """Return the manifest of a run that is about to measure, with what else the processor does, which is said."""
    if manifest.backend == "replay":
        return manifest
    busiest = max(round(busy_cores(), 1), manifest.busy_cores or 0.0)
    manifest = manifest.model_copy(update={"busy_cores": busiest})
    if manifest.is_busy:
        say(BUSY.format(busy=spell(busiest, "plain"), cores=manifest.cores))
    return manifest


def public_name(value: str) -> str:
    """Return a name that may be published: of a file only its last two parts, of an address no more than its host."""
    if "://" in value:
        return value.split("://", 1)[1].split("/", 1)[0].rsplit("@", 1)[-1]
    path = Path(value)
    return "/".join(path.parts[-2:]) if path.is_absolute() else value


def public_params(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat parameters as plain values without paths of this machine.

    The price list has a table of its own, and ``prices.as_of`` names it.
    """
    plain = json.loads(json.dumps(dict(tree), default=_plain))
    return {key: _named(value) for key, value in plain.items() if key != "prices.instances"}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else str(value)


def _named(value: Any) -> Any:
    if isinstance(value, list):
        return [_named(item) for item in value]
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items()}
    return public_name(value) if isinstance(value, str) else value


def _commit() -> tuple[str | None, bool | None]:
    """Return the commit and whether the tree differs from it; ``None`` outside a checkout."""
    try:
        head = _git("rev-parse", "HEAD")
        return head.strip(), bool(_git("status", "--porcelain", "--", "src", "notebooks", "params").strip())
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Return the processor's model name, as far as the system tells it."""
    return cpuinfo("model name") or platform.processor() or platform.machine()
