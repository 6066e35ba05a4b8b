"""Inference providers: what the vendor's library routes, and what we ask, time and log of it, over real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.app.addresses import AddressPolicy
from helpers.app.client import AppClient, VisitorRequest
from helpers.backends.endpoint import EndpointBackend, endpoint_url, open_endpoint
from helpers.backends.providers import ADDRESS, provider_of
from helpers.cli.main import main
from helpers.core.errors import DeployError, Failure, InputError, ModelError, RequestError
from helpers.params import Generation, Params
from helpers.params.files import load_params
from tests.chat_server import ROUTER, SAYS, STREAMS, ChatServer
from tests.scripted_server import ScriptedServer, summary

TOKEN = "hf_" + "planted" * 5
CHAT = ["endpoint.provider=together", "model.id=org/streams-quickly"]
SUMMARIZATION = ["endpoint.provider=hf-inference", "endpoint.protocol=summarization", "model.task=summarization"]
SUMMARIZATION += ["model.prompt=null", "model.id=org/sums", "generation.num_beams=4"]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as found:
        yield found


@pytest.fixture(autouse=True)
def vendor(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """Have the Hub and the router served on loopback, with a token of the vendor's."""
    for name in ("HF_ENDPOINT_URL", "HF_MANAGEMENT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv(ADDRESS, server.url(ROUTER))
    return server


def provided(*overrides: str) -> Params:
    return load_params("provider", [*CHAT, *overrides])


def opened(params: Params, *, with_token: bool = True) -> EndpointBackend:
    return open_endpoint(endpoint_url(params) or "", params, with_token=with_token)


def test_a_stream_goes_where_the_library_routes_it_and_is_timed_by_our_clocks(server: ChatServer) -> None:
    with opened(provided("endpoint.bill_to=acme", "generation.extra={seed: 7}")) as backend:
        (answer,) = backend.summarise(["Ann: hi"], Generation(max_new_tokens=32, extra={"seed": 7}))
        told = backend.told
    request = server.routed()[-1]
    assert request["path"] == "together/v1/chat/completions"
    headers = {name: request["headers"].get(name) for name in ("authorization", "x-hf-bill-to", "content-type")}
    expected = {"authorization": f"Bearer {TOKEN}", "x-hf-bill-to": "acme", "content-type": "application/json"}
    assert headers == expected
    assert request["headers"]["user-agent"].startswith("helpers/")
    body = request["body"]
    assert next(iter(body)) == "model", "the router reads the model from the beginning of the body"
    assert {name: body[name] for name in ("model", "stream", "max_tokens", "temperature", "seed")} == {
        "model": "Vendor/streams-quickly",
        "stream": True,
        "max_tokens": 32,
        "temperature": 0,
        "seed": 7,
    }
    sent = server.streamed()[-1]
    assert answer.summary.startswith(SAYS)
    assert (answer.finish, answer.output_tokens, answer.chunks) == ("stop", 22, len(sent.written))
    first = sent.written[0] - sent.received
    assert answer.first_token == pytest.approx(first, abs=0.02)
    assert answer.first_token >= STREAMS["streams-quickly"][1]
    assert answer.inter_token == pytest.approx(sent.inter_token, abs=0.002)
    assert answer.service_time is not None
    assert answer.service_time > answer.first_token
    assert told == {"model": "Vendor/streams-quickly"}


def test_a_whole_answer_names_the_provider_that_the_router_chose(server: ChatServer) -> None:
    with opened(provided("endpoint.provider=auto", "endpoint.stream=false", "model.id=org/plain")) as backend:
        (answer,) = backend.summarise(["Ann: hi"], Generation())
    assert (answer.summary, answer.finish) == (SAYS, "stop")
    assert backend.told == {"provider": "together", "model": "org/plain"}
    request = server.routed()[-1]
    assert (request["path"], request["body"]["model"]) == ("v1/chat/completions", "org/plain")


def test_a_summarization_model_is_asked_by_the_task_of_the_library(server: ChatServer) -> None:
    params = load_params("provider", SUMMARIZATION)
    with opened(params) as backend:
        (answer,) = backend.summarise(["Ann: hi"], Generation(num_beams=4, max_new_tokens=64))
        with pytest.raises(RequestError, match="one dialogue per request"):
            backend.summarise(["a", "b"], Generation())
    assert (answer.summary, answer.status) == (SAYS, 200)
    request = server.routed()[-1]
    assert request["path"] == "hf-inference/models/org/sums"
    settings = {"num_beams": 4, "max_new_tokens": 64}
    asked = {"generate_parameters": settings, "truncation": "longest_first"}
    assert request["body"] == {"inputs": "Ann: hi", "parameters": asked}


def test_a_chat_model_at_hf_inference_has_its_name_in_the_path(server: ChatServer) -> None:
    with opened(provided("endpoint.provider=hf-inference", "model.id=org/chatty", "endpoint.stream=false")) as backend:
        backend.summarise(["Ann: hi"], Generation())
    assert server.routed()[-1]["path"] == "hf-inference/models/org/chatty/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "kind", "reason", "again"),
    [
        (400, Failure.NOT_FOUND, "together does not serve org/http-400", False),
        (401, Failure.AUTH, "HTTP 401", False),
        (402, Failure.PAYMENT_REQUIRED, "HTTP 402, the account's credits are used up or it cannot pay", False),
        (404, Failure.NOT_FOUND, "together does not serve org/http-404", False),
        (429, Failure.RATE_LIMITED, "HTTP 429", True),
        (503, Failure.COLD, "HTTP 503", True),
    ],
)
def test_a_refusal_of_the_router_has_its_kind(status: int, kind: Failure, reason: str, again: bool) -> None:
    with (
        opened(provided(f"model.id=org/http-{status}")) as backend,
        pytest.raises(RequestError) as caught,
    ):
        backend.summarise(["Ann: hi"], Generation())
    assert (caught.value.kind, caught.value.status, caught.value.retryable) == (kind, status, again)
    assert reason in caught.value.private
    assert caught.value.retry_after == (1 if status == 429 else None)


