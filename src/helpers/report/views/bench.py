"""The bench as a page: what was reached beside each bar, then every engine, every kind of request and the limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from markupsafe import Markup

from helpers.core.environment import redact
from helpers.core.errors import HelpersError
from helpers.core.model import Frozen
from helpers.core.published import publish
from helpers.core.text import Style
from helpers.experiments.bench.result import Bench
from helpers.report.components.figures import Chart, TargetLine, small_multiples
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.tables import METHOD, METHOD_STYLE, Column, actual, chip, collapsible, facts, table
from helpers.report.views.bench_bars import bars, reached
from helpers.report.views.bench_elsewhere import beside, elsewhere
from helpers.runs.results.cited import Cited

RESULT, PAGE, SERVERS, NEIGHBOURS = "bench.json", "index.html", "servers.html", "neighbours.html"
#: What is published, and who made it, in the manifest of a published folder.
FILES, MAKER = (RESULT, PAGE), "bench"
STAMP = "Architecture timings: how fast each engine computes, not how good its summaries are."


def write(found: Bench, out: Path) -> None:
    """Publish ``bench.json`` and the page over it in a folder, both or none.

    The pages of benches beside it are written again, to name it too; one that cannot be is left as it is.
    """
    benches = {out.resolve(): found, **beside(out, RESULT, PAGE)}
    for folder, bench in benches.items():
        others = {name: one for name, one in benches.items() if name != folder}
        with nullcontext() if bench is found else suppress(HelpersError):
            put(bench, page(bench, nav(folder, PAGE), others), folder, FILES, MAKER)


def put(found: Frozen, html: str, out: Path, names: tuple[str, str], maker: str) -> None:
    """Publish a result and the page over it in a folder under their ``names``, both or none."""
    texts = dict(zip(names, (redact(found.model_dump_json(indent=1)) + "\n", html), strict=True))
    with tempfile.TemporaryDirectory() as staged:
        for name, text in texts.items():
            (Path(staged) / name).write_text(text, encoding="utf-8")
        publish(Path(staged), out, maker)


def put_beside(found: Frozen, html: str, out: Path, names: tuple[str, str], maker: str) -> None:
    """Publish a result and its page as `put` does, and link the bench of engines in that folder to it."""
    put(found, html, out, names, maker)
    if (engines := out / RESULT).is_file():
        write(Bench.model_validate_json(engines.read_bytes()), out)


def nav(out: Path, current: str) -> list[Link]:
    """Return links to the page that is being written, the bench's others, and the report above them if there is one."""
    names = {PAGE: "Bench", SERVERS: "Servers", NEIGHBOURS: "Neighbours"}
    links = [Link(file, name) for file, name in names.items() if file == current or (out / file).is_file()]
    return [*links, *([Link(f"../{PAGE}", "Report")] if (out.parent / PAGE).is_file() else [])]


def page(found: Bench, links: Sequence[Link] = (), others: Mapping[Path, Bench] | None = None) -> str:
    """Return the whole page with links to its siblings, and what ``others`` in folders beside it reached."""
    result = Cited(found, RESULT)
    named = [Cited(other, f"../{folder.name}/{RESULT}") for folder, other in (others or {}).items()]
    stamp = [
        STAMP,
        *(["The weights are random, from a fixed seed."] if found.is_seeded else []),
        sentence("Processor: {name}.", name=quoted(result.manifest.processor)),
    ]
    frame = Frame(nav=links, current=PAGE, stamp=stamp, footer=foot(result, RESULT), site="Engine bench")
    parts = [
        answer(result),
        reached(result),
        bars(result),
        *([elsewhere(result, named)] if named else []),
        Markup("<h2>Speed-up over transformers fp32</h2>"),
        *figures(result),
        Markup("<h2>Engines</h2>"),
        engines(result),
        Markup("<h2>Every kind of request</h2>"),
        *(times(result, output) for output in _outputs(result)),
        Markup("<h2>The machine's int8 limit</h2>"),
        limits(result),
        folded(
            method(result),
            result,
            ("Model", code(result.model)),
            ("Architecture", code(", ".join(f"{name}={value}" for name, value in result.architecture.raw.items()))),
        ),
    ]
    return render_page(frame, title="How fast does each engine compute BART-large here?", body=Markup("\n").join(parts))


