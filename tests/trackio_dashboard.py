"""trackio's own dashboard on loopback, over a folder of projects; as a program, the picture that the README shows.

``python -m tests.trackio_dashboard RUN…`` logs finished runs to a project of its own and writes it to docs/pictures.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from playwright.sync_api import Page, Route

from helpers.core.paths import PROJECT
from helpers.report.tracking import track
from helpers.runs.directory import attach
from tests.environment import clean_environment
from tests.render.browser import launched

#: Seconds that the dashboard may take to answer, under load.
PATIENCE = 90.0
ADDRESS = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+[^\s\x1b]*")


@contextmanager
def dashboard(folder: Path, project: str) -> Iterator[str]:
    """Run ``trackio show`` over a folder until the block ends; yields its address."""
    command = [sys.executable, "-u", "-m", "trackio.cli", "show", "--project", project]
    known = clean_environment(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1", BROWSER="true", GRADIO_ANALYTICS_ENABLED="0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=known) as shown:
        lines: Queue[str] = Queue()
        assert shown.stdout
        threading.Thread(target=lambda: [lines.put(line) for line in shown.stdout or ()], daemon=True).start()
        try:
            said = ""
            while not (found := ADDRESS.search(said)):
                said += lines.get(timeout=PATIENCE)
            yield found[0]
        finally:
            shown.terminate()
            shown.wait(30)


@contextmanager
def opened(address: str) -> Iterator[tuple[Page, list[str]]]:
    """Open an address in a browser that reaches loopback alone; yields the page and what it asked for elsewhere."""
    elsewhere: list[str] = []

    def only_here(route: Route) -> None:
        if re.match(r"(http|ws)://(127\.0\.0\.1|localhost)[:/]|data:|blob:", route.request.url):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    with launched() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5).new_page()
        page.route("**/*", only_here)
        page.goto(address)
        yield page, elsewhere


def take_picture(runs: list[Path]) -> None:
    """Write the picture of the dashboard of some finished runs."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRACKIO_DIR"] = folder
        for directory in runs:
            run = attach(directory.resolve())
            tracking = run.params.tracking.model_copy(update={"backend": "trackio"})
            run.params = run.params.model_copy(update={"tracking": tracking})
            assert "trackio show" in track(run)
        with dashboard(Path(folder), tracking.project) as address, opened(address) as (page, _):
            page.get_by_text("service_time").first.wait_for(timeout=PATIENCE * 1000)
            page.get_by_placeholder("e.g., loss").fill("request/(service|output)|score/(rougeL$|key_fact)")
            page.wait_for_timeout(4000)  # the curves are drawn after their names
            page.screenshot(path=PROJECT / "docs" / "pictures" / "dashboard.png")


if __name__ == "__main__":
    take_picture([Path(name) for name in sys.argv[1:]])
