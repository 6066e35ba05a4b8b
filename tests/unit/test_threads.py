"""What every process is told before an engine's threads are made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.core.machine import spins


@pytest.mark.parametrize(
    ("told", "rounds"),
    [
        ("processor\t: 0\nvendor_id\t: GenuineIntel\n", ("10000", "1500")),
        ("vendor_id\t: AuthenticAMD\nvendor_id\t: GenuineIntel\n", ("2500", "900")),
        ("CPU implementer\t: 0x41\n", ("10000", "1500")),
        (None, ("10000", "1500")),
    ],
)
def test_the_vendor_says_after_how_many_rounds_waiting_threads_sleep(
    told: str | None, rounds: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if told is not None:
        (tmp_path / "cpuinfo").write_text(told)
    monkeypatch.setattr("helpers.core.machine.CPUINFO", tmp_path / "cpuinfo")
    assert spins() == rounds


@pytest.mark.parametrize("own", [{}, {"GOMP_SPINCOUNT": "7", "KMP_BLOCKTIME": "200"}])
def test_waiting_threads_soon_sleep_unless_somebody_says_otherwise(own: dict[str, str]) -> None:
    """Those of CTranslate2, which is imported within ``brief_spins``, sooner than others."""
    ask = (
        "import helpers, os; from helpers.engines.factory import brief_spins\n"
        "with brief_spins(): inside = os.environ['GOMP_SPINCOUNT']\n"
        "print(os.environ['GOMP_SPINCOUNT'], inside, os.environ['KMP_BLOCKTIME'])"
    )
    without = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=without | own, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == (["7", "7", "200"] if own else [*spins(), "1"])
