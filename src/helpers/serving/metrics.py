"""What the server says of itself at ``/metrics``, in the Prometheus text format.

The first two lines are those of a managed endpoint. Request durations have the name and the buckets that the
OpenTelemetry semantic conventions give a server of a generative model; the process has prometheus-client's own names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from helpers.backends.base import Answer
from helpers.core.errors import RequestError
from helpers.core.machine import usable_cores
from helpers.serving.worker import Worker

#: What a scraper is told the text is; without it Prometheus refuses to read.
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
#: Seconds; OpenTelemetry, "Metric: gen_ai.server.request.duration".
BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
DURATION, REQUESTS, TOKENS = "gen_ai_server_request_duration_seconds", "summariser_requests", "summariser_tokens"
CORES, CPU = "summariser_cpu_cores", "process_cpu_seconds_total"
BATCHES, CACHE, SERVING = "summariser_batch_inputs", "summariser_cache_lookups", "summariser_serving"
#: Inputs of a batch.
SIZES = (1, 2, 4, 8, 16, 32, 64)


class ServerMetrics:
    """The figures of one server, in a registry of their own: two servers in a process do not mix."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        names = ("gen_ai_operation_name", "error_type")
        self._duration = Histogram(
            DURATION, "From the body's last byte to the answer", names, buckets=BUCKETS, registry=registry
        )
        self._requests = Counter(
            REQUESTS, "Requests by outcome: ok, or the kind of failure", ["outcome"], registry=registry
        )
        self._tokens = Counter(TOKENS, "Tokens read and written", ["type"], registry=registry)
        for kind in ("input", "output"):  # there from the start, so that a reader sees them grow
            self._tokens.labels(kind)
        self._lookups = Counter(CACHE, "Inputs looked for in the cache: hit or miss", ["result"], registry=registry)
        batches = Histogram(BATCHES, "Inputs of the batches that were computed", buckets=SIZES, registry=registry)
        worker.on_batch = batches.observe
        cores = Gauge(CORES, "Cores that the process may use", registry=registry)
        cores.set(usable_cores())
        Info(SERVING, "How requests are served", registry=registry).info({"how": worker.serving.in_words})

    @contextmanager
    def timed(self) -> Iterator[list[Answer]]:
        """Count what happens inside as one request; the answers computed for it go into the list that this yields."""
        answers: list[Answer] = []
        began, outcome = time.perf_counter(), "ok"
        try:
            yield answers
        except RequestError as error:
            outcome = error.kind.value
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:
            outcome = "server_error"
            raise
        finally:
            self._requests.labels(outcome).inc()
            failed = "" if outcome == "ok" else outcome
            self._duration.labels("text_completion", failed).observe(time.perf_counter() - began)
            self._count(answers)

    def looked_up(self, hits: Sequence[bool]) -> None:
        """Count inputs that were looked for in the cache."""
        for hit in hits:
            self._lookups.labels("hit" if hit else "miss").inc()

    def text(self) -> str:
        """Return all figures as they are now."""
        managed = f"inf_batch_current_size {self._worker.running}\ninf_queue_size {self._worker.queued}\n"
        return managed + generate_latest(self._registry).decode()

    def _count(self, answers: Sequence[Answer]) -> None:
        for name in ("input", "output"):
            known = [count for answer in answers if (count := getattr(answer, f"{name}_tokens")) is not None]
            self._tokens.labels(name).inc(sum(known))


def served_how(text: str) -> str | None:
    """Return how a server of ours says that it serves, from its figures; ``None`` where they do not say."""
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError:
        return None
    return next((sample.labels.get("how") for sample in samples if sample.name == f"{SERVING}_info"), None)
