"""The base of every value that is read from a file or written to one."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A model that knows all its fields: nothing unknown is taken, nothing is changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")
