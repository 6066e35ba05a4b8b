"""What every parameter model is built of: a strict, frozen base and numbers that mean something."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from helpers.core.model import Frozen

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(Frozen):
    """Base of every section of a params file and of its rows: nothing unknown, nothing changed after reading."""

    model_config = ConfigDict(protected_namespaces=())
