"""Who answers in this process: an engine (imported only when asked for), an endpoint, or recorded predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

from helpers import SPINS
from helpers.backends.base import Backend
from helpers.backends.endpoint import endpoint_url, open_endpoint
from helpers.backends.replay import ReplayBackend
from helpers.core.environment import variables
from helpers.core.errors import ModelError
from helpers.core.machine import cpuinfo
from helpers.engines.installed import missing
from helpers.params import Model, Params
from helpers.samples.dataset import Sample

#: After so many rounds a waiting thread of CTranslate2 sleeps, unless somebody says otherwise. On two cores of a Xeon
#: it kept 52 % of its fair share beside a busy neighbour so, and lost 8 % alone; with 2,500 rounds 36 % and 3 %.
BRIEF_SPINS = "1500"
#: The same by vendor, where other rounds are better: on two cores of an EPYC 54 % and 3 %; with 1,500 33 % and 5 %.
BRIEF_SPINS_OF = {"AuthenticAMD": "700"}


def brief_spins() -> AbstractContextManager[None]:
    """Have a library that is imported meanwhile put its waiting threads to sleep soon: it reads this once."""
    rounds = BRIEF_SPINS_OF.get(cpuinfo("vendor_id"), BRIEF_SPINS)
    return variables({"GOMP_SPINCOUNT": rounds} if os.environ["GOMP_SPINCOUNT"] == SPINS else {})


def load_local(model: Model) -> Backend:
    """Return the engine on this machine that a run's ``model`` asks for; what computes is imported only now.

    Raises `ModelError` when its package is not installed, or as the engine does.
    """
    try:
        return _engine(model)
    except ModuleNotFoundError as error:
        raise ModelError(missing(model.engine) or str(error)) from error


def _engine(model: Model) -> Backend:
    if model.engine == "ctranslate2":
        with brief_spins():
            from helpers.engines.ctranslate2 import CTranslate2Backend

        return CTranslate2Backend(model)
    if model.engine == "openvino":
        from helpers.engines.openvino import OpenVINOBackend

        return OpenVINOBackend(model)
    from helpers.engines.transformers import TransformersBackend

    return TransformersBackend(model)


def open_backend(params: Params, samples: Sequence[Sample]) -> Backend:
    """Return who answers in this process: the local model, the endpoint, or the recorded predictions."""
    if params.replay is not None:
        return ReplayBackend(params.replay, samples)
    if params.backend == "local":
        return load_local(params.model)
    return open_endpoint(endpoint_url(params) or "", params)
