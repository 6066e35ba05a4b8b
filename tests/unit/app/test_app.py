"""The app without its looks: who may be asked, what a batch is, what is said of each failure."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.app.addresses import AddressPolicy, PublicResolver, is_public
from helpers.app.batch import Given, as_csv, bounded, pasted, uploaded
from helpers.app.client import WORDS, Answered, AppClient, VisitorRequest
from helpers.app.html import answer_html, draw, error_html, table
from helpers.app.launch import free_port
from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import Failure, InputError
from helpers.params.files import load_params
from tests.scripted_server import ScriptedServer, answer, hold, reset, summary

EVIL = "<img src=x onerror=alert(1)>"
HERE = AddressPolicy(on_loopback=True)
OUT = AddressPolicy(on_loopback=False, allow_hosts=("api.example.com", "*.endpoints.example.net"))
DIALOGUE = "Ann: Lunch at noon?\nBo: Yes."


@pytest.mark.parametrize(
    ("doors", "url", "token", "message"),
    [
        (AddressPolicy(on_loopback=False), "https://api.example.com", "t", "this app asks its own server only"),
        (OUT, "http://api.example.com", "", "only https addresses on the usual port"),
        (OUT, "https://api.example.com:8443", "t", "only https addresses on the usual port"),
        (OUT, "https://evil.example.com", "t", "evil.example.com is not one of the hosts this app may ask"),
        (OUT, "https://api.example.com.evil.net", "t", "is not one of the hosts"),
        (OUT, "https://endpoints.example.net", "t", "is not one of the hosts"),
        (OUT, "https://api.example.com@evil.net", "t", "no user name, password or query in it"),
        (AddressPolicy(False, ("10.0.0.1",)), "https://10.0.0.1", "t", "10.0.0.1 is an address in a private network"),
        (HERE, "http://api.example.com", "t", "a token would travel in the clear over http"),
        (HERE, "api.example.com", "t", "expected https://HOST"),
    ],
)
def test_an_address_that_may_not_be_asked(doors: AddressPolicy, url: str, token: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        doors.checked(url, token)


@pytest.mark.parametrize(
    ("doors", "url", "token"),
    [
        (OUT, "https://API.example.com./", "t"),
        (OUT, "https://a.endpoints.example.net:443/predict", "t"),
        (HERE, "http://127.0.0.1:8080", "t"),
        (HERE, "http://model.example.com:8080", ""),
    ],
)
def test_an_address_that_may_be_asked(doors: AddressPolicy, url: str, token: str) -> None:
    assert doors.checked(url, token)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_that_leads_into_a_private_network_is_refused_when_connecting() -> None:
    async def resolve() -> Any:
        return await PublicResolver().resolve("localhost", 443, socket.AF_INET)

    with pytest.raises(OSError, match="localhost leads into a private network"):
        asyncio.run(resolve())


@pytest.fixture
def own() -> Iterator[ScriptedServer]:
    with ScriptedServer(summary("Ann and Bo have lunch.")) as server:
        yield server


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


def test_a_batch_is_pasted_with_blank_lines_or_uploaded(tmp_path: Path) -> None:
    assert [g.dialogue for g in pasted("A: a\nB: b\n\n \r\nC: c\n")] == ["A: a\nB: b", "C: c"]
    file = tmp_path / "rows.csv"
    file.write_bytes('\ufeffid,Dialogue\na,"A: a\nB: b"\nb,\nc,C: c,more\n,D: d\n'.encode())
    assert uploaded(file, 1000) == [
        Given("a", "A: a\nB: b"),
        Given("b", "", "line 3 has no dialogue"),
        Given("c", problem="line 4 has 3 cells, the first line has 2"),
        Given("row 5", "D: d"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\n1,x\n", "the file has no column 'dialogue'; its first line is: id, text"),
        (b"", "its first line is: empty"),
        (b"dialogue\n\xff\xfe\n", "the file is not UTF-8 text"),
        (b'dialogue\n"open', "the file is not readable as CSV"),
        (b"dialogue\n" + b"x" * 1000, "the file is larger than 1,000 bytes"),
    ],
)
def test_a_file_that_is_no_batch(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        uploaded(tmp_path / "rows.csv", 1000)


@pytest.mark.parametrize(("n", "message"), [(0, "there is no dialogue yet"), (3, "3 dialogues are too many at once")])
def test_a_batch_has_bounds(n: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounded([Given("a", "A: a")] * n, 2)


def test_what_others_wrote_is_text_on_the_page_and_no_formula_in_a_file() -> None:
    row = Answered(EVIL, summary="=cmd()", problem=EVIL, request="r", seconds=1.5, input_tokens=3)
    for html in (table(EVIL, [row]), answer_html(row), error_html(EVIL), draw([row])):
        assert "<img" not in html
    assert as_csv([row]).splitlines()[1].split(",")[2] == "'=cmd()"
    assert "it never read 76 tokens" in answer_html(Answered("a", seconds=1, lost_tokens=76))


def test_without_gradio_the_verb_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("helpers.app.launch.find_spec", lambda name: None)
    assert main(["app"]) == 2
    assert "'make app' installs it" in capsys.readouterr().err


def test_a_taken_port_is_said(own: ScriptedServer) -> None:
    with pytest.raises(InputError, match="choose another --port"):
        free_port("127.0.0.1", int(own.url.rpartition(":")[2]))
