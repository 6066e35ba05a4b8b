"""Page 01: is the deployment up, correct, and configured as intended?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from helpers.backends.discovery import context_of, engine_of, told_models
from helpers.backends.endpoint import EndpointBackend, open_endpoint
from helpers.backends.providers import Provider
from helpers.core.environment import environment
from helpers.core.errors import DeployError, InputError, RequestError
from helpers.core.machine import is_loopback
from helpers.core.text import spell
from helpers.experiments.probes import probe_all, texts
from helpers.experiments.settings_seen import settings_seen
from helpers.params import Generation, Params
from helpers.runs.manifest import public_name
from helpers.runs.request_log import Record
from helpers.runs.results.deploy_check import Check, Declared, DeployCheck, Probe
from helpers.runs.run import Run, unreachable
from helpers.runs.sender import Outcome, RequestSender, wait_until_up
from helpers.serving.management import Manager
from helpers.serving.metrics import served_how

PAGE = "01"
#: How many identical calls must be answered alike.
IDENTICAL, IDENTICAL_CALLS = 3, "identical calls"
#: Names of served models that a row shows.
MOST_NAMES = 3
#: What Ollama adds to the name of a model that is asked for without a version.
LATEST = ":latest"
#: A setting that has a row of its own, whether it is ignored or not.
LIMITED = ("max_new_tokens",)


def measure(run: Run) -> DeployCheck:
    """Wake the deployment, warm it up, probe it, and compare what it does with what was declared."""
    if run.params.backend == "replay":
        return DeployCheck(page=PAGE, reason="recorded predictions are replayed, so no request went to a deployment")
    # until it is up and warm, its prompt cache is not examined
    began, sender = time.monotonic(), run.sender(PAGE, backend=run.backend)
    short = texts()["short"]
    first, was_down = _first(run, sender, short)
    ready_ns = time.perf_counter_ns()
    if first is None or not first.record.ok:
        return _down(run, sender, first, began)
    cold, note = _cold_start(run, was_down, ready_ns, first)
    warmups = range(run.params.measure.warmup)
    asked = [sender.ask("short", short, phase="warmup", repeat=n, text=False) for n in warmups]
    warm = [outcome for outcome in asked if outcome and outcome.record.ok]
    checks, probes = _checks(run, sender, [first, *warm]), probe_all(run, run.sender(PAGE))
    server, model, context = _served(run)
    ignored = _ignored(run, checks)
    rows = [row for name, row in ignored.items() if name not in LIMITED] + model
    return DeployCheck(
        page=PAGE,
        requests=len({r.request for r in run.log.read() if r.page == PAGE}),
        seconds=time.monotonic() - began,
        **sender.ended(),
        checks=tuple(checks),
        cold_start=cold,
        cold_note=note,
        warm=tuple(o.record.service_time for o in warm if o.record.service_time is not None),
        probes=tuple(probes),
        declared=tuple(_declared(run, probes, rows, context)),
        server=server,
        ignored=tuple(ignored),
    )


def managed_rows(params: Params, environment: Mapping[str, str]) -> list[Declared]:
    """Return one row per declared property of a managed endpoint, or one that says why none can be observed.

    No endpoint is declared, or another backend answers: no rows. What is left to the vendor has no row either.
    """
    if params.backend != "endpoint" or params.deployment is None:
        return []
    name = params.deployment.name
    try:
        manager = Manager(params, environment)
        state = manager.state()
    except (DeployError, InputError) as error:
        return [Declared(name="managed endpoint", declared=name, observed=f"not observed: {error}", agrees=None)]
    if state is None:
        return [Declared(name="managed endpoint", declared=name, observed="there is none of this name", agrees=False)]
    rows = [("state", "running", state.status, state.status == "running")]
    for key, declared in manager.declared.items():
        if declared is not None:
            observed = state.observed.get(key)
            rows.append((key.replace("_", " "), str(declared), str(observed), observed == declared))
    return [Declared(name=n, declared=d, observed=o, agrees=a) for n, d, o, a in rows]


def _down(run: Run, sender: RequestSender, outcome: Outcome | None, began: float) -> DeployCheck:
    if outcome is None:
        return DeployCheck(page=PAGE, reason=f"not asked: {sender.stopped}")
    record = outcome.record
    return DeployCheck(
        page=PAGE,
        reason=unreachable(record.kind, record.started_at),
        requests=len({r.request for r in run.log.read() if r.page == PAGE}),
        seconds=time.monotonic() - began,
        failure=record.kind,
        message=record.message,
        down_since=record.started_at,
        checks=(_health(run),),
    )


def _first(run: Run, sender: RequestSender, text: str) -> tuple[Outcome | None, bool]:
    """Return the first answer and whether the deployment was down before; a remote one logged earlier is kept."""
    known = sender.recall("cold", "short", text=False) if run.params.backend == "endpoint" else None
    if known is not None and known.record.ok:
        return known, any(r.phase == "cold" and not r.ok for r in run.log.read())
    return wait_until_up(sender, "short", text, run.params.endpoint.wake_timeout)


def _cold_start(run: Run, was_down: bool, ready_ns: int, first: Outcome) -> tuple[float | None, str]:
    """Return the cold start in seconds, and what it is or why it is not known."""
    if not was_down:
        return None, "it was already up when first asked"
    started = run.server.get("started_ns")
    if started is not None:
        return (ready_ns - started) / 1e9, "from the start of the server process to its first answer"
    waiting = [r for r in run.log.read() if r.page == PAGE and r.phase == "cold"]
    if (resumed := run.manifest.resumed_at) and first.record.started_at >= resumed:
        waiting = [r for r in waiting if r.started_at >= resumed]  # an interruption is no part of a cold start
    seconds = (first.record.started_at - waiting[0].started_at).total_seconds() + (first.record.service_time or 0.0)
    return seconds, "from the first request, which found it down, to its first answer"


def _checks(run: Run, sender: RequestSender, warm: list[Outcome]) -> list[Check]:
    """Return what is to be known of any deployment before it is trusted with a request."""
    return [
        Check(name="reachable", expectation="it answers", passed=True, detail="it answered"),
        *([_tls(run), _auth(run, sender)] if run.params.backend == "endpoint" else []),
        _health(run),
        _determinism(sender, warm),
    ]


def _tls(run: Run) -> Check:
    url, expected = run.server["url"], "a certificate that is valid for this host"
    if url.startswith("https:"):
        return Check(name="TLS", expectation=expected, passed=True, detail="the certificate was verified")
    detail = "plain HTTP on loopback has none" if is_loopback(url) else "plain HTTP: anybody on the way can read along"
    return Check(name="TLS", expectation=expected, passed=None if is_loopback(url) else False, detail=detail)


def _auth(run: Run, sender: RequestSender) -> Check:
    """Send one request without the token: a service that answers it answers everybody, at the owner's expense."""
    backend = open_endpoint(run.server["url"], run.params, with_token=False)
    try:
        asking = replace(sender, backend=backend)
        outcome = asking.ask("without-token", texts()["short"], phase="probe", attempts=1, text=False)
    finally:
        backend.close()
    expected = "a request without the token is refused"
    if outcome is None:
        return Check(name="authentication", expectation=expected, passed=None, detail=sender.stopped or "not asked")
    kind = outcome.record.kind
    details = {"auth": "it was refused", "ok": "it was answered: everybody can use this deployment"}
    passed = {"auth": True, "ok": False}.get(kind)
    if kind == "ok" and is_loopback(run.server["url"]):
        passed, details["ok"] = None, "it was answered: everybody on this machine can use it, and nobody else"
    return Check(
        name="authentication", expectation=expected, passed=passed, detail=details.get(kind, f"it failed: {kind}")
    )


