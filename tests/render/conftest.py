"""A page with every part of the display layer on it, made from an invented result."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import nbformat
import pytest
from markupsafe import Markup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pydantic import BaseModel

from helpers.report.components.figures import (
    Chart,
    Observations,
    TargetLine,
    curves,
    distribution,
    points,
    small_multiples,
)
from helpers.report.components.line_chart import Curve, LevelLine, Plot
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.page import Frame, Link, framed
from helpers.report.components.tables import Column, collapsible, facts, table, verdict_table
from helpers.report.convert import convert
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate
from helpers.verdicts.sample_size import PriceOfKnowing
from helpers.verdicts.targets import Judged

ADDRESS = "results/demo.json"
LENGTHS = ("short", "medium", "long", "truncated")
LONG_LABEL = "a label so long that no chart has room for it, <b>not even</b> a wide one 006"
SUMMARY = "Ana cannot log in; the agent asks which browser she uses & she says the one with the fox. " * 2
DIALOGUE = "Ana: I can't log in <again>.\nAgent: Which browser is it?\nAna: The fox & globe one, version 3."


class Result(BaseModel):
    verdicts: tuple[Judged, ...]
    latency: dict[str, Estimate]
    scores: dict[str, dict[str, Estimate]]
    observed: dict[str, tuple[float, ...]]
    loaded: dict[str, tuple[float, ...]]
    medians: dict[str, Estimate]
    hit_rate: Estimate


def estimate(value: float | None, half: float = 0.1, n: int = 10, **more: Any) -> Estimate:
    ends = (None, None) if value is None else (round(value - half, 6), round(value + half, 6))
    return Estimate(**{"value": value, "low": ends[0], "high": ends[1], "n": n, "method": "student-t"} | more)


def judged(name: str, label: str, unit: str, direction: str, threshold: float | None, **more: Any) -> Judged:
    fixed = {"name": name, "label": label, "unit": unit, "direction": direction, "threshold": threshold}
    rest = {"reason": "", "source": "publication", "page": "03", "address": f"{ADDRESS}#/hit_rate"}
    return Judged.model_validate(rest | fixed | more)


def verdicts() -> tuple[Judged, ...]:
    command = "python -m helpers report params/demo.yaml --set samples.source=bundled:test --set samples.n=414"
    price = PriceOfKnowing(
        n=414, chance=0.8, low=0.69, high=1.0, available=127, command=command, minutes=23.4, dollars=0.0412
    )
    all_of_ten = estimate(1.0, low=0.722, high=1.0, method="clopper-pearson", requests=30)
    too_few = estimate(None, needs=72, largest=4.71, bound="none")
    sides, few = "the interval reaches both sides of the target", "ten dialogues cannot support it"
    dear = {"estimate": estimate(0.36, 0.4), "needs_run_on": "aws intel-spr x8", "verdict": "undecided"}
    undecided = {"estimate": all_of_ten, "verdict": "undecided", "reason": sides, "look": 2, "price_of_knowing": price}
    absent = {"estimate": estimate(None, n=0), "verdict": "not measured", "reason": "no baseline covers them"}
    return (
        judged(
            "latency", "Average latency", "s", "max", 3.0, verdict="met", estimate=estimate(1.874, 0.41, requests=30)
        ),
        judged("success_rate", "Success rate", "rate", "min", 0.99, **undecided),
        judged("cost", "Cost per 1,000 requests", "usd", "below", 1.0, **dear),
        judged("p95", "p95 latency", "s", "max", 5.0, verdict="not measured", reason=few, estimate=too_few),
        judged("rouge_l", "ROUGE-L against the recorded baseline", "score", "margin", -0.01, **absent),
        judged("total", "Total cost", "usd", "none", None, verdict="informative", estimate=estimate(0.0231, 0.001)),
    )


def result() -> Result:
    dice = random.Random(7)
    names = [f"{domain}-{place:03}" for domain in ("support-retail", "meeting", "daily") for place in (1, 6, 12)]
    observed = {name: _times(dice, 6, 0.4) for name in names}
    loaded = {f"{rate} requests per second": _times(dice, 400, mean) for rate, mean in (("one", 0.3), ("two", 0.6))}
    latency = {name: estimate(round(sum(times) / 6, 3), dice.uniform(0.2, 0.9)) for name, times in observed.items()}
    latency["meeting-006"] = estimate(3.4, low=None, high=4.6, bound="upper")
    latency[LONG_LABEL] = estimate(None, needs=36, largest=3.1)
    scores = {
        metric: {length: estimate(round(best - 0.04 * place, 3), 0.05) for place, length in enumerate(LENGTHS)}
        for metric, best in (("ROUGE-1", 0.44), ("ROUGE-2", 0.19), ("ROUGE-L", 0.35))
    }
    scores["ROUGE-2"]["truncated"] = estimate(None, n=0)
    middles = {name: estimate(sorted(times)[len(times) // 2]) for name, times in (observed | loaded).items()}
    hits = estimate(0.9996, n=2500, low=0.9978, high=0.9999, method="clopper-pearson", unit="attempt")
    return Result(
        verdicts=verdicts(),
        latency=latency,
        scores=scores,
        observed=observed,
        loaded=loaded,
        medians=middles,
        hit_rate=hits,
    )


def drawn(found: Cited) -> dict[str, Markup]:
    """Return every drawing, by name."""
    told, target = _told(found), TargetLine(found.verdicts[0].threshold)
    groups = {
        field: [
            Observations(name, times, {"median": found.medians[name]}) for name, times in getattr(found, field).items()
        ]
        for field in ("observed", "loaded")
    }
    return {
        "latency": points(
            "latency",
            sentence("Every dialogue but one is answered within {target}", **told),
            "Mean service time of each dialogue and its interval",
            list(found.latency.items()),
            unit="s",
            target=target,
            by="Dialogue",
        ),
        "observed": distribution(
            "observed", "Repeats agree", "Service time, each request a dot", groups["observed"], unit="s", target=target
        ),
        "loaded": distribution(
            "loaded",
            "Waiting outgrows traffic",
            "Response time, share of requests",
            groups["loaded"],
            unit="s",
            target=target,
        ),
        "over-time": curves(
            "over-time",
            "It stays as fast",
            "Service time since the start of the log",
            Plot(
                [Curve("p50", [0.0, 60.0, 120.0], [1.2, 1.4, 1.3], "solid")],
                [LevelLine("alert above", 2.5)],
                "s",
                "s",
                "since the start of the log",
            ),
            data=table("Stretches", [Column("Part")], [["all"]]),
        ),
        "scores": small_multiples(
            "scores",
            "Long dialogues lose most on every metric",
            "Mean score of the dialogues of a length, and its interval",
            [Chart(metric, list(rows.items()), "score") for metric, rows in found.scores.items()],
            by="Length",
        ),
    }


def parts(found: Cited) -> dict[str, Markup]:
    """Return every part, by name."""
    told = _told(found)
    columns = [
        Column("Dialogue"),
        Column("Summary"),
        Column("ROUGE-L", numeric=True, better="up"),
        Column("Latency", unit="s", numeric=True, better="down"),
    ]
    rows = [
        (
            quoted(name),
            quoted(SUMMARY),
            number(found.scores["ROUGE-L"]["long"].value, "score"),
            number(times[0], "s", bare=True),
        )
        for name, times in list(found.observed.items())[:3]
    ]
    return drawn(found) | {
        "decision": sentence("<p class='decision hold'><strong>HOLD</strong> One target is missed.</p>"),
        "answer": sentence("<p class='answer'>A summary takes {mean}, against {target} published.</p>", **told),
        "verdicts": verdict_table(
            "Published targets against this run",
            found.verdicts,
            evidence={row.name.raw: "#latency" for row in found.verdicts},
        ),
        "samples": table(
            "Summaries", columns, rows, anchors=["row-a", "row-b", "row-c"], note="Stemmed, best reference."
        ),
        "dialogue": collapsible("The dialogue", sentence("<blockquote>{text}</blockquote>", text=quoted(DIALOGUE))),
        "empty": table("Failures", [Column("Kind"), Column("Requests", numeric=True)], []),
        "facts": facts(
            [
                ("Backend", "local"),
                ("Model", quoted("facebook/bart-large-xsum")),
                ("Hit rate", number(found.hit_rate.value, "rate")),
                ("Weights", Markup("<code>{}</code>").format("bcc81830d10c" * 6)),
            ]
        ),
    }


def _told(found: Cited) -> dict[str, Markup]:
    first = found.verdicts[0]
    return {"mean": number(first.estimate.value, "s"), "target": number(first.threshold, "s")}


def notebook(found: Cited) -> nbformat.NotebookNode:
    """Return an executed notebook that shows every part."""
    shown = parts(found)

    def code(source: str, *names: str) -> Any:
        html = Markup('<div class="helpers-out">{}</div>').format(Markup().join(shown[name] for name in names))
        return new_code_cell(source, outputs=[new_output("display_data", {"text/html": html})] if names else [])

    cells = [
        new_markdown_cell(
            "# How fast is it, and at what price?\n\nTen dialogues are sent, and *every* request is logged."
        ),
        code("params = 'demo'  # which run"),
        code("run = open_run(params)"),
        new_markdown_cell("## Answer"),
        code("show(page.answer(run))", "decision", "answer", "verdicts"),
        new_markdown_cell(
            "## Evidence\n\nSee [the targets](#answer) in `params/targets.yaml`.\n\n> A rate.\n\n- one\n- two"
        ),
        code("show(page.chart(run))", "latency", "observed"),
        new_markdown_cell("### Under load"),
        code("show(page.load(run))", "loaded", "over-time"),
        new_markdown_cell("## By length"),
        code("show(page.groups(run))", "scores", "samples", "dialogue", "empty"),
        new_markdown_cell("## Provenance"),
        code("show(run.provenance())", "facts"),
    ]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})


def frame() -> Frame:
    pages = ("Deploy check", "Sample evaluation", "Latency and cost", "Quantization", "Load", "Monitoring", "Audit")
    return Frame(
        nav=[Link(f"0{place}.html", f"0{place} {name}") for place, name in enumerate(pages, 1)],
        current="03.html",
        stamp=["A local model answered, not the deployment.", "A language model wrote the dialogues."],
        footer=Markup("<p>Run <code>20261124T033912-demo</code>, from a clean working tree.</p>"),
    )


@pytest.fixture(scope="session")
def demo() -> Result:
    return result()


@pytest.fixture(scope="session")
def demo_page(demo: Result) -> str:
    return framed(frame(), convert(notebook(Cited(demo, ADDRESS))))


@pytest.fixture(scope="session")
def demo_file(demo_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "03.html"
    path.write_text(demo_page, encoding="utf-8")
    return path


def _times(dice: random.Random, n: int, mean: float) -> tuple[float, ...]:
    return tuple(round(dice.lognormvariate(mean, 0.35), 3) for _ in range(n))
