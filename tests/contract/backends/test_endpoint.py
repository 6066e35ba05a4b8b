"""The endpoint client against a real server that misbehaves: the right kind, bounded time and size, no token astray."""

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from helpers.backends.addresses import checked_url, token_for
from helpers.backends.chat import Chat
from helpers.backends.endpoint import IDLE_CLOSED, MOST_WORDINGS, EndpointBackend
from helpers.core.errors import Failure, InputError, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt
from tests.scripted_server import Play, ScriptedServer, answer, hang_up_on_next, hold, raw, summary

LIMITS = Endpoint(total_timeout=1.0, connect_timeout=0.5, max_answer_bytes=10_000)
SETTINGS = Generation(num_beams=4, max_new_tokens=60)


@pytest.mark.parametrize(
    ("wait", "low", "high"),
    [("7", 7, 7), (timedelta(seconds=90), 1, 91), (timedelta(days=-1), 0, 0)],
    ids=["seconds", "a date", "a past date"],
)
def test_the_wait_that_was_asked_for_is_passed_on(wait: str | timedelta, low: float, high: float) -> None:
    # The date is made now: a slow run comes here minutes after its tests were collected.
    header = wait if isinstance(wait, str) else format_datetime(datetime.now(UTC) + wait, usegmt=True)
    told = answer(429, "", [f"Retry-After: {header}"])
    with (
        ScriptedServer(told) as server,
        EndpointBackend(server.url, LIMITS) as backend,
        pytest.raises(RequestError) as caught,
    ):
        backend.summarise(["Ann: hi"], SETTINGS)
    assert caught.value.retry_after is not None
    assert low <= caught.value.retry_after <= high


def test_nonsense_for_a_wait_is_no_wait() -> None:
    told = answer(429, "", ["Retry-After: soon"])
    with (
        ScriptedServer(told) as server,
        EndpointBackend(server.url, LIMITS) as backend,
        pytest.raises(RequestError) as caught,
    ):
        backend.summarise(["Ann: hi"], SETTINGS)
    assert caught.value.retry_after is None


def test_a_service_that_is_down_is_asked_to_hold_the_next_request() -> None:
    held = hold(1.5, summary())
    limits = LIMITS.model_copy(update={"wake_timeout": 10.0})
    with ScriptedServer(answer(503, ""), held, summary()) as server, EndpointBackend(server.url, limits) as backend:
        with pytest.raises(RequestError):
            backend.summarise(["Ann: hi"], SETTINGS)
        assert backend.summarise(["Ann: hi"], SETTINGS)[0].summary == "A summary."
        backend.summarise(["Ann: hi"], SETTINGS)
    assert [b"X-Scale-Up-Timeout: 10" in request for request in server.requests] == [False, True, False]


def test_the_chat_protocol() -> None:
    told = {"choices": [{"message": {"content": " Ann greets.\n"}}], "usage": {"completion_tokens": 4}}
    chat = Chat("tgi", load_prompt("zero-shot"))
    with ScriptedServer(answer(200, told)) as server, EndpointBackend(server.url, LIMITS, None, chat) as backend:
        found = backend.summarise(["Ann: hi"], Generation(max_new_tokens=60))[0]
        with pytest.raises(RequestError, match="one dialogue per request"):
            backend.summarise(["Ann: hi", "Bo: hi"], Generation())
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    sent = json.loads(body)
    assert head.startswith(b"POST /v1/chat/completions ")
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("tgi", 60, 0)
    assert "Ann: hi" in sent["messages"][-1]["content"]
    assert (found.summary, found.output_tokens, found.input_tokens) == ("Ann greets.", 4, None)


CASES: list[tuple[dict[str, object], str, str, str, int | None]] = [
    ({"content": None, "reasoning_content": "Let me think"}, "length", "", "length", 12),
    ({"content": "<think>\nThey greet.</think>\n\nAnn greets."}, "stop", "Ann greets.", "stop", 12),
    ({"content": "They greet.</think> Ann greets."}, "stop", "Ann greets.", "stop", 11),
    ({"content": "<think>They"}, "length", "", "length", 4),
    (
        {"content": [{"type": "text", "text": "Ann "}, {"type": "text", "text": "greets."}]},
        "stop",
        "Ann greets.",
        "stop",
        None,
    ),
    ({"content": "Ann is happy \ud83d"}, "stop", "Ann is happy \ufffd\ufffd\ufffd", "stop", None),
]


