"""Several plans of load, each several times, in an order drawn anew in every repeat."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence

from helpers.arrivals import Plan
from helpers.backends.endpoint import EndpointBackend
from helpers.params import Generation
from helpers.sending import Outcomes, Tell, send


def measure(
    backend: EndpointBackend,
    dialogues: Sequence[str],
    generation: Generation,
    plans: Sequence[Plan],
    repeats: int,
    may_send: Callable[[], str] = lambda: "",
) -> list[list[Outcomes]]:
    """Carry out every plan ``repeats`` times and return the outcomes by plan; an interruption ends it
    early.

    Each repeat has arrivals of its own and takes the plans in an order of its own, so that a service that drifts
    does not favour one of them. ``may_send`` says before each run why it may not be sent, or nothing.
    """
    found: list[list[Outcomes]] = [[] for _ in plans]
    for repeat in range(repeats):
        order = random.Random(f"{plans[0].seed} {repeat}")  # noqa: S311
        for place in order.sample(range(len(plans)), len(plans)):
            if may_send():
                return found
            plan = plans[place].repeated(repeat, place)
            outcomes = send(backend, dialogues, generation, plan, _teller(plan, repeat, repeats))
            found[place].append(outcomes)
            if outcomes.interrupted:
                return found
    return found


def _teller(plan: Plan, repeat: int, repeats: int) -> Tell | None:
    if not sys.stderr.isatty():
        return None
    rate = "" if plan.rate is None else f" at {plan.rate:g}/s"

    def tell(so_far: Outcomes, seconds: float) -> None:
        sent, ended = len(so_far.kinds), so_far.answered + so_far.failed
        line = f"run {repeat + 1}/{repeats}{rate}: {seconds:.0f} of {plan.warmup + plan.seconds:.0f} s, {sent} sent, "
        line += f"{so_far.answered} answered, {so_far.failed} failed, {sent - ended} under way"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    return tell
