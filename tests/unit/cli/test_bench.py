"""``helpers bench``: what its arguments say is measured, and what is said of bad ones."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from helpers.cli.bench import add_arguments, read_plan
from helpers.core.errors import InputError
from helpers.experiments.bench.model import read_architecture


def plan(*given: str) -> list[str]:
    parser = ArgumentParser()
    add_arguments(parser)
    found = read_plan(parser.parse_args(given))
    return [shape.name for shape in found.shapes] + [variant.name for variant in found.variants]


def test_the_arguments_say_what_is_measured() -> None:
    kinds = [f"{n}x{out}" for out in (32, 60, 128) for n in (60, 200, 800)] + ["batch8x32"]
    assert plan()[: len(kinds)] == kinds
    assert plan("--shape", "200x60", "--batch", "1", "--engine", "ctranslate2-int8") == [
        "200x60", "transformers float32", "ctranslate2 int8",
    ]  # fmt: skip


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        plan("--shape", "200", "--batch", "0", "--rounds", "0", "--limit", "-1", "--engine", "ctranslate-int8")
    assert len(caught.value.problems) == 5
    assert "--engine ctranslate-int8: unknown (did you mean 'ctranslate2-int8'?)" in str(caught.value)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(InputError, match="no configuration of a BART in it"):
        read_architecture(tmp_path)
