"""When a request is tried again, after how long, and when enough is enough."""

from __future__ import annotations

from dataclasses import dataclass

import tenacity

from helpers.core.errors import RequestError
from helpers.params import Params

#: Longest wait between two attempts that the server did not ask for, seconds.
LONGEST_WAIT = 20.0


@dataclass(frozen=True)
class Limits:
    """How often and how long one request is tried: attempts, and seconds for all of them and for a waking service."""

    attempts: int = 1
    retry_timeout: float = 900.0
    wake_timeout: float = 600.0


def limits(params: Params) -> Limits:
    """Return the limits of a run's requests."""
    endpoint = params.endpoint
    return Limits(endpoint.attempts, endpoint.retry_timeout, endpoint.wake_timeout)


def retrying(limits: Limits, attempts: int) -> tenacity.Retrying:
    """Return the attempts of one request: only where asking again can help, bounded in number and in time."""
    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(limits.retry_timeout),
        retry=_can_help,
        wait=_wait,
        reraise=True,
    )


def _can_help(state: tenacity.RetryCallState) -> bool:
    """Whether asking again can help; a 400 that is the server's fault is asked again once."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RequestError) or not error.retryable:
        return False
    return error.status != 400 or state.attempt_number < 2


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds before the next attempt: what the server asked for, else exponential with full jitter.

    A wait that does not fit into the time for all attempts is not begun: the request has failed.
    """
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RequestError) else None
    return asked if asked is not None else tenacity.wait_random_exponential(0.5, LONGEST_WAIT)(state)