def _health(run: Run) -> Check:
    expected = "GET /health returns 200"
    if not isinstance(run.backend, EndpointBackend):
        return Check(name="health", expectation=expected, passed=None, detail="there is no server to ask")
    if run.backend.provider:
        return Check(name="health", expectation=expected, passed=None, detail="a provider has no such page")
    try:
        status, text = run.backend.get("/health")
    except RequestError as error:
        return Check(name="health", expectation=expected, passed=False, detail=f"no answer ({error.kind})")
    # Not every server has this page; without it nothing is known.
    passed = None if status == 404 else status == 200
    return Check(name="health", expectation=expected, passed=passed, detail=f"HTTP {status} {text.strip()[:40]}")


def _determinism(sender: RequestSender, warm: list[Outcome]) -> Check:
    """Compare identical calls: the warm-up's, and as many more as make three; page 03 compares all repetitions."""
    answers = [mark for outcome in warm if (mark := outcome.mark)]
    for repeat in range(len(answers), IDENTICAL):
        outcome = sender.ask("identical", texts()["short"], phase="probe", repeat=repeat, text=False)
        answers += [mark] if outcome and (mark := outcome.mark) else []
    name, expected = IDENTICAL_CALLS, "the same short dialogue is answered alike"
    if len(answers) < IDENTICAL:
        return Check(name=name, expectation=expected, passed=None, detail="too few of them were answered")
    alike, n = len(set(answers)) == 1, len(answers)
    different = f"{len(set(answers))} different answers to {n} calls: sampling may be on, or replicas are not alike"
    detail = f"all {n} were; page 03 compares every repeated request of the run" if alike else different
    return Check(name=name, expectation=expected, passed=alike, detail=detail)


