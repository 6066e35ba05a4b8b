"""What is found at an address: real answers of servers on loopback, whichever way the address is spelt."""

from __future__ import annotations

import pytest

from helpers.backends.discovery import discover
from helpers.core.errors import InputError
from helpers.params.files import load_params
from tests.chat_server import ChatServer
from tests.contract.backends.test_streaming import HEAD, LAST, USAGE, WORD, event
from tests.scripted_server import ScriptedServer, answer, raw, summary

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
    told = raw(HEAD + WORD + LAST + event(usage=USAGE) + b"data: [DONE]\n\n")
    with ScriptedServer(answer(200, MODELS), told) as server:
        found = discover(server.url, {})
    assert (found.engine, found.precision, found.context_tokens, found.streams) == ("llama.cpp", "Q4_1", 2048, True)
    assert any("of 2 models" in words for words in found.assumed)
    params = load_params("chat", found.overrides)
    assert params.model.id == "Small-1.5B.Q4_1", "a name is no file"
    assert params.endpoint.served_model == "/models/Small-1.5B.Q4_1.gguf"


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
