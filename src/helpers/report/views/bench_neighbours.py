"""The bench of busy neighbours as a page: what an engine keeps of its fair share, and what that costs it alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from helpers.experiments.bench.result import Neighbours
from helpers.report.components.figures import Chart, small_multiples
from helpers.report.components.numbers import between, number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.tables import Column, table
from helpers.report.views import bench
from helpers.report.views.bench import estimate
from helpers.report.views.bench_bars import bars, reached
from helpers.runs.results.cited import Cited

RESULT, PAGE = "neighbours.json", bench.NEIGHBOURS
FILES, MAKER = (RESULT, PAGE), "bench --neighbours"


def write(found: Neighbours, out: Path) -> None:
    """Publish ``neighbours.json`` and its page in a folder, and link the bench of engines there to it."""
    bench.put_beside(found, page(found, bench.nav(out, PAGE)), out, FILES, MAKER)


def page(found: Neighbours, links: Sequence[Link] = ()) -> str:
    """Return the whole page with links to others."""
    result = Cited(found, RESULT)
    frame = Frame(nav=links, current=PAGE, stamp=[bench.STAMP], footer=bench.foot(result, RESULT), site="Engine bench")
    parts = [
        answer(result),
        reached(result),
        bars(result),
        Markup("<h2>Share of the fair throughput</h2>"),
        charts(result),
        rates(result),
        bench.folded(method(result), result),
    ]
    title = "How fast is a model beside busy neighbours?"
    return render_page(frame, title=title, body=Markup("\n").join(parts))


def answer(result: Cited) -> Markup:
    """Return the least that any engine kept, beside how many, and whether that is decided."""
    kept = [(one, n, share) for one in result.engines for n, share in one.shares.items()]
    one, n, share = min(kept, key=lambda found: found[2].value.raw)
    return sentence(
        "<p class='answer'><strong>{name}</strong> kept the least of its fair throughput: a median of {share} "
        "beside {n} busy ({between}; rounds: {rounds}).</p>",
        name=quoted(one.name),
        share=number(share.value, "rate"),
        n=quoted(n),
        between=between(share, "rate"),
        rounds=number(one.cost.n, "count"),
    )


def charts(result: Cited) -> Markup:
    """Return the shares of every engine, a chart each."""
    drawn = [
        Chart(str(one.name.raw), [(f"{n} busy", share) for n, share in one.shares.items()], "rate")
        for one in result.engines
    ]
    subtitle = "the rate beside n busy models, n + 1 times, over that alone in the same round: median, 95 % interval"
    return small_multiples(
        "neighbours", Markup("Share of the fair throughput that is kept"), subtitle, drawn, by="Neighbours"
    )


def rates(result: Cited) -> Markup:
    """Return every engine's median rates and ratios."""
    columns = [
        Column("Engine"),
        *(Column(f"Share beside {n}", numeric=True, better="up") for n in result.engines[0].shares.raw),
        Column("Alone, over spinning", numeric=True, better="up"),
        Column("Rounds", numeric=True),
    ]
    rows = [
        [
            quoted(one.name),
            *(estimate(share, "rate") for _, share in one.shares.items()),
            estimate(one.cost, "ratio"),
            number(one.cost.n, "count"),
        ]
        for one in result.engines
    ]
    return table("Every engine", columns, rows, id="neighbours-engines")


def method(result: Cited) -> Markup:
    """Return how it was measured."""
    return sentence(
        "<p>The demonstration model in server processes of its own, asked over HTTP on loopback. In every round one "
        "server gets requests alone, then beside one and beside two others that are kept busy; then one whose waiting "
        "threads spin as long as their libraries have them by default. A rate is of {requests} requests {longer}one "
        "after the other, of at most {tokens} new tokens each. The fair throughput is the rate alone, divided by how "
        "many are at work. Warm-up is apart, and a request that fails ends the bench.</p>",
        requests=number(result.requests, "count"),
        longer=sentence("or more, for {v} or longer, ", v=number(result.least_seconds, "s"))
        if result.least_seconds.raw
        else "",
        tokens=number(result.tokens, "count"),
    )
