"""The whole of a params file: `Params`, its sections, and the rules that hold between them.

Reading files, overrides and error messages live in `helpers.params.files`; nothing here touches a disk.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from helpers.core.machine import is_loopback
from helpers.params.base import Section
from helpers.params.cost import CostAssumptions, Instance, Prices, unknown_instances
from helpers.params.measuring import Budget, Load, Measure, Traffic
from helpers.params.models import Generation, Model, QuantizationPlan, Setting, Settings
from helpers.params.publication import Publication, Tracking
from helpers.params.samples import Baseline, Privacy, Replay, Robustness, Samples, Scoring
from helpers.params.service import App, Deployment, Endpoint, Execution, Protocol, Serving
from helpers.params.targets import Alerts, MonitoringLogs, Targets

#: Generation settings that a request of the chat protocol has no field for.
NOT_IN_CHAT = ("num_beams", "min_new_tokens", "no_repeat_ngram_size", "length_penalty")
#: What only a model that this program loads can be told.
OWN_MODEL = ("engine", "dtype", "device", "threads", "rerank")


class Params(Section):
    """Everything a run is told; each field is documented in its own class.

    ``reviews`` are files of readings that come with recorded answers (``helpers.runs.reviews.SummaryReading``).
    """

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
    reviews: tuple[str, ...] = ()
    settings: Settings = Settings()
    quantization: QuantizationPlan = QuantizationPlan()
    scoring: Scoring = Scoring()
    robustness: Robustness = Robustness()
    load: Load = Load()
    privacy: Privacy = Privacy()
    budget: Budget = Budget()
    monitoring: MonitoringLogs = MonitoringLogs()
    tracking: Tracking = Tracking()
    app: App = App()
    targets: Targets = Targets()
    alerts: Alerts = Alerts()
    prices: Prices
    claims: str | None = None
    publication: Publication = Publication()

    @property
    def replicas(self) -> int:
        """The replicas that answer the traffic: the least of the configured deployment, else those of ``instance``."""
        return max(1, self.deployment.min_replica) if self.deployment else self.instance.replicas

    @property
    def sleeps_after(self) -> float | None:
        """Minutes without a request after which the deployment scales to zero; ``None`` where it never does."""
        return self.deployment.scale_to_zero_minutes if self.deployment and not self.deployment.min_replica else None

    @property
    def protocol(self) -> Protocol:
        """The protocol of the requests; a local server speaks that of the vendor's toolkit."""
        return self.endpoint.protocol if self.backend == "endpoint" else "summarization"

    @property
    def provider(self) -> str | None:
        """The provider of the Hugging Face Inference Providers that answers, if one does; it bills by use."""
        return self.endpoint.provider if self.backend == "endpoint" else None

    @property
    def is_here(self) -> bool:
        """Whether what answers runs on this machine: our own server, or any other at a loopback address."""
        foreign = self.backend == "endpoint" and self.deployment is None and is_loopback(self.endpoint.url or "")
        return self.backend == "local" or foreign

    @property
    def is_billed(self) -> bool:
        """Whether requests cost money: an endpoint that does not run on this machine."""
        return self.backend == "endpoint" and not self.is_here

    @property
    def settings_sent(self) -> dict[str, Any]:
        """The generation settings that a request carries; recorded answers were asked for earlier."""
        return {} if self.backend == "replay" else self.generation.sent(self.protocol)

    @property
    def not_applied(self) -> tuple[str, ...]:
        """Parameters, by their dotted names, that have no effect on the service or on the requests.

        A foreign server has an engine of its own, the chat protocol has no beams, and a provider shows no instance.
        """
        if self.backend == "local":
            return ()
        generation: tuple[str, ...] = NOT_IN_CHAT if self.protocol == "chat" else ()
        if self.backend == "replay":
            generation = tuple(type(self.generation).model_fields)
        serving = (f"serving.{name}" for name in type(self.serving).model_fields)
        instance = (f"instance.{name}" for name in type(self.instance).model_fields) if self.provider else ()
        models = (f"model.{name}" for name in OWN_MODEL)
        return (*(f"generation.{name}" for name in generation), *models, *serving, *instance)

    @property
    def declares_engine(self) -> bool:
        """Whether somebody said which engine or numbers answer; they are known of a local server alone."""
        return bool({"engine", "dtype"} & self.model.model_fields_set)

    @property
    def compared_settings(self) -> tuple[Setting, ...]:
        """The settings that page 03 compares, the run's own first."""
        beams = None if self.protocol == "chat" else self.generation.num_beams
        return self.settings.beside(beams, self.generation.max_new_tokens)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if (self.replay is not None) != (self.backend == "replay"):
            problems.append("'replay' goes with 'backend: replay', and only with it")
        if self.backend == "local" and self.generation.extra:
            problems.append("'generation.extra' goes with 'backend: endpoint', whose server may know such settings")
        if self.prices.find(self.instance) is None:
            row = f"{self.instance.vendor} {self.instance.type} {self.instance.size}"
            problems.append(f"'instance' {row} is not in 'prices' (of {self.prices.as_of}); add its row")
        problems += unknown_instances(self.cost, [price.name for price in self.prices.instances])
        if self.model.context_tokens <= self.generation.max_new_tokens and self.model.task == "chat":
            problems.append("'generation.max_new_tokens' leaves no room in 'model.context_tokens'")
        if self.deployment and self.instance.replicas not in (1, self.replicas):
            problems.append(
                f"'instance.replicas' is {self.instance.replicas} and 'deployment.min_replica' "
                f"{self.deployment.min_replica}; leave 'instance.replicas' out"
            )
        if self.protocol == "chat":
            problems += self._chat_problems()
        problems += self._provider_problems()
        if self.execution.engine == "dask" and self.backend == "endpoint" and self.budget != Budget():
            problems.append("'budget' cannot bound the workers of 'execution.engine: dask'; leave one of them out")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _provider_problems(self) -> list[str]:
        """Return what does not go with a provider, which has its address and its bill from elsewhere."""
        endpoint = self.endpoint
        if endpoint.provider is None:
            return ["'endpoint.bill_to' goes with 'endpoint.provider'"] if endpoint.bill_to else []
        found = {
            "'endpoint.provider' goes with 'backend: endpoint', and only with it": self.backend != "endpoint",
            "'endpoint.provider' has its address from the client library; leave 'endpoint.url' out": endpoint.url,
            "'endpoint.provider' is no endpoint that is managed; leave 'deployment' out": self.deployment,
            "'endpoint.provider' speaks 'endpoint.protocol' summarization or chat": endpoint.protocol == "text2text",
            "'model.revision' cannot be chosen at 'endpoint.provider'; leave it out": self.model.revision,
            "'budget.usd' is by the hour of an instance, and a provider bills by use; bound 'requests' or 'minutes'": (
                self.budget.usd is not None
            ),
        }
        return [problem for problem, is_so in found.items() if is_so]

    def _chat_problems(self) -> list[str]:
        """Return what of the parameters the chat protocol cannot carry."""
        problems = (
            [] if self.model.task == "chat" else ["'endpoint.protocol: chat' needs 'model.task: chat' and a prompt"]
        )
        given = {name for name in NOT_IN_CHAT if getattr(self.generation, name) is not None}
        foreign = given - ({"num_beams"} if self.generation.num_beams == 1 else set())
        return problems + [f"'generation.{name}' is not in the chat protocol; leave it out" for name in sorted(foreign)]
