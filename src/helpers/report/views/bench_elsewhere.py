"""The same goals on other machines: benches that are published in folders beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from markupsafe import Markup
from pydantic import ValidationError

from helpers.experiments.bench.result import Bench
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Column, chip, table
from helpers.report.views.bench_bars import measured, wanted
from helpers.runs.results.cited import Cited


def beside(out: Path, result: str, page: str) -> dict[Path, Bench]:
    """Return the benches whose ``result`` and ``page`` lie in folders beside ``out``, those that can be read."""
    found = {}
    for file in sorted(out.resolve().parent.glob(f"*/{result}")):
        if file.parent != out.resolve() and file.with_name(page).is_file():
            with suppress(ValidationError, OSError):
                found[file.parent] = Bench.model_validate_json(file.read_bytes())
    return found


def elsewhere(here: Cited, others: Sequence[Cited]) -> Markup:
    """Return what every goal's best engine reached on this machine, the first, and on those of the others."""
    columns = [
        Column("Goal"),
        Column("Processor"),
        Column("Target", numeric=True),
        Column("Measured", numeric=True),
        Column("Engine"),
        Column("Verdict"),
    ]
    rows = [
        [quoted(bar.label), quoted(one.manifest.processor), *_reached(bar.label.raw, one)]
        for bar in here.bars
        for one in (here, *others)
    ]
    pages = [
        sentence(
            "<a href='{page}'>{name}</a>, {n} cores",
            page=f"{one.address.partition('#')[0].rpartition('/')[0]}/index.html",
            name=quoted(one.manifest.processor),
            n=number(one.manifest.cores, "count"),
        )
        for one in others
    ]
    note = Markup("Measured in the same way on {}.").format(Markup("; ").join(pages))
    return table("The best result of each goal, by processor", columns, rows, id="elsewhere", note=note)


def _reached(label: str, found: Cited) -> list[Markup | str]:
    bar = next((bar for bar in found.bars if bar.label.raw == label), None)
    if bar is None or bar.reached.raw is None:
        return ["–", "–", "–", chip("not measured")]
    return [wanted(bar), measured(bar), quoted(bar.engine), chip(bar.verdict.raw)]
