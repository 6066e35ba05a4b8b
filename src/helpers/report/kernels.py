"""The kernels of the notebooks, forked from one process that has imported what every page needs.

A kernel of its own would import it for each page again, which took longer than most pages do.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any, cast

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

#: What the notebooks call their kernel.
KERNEL = "python3"
#: Imported once, in the process that the kernels are forked from.
IMPORTED = (
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_svg",
    "nltk.stem.porter",
    "nltk.tokenize.punkt",
    "scipy.stats",
    "helpers.notebook",
    *(f"helpers.report.views.{view.stem}" for view in sorted((Path(__file__).parent / "views").glob("[a-z]*.py"))),
)
_FORKED = EntryPoint("helpers-forked", "helpers.report.kernels:ForkedKernel", KernelProvisionerFactory.GROUP_NAME)
_FORKS = multiprocessing.get_context("forkserver")


class ForkedKernel(LocalProvisioner):
    """A kernel on this machine that is forked instead of started."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel for a command, and return how to reach it."""
        forked = _Forked(cmd[cmd.index("-f") :], kwargs["env"])
        self.process = cast("subprocess.Popen[Any]", forked)
        self.pid = forked.pid
        return self.connection_info


class _Forked:
    """A forked kernel, in the terms of `subprocess.Popen`."""

    largest = 0
    stdin = stdout = stderr = None

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.peak, ours = _FORKS.Pipe(duplex=False)
        self.process = _FORKS.Process(target=_kernel, args=(arguments, dict(environment), Path.cwd(), ours))
        self.process.start()
        ours.close()

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        with suppress(EOFError, OSError):  # it was killed, or this was asked before
            _Forked.largest = max(_Forked.largest, self.peak.recv())
        self.peak.close()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        if self.process.pid and self.process.is_alive():
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()

    def terminate(self) -> None:
        self.process.terminate()


def largest_kernel() -> int:
    """Return the peak resident memory, bytes, of the largest kernel that has ended, its own children included."""
    return _Forked.largest


def _kernel(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, peak: Connection) -> None:
    """Be a kernel until it is told to end; what a session of its own would hear, Ctrl-C above all, stays outside."""
    import resource  # on POSIX alone

    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        IPKernelApp.launch_instance(list(arguments), parent_handle=os.getppid())
    finally:
        atexit._run_exitfuncs()
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak.send(max(resource.getrusage(one).ru_maxrss for one in who) * (1024 if sys.platform != "darwin" else 1))


def import_ahead() -> None:
    """Begin to import what the kernels need, beside whatever this process does next."""
    _FORKS.set_forkserver_preload(list(IMPORTED))
    ensure_running()


@contextmanager
def own_kernel() -> Iterator[None]:
    """Make this Python the kernel of the notebooks: a user's own of that name knows nothing of this package."""
    spec: dict[str, Any] = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": _FORKED.name}},
    }
    import_ahead()
    KernelProvisionerFactory.instance().provisioners[_FORKED.name] = _FORKED
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels" / KERNEL / "kernel.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(spec))
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before
