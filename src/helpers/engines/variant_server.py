"""A variant of a model as a server process of its own: converted, started, waited for, and why it could not be had."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import HelpersError
from helpers.core.machine import cpuinfo, peak_memory
from helpers.engines import model_files
from helpers.engines import served as servers
from helpers.engines.conversion import CONVERTERS, converted, folder_of
from helpers.engines.installed import missing
from helpers.engines.served import ServerChild
from helpers.params import Model, Params, Variant

#: Processor flags without which a type would only be emulated, more slowly than the reference.
NEEDS = {"bfloat16": ("avx512_bf16", "amx_bf16"), "float16": ("avx512_fp16", "amx_fp16")}


@dataclass
class ServedVariant:
    """One variant while it is measured; with a ``reason`` it cannot be.

    ``load`` is from starting its process until it is ready, seconds; ``disk`` and ``peak`` are the bytes of its
    weights and of its process at its highest.
    """

    variant: Variant
    reason: str = ""
    child: ServerChild | None = None
    backend: EndpointBackend | None = None
    load: float | None = None
    disk: int | None = None
    peak: int | None = None

    def look_at_memory(self) -> None:
        """Take note of the process's peak so far; of one that has ended, the last note stays."""
        self.peak = (peak_memory(self.child.process.pid) if self.child else None) or self.peak


def why_not(variant: Variant, device: str) -> str:
    """Return why a variant cannot run here and how to get it, or nothing."""
    if (variant.engine, variant.dtype) == ("openvino", "float16"):
        return missing(variant.engine)  # weights alone, multiplied in fp32
    return missing(variant.engine) or missing_instructions(variant.dtype, device)


def missing_instructions(dtype: str, device: str) -> str:
    """Return why this processor would only emulate a type, or nothing."""
    if device != "cpu" or dtype not in NEEDS:
        return ""
    flags = cpuinfo("flags").split()
    if not flags or any(flag in flags for flag in NEEDS[dtype]):
        return ""
    return f"this processor has no {dtype} instructions ({' or '.join(NEEDS[dtype])}); measure it on one that has"


def start_variant(
    params: Params,
    folder: Path,
    served: ServedVariant,
    opened: ExitStack,
    refuse: Callable[[int], str] = lambda size: "",
) -> None:
    """Start the server of a variant of ``params.model`` and wait until it is ready; a failure is its reason.

    Its parameters and its log lie in ``folder``; ``opened`` ends it. ``refuse`` may give a reason not to start
    one, from the bytes of its weights.
    """
    variant = served.variant
    model = params.model.model_copy(update={"engine": variant.engine, "dtype": variant.dtype})
    params = params.model_copy(
        update={"backend": "local", "model": model, "generation": params.generation.known_here(), "replay": None}
    )
    try:
        served.disk = converted_size(model)
        if reason := refuse(served.disk):
            served.reason = reason
            return
        served.child, served.backend = servers.bring_up(params, folder, opened)
        served.load = (time.perf_counter_ns() - served.child.started_ns) / 1e9
    except HelpersError as error:
        served.reason = str(error)


def is_converted(model: Model) -> bool:
    """Return whether nothing is to be converted before a variant can be served; also where it cannot be."""
    try:
        source = model_files.local_folder(model)
        return model.engine not in CONVERTERS or folder_of(source, model.dtype, model.engine).is_dir()
    except HelpersError:
        return True


def converted_size(model: Model, tell: Callable[[str], None] = lambda line: None) -> int:
    """Return the size of a variant's weights, bytes; a conversion is made here, so that no load time holds it.

    Without ``tell`` it is silent: a notebook that writes to stderr is one that went wrong.
    """
    source = model_files.local_folder(model)
    if model.engine in CONVERTERS:
        source = converted(source, model.dtype, tell, engine=model.engine)
    return model_files.size(source)
