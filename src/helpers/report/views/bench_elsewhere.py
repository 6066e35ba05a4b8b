"""The same goals on other machines: benches that are published in folders beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from markupsafe import Markup
from pydantic import ValidationError

from helpers.core.text import Style
from helpers.experiments.bench.result import Bench
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Column, chip, table
from helpers.runs.results.cited import Cited


def beside(out: Path, result: str) -> dict[Path, Bench]:
    """Return the benches whose ``result`` lies in folders beside ``out``; one that this version cannot read is none."""
    found = {}
    for file in sorted(out.resolve().parent.glob(f"*/{result}")):
        if file.parent != out.resolve():
            with suppress(ValidationError, OSError):
                found[file.parent] = Bench.model_validate_json(file.read_bytes())
    return found


def elsewhere(here: Cited, others: Sequence[Cited]) -> Markup:
    """Return what every goal's best engine reached here and on the machines of the others."""
    columns = [Column("Goal"), *(Column(one.manifest.processor.raw, numeric=True) for one in (here, *others))]
    rows = [[quoted(bar.label), *(_reached(bar.label.raw, one) for one in (here, *others))] for bar in here.bars]
    pages = [
        sentence(
            "<a href='{page}'>{name}, {n} cores</a>", page=f"{one.address.rpartition('/')[0]}/index.html",
            name=quoted(one.manifest.processor), n=number(one.manifest.cores, "count"),
        )
        for one in others
    ]  # fmt: skip
    note = Markup("The first column of figures is this machine; measured in the same way: {}.").format(
        Markup("; ").join(pages)
    )
    return table("The best result of each goal, by processor", columns, rows, id="elsewhere", note=note)


def _reached(label: str, found: Cited) -> Markup | str:
    bar = next((bar for bar in found.bars if bar.label.raw == label), None)
    if bar is None or bar.reached.raw is None:
        return "–"
    style: Style = bar.unit.raw
    return number(bar.reached, style) + Markup('<span class="aside">{} {}</span>').format(
        quoted(bar.engine), chip(bar.verdict.raw)
    )
