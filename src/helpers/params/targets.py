"""What the results are compared with: the targets, the alert rules, and the logs that page 06 reads."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from helpers.params.base import Count, Seconds, Section

Level = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Target(Section):
    """One promise: a threshold and its direction, or only a label when it is informative.

    ``max``/``min`` allow the threshold itself, ``below``/``above`` do not; ``margin`` is the
    non-inferiority margin for scores compared with recorded predictions.
    """

    label: str
    unit: Literal["s", "usd", "rate", "score"]
    source: str
    max: FiniteFloat | None = None
    min: FiniteFloat | None = None
    below: FiniteFloat | None = None
    above: FiniteFloat | None = None
    margin: Annotated[FiniteFloat, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        given = [v for v in (self.max, self.min, self.below, self.above, self.margin) if v is not None]
        if len(given) > 1:
            raise ValueError("at most one of 'max', 'min', 'below', 'above', 'margin'")
        return self


class Targets(Section):
    """The rows of the verdict table, in reading order; a row left out is not judged."""

    usable_summaries: Target | None = None
    faithful_summaries: Target | None = None
    average_latency: Target | None = None
    time_to_first_token: Target | None = None
    inter_token_latency: Target | None = None
    success_rate: Target | None = None
    error_rate: Target | None = None
    cost_per_1000_requests: Target | None = None
    cost_per_1000_tokens: Target | None = None
    total_cost: Target | None = None
    rouge_l: Target | None = None
    rouge_l_gain: Target | None = None


class Rule(Section):
    """One alert: beyond a threshold for ``hold`` seconds it fires, and it resolves when back by the hysteresis.

    The figure is taken over the last ``window`` seconds and needs ``minimum`` requests (or samples of the load) there.
    ``hysteresis`` is a share of the threshold: *above 2.5* with 0.1 resolves at 2.25.
    """

    label: str
    unit: Literal["s", "rate", "count", "plain"]
    source: str
    above: Level | None = None
    below: Level | None = None
    window: Seconds = 300.0
    minimum: Count = 1
    hold: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _a_threshold(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("give 'above', 'below' or both")
        if self.clear_above is not None and self.clear_below is not None and self.clear_below > self.clear_above:
            raise ValueError("'below' and 'above' with this 'hysteresis' leave nothing between them: it never resolves")
        return self

    @property
    def clear_above(self) -> float | None:
        """What the figure must be back at, or under, to resolve."""
        return None if self.above is None else self.above * (1 - self.hysteresis)

    @property
    def clear_below(self) -> float | None:
        """What the figure must be back at, or over, to resolve."""
        return None if self.below is None else self.below * (1 + self.hysteresis)


#: Targets and rules that only answers in a stream can tell of, and the time of an answer that each is about.
STREAMED = {"time_to_first_token": "first_token", "inter_token_latency": "inter_token"}
#: The rules on a percentile of times, which only slow requests can break.
OF_TIMES = ("latency_p50", "latency_p99", *STREAMED)


class Alerts(Section):
    """The alert rules, in reading order; a rule left out is not watched."""

    latency_p50: Rule | None = None
    latency_p99: Rule | None = None
    time_to_first_token: Rule | None = None
    inter_token_latency: Rule | None = None
    error_rate: Rule | None = None
    throughput: Rule | None = None
    tokens_per_request: Rule | None = None
    gpu_utilisation: Rule | None = None
    cpu_utilisation: Rule | None = None

    @model_validator(mode="after")
    def _watchable(self) -> Self:
        problems = []
        for name, rule in self.rules():
            if name in OF_TIMES and (rule.above is None or rule.below is not None):
                problems.append(f"'{name}' watches slow requests: give 'above', and no 'below'")
            if name != "throughput" and rule.minimum < 1:
                problems.append(f"'{name}.minimum' is 0: of nothing there is no figure; give at least 1")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def rules(self) -> list[tuple[str, Rule]]:
        """Return the rules that are watched, by name."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, rule) for name, rule in found if rule is not None]


class MonitoringLogs(Section):
    """Which request logs the monitoring page reads; none given: the run's own."""

    logs: tuple[str, ...] = ()
