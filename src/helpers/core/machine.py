"""The machine this runs on: its processor, cores and addresses, the memory a process took, and signals."""

from __future__ import annotations

import os
import signal
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

CPUINFO = Path("/proc/cpuinfo")


def cpuinfo(name: str) -> str:
    """Return a field of the first processor as Linux describes it, or nothing where it does not."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def busy_cores(seconds: float = 0.5) -> float:
    """Return how many of the cores this process may use are at work now; it waits ``seconds`` and does nothing."""
    import psutil  # only where something is measured

    each = psutil.cpu_percent(seconds, percpu=True)
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(each))
    return sum(each[core] for core in usable if core < len(each)) / 100


def end_on_signal() -> list[int]:
    """Return a list that stays empty until this process is sent SIGTERM or SIGINT.

    A list has no lock that a second signal could wait for while the first is dealt with.
    """
    signalled: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: signalled.append(caught))
    return signalled


def is_loopback(url: str) -> bool:
    """Whether an address names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def peak_memory(pid: int | None) -> int | None:
    """Return a living process's peak resident memory in bytes, where the system tells it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
