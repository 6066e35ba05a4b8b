"""The bench of servers as a page: what batching and workers buy, and the bars that they are held to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from helpers.experiments.bench.result import Servers
from helpers.report.components.figures import Chart, small_multiples
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.tables import Column, table
from helpers.report.views import bench
from helpers.report.views.bench import estimate
from helpers.report.views.bench_bars import bars, reached
from helpers.runs.results.cited import Cited

RESULT, PAGE = "servers.json", bench.SERVERS
FILES, MAKER = (RESULT, PAGE), "bench --servers"
#: How the page calls the models.
MODELS = {"bart-large": "BART-large", "demo": "Demonstration model"}


def write(found: Servers, out: Path) -> None:
    """Publish ``servers.json`` and its page in a folder, and link the bench of engines there to it."""
    bench.put_beside(found, page(found, bench.nav(out, PAGE)), out, FILES, MAKER)


def page(found: Servers, links: Sequence[Link] = ()) -> str:
    """Return the whole page with links to others."""
    result = Cited(found, RESULT)
    stamp = [bench.STAMP, "The weights of BART-large are random, from a fixed seed."]
    frame = Frame(nav=links, current=PAGE, stamp=stamp, footer=bench.foot(result, RESULT), site="Engine bench")
    parts = [
        answer(result),
        reached(result),
        bars(result),
        Markup("<h2>Requests per second</h2>"),
        charts(result),
        *(loads(model) for model in result.models),
        bench.folded(method(result), result),
    ]
    return render_page(frame, title="What do batching and workers buy?", body=Markup("\n").join(parts))


def answer(result: Cited) -> Markup:
    """Return what the best strategy buys each model when many ask at once."""
    said = []
    for model in result.models:
        best = max(_beside(model), key=lambda one: one.ratio.value.raw)
        said.append(
            sentence(
                "{model}: {ratio} one at a time, by <strong>{name}</strong>.",
                model=quoted(_name(model)),
                ratio=number(best.ratio.value, "ratio"),
                name=quoted(best.name),
            )
        )
    return Markup("<p class='answer'>{}</p>").format(Markup(" ").join(said))


def charts(result: Cited) -> Markup:
    """Return the throughput of every strategy over one at a time, a chart per model."""
    drawn = [
        Chart(_name(model), [(one.name.raw, one.ratio) for one in _beside(model)], "ratio") for model in result.models
    ]
    finding = sentence(
        "Throughput with {n} requests in flight", n=number(result.models[0].loads[0].concurrency, "count")
    )
    subtitle = "times one at a time in the same round: median over rounds, and its 95 % interval where there are enough"
    return small_multiples("servers", finding, subtitle, drawn, by="Strategy")


def loads(model: Cited) -> Markup:
    """Return every strategy of a model under every load."""
    columns = [
        Column("Strategy"),
        Column("Concurrency", numeric=True),
        Column("Requests a round", numeric=True),
        Column("Requests per second", numeric=True, better="up"),
        Column("Over one at a time", numeric=True, better="up"),
        Column("Rounds", numeric=True),
    ]
    rows = [
        [
            quoted(one.name),
            number(load.concurrency, "count"),
            number(load.requests, "count"),
            number(one.rate, "plain"),
            estimate(one.ratio, "ratio") if one.ratio.raw else "the reference",
            number(one.ratio.n, "count") if one.ratio.raw else "–",
        ]
        for load in model.loads
        for one in load.strategies
    ]
    note = Markup()
    if model.possible.raw is not None:
        note = sentence(
            "An engine at the machine's own limit would give {v} requests per second: batches of all in flight, "
            "int8 weights and the fastest type of matrices measured. The best strategy reaches {share} of that.",
            v=number(model.possible, "plain"),
            share=number(model.share, "rate"),
        )
    return table(quoted(_name(model)), columns, rows, id=f"servers-{model.name.raw}", note=note)


def method(result: Cited) -> Markup:
    """Return how it was measured."""
    return sentence(
        "<p>All with {engine}. Every strategy is a server process of its own; all of a model are up at once and asked "
        "in turn over HTTP on loopback, round after round, by a closed loop that keeps this many requests in flight. "
        "Ratios are taken within a round. Two workers share the cores. BART-large reads texts of three lengths in turn "
        "and always writes as many tokens; the demonstration model answers its shorter dialogues as it is served. "
        "Warm-up is apart, and a request that fails ends the bench.</p>",
        engine=quoted(result.engine),
    )


def _name(model: Cited) -> str:
    name = str(model.name.raw)
    return MODELS.get(name, name)


def _beside(model: Cited) -> list[Cited]:
    """Return the strategies that are compared with one at a time under the highest load."""
    return [one for one in model.loads[0].strategies if one.ratio.raw]