def answer(result: Cited) -> Markup:
    """Return the engine that is fastest most often, and how far the best of eight bits is from the limit."""
    pairs = [(engine, shape, cell) for engine, shape, cell in _cells(result) if cell.over_limit.raw]
    if not pairs:
        return Markup("<p class='answer'><strong>Not measured:</strong> no engine answered.</p>")
    best: dict[str, tuple[Cited, Cited]] = {}
    for engine, shape, cell in pairs:
        if shape not in best or cell.over_limit.raw < best[shape][1].over_limit.raw:
            best[shape] = (engine, cell)
    names = [engine.label.raw for engine, _ in best.values()]
    winner = max(dict.fromkeys(names), key=names.count)
    own = [cell for engine, cell in best.values() if engine.label.raw == winner and cell.speedup.raw]
    # Weights of four bits are half the bytes of the limit, so that it does not bind them.
    bound = [pair for pair in pairs if pair[0].dtype.raw != "int4"] or pairs
    engine, _, nearest = min(bound, key=lambda pair: pair[2].over_limit.raw)
    fast = sentence(
        "<strong>{name}</strong> has the lowest median at {most} kinds of requests",
        name=quoted(winner),
        most=_most(names),
    )
    if own:
        most = max(own, key=lambda cell: cell.speedup.value.raw)
        fast += sentence(
            ", and is there at best {ratio} as fast as transformers fp32", ratio=number(most.speedup.value, "ratio")
        )
    near = sentence(
        "The nearest to the machine's limit for weights of eight bits is {name}: {ratio} its time.",
        name=quoted(engine.label),
        ratio=number(nearest.over_limit, "ratio"),
    )
    early = (
        sentence("<p class='note'>Ended early: {why}.</p>", why=quoted(result.stopped)) if result.stopped else Markup()
    )
    return Markup("<p class='answer'>{}. {}</p>{}").format(fast, near, early)


def engines(result: Cited) -> Markup:
    """Return what each engine takes, whether its text is the reference's, and why one was not measured."""
    columns = [
        Column("Engine"),
        Column("Load time", numeric=True, better="down"),
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
        Column("Times the int8 limit", numeric=True, better="down"),
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
        Column("Limit, int8", numeric=True),
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
        "operations or its bytes, whichever take longer. Layer norms, softmax and the search itself are not counted. "
        "Only weights of four bits can be faster."
    )
    return facts([*bandwidths, *rates]) + table("The fewest seconds", columns, rows, id="limits", note=note)


def shapes(result: Cited, output: int) -> list[tuple[str, Cited]]:
    """Return the kinds of requests that write a number of tokens, with their names."""
    return [(name, shape) for name, shape in result.shapes.items() if shape.raw.output == output]


def read_as(inputs: Sequence[int]) -> str:
    """Return how the page calls what a request reads."""
    return f"{inputs[0]} tokens in" if len(inputs) == 1 else f"{len(inputs)} texts at once"


def estimate(found: Cited, style: Style) -> Markup | str:
    """Return an estimate with its interval, where it has one."""
    if not found.raw:
        return "–"
    if found.low.raw is None and found.high.raw is None:
        return actual(found, style)
    return actual(found, style) + Markup('<span class="aside">{}</span>').format(interval(found, style))


def _most(names: Sequence[str]) -> str:
    return "all" if len(set(names)) == 1 else "the most"