@pytest.mark.parametrize(("message", "finish", "summary", "ended", "thought"), CASES)
def test_nothing_that_a_chat_server_says_is_thrown_away(
    message: dict[str, object], finish: str, summary: str, ended: str, thought: int | None
) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 3}}
    told = {
        "choices": [{"message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 7, **details},
    }
    chat = Chat("m", load_prompt("zero-shot"))
    with ScriptedServer(answer(200, told)) as server, EndpointBackend(server.url, LIMITS, None, chat) as backend:
        found = backend.summarise(["Ann: hi"], Generation())[0]
    assert (found.summary, found.finish, found.thought) == (summary, ended, thought)
    counts = (found.input_tokens, found.output_tokens, found.cached_tokens, found.reasoning_tokens)
    assert counts == (9, 7, 5, 3)


def test_a_server_is_asked_in_the_words_that_it_takes() -> None:
    told = {"choices": [{"message": {"content": "Ann greets."}}]}
    other = answer(400, {"error": {"message": "'max_tokens' is not supported. Use 'max_completion_tokens' instead."}})
    chat = Chat("m", load_prompt("zero-shot"))
    extra = {"seed": 7, "temperature": 0.5, "chat_template_kwargs": {"enable_thinking": False}}
    with ScriptedServer(other, answer(200, told)) as server, EndpointBackend(server.url, LIMITS, None, chat) as backend:
        for _ in range(2):
            backend.summarise(["Ann: hi"], Generation(max_new_tokens=60, extra=extra))
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert [("max_tokens" in body, body.get("max_completion_tokens")) for body in bodies] == [
        (True, None), (False, 60), (False, 60),
    ]  # fmt: skip
    assert all(body["seed"] == 7 and body["temperature"] == 0.5 for body in bodies)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions/"),
        ("/a/b", "/a/b/v1/chat/completions"),
        ("/v1?api-version=3", "/v1/chat/completions?api-version=3"),
    ],
)
def test_every_spelling_of_a_chat_servers_address_works(given: str, asked: str) -> None:
    told = {"choices": [{"message": {"content": "Ann greets."}}]}
    chat = Chat("m", load_prompt("zero-shot"))
    with (
        ScriptedServer(answer(200, told)) as server,
        EndpointBackend(server.url + given, LIMITS, None, chat) as backend,
    ):
        backend.summarise(["Ann: hi"], Generation())
    assert server.requests[0].split()[1].decode() == asked


def test_a_slash_that_matters_is_tried() -> None:
    moved = answer(307, "", ["Location: /predict/"])
    with ScriptedServer(moved, summary()) as server, EndpointBackend(f"{server.url}/predict", LIMITS) as backend:
        assert backend.summarise(["Ann: hi"], SETTINGS)[0].summary == "A summary."
    assert [request.split()[1] for request in server.requests] == [b"/predict", b"/predict/"]


@pytest.mark.parametrize(
    ("told", "kind", "reason"),
    [
        (
            answer(404, {"detail": "Not Found"}),
            "not_found",
            "nothing at /v1/chat/completions; give its address up to /v1",
        ),
        (
            answer(404, {"error": {"message": "The model `m` does not exist."}}),
            "not_found",
            "serves no model of the name",
        ),
        (answer(400, {"error": "Model m not found"}), "not_found", "serves no model of the name"),
        (answer(400, {"error": "input 'Tom: I paused the endpoint' is too long"}), "bad_request", "HTTP 400"),
        (answer(424, {"error": "Request failed during generation"}), "server_error", "HTTP 424"),
    ],
)
def test_a_refusal_says_what_would_do_and_repeats_nothing_private(told: Play, kind: str, reason: str) -> None:
    chat = Chat("m", load_prompt("zero-shot"))
    with (
        ScriptedServer(told) as server,
        EndpointBackend(server.url, LIMITS, None, chat) as backend,
        pytest.raises(RequestError) as caught,
    ):
        backend.summarise(["Ann: hi"], Generation())
    assert caught.value.kind == kind
    assert reason in caught.value.private


