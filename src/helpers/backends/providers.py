"""A model at one of the Hugging Face Inference Providers: the vendor's client library prepares its requests.

`huggingface_hub.InferenceClient` prepares every request (route, the provider's own name of the model, headers, the
shape of the body) and hands it over in place of sending it, so that clocks, bounds, errors and retries stay those of
every other protocol. The library has no public way to do so: of what is private in it, ``_inner_post`` is used, which
each of its tasks sends through, and `get_provider_helper`, which knows the names; a release without them is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from helpers.backends.addresses import checked_url
from helpers.core.environment import environment
from helpers.core.errors import DeployError, HelpersError, InputError, ModelError
from helpers.core.machine import is_loopback
from helpers.core.waiting import within
from helpers.params import Params

#: Where the library sends what a token of the vendor's pays for, and where it looks a model up.
ROUTER, HUB = "https://router.huggingface.co", "https://huggingface.co"
#: Another address of both, such as a proxy or an imitation on this machine; over https or loopback only.
ADDRESS = "HELPERS_PROVIDERS_URL"
#: How a token of the vendor's begins; with any other the library asks the provider itself.
VENDORS_TOKEN = "hf_"  # noqa: S105  (how one begins)
#: Headers that every request of ours has of its own.
OWN_HEADERS = ("authorization", "content-type", "user-agent")
#: What the library calls the tasks of `helpers.params.Model`.
TASKS = {"summarization": "summarization", "chat": "conversational"}
#: The library is told by module constants, which are others' as well: for one preparation at a time.
_LIBRARY = Lock()


@dataclass(frozen=True)
class Provider:
    """A model at a provider, as the library has routed it; ``served`` is what the provider calls the model.

    ``url`` is where requests go, ``route`` the path of that at the router. ``headers`` are those that the library adds,
    ``token`` is the vendor's.
    """

    name: str
    model: str
    token: str = field(repr=False)
    url: str
    route: str
    served: str
    headers: Mapping[str, str] = field(repr=False)
    client: Any = field(repr=False)
    hub: str

    def chat_body(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request of the chat protocol as this provider takes it."""
        return _body(_chat(self.client, self.hub, body))

    def summarization_body(self, dialogue: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request of the summarization task as this provider takes it."""
        return _body(_summarization(self.client, self.hub, dialogue, settings))


def provider_of(params: Params, token: str | None = None) -> Provider | None:
    """Return the provider that a params file names, routed with ``HF_TOKEN`` or a visitor's; ``None`` for none.

    Raises `InputError` without a token of the vendor's, or where the provider or its task is unknown or does not serve
    the model; `DeployError` where the model cannot be looked up.
    """
    name = params.provider
    if name is None:
        return None
    told, key = environment(), f"endpoint.provider {name}"
    bill_to = None if token else params.endpoint.bill_to  # a visitor pays with an account of their own
    token = token or told.get("HF_TOKEN") or ""
    if not token.startswith(VENDORS_TOKEN):
        what = "this is another key" if token else "there is none"
        raise InputError(
            f"{key}: it needs a token of Hugging Face ({VENDORS_TOKEN}…), and {what}; a run takes it from HF_TOKEN"
        )
    address = (told.get(ADDRESS) or "").rstrip("/")
    if address and urlsplit(checked_url(address)).scheme != "https" and not is_loopback(address):
        raise InputError(f"{ADDRESS}: the token travels over https or to loopback only")
    check_provider(params)
    model, hub = params.endpoint.served_model or params.model.id, address or HUB
    client = _client()(model, provider=name, token=token, bill_to=bill_to)
    is_chat, limit = params.protocol == "chat", params.endpoint.total_timeout
    with _explained(key, model, hub):
        first = (
            partial(_chat, client, hub, {"messages": []}) if is_chat else partial(_summarization, client, hub, "", {})
        )
        prepared = within(limit, first)
    if not str(prepared.url).startswith(f"{ROUTER}/"):
        where = urlsplit(prepared.url).netloc
        raise InputError(
            f"{key}: the library would send the token to {where}, which is not {ROUTER}; no request is sent"
        )
    added = {key: value for key, value in prepared.headers.items() if key.lower() not in OWN_HEADERS}
    route = prepared.url.removeprefix(ROUTER)
    return Provider(name, model, token, (address or ROUTER) + route, route, str(prepared.model), added, client, hub)


def check_provider(params: Params) -> None:
    """Raise `InputError` when the library does not know the provider of a params file, or not for its task."""
    name, task = params.provider, TASKS.get(params.protocol, "")
    if name is None or name == "auto":
        return
    try:
        from huggingface_hub.inference._providers import get_provider_helper

        get_provider_helper(name, task, params.endpoint.served_model or params.model.id)  # type: ignore[arg-type]
    except ImportError:
        raise _other_release() from None
    except ValueError as error:
        raise InputError(f"endpoint.provider {name}: {error}") from None


class _HandedOver(Exception):  # noqa: N818  (a request, no error)
    """What the library has prepared, in place of being sent."""

    def __init__(self, prepared: Any) -> None:
        super().__init__("a prepared request")
        self.prepared = prepared


def _client() -> Any:
    """Return the library's client, which hands over what it would send."""
    from huggingface_hub import InferenceClient

    if not hasattr(InferenceClient, "_inner_post"):
        raise _other_release()

    class PreparingClient(InferenceClient):
        def _inner_post(self, request_parameters: Any, **_: Any) -> Any:
            raise _HandedOver(request_parameters)

    return PreparingClient


def _other_release() -> ModelError:
    from huggingface_hub import __version__

    return ModelError(f"huggingface_hub {__version__} prepares requests in another way; install requirements.txt")


def _chat(client: Any, hub: str, body: Mapping[str, Any]) -> Any:
    rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
    try:
        with _pointed_at(hub):
            client.chat_completion(messages=body["messages"], extra_body=rest)
    except _HandedOver as done:
        return done.prepared
    raise _other_release()


def _summarization(client: Any, hub: str, dialogue: str, settings: Mapping[str, Any]) -> Any:
    """Return the request prepared; without ``truncation`` an over-long input crashes a model."""
    try:
        with _pointed_at(hub):
            client.summarization(dialogue, generate_parameters=dict(settings), truncation="longest_first")
    except _HandedOver as done:
        return done.prepared
    raise _other_release()


def _body(prepared: Any) -> dict[str, Any]:
    if not isinstance(prepared.json, dict):
        raise _other_release()
    return prepared.json


@contextmanager
def _pointed_at(hub: str) -> Iterator[None]:
    """Have the library look a model up at ``hub``, whatever ``HF_ENDPOINT`` says, and without a token of anybody's.

    It reads both, and whether it tells of itself, from its constants.
    """
    from huggingface_hub import constants

    wanted = {"ENDPOINT": hub, "HF_HUB_DISABLE_IMPLICIT_TOKEN": True, "HF_HUB_DISABLE_TELEMETRY": True}
    with _LIBRARY:
        kept = {name: getattr(constants, name) for name in wanted}
        for name, value in wanted.items():
            setattr(constants, name, value)
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(constants, name, value)


@contextmanager
def _explained(key: str, model: str, hub: str) -> Iterator[None]:
    """Say in our words why the library cannot route a model."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        yield
    except HelpersError:
        raise
    except RepositoryNotFoundError:
        raise InputError(f"{key}: {hub} knows no model {model}, or it is private; check model.id") from None
    except ValueError as error:
        raise InputError(f"{key}: {error}") from None
    except Exception as error:  # its transport raises many kinds; all of them mean: no answer to act on
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DeployError(f"{key}: how requests to {model} are made cannot be looked up at {hub}: {said}") from error
