"""Memory of mapped weights: given back while a model makes its copy, and never what somebody has written to."""

from __future__ import annotations

import mmap
import sys
import time
from pathlib import Path

import pytest

from helpers.engines.openvino_network import _Weights

#: Far more than what else of this process comes and goes meanwhile.
SIZE = 1 << 26
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where a file is mapped")


def in_memory(file: Path) -> int:
    """Return the bytes of a mapped file that are in memory, of all of its mappings."""
    total, is_it = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line.split()[0][:-1].isidentifier():
            total += int(line.split()[1]) * 1024 if is_it and line.startswith("Rss:") else 0
        else:
            is_it = line.endswith(str(file))
    return total


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
            while in_memory(file) > SIZE // 8 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert in_memory(file) <= SIZE // 8, "before the copy is done"
            assert mapped[:] == copy, "whatever is read again comes from the file"
        assert in_memory(file) <= SIZE // 8
        assert mapped[SIZE // 2] == 7


def test_what_was_written_to_a_mapping_is_never_given_back(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[:4] = b"mine"
        _Weights(file).give_back()
        assert mapped[:4] == b"mine"
