"""The file of the published figures: every problem in it is named."""

import json
from pathlib import Path

import pytest
import yaml

from helpers.core.errors import ParamsError
from helpers.experiments.audit.claims import load_published
from tests.unit.experiments.test_publication_audit import PUBLISHED, audit


def test_every_problem_of_the_file_is_named_at_once(tmp_path: Path) -> None:
    tree = yaml.safe_load(PUBLISHED.read_text())
    tree["targets"]["speed"] = 1
    del tree["endpoint"]["vendor"]
    tree["measured"]["success_rate"] = "all"
    tree["measured"]["dialogues"] = 10
    tree["alerts"]["error_rate"]["above"] = 0
    (tmp_path / "claims.yaml").write_text(json.dumps(tree))
    with pytest.raises(ParamsError, match=r"claims.yaml: targets.speed: unknown key; remove it") as caught:
        load_published(tmp_path / "claims.yaml")
    assert sorted(problem.split(":")[1].strip() for problem in caught.value.problems) == [
        "alerts.error_rate.above", "endpoint.vendor", "measured.success_rate", "targets.speed",
    ]  # fmt: skip


def test_more_latencies_than_dialogues_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"'latencies_ms' has 10 of 9 'dialogues'; correct one of them"):
        audit(tmp_path, measured__dialogues=9)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"none.yaml: 'claims' names it, but it is not there; create it"):
        load_published(tmp_path / "none.yaml")
