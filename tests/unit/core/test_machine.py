"""What is read of the machine."""

import os

import psutil
import pytest

from helpers.core.machine import busy_cores


def test_cores_at_work_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda seconds, *, percpu: [100.0, 50.0, 100.0, 100.0])
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    assert busy_cores() == 1.5
