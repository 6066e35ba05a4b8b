"""The review file in a browser: offline, by keyboard alone, narrow and wide, from the first dialogue to the import."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from helpers.report.review_page import review_page
from helpers.runs.reviews import Ratings, Review, make_review, open_ratings, taken_in
from tests.render.browser import launched, until, violations
from tests.review_runs import finished_run

pytestmark = pytest.mark.browser
#: How many dialogues a review of one run and of two has here.
ITEMS = {"one": 60, "two": 12}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module", params=["one", "two"])
def review(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Review:
    folder = tmp_path_factory.mktemp(request.param)
    texts = {
        f"d-{n}": f"Ana and Ben settle <item> {n} & more: a-rather-long-word-that-goes-on at once."
        for n in range(ITEMS[request.param])
    }
    names = ("a",) if request.param == "one" else ("a", "b")
    return make_review([finished_run(folder, name, texts) for name in names])


@pytest.fixture(scope="module")
def file(review: Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("review") / "review.html"
    path.write_text(review_page(review), encoding="utf-8")
    return path


def opened(browser: Browser, file: Path, width: int = 1280, scheme: str = "light") -> tuple[Page, list[str]]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)  # type: ignore[arg-type]
    page, noise = context.new_page(), list[str]()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on(
        "request",
        lambda asked: noise.append(asked.url) if not asked.url.startswith(("file:", "data:", "blob:")) else None,
    )
    page.goto(file.as_uri())
    return page, noise


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_quiet_fits_and_is_accessible(browser: Browser, file: Path, width: int, scheme: str) -> None:
    page, noise = opened(browser, file, width, scheme)
    broken = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert broken == []
    assert noise == []
    page.context.close()


def test_its_one_script_is_named_by_its_hash_and_the_texts_stand_without_it(
    browser: Browser, file: Path, review: Review
) -> None:
    html = file.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in html
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".item:visible").count() == len(review.put)
    assert page.locator(".summary").first.inner_text() == review.put[0].texts[0]
    context.close()


def rate(page: Page, pair: bool) -> None:
    """Rate the dialogue in sight, by keys alone: every third one is not usable, and its second word is marked."""
    wrong = page.evaluate("[...document.querySelectorAll('.item')].findIndex(item => !item.hidden)") % 3 == 0
    for side in range(2 if pair else 1):
        page.evaluate(
            f"[...document.querySelectorAll('.item:not([hidden]) .words button[tabindex=\"0\"]')][{side}].focus()"
        )
        if wrong:
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Space")
        for key in ("2", "4", "5") if wrong else ("1", "3", "5"):
            page.keyboard.press(key)
    if pair:
        page.keyboard.press("l")


def test_all_are_rated_by_keyboard_with_a_break_and_come_back(
    browser: Browser, file: Path, review: Review, tmp_path: Path
) -> None:
    page, noise = opened(browser, file)
    pair, items = len(review.runs) > 1, len(review.put)
    for place in range(items):
        if place == items // 2:
            page.reload()  # a break: it goes on where it stopped
            assert page.locator("#progress").inner_text() == f"{place} of {items} rated"
            assert page.locator(".item:visible h2").inner_text().startswith(f"Dialogue {place + 1} of")
        rate(page, pair)
        page.keyboard.press("n")
    assert page.locator("#progress").inner_text() == f"All {items} are rated: save them"
    page.locator("#name").fill("Vera")
    with page.expect_download() as saved:
        page.locator("#save").press("Enter")
    path = tmp_path / "ratings.json"
    saved.value.save_as(path)
    ratings, said = taken_in(Ratings(), open_ratings(path), review, "ratings.json", "person")
    assert said == f"ratings.json: {items} ratings of reader 1"
    assert sum(one.usable for one in ratings.readings) == items * 2 // 3
    assert {one.words for one in ratings.readings} == {(), ("and",)}
    assert len(ratings.preferences) == (items if pair else 0)
    assert noise == []

    elsewhere, _ = opened(browser, file)  # another browser goes on from the saved file
    elsewhere.locator("#load").set_input_files(path)
    until(elsewhere, "document.querySelector('#progress').textContent.startsWith('All')")
    assert elsewhere.locator("#name").input_value() == "Vera"
    for one in (page, elsewhere):
        one.context.close()
