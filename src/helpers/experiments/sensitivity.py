"""What the metrics and checks of page 02 notice of planted errors, on the bundled ``test`` references.

It follows from the corpus and from the code alone and takes half a minute, so it is shipped; where either has changed
since, and with models, it is computed and kept with what is cached. ``python -m helpers.experiments.sensitivity`` makes
the shipped one again.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from helpers.core.model import Frozen
from helpers.core.paths import DATA
from helpers.experiments.score_cache import cache_key, cached
from helpers.params import Samples
from helpers.samples.dataset import Sample, dataset_sha256, load_samples
from helpers.scorers.faithfulness import FaithfulnessCheck
from helpers.scorers.semantic import Models
from helpers.scorers.sensitivity import ALARMS, ErrorSensitivity, sensitivity, true_summaries

#: References that no check was fitted on.
HELD_OUT = "bundled:test"
SOURCE = "the references of the bundled test dialogues"
SHIPPED = DATA / "sensitivity.json"


class ShippedSensitivity(Frozen):
    """The table as it is shipped; ``key`` is the hash of corpus and code that it follows from."""

    key: str
    found: ErrorSensitivity


def bundled_sensitivity(models: Models | None = None, folder: Path | None = None) -> ErrorSensitivity:
    """Return what is noticed of errors planted in the bundled references; with ``models`` their scores are in it.

    ``folder`` is where one that is not shipped is kept, by default beside the cached models.
    """
    samples, models = load_samples(Samples(source=HELD_OUT)), models or Models()
    key = sensitivity_key(samples, models)
    if models == Models() and (shipped := read_shipped()) and shipped.key == key:
        return shipped.found
    table = TypeAdapter(ErrorSensitivity)
    return cached("sensitivity", key, table, lambda: of_samples(samples, SOURCE, models), folder)


def sensitivity_key(samples: tuple[Sample, ...], models: Models) -> str:
    """Return the hash of all that the table follows from: dialogues, references, models, and the scorers' code."""
    return cache_key(dataset_sha256(samples), str(models))


def read_shipped() -> ShippedSensitivity | None:
    """Return the table that is shipped, or ``None`` where it is not one of this version."""
    try:
        return ShippedSensitivity.model_validate_json(SHIPPED.read_bytes())
    except (OSError, ValidationError):
        return None


def of_samples(samples: tuple[Sample, ...], source: str, models: Models | None = None) -> ErrorSensitivity:
    """Return what is noticed of errors planted in the references of samples."""
    rows = ((one.id, one.dialogue, one.references, one.key_facts) for one in samples)
    return sensitivity(true_summaries(rows), source, models)


def judged_checks(found: ErrorSensitivity) -> dict[FaithfulnessCheck, bool]:
    """Return by check whether its false alarms are shown to be at most one in twenty, so that it may judge."""
    rows = {row.name: row.false_alarms.high for row in found.rows}
    highs = {check: rows.get(check.value) for check in FaithfulnessCheck}
    return {check: high is not None and high <= ALARMS for check, high in highs.items()}


if __name__ == "__main__":
    bundled = load_samples(Samples(source=HELD_OUT))
    made = ShippedSensitivity(key=sensitivity_key(bundled, Models()), found=of_samples(bundled, SOURCE))
    SHIPPED.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
