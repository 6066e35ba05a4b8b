"""The vendor's own client asks our server as it asks an endpoint of the vendor's."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from helpers.params import Generation
from tests.local_server import Scripted, Served, served
from tests.unit.serving.serving_helpers import until

TOKEN = "a-key-of-this-server"
#: Text as a tokenizer of words puts it together again.
LOOSE = "Ann 's in , Bo does n't come . Shall we ?"


@pytest.fixture(scope="module")
def backend() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def server(backend: Scripted) -> Iterator[Served]:
    with served(lambda: backend, Generation(num_beams=4, max_new_tokens=60), TOKEN) as running:
        until(lambda: httpx2.get(f"{running.url}/health").is_success)
        yield running


@pytest.fixture
def client(server: Served) -> InferenceClient:
    return InferenceClient(model=server.url, token=TOKEN, timeout=20)


@pytest.mark.parametrize("truncation", [None, "longest_first", "only_first", "do_not_truncate"])
def test_every_way_to_truncate_that_the_client_names_is_taken(client: InferenceClient, truncation: str | None) -> None:
    found = client.summarization("Ann: hi", truncation=truncation)  # type: ignore[arg-type]
    assert found.summary_text == "About Ann: hi."


def test_its_generate_parameters_are_the_settings_of_the_request(client: InferenceClient, backend: Scripted) -> None:
    told = {"num_beams": 2, "max_new_tokens": 9, "do_sample": False, "length_penalty": 0.5}
    client.summarization("Ann: hi", generate_parameters=told)
    assert backend.asked[-1] == (["Ann: hi"], Generation(num_beams=2, max_new_tokens=9, length_penalty=0.5))


@pytest.mark.parametrize(
    ("tidied", "said"),
    [
        (None, f"About {LOOSE}."),
        (False, f"About {LOOSE}."),
        (True, "About Ann's in, Bo doesn't come. Shall we?."),
    ],
)
def test_spaces_are_cleaned_up_where_that_is_asked_for(client: InferenceClient, tidied: bool | None, said: str) -> None:
    assert client.summarization(LOOSE, clean_up_tokenization_spaces=tidied).summary_text == said


def test_a_refusal_says_through_the_client_what_would_do(client: InferenceClient, server: Served) -> None:
    with pytest.raises(HfHubHTTPError, match="'max_length' counts more than what is new; send 'max_new_tokens'"):
        client.summarization("Ann: hi", generate_parameters={"max_length": 60})
    with pytest.raises(HfHubHTTPError, match="401"):
        InferenceClient(model=server.url, token="another").summarization("Ann: hi")


@pytest.mark.parametrize("path", ["/", "/health"])
def test_whoever_looks_whether_it_is_up_is_told_so(server: Served, path: str) -> None:
    response = httpx2.get(server.url + path)
    assert (response.status_code, response.text) == (200, "Ok")
