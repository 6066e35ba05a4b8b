"""The web app as visitors meet it: in a browser, and twenty at once."""

import csv
import json
import os
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from helpers.app.client import WORDS
from helpers.core.errors import Failure
from tests.app_process import PLANTED, RunningApp, running
from tests.render.browser import launched
from tests.scripted_server import Play, ScriptedServer, answer, cut, echo, gated, hold, raw, summary
from tests.unit.app.test_client import STREAM

#: The first event of an app may take longer than the five seconds of the library where the processor is busy.
expect.set_options(timeout=20_000)

pytest.importorskip("gradio")

EVIL = "<img src=x onerror=\"window.ran='yes'\">"
FORMULA = "=cmd()|' /C calc'!A0"
TOKEN = "visitors-secret-token"
COUNTS = ["x-input-tokens: 1100", "x-output-tokens: 12", "x-lost-tokens: 76"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("app"), "--set", "privacy.text=full") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(params=[1280])
def page(app: RunningApp, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The app's page; at the end no script of anybody else's has run and nothing remote was asked for."""
    context = browser.new_context(viewport={"width": request.param, "height": 800}, accept_downloads=True)
    opened, asked = context.new_page(), []
    opened.on("request", lambda sent: asked.append(sent.url))
    opened.goto(app.url)
    expect(opened.locator("#go")).to_be_visible(timeout=30_000)
    yield opened
    assert opened.evaluate("window.ran") is None
    assert [url for url in asked if not url.startswith((app.url, "data:", "blob:"))] == []
    context.close()


def play(app: RunningApp, *script: Any) -> None:
    app.server.script[:] = script
    app.server.requests.clear()


def summarise(page: Page, dialogue: str = "Ann: Lunch at noon?\nBo: Yes.") -> None:
    page.locator("#dialogue textarea").fill(dialogue)
    page.locator("#go").click()


def name_server(page: Page, url: str, token: str = "") -> None:
    page.get_by_role("button", name="Server and settings").click()
    page.locator("#url input, #url textarea").fill(url)
    page.locator("#token input").fill(token)


def downloaded(page: Page, button: str) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.locator(button).click()
    return list(csv.DictReader(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()))


@pytest.mark.browser
@pytest.mark.parametrize("page", [1280, pytest.param(360, marks=pytest.mark.slow)], indirect=True)
def test_a_summary_its_time_and_what_was_not_read(app: RunningApp, page: Page) -> None:
    play(app, answer(200, [{"summary_text": "Ann and Bo meet."}], COUNTS))
    expect(page.locator("#about")).to_contain_text("BART-large (406 M) fine-tuned on HighlightSum")
    expect(page.locator("#about")).to_contain_text(
        f"It goes to the endpoint at {app.server.url.removeprefix('http://')}."
    )
    page.get_by_role("button", name=re.compile("bunk bed.*support retail, ")).click()
    expect(page.locator("#dialogue textarea")).to_have_value(re.compile("Hana"))
    expect(page.locator("#cancel")).to_have_count(0)
    page.locator("#go").click()
    expect(page.locator("#summary textarea")).to_have_value("Ann and Bo meet.")
    expect(page.locator("#said")).to_contain_text(re.compile(r"\d\.\d\d s · 1,100 tokens read · 12 tokens written"))
    expect(page.locator("#said [role=alert]")).to_have_text(
        "Too long for the model: it never read 76 tokens of the dialogue."
    )
    expect(page.locator("#checks mark.failed")).to_have_text(["Ann1", "Bo1"])
    expect(page.locator("#checks")).to_contain_text("Name not in the dialogue (output check): “Ann”; “Bo”")
    expect(page.locator("#cancel")).to_have_count(0)
    left, right = page.locator(".beside > *").all()
    (a, b), wide = (one.bounding_box() for one in (left, right)), page.viewport_size
    assert a
    assert b
    assert wide
    assert (a["y"] == b["y"] and a["x"] < b["x"]) if wide["width"] >= 960 else a["y"] < b["y"]
    page.locator("#good").click()
    expect(page.locator("#good")).to_be_disabled()
    expect(page.locator("#good")).to_have_text("✓ Helpful")
    expect(page.locator("#bad")).to_have_text("Not helpful")
    assert json.loads(app.read("feedback.jsonl")[-1])["helpful"] is True
    for tab in ("Batch", "History", "Monitoring"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    expect(page.get_by_role("img", name=re.compile("Service time, seconds: 1 values up to"))).to_be_visible()
    caption = page.locator("#rules caption").inner_text()
    expect(page.locator("#rules")).to_contain_text(re.compile("Median latency.*not enough data"))
    expect(page.locator("#rules caption")).not_to_have_text(caption)  # it is redrawn by itself


@pytest.mark.browser
@pytest.mark.parametrize("text", [EVIL, pytest.param(FORMULA, marks=pytest.mark.slow)])
def test_what_a_model_or_a_visitor_wrote_is_text(app: RunningApp, page: Page, text: str) -> None:
    play(app, echo)
    summarise(page, text)
    expect(page.locator("#summary textarea")).to_have_value(text)
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#history .text")).to_contain_text(text)
    expect(page.locator("#history .name")).to_have_text(text[:39].rstrip() + "…" if len(text) > 40 else text)
    assert page.locator("img[src=x]").count() == 0
    row = downloaded(page, "#download")[0]
    assert row["summary"] == ("'" + text if text == FORMULA else text)


@pytest.mark.browser
def test_a_batch_with_a_bad_row(app: RunningApp, page: Page, tmp_path: Path) -> None:
    play(app, echo)
    (tmp_path / "rows.csv").write_text(f'id,dialogue\nfirst,Ann: Hi\n=cmd(),\nlast,"{FORMULA}"\n')
    page.get_by_role("tab", name="Batch").click()
    page.locator("#file input[type=file]").set_input_files(tmp_path / "rows.csv")
    expect(page.locator("#file")).to_contain_text("rows")
    page.locator("#go-all").click()
    expect(page.locator("#said-all")).to_contain_text("3 of 3 done, 1 without a summary")
    expect(page.locator("#answers .text")).to_contain_text(
        ["Ann: Hi", "row 2 (line 3): no dialogue in column 'dialogue'", FORMULA]
    )
    rows = downloaded(page, "#download-all")
    assert [row["id"] for row in rows] == ["first", "'=cmd()", "last"]
    assert [row["summary"] for row in rows] == ["Ann: Hi", "", "'" + FORMULA]
    assert rows[1]["problem"] == "row 2 (line 3): no dialogue in column 'dialogue'"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (answer(401, TOKEN), Failure.AUTH),
        pytest.param(answer(503, "loading"), Failure.COLD, marks=pytest.mark.slow),
    ],
)
def test_a_server_that_a_visitor_names(app: RunningApp, page: Page, script: Play, kind: Failure) -> None:
    play(app, summary())
    with ScriptedServer(script) as theirs:
        name_server(page, theirs.url, TOKEN)
        assert page.locator("#token input").get_attribute("type") == "password"
        summarise(page)
        expect(page.locator("#said [role=alert]")).to_have_text(WORDS[kind])
        assert f"Bearer {TOKEN}".encode() in theirs.requests[-1]
        assert PLANTED.encode() not in b"".join(theirs.requests)
    assert app.server.requests == []
    summarise(page)  # the server is gone now
    expect(page.locator("#said [role=alert]")).to_have_text(WORDS[Failure.CONNECTION])
    assert TOKEN not in page.content()
    assert PLANTED not in page.content()
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])").find(TOKEN) < 0


@pytest.mark.browser
def test_a_chat_server_that_a_visitor_names_is_shown_as_it_writes_and_offers_no_beams(
    app: RunningApp, page: Page
) -> None:
    play(app, summary())
    with ScriptedServer(answer(200, {"data": [{"id": "m", "owned_by": "vllm"}]}), raw(STREAM)) as theirs:
        name_server(page, theirs.url)
        expect(page.locator("#beams")).to_be_visible()
        page.locator("#token input").press("Enter")
        expect(page.locator("#seen")).to_contain_text("vLLM answers there with the model m")
        expect(page.locator("#beams")).to_be_hidden()
        first, rest = STREAM[: STREAM.index(b"Bo meet.")], STREAM[STREAM.index(b"Bo meet.") :]
        theirs.script[:] = [gated(first, shown := threading.Event(), rest)]
        theirs.requests.clear()
        summarise(page)
        expect(page.locator("#summary textarea")).to_have_value("Ann and", timeout=15_000)
        shown.set()
        expect(page.locator("#summary textarea")).to_have_value("Ann and Bo meet.", timeout=15_000)
        expect(page.locator("#said")).to_contain_text(re.compile(r"first words after \d\.\d\d s · 9 tokens read"))
        expect(page.locator("#said [role=alert]")).to_contain_text("Cut off")
        assert len(theirs.requests) == 1, "it was looked at before"
    assert app.server.requests == []
    page.get_by_role("tab", name="Monitoring").click()
    expect(page.get_by_role("img", name=re.compile("First words after, seconds: 1 values"))).to_be_visible()
    expect(page.locator("#about")).to_contain_text("need a review")
    page.locator("#url input, #url textarea").fill("")
    page.locator("#token input").press("Enter")
    expect(page.locator("#beams")).to_be_visible()


@pytest.mark.browser
def test_a_server_that_dies_while_it_writes_and_a_visitor_who_cancels(app: RunningApp, page: Page) -> None:
    play(app, summary("Before."))
    summarise(page)
    expect(page.locator("#summary textarea")).to_have_value("Before.")
    first, models = STREAM[: STREAM.index(b"Bo meet.")], answer(200, {"data": [{"id": "m", "owned_by": "vllm"}]})
    with ScriptedServer(models, raw(STREAM)) as theirs:
        name_server(page, theirs.url)
        page.locator("#token input").press("Enter")
        expect(page.locator("#seen")).to_contain_text("vLLM")
        theirs.script[:] = [cut(first)]
        summarise(page)
        expect(page.locator("#said [role=alert]")).to_contain_text("The server broke off while it was writing.")
        expect(page.locator("#said [role=alert]")).to_contain_text("The text above is unfinished")
        expect(page.locator("#summary textarea")).to_have_value("Ann and")
        expect(page.locator("#cancel")).to_have_count(0)
        theirs.script[:] = [gated(first, (shown := threading.Event()), b"")]
        summarise(page)
        expect(page.locator("#summary textarea")).to_have_value("Ann and")
        expect(page.locator("#go")).to_be_disabled()
        page.locator("#cancel").click()
        expect(page.locator("#said")).to_contain_text("Cancelled. The text above is unfinished")
        expect(page.locator("#go")).to_be_enabled()
        expect(page.locator("#cancel")).to_have_count(0)
        shown.set()
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#history tbody tr")).to_have_count(2)
    expect(page.locator("#history .text").first).to_contain_text("broke off")


@pytest.mark.slow
@pytest.mark.browser
def test_two_sessions_at_once_share_nothing(app: RunningApp, browser: Browser, tmp_path: Path) -> None:
    """Two visitors, and a second tab of the first: drafts, summaries, history, charts and downloads are their own."""
    play(app, echo)
    ada, bea = (browser.new_context(accept_downloads=True) for _ in range(2))
    pages = {"Ada": ada.new_page(), "Bea": bea.new_page(), "Ada again": ada.new_page()}
    for page in pages.values():
        page.goto(app.url)
        expect(page.locator("#go")).to_be_visible(timeout=30_000)
    for name, page in pages.items():
        summarise(page, f"{name}: secret of {name}.")
    for name, page in pages.items():
        expect(page.locator("#summary textarea")).to_have_value(f"{name}: secret of {name}.")
        page.locator("#dialogue textarea").fill(f"{name}: a draft")
    for name, page in pages.items():
        page.get_by_role("tab", name="History").click()
        expect(page.locator("#history .text")).to_contain_text([f"{name}: secret of {name}."])
        assert [row["summary"] for row in downloaded(page, "#download")] == [f"{name}: secret of {name}."]
        page.get_by_role("tab", name="Monitoring").click()
        expect(page.locator("#charts")).to_contain_text("1 request, 0 failed")
        text = page.content() + page.locator("#dialogue textarea").input_value()
        assert f"{name}: a draft" in text
        assert not [other for other in pages if other != name and f"{other}: " in text]
    ada.close()
    bea.close()


@pytest.mark.slow
@pytest.mark.browser
def test_a_run_folder_that_cannot_be_written_is_told(tmp_path: Path, browser: Browser) -> None:
    with running(tmp_path) as app:
        (folder,) = tmp_path.glob("app-*")
        (folder / "requests.jsonl").mkdir()  # what no account can write to, root included
        page = browser.new_page()
        page.goto(app.url)
        summarise(page)
        expect(page.locator("#said [role=alert]")).to_contain_text("The app cannot write its log")
        expect(page.locator("#go")).to_be_enabled()
        expect(page.locator("#cancel")).to_have_count(0)
        assert str(tmp_path) not in page.content()
        page.close()
        assert "log cannot be written" in (tmp_path / "terminal").read_text()


@pytest.mark.slow
@pytest.mark.browser
def test_ten_thousand_words_are_sent_and_cancelling_ends_a_wait(app: RunningApp, page: Page) -> None:
    play(app, answer(200, [{"summary_text": "Long."}], COUNTS), hold(3, summary("Too late.")))
    summarise(page, "Ann: " + "word " * 10_000)
    expect(page.locator("#summary textarea")).to_have_value("Long.")
    assert len(app.server.requests[0]) > 50_000
    summarise(page)
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator("#summary textarea")).to_have_value("")
    page.wait_for_timeout(400)
    page.locator("#cancel").click()
    expect(page.locator("#said")).to_have_text("Cancelled.")
    page.wait_for_timeout(500)
    assert json.loads(app.read("requests.jsonl")[-1])["kind"] == "cancelled"


@pytest.mark.slow
@pytest.mark.browser
def test_cancelling_a_batch_sends_no_more_of_it(app: RunningApp, page: Page) -> None:
    play(app, hold(1, summary()))
    page.get_by_role("tab", name="Batch").click()
    page.locator("#many textarea").fill("\n\n".join(f"Ann: question {turn}" for turn in range(5)))
    page.locator("#go-all").click()
    expect(page.locator("#said-all")).to_contain_text("1 of 5 done")
    page.locator("#cancel-all").click()
    expect(page.locator("#said-all")).to_have_text("Cancelled.")
    page.wait_for_timeout(2500)
    expect(page.locator("#said-all")).to_have_text("Cancelled.")
    assert len(app.server.requests) == 2


@pytest.mark.slow
def test_where_others_reach_the_app_it_asks_its_own_server_only(tmp_path: Path) -> None:
    from gradio_client import Client

    with running(tmp_path, "--host", "0.0.0.0") as app, ScriptedServer(summary()) as theirs:
        client = Client(app.url, verbose=False, analytics_enabled=False, download_files=tmp_path)
        _, said, *_ = client.predict("Ann: Hi", theirs.url, TOKEN, 1, 64, api_name="/summarise")
        assert "This app asks its own server only" in said
        assert client.predict("Ann: Hi", "", "", 1, 64, api_name="/summarise")[0] == "Ann and Bo meet at noon."
    assert theirs.requests == []


def test_many_signals_at_once_end_it_like_one(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        for number in range(200):
            app.process.send_signal((signal.SIGTERM, signal.SIGINT)[number % 2])
        assert app.process.wait(30) == 0


@pytest.mark.slow
def test_twenty_visitors_at_once_each_get_their_own(app: RunningApp, tmp_path: Path) -> None:
    from gradio_client import Client

    play(app, echo)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")

    def visit(number: int) -> list[str]:
        client = Client(app.url, verbose=False, analytics_enabled=False, download_files=tmp_path / str(number))
        said = [f"Visitor {number}: question {turn}" for turn in range(10)]
        answers = [client.predict(text, "", "", 1, 64, api_name="/summarise")[0] for text in said]
        assert answers == said
        html, file = client.predict(api_name="/history")
        rows = list(csv.DictReader(Path(file["value"]).read_text(encoding="utf-8").splitlines()))
        assert html.count("<tr>") - 1 == 10
        assert html.count(f"Visitor {number}: ") == html.count("Visitor ") == 20, "as dialogue and as summary"
        return [row["summary"] for row in rows]

    with ThreadPoolExecutor(20) as pool:
        histories = list(pool.map(visit, range(20)))
    assert histories == [[f"Visitor {number}: question {turn}" for turn in range(10)] for number in range(20)]
    assert len(app.server.requests) == 200
    assert all(f"Bearer {PLANTED}".encode() in request for request in app.server.requests)


def test_a_name_of_another_site_does_not_open_the_app(app: RunningApp) -> None:
    foreign = urllib.request.Request(app.url, headers={"Host": "rebound.example.com"})
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(foreign, timeout=10)
    refused.value.close()


def test_no_token_is_in_anything_the_app_wrote(app: RunningApp) -> None:
    """Last in this module: it looks at what all the others left behind."""
    assert PLANTED not in app.log()
    assert TOKEN not in app.log()
