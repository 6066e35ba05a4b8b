"""Headless Chromium, offline, for the browser tests; as a program, the picture that the README shows.

``python -m tests.render.browser`` opens the published ``reports/index.html`` and writes ``reports/report.png``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from helpers.core.paths import PROJECT

REPORTS = PROJECT / "reports"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched() -> Iterator[Browser]:
    """Run the Chromium of this machine until the block ends."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert path, f"no browser: install one of {', '.join(BROWSERS)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def take_picture() -> None:
    """Write the picture of the published report's first screen."""
    with launched() as browser:
        page = browser.new_context(
            viewport={"width": 1280, "height": 900}, device_scale_factor=1.5, offline=True
        ).new_page()
        page.goto((REPORTS / "index.html").as_uri())
        page.screenshot(path=REPORTS / "report.png")


if __name__ == "__main__":
    take_picture()