@pytest.mark.parametrize("told", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, [1], "text"])
def test_a_chat_answer_of_another_shape_is_a_bad_response(told: object) -> None:
    chat = Chat("tgi", load_prompt("zero-shot"))
    with (
        ScriptedServer(answer(200, told)) as server,
        EndpointBackend(server.url, LIMITS, None, chat) as backend,
        pytest.raises(RequestError, match=r"no text in the first of 'choices'|not JSON") as caught,
    ):
        backend.summarise(["Ann: hi"], Generation())
    assert caught.value.kind == Failure.BAD_RESPONSE


def test_connections_are_kept() -> None:
    came: list[int] = []

    def serve(client: object, request: bytes = b"") -> None:
        content = b'[{"summary_text": "s"}]'
        reply = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        for _ in range(3):
            came.append(id(client))
            client.sendall(reply % (len(content), content))  # type: ignore[attr-defined]
            if not client.recv(65_536):  # type: ignore[attr-defined]
                break

    with ScriptedServer(serve) as server, EndpointBackend(server.url, LIMITS) as backend:
        for _ in range(3):
            backend.summarise(["Ann: hi"], SETTINGS)
    assert len(came) == 3
    assert len(set(came)) == 1


def test_a_token_that_a_server_repeats_goes_no_further() -> None:
    token = "hf_planted.(token)+"
    plays = [summary(f"You sent {token}"), answer(500, f"Bearer {token} is odd"), answer(200, f"no JSON {token}")]
    with ScriptedServer(*plays) as server, EndpointBackend(server.url, LIMITS, token) as backend:
        assert backend.summarise(["Ann: hi"], SETTINGS)[0].summary == "You sent [redacted]"
        for _ in plays[1:]:
            with pytest.raises(RequestError) as caught:
                backend.summarise(["Ann: hi"], SETTINGS)
            assert "planted" not in str(caught.value)
            assert "[redacted]" in str(caught.value)


def test_what_goes_over_the_wire() -> None:
    with ScriptedServer(summary("Ann greets. 早")) as server, EndpointBackend(server.url, LIMITS, "secret") as backend:
        found = backend.summarise(["Ann: hi 🙃"], SETTINGS)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {
        "inputs": "Ann: hi 🙃",
        "parameters": {"num_beams": 4, "max_new_tokens": 60, "truncation": True},
    }
    assert b"Authorization: Bearer secret" in head
    assert found[0].summary == "Ann greets. 早"
    assert found[0].input_tokens is None
    assert found[0].service_time is not None
    assert 0 < found[0].service_time < 1


@pytest.mark.parametrize(
    "shape",
    [[{"summary_text": "s"}], [[{"summary_text": "s"}]], [{"generated_text": "s"}], {"summary_text": "s"}],
)
def test_the_known_shapes_are_read(shape: object) -> None:
    with ScriptedServer(answer(200, shape)) as server, EndpointBackend(server.url, LIMITS) as backend:
        assert backend.summarise(["Ann: hi"], SETTINGS)[0].summary == "s"


def test_token_counts_of_our_own_server_are_read_and_nonsense_is_not() -> None:
    good = ["x-input-tokens: 12", "x-output-tokens: 5", "x-lost-tokens: many"]
    with ScriptedServer(answer(200, [{"summary_text": "s"}], good)) as server, EndpointBackend(server.url, LIMITS) as b:
        found = b.summarise(["Ann: hi"], SETTINGS)[0]
    assert (found.input_tokens, found.output_tokens, found.lost_tokens) == (12, 5, None)


HOME = {"HF_TOKEN": "t", "HF_ENDPOINT_URL": "https://a.example/x"}


