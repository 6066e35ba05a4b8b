"""Part of page 03: what other settings of the same deployment save, and what they cost in quality.

All take turns on the same dialogues, so that whatever else the machine does affects all of them. Their requests are
logged as a variant each, and are no part of the steady state. Quality is judged by recorded answers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.core.errors import UNREACHABLE
from helpers.experiments.variants import latency, qualities, speedup, spread
from helpers.params import Params, Setting
from helpers.runs.request_log import Record
from helpers.runs.results.latency_cost import SettingResult, SettingsSweep
from helpers.runs.run import Run
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample
from helpers.stats.intervals import mean

PAGE = "03"
#: Whence an answer comes that took no computing.
A_CACHE = "the server's cache of prompts"


@dataclass
class SettingUnderTest:
    """One setting while it is measured; a ``reason`` says why it cannot be tried."""

    setting: Setting
    sender: RequestSender
    reason: str = ""
    answered: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    cached: int = 0


def compare_settings(run: Run, hindrance: str) -> tuple[SettingsSweep, dict[str, Any]]:
    """Send requests with every setting in interleaved rounds and compare their recorded answers.

    ``hindrance`` is why nothing more can be sent, or nothing. Returns the comparison, and why sending ended early, if
    it did, as the fields of a page's result.
    """
    plan, settings = run.params.settings, run.params.compared_settings
    if reason := _why_not(run) or hindrance:
        return SettingsSweep(reason=reason), {}
    candidates = [_candidate(run, setting) for setting in settings]
    dialogues = spread(run.samples, plan.dialogues)
    rounds, ended = _rounds(run, [c for c in candidates if not c.reason], dialogues)
    quality = qualities(run.params, "settings", settings)
    rows = [
        SettingResult(name=c.setting.name, **_measured(c, candidates[0]), **quality[c.setting.name]) for c in candidates
    ]
    return SettingsSweep(dialogues=len(dialogues), rounds=rounds, settings=tuple(rows)), ended


def _why_not(run: Run) -> str:
    if not run.params.settings.tried:
        return "no setting to compare; name some under settings.tried"
    if run.params.backend == "replay":
        return "recorded predictions are of one setting; measure a deployment"
    if run.answers.is_dir():
        return "Dask workers answer with one setting and give no service times; measure without execution.engine: dask"
    return ""


def _candidate(run: Run, setting: Setting) -> SettingUnderTest:
    generation = run.params.generation.model_copy(update=setting.changed)
    return SettingUnderTest(
        setting, run.sender(PAGE, setting.name, generation=generation), _not_to_be_sent(run.params, setting)
    )


def _not_to_be_sent(params: Params, setting: Setting) -> str:
    if params.protocol == "chat" and setting.num_beams is not None:
        return "the chat protocol knows no beams; measure it with backend: local or another endpoint.protocol"
    return ""


def _rounds(
    run: Run, candidates: Sequence[SettingUnderTest], dialogues: Sequence[Sample]
) -> tuple[int, dict[str, Any]]:
    """Send every dialogue with every setting, round after round in an order of its own.

    Returns the whole rounds made and why sending ended early. A dialogue that was not sent with all settings is left
    out, so that all are measured on the same ones. So is one that was answered from the prompt cache for any of them.
    When the deployment is unreachable with all of them, it is down.
    """
    plan, order = run.params.settings, random.Random(run.params.measure.order_seed)  # noqa: S311
    deadline = time.monotonic() + plan.limit
    for number in range(plan.rounds):
        for sample in order.sample(list(dialogues), len(dialogues)):
            if time.monotonic() > deadline:
                return number, {}
            asked: list[tuple[SettingUnderTest, Record]] = []
            for candidate in order.sample(list(candidates), len(candidates)):
                outcome = candidate.sender.ask(sample.id, sample.dialogue, repeat=number, text=False)
                if outcome is None or candidate.sender.down_since:
                    return number, candidate.sender.ended()
                asked.append((candidate, outcome.record))
            from_cache = any(record.phase == "cached" for _, record in asked)
            for candidate, record in asked:
                candidate.cached += record.phase == "cached"
                if from_cache:
                    continue
                (candidate.answered if record.ok else candidate.failed).append(record)
            if all(record.kind in UNREACHABLE for _, record in asked):
                return number, {"failure": asked[0][1].kind, "down_since": asked[0][1].started_at}
    return plan.rounds, {}


def _measured(candidate: SettingUnderTest, reference: SettingUnderTest) -> dict[str, Any]:
    """Return the fields of a setting's result that come from its requests."""
    answered, failed = candidate.answered, candidate.failed
    counts = {"requests": len(answered) + len(failed), "failed": len(failed), "cached": candidate.cached}
    if not answered:
        asked = f"every request failed ({failed[-1].kind})" if failed else "asking ended before its turn"
        asked = f"its answers came from {A_CACHE}" if candidate.cached and not failed else asked
        return {**counts, "reason": candidate.reason or asked}
    known = [r for r in answered if r.output_tokens is not None]
    tokens = mean([float(r.output_tokens or 0) for r in known], [r.sample for r in known], floor=0.0) if known else None
    return {
        **counts,
        "latency": latency(answered),
        "speedup": speedup(reference.answered, answered),
        "output_tokens": tokens,
    }
