"""Who answers in this process: an engine (imported only when asked for), an endpoint, or recorded predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

from helpers.backends.base import Backend
from helpers.backends.endpoint import endpoint_url, open_endpoint
from helpers.backends.replay import ReplayBackend
from helpers.core.environment import variables
from helpers.core.errors import ModelError
from helpers.core.machine import spins
from helpers.engines.installed import missing
from helpers.params import Model, Params
from helpers.samples.dataset import Sample


def brief_spins() -> AbstractContextManager[None]:
    """Have CTranslate2, imported meanwhile, put its waiting threads to sleep sooner than torch: it reads this once."""
    rounds = spins()
    is_ours = os.environ["GOMP_SPINCOUNT"] == rounds.torch
    return variables({"GOMP_SPINCOUNT": rounds.ctranslate2} if is_ours else {})


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
