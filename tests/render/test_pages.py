"""Pages in a browser, offline, light and dark, wide and narrow, and by the rules of every page.

The demonstration page shows every part there is; the published report is what a reader gets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.page_checks import broken_rules, loose_digits, remote_references, repeated_ids, wrong_citations
from tests.render.browser import REPORTS, launched, violations

#: Every pair of texts in a drawing that overlap, and every text that leaves its drawing.
CLASHES = """() => [...document.querySelectorAll('figure svg')].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const inside = box => box.left >= frame.left - 1 && box.right <= frame.right + 1
    && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  return texts.flatMap(([name, box], place) => [
    ...(inside(box) ? [] : [`${svg.parentElement.id}: '${name}' leaves the drawing`]),
    ...texts.slice(place + 1).filter(([, other]) => !apart(box, other)).map(([other]) =>
      `${svg.parentElement.id}: '${name}' and '${other}' overlap`)]);
})"""
#: The smallest size, in pixels, in which a text of a drawing is shown.
SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('figure svg')].filter(svg => svg.checkVisibility())
  .flatMap(svg => [...svg.querySelectorAll('text')].map(text =>
    parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)))"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, demo_file: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    width, scheme, *published = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda asked: noise.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto((REPORTS / published[0] if published else demo_file).as_uri())
    yield page, noise
    context.close()


VIEWS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
PUBLISHED = sorted(path.name for path in REPORTS.glob("*.html"))
#: With the benches and the second demonstration, which have data of their own.
ALL_PAGES = sorted(path.relative_to(REPORTS).as_posix() for path in REPORTS.rglob("*.html"))
#: The page with every summary; which of the views are slow, of other pages and of this one.
SUMMARIES, OTHER_VIEWS = "02-summaries.html", ((1, 2), (0, 1, 2, 3))
#: What the front page may take: pixels at a width of 1280, and sheets of A4.
TALLEST, MOST_SHEETS = 3800, 4
views = pytest.mark.parametrize("opened", VIEWS, indirect=True)


@views
def test_page_is_quiet_and_fits(opened: tuple[Page, list[str]]) -> None:
    page, noise = opened
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert noise == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@views
def test_drawings_are_readable(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    assert page.evaluate(CLASHES) == []
    assert page.evaluate(SMALLEST_TEXT) >= 10


@views
def test_accessible(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    assert violations(page) == []


@pytest.mark.parametrize(
    "opened",
    [
        # Each page is looked at small and light and wide and dark here, and otherwise where it may be slow; so is the
        # page with every summary, which takes half a minute a view.
        pytest.param((*view, name), marks=[pytest.mark.slow] if place in OTHER_VIEWS[name == SUMMARIES] else [])
        for name in ALL_PAGES
        for place, view in enumerate(VIEWS)
    ],
    indirect=True,
)
def test_a_published_page_is_quiet_readable_and_accessible(opened: tuple[Page, list[str]]) -> None:
    test_page_is_quiet_and_fits(opened)
    test_accessible(opened)
    page, _ = opened
    assert page.evaluate(CLASHES) == []


@pytest.mark.parametrize("opened", [(1280, "light"), (1280, "dark")], indirect=True)
def test_colours_follow_the_scheme_and_print_is_light(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    bright = {}
    for medium in ("screen", "print"):
        page.emulate_media(media=medium)
        colours = page.evaluate(
            "[getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color,"
            " ...[...document.querySelectorAll('svg.wide text')].map(text => getComputedStyle(text).fill)]"
        )
        paper, *texts = (sum(map(int, colour[4:-1].split(","))) > 3 * 128 for colour in colours)
        bright[medium] = (paper, set(texts))
    assert bright == {"screen": (not dark, {dark}), "print": (True, {False})}


@pytest.mark.parametrize("opened", [(360, "light"), (1280, "light")], indirect=True)
def test_one_drawing_of_each_figure_is_shown(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    shown = page.evaluate(
        "[...document.querySelectorAll('figure')].map(figure =>"
        " [...figure.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).map(svg => svg.classList[0]))"
    )
    narrow = page.viewport_size == {"width": 360, "height": 900}
    assert [drawn for drawn in shown if drawn] == [["narrow" if narrow else "wide"]], "rows are drawn once"


@pytest.mark.parametrize("opened", [(1280, "light", "index.html")], indirect=True)
def test_the_front_page_is_short_on_a_screen_and_on_paper(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    assert page.evaluate("document.documentElement.scrollHeight") <= TALLEST
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))
    assert 1 < len(sheets) <= MOST_SHEETS


def test_page_obeys_the_rules(demo_page: str, demo: Any) -> None:
    tree = {"results/demo.json": json.loads(demo.model_dump_json())}
    assert loose_digits(demo_page) == []
    assert wrong_citations(demo_page, tree) == []
    assert remote_references(demo_page) == []
    assert repeated_ids(demo_page) == []
    assert len(demo_page.encode()) < 200_000


def test_the_published_report_obeys_the_rules() -> None:
    pages = {name: (REPORTS / name).read_text(encoding="utf-8") for name in PUBLISHED}
    tree = json.loads((REPORTS / "results.json").read_text(encoding="utf-8"))
    assert "index.html" in pages
    for name, html in pages.items():
        assert broken_rules(name, html, tree) == []
