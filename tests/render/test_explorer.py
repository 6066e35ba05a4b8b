"""The page of all summaries in a browser: offline, with and without its script, by keyboard, narrow and wide."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.explorer_runs import corpus_rows, explored, objection, run_of, scored
from tests.render.browser import launched, until, violations

pytestmark = pytest.mark.browser
SHOWN = "[...document.querySelectorAll('article')].filter(one => one.checkVisibility()).map(one => one.id)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        scored("a", failures=("unknown_person",), summary="Zoe comes at 4. " + "שלום " * 9, domain="meetings"),
        scored("b", objections=(objection("when", "3 in: They meet at 3."),), summary="They meet at 3.", length="long"),
        scored("c", dialogue="Ana: Hello.\n" * 60, scores={"rougeL": 0.1, "key_fact_recall": 0.9}),
        scored("d", "x" * 3_000, scores={"rougeL": 0.9, "key_fact_recall": 1.0}),
    ]
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "02-summaries.html").write_text(explored(run_of(folder, rows)), encoding="utf-8")
    return folder / "02-summaries.html"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / "02-summaries.html").write_text(explored(run_of(folder, corpus_rows(1_000))), encoding="utf-8")
    return folder / "02-summaries.html"


def opened(browser: Browser, file: Path, address: str = "", **options: Any) -> tuple[Page, list[str]]:
    context = browser.new_context(offline=True, **({"viewport": {"width": 1280, "height": 900}} | options))  # type: ignore[arg-type]
    page, noise = context.new_page(), list[str]()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda asked: noise.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto(file.as_uri() + address)
    return page, noise


@pytest.mark.parametrize("width", [360, 1280, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_quiet_fits_and_is_accessible(browser: Browser, file: Path, width: int, scheme: str) -> None:
    page, noise = opened(browser, file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    broken = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert broken == []
    assert noise == []
    page.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_choices_filter_and_sort_with_the_script_and_without(browser: Browser, file: Path, script: bool) -> None:
    page, _ = opened(browser, file, java_script_enabled=script)

    def seen() -> list[str]:
        boxes = {one.get_attribute("id"): one.bounding_box() for one in page.locator("article").all()}
        return sorted((id for id, box in boxes.items() if box), key=lambda id: boxes[id]["y"])  # type: ignore[index,misc]

    assert seen() == ["a", "b", "c", "d"]
    page.get_by_label("Failed check").select_option("when")
    assert seen() == ["b"]
    page.get_by_label("Length").select_option("short")
    assert seen() == []
    page.get_by_role("button", name="Show all").click()
    assert seen() == ["a", "b", "c", "d"]
    page.get_by_label("Failed check").select_option("none that counts")
    page.get_by_label("Order").select_option("lowest ROUGE-L first")
    assert seen() == ["c", "d"]
    page.get_by_label("Failed check").select_option("all")
    assert seen() == ["c", "a", "b", "d"]
    assert page.get_by_label("Search").is_visible() == script
    page.context.close()


def test_the_search_the_count_and_the_address_are_the_scripts(browser: Browser, file: Path) -> None:
    page, noise = opened(browser, file)
    page.get_by_label("Search").fill("zoe COMES")
    assert page.locator("output").inner_text() == "1 of 4 shown"
    page.get_by_label("Search").fill("")
    page.get_by_label("Order").select_option("lowest ROUGE-L first")
    page.get_by_label("Length").select_option("short")
    again, _ = opened(browser, file, page.evaluate("location.hash"))
    assert again.evaluate(SHOWN) == page.evaluate(SHOWN) == ["c", "a", "d"]  # the order of the document follows
    page.evaluate("location.hash = '#main'")  # as the link that skips the navigation does
    assert page.evaluate(SHOWN) == ["c", "a", "d"]
    page.evaluate("location.hash = '#b'")  # which is hidden now
    until(page, "document.getElementById('b').checkVisibility()")
    assert page.evaluate("location.hash") == "#b"
    assert page.locator("output").inner_text() == "4 of 4 shown"
    assert noise == []
    for one in (page, again):
        one.context.close()


def test_it_goes_from_summary_to_dialogue_by_keyboard(browser: Browser, file: Path) -> None:
    page, _ = opened(browser, file)
    page.locator("#c h2 a").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"  # the references
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article').id") == "c"
    page.keyboard.press("End")
    until(page, "document.activeElement.scrollTop > 0")
    page.context.close()


def test_marks_have_names_and_print_shows_whole_dialogues(browser: Browser, file: Path) -> None:
    page, _ = opened(browser, file)
    page.emulate_media(media="print")
    assert page.locator("#b mark").first.inner_text() == "3[when]"
    assert not page.get_by_label("Order").is_visible()
    assert page.evaluate("(one => one.scrollHeight - one.clientHeight)(document.querySelector('#c .talk'))") == 0
    page.context.close()


@pytest.mark.slow
def test_a_thousand_are_usable(browser: Browser, many: Path) -> None:
    page, noise = opened(browser, many)
    until(page, "!document.querySelector('article:not([style])')")
    ids = page.evaluate(SHOWN)
    assert len(ids) == 1_000
    assert page.locator("article .talk").count() == 1_000
    began = time.monotonic()
    page.get_by_label("Failed check").select_option("ends within a sentence")
    page.get_by_label("Order").select_option("longest dialogue first")
    assert page.locator("output").inner_text() == "100 of 1,000 shown"
    assert time.monotonic() - began < 10  # two choices on a machine that does much else
    deep, _ = opened(browser, many, f"#{ids[-1]}")
    until(deep, "!document.querySelector('article:not([style])')")
    until(deep, "id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 900", arg=ids[-1])
    assert noise == []
    for one in (page, deep):
        one.context.close()


def test_a_thousand_can_be_read_and_filtered_without_the_script(browser: Browser, many: Path) -> None:
    page, _ = opened(browser, many, java_script_enabled=False)
    page.get_by_label("Failed check").select_option("ends within a sentence")
    assert sum(one.is_visible() for one in page.locator("article.fcut_off").all()[:100]) == 100
    assert not page.locator("article:not(.fcut_off)").first.is_visible()
    page.context.close()
