"""Every error this package raises on purpose, drawn as one tree.

HelpersError
├── InputError            the user gave something unusable           exit 2
│   ├── ParamsError       a parameter file or ``--set`` is wrong
│   ├── SamplesError      a file of dialogues or predictions is wrong
│   └── RunError          a run directory cannot be used as asked
├── ToolError             this program failed, nothing is published  exit 1
│   ├── ModelError        a model cannot be fetched, verified or loaded
│   ├── DeployError       the management API refused, or the endpoint failed to come up
│   └── NotebookError     a page failed while it was executed
└── RequestError          one attempt of one request failed: a finding, logged, never fatal
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class HelpersError(Exception):
    """Base of the tree; its text is shown to the user unchanged."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of it: the message, as in a terminal; all of it after ``%xmode Verbose``.

        ``%tb Verbose`` and ``%debug`` still lead to where it was raised.
        """
        from IPython import get_ipython  # which is there, as it asks

        shell = get_ipython()
        if shell is not None and shell.InteractiveTB.mode == "Verbose":
            full: list[str] = shell.InteractiveTB.structured_traceback(type(self), self, self.__traceback__)
            return full
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class InputError(HelpersError):
    """Something the user gave cannot be used; carries every problem found, not just the first."""

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class ParamsError(InputError):
    """A parameter file or an override does not describe a valid run."""


class SamplesError(InputError):
    """A file of dialogues, references or predictions cannot be read as asked."""


class RunError(InputError):
    """A run directory is missing, unfinished, not writable or of another kind."""


class ToolError(HelpersError):
    """The program itself failed; what was measured is kept and nothing is published."""


class ModelError(ToolError):
    """A model cannot be fetched, verified, converted or loaded."""


class DeployError(ToolError):
    """An endpoint cannot be created, found or changed, or did not come up; the message holds the vendor's reason."""


class NotebookError(ToolError):
    """A notebook raised while it was executed; the message shows the failing cell."""


class Failure(StrEnum):
    """Why an attempt did not bring a valid answer (the taxonomy of the request log)."""

    AUTH = "auth"
    PAYMENT_REQUIRED = "payment_required"
    NOT_FOUND = "not_found"
    PAUSED = "paused"
    COLD = "cold"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    BAD_REQUEST = "bad_request"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"
    TOO_LARGE = "too_large"
    CANCELLED = "cancelled"


#: Kinds that say the deployment as a whole does not answer, whatever the request.
UNREACHABLE = frozenset(
    {
        Failure.AUTH,
        Failure.PAYMENT_REQUIRED,
        Failure.NOT_FOUND,
        Failure.PAUSED,
        Failure.COLD,
        Failure.CONNECTION,
    }
)


class RequestError(HelpersError):
    """One attempt failed.

    ``kind`` is the taxonomy entry, ``status`` the HTTP status if there was one, ``retry_after``
    the seconds the server asked to wait, ``retryable`` whether a retry can help. ``said`` is the server's own
    wording, which may repeat a dialogue; ``private`` is the message without it.
    """

    def __init__(
        self,
        kind: Failure,
        message: str,
        *,
        said: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{message}: {said}" if said else message)
        self.private = message
        self.said = said
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.retryable = retryable


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known name, or an empty string."""
    from difflib import get_close_matches

    names = [str(name) for name in known]
    close = get_close_matches(wrong, names, n=1, cutoff=0.5) or [n for n in names if n in wrong.split("_")]
    return f" (did you mean '{close[0]}'?)" if close else ""