def test_without_the_token_nothing_is_sent_for_authorization(server: ChatServer) -> None:
    with opened(provided(), with_token=False) as backend, pytest.raises(RequestError) as caught:
        backend.summarise(["Ann: hi"], Generation())
    assert caught.value.kind is Failure.AUTH
    assert "authorization" not in server.routed()[-1]["headers"]


def test_the_hub_is_asked_where_we_are_told_and_without_a_token(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    with ScriptedServer(summary()) as elsewhere:
        monkeypatch.setattr(constants, "ENDPOINT", elsewhere.url)
        assert provider_of(provided("model.id=org/looked-up"))
        assert elsewhere.url == constants.ENDPOINT
    assert elsewhere.requests == []
    request = server.routed()[-1]
    assert request["path"] == "api/models/org/looked-up?expand=inferenceProviderMapping"
    assert "authorization" not in request["headers"]


def test_a_router_that_the_library_was_pointed_at_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with ScriptedServer(summary()) as elsewhere:
        monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", elsewhere.url + "/{provider}")
        with pytest.raises(InputError, match=r"would send the token to 127\.0\.0\.1:\d+, which is not https://router"):
            endpoint_url(provided())
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HF_TOKEN", "", "and there is none; a run takes it from HF_TOKEN"),
        ("HF_TOKEN", "sk-of-the-provider-itself", "and this is another key"),
        (ADDRESS, "https://me:pw@a.example", "no user name, password or key in it"),
        (ADDRESS, "http://192.0.2.1", "travels over https or to loopback only"),
    ],
)
def test_another_token_or_way_asks_nobody(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    before = len(server.routed())
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message) as caught:
        endpoint_url(provided())
    assert "sk-of" not in str(caught.value)
    assert len(server.routed()) == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["endpoint.provider=nobody"], r"endpoint.provider nobody: Provider 'nobody' not supported"),
        (["endpoint.provider=groq"], r"groq: Model org/streams-quickly is not supported by provider groq"),
        (["model.id=org/absent"], "knows no model org/absent"),
        ([*SUMMARIZATION, "endpoint.provider=together"], "Task 'summarization' not supported for provider 'together'"),
    ],
)
def test_what_no_provider_serves_is_said_before_anybody_is_asked(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        endpoint_url(provided(*overrides))


def test_a_look_up_is_bounded_in_time_and_a_silent_hub_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeployError, match=r"cannot be looked up at .*no answer within 0\.3 s"):
        endpoint_url(provided("model.id=org/slow", "endpoint.total_timeout=0.3"))
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:9")
    with pytest.raises(DeployError, match=r"cannot be looked up at http://127\.0\.0\.1:9: "):
        endpoint_url(provided("model.id=org/unheard"))


