"""How a deployed service is called and created, how the local server and the app behave, and who sends requests."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.params.base import Count, Positive, Seconds, Section

#: A service's protocol: the vendor's toolkit, by either of its names for an answer, or a chat server.
Protocol = Literal["summarization", "text2text", "chat"]


class Endpoint(Section):
    """A deployed service; the address may also come from ``HF_ENDPOINT_URL``, the token only from ``HF_TOKEN``.

    ``provider`` names one of the Hugging Face Inference Providers in its place (``auto``: the router chooses), which
    serves ``model.id`` or the repository that ``served_model`` names; ``bill_to`` is the organization that pays.
    Of one attempt, ``read_timeout`` bounds each silence and ``total_timeout`` the whole; ``retry_timeout`` bounds all
    attempts of a request together, ``wake_timeout`` the wait for a service that is down. ``served_model`` is what a
    server of the chat protocol calls its model, ``model.id`` by default; with ``stream`` it streams where it can.
    ``expected_seconds`` is about what one request takes, for the estimate that is printed before the first. ``metrics``
    are addresses of figures in the Prometheus format beside the server's own, such as those of a GPU exporter.
    """

    url: str | None = None
    provider: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")] | None = None
    bill_to: str | None = None
    protocol: Protocol = "summarization"
    served_model: str | None = None
    stream: bool = True
    connect_timeout: Seconds = 10.0
    read_timeout: Seconds = 120.0
    total_timeout: Seconds = 120.0
    attempts: Positive = 3
    retry_timeout: Seconds = 900.0
    wake_timeout: Seconds = 600.0
    expected_seconds: Seconds = 4.0
    max_answer_bytes: Positive = 1_000_000
    metrics: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s@]+")], ...] = ()


class Deployment(Section):
    """The managed endpoint as configured; its instance, model and revision have their own sections.

    ``secrets`` are names, whose values come from the environment. ``pause_after: true`` pauses the endpoint when the
    report ends, fails or is interrupted, if this run resumed it; naming the endpoint pauses it in any case.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]
    namespace: str | None = None
    region: str = "us-east-1"
    accelerator: Literal["cpu", "gpu", "neuron"] = "cpu"
    framework: Literal["pytorch", "custom"] = "pytorch"
    type: Literal["authenticated", "public", "private"] = "authenticated"
    min_replica: Count = 1
    max_replica: Positive = 1
    scaling_metric: Literal["pendingRequests", "hardwareUsage"] | None = None
    scaling_threshold: Seconds | None = None
    scale_to_zero_minutes: Positive | None = None
    secrets: tuple[str, ...] = ()
    pause_after: bool | str = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.min_replica > self.max_replica:
            problems.append(f"'min_replica' {self.min_replica} is over 'max_replica' {self.max_replica}")
        if self.min_replica == 0 and self.scale_to_zero_minutes is None:
            problems.append("'min_replica: 0' scales to zero and needs 'scale_to_zero_minutes'")
        if self.scaling_threshold is not None and self.scaling_metric is None:
            problems.append("'scaling_threshold' needs 'scaling_metric'")
        if isinstance(self.pause_after, str) and self.pause_after != self.name:
            problems.append(f"'pause_after: {self.pause_after}' is not the 'name' {self.name}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Batching(Section):
    """Requests with equal settings that wait are computed together, those of like length first.

    A request waits at most ``max_wait`` seconds for company, and only where company is likely. A batch has at most
    ``max_batch`` inputs and ``max_tokens`` padded tokens (the longest input times their number); what is too large for
    any batch is computed alone.
    """

    max_wait: Annotated[float, Field(ge=0, le=1)] = 0.01
    max_batch: Annotated[int, Field(ge=2)] = 8
    max_tokens: Positive = 4096


class Cache(Section):
    """Answers that are given again to the same text, settings and model: at most ``entries``, each for ``seconds``."""

    entries: Positive = 1024
    seconds: Seconds = 3600.0


class Serving(Section):
    """The server: by default one request at a time, as the managed toolkit serves, and nothing remembered.

    ``workers`` models, each in a thread of its own, share the machine's cores unless ``model.threads`` says what each
    takes. ``queue`` requests may wait; the next is refused with 429 and told when to come back.
    """

    batching: Batching | None = None
    workers: Positive = 1
    queue: Positive = 64
    cache: Cache | None = None

    @property
    def in_words(self) -> str:
        """How a server says that it serves."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        batching, batches = self.batching, "one request at a time"
        if batching is not None:
            batches = f"batches of {batching.max_batch} inputs and {batching.max_tokens} tokens at most"
        return f"{workers}, {batches}, {'no cache' if self.cache is None else 'a cache'}"


class App(Section):
    """The web app's bounds; ``allow_hosts`` are the hosts a visitor may name when others can reach the app.

    A host that begins with ``*.`` stands for every host below it. ``waiting`` bounds the queue, ``at_once`` the
    concurrent requests, ``history`` the answers that a visitor's session keeps.
    """

    allow_hosts: tuple[str, ...] = ()
    max_characters: Positive = 200_000
    max_rows: Positive = 50
    max_upload_bytes: Positive = 2_000_000
    at_once: Positive = 8
    waiting: Positive = 64
    history: Positive = 500


class Execution(Section):
    """Who asks: this process (``local``), or the workers of a Dask cluster.

    ``scheduler`` is the address of a running one (``tcp://…``, or ``tls://…`` with certificates); ``null`` starts one
    on loopback with ``workers`` single-threaded workers. ``chunk`` is how many dialogues a worker takes at a time.
    """

    engine: Literal["local", "dask"] = "local"
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://[^/\s@]+:\d{1,5}$")] | None = None
    workers: Positive = 2
    chunk: Positive = 32

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.engine == "local" and self.scheduler is not None:
            raise ValueError("'scheduler' goes with 'engine: dask', and only with it")
        return self
