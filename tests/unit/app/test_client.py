"""What the app asks of which server with whose token, what it logs, and what is said of each failure."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.app.client import WORDS, Answered, AppClient, Known, VisitorRequest
from helpers.backends.chat import Chat
from helpers.backends.endpoint import EndpointBackend, chat_of
from helpers.core.errors import Failure, InputError
from helpers.params import Generation
from helpers.params.files import load_params
from helpers.runs.request_log import settings_hash
from helpers.samples.prompts import load_prompt
from tests.contract.backends.test_streaming import HEAD, LAST, ROLE, USAGE, event
from tests.scripted_server import Play, ScriptedServer, answer, drip, hold, raw, reset, summary
from tests.unit.app.test_addresses import HERE
from tests.unit.app.test_html import EVIL

ABSENT = answer(404, {"error": "no such path"})
STREAM = HEAD + ROLE + event({"content": "Ann and "}) + event({"content": "Bo meet."}) + event({}, "length")
STREAM += event(usage=USAGE) + b"data: [DONE]\n\n"
DIALOGUE = "Ann: Lunch at noon?\nBo: Yes."


@pytest.fixture
def desk(own: ScriptedServer, tmp_path: Path) -> Iterator[AppClient]:
    params = load_params("endpoint", ["privacy.text=full"])
    with EndpointBackend(own.url, params.endpoint, "own-token") as backend:
        yield AppClient(params, tmp_path, backend, HERE)


def ask(desk: AppClient, wanted: VisitorRequest | None = None, dialogue: str = DIALOGUE) -> Answered:
    return desk.ask(dialogue, wanted or VisitorRequest(), threading.Event())


def test_the_own_server_is_asked_with_the_own_token_and_logged(
    desk: AppClient, own: ScriptedServer, tmp_path: Path
) -> None:
    found = ask(desk, VisitorRequest(beams=2, length=64))
    assert (found.summary, found.problem) == ("Ann and Bo have lunch.", "")
    assert found.seconds is not None
    assert b"Bearer own-token" in own.requests[0]
    assert b'"num_beams": 2, "max_new_tokens": 64' in own.requests[0]
    desk.judge(found.request, helpful=True)
    assert found.request in (tmp_path / "feedback.jsonl").read_text()
    assert '"page":"app"' in (tmp_path / "requests.jsonl").read_text()


@pytest.mark.parametrize("token", ["", "visitors-token"])
def test_a_visitors_server_hears_the_visitors_token_alone(
    desk: AppClient, own: ScriptedServer, tmp_path: Path, token: str
) -> None:
    with ScriptedServer(answer(401, {"error": f"who is {token}?"})) as theirs:
        found = ask(desk, VisitorRequest(url=theirs.url, token=token))
    assert found.problem == WORDS[Failure.AUTH]
    assert b"own-token" not in b"".join(theirs.requests)
    assert all((b"Bearer visitors-token" in request) is bool(token) for request in theirs.requests)
    assert own.requests == []
    log = (tmp_path / "requests.jsonl").read_text()
    assert '"kind":"auth"' in log
    assert "own-token" not in log
    assert "visitors-token" not in log


def test_a_chat_server_of_a_visitor_is_found_streamed_and_asked_without_beams(
    desk: AppClient, own: ScriptedServer, tmp_path: Path
) -> None:
    so_far: list[str] = []
    with ScriptedServer(answer(200, {"data": [{"id": "m", "owned_by": "vllm"}]}), raw(STREAM)) as theirs:
        known = desk.look(VisitorRequest(url=theirs.url), threading.Event())
        assert known.said == (
            "vLLM answers there with the model m; its answers are shown as they come. Beams do not apply to it."
        )
        assert not desk.offers_beams(known)
        theirs.script[:] = [drip(STREAM, 0.0002)]
        theirs.requests.clear()
        wanted = VisitorRequest(url=theirs.url, beams=4, length=64, known=known)
        found = desk.ask(DIALOGUE, wanted, threading.Event(), tell=so_far.append)
        (request,) = theirs.requests
    body = json.loads(request.partition(b"\r\n\r\n")[2])
    assert request.startswith(b"POST /v1/chat/completions ")
    assert (body["model"], body["max_tokens"], body["stream"]) == ("m", 64, True)
    assert "num_beams" not in body
    assert (found.summary, found.finish, found.output_tokens) == ("Ann and Bo meet.", "length", 6)
    assert so_far == ["Ann and", "Ann and Bo meet."]
    logged = json.loads((tmp_path / "requests.jsonl").read_text())
    assert logged["first_token"] == found.first_token
    assert logged["settings"] == settings_hash(dict(Generation(max_new_tokens=64).sent())), "no beams in it"
    assert own.requests == []


def test_the_text_so_far_never_holds_a_token_nor_the_beginning_of_one(desk: AppClient) -> None:
    so_far: list[str] = []
    parts = [event({"content": part}) for part in ("Key: visi", "tors-tok", "en is it.")]
    with ScriptedServer(raw(HEAD + b"".join(parts) + LAST)) as theirs:
        theirs.script[:] = [drip(HEAD + b"".join(parts) + LAST, 0.0002)]
        known = Known(theirs.url, Chat("m", load_prompt("zero-shot"), streams=True))
        wanted = VisitorRequest(url=theirs.url, token="visitors-token", known=known)
        found = desk.ask(DIALOGUE, wanted, threading.Event(), tell=so_far.append)
    assert so_far == ["Key: ", "Key: ", "Key: [redacted] is it."]
    assert found.summary == so_far[-1]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([ABSENT, answer(503, "loading")], Failure.COLD),
        ([ABSENT, ABSENT, answer(503, "loading")], Failure.COLD),
        ([ABSENT], Failure.NOT_FOUND),
        ([answer(200, {"data": [{"id": "m"}]}), answer(413, {"error": "too long"})], Failure.TOO_LARGE),
    ],
    ids=["a chat server loads", "another one loads", "nothing there", "a chat server refuses"],
)
def test_where_nobody_is_found_the_likeliest_is_asked_and_its_failure_told(
    desk: AppClient, script: list[Play], kind: Failure
) -> None:
    with ScriptedServer(*script) as theirs:
        assert desk.look(VisitorRequest(url=theirs.url), threading.Event()).said == ""
        theirs.requests.clear()
        assert ask(desk, VisitorRequest(url=theirs.url)).kind == kind


def test_a_look_can_be_cancelled(desk: AppClient) -> None:
    stop = threading.Event()
    with ScriptedServer(hold(3, summary())) as theirs:
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        assert desk.ask(DIALOGUE, VisitorRequest(url=theirs.url), stop).kind == Failure.CANCELLED
        assert time.monotonic() - began < 2


def test_the_own_chat_server_is_asked_by_chat_with_the_visitors_token_too(own: ScriptedServer, tmp_path: Path) -> None:
    params = load_params("chat", [f"endpoint.url={own.url}", "generation.extra={seed: 7}"])
    own.script[:] = [raw(STREAM)]
    with EndpointBackend(own.url, params.endpoint, None, chat_of(params)) as backend:
        chat_desk = AppClient(params, tmp_path, backend, HERE)
        assert not chat_desk.offers_beams(None)
        for token in ("", "visitors-token"):
            found = ask(chat_desk, VisitorRequest(token=token, beams=4))
            assert (found.summary, found.problem) == ("Ann and Bo meet.", "")
            assert b'"seed": 7' in own.requests[-1]


def test_a_redirect_is_not_followed(desk: AppClient, own: ScriptedServer) -> None:
    with ScriptedServer(answer(307, "", [f"Location: {own.url}/"])) as theirs:
        found = ask(desk, VisitorRequest(url=theirs.url, token="visitors-token"))
    assert (found.kind, own.requests) == (Failure.BAD_RESPONSE, [])


@pytest.mark.parametrize(
    ("wanted", "dialogue", "message"),
    [
        (VisitorRequest(), " \n", "there is no dialogue yet"),
        (VisitorRequest(), "x" * 200_001, "200,001 characters; at most 200,000 can be sent"),
        (VisitorRequest(url="https://h.example.com", token="a\nb"), DIALOGUE, "this is no token"),
    ],
)
def test_what_cannot_be_asked(
    desk: AppClient, own: ScriptedServer, wanted: VisitorRequest, dialogue: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ask(desk, wanted, dialogue)
    assert own.requests == []


def test_each_kind_of_failure_has_its_words(desk: AppClient, own: ScriptedServer) -> None:
    assert set(WORDS) == set(Failure)
    for play, kind in ((answer(503, "loading"), "cold"), (answer(500, EVIL), "server_error"), (reset, "connection")):
        own.script[:] = [play]
        found = ask(desk)
        assert (found.kind, found.problem) == (kind, WORDS[Failure(kind)])


def test_cancelling_breaks_the_request_off_and_is_logged(desk: AppClient, own: ScriptedServer, tmp_path: Path) -> None:
    own.script[:] = [hold(3, summary())]
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    assert desk.ask(DIALOGUE, VisitorRequest(), stop).kind == Failure.CANCELLED
    assert '"kind":"cancelled"' in (tmp_path / "requests.jsonl").read_text()
