"""What a run is told: strict, frozen parameter models, one class per room of a params file.

Reading files, overrides and error messages live in `helpers.params_files`; nothing here touches a disk.
Seconds, US dollars, scores from 0 to 1.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.params_alerts import Alerts, Monitoring
from helpers.params_app import App
from helpers.params_cost import CostAssumptions, unknown_instances
from helpers.params_engines import Dtype, Engine, Quantization, Settings
from helpers.params_execution import Execution
from helpers.params_load import Load
from helpers.params_prices import Instance, Prices
from helpers.params_publication import Publication
from helpers.params_service import Deployment, Endpoint
from helpers.params_serving import Serving
from helpers.params_tracking import Tracking
from helpers.rooms import Count, Money, Positive, Room, Seconds


class Model(Room):
    """Which model answers; ``id`` is ``demo``, ``demo-base``, a folder, or a Hub repository name.

    With ``rerank`` the answer is not the likeliest of the beams but the likeliest in which the checks of meaning find
    no failure: no number that nobody spoke, no person who is not there.
    """

    id: str
    revision: str | None = None
    task: Literal["summarization", "chat"] = "summarization"
    prompt: str | None = None
    context_tokens: Positive = 1024
    engine: Engine = "transformers"
    dtype: Dtype = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Positive | None = None
    rerank: bool = False
    description: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.prompt is not None) != (self.task == "chat"):
            raise ValueError("'prompt' goes with 'task: chat', and only with it")
        if (self.engine, self.dtype, self.device) == ("transformers", "int8", "cuda"):
            raise ValueError("'dtype: int8' of 'engine: transformers' runs on 'device: cpu' only")
        return self


class Generation(Room):
    """Generation settings sent with every request; one that is ``null`` is left to the model's own configuration."""

    num_beams: Positive = 1
    max_new_tokens: Positive = 128
    min_new_tokens: Count | None = None
    no_repeat_ngram_size: Count | None = None
    length_penalty: float | None = None

    def sent(self) -> dict[str, int | float]:
        """Return the settings that are set, as flat generation arguments."""
        return self.model_dump(exclude_none=True)

    def in_words(self, rerank: bool) -> str:
        """Return how answers are decoded with these settings, as a reader is told it."""
        settings = self.sent()
        beams, most = settings.pop("num_beams"), settings.pop("max_new_tokens")
        words = [f"{beams} beams" if beams > 1 else "greedy", f"at most {most} new tokens"]
        words += [f"{name.replace('_', ' ')} {value}" for name, value in settings.items()]
        return ", ".join([*words, *(["reranked by the checks of meaning"] if rerank else [])])


class Replay(Room):
    """Recorded predictions: a file with one row per dialogue, and where its columns are."""

    predictions: str
    id: str = "id"
    prediction: str = "prediction"
    latency: str | None = None


class Columns(Room):
    """Where a samples file keeps what; ``references`` may name several columns or one holding a list."""

    id: str | None = "id"
    dialogue: str = "dialogue"
    references: tuple[str, ...] = ("summary",)
    domain: str | None = None
    length: str | None = None
    key_facts: str | None = None


class Samples(Room):
    """The dialogues: ``bundled:SPLIT``, a CSV/JSONL/Parquet file, or ``hub:OWNER/NAME``."""

    source: str = "bundled:demo"
    split: str = "validation"
    revision: str | None = None
    n: Positive | None = None
    seed: int = 0
    columns: Columns = Columns()


class Measure(Room):
    """How often each dialogue is asked, and the seeds of order and resampling."""

    warmup: Count = 2
    repeats: Positive = 3
    order_seed: int = 1
    resampling_seed: int = 2


class Traffic(Room):
    """The declared traffic that costs are judged at."""

    requests_per_hour: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 200.0


class Baseline(Room):
    """Recorded predictions to compare with, and the ``samples`` on which they are compared with one another."""

    predictions: str | None = None
    untuned: str | None = None
    zero_shot: str | None = None
    samples: str | None = None


