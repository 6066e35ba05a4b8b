"""What page 04 compares: the engines and number types of one model on this machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from helpers.rooms import Positive, Room, Seconds

Engine = Literal["transformers", "ctranslate2"]
Dtype = Literal["float32", "bfloat16", "float16", "int8"]


class Variant(Room):
    """One way to compute the model; ``predictions`` are its recorded answers, which its quality is judged by."""

    engine: Engine = "transformers"
    dtype: Dtype = "float32"
    predictions: str | None = None

    @property
    def name(self) -> str:
        """How pages call it."""
        return f"{self.engine} {self.dtype}"


class Quantization(Room):
    """The comparison on page 04; the first variant is the reference.

    ``model`` is compared when the run's own model is not on this machine. Every variant answers ``dialogues``
    dialogues, spread over their lengths, in each of ``rounds`` rounds, until ``limit`` seconds have passed. ``margin``
    is the largest loss of ROUGE-L that still counts as "as good". A variant needs ``headroom`` times its peak memory.
    """

    model: str | None = None
    variants: tuple[Variant, ...] = ()
    samples: str | None = None
    dialogues: Positive = 3
    rounds: Positive = 3
    limit: Seconds = 90.0
    margin: Annotated[float, Field(gt=0)] = 0.01
    headroom: Annotated[float, Field(ge=1)] = 1.25


#: Every engine and type that the bench compares, the reference first.
OFFERED = (
    Variant(engine="transformers", dtype="float32"),
    Variant(engine="transformers", dtype="bfloat16"),
    Variant(engine="transformers", dtype="int8"),
    Variant(engine="ctranslate2", dtype="float32"),
    Variant(engine="ctranslate2", dtype="int8"),
)
#: Engines whose packages come with the plain install.
PLAIN = ("transformers", "ctranslate2")