def _served(run: Run) -> tuple[str, list[Declared], int | None]:
    """Return engine and numbers as a foreign server tells them, the rows that say so and what it serves, its context.

    What it does not tell of the engine has a row only where an engine is declared.
    """
    params, unseen = run.params, Declared(name="model", declared=run.manifest.model, observed=None, agrees=None)
    if isinstance(run.backend, EndpointBackend) and run.backend.provider:
        return "", _provided(run.backend.provider, run.backend.told), None
    if params.protocol != "chat" or not isinstance(run.backend, EndpointBackend):
        return "", [unseen], None
    models = told_models(run.backend, run.backend.url)
    asked, names = params.endpoint.served_model or params.model.id, [str(model["id"]) for model in models]
    own = next((model for model in models if str(model["id"]).removesuffix(LATEST) == asked.removesuffix(LATEST)), {})
    served = own or next(iter(models), {})
    server = " ".join(filter(None, engine_of(run.backend, served)))
    told = f"serves {', '.join(public_name(name) for name in names[:MOST_NAMES])}"
    # one of several may be known by other names as well
    agrees = True if own else False if len(names) == 1 else None
    rows = [unseen.model_copy(update={"observed": told, "agrees": agrees})] if names else [unseen]
    if server or params.declares_engine:
        wanted = f"{params.model.engine} {params.model.dtype}" if params.declares_engine else "not declared"
        rows.append(Declared(name="engine", declared=wanted, observed=server or None, agrees=None))
    return server, rows, context_of(served)


def _provided(provider: Provider, told: Mapping[str, str]) -> list[Declared]:
    """Return which provider and model answered, as the router and the answers tell; a provider may add a version."""
    who, named = told.get("provider"), told.get("model")
    at = f"asked at {urlsplit(provider.url).netloc} by the route {provider.route}"
    by = f"{at}; {who} answered, as the router tells" if who else at
    # a router that chooses by itself was told no name to keep to
    agrees = None if who is None or provider.name == "auto" else who == provider.name
    asked_as = f"asked for as {public_name(provider.served)}"
    model = f"{asked_as}; answers name {public_name(named)}" if named else f"{asked_as}; answers name none"
    same = named is not None and named.lower() == provider.served.lower()
    return [
        Declared(name="provider", declared=provider.name, observed=by, agrees=agrees),
        Declared(name="model", declared=public_name(provider.model), observed=model, agrees=same or None),
    ]


def _ignored(run: Run, checks: Sequence[Check]) -> dict[str, Declared]:
    refused = run.backend.refused if isinstance(run.backend, EndpointBackend) else ()
    alike = next((check.passed for check in checks if check.name == IDENTICAL_CALLS), None)
    return settings_seen(run.params, run.log.read(), refused, alike)


def _declared(run: Run, probes: list[Probe], told: list[Declared], context: int | None) -> list[Declared]:
    """Return what was declared beside what the answers show, and what the vendor says where its API can be called.

    ``told`` are rows of what the server tells of itself, ``context`` the tokens that it says it has room for.
    """
    params, by_name = run.params, {probe.name: probe for probe in probes}
    records = run.log.read()
    observed: list[tuple[str, str, Any, bool | None]] = [
        ("task", params.model.task, f"answers by the {params.protocol} protocol", by_name["short"].kind == "ok"),
        ("most new tokens", str(params.generation.max_new_tokens), *_written(records, params.generation)),
        (
            "context tokens",
            spell(params.model.context_tokens, "count"),
            *_read(records, params.model.context_tokens, context),
        ),
        ("revision", params.model.revision or "not pinned", None, None),
    ]
    if params.backend == "local" and isinstance(run.backend, EndpointBackend):
        how = _served_how(run.backend)
        declared = params.serving.in_words
        observed.append(("serving", declared, how, None if how is None else how == declared))
    managed = managed_rows(params, environment())
    known = {row.name for row in managed}
    seen = [Declared(name=n, declared=d, observed=o, agrees=a) for n, d, o, a in observed]
    return [row for row in (*seen[:3], *told, *seen[3:]) if row.name not in known] + managed


def _written(records: Sequence[Record], generation: Generation) -> tuple[str | None, bool | None]:
    """Return the most tokens that an answer was made of and whether they are within the limit, if the server tells."""
    counted = [n for r in records if (n := r.counted("output_tokens")) is not None]
    if counted:
        return f"{max(counted)} at most", max(counted) <= generation.max_new_tokens
    guessed = [r.output_tokens for r in records if r.output_tokens is not None]
    return (f"the server does not count; {max(guessed)} at most by the text" if guessed else None), None


def _read(records: Sequence[Record], context: int, told: int | None) -> tuple[str | None, bool | None]:
    """Return what happened to the input over the context, and whether that is as declared, if the server tells.

    Where it answered none, what it has ``told`` of its context counts.
    """
    over = next((r for r in reversed(records) if r.sample == "over-context" and r.ok), None)
    if over is None:
        return (
            (None, None) if told is None else (f"room for {spell(told, 'count')}, as the server tells", told >= context)
        )
    if over.lost_tokens is not None:
        return f"cut: {spell(over.lost_tokens, 'count')} tokens lost", over.lost_tokens > 0
    read = over.counted("input_tokens")
    return (None, None) if read is None else (f"read {spell(read, 'count')} tokens of one request", read <= context)


def _served_how(backend: EndpointBackend) -> str | None:
    """Return how our own server says that it serves."""
    try:
        status, text = backend.get("/metrics")
    except RequestError:
        return None
    return served_how(text) if status == 200 else None
