"""What became of the settings that requests carry: those that a server refused, or was seen to ignore.

Most cannot be seen in an answer: what is not shown to be ignored is not said to be applied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from helpers.params import Params
from helpers.runs.request_log import Record
from helpers.runs.results.deploy_check import Declared
from helpers.runs.sender import ALIKE


def settings_seen(
    params: Params, records: Sequence[Record], refused: Collection[str], alike: bool | None
) -> dict[str, Declared]:
    """Return by name each setting that was refused or ignored, as a row of what is declared and observed.

    ``refused`` were left out of the requests since; ``alike`` is whether equal requests were answered alike.
    """
    answered = [record for record in records if record.ok]
    found = {}
    for name, value in params.settings_sent.items():
        why = "refused, and left out of all further requests" if name in refused else ""
        if why := why or _ignored(name, value, params.settings_sent, answered, alike):
            shown = str(value) if not isinstance(value, str) else value
            found[name] = Declared(name=name.replace("_", " "), declared=shown, observed=why, agrees=False)
    return found


def _ignored(name: str, value: Any, settings: Mapping[str, Any], answered: Sequence[Record], alike: bool | None) -> str:
    """Return how the answers show that a setting is ignored, or nothing."""
    repeatable = settings.get("temperature") == 0 or "seed" in settings
    if name in ("temperature", "seed") and repeatable and alike is False and (name == "seed" or value == 0):
        return "ignored, or not enough: equal requests were answered differently"
    if name == "max_new_tokens" and (most := max(_counts(answered, "output_tokens"), default=0)) > value:
        return f"ignored: up to {most} tokens were made"
    if name == "stop":
        stops = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        texts = [record.summary for record in answered if record.summary and record.text_form == "full"]
        if any(stop in text for stop in stops if isinstance(stop, str) and stop for text in texts):
            return "ignored: answers go on behind it"
    thinks = any(record.thought or record.counted("reasoning_tokens") for record in answered)
    if name == "chat_template_kwargs" and isinstance(value, dict) and value.get("enable_thinking") is False and thinks:
        return "ignored: it thinks all the same"
    if name == "cache_prompt" and value is False:
        most = max(_counts(answered, "cached_tokens"), default=0)
        return f"ignored: up to {most} tokens of a prompt came from its cache" if most > ALIKE else ""
    return ""


def _counts(answered: Sequence[Record], name: str) -> list[int]:
    return [n for record in answered if (n := record.counted(name)) is not None]
