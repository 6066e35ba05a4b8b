"""Why a variant cannot be measured on this machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from helpers.core.errors import ModelError
from helpers.engines.factory import load_local
from helpers.engines.variant_server import missing_instructions, why_not
from helpers.params import Model, Variant


def test_a_type_that_would_be_emulated_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr("helpers.core.machine.CPUINFO", cpu)
    cpu.write_text("flags\t\t: fma avx2\n")
    assert "no bfloat16 instructions (avx512_bf16 or amx_bf16)" in missing_instructions("bfloat16", "cpu")
    assert missing_instructions("int8", "cpu") == missing_instructions("bfloat16", "cuda") == ""
    assert "no float16 instructions" in why_not(Variant(dtype="float16"), "cpu")
    assert why_not(Variant(engine="openvino", dtype="float16"), "cpu") == ""  # which multiplies in fp32
    cpu.write_text("flags\t\t: fma avx512_bf16\n")
    assert missing_instructions("bfloat16", "cpu") == ""


def test_an_engine_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(Variant(engine="ctranslate2"), "cpu") == ""
    monkeypatch.setattr("helpers.engines.installed.find_spec", lambda name: None)
    for engine, how in (("ctranslate2", "ctranslate2"), ("openvino", "--no-deps -r requirements-openvino.txt")):
        reason = f"the package {engine} is not installed; get it with: pip install {how}"
        assert why_not(Variant(engine=engine), "cpu") == reason
        monkeypatch.setitem(sys.modules, f"helpers.engines.{engine}", None)
        with pytest.raises(ModelError, match=re.escape(reason)):
            load_local(Model(id="a/bart", engine=engine))
