"""The vendor's management API, through `huggingface_hub`: what is declared, what is there, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

from helpers.backends.addresses import checked_url
from helpers.core.errors import DeployError, InputError
from helpers.core.machine import is_loopback
from helpers.core.waiting import within
from helpers.params import Deployment, Params, Price

#: Another address of the management API, such as an imitation on this machine; over https or loopback only.
ADDRESS = "HELPERS_MANAGEMENT_URL"
#: The key of the management API; ``HF_TOKEN`` is the endpoint's, which may be somebody else's server.
TOKEN = "HF_MANAGEMENT_TOKEN"  # noqa: S105  (a name)
#: Hosts below these are the vendor's, whose endpoints and API take the same token.
VENDORS = (".huggingface.cloud", ".huggingface.co", ".hf.space")
#: One call of the API may take so long, seconds.
PATIENCE = 60.0
#: A month as the vendor bills it, hours.
MONTH = 730
#: What the vendor calls the tasks of `helpers.params.Model`.
TASKS = {"summarization": "summarization", "chat": "text-generation"}
FIXES = {
    401: "the token is not accepted; check HF_MANAGEMENT_TOKEN, or HF_TOKEN",
    402: "the account has no means of payment; add one in its billing settings",
    403: "the token may not do this; give it the right to manage endpoints",
    404: "there is no such endpoint; 'helpers endpoint create' makes it, 'deployment.name' and 'namespace' name it",
    409: "an endpoint of this name exists; choose another 'deployment.name'",
}

T = TypeVar("T")


def management_token(environment: Mapping[str, str], url: str | None = None) -> str | None:
    """Return the token that may go to the management API and the Hub; a key of another server is none.

    ``HF_TOKEN`` is taken where neither ``url`` nor ``HF_ENDPOINT_URL`` names an endpoint that is not the vendor's.
    """
    homes = [urlsplit(home).hostname or "" for home in (url, environment.get("HF_ENDPOINT_URL")) if home]
    own = all(home.endswith(VENDORS) for home in homes)
    return environment.get(TOKEN) or (environment.get("HF_TOKEN") if own else None) or None


@dataclass(frozen=True)
class EndpointState:
    """An endpoint as the vendor describes it; ``message`` is the vendor's reason for a state, ``url`` its address."""

    name: str
    status: str
    url: str | None
    message: str
    observed: dict[str, Any]


class Manager:
    """One declared endpoint and the calls that look after it.

    Raises `InputError` without a token or with an unusable address, `DeployError` for whatever the vendor refuses.
    """

    def __init__(self, params: Params, environment: Mapping[str, str]) -> None:
        if params.deployment is None:
            raise InputError("the params file declares no endpoint; add a 'deployment' with at least its 'name'")
        token = management_token(environment, params.endpoint.url)
        if not token:
            raise InputError(
                f"no token: set {TOKEN} in the environment or .env, or HF_TOKEN for an endpoint of the vendor's"
            )
        import huggingface_hub
        from huggingface_hub import constants

        if address := (environment.get(ADDRESS) or "").rstrip("/"):
            if urlsplit(checked_url(address)).scheme != "https" and not is_loopback(address):
                raise InputError(f"{ADDRESS}: the token travels over https or to loopback only")
            constants.INFERENCE_ENDPOINTS_ENDPOINT = address
        self.deployment: Deployment = params.deployment
        self.declared = specification(params)
        self._environment = environment
        self._token = token
        # the token's owner is looked up at the same address
        self._api = huggingface_hub.HfApi(token=token, endpoint=address or None)
        self._named: dict[str, Any] = {"name": self.deployment.name, "namespace": self.deployment.namespace}

    def hardware(self) -> list[Price]:
        """Return the vendor's live price list for the account."""
        namespace = self.deployment.namespace
        return self._told(lambda: [_price(r) for r in self._api.list_inference_endpoints_hardware(namespace=namespace)])

    def state(self) -> EndpointState | None:
        """Return the endpoint's state, or ``None`` when there is none of this name."""
        try:
            return self._told(lambda: _state(self._api.get_inference_endpoint(**self._named)))
        except DeployError as error:
            if _status(error.__cause__) == 404:
                return None
            raise

    def create(self) -> EndpointState:
        """Create the endpoint as declared; the values of its secrets come from the environment."""
        lacking = [name for name in self.deployment.secrets if not self._environment.get(name)]
        if lacking:
            raise InputError(f"'deployment.secrets' names {', '.join(lacking)}, which the environment does not have")
        secrets = {name: self._environment[name] for name in self.deployment.secrets}
        wanted: dict[str, Any] = {**self._named, **self.declared, "secrets": secrets or None}
        return self._told(lambda: _state(self._api.create_inference_endpoint(**wanted)))

    def pause(self) -> EndpointState:
        """Stop the endpoint and its bill; only `resume` starts it again."""
        return self._told(lambda: _state(self._api.pause_inference_endpoint(**self._named)))

    def resume(self) -> EndpointState:
        """Start a paused endpoint, or leave a running one as it is."""
        return self._told(lambda: _state(self._api.resume_inference_endpoint(**self._named, running_ok=True)))

    def scale_to_zero(self) -> EndpointState:
        """Stop the endpoint until the next request."""
        return self._told(lambda: _state(self._api.scale_to_zero_inference_endpoint(**self._named)))

    def delete(self) -> None:
        """Delete the endpoint for good."""
        self._told(lambda: self._api.delete_inference_endpoint(**self._named))

    def wait(self, limit: float, report: Callable[[EndpointState, float], None], every: float = 5.0) -> EndpointState:
        """Return the state once the endpoint runs or is scaled to zero; ``report`` hears of every change.

        Raises `DeployError` with the vendor's reason when it failed or is paused, and after ``limit`` seconds. A call
        that fails at the vendor, or is not answered, is made again.
        """
        began, last = monotonic(), ""
        while True:
            try:
                state = self.state()
            except DeployError as error:
                status = _status(error.__cause__)
                if (status not in (0, 429) and status < 500) or monotonic() - began > limit:
                    raise
                sleep(every)
                continue
            if state is None:
                raise DeployError(f"endpoint {self.deployment.name}: {FIXES[404]}")
            if state.status != last:
                report(state, monotonic() - began)
            last = state.status
            if last == "scaledToZero" or (last == "running" and state.url):
                return state
            if last in ("failed", "updateFailed"):
                raise DeployError(f"endpoint {state.name}: {last}: {state.message or 'the vendor gives no reason'}")
            if last == "paused":
                raise DeployError(f"endpoint {state.name} is paused; 'helpers endpoint resume' starts it")
            if monotonic() - began > limit:
                raise DeployError(
                    f"endpoint {state.name}: still {last} after {limit:.0f} s; {state.message}".rstrip("; ")
                )
            sleep(every)

    def differences(self, state: EndpointState) -> list[str]:
        """Return what of the declared specification the endpoint does not have."""
        return [
            f"{name}: declared {value}, is {state.observed[name]}"
            for name, value in self.declared.items()
            if value is not None and name in state.observed and state.observed[name] != value
        ]

    def _told(self, ask: Callable[[], T]) -> T:
        """Return what the API says; the library waits for it without a bound, which would hold up the pause as well."""
        with self._explained():
            try:
                return within(PATIENCE, ask)
            except TimeoutError as error:
                raise TimeoutError(f"{error}; it may have been done: 'helpers endpoint status' shows it") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            yield
        except HfHubHTTPError as error:
            status = _status(error)
            said = FIXES.get(status) or self._redacted((error.server_message or str(error)).splitlines()[0])
            raise DeployError(f"endpoint {self.deployment.name}: HTTP {status}: {said}") from error
        except Exception as error:  # its transport raises many kinds; all of them mean: no answer to act on
            said = self._redacted(f"{type(error).__name__}: {error}")
            raise DeployError(f"endpoint {self.deployment.name}: the management API cannot be used: {said}") from error

    def _redacted(self, text: str) -> str:
        """Return a text of the vendor's without the token, which a server may repeat."""
        return text.replace(self._token, "[token]")