def figures(result: Cited) -> Iterator[Markup]:
    """Yield one row of charts for each number of tokens written: a chart per input length, a row per engine."""
    measured = [engine for engine in result.engines if not engine.reason]
    reference = measured[0].name.raw if measured else ""
    for output in _outputs(result):
        charts = []
        for name, shape in shapes(result, output):
            rows = [(engine.label.raw, engine.cells[name].speedup) for engine in measured[1:]]
            if any(found.raw for _, found in rows) and measured[0].cells[name].speedup.raw:
                title = read_as(shape.raw.inputs)
                limit = TargetLine(measured[0].cells[name].over_limit, "int8 limit")
                charts.append(Chart(title, rows, "ratio", limit, head=quoted(title)))
        if charts and reference:
            finding = sentence(
                "Speed-up with {n} tokens written", n=number(shapes(result, output)[0][1].output, "count")
            )
            subtitle = (
                "median over rounds, and its 95 % interval where there are enough; the line is an engine at the "
                "machine's limit for weights of eight bits"
            )
            yield small_multiples(f"out-{output}", finding, subtitle, charts, by="Engine")


def method(result: Cited) -> Markup:
    """Return how it was measured."""
    weights = (
        "The weights are random, from a fixed seed, at the exact architecture of BART-large (406 M): an engine's work "
        "does not depend on their values, the text it writes means nothing."
        if result.is_seeded
        else "The weights are those of the model that was given."
    )
    return sentence(
        "<p>{weights} Every engine is a server process of its own with {threads} threads; all are up at once and asked "
        "in turn over HTTP on loopback, one at a time, in a new random order in each of {rounds} rounds. Every "
        "request reads an exact number of tokens and writes an exact number, which is checked. Ratios are taken "
        "within a round, so that what else the machine does strikes both sides. An engine is ready when its process, "
        "Python and its imports included, has loaded the converted weights, which OpenVINO also uses once; peak "
        "memory is that of the whole process. A batch comes last in its round. transformers and OpenVINO pad it to "
        "its longest text; CTranslate2 is given texts of like length together.</p>",
        weights=weights,
        threads=number(result.machine.threads, "count"),
        rounds=number(result.rounds_asked, "count"),
    )


def code(text: object) -> Markup:
    """Return a text as code."""
    return Markup("<code>{}</code>").format(text)


def folded(method: Markup, result: Cited, *own: tuple[str, Markup]) -> Markup:
    """Return the method of a bench and what produced it; ``own`` is what this one has beside the others."""
    manifest = result.manifest
    commit = manifest.commit.raw[:12] if manifest.commit else "not a checkout"
    versions = {"Python": manifest.python.raw, **manifest.packages.raw}
    pairs: list[tuple[str, str | Markup]] = [
        ("Made by", code(manifest.command)),
        ("Commit", code(commit + (" with local changes" if manifest.dirty else ""))),
        *own,
        ("Hash of the weights", code(manifest.weights_sha256.raw or "not known")),
        ("Processor", sentence("{cpu}, {n} cores", cpu=code(manifest.processor), n=number(manifest.cores, "count"))),
        ("Versions", code(", ".join(f"{name} {version}" for name, version in versions.items()))),
    ]
    return Markup("<h2>Method and limits</h2>") + collapsible(METHOD, method + facts(pairs), METHOD_STYLE)


def foot(result: Cited, file: str) -> Markup:
    """Return when a bench was made and where its figures are."""
    when = f"{result.manifest.started_at.raw:%Y-%m-%d %H:%M} UTC"
    return sentence(
        "<p>Started <time><code>{when}</code></time>, took {all}. Every figure says where in "
        "<a href='{file}'>{file}</a> it comes from; the time of every round is in it.</p>",
        when=when,
        all=number(result.seconds, "s"),
        file=file,
    )


def _cells(result: Cited) -> Iterator[tuple[Cited, str, Cited]]:
    for engine in result.engines:
        for name, cell in engine.cells.items():
            yield engine, name, cell


def _outputs(result: Cited) -> list[int]:
    return sorted({shape.output for shape in result.raw.shapes.values()})


def _told(inputs: Sequence[int]) -> str:
    return read_as(inputs) if len(inputs) == 1 else f"{len(inputs)} texts of {min(inputs)} to {max(inputs)} tokens"


def _type(name: str) -> str:
    return {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}.get(name, name)
