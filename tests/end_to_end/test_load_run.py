"""The load verb as a process: what it says while it runs, what an interruption leaves, and what a long run holds."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "queue_server.py"


@pytest.mark.slow
def test_what_was_measured_until_ctrl_c_is_kept_and_progress_was_told(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    told, terminal = pty.openpty()
    command = [sys.executable, "-m", "helpers", "load", "--arrival", "constant", "--rate", "20", "--duration", "250"]
    with subprocess.Popen([sys.executable, str(SERVER), "0.005", "1"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        load = subprocess.Popen(
            [*command, "--repeats", "2", "--json", str(report), url], stdout=subprocess.DEVNULL, stderr=terminal
        )
        try:
            os.close(terminal)
            line = b""
            while not (found := re.search(rb"(\d\d+) answered, (\d+) failed, \d+ in flight", line)):
                line += os.read(told, 4096)
            load.send_signal(signal.SIGINT)
            assert load.wait(60) == 0
        finally:
            load.kill()
            server.terminate()
            os.close(told)
    assert re.search(rb"run 1/2 at 20/s: \d+ of 250 s, \d+ sent, ", line)
    found_report = json.loads(report.read_text())
    assert found_report["interrupted"] is True
    assert len(found_report["repeats"]) == 1
    failed = sum(found_report["errors"].values())
    assert int(found[1]) <= found_report["n"] - failed
    assert found_report["n"] < 20 * 250
    assert set(found_report["errors"]) <= {"cancelled"}
    assert found_report["response_time"]["mean"] > 0


MILLION = """
import asyncio, json
from pathlib import Path
from helpers.backends.base import Answer
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.summary import summarise
from helpers.params import Generation
from helpers.experiments.load.sending import send

class Stub:
    def call(self, work):
        return asyncio.run(work())

    async def ask(self, dialogues, generation):
        await asyncio.sleep(0)
        return [Answer("")]

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024

send(Stub(), ["Ann: Noon?"], Generation(), Plan("constant", 1.0, 1_000.0))
before = peak()
run = send(Stub(), ["Ann: Noon?"], Generation(), Plan("constant", 1.0, 1_000_000.0))
print(json.dumps([len(run.kinds), run.answered, peak() - before]))
"""


@pytest.mark.slow
def test_a_million_requests_hold_their_numbers_and_nothing_else() -> None:
    """A million tasks or answers that were kept would take a gigabyte."""
    done = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True, timeout=280, check=True)
    sent, answered, grown = json.loads(done.stdout)
    print(f"{sent:,} requests grew memory by {grown / 1e6:.0f} MB")
    assert (sent, answered) == (1_000_000, 1_000_000)
    assert grown < 150_000_000
