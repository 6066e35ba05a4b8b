"""``helpers demo-model card``: the tables and examples of the adapter's model card, from what was measured.

The prose of the card is written by hand; the text between ``<!-- NAME -->`` and ``<!-- /NAME -->`` is made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.core.text import Style, spell
from helpers.experiments.recordings import ScoredRecord, compare_recordings, score_recordings
from helpers.experiments.training.cross_validation import CrossValidation
from helpers.experiments.training.learning_curve import LearningCurve
from helpers.params import Params
from helpers.params import Samples as SamplesParams
from helpers.params.files import load_params
from helpers.report.views.recordings import GAINS, SHOWN
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.results.sample_eval import Recording
from helpers.runs.review_summary import recorded_summaries, summarise_review
from helpers.runs.reviews import of_summaries, reading_lines
from helpers.samples.dataset import load_samples
from helpers.samples.recorded import read_recorded
from helpers.scorers.failures import OUTPUT_LABELS
from helpers.stats.intervals import Estimate, mean, rate

#: Dialogues whose summaries are the card's examples: a chat of four lines, a support call, a meeting.
EXAMPLES = ("test", ("home-and-care-007", "support-services-028", "meetings-009"))
#: What was aimed at on `test`, at least or at most; how many readers find usable is said with their readings.
AIMS = {"ROUGE-L": (0.35, "least"), "Key-fact recall": (0.64, "least"), "Failed output checks": (0.03, "most")}
#: What the dialogues of the grown corpus are numbered from, in each domain.
NEWER = 101
_EMPTY = "–"


def write_card(folder: Path) -> Path:
    """Fill the tables of ``README.md`` in the adapter's folder; returns the file."""
    file = folder / "README.md"
    file.write_text(filled(file.read_text(encoding="utf-8"), folder), encoding="utf-8")
    return file


def compared(result: CrossValidation) -> str:
    """Return a comparison of recipes as a table: what each scored, and its gain with a 95 % interval."""
    shown: dict[str, tuple[str, Style]] = {
        "rouge_l": ("ROUGE-L", "score"),
        "key_fact_recall": ("Key-fact recall", "rate"),
        "failed": ("Failed output checks", "rate"),
    }
    if any(score.failed is None for one in result.candidates for score in one.scores.values()):
        del shown["failed"]
    rows = []
    for one in result.candidates:
        row = [" ".join(one.changes) or "the standing one"]
        for measure, (_, style) in shown.items():
            values = [getattr(score, measure) for score in one.scores.values()]
            gain = result.gain(one, measure)
            row.append(spell(sum(values) / len(values), style))
            row.append(
                "the reference"
                if one is result.candidates[0]
                else f"{spell(gain.difference or 0.0, 'difference')} ({_between(gain.low, gain.high, 'difference')})"
            )
        rows.append(row)
    return _table(["Recipe", *(header for name, _ in shown.values() for header in (name, "Difference"))], rows)


def filled(text: str, folder: Path) -> str:
    """Return a card with its tables made again; raises `ValueError` where the place of one is missing."""
    params = load_params("demo")
    recordings, scored = compare_recordings(params), score_recordings(params)
    curve = LearningCurve.model_validate_json((folder / "training.json").read_bytes())
    parts = {
        "read": _read(params),
        "aims": _aims(next(iter(scored.values()))),
        "failures": _failures(scored),
        "training": _training(curve),
        "measured": _measured(recordings),
        "agreement": _agreement(recordings[0]),
        "gains": _gains(recordings),
        "groups": _groups(recordings[0]),
        "context": _context(params),
        "examples": _examples(params),
    }
    for file in folder.glob("cross-validation*.json"):
        parts[file.stem] = compared(CrossValidation.model_validate_json(file.read_bytes()))
    for name, part in parts.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, found, rest = text.partition(start)
        if not found:
            raise ValueError(f"README.md: no {start}, where this belongs")
        text = f"{before}{start}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


def _read(params: Params) -> str:
    """Return what readers say of the recorded answers, which is what the model is worth."""
    lines = [one for file in params.reviews for one in reading_lines(Path(file))]
    found = summarise_review(of_summaries(lines, recorded_summaries(params)))
    usable, faithful = (found.shares[name] for name in ("usable", "faithful"))
    kinds = ", ".join(f"{ERROR_LABELS[kind]} {count}" for kind, count in found.kinds.items())
    by = " and by ".join("a language model" if one == "language model" else "people" for one in found.made_by)
    return (
        f"**{_told(usable)} of its summaries can be used as they stand**: {found.dialogues} recorded answers on `test` "
        f"were read against their dialogues by {by}. {_told(faithful)} hold no false statement. What is wrong: {kinds}."
    )


def _told(share: Estimate) -> str:
    return f"{spell(share.value or 0.0, 'rate')} ({_between(share.low, share.high, 'rate')})"


def _aims(rows: Mapping[str, ScoredRecord]) -> str:
    """Return what was aimed at beside what was measured, the dialogues that came later apart."""
    newer = {id for id in rows if int(id.rpartition("-")[2]) >= NEWER}
    sets = {"All": rows.keys(), f"Numbered below {NEWER}": rows.keys() - newer, f"From {NEWER} on": newer}
    measured = [_measures([row for id, row in rows.items() if id in ids]) for ids in sets.values()]
    lines = []
    for name, (aim, side) in AIMS.items():
        style: Style = "score" if name == "ROUGE-L" else "rate"
        values = [measures[name] for measures in measured]
        lines.append(
            [
                name,
                f"at {side} {spell(aim, style)}",
                held(values[0], aim, side),
                *(_value(value, style) for value in values),
            ]
        )
    return _table(
        ["Measure", "Aim", "Verdict on all", *(f"{label} ({len(ids)})" for label, ids in sets.items())], lines
    )