def test_a_release_that_prepares_in_another_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import InferenceClient

    monkeypatch.delattr(InferenceClient, "_inner_post")
    with pytest.raises(ModelError, match="prepares requests in another way"):
        endpoint_url(provided())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["endpoint.url=https://a.example/v1"], "leave 'endpoint.url' out"),
        (["backend=local"], "'endpoint.provider' goes with 'backend: endpoint'"),
        (["deployment={name: d}"], "leave 'deployment' out"),
        (["model.revision=abc"], "'model.revision' cannot be chosen"),
        (["budget.usd=1"], "'budget.usd' is by the hour of an instance"),
        (["endpoint.provider=null", "endpoint.bill_to=acme"], "'endpoint.bill_to' goes with 'endpoint.provider'"),
        (["endpoint.provider=https://a.example"], "'endpoint.provider': String should match pattern"),
    ],
)
def test_what_does_not_go_with_a_provider_is_one_message(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        provided(*overrides)


def test_check_knows_the_names_of_providers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "provider", "--set", "endpoint.provider=cerebra"]) == 2
    assert "Provider 'cerebra' not supported" in capsys.readouterr().err
    assert main(["check", "provider"]) == 0
    assert "provider: cerebras" in capsys.readouterr().out


def set_of(overrides: list[str]) -> list[str]:
    return [part for one in overrides for part in ("--set", one)]


def test_summarise_asks_a_provider(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert main(["summarise", "provider", *set_of([*CHAT, "samples.n=2"]), "--output", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 2
    assert all(row["prediction"].startswith(SAYS) for row in rows)


def test_load_asks_whom_the_params_file_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load = ["load", "--params", "provider", *set_of(CHAT), "--arrival", "closed", "--duration", "20", "--count", "3"]
    assert main(load) == 2
    assert "the provider together is not this machine" in capsys.readouterr().err
    out = tmp_path / "load.json"
    assert main([*load, "--allow-remote", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert (found["asked"]["provider"], found["asked"]["model"]) == ("together", "org/streams-quickly")
    assert found["first_token"]["mean"] >= STREAMS["streams-quickly"][1]
    assert main(["load", "--arrival", "closed", "--duration", "1"]) == 2
    assert "give the URL of a service, or --params" in capsys.readouterr().err


def test_the_app_asks_the_provider_with_a_visitors_own_token(server: ChatServer, tmp_path: Path) -> None:
    params, own = provided("endpoint.bill_to=acme"), "hf_" + "visitor" * 5
    with opened(params) as backend:
        app = AppClient(params, tmp_path, backend, AddressPolicy(True))
        for token in ("", own):
            answered = app.ask("Ann: hi", VisitorRequest(token=token), threading.Event())
            assert answered.summary.startswith(SAYS), answered.problem
            assert answered.first_token is not None
            request = server.routed()[-1]
            assert request["headers"]["authorization"] == f"Bearer {token or TOKEN}"
            assert request["headers"].get("x-hf-bill-to") == (None if token else "acme")
            assert request["body"]["model"] == "Vendor/streams-quickly"
        assert not app.offers_beams(None)


def test_what_a_traceback_may_print_of_a_provider_holds_no_token() -> None:
    assert TOKEN not in repr(provider_of(provided()))


def test_nothing_of_the_environment_is_left_changed() -> None:
    from huggingface_hub import constants

    before = constants.ENDPOINT, constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, constants.HF_HUB_DISABLE_TELEMETRY
    endpoint_url(provided())
    assert before == (constants.ENDPOINT, constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, constants.HF_HUB_DISABLE_TELEMETRY)
