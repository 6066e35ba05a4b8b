"""``helpers compare RUN_A RUN_B``: what changed between two runs, and whether the change is more than chance.

Differences are B minus A, paired by dialogue where both runs have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from helpers.core.model import Frozen
from helpers.core.text import Style, spell, width_of
from helpers.params.files import given_and_defaulted
from helpers.runs.manifest import Manifest, public_params
from helpers.runs.results.store import Results
from helpers.runs.run import Run
from helpers.stats.comparison import Paired, paired
from helpers.verdicts.compute import judgement

#: What identifies the makings of a run, beside its parameters and packages.
MAKINGS = (
    "helpers", "commit", "dirty", "python", "processor", "cores", "backend", "model", "revision", "weights_sha256",
    "prompt_sha256", "predictions_sha256", "generation_hash", "dataset_sha256",
)  # fmt: skip

#: Characters that are shown of a parameter that differs.
LONGEST_MAKING = 100


class Change(Frozen):
    """One property that differs; ``None`` where a run does not have it."""

    name: str
    a: str | None
    b: str | None


class Comparison(Frozen):
    """What differs between two runs; ``paired`` holds B minus A by metric, service times in seconds."""

    a: str
    b: str
    changed: tuple[Change, ...]
    paired: dict[str, Paired]
    verdicts: tuple[Change, ...]
    dialogues_in_one_only: int


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: a run's name, its makings and results, its verdicts and labels by target."""

    name: str
    makings: Mapping[str, Any]
    results: Results
    verdicts: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)


def side(run: Run) -> Side:
    """Return a run as one side of a comparison."""
    rows = judgement(run).rows
    verdicts, labels = {row.name: row.verdict for row in rows}, {row.name: row.label for row in rows}
    given, defaulted = given_and_defaulted(run.params)
    return Side(run.directory.name, makings(run.manifest, given | defaulted), run.results(), verdicts, labels)


def compare(a: Side, b: Side, seed: int) -> Comparison:
    """Return the differences in makings, parameters, scores, service times and verdicts; ``seed`` resamples."""
    labels = {**a.labels, **b.labels}
    ids_a, ids_b = _dialogues(a.results), _dialogues(b.results)
    return Comparison(
        a=a.name,
        b=b.name,
        changed=tuple(_changes(a.makings, b.makings)),
        paired=_paired(_values(a.results), _values(b.results), seed),
        verdicts=tuple(
            change.model_copy(update={"name": labels.get(change.name, change.name)})
            for change in _changes(a.verdicts, b.verdicts)
        ),
        dialogues_in_one_only=len(ids_a ^ ids_b),
    )


def as_text(found: Comparison) -> str:
    """Return a comparison as lines for a terminal."""
    lines = [f"{found.a}  →  {found.b}", "", "What differs:"]
    lines += [f"  {c.name}: {_or_absent(c.a)} → {_or_absent(c.b)}" for c in found.changed] or [
        "  nothing that was recorded"
    ]
    lines += ["", "Difference, paired by dialogue (95 % interval, p by randomisation):"]
    lines += [f"  {name:<18} {_difference(name, p)}" for name, p in found.paired.items()] or [
        "  no dialogue in both runs"
    ]
    lines += ["", "Verdicts:"]
    lines += [f"  {c.name}: {_or_absent(c.a)} → {_or_absent(c.b)}" for c in found.verdicts] or ["  the same"]
    if found.dialogues_in_one_only:
        lines += [
            "",
            f"{found.dialogues_in_one_only} dialogues are in one of the runs only; they are in no difference above.",
        ]
    return "\n".join(lines)


def _difference(name: str, found: Paired) -> str:
    style: Style = "s" if name == "service_time" else "difference"
    if found.difference is None:
        return found.note
    width = width_of(found.low, found.high)
    value = spell(found.difference, style, width=width)
    if found.low is None or found.high is None or found.p_value is None:
        return f"{value}  (n = {found.n}: {found.note})"
    surely = "changed" if found.low > 0 or found.high < 0 else "no change shown"
    between = f"{spell(found.low, style, width=width)} to {spell(found.high, style, width=width)}"
    return f"{value}  ({between}, p = {found.p_value:.3g}, n = {found.n})  {surely}"


def makings(manifest: Manifest, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return by name what a run was made of: what its manifest says, its packages and its parameters."""
    packages = {f"{name} (package)": version for name, version in manifest.packages.items()}
    return {name: getattr(manifest, name) for name in MAKINGS} | packages | public_params(params)


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterable[Change]:
    for name in dict.fromkeys([*a, *b]):
        if a.get(name) != b.get(name):
            yield _where_they_differ(Change(name=name, a=_text(a.get(name)), b=_text(b.get(name))))


def _dialogues(results: Results) -> set[str]:
    return {i for by_id in _values(results).values() for i in by_id}


def _values(results: Results) -> dict[str, dict[str, float]]:
    """Return by metric the value of each dialogue."""
    values: dict[str, dict[str, float]] = {}
    for row in results.sample_eval.samples if results.sample_eval else ():
        for name, score in row.scores.items():
            values.setdefault(name, {})[row.id] = score
    for timed in results.latency_cost.dialogues if results.latency_cost else ():
        values.setdefault("service_time", {})[timed.id] = timed.mean
    return values


def _paired(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]], seed: int) -> dict[str, Paired]:
    found = {}
    for name, before in a.items():
        after = b.get(name, {})
        both = sorted(before.keys() & after.keys())
        if both:
            found[name] = paired([after[i] for i in both], [before[i] for i in both], seed=seed)
    return found


def _text(value: Any) -> str | None:
    """Return a making as text: of what is nested, what is given."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_text(one)}" for name, one in value.items() if one is not None)
    if isinstance(value, list | tuple):
        return "; ".join(_text(one) or "none" for one in value)
    return None if value is None else str(value)


def _where_they_differ(change: Change) -> Change:
    """Return a change with no more of long texts than what surrounds the first difference."""
    a, b = change.a or "", change.b or ""
    if max(len(a), len(b)) <= LONGEST_MAKING:
        return change
    same = next(
        (place for place, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), min(len(a), len(b))
    )
    start = max(0, same - LONGEST_MAKING // 4)

    def part(text: str) -> str:
        more = "…" if len(text) > start + LONGEST_MAKING else ""
        return f"{'…' if start else ''}{text[start : start + LONGEST_MAKING]}{more}"

    return change.model_copy(
        update={name: part(text) for name, text in (("a", change.a), ("b", change.b)) if text is not None}
    )


def _or_absent(value: str | None) -> str:
    return "–" if value is None else value
