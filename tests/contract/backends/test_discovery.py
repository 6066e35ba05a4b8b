"""What is found at an address: real answers of servers on loopback, whichever way the address is spelt."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from helpers.backends.discovery import discover
from helpers.core.errors import InputError
from helpers.params.files import load_params
from tests.chat_server import ChatServer
from tests.contract.backends.test_streaming import HEAD, LAST, USAGE, WORD, event
from tests.scripted_server import Play, ScriptedServer, answer, raw, summary

TOLD = raw(HEAD + WORD + LAST + event(usage=USAGE) + b"data: [DONE]\n\n")

MODELS = {
    "data": [
        {"id": "/models/Small-1.5B.Q4_1.gguf", "owned_by": "llamacpp", "meta": {"n_ctx": 2048, "ftype": "Q4_1"}},
        {"id": "other"},
    ]
}


@pytest.mark.parametrize("spelling", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_a_chat_server_is_found_however_its_address_is_spelt(spelling: str) -> None:
    with ChatServer() as server:
        found = discover(server.url("plain") + spelling, {})
    assert (found.protocol, found.model, found.streams) == ("chat", "m", False)
    params = load_params("chat", found.overrides)
    assert (params.endpoint.served_model, params.endpoint.stream) == ("m", False)


def test_what_a_server_says_of_itself_is_taken_and_what_is_assumed_is_said() -> None:
    with ScriptedServer(answer(200, MODELS), TOLD) as server:
        found = discover(server.url, {})
    assert (found.engine, found.precision, found.context_tokens, found.streams) == ("llama.cpp", "Q4_1", 2048, True)
    assert any("of 2 models" in words for words in found.assumed)
    params = load_params("chat", found.overrides)
    assert params.model.id == "Small-1.5B.Q4_1", "a name is no file"
    assert params.endpoint.served_model == "/models/Small-1.5B.Q4_1.gguf"


def test_a_server_that_tells_its_numbers_on_a_page_of_its_own_is_known_by_it() -> None:
    models, about = {"data": [{"id": "m", "owned_by": "m"}]}, {"model_id": "m", "model_dtype": "torch.bfloat16"}
    with ScriptedServer(answer(200, models), TOLD, answer(200, about)) as server:
        found = discover(server.url, {})
    assert (found.engine, found.precision) == ("TGI", "bfloat16")


@pytest.mark.parametrize("spelling", ["/v1", "", "/v1/chat/completions"])
def test_what_stands_behind_the_address_goes_with_every_request(spelling: str) -> None:
    with ChatServer() as server:
        found = discover(f"{server.url('by-version')}{spelling}?api-version=3", {})
        assert (found.protocol, found.model) == ("chat", "m")
        assert load_params("chat", found.overrides).endpoint.url == found.url
        assert found.url.endswith("?api-version=3")


LOADING = answer(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
QUEUED = answer(503, "<html>Service Unavailable</html>", kind="text/html")


@pytest.mark.parametrize("busy", [LOADING, QUEUED], ids=["llama.cpp", "a proxy"])
def test_a_server_that_is_loading_is_waited_for_and_that_is_said(
    busy: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(*[busy] * 6, answer(200, MODELS), TOLD) as server:
        assert discover(server.url, {}).engine == "llama.cpp"
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"{server.url} says that it is loading (HTTP 503); waiting up to 300 s until it answers" in told[0]
    assert "it is up after" in told[1]


def test_waiting_for_a_server_has_an_end() -> None:
    with (
        ScriptedServer(LOADING) as server,
        pytest.raises(InputError, match=r"answers there now after \d+ s .*HTTP 503"),
    ):
        discover(server.url, {}, wait=0.4)


def test_a_server_that_is_being_started_is_waited_for_where_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with pytest.raises(InputError, match=r"nothing answers there now .*--wait SECONDS"):
        discover(url, {})
    began, found = time.monotonic(), []
    waiting = threading.Thread(target=lambda: found.append(discover(url, {}, wait=20)))
    waiting.start()
    time.sleep(0.6)

    def by_path(client: socket.socket) -> None:
        (answer(200, MODELS) if b"/models " in server.requests[-1] else TOLD)(client)

    with ScriptedServer(by_path, port=port) as server:
        waiting.join(20)
    assert [one.engine for one in found] == ["llama.cpp"]
    assert time.monotonic() - began < 10
    assert "cannot be reached yet; waiting up to 20 s" in capsys.readouterr().err


def test_a_server_of_the_plain_protocol_is_found() -> None:
    absent = answer(404, {"error": "no such path"})
    with ScriptedServer(absent, absent, summary()) as server:
        found = discover(server.url, {})
    assert (found.protocol, found.streams) == ("summarization", False)


def test_a_server_of_one_model_says_its_name_when_it_refuses_another() -> None:
    """As `transformers serve MODEL` does, which lists what lies in its cache, or nothing."""
    refused = answer(400, {"detail": "Server is pinned to '/models/own'; requested 'other'."})
    told = raw(HEAD + WORD + LAST + event(usage=USAGE) + b"data: [DONE]\n\n")
    for models in (answer(500, "no cache"), answer(200, {"data": [{"id": "other"}, {"id": "third"}]})):
        with ScriptedServer(models, refused, told) as server:
            found = discover(server.url, {})
            assert b'"model": "/models/own"' in server.requests[-1]
        assert (found.model, found.protocol, found.streams) == ("/models/own", "chat", True)
        assert not any("models" in words or "name" in words for words in found.assumed)


def test_an_address_where_nothing_answers_says_what_was_tried() -> None:
    with ScriptedServer(answer(404, {"detail": "Not Found"})) as server:
        with pytest.raises(InputError, match=r"POST /a/v1/chat/completions: .* POST /a: .*Give the address up to /v1"):
            discover(f"{server.url}/a", {})
    with ScriptedServer(answer(401, {"error": "no"})) as server, pytest.raises(InputError, match="HF_ENDPOINT_URL"):
        discover(server.url, {})
