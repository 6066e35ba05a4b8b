"""The tables of the bench's page: its bars, every engine, every kind of request, and the machine's limits."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, chip, collapsible, facts, table
from helpers.runs.results.cited import Cited


def bars(result: Cited) -> Markup:
    """Return every bar with the nearest that was reached, and what an engine at the machine's limit would reach.

    The two columns that are of engines alone are left out where no bar has them.
    """
    of_engines = any(bar.beside.raw is not None or bar.possible.raw is not None for bar in result.bars)
    columns = [
        Column("Bar"),
        Column("Wanted", numeric=True),
        Column("Reached", numeric=True),
        Column("By"),
        *(
            (Column(head, numeric=True) for head in ("Over the fastest fp32", "At the machine's limit"))
            if of_engines
            else ()
        ),
        Column("Verdict"),
    ]
    rows = []
    for bar in result.bars:
        style: Style = bar.unit.raw
        is_least = bar.at_least.raw is not None
        rows.append(
            [
                quoted(bar.label),
                sentence("≥ {v}", v=number(bar.at_least, style))
                if is_least
                else sentence("≤ {v}", v=number(bar.at_most, style)),
                "no such engine"
                if bar.reached.raw is None and bar.verdict.raw == "missed"
                else number(bar.reached, style),
                bar.engine.raw or "–",
                *(
                    (number(v, style) if v.raw is not None else "–" for v in (bar.beside, bar.possible))
                    if of_engines
                    else ()
                ),
                chip(bar.verdict.raw),
            ]
        )
    source = quoted(result.bars[0].source) if len(result.bars) else ""
    note = sentence("The bars: {source}. With fewer rounds a bar is undecided.", source=source)
    if of_engines:
        note += Markup(
            " The last column of figures is the speed-up of an engine at the machine's own limit: where even that is "
            "below the bar, no engine can reach the bar here."
        )
    missed = [bar for bar in result.bars if bar.verdict.raw == "missed" and bar.tried.raw]
    tried = [sentence("Missed: {label}. {tried}", label=quoted(bar.label), tried=quoted(bar.tried)) for bar in missed]
    return table(
        "The bars, and the nearest reached", columns, rows, id="bars", note=Markup("<br>").join([note, *tried])
    )


def engines(result: Cited) -> Markup:
    """Return what each engine takes, whether its text is the reference's, and why one was not measured."""
    columns = [
        Column("Engine"),
        Column("Ready after", numeric=True, better="down"),
        Column("Weights", unit="MB", numeric=True, better="down"),
        Column("Peak memory, single requests", unit="MB", numeric=True, better="down"),
        Column("With batches", unit="MB", numeric=True, better="down"),
        Column("Same text as transformers fp32", numeric=True),
    ]
    rows = [
        [
            quoted(engine.label),
            number(engine.load, "s") if engine.load.raw is not None else chip("not measured"),
            number(engine.disk_bytes, "megabytes", bare=True) if engine.disk_bytes.raw else "–",
            *(
                number(b, "megabytes", bare=True) if b.raw else "–"
                for b in (engine.peak_alone_bytes, engine.peak_bytes)
            ),
            number(engine.same_texts.value, "rate") if engine.same_texts.raw else "–",
        ]
        for engine in result.engines
    ]
    absent = [engine for engine in result.engines if engine.reason]
    note = Markup("<br>").join(
        sentence("{name}: not measured, {why}.", name=quoted(engine.label), why=quoted(engine.reason))
        for engine in absent
    )
    same = "What computes in fp32 must write the same text; of other types this says nothing of quality."
    return table("What each engine takes", columns, rows, id="engines", note=Markup("{} {}").format(same, note))