def specification(params: Params) -> dict[str, Any]:
    """Return the declared endpoint as arguments of the client library; secrets are not among them."""
    declared, instance = params.deployment, params.instance
    if declared is None:
        raise InputError("the params file declares no endpoint; add a 'deployment' with at least its 'name'")
    return {
        "repository": params.model.id,
        "revision": params.model.revision,
        "task": "custom" if declared.framework == "custom" else TASKS[params.model.task],
        "framework": declared.framework,
        "vendor": instance.vendor,
        "region": declared.region,
        "accelerator": declared.accelerator,
        "instance_type": instance.type,
        "instance_size": instance.size,
        "min_replica": declared.min_replica,
        "max_replica": declared.max_replica,
        "scaling_metric": declared.scaling_metric,
        "scaling_threshold": declared.scaling_threshold,
        "scale_to_zero_timeout": declared.scale_to_zero_minutes,
        "type": declared.type,
    }


def _price(row: Any) -> Price:
    kind = {"gpu": "gpu", "neuron": "accelerator"}.get(row.accelerator, "")
    special = {f"{kind}s": row.num_accelerators, f"{kind}_memory_gb": row.gpu_memory_gb} if kind else {}
    return Price(
        vendor=row.vendor,
        type=row.instance_type,
        size=row.instance_size,
        hourly=row.price_per_hour,
        vcpus=row.num_cpus,
        memory_gb=row.memory_gb,
        **{name: value for name, value in special.items() if value},
    )


def _state(endpoint: Any) -> EndpointState:
    raw = endpoint.raw
    compute, model, provider = raw["compute"], raw["model"], raw["provider"]
    scaling = compute.get("scaling", {})
    measure = scaling.get("measure") or {}
    metric = next(iter(measure), None)
    return EndpointState(
        name=endpoint.name,
        status=str(getattr(endpoint.status, "value", endpoint.status)),
        url=endpoint.url,
        message=str(raw["status"].get("message") or ""),
        observed={
            "repository": model.get("repository"),
            "revision": model.get("revision"),
            "task": model.get("task"),
            "framework": model.get("framework"),
            "vendor": provider.get("vendor"),
            "region": provider.get("region"),
            "accelerator": compute.get("accelerator"),
            "instance_type": compute.get("instanceType"),
            "instance_size": compute.get("instanceSize"),
            "min_replica": scaling.get("minReplica"),
            "max_replica": scaling.get("maxReplica"),
            "scaling_metric": metric,
            "scaling_threshold": measure.get(metric) if metric else None,
            "scale_to_zero_timeout": scaling.get("scaleToZeroTimeout"),
            "type": raw.get("type"),
        },
    )


def _status(error: Any) -> int:
    """Return the HTTP status of an error, 0 for one without an answer."""
    response = getattr(error, "response", None)
    return 0 if response is None else int(response.status_code)
