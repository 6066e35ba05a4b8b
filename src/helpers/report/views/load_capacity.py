"""Page 05 as it is shown."""

from __future__ import annotations

from markupsafe import Markup

from helpers.params import Target as Threshold
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, chip, facts, table
from helpers.report.views.common import ended_early, not_measured
from helpers.report.views.load_curve import throughput_latency
from helpers.runs.results.cited import Cited
from helpers.verdicts.targets import decide

#: A rate is held when the replicas have time to spare.
SPARE = Threshold(label="busy share", unit="rate", source="queueing", below=1.0)
NONE = Markup("–")


def answer(result: Cited) -> Markup:
    """Return how much traffic one replica holds: measured where it was sent, else predicted."""
    if result.reason:
        return not_measured(result.reason.raw)
    parts = [
        sentence(
            "One replica works {service} on a request, so it completes at most {capacity} a second.",
            service=number(result.service.value, "s"),
            capacity=number(result.capacity),
        )
    ]
    if result.predicted_highest:
        best = result.predicted_highest
        told = "It is predicted to hold {rate} a second ({busy} busy) with p95 response time within {target}."
        target = number(result.assumed.target_p95, "s")
        parts.append(sentence(told, rate=number(best.rate), busy=number(best.utilisation, "rate"), target=target))
    else:
        target = number(result.assumed.target_p95, "s")
        parts.append(sentence("No rate is predicted to keep p95 response time within {target}.", target=target))
    steady = result.assumptions[0]
    parts.append(sentence("The published steady traffic: {chip}.", chip=chip(decide(steady.utilisation.raw, SPARE))))
    if result.no_sweep:
        parts.append(sentence("Load was not measured: {why}.", why=quoted(result.no_sweep)))
    return Markup("<p class='answer'>{}</p>{}").format(Markup(" ").join(parts), ended_early(result))


def sweep(result: Cited) -> Markup:
    """Return what was measured at each rate beside what was predicted for it."""
    if result.reason or not result.points:
        return Markup()
    columns = [
        Column("Rate", "per s", numeric=True),
        Column("Busy", numeric=True),
        Column("Requests", numeric=True),
        Column("Failed", numeric=True),
        Column("Answered", "per s", numeric=True),
        Column("Mean response", numeric=True),
        Column("95 % interval", numeric=True),
        Column("Predicted: this run", numeric=True),
        Column("Predicted: for ever", numeric=True),
        Column("State"),
    ]
    note = (
        "Intervals are across independent repeats. The first prediction plays the very requests that were sent "
        "through one server, the second is the mean after a long time (Pollaczek and Khinchine)."
    )
    rows = [_point_row(one) for one in result.points]
    return throughput_latency(result) + table(
        "Response time by rate, measured and predicted", columns, rows, id="sweep", note=note
    )


def held(result: Cited) -> Markup:
    """Return the capacity and the knee, measured and predicted."""
    if result.reason:
        return Markup()
    measured = result.highest_rate
    if not measured:
        told: Cell = "not measured"
    elif measured.value.raw is None:
        told = sentence("not measured: {note}", note=quoted(measured.note))
        if measured.needs:
            told += sentence(" (needs {n})", n=number(measured.needs, "count"))
    else:
        told = sentence("{rate} a second ({between})", rate=number(measured.value), between=interval(measured, "plain"))
    predicted, bend = result.predicted_highest, result.predicted_knee
    pairs: list[tuple[Cell, Cell]] = [
        ("Highest rate within the p95 target and with hardly a failure, measured", told),
        ("The same, predicted", _rate(predicted)),
        ("Knee of the measured rates", _per_second(result.knee)),
        ("Knee, predicted: past it waiting grows faster than throughput", _rate(bend)),
        ("Round trip without any computing", number(result.trip, "s")),
        ("Squared coefficient of variation of the service times", number(result.scv)),
    ]
    return facts(pairs)


