"""The web app as a user starts it: a process of its own in front of a scripted server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.environment import clean_environment
from tests.scripted_server import ScriptedServer, summary

#: The app's own token, which must reach nobody but the app's own server.
PLANTED = "planted-environment-token"


@dataclass(frozen=True)
class RunningApp:
    """A running app: its process, its address, its own server, and where it writes."""

    process: subprocess.Popen[str]
    url: str
    server: ScriptedServer
    folder: Path

    def log(self) -> str:
        """Return everything the app has written so far, its terminal included."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)

    def read(self, name: str) -> list[str]:
        """Return the lines of a file in the app's run."""
        found = list(self.folder.glob(f"app-*/{name}"))
        return found[0].read_text(encoding="utf-8").splitlines() if found else []


@contextmanager
def running(folder: Path, *settings: str) -> Iterator[RunningApp]:
    """Run ``python -m helpers app`` on a free port until the block ends."""
    with ScriptedServer(summary("Ann and Bo meet at noon.")) as server, (folder / "terminal").open("w") as errors:
        own = {"HF_ENDPOINT_URL": server.url, "HF_TOKEN": PLANTED, "HF_HUB_OFFLINE": "1", "HELPERS_RUNS": str(folder)}
        command = [sys.executable, "-m", "helpers", "app", "params/endpoint.yaml", "--port", "0", *settings]
        env = clean_environment(**own)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http"), (folder / "terminal").read_text()
            yield RunningApp(process, url, server, folder)
        finally:
            process.terminate()
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()
                process.stdout.close()
