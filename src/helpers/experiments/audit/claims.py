"""What was published about the reference deployment: the strict model of ``params/published.yaml``.

Each figure keeps the unit its key names; a figure published in several places has one key for each place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from helpers.core.errors import ParamsError
from helpers.params.base import Count, Money, Positive, Section
from helpers.params.files import apply_overrides, read_yaml

Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Monthly(Section):
    """The lines of the published monthly cost, dollars."""

    compute: Money
    storage: Money
    network: Money


class SteadyState(Section):
    """The traffic that costs were published for, and those costs."""

    requests_per_hour: Above0
    per_request_usd: Above0
    per_1000_requests_usd: Above0


class PublishedLine(Section):
    """One line of the spreadsheet: dollars per unit times units."""

    label: str = ""
    unit_usd: Money
    usage: Above0


class Infrastructure(Section):
    """The monthly lines of the spreadsheet; compute in hours, storage and network in GB."""

    compute: PublishedLine
    storage: PublishedLine
    network: PublishedLine
    monitoring: PublishedLine


class PublishedThroughput(Section):
    """The traffic that the spreadsheet assumes one replica serves."""

    average_latency_s: Above0
    efficiency: Fraction
    requests_per_hour: Above0
    per_1000_requests_usd: Above0


class PublishedScenarios(Section):
    """The savings that the spreadsheet assumes; reductions as shares."""

    autoscaling_hours_per_day: Annotated[float, Field(ge=0, le=24)]
    int8_reduction: Fraction
    batching_reduction: Fraction
    spot_reduction: Fraction


class Spreadsheet(Section):
    """The cost spreadsheet."""

    infrastructure: Infrastructure
    throughput: PublishedThroughput
    scenarios: PublishedScenarios


class PublishedCost(Section):
    """What was published about costs."""

    monthly_usd: Monthly
    steady_state: SteadyState
    spreadsheet: Spreadsheet


class Max(Section):
    """A target that allows the threshold itself."""

    max: Above0


class Min(Section):
    """A target that allows the threshold itself, from above."""

    min: Above0


class Below(Section):
    """A target, or an alert, that the threshold itself does not satisfy."""

    below: Above0


class Above(Section):
    """An alert that fires over its threshold."""

    above: Above0


class AlertBand(Section):
    """An alert that fires outside a band."""

    below: Fraction
    above: Fraction


class AsGoodAs(Section):
    """A target given in words."""

    min: str


class Places(Section):
    """One figure as the notebook computed it, as its prose repeats it, and as the published report gives it."""

    notebook_output: Above0
    notebook_prose: Above0
    publication: Above0


class FineTuning(Section):
    """How the model was trained; lengths in tokens, ``train`` and ``validation`` in dialogues."""

    method: str
    merged: bool
    train: Positive
    validation: Positive
    max_input_tokens: Positive
    max_summary_tokens: Positive
    learning_rate: Above0
    hardware: str


class PublishedModel(Section):
    """The model and its published settings."""

    hub_id: str
    base: str
    parameters: Positive
    precision: str
    context_tokens: Positive
    max_new_tokens: Positive
    num_beams: Positive
    fine_tuning: FineTuning
    dataset: str


class PublishedInstance(Section):
    """The machine as configured; ``accelerator`` is ``none`` or its name."""

    family: str
    vcpus: Positive
    memory_gb: Above0
    accelerator: str


class PublishedReplicas(Section):
    """Bounds of autoscaling."""

    min: Count
    max: Positive


class PublishedEndpoint(Section):
    """The deployment as configured and as described."""

    provider: str
    vendor: str
    region: str
    instance: PublishedInstance
    memory_described_as: str
    hourly_usd: Above0
    replicas: PublishedReplicas
    scaling_metric: str
    scaling_metrics_offered: tuple[str, ...]


class PublishedTargets(Section):
    """The published targets."""

    average_latency_s: Max
    success_rate: Min
    cost_per_1000_requests_usd: Below
    rouge_l: AsGoodAs
    error_rate: Below
    cost_per_1000_tokens_usd: Below


class PublishedAlerts(Section):
    """The published alert rules."""

    latency_p50_s: Above
    latency_p99_s: Above
    error_rate: Above
    throughput_rps: Below
    tokens_per_request: Above
    gpu_utilization: AlertBand


class PublishedMeasurements(Section):
    """What was measured and published; the chart of the page names each latency by a letter, hence at most 26."""

    dialogues: Positive
    latencies_ms: tuple[Above0, ...] = Field(min_length=2, max_length=26)
    average_latency_ms: Places
    success_rate: Fraction
    summaries_beginning_mid_sentence: Count
    cost_10_requests_usd: Places
    cost_per_1000_tokens_usd: Places
    timing_method: str

    @model_validator(mode="after")
    def _no_more_than_asked(self) -> Self:
        for name, count in (
            ("latencies_ms", len(self.latencies_ms)),
            ("summaries_beginning_mid_sentence", self.summaries_beginning_mid_sentence),
        ):
            if count > self.dialogues:
                raise ValueError(f"'{name}' has {count} of {self.dialogues} 'dialogues'; correct one of them")
        return self


class PublishedScores(Section):
    """Scores of one model on the validation dialogues, from 0 to 1 (BERTScore may be rescaled)."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815  (the metric's own name)
    bertscore_f1: float


class Stages(Section):
    """Scores of the untuned base, of the adapter, and of the adapter merged into the base."""

    baseline: PublishedScores
    lora: PublishedScores
    merged: PublishedScores


class PublishedQuality(Section):
    """The same scores as the model card and as the training run's CSV files give them."""

    card: Stages
    training: Stages


class PublishedPlatforms(Section):
    """Where it could have been deployed, and where it was."""

    rejected: tuple[str, ...]
    chosen: str


class Published(Section):
    """Everything that was published and can be compared with something."""

    model: PublishedModel
    endpoint: PublishedEndpoint
    targets: PublishedTargets
    alerts: PublishedAlerts
    measured: PublishedMeasurements
    cost: PublishedCost
    quality: PublishedQuality
    limitations_stated: tuple[str, ...]
    strategies: tuple[str, ...]
    platforms_considered: PublishedPlatforms


def load_published(path: Path, overrides: Sequence[str] = ()) -> Published:
    """Return the published figures of a YAML file, with some replaced by ``section.key=value``.

    Raises `ParamsError` with every problem in it.
    """
    if not path.is_file():
        raise ParamsError(f"{path.name}: 'claims' names it, but it is not there; create it or correct the name")
    tree = read_yaml(path)
    apply_overrides(tree, overrides)
    try:
        # JSON mode is strict about types and still takes a list for a tuple.
        return Published.model_validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        problems = [f"{path.name}: {'.'.join(map(str, item['loc']))}: {_said(item)}" for item in error.errors()]
        raise ParamsError(problems) from None


def _said(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return "unknown key; remove it or correct its name"
    if item["type"] == "missing":
        return "missing; add it with its source"
    message = item["msg"].removeprefix("Value error, ")
    return message if isinstance(item["input"], dict) else f"{message}, got {item['input']!r}"
