"""A judge of summaries behind a chat endpoint: its address, its key, and the one rubric that its prompts use."""

from __future__ import annotations

from helpers.backends.addresses import checked_url, token_for
from helpers.backends.chat import Chat
from helpers.backends.endpoint import EndpointBackend
from helpers.core.environment import environment
from helpers.core.errors import RunError
from helpers.core.paths import DATA
from helpers.params import Params
from helpers.samples.prompts import Prompt, load_prompt

#: The variables that hold the judge's key and the address that it belongs to.
VARIABLES = ("HELPERS_JUDGE_TOKEN", "HELPERS_JUDGE_URL")
RUBRIC = DATA / "judge" / "rubric.yaml"


def rubric() -> Prompt:
    """Return what every judge is told; its ``sha256`` names its version."""
    return load_prompt(str(RUBRIC))


def judge_url(params: Params) -> str | None:
    """Return the address of the judge, checked; ``None`` where no judge is configured.

    Raises `RunError` where no address is given.
    """
    if params.scoring.judge is None:
        return None
    url = params.scoring.judge.url or environment().get(VARIABLES[1])
    if not url:
        raise RunError("no judge's address: set HELPERS_JUDGE_URL in the environment or .env, or scoring.judge.url")
    return checked_url(url)


def open_judge(params: Params) -> EndpointBackend:
    """Return the judge of a params file, with requests sent unchanged: its texts are JSON, and so are its answers.

    Its key is its own: neither key goes to the other's address. Raises `RunError` where no address is given.
    """
    judge, url = params.scoring.judge, judge_url(params)
    assert judge is not None, "only a run with a judge asks one"
    assert url is not None, "a judge has an address"
    token = token_for(url, environment(), VARIABLES)
    return EndpointBackend(url, params.endpoint, token, Chat(judge.served_model, rubric()), may_be_cached=True)
