"""How a run is told where its dialogues are summarised: one after the other here, or over Dask workers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.rooms import Positive, Room


class Execution(Room):
    """Who asks: this process (``local``), or the workers of a Dask cluster.

    ``scheduler`` is the address of a running one (``tcp://…``, or ``tls://…`` with certificates); ``null`` starts one
    on loopback with ``workers`` single-threaded workers. ``chunk`` is how many dialogues a worker takes at a time.
    """

    engine: Literal["local", "dask"] = "local"
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://[^/\s@]+:\d{1,5}$")] | None = None
    workers: Positive = 2
    chunk: Positive = 32

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.engine == "local" and self.scheduler is not None:
            raise ValueError("'scheduler' goes with 'engine: dask', and only with it")
        return self
