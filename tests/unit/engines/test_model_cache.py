"""Folders that are built once: what cannot be written is one message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.core.errors import ModelError
from helpers.engines.model_cache import build_once


def test_a_cache_that_cannot_be_written_is_a_model_that_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "model.lock").mkdir()  # as unwritable as a file of somebody else's, for root too
    with pytest.raises(ModelError, match="set HELPERS_CACHE to a folder that can be written"):
        build_once(tmp_path / "model", lambda: False, lambda folder: folder.mkdir())
