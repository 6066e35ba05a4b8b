"""The life of a managed endpoint, through the vendor's client, against an imitation of its management API."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.backends.endpoint import open_endpoint
from helpers.cli.main import main
from helpers.core.errors import DeployError, InputError
from helpers.experiments.deploy_check import managed_rows
from helpers.params import Generation
from helpers.params.files import load_params
from helpers.runs.poller import Poller, start_poller
from helpers.serving import lifecycle
from helpers.serving.management import Manager, management_token
from helpers.serving.packaging import push
from tests.management_server import TOKEN, Management, managed
from tests.scripted_server import ScriptedServer, answer, summary
from tests.unit.serving.serving_helpers import until

Command = Callable[..., tuple[int, str]]
DECLARED = ["--set", "deployment.namespace=team", "--set", "model.revision=abc123"]


@pytest.fixture
def management() -> Management:
    return Management()


@pytest.fixture
def endpoint(
    management: Management, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    """Run ``helpers endpoint`` against the imitation; returns the exit code and all that was printed."""
    with managed(management) as address:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HELPERS_MANAGEMENT_URL", address)
        monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))

        def run(action: str, *more: str) -> tuple[int, str]:
            code = main(["endpoint", action, "endpoint", *DECLARED, *more])
            out = capsys.readouterr()
            assert TOKEN not in out.out + out.err
            return code, out.out + out.err

        yield run


def test_nothing_is_created_unasked(endpoint: Command, management: Management) -> None:
    code, told = endpoint("create")
    assert code == 0
    assert "instance_size: x8" in told
    assert "$0.300 to $0.900 an hour, $219 to $657 a month of 730 hours (the vendor's live list of" in told
    assert "nothing was created" in told
    assert management.endpoints == {}


def test_the_price_is_shown_without_a_token(
    endpoint: Command, management: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    code, told = endpoint("create")
    assert (code, management.calls) == (0, [])
    assert "instance_size: x8" in told
    assert re.search(r"# price: \$0.268 .*\(the params file, as of .*; now: no token: set HF_MANAGEMENT_TOKEN", told)
    assert "nothing was created; --yes creates it" in told
    code, told = endpoint("resume")
    assert (code, "# price: $0.268" in told, "nothing was resumed; --yes resumes it" in told) == (0, True, True)
    code, told = endpoint("create", "--yes")
    assert (code, "no token: set HF_MANAGEMENT_TOKEN" in told) == (2, True)
    assert endpoint("status")[0] == 2


def test_the_whole_life(endpoint: Command, management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "not to be shown")
    code, told = endpoint("create", "--yes", "--set", "deployment.secrets=[MODEL_KEY]")
    assert code == 0
    assert "not to be shown" not in told
    (body,) = management.bodies
    assert body["compute"]["scaling"] == {
        "minReplica": 1,
        "maxReplica": 3,
        "scaleToZeroTimeout": None,
        "measure": {"pendingRequests": None},
    }
    assert (body["model"]["task"], body["model"]["revision"]) == ("summarization", "abc123")
    assert body["model"]["secrets"] == {"MODEL_KEY": "not to be shown"}
    assert endpoint("create", "--yes") == (0, "endpoint dialogue-summariser exists as configured: pending\n")
    code, told = endpoint("wait", "--every", "0.01")
    assert (code, "initializing" in told, "http://127.0.0.1:9\n" in told) == (0, True, True)
    assert endpoint("status") == (0, "dialogue-summariser: running http://127.0.0.1:9\n")
    assert endpoint("pause") == (0, "endpoint dialogue-summariser: paused\n")
    code, told = endpoint("wait")
    assert (code, "is paused; 'helpers endpoint resume' starts it" in told) == (1, True)
    code, told = endpoint("resume")
    assert (code, "nothing was resumed" in told, "status" in management.calls[-1]) == (0, True, False)
    assert endpoint("resume", "--yes")[0] == 0
    assert endpoint("wait", "--every", "0.01")[0] == 0
    assert endpoint("scale-to-zero") == (0, "endpoint dialogue-summariser: scaledToZero\n")
    assert "the next request wakes it" in endpoint("wait")[1]
    code, told = endpoint("delete")
    assert (code, "was not deleted" in told, len(management.endpoints)) == (2, True, 1)
    assert endpoint("delete", "--confirm", "dialogue-summariser")[0] == 0
    assert management.endpoints == {}
    code, told = endpoint("status")
    assert (code, "there is no endpoint dialogue-summariser" in told) == (1, True)


@pytest.mark.parametrize("state", ["failed", "updateFailed"])
def test_a_failure_comes_with_the_vendors_reason(endpoint: Command, management: Management, state: str) -> None:
    management.course, management.reason = ["initializing", "updating", state], "out of memory while loading"
    assert endpoint("create", "--yes")[0] == 0
    code, told = endpoint("wait", "--every", "0.01")
    assert code == 1
    assert f"{state}: out of memory while loading" in told
    assert endpoint("status")[0] == 1


def test_waiting_has_an_end(endpoint: Command, management: Management) -> None:
    management.course = ["initializing"]
    endpoint("create", "--yes")
    code, told = endpoint("wait", "--every", "0.01", "--timeout", "0.1")
    assert (code, "still initializing after 0 s" in told) == (1, True)


def test_an_endpoint_that_differs_is_not_taken_for_the_declared_one(endpoint: Command, management: Management) -> None:
    endpoint("create", "--yes")
    code, told = endpoint("create", "--yes", "--set", "deployment.max_replica=2")
    assert code == 2
    assert "max_replica: declared 2, is 3" in told
    assert "differs: max_replica" in endpoint("status", "--set", "deployment.max_replica=2")[1]


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "the token is not accepted"), (402, "no means of payment"), (403, "the token may not"), (500, "HTTP 500")],
)
def test_a_refusal_is_explained(endpoint: Command, management: Management, status: int, message: str) -> None:
    management.refuse = status
    code, told = endpoint("status")
    assert (code, message in told) == (1, True)


def test_prices_fall_back_to_the_kept_list_then_to_the_file(endpoint: Command, management: Management) -> None:
    management.refuse = 403
    assert (
        "from the params file, as of 2026-08-20; now: endpoint dialogue-summariser: HTTP 403" in endpoint("hardware")[1]
    )
    management.refuse = None
    assert "from the vendor's live list of" in endpoint("hardware")[1]
    management.refuse = 403
    code, told = endpoint("hardware")
    assert (code, "from the list kept on" in told, "0.300" in told) == (0, True, True)


WRONG = [
    (["deployment.min_replica=4"], "'min_replica' 4 is over 'max_replica' 3"),
    (["deployment.min_replica=0"], "needs 'scale_to_zero_minutes'"),
    (["deployment.name=Not_A_Name"], "'deployment.name': String should match pattern"),
    (["deployment.scaling_metric=requests_per_second"], "Input should be 'pendingRequests' or 'hardwareUsage'"),
    (["deployment.pause_after=another"], "'pause_after: another' is not the 'name'"),
    (["deployment.secrets=[NOT_THERE]"], "NOT_THERE, which the environment does not have"),
    (["deployment=null"], "declares no endpoint"),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG, ids=[w[0][0] for w in WRONG])
def test_a_wrong_declaration_is_one_message(
    endpoint: Command, management: Management, overrides: list[str], message: str
) -> None:
    given = [part for pair in overrides for part in ("--set", pair)]
    code, told = endpoint("create", "--yes", *given)
    assert (code, message in told) == (2, True), told
    assert management.endpoints == {}


def test_the_token_travels_to_no_other_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HELPERS_MANAGEMENT_URL", "http://192.0.2.1/v2")
    assert main(["endpoint", "status", "endpoint"]) == 2
    assert "over https or to loopback only" in capsys.readouterr().err
    monkeypatch.delenv("HELPERS_MANAGEMENT_URL")
    monkeypatch.setenv("HF_TOKEN", "")
    assert main(["endpoint", "status", "endpoint"]) == 2


def looked_after(found: str, pause_after: str, fails: bool, management: Management) -> list[str]:
    """Return what was done to an endpoint that was ``found`` in a state, in the course of a report."""
    params = load_params("endpoint", ["deployment.namespace=team", f"deployment.pause_after={pause_after}"])
    management._settle("dialogue-summariser", found)
    management.calls.clear()
    with pytest.raises(KeyboardInterrupt) if fails else _nothing(), lifecycle.managed(params):
        if fails:
            raise KeyboardInterrupt
    return [call.rsplit("/", 1)[1] for call in management.calls if call.startswith("POST")]


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("fails", [False, True])
def test_a_report_pauses_what_it_resumed_and_nothing_else(
    endpoint: Command, management: Management, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setattr("helpers.serving.management.sleep", lambda _: None)
    endpoint("create", "--yes")
    assert looked_after("paused", "true", fails, management) == ["resume", "pause"]
    assert looked_after("scaledToZero", "true", fails, management) == ["pause"]
    assert looked_after("running", "true", fails, management) == []
    assert looked_after("running", "dialogue-summariser", fails, management) == ["pause"]
    assert looked_after("paused", "false", fails, management) == []


def test_page_01_holds_the_vendors_word_against_what_is_declared(endpoint: Command, management: Management) -> None:
    def rows(*more: str) -> dict[str, tuple[str | None, bool | None]]:
        params = load_params("endpoint", ["deployment.namespace=team", "model.revision=abc123", *more])
        return {row.name: (row.observed, row.agrees) for row in managed_rows(params, os.environ)}

    assert rows() == {"managed endpoint": ("there is none of this name", False)}
    endpoint("create", "--yes")
    endpoint("wait", "--every", "0.01")
    found = rows("deployment.max_replica=2")
    assert found["state"] == ("running", True)
    assert found["revision"] == ("abc123", True)
    assert found["max replica"] == ("3", False)
    assert found["scaling metric"] == ("pendingRequests", True)
    management.refuse = 403
    assert rows()["managed endpoint"][1] is None
    assert "the token may not do this" in str(rows()["managed endpoint"][0])
    assert managed_rows(load_params("demo"), os.environ) == []


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        ({"HF_TOKEN": "t"}, "t"),
        ({"HF_TOKEN": "t", "HF_ENDPOINT_URL": "https://x.us-east-1.aws.endpoints.huggingface.cloud"}, "t"),
        ({"HF_TOKEN": "key", "HF_ENDPOINT_URL": "http://127.0.0.1:8000/v1"}, None),
        ({"HF_TOKEN": "key", "HF_ENDPOINT_URL": "https://huggingface.cloud.example"}, None),
        ({"HF_TOKEN": "key", "HF_ENDPOINT_URL": "http://127.0.0.1:8000", "HF_MANAGEMENT_TOKEN": "m"}, "m"),
        ({"HF_TOKEN": "t", "HF_MANAGEMENT_TOKEN": "m"}, "m"),
        ({}, None),
    ],
)
def test_the_key_of_another_server_does_not_go_to_the_management_api(
    environment: dict[str, str], token: str | None
) -> None:
    assert management_token(environment) == token


def test_an_address_of_the_params_file_counts_as_well() -> None:
    assert management_token({"HF_TOKEN": "key"}, "http://127.0.0.1:8000/v1") is None
    assert management_token({"HF_TOKEN": "t"}, "https://x.us-east-1.aws.endpoints.huggingface.cloud") == "t"


KEY = "the-key-of-a-server-of-ones-own"


def keys_seen(requests: list[bytes]) -> set[str]:
    """Return what was sent for authorization."""
    found = (re.search(rb"^authorization: ([^\r]*)", request, re.IGNORECASE | re.MULTILINE) for request in requests)
    return {match[1].decode() for match in found if match}


@pytest.fixture
def two_origins(
    management: Management, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[ScriptedServer, list[str]]]:
    """Serve an endpoint of one's own and the imitation of the vendor's API; returns the former and overrides."""
    with managed(management) as address, ScriptedServer(summary()) as server:
        server.metrics = answer(200, "", kind="text/plain")  # type: ignore[method-assign]
        monkeypatch.setenv("HF_TOKEN", KEY)
        monkeypatch.setenv("HF_ENDPOINT_URL", server.url)
        monkeypatch.setenv("HELPERS_MANAGEMENT_URL", f"{address}/")
        monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
        yield server, [f"endpoint.url={server.url}", "deployment.pause_after=true"]


def ask_everybody(server: ScriptedServer, overrides: list[str], folder: Path) -> None:
    """Do all that a report does with a key: look after the endpoint, ask it, compare, watch, and price it."""
    params = load_params("endpoint", overrides)
    log = folder / "requests.jsonl"
    with lifecycle.managed(params):
        backend = open_endpoint(server.url, params)
        backend.summarise(["Ann: hi"], Generation())
        backend.close()
        managed_rows(params, os.environ)
        lifecycle.current_prices(params)
        log.write_text("{}\n")
        poller = start_poller(params, server.url, log)
        poller.stop()
        watching = Poller(server.url, log, 0.01, poller._state)
        try:
            until((folder / "metrics.jsonl").is_file)
        finally:
            watching.stop()


def test_each_key_is_seen_at_its_own_origin_alone(
    two_origins: tuple[ScriptedServer, list[str]],
    management: Management,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server, overrides = two_origins
    monkeypatch.setenv("HF_MANAGEMENT_TOKEN", TOKEN)
    assert main(["endpoint", "create", "endpoint", "--yes", *[p for o in overrides for p in ("--set", o)]]) == 0
    assert main(["endpoint", "wait", "endpoint", "--every", "0.01"]) == 0
    ask_everybody(server, overrides, tmp_path)
    assert management.keys == {f"Bearer {TOKEN}"}
    assert keys_seen([*server.requests, *server.looks]) == {f"Bearer {KEY}"}
    assert len(server.looks) > 0
    kinds = {call.split("/")[1] for call in management.calls}
    assert kinds == {"endpoint", "provider", "api"}, "whose token it is was asked at the same address"


def test_without_a_key_of_the_vendors_nothing_is_asked_of_it(
    two_origins: tuple[ScriptedServer, list[str]],
    management: Management,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server, overrides = two_origins
    monkeypatch.delenv("HF_MANAGEMENT_TOKEN", raising=False)
    ask_everybody(server, [*overrides, "deployment.pause_after=false"], tmp_path)
    assert main(["endpoint", "status", "endpoint"]) == 2
    assert management.calls == []
    assert keys_seen([*server.requests, *server.looks]) == {f"Bearer {KEY}"}


def test_a_package_is_not_uploaded_with_the_key_of_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", KEY)
    monkeypatch.setenv("HF_ENDPOINT_URL", "http://127.0.0.1:8000/v1")
    with pytest.raises(InputError, match=r"--push: no token of the vendor's: .*HF_MANAGEMENT_TOKEN"):
        push(Path("nowhere"), "team/x")


@pytest.mark.parametrize("ends", [KeyboardInterrupt, DeployError])
def test_an_endpoint_is_paused_again_where_waiting_for_it_to_resume_ends(
    endpoint: Command, management: Management, monkeypatch: pytest.MonkeyPatch, ends: type[BaseException]
) -> None:
    endpoint("create", "--yes")
    params = load_params("endpoint", ["deployment.namespace=team", "deployment.pause_after=true"])
    management._settle("dialogue-summariser", "paused")
    resume = Manager.resume

    def interrupted(self: Manager) -> None:
        resume(self)
        raise ends

    monkeypatch.setattr(Manager, "resume", interrupted)
    with pytest.raises(ends), lifecycle.managed(params):
        pass
    assert management.calls[-1].endswith("/pause")


def test_an_api_that_stalls_holds_nobody_up_and_one_with_a_bad_minute_is_asked_again(
    endpoint: Command, management: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.serving.management.sleep", lambda _: setattr(management, "refuse", None))
    endpoint("create", "--yes")
    manager = Manager(load_params("endpoint", ["deployment.namespace=team"]), os.environ)
    management.refuse = 502
    assert manager.wait(60, lambda state, seconds: None).status == "running"
    monkeypatch.setattr("helpers.serving.management.PATIENCE", 0.2)
    monkeypatch.setattr(manager._api, "pause_inference_endpoint", lambda **named: time.sleep(5))
    with pytest.raises(DeployError, match=r"no answer within 0\.2 s"):
        manager.pause()
