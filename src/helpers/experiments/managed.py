"""What the vendor's management API says of the deployment, beside what is declared; part of page 01."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.core.errors import DeployError, InputError
from helpers.params import Params
from helpers.runs.results.deploy_check import Declared
from helpers.serving.management import Manager


def managed_rows(params: Params, environment: Mapping[str, str]) -> list[Declared]:
    """Return one row per declared property of a managed endpoint, or one that says why none can be observed.

    No endpoint is declared, or another backend answers: no rows. What is left to the vendor has no row either.
    """
    if params.backend != "endpoint" or params.deployment is None:
        return []
    name = params.deployment.name
    try:
        manager = Manager(params, environment)
        state = manager.state()
    except (DeployError, InputError) as error:
        return [Declared(name="managed endpoint", declared=name, observed=f"not observed: {error}", agrees=None)]
    if state is None:
        return [Declared(name="managed endpoint", declared=name, observed="there is none of this name", agrees=False)]
    rows = [("state", "running", state.status, state.status == "running")]
    for key, declared in manager.declared.items():
        if declared is not None:
            observed = state.observed.get(key)
            rows.append((key.replace("_", " "), str(declared), str(observed), observed == declared))
    return [Declared(name=n, declared=d, observed=o, agrees=a) for n, d, o, a in rows]