def times(result: Cited, output: int) -> Markup:
    """Return the times of every engine at the kinds of requests that write a number of tokens."""
    columns = [
        Column("Engine and tokens read"),
        Column("Median", numeric=True, better="down"),
        Column("Over transformers fp32", numeric=True, better="up"),
        Column("Over the fastest fp32", numeric=True, better="up"),
        Column("Times the limit", numeric=True, better="down"),
        Column("Tokens a second", numeric=True, better="up"),
        Column("Rounds", numeric=True),
    ]
    rows, notes = [], []
    for name, shape in shapes(result, output):
        for engine in result.engines:
            if engine.reason:
                continue
            cell, head = engine.cells[name], quoted(f"{engine.label.raw}, {_told(shape.raw.inputs)}")
            if cell.reason:
                rows.append([head, chip("not measured"), *["–"] * 5])
                notes.append(sentence("{head}: {why}.", head=head, why=quoted(cell.reason)))
                continue
            rows.append(
                [
                    head,
                    estimate(cell.seconds, "s"),
                    "the reference"
                    if engine.name.raw == result.engines[0].name.raw
                    else estimate(cell.speedup, "ratio"),
                    number(cell.speedup_fp32.value, "ratio") if cell.speedup_fp32.raw else "–",
                    number(cell.over_limit, "ratio"),
                    number(cell.tokens_per_second, "plain"),
                    number(cell.seconds.n, "count"),
                ]
            )
    written = number(shapes(result, output)[0][1].output, "count")
    caption = sentence(
        "{n} tokens written for each text, {beams} beams", n=written, beams=number(result.beams, "count")
    )
    body = table(caption, columns, rows, id=f"times-{output}", note=Markup("<br>").join(notes))
    return collapsible(sentence("Requests that write {n} tokens", n=written), body)


def limits(result: Cited) -> Markup:
    """Return what the machine can do, what each kind of request takes, and the fewest seconds that follow."""
    machine = result.machine
    rates = [
        (
            sentence("Matrices, {t}", t=_type(name)),
            sentence("{v} billion operations a second", v=number(value, "plain")),
        )
        for name, value in machine.matrix_gflops.items()
    ]
    bandwidths = [
        (
            f"Memory, {'one thread' if name == '1' else 'all threads'}",
            sentence("{v} GB a second", v=number(value, "plain")),
        )
        for name, value in machine.memory_gb.items()
    ]
    columns = [
        Column("Tokens read"),
        Column("Written", numeric=True),
        Column("Once", unit="billion operations", numeric=True),
        Column("A step", unit="billion operations", numeric=True),
        Column("A step reads", unit="MB, int8", numeric=True),
        Column("Limit", numeric=True),
        Column("Limit, fp32", numeric=True),
    ]
    rows = [
        [
            quoted(_told(shape.raw.inputs)),
            number(shape.output, "count"),
            number(shape.prefill_gflop, "plain"),
            number(shape.step_gflop, "plain"),
            number(shape.step_bytes, "megabytes", bare=True),
            number(shape.limit, "s"),
            number(shape.limit_fp32, "s"),
        ]
        for _, shape in result.shapes.items()
    ]
    note = (
        "The limit reads int8 weights and computes with the fastest type of matrices measured; each part waits for its "
        "operations or its bytes, whichever take longer. Layer norms, softmax and the search itself are not counted."
    )
    return facts([*bandwidths, *rates]) + table("The fewest seconds", columns, rows, id="limits", note=note)


def shapes(result: Cited, output: int) -> list[tuple[str, Cited]]:
    """Return the kinds of requests that write a number of tokens, with their names."""
    return [(name, shape) for name, shape in result.shapes.items() if shape.raw.output == output]


def read_as(inputs: Sequence[int]) -> str:
    """Return how the page calls what a request reads."""
    return f"{inputs[0]} tokens in" if len(inputs) == 1 else f"{len(inputs)} texts at once"


def _told(inputs: Sequence[int]) -> str:
    return read_as(inputs) if len(inputs) == 1 else f"{len(inputs)} texts of {min(inputs)} to {max(inputs)} tokens"


def _type(name: str) -> str:
    return {"float32": "fp32", "bfloat16": "bf16"}.get(name, name)


def estimate(found: Cited, style: Style) -> Markup | str:
    """Return an estimate with its interval, where it has one."""
    if not found.raw:
        return "–"
    if found.low.raw is None and found.high.raw is None:
        return actual(found, style)
    return actual(found, style) + Markup('<span class="aside">{}</span>').format(interval(found, style))
