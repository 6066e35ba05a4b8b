"""Processes beside the caller's: ended when it is, however it is."""

import os
import signal
import subprocess
import sys
import time

import psutil

from helpers.core.processes import pool

LIMIT = 30.0
CALLER = """
import os, time
from helpers.core.processes import pool
with pool(1) as others:
    print(others.submit(os.getpid).result(), flush=True)
    others.submit(time.sleep, 60).result()
"""


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_pool_answers_from_a_process_of_its_own() -> None:
    with pool(1) as others:
        assert others.submit(os.getpid).result() != os.getpid()


def test_a_busy_process_ends_with_a_caller_that_is_killed() -> None:
    caller = subprocess.Popen([sys.executable, "-c", CALLER], stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    try:
        worker = int(caller.stdout.readline())
    finally:
        caller.kill()
        caller.wait(LIMIT)
        caller.stdout.close()
    until = time.monotonic() + LIMIT
    while runs(worker) and time.monotonic() < until:
        time.sleep(0.05)
    if runs(worker):
        os.kill(worker, signal.SIGKILL)
        raise AssertionError("its worker goes on without it")
