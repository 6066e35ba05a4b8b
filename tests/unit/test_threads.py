"""What every process is told before an engine's threads are made."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("own", "seen"), [({}, "10000 1"), ({"GOMP_SPINCOUNT": "7", "KMP_BLOCKTIME": "200"}, "7 200")])
def test_waiting_threads_soon_sleep_unless_somebody_says_otherwise(own: dict[str, str], seen: str) -> None:
    ask = "import helpers, os; print(os.environ['GOMP_SPINCOUNT'], os.environ['KMP_BLOCKTIME'])"
    without = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=without | own, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == seen


@pytest.mark.parametrize(
    ("vendor", "own", "seen"),
    [
        ("GenuineIntel", {}, "1500 10000"),
        ("AuthenticAMD", {}, "700 10000"),
        ("", {}, "1500 10000"),
        ("AuthenticAMD", {"GOMP_SPINCOUNT": "7"}, "7 7"),
    ],
)
def test_threads_of_ctranslate2_sleep_sooner_than_others(vendor: str, own: dict[str, str], seen: str) -> None:
    ask = (
        "import os; from helpers.engines import factory; from helpers.engines.factory import brief_spins\n"
        f"factory.cpuinfo = lambda name: {vendor!r}\n"
        "with brief_spins(): inside = os.environ['GOMP_SPINCOUNT']\n"
        "print(inside, os.environ['GOMP_SPINCOUNT'])"
    )
    without = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=without | own, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == seen
