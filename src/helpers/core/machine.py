"""The machine this runs on: its processor, cores and addresses, the memory a process took, and signals."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

CPUINFO = Path("/proc/cpuinfo")


class Spins(NamedTuple):
    """After how many rounds a waiting thread of an engine sleeps, unless somebody says otherwise."""

    torch: str
    ctranslate2: str


#: On two cores of a Xeon transformers kept 54 % of its fair share beside a busy neighbour so, and lost nothing alone
#: (with 1,500 rounds a fifth); CTranslate2 52 % and 8 %, with 2,500 rounds 36 % and 3 %.
SPINS = Spins(torch="10000", ctranslate2="1500")
#: By vendor, where a round takes another time: on two cores of an EPYC 90 % and nothing (with 10,000 rounds 37 %);
#: CTranslate2 45 % and 2 % (with 700 rounds 52 % and 4 %, with 1,500 33 % and 5 %).
SPINS_OF = {"AuthenticAMD": Spins(torch="2500", ctranslate2="900")}


def spins() -> Spins:
    """Return after how many rounds waiting threads sleep on this processor."""
    return SPINS_OF.get(cpuinfo("vendor_id"), SPINS)


def cpuinfo(name: str) -> str:
    """Return a field of the first processor as Linux describes it, or nothing where it does not."""
    with suppress(FileNotFoundError), CPUINFO.open() as lines:  # of many processors, a long file
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
    return ""


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
