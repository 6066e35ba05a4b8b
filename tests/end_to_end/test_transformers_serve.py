"""A real `transformers serve`: found by its address, streamed, what it says read, and measured to a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.backends.discovery import discover
from helpers.backends.endpoint import EndpointBackend
from helpers.params import Endpoint, Generation
from tests.conftest import Report
from tests.transformers_server import transformers_server

DIALOGUE = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan, please."

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with transformers_server(tmp_path_factory.mktemp("serve")) as found:
        yield found


@pytest.mark.parametrize("spelling", ["", "/v1/"])
def test_it_is_found_by_its_address_though_it_names_no_model(served: tuple[str, Path], spelling: str) -> None:
    url, model = served
    found = discover(url + spelling, {})
    assert (found.protocol, found.model, found.streams) == ("chat", str(model), True)


@pytest.mark.parametrize("streams", [True, False])
def test_its_usage_and_its_finish_are_read(served: tuple[str, Path], streams: bool) -> None:
    url, _ = served
    found = discover(url, {})
    assert found.chat
    with EndpointBackend(
        url, Endpoint(), None, found.chat if streams else replace(found.chat, streams=False)
    ) as backend:
        cut, whole = (backend.summarise([DIALOGUE], Generation(max_new_tokens=n))[0] for n in (6, 200))
    assert (cut.output_tokens, cut.finish) == (6, "length")
    assert (whole.finish, bool(whole.summary)) == ("stop", True)
    assert cut.input_tokens == whole.input_tokens
    assert cut.input_tokens is not None
    assert cut.input_tokens > 30
    if streams:
        assert cut.first_token
        assert cut.inter_token
        assert cut.service_time
        assert cut.first_token + 5 * cut.inter_token == pytest.approx(cut.service_time, rel=0.3)
    else:
        assert (cut.first_token, cut.chunks) == (None, None)


def test_from_its_address_to_a_page(served: tuple[str, Path], helpers: Report) -> None:
    url, _ = served
    small = ["samples.n=5", "measure.repeats=1", "measure.warmup=1", "generation.max_new_tokens=24"]
    settings = [part for pair in small for part in ("--set", pair)]
    done = helpers("report", "--url", url, "--only", "03", *settings, limit=600)
    assert done.code == 0, done.told
    timed = done.result("03")
    assert timed["streaming"]["first_token"]["value"] > 0  # type: ignore[index]
    assert timed["streaming"]["inter_token"]["value"] > 0  # type: ignore[index]
    assert "Streaming: time to first token" in done.page("03-latency-cost")
