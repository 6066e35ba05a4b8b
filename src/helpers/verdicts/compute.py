"""What follows from a run's results: its verdicts, its alerts and its bill, computed whenever they are shown."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from helpers.cost.costs import basis
from helpers.cost.projection import Projection, project
from helpers.monitoring.alerts import Alerted, shortened, watch
from helpers.monitoring.series import SERIES, load
from helpers.params import Alerts
from helpers.runs.review_summary import read_summaries
from helpers.runs.run import Run
from helpers.verdicts.looks import LEDGER, Look, read_ledger
from helpers.verdicts.recommendation import Choice, Deployed, SettingChoice, choose, choose_setting
from helpers.verdicts.targets import Case, Judgement, Verdict, judge, looks_of


def judgement(run: Run, upto: str = "99") -> Judgement:
    """Return the verdicts on the targets, from the results up to a page."""
    return judge(case_of(run, upto))


def all_looks(run: Run) -> list[Look]:
    """Return every recorded look at the questions of a run, oldest first, its own last."""
    case = case_of(run)
    own = looks_of(case)
    asked = {(look.target, look.system, look.dialogues) for look in own}
    earlier = [one for one in case.ledger if one.run != case.manifest.run]
    return [*(one for one in earlier if (one.target, one.system, one.dialogues) in asked), *own]


def case_of(run: Run, upto: str = "99") -> Case:
    """Return what is judged of a run: its results up to a page, after the looks that were recorded when it began."""
    ledger = read_ledger(run.directory / LEDGER)
    read = read_summaries(run)
    return Case(run.results(upto), run.params, run.manifest, ledger, read.readings if read else (), run.manifest.looks)


def recommendation(run: Run) -> Choice | None:
    """Return which variant of page 04 to ship; the one that is deployed is judged by what page 03 measured of it."""
    found, params = run.results().quantization, run.params
    if found is None:
        return None
    timed = run.results("03").latency_cost
    if params.backend != "local" or timed is None or timed.reason or timed.mean is None:
        return choose(found, params)
    model, latency = params.model, _latency_verdict(run)
    return choose(found, params, Deployed(model.engine, model.dtype, basis(params, timed), latency or "not measured"))


def setting_choice(run: Run) -> SettingChoice | None:
    """Return which setting of page 03 meets the latency target at the least cost; the run's own is judged as there."""
    timed = run.results("03").latency_cost
    return None if timed is None else choose_setting(timed.sweep, run.params, _latency_verdict(run))


def _latency_verdict(run: Run) -> Verdict | None:
    rows = judgement(run, "03").rows
    found = next((row.verdict for row in rows if row.name == "average_latency"), None)
    return None if found == "not measured" else found


def alerted(run: Run) -> Alerted:
    """Return what the alert rules say of the log that page 06 read; it holds the changes that a page can show."""
    price = run.params.prices.find(run.params.instance)
    return _alerted(run.directory / SERIES, run.params.alerts, gpu=bool(price and price.gpus))


def projection(run: Run) -> Projection | None:
    """Return what a month costs, by what page 03 measured or else by what is expected; a provider bills by use."""
    if run.params.provider:
        return None
    timed = run.results("03").latency_cost
    return project(run.params, basis(run.params, timed), timed.run_seconds if timed else 0.0)


@lru_cache(maxsize=1)
def _alerted(series: Path, rules: Alerts, *, gpu: bool) -> Alerted:
    """Several parts of page 06 show the same: the log is gone through once."""
    return shortened(watch(load(series), rules, gpu=gpu))
