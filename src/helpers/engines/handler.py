"""A packaged ``handler.py`` on this machine: the code that would run on the managed endpoint, behind our server."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.backends.base import Answer
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.params import Generation


class HandlerBackend:
    """Calls the ``EndpointHandler`` of a model repository; loading it runs its code.

    Raises `ModelError` when the folder has none or it cannot be loaded.
    """

    kind = "handler"

    def __init__(self, folder: Path) -> None:
        file = folder / "handler.py"
        spec = importlib.util.spec_from_file_location("handler", file)
        if not file.is_file() or spec is None or spec.loader is None:
            raise ModelError(f"{folder}: no handler.py; 'helpers endpoint package' writes one")
        module = importlib.util.module_from_spec(spec)
        # The toolkit lets a handler import what lies beside it.
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        try:
            spec.loader.exec_module(module)
            self._handler: Any = module.EndpointHandler(str(folder))
        except Exception as error:  # foreign code raises whatever it likes; all of it means: no model
            raise ModelError(f"{file}: cannot be loaded: {type(error).__name__}: {error}") from error

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the handler's answers; raises `RequestError` with what it raised, or for another shape."""
        try:
            found = self._handler({"inputs": list(dialogues), "parameters": generation.sent()})
        except ValueError as error:
            raise RequestError(Failure.BAD_REQUEST, str(error)) from error
        except Exception as error:  # as the managed toolkit does: whatever it is, the client hears of it
            raise RequestError(Failure.SERVER_ERROR, f"{type(error).__name__}: {error}") from error
        try:
            summaries = [item["summary_text"] for item in found]
        except (TypeError, KeyError):
            summaries = []
        if len(summaries) != len(dialogues):
            raise RequestError(Failure.SERVER_ERROR, "the handler did not return one summary_text per input")
        return [Answer(summary) for summary in summaries]

    def close(self) -> None:
        """Let go of the model's memory."""
        self._handler = None