def _measures(rows: Sequence[ScoredRecord]) -> dict[str, Estimate]:
    facts = [row.score.key_fact_recall for row in rows if row.score.key_fact_recall is not None]
    return {
        "ROUGE-L": mean([row.score.rougeL for row in rows], floor=0.0, ceiling=1.0),
        "Key-fact recall": mean(facts, floor=0.0, ceiling=1.0),
        "Failed output checks": rate(sum(bool(row.score.failures) for row in rows), len(rows)),
    }


def held(value: Estimate, aim: float, side: str) -> str:
    """Return whether the whole interval lies on the wanted ``side`` of an aim, at ``least`` or at ``most``."""
    low, high = value.low, value.high
    if low is None or high is None:
        return "not decided"
    met, missed = (low >= aim, high < aim) if side == "least" else (high <= aim, low > aim)
    return "met" if met else "missed" if missed else "not decided"


def _failures(scored: Mapping[str, Mapping[str, ScoredRecord]]) -> str:
    """Return how many answers of each system fail each output check."""
    counts = {
        label: [sum(kind in row.score.failures for row in rows.values()) for rows in scored.values()]
        for kind, label in OUTPUT_LABELS.items()
    }
    lines = [[label, *map(str, found)] for label, found in counts.items() if any(found)]
    return _table(["Fails because", *(f"{name} ({len(rows)})" for name, rows in scored.items())], lines)


def _training(curve: LearningCurve) -> str:
    rows = [
        [
            str(one.epoch) + (" (kept)" if one.epoch == curve.best else ""),
            spell(one.train_loss, "score"),
            spell(one.rouge_l, "score"),
            spell(one.key_fact_recall, "rate"),
        ]
        for one in curve.epochs
    ]
    recipe = ", ".join(f"`{key}={value}`" for key, value in curve.recipe.items())
    took = (
        f"It took {spell(curve.seconds / 60, 'minutes')} on {curve.threads} threads ({curve.device}) and at most "
        f"{curve.peak_memory_bytes / 1e9:.1f} GB."
    )
    table = _table(["Epoch", "Training loss per token", "Validation ROUGE-L", "Validation key-fact recall"], rows)
    return f"{recipe}.\n\n{took}\n\n{table}"


def _measured(recordings: Sequence[Recording]) -> str:
    rows = [
        [header, *(_value(one.estimates[name], style) for one in recordings)] for name, (header, style) in SHOWN.items()
    ]
    rows.append(["Dialogues", *(str(one.n) for one in recordings)])
    rows.append(["Decoding", *(one.decoding for one in recordings)])
    return _table(["Measure", *(one.name for one in recordings)], rows)


def _gains(recordings: Sequence[Recording]) -> str:
    rows = [
        [SHOWN[name][0], one.name, spell(gain.difference, "difference"), _between(gain.low, gain.high, "difference")]
        for one in recordings
        for name, gain in one.gains.items()
        if name in GAINS and gain.difference is not None
    ]
    return _table(["Measure", "Over the", "Gain", "95 % interval"], rows)


def _agreement(recording: Recording) -> str:
    rows = [
        [
            SHOWN[name][0],
            spell(one.summaries.value or 0.0, "score"),
            spell(one.references.value or 0.0, "score"),
            spell(one.difference.difference or 0.0, "difference"),
            _between(one.difference.low, one.difference.high, "difference"),
        ]
        for name, one in recording.agreement.items()
    ]
    return _table(["Measure", "The model's summary", "The other reference", "Difference", "95 % interval"], rows)


def _groups(recording: Recording) -> str:
    rows = [
        [
            f"{group.label} ({group.by})",
            str(group.n),
            *(_value(group.estimates[name], SHOWN[name][1]) for name in GAINS),
        ]
        for group in recording.groups
    ]
    return _table(["Dialogues", "n", *(SHOWN[name][0] for name in GAINS)], rows)


def _context(params: Params) -> str:
    """Return what was recorded of the dialogues that do not fit, or are over half of the context."""
    rows = [
        [one.id, str(one.input_tokens), str(one.lost_tokens), str(one.summary)]
        for one in read_recorded(params.baseline.predictions or "")
        if (one.input_tokens or 0) > params.model.context_tokens / 2
    ]
    return _table(["Dialogue", "Tokens", "Not read", "Summary"], rows)


def _examples(params: Params) -> str:
    split, ids = EXAMPLES
    recorded = read_recorded(params.baseline.predictions or "")
    samples = {one.id: one for one in load_samples(SamplesParams(source=f"bundled:{split}"))}
    parts = []
    for key in ids:
        quoted = "\n".join(f"> {line}  " for line in samples[key].dialogue.splitlines())
        parts.append(
            f"`{key}`\n\n{quoted}\n\nThe model: *{recorded.summary(key)}*\n\nA reference: {samples[key].references[0]}"
        )
    return "\n\n".join(parts)


def _value(estimate: Estimate, style: Style) -> str:
    if estimate.value is None:
        return _EMPTY
    return f"{spell(estimate.value, style)} ({_between(estimate.low, estimate.high, style)})"


def _between(low: float | None, high: float | None, style: Style) -> str:
    return _EMPTY if low is None or high is None else f"{spell(low, style)} to {spell(high, style)}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(headers), ["---"] * len(headers), *map(list, rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
