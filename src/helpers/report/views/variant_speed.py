"""How fast the variants of page 04 answer beside one another, what they take, and under what conditions."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.figures import points
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.report.views.common import unmeasured, with_interval
from helpers.report.views.latency_cost import latency_target, time_scale
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run


def cut_answers(result: Cited) -> Markup:
    """Return what times say where answers were cut, and nothing elsewhere."""
    if result.cut.raw is None:
        return Markup()
    return sentence(
        "Answers were cut after {n} tokens to save time: the times say how fast variants are beside one another, not "
        "what a summary takes.",
        n=number(result.cut, "count"),
    )


def latencies(run: Run, result: Cited) -> Markup:
    """Return the latency of every variant that was timed, the fastest first, beside the latency target."""
    timed = [variant for variant in timed_variants(result) if variant.latency.value.raw is not None]
    if len(timed) < 2:
        return Markup()
    rows = sorted(timed, key=lambda variant: variant.latency.value.raw)
    quicker = [variant for variant in rows if is_faster(variant)]
    finding: Cell = "No variant is shown to be faster than the reference"
    if quicker:
        names = Markup(", ").join(quoted(variant.name) for variant in quicker)
        finding = sentence("Faster than the reference: {names}", names=names)
    return points(
        "latencies",
        finding,
        sentence(
            "latency{of}, mean and 95 % interval over dialogues, on {processor}",
            of=_of_what(result),
            processor=quoted(result.processor),
        ),
        [(variant.name.raw, variant.latency) for variant in rows],
        unit="s",
        target=latency_target(run, "target") if result.cut.raw is None else None,
        by="Variant",
        scale=time_scale(run, run.results().latency_cost) if result.cut.raw is None else None,
    )


def speed(result: Cited) -> Markup:
    """Return how fast each variant answers, what it takes, and why one was not measured."""
    if result.reason:
        return Markup()
    at_once = any(variant.batch_rate.raw for variant in result.variants)
    columns = [
        Column("Variant"),
        Column("Latency", numeric=True, better="down"),
        Column("Over the reference", numeric=True, better="up"),
        Column("Over the fastest fp32", numeric=True, better="up"),
        *([Column("Times the int8 limit", numeric=True, better="down")] if result.limit.raw else []),
        *([Column("Batch throughput, per second", numeric=True, better="up")] if at_once else []),
        Column("Load time", numeric=True, better="down"),
        Column("Peak memory, one at a time", unit="MB", numeric=True, better="down"),
        Column("Weights", unit="MB", numeric=True, better="down"),
    ]
    rows = [
        _speed_row(variant, with_limit=bool(result.limit.raw), at_once=at_once) for variant in timed_variants(result)
    ]
    note = Markup(" ").join(filter(None, [cut_answers(result), unmeasured(list(result.variants))]))
    caption = sentence(
        "Speed and size on {processor}: a process each, {dialogues} dialogues in {rounds} rounds, asked in turn",
        processor=quoted(result.processor),
        dialogues=number(result.dialogues, "count"),
        rounds=number(result.rounds, "count"),
    )
    return table(caption, columns, rows, id="speed", note=note)


def lengths(result: Cited) -> Markup:
    """Return the latency of every variant by the length of the dialogue."""
    timed = [v for v in result.variants if not v.reason and v.by_length.raw]
    if not timed:
        return Markup()
    columns = [
        Column("Dialogue"),
        Column("Tokens in", numeric=True),
        *(Column(quoted(v.name), numeric=True, better="down") for v in timed),
    ]
    rows = [
        [
            quoted(name),
            number(tokens, "count"),
            *(number(v.by_length[name].value, "s") if name in v.by_length.raw else "–" for v in timed),
        ]
        for name, tokens in result.input_tokens.items()
    ]
    caption = sentence("Latency{of} by the length of the dialogue, one at a time", of=_of_what(result))
    return table(caption, columns, rows, id="lengths")


def conditions(result: Cited) -> Markup:
    """Return under what conditions the variants were compared."""
    if result.reason:
        return Markup()
    return sentence(
        "<p>Variants of <code>{model}</code>; threads each: {threads}; interleaved rounds: {rounds}. The run's own "
        "server took {busy} of processor time meanwhile.</p>",
        model=result.model.raw,
        threads=number(result.threads, "count"),
        rounds=number(result.rounds, "count"),
        busy=number(result.served_busy, "s"),
    ) + _limit(result)


def timed_variants(result: Cited) -> list[Cited]:
    """Return the variants whose speed was measured."""
    return [variant for variant in result.variants if not variant.reason.raw and variant.latency.raw]


def is_faster(variant: Cited) -> bool:
    """Return whether a variant is faster than the reference even at the lower end of the interval."""
    faster = variant.speedup
    return bool(faster.raw) and faster.low.raw is not None and faster.low.raw > 1


def _of_what(result: Cited) -> Markup:
    """Return what latencies are of, where it is not whole answers."""
    if result.cut.raw is None:
        return Markup()
    return sentence(" of answers cut after {n} tokens", n=number(result.cut, "count"))


def _limit(result: Cited) -> Markup:
    """Return the fewest seconds that this machine takes for a summary, and how they are counted."""
    if not result.limit.raw:
        return Markup()
    return sentence(
        "<p>This machine's own limit for {what} of mean length is {least}: the text read once, then a step for each "
        "token of all beams, each waiting for its operations ({rate} billion a second, measured) or for its bytes "
        "({memory} GB a second), with weights of int8. With fp32 alone it is {fp32}. Tokens of the prompt around the "
        "text are not counted.</p>",
        what="a summary" if result.cut.raw is None else "a cut answer",
        least=number(result.limit, "s"),
        rate=number(result.matrix_gflops, "count"),
        memory=number(result.memory_gb, "plain"),
        fp32=number(result.limit_fp32, "s"),
    )


def _speed_row(variant: Cited, *, with_limit: bool, at_once: bool) -> list[Markup | str]:
    return [
        quoted(variant.name),
        with_interval(variant.latency, "s"),
        with_interval(variant.speedup, "ratio"),
        with_interval(variant.speedup_fp32, "ratio"),
        *([number(variant.over_limit, "ratio")] if with_limit else []),
        *([with_interval(variant.batch_rate, "plain")] if at_once else []),
        number(variant.load, "s"),
        number(variant.peak_bytes, "megabytes", bare=True),
        number(variant.disk_bytes, "megabytes", bare=True),
    ]
