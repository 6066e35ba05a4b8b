"""What an instance is and what it costs: a dated price list, US dollars."""

from __future__ import annotations

from datetime import date
from typing import Literal

from helpers.rooms import Money, Positive, Room, Seconds


class Instance(Room):
    """The price-list row the deployment runs on, or is judged as if it ran on."""

    vendor: str = "aws"
    type: str = "intel-spr"
    size: str = "x8"
    replicas: Positive = 1


class Price(Room):
    """One row of a price list, US dollars per replica and hour."""

    vendor: str
    type: str
    size: str
    hourly: Money
    vcpus: Positive | None = None
    memory_gb: Seconds | None = None
    gpus: Positive | None = None
    gpu_memory_gb: Seconds | None = None
    accelerators: Positive | None = None
    accelerator_memory_gb: Seconds | None = None

    @property
    def name(self) -> str:
        """How the row is named elsewhere: vendor, type and size."""
        return f"{self.vendor} {self.type} {self.size}"


class Prices(Room):
    """A dated price list."""

    as_of: date
    source: str
    currency: Literal["USD"] = "USD"
    instances: tuple[Price, ...]

    def find(self, wanted: Instance) -> Price | None:
        """Return the row of an instance, or ``None`` when the list has none."""
        key = (wanted.vendor, wanted.type, wanted.size)
        return next((p for p in self.instances if (p.vendor, p.type, p.size) == key), None)
