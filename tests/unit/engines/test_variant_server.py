"""Why a variant cannot be measured on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.engines.variant_server import missing_instructions, why_not
from helpers.params import Variant


def test_a_type_that_would_be_emulated_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr("helpers.core.machine.CPUINFO", cpu)
    cpu.write_text("flags\t\t: fma avx2\n")
    assert "no bfloat16 instructions (avx512_bf16 or amx_bf16)" in missing_instructions("bfloat16", "cpu")
    assert missing_instructions("int8", "cpu") == missing_instructions("bfloat16", "cuda") == ""
    cpu.write_text("flags\t\t: fma avx512_bf16\n")
    assert missing_instructions("bfloat16", "cpu") == ""


def test_an_engine_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(Variant(engine="ctranslate2"), "cpu", "chat") == ""
    monkeypatch.setattr("helpers.engines.environments.find_spec", lambda name: None)
    monkeypatch.setattr("helpers.engines.environments.PROJECT", Path("/nowhere"))
    assert "not installed; get it with: pip install ctranslate2" in why_not(
        Variant(engine="ctranslate2"), "cpu", "chat"
    )
    assert "not installed; get it with: pip install --no-deps -r requirements-openvino-chat.txt" in why_not(
        Variant(engine="openvino"), "cpu", "chat"
    )
    assert "not installed; get it with: make engines" in why_not(Variant(engine="openvino"), "cpu", "summarization")
