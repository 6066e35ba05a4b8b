"""What the app asks of which server with whose token, what it logs, and what is said of each failure."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.app.client import WORDS, Answered, AppClient, VisitorRequest
from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import Failure, InputError
from helpers.params.files import load_params
from tests.scripted_server import ScriptedServer, answer, hold, reset, summary
from tests.unit.app.test_addresses import HERE
from tests.unit.app.test_html import EVIL

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
    assert b"own-token" not in theirs.requests[0]
    assert (b"Bearer visitors-token" in theirs.requests[0]) is bool(token)
    assert own.requests == []
    log = (tmp_path / "requests.jsonl").read_text()
    assert '"kind":"auth"' in log
    assert "own-token" not in log
    assert "visitors-token" not in log


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
