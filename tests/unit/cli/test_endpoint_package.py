"""What ``endpoint package --engine recommended`` takes from a run, and what it says of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.cli import endpoint_package
from helpers.cli.main import main

VARIANTS = [SimpleNamespace(name=f"openvino {dtype}", engine="openvino", dtype=dtype) for dtype in ("float32", "int8")]


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The params of each repository that was asked for; a run of that name recommends int8 on a processor."""
    asked: list[Any] = []
    found = SimpleNamespace(variants=VARIANTS, processor="A Processor", model="a/model")
    run = SimpleNamespace(results=lambda: SimpleNamespace(quantization=found), manifest=SimpleNamespace(run="a-run"))
    monkeypatch.setattr(endpoint_package, "attach", lambda folder: run)
    monkeypatch.setattr(endpoint_package, "_figures", lambda measured: ())
    monkeypatch.setattr(endpoint_package, "write", lambda params, out, figures: asked.append(params))
    return asked


def recommending(monkeypatch: pytest.MonkeyPatch, name: str, why: str) -> None:
    choice = SimpleNamespace(recommended=name, why=why)
    monkeypatch.setattr(endpoint_package, "recommendation", lambda measured: choice)


def package(*given: str) -> int:
    return main(
        [
            "endpoint",
            "package",
            "--params",
            "local",
            "--engine",
            "recommended",
            "--out",
            "x",
            "--model",
            "a/model",
            *given,
        ]
    )


def test_engine_and_type_are_those_of_the_run_and_the_processor_is_named(
    packaged: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recommending(monkeypatch, "openvino int8", "faster")
    assert package("--run", str(tmp_path)) == 0
    assert (packaged[0].model.engine, packaged[0].model.dtype) == ("openvino", "int8")
    assert "openvino int8, as page 04 of a-run recommends; measured on A Processor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "why", "message"),
    [
        ((), "faster", "give --run, and no --dtype"),
        (("--run", ".", "--dtype", "int8"), "faster", "give --run, and no --dtype"),
        (("--run", "."), "not measured", "page 04 of a-run recommends nothing"),
        (("--run", ".", "--model", "b/other"), "faster", "compared engines for a/model, not for b/other"),
    ],
)
def test_without_a_recommendation_nothing_is_packaged(
    given: tuple[str, ...], why: str, message: str, packaged: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    recommending(monkeypatch, "openvino float32", why)
    assert package(*given) == 2
    assert message in capsys.readouterr().err
    assert not packaged