class Scoring(Room):
    """Folders with local models for scores by meaning; one that is ``null`` is not measured, and the page says so."""

    embedding_model: str | None = None
    bertscore_model: str | None = None
    bertscore_layer: Positive | None = None


class Privacy(Room):
    """What may be written of dialogues and summaries: the text, a placeholder, or a hash."""

    text: Literal["full", "redacted", "hash"] = "full"


class Budget(Room):
    """Bounds that stop a run cleanly, keeping what was measured."""

    usd: Money | None = None
    requests: Positive | None = None
    minutes: Seconds | None = None


class Target(Room):
    """One promise: a threshold and its direction, or only a label when it is informative.

    ``max``/``min`` allow the threshold itself, ``below``/``above`` do not; ``margin`` is the
    non-inferiority margin for scores compared with recorded predictions.
    """

    label: str
    unit: Literal["s", "usd", "rate", "score"]
    source: str
    max: float | None = None
    min: float | None = None
    below: float | None = None
    above: float | None = None
    margin: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        given = [v for v in (self.max, self.min, self.below, self.above, self.margin) if v is not None]
        if len(given) > 1:
            raise ValueError("at most one of 'max', 'min', 'below', 'above', 'margin'")
        return self


class Targets(Room):
    """The rows of the verdict table, in reading order; a row left out is not judged."""

    average_latency: Target | None = None
    success_rate: Target | None = None
    error_rate: Target | None = None
    cost_per_1000_requests: Target | None = None
    cost_per_1000_tokens: Target | None = None
    total_cost: Target | None = None
    rouge_l: Target | None = None
    rouge_l_gain: Target | None = None


class Params(Room):
    """Everything a run is told; each field is documented in its own class."""

    title: str
    backend: Literal["local", "endpoint", "replay"] = "local"
    model: Model
    generation: Generation = Generation()
    serving: Serving = Serving()
    endpoint: Endpoint = Endpoint()
    deployment: Deployment | None = None
    replay: Replay | None = None
    samples: Samples = Samples()
    measure: Measure = Measure()
    instance: Instance = Instance()
    traffic: Traffic = Traffic()
    cost: CostAssumptions = CostAssumptions()
    execution: Execution = Execution()
    baseline: Baseline = Baseline()
    settings: Settings = Settings()
    quantization: Quantization = Quantization()
    scoring: Scoring = Scoring()
    load: Load = Load()
    privacy: Privacy = Privacy()
    budget: Budget = Budget()
    monitoring: Monitoring = Monitoring()
    tracking: Tracking = Tracking()
    app: App = App()
    targets: Targets = Targets()
    alerts: Alerts = Alerts()
    prices: Prices
    claims: str | None = None
    publication: Publication = Publication()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if (self.replay is not None) != (self.backend == "replay"):
            problems.append("'replay' goes with 'backend: replay', and only with it")
        if self.prices.find(self.instance) is None:
            row = f"{self.instance.vendor} {self.instance.type} {self.instance.size}"
            problems.append(f"'instance' {row} is not in 'prices' (of {self.prices.as_of}); add its row")
        problems += unknown_instances(self.cost, [price.name for price in self.prices.instances])
        if self.model.context_tokens <= self.generation.max_new_tokens and self.model.task == "chat":
            problems.append("'generation.max_new_tokens' leaves no room in 'model.context_tokens'")
        if self.backend == "endpoint" and self.endpoint.protocol == "chat":
            problems += self._chat_problems()
        if self.execution.engine == "dask" and self.backend == "endpoint" and self.budget != Budget():
            problems.append("'budget' cannot bound the workers of 'execution.engine: dask'; leave one of them out")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _chat_problems(self) -> list[str]:
        """Return what a server of the chat protocol cannot be asked for."""
        problems = (
            [] if self.model.task == "chat" else ["'endpoint.protocol: chat' needs 'model.task: chat' and a prompt"]
        )
        foreign = set(self.generation.sent()) - {"num_beams", "max_new_tokens"}
        foreign |= {"num_beams"} if self.generation.num_beams > 1 else set()
        return problems + [f"'generation.{name}' is not in the chat protocol; leave it out" for name in sorted(foreign)]