@pytest.mark.parametrize(
    ("url", "environment", "goes"),
    [
        ("https://a.example", HOME, True),
        ("https://a.example:443/predict", HOME, True),
        ("http://a.example", HOME, False),
        ("https://b.example", HOME, False),
        ("https://a.example.evil", HOME, False),
        ("https://a.example:8443", HOME, False),
        ("http://127.0.0.1:80", {"HF_TOKEN": "t", "HF_ENDPOINT_URL": "http://127.0.0.1"}, True),
        ("http://a.example", {"HF_TOKEN": "t", "HF_ENDPOINT_URL": "http://a.example"}, False),
        ("https://a.example", {"HF_TOKEN": "t"}, False),
        ("https://a.example", {"HF_ENDPOINT_URL": "https://a.example"}, False),
    ],
)
def test_the_token_goes_to_its_own_origin_only(url: str, environment: dict[str, str], goes: bool) -> None:
    assert (token_for(url, environment) is not None) is goes


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x", r"endpoint address 'ftp://x': expected https://HOST"),
        ("example.com", "expected https://HOST"),
        ("https://user:pw@host", "no user name, password or key in it"),
        ("https://host/?token=abc", "no user name, password or key in it"),
    ],
)
def test_an_unusable_address_is_named_without_its_secret(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        checked_url(url)
    assert "pw@" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_a_kept_connection_that_is_closed_while_a_request_is_written_is_opened_anew() -> None:
    """The server hangs up when it has seen the first bytes of a long request, as one does that had waited too long."""
    body = b'[{"summary_text": "Yes"}]'
    kept = raw(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    script = hang_up_on_next(kept), summary("No")
    with ScriptedServer(*script) as server, EndpointBackend(server.url, Endpoint()) as backend:
        assert backend.summarise(["Ann: hi"], Generation())[0].summary == "Yes"
        assert backend.summarise(["Ann: " + "hi " * 3_000_000], Generation())[0].summary == "No"


def test_a_request_that_ends_a_kept_connection_after_a_while_is_not_sent_again() -> None:
    """The server worked on it and died: it would be computed, billed and timed a second time unseen."""
    body = b'[{"summary_text": "Yes"}]'
    kept = raw(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def dies_at_work(client: socket.socket) -> None:
        kept(client)
        client.recv(65_536)
        time.sleep(IDLE_CLOSED + 0.3)

    with ScriptedServer(dies_at_work, summary("No")) as server, EndpointBackend(server.url, Endpoint()) as backend:
        backend.summarise(["Ann: hi"], Generation())
        with pytest.raises(RequestError) as caught:
            backend.summarise(["Ann: hi"], Generation())
    assert caught.value.kind is Failure.CONNECTION
    assert len(server.requests) == 1


def test_requests_at_the_same_time_are_all_put_into_the_words_that_are_taken() -> None:
    told = {"choices": [{"message": {"content": "Ann greets."}}]}
    other = answer(400, {"error": {"message": "'max_tokens' is not supported. Use 'max_completion_tokens' instead."}})
    chat, n = Chat("m", load_prompt("zero-shot")), 4
    script = [hold(0.2, other), *[other] * (n - 1), answer(200, told)]
    with ScriptedServer(*script) as server, EndpointBackend(server.url, Endpoint(), None, chat) as backend:
        sent = [backend.begin(["Ann: hi"], Generation(max_new_tokens=60)) for _ in range(n)]
        assert [one.result(10)[0].summary for one in sent] == ["Ann greets."] * n
    assert len(server.requests) == 2 * n


def test_a_server_that_sends_a_request_back_and_forth_is_not_followed_for_ever() -> None:
    there, back = (answer(307, "", [f"Location: {place}"]) for place in ("/x/", "/x"))
    with (
        ScriptedServer(*[there, back] * 20) as server,
        EndpointBackend(f"{server.url}/x", LIMITS) as backend,
        pytest.raises(RequestError),
    ):
        backend.summarise(["Ann: hi"], SETTINGS)
    assert len(server.requests) == MOST_WORDINGS


@pytest.mark.parametrize("url", ["http://[::1", "https://host:99999", "http://host:port"])
def test_an_address_that_is_none_is_one_message(url: str) -> None:
    with pytest.raises(InputError, match="endpoint address"):
        checked_url(url)