def assumptions(result: Cited) -> Markup:
    """Return the published rates, judged by the share of the replicas' time that they take."""
    if result.reason:
        return Markup()
    columns = [
        Column("Published rate"),
        Column("Per hour", numeric=True),
        Column("Replicas", numeric=True),
        Column("Busy share", numeric=True, better="down"),
        Column("95 % interval", numeric=True),
        Column("Mean response, predicted", numeric=True),
        Column("Held"),
    ]
    rows: list[list[Cell]] = [
        [
            one.name.raw,
            number(one.per_hour, "count"),
            number(one.replicas, "count"),
            number(one.utilisation.value, "rate"),
            interval(one.utilisation, "rate"),
            number(one.response, "s") if one.response.raw is not None else "grows without bound",
            chip(decide(one.utilisation.raw, SPARE)),
        ]
        for one in result.assumptions
    ]
    return table("Published rates on the declared replicas", columns, rows, id="assumptions")


def sizing(result: Cited) -> Markup:
    """Return the replicas that each rate needs."""
    if result.reason:
        return Markup()
    columns = [
        Column("Requests per hour"),
        Column("Replicas", numeric=True),
        Column("Busy", numeric=True),
        Column("Mean response", numeric=True),
        Column("p95", numeric=True),
    ]
    rows: list[list[Cell]] = []
    for one in result.sizing:
        if one.replicas.raw is None:
            rows.append([number(one.per_hour, "count"), "no number holds it", NONE, NONE, NONE])
            continue
        cells = [number(one.replicas, "count"), number(one.utilisation, "rate")]
        rows.append([number(one.per_hour, "count"), *cells, number(one.response, "s"), number(one.p95, "s")])
    note = sentence(
        "Fewest replicas with p95 within {target}, simulated.", target=number(result.assumed.target_p95, "s")
    )
    return table("Replicas needed by rate", columns, rows, id="sizing", note=note)


def batching(result: Cited) -> Markup:
    """Return what batching was measured to buy, and what that rests on."""
    gain = result.batching
    if result.reason or not gain:
        return Markup()
    told = "{ratio} ({lowest} to {highest} in single rounds)"
    edges = {name: number(getattr(gain, name), "ratio") for name in ("ratio", "lowest", "highest")}
    rests = "{n} requests each way, {at_once} under way at a time, in {rounds} rounds that took turns; {failed} failed"
    counts = {"n": gain.requests, "at_once": gain.concurrency, "rounds": gain.rounds, "failed": gain.failed}
    most, wait = number(gain.max_batch, "count"), number(gain.max_wait, "s")
    batches = sentence("In batches of {most} at most, gathered for {wait} at most", most=most, wait=wait)
    pairs: list[tuple[Cell, Cell]] = [
        ("One request at a time", _per_second(gain.one_at_a_time)),
        (batches, _per_second(gain.in_batches)),
        ("Throughput of batching over that of one at a time", sentence(told, **edges)),
        ("It rests on", sentence(rests, **{name: number(count, "count") for name, count in counts.items()})),
    ]
    return facts(pairs)


def _point_row(one: Cited) -> list[Cell]:
    failed = Markup(", ").join(
        sentence("{kind} {n}", kind=quoted(kind), n=number(count, "count")) for kind, count in one.errors.items()
    )
    states = {True: "saturated", False: "keeps up", None: "too few requests to tell"}
    return [
        number(one.rate),
        number(one.utilisation, "rate"),
        number(one.requests, "count"),
        failed or "none",
        number(one.throughput.value),
        number(one.response.value, "s") if one.response else NONE,
        interval(one.response, "s") if one.response else NONE,
        number(one.predicted_here, "s"),
        number(one.predicted, "s") if one.predicted.raw is not None else "grows without bound",
        states[one.saturated.raw],
    ]


def _rate(one: Cited) -> Cell:
    return _per_second(one.rate) if one else "none"


def _per_second(rate: Cited) -> Cell:
    return sentence("{rate} a second", rate=number(rate)) if rate.raw is not None else "not measured"
