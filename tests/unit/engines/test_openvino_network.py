"""Memory of mapped weights: given back while a model makes its copy, and never what somebody has written to."""

from __future__ import annotations

import mmap
import sys
import time
from pathlib import Path

import pytest

from helpers.engines.openvino_network import _Weights
from tests.resident import resident

#: Far more than what else of this process comes and goes meanwhile.
SIZE = 1 << 26
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where a file is mapped")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights of two words.bin"
    path.write_bytes(bytes([7]) * SIZE)
    return path


def test_what_is_read_while_a_copy_is_made_is_given_back_at_once(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with _Weights(file).copied():
            copy = mapped[:]
            deadline = time.monotonic() + 10
            while resident(file.name) > SIZE // 8 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert resident(file.name) <= SIZE // 8, "before the copy is done"
            assert mapped[:] == copy, "whatever is read again comes from the file"
        assert resident(file.name) <= SIZE // 8
        assert mapped[SIZE // 2] == 7


def test_what_was_written_to_a_mapping_is_never_given_back(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[:4] = b"mine"
        _Weights(file).give_back()
        assert mapped[:4] == b"mine"
