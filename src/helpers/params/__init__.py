"""What a run is told: `Params` and the sections it is made of; reading it from a file is `helpers.params.files`.

Seconds, US dollars, scores from 0 to 1.
"""

from helpers.params.cost import (
    CostAssumptions,
    Expected,
    Instance,
    Line,
    Lines,
    Platform,
    Price,
    Prices,
    Range,
    Scenario,
    Sourced,
)
from helpers.params.measuring import Budget, Load, Measure, Traffic
from helpers.params.models import ComparedWith, Generation, Model, QuantizationPlan, Setting, Settings, Variant
from helpers.params.publication import Publication, Reason, Tracking
from helpers.params.samples import Baseline, Columns, JudgeEndpoint, Privacy, Replay, Robustness, Samples, Scoring
from helpers.params.schema import Params
from helpers.params.service import App, Batching, Cache, Deployment, Endpoint, Execution, Serving
from helpers.params.targets import STREAMED, Alerts, MonitoringLogs, Rule, Target, Targets

__all__ = [
    "STREAMED",
    "Alerts",
    "App",
    "Baseline",
    "Batching",
    "Budget",
    "Cache",
    "Columns",
    "ComparedWith",
    "CostAssumptions",
    "Deployment",
    "Endpoint",
    "Execution",
    "Expected",
    "Generation",
    "Instance",
    "JudgeEndpoint",
    "Line",
    "Lines",
    "Load",
    "Measure",
    "Model",
    "MonitoringLogs",
    "Params",
    "Platform",
    "Price",
    "Prices",
    "Privacy",
    "Publication",
    "QuantizationPlan",
    "Range",
    "Reason",
    "Replay",
    "Robustness",
    "Rule",
    "Samples",
    "Scenario",
    "Scoring",
    "Serving",
    "Setting",
    "Settings",
    "Sourced",
    "Target",
    "Targets",
    "Tracking",
    "Traffic",
    "Variant",
]
