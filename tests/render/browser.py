"""Headless Chromium, offline, for the browser tests; as a program, the pictures that the README shows.

``python -m tests.render.browser``, which is ``make pictures``, opens the published pages and writes ``docs/pictures``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from helpers.core.paths import PROJECT

REPORTS, PICTURES = PROJECT / "reports", PROJECT / "docs" / "pictures"
#: Width of a small picture, pixels.
THUMBNAIL = 480
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


def violations(page: Page) -> list[str]:
    """Return the rules of accessibility that a page breaks, with all that it folds opened."""
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found]


def until(page: Page, expression: str, arg: object = None) -> None:
    """Wait until an expression holds on a page, for twenty seconds at most.

    Playwright's own `wait_for_function` looks again from within the page, where our policy forbids it to.
    """
    for _ in range(400):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it does not come to hold: {expression}")


def take_pictures() -> None:
    """Write the first screen of the published report, and a small one of every other page and of the bench."""
    PICTURES.mkdir(exist_ok=True)
    pages = [
        path
        for path in sorted(REPORTS.glob("0*.html"))
        if (PROJECT / "notebooks" / path.stem).with_suffix(".ipynb").is_file()
    ]
    small = {path.stem: path for path in pages} | {"bench": REPORTS / "bench" / "index.html"}
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5, offline=True)
        page = context.new_page()
        for name, path in {"report": REPORTS / "index.html", **small}.items():
            page.goto(path.as_uri())
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            if name in small:
                picture = picture.resize((THUMBNAIL, THUMBNAIL * picture.height // picture.width), Image.LANCZOS)
            picture.quantize(256).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    take_pictures()
