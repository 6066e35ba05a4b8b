"""Prompts for chat models: a system text and worked examples, kept in small YAML files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from helpers.core import plain_yaml
from helpers.core.errors import InputError, did_you_mean
from helpers.core.model import Frozen
from helpers.core.paths import DATA

BUNDLED = DATA / "prompts"


class Shot(Frozen):
    """One worked example: a dialogue and the summary wanted for it."""

    dialogue: str
    summary: str


class Prompt(Frozen):
    """What a chat model is told before and around the dialogue it is to summarise.

    ``system`` is the system text; ``request`` the user's turn, with ``{dialogue}`` where the dialogue goes.
    """

    system: str
    request: str = "{dialogue}"
    shots: tuple[Shot, ...] = ()

    def messages(self, dialogue: str) -> list[dict[str, str]]:
        """Return the conversation that asks for a summary of ``dialogue``, as chat templates take it."""
        turns = [{"role": "system", "content": self.system}]
        for shot in self.shots:
            turns += [self._asked(shot.dialogue), {"role": "assistant", "content": shot.summary}]
        return [*turns, self._asked(dialogue)]

    @property
    def sha256(self) -> str:
        """The SHA-256 of everything the prompt says, whatever file it came from."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def _asked(self, dialogue: str) -> dict[str, str]:
        return {"role": "user", "content": self.request.replace("{dialogue}", dialogue)}


def load_prompt(name: str) -> Prompt:
    """Return a bundled prompt by name, or one from a YAML file by path.

    Raises `InputError` naming every problem of the file.
    """
    bundled = {path.stem: path for path in BUNDLED.glob("*.yaml")}
    path = bundled.get(name, Path(name))
    try:
        tree = plain_yaml.read(path)
    except OSError:
        hint, known = did_you_mean(name, bundled), ", ".join(sorted(bundled))
        raise InputError(
            f"prompt '{name}': neither a bundled prompt{hint} nor a readable file; bundled: {known}"
        ) from None
    except ValueError as error:
        raise InputError(f"prompt {path}: not readable as YAML: {error}") from None
    try:
        prompt = Prompt.model_validate(tree)
    except ValidationError as error:
        where = [(".".join(str(part) for part in item["loc"]), item["msg"]) for item in error.errors()]
        raise InputError([f"prompt {path}: '{key}': {message}" for key, message in where]) from None
    if "{dialogue}" not in prompt.request:
        raise InputError(f"prompt {path}: 'request' must say {{dialogue}} where the dialogue goes")
    return prompt
