"""What became of the rows of a file: used, or set aside with the reason, and what was replaced in their texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pydantic import Field

from helpers.core.environment import redact, secrets
from helpers.core.errors import SamplesError
from helpers.core.model import Frozen
from helpers.core.text import cleaned, cleaned_name

#: Rows of one file whose problem is told in full; the others are only counted.
SHOWN = 20


class Intake(Frozen):
    """How many rows a file has and how many were set ``aside``, also by reason; ``examples`` name the first of them.

    ``replaced`` counts places in texts where a character that no page or terminal may show was replaced, ``notes``
    what else is worth knowing of the rows that are used.
    """

    file: str = ""
    rows: int = 0
    aside: int = 0
    set_aside: dict[str, int] = Field(default_factory=dict)
    examples: tuple[str, ...] = ()
    replaced: int = 0
    notes: dict[str, int] = Field(default_factory=dict)

    @property
    def used(self) -> int:
        """How many rows are used."""
        return self.rows - self.aside

    def lines(self) -> list[str]:
        """Return what there is to say of the rows, for a terminal; nothing where all is well."""
        found = []
        if self.aside:
            reasons = "; ".join(f"{reason} ({count})" for reason, count in self.set_aside.items())
            found = [f"{self.file}: {self.aside} of {self.rows} rows set aside: {reasons}", *self.examples]
            if self.aside > len(self.examples):
                found.append(f"{self.file}: and {self.aside - len(self.examples)} more; --strict refuses such a file")
        if self.replaced:
            found.append(f"{self.file}: {self.replaced} characters replaced that no page or terminal may show")
        return found + [f"{self.file}: {note} ({count})" for note, count in self.notes.items()]

    def refuse(self) -> None:
        """Raise `SamplesError` with what is wrong with the rows."""
        rest = self.aside - len(self.examples)
        raise SamplesError([*self.examples, *([f"{self.file}: and {rest} more problems"] if rest > 0 else [])])


@dataclass
class Counting:
    """Counts rows as they are read; ``strict`` refuses a file with a row that cannot be used, once it was read."""

    name: str
    strict: bool = False
    rows: int = 0
    replaced: int = 0
    _aside: Counter[str] = field(default_factory=Counter)
    _notes: Counter[str] = field(default_factory=Counter)
    _examples: list[str] = field(default_factory=list)
    _secrets: list[str] = field(default_factory=secrets)

    def set_aside(self, place: str, reason: str, detail: str = "") -> None:
        """Count a row that cannot be used; the reason is the same for all rows of its kind, the detail is not."""
        self._aside[reason] += 1
        if len(self._examples) < SHOWN:
            self._examples.append(f"{self.name} {place}: {detail or reason}")

    def note(self, what: str) -> None:
        """Count what is worth knowing of a row that is used."""
        self._notes[what] += 1

    def text(self, text: str) -> str:
        """Return a text cleaned, and count what was replaced."""
        text, replaced = cleaned(text)
        self.replaced += replaced
        return text

    def id(self, text: str) -> str:
        """Return a name cleaned and without a secret, as logs and pages may show it; count what was replaced."""
        text, replaced = cleaned_name(redact(text, self._secrets))
        self.replaced += replaced
        return text

    def done(self) -> Intake:
        """Return the counts; raises `SamplesError` when no row can be used, or with ``strict`` when not all can."""
        found = Intake(
            file=self.name,
            rows=self.rows,
            aside=self._aside.total(),
            set_aside=dict(self._aside.most_common()),
            examples=tuple(self._examples),
            replaced=self.replaced,
            notes=dict(self._notes.most_common()),
        )
        if found.aside and (self.strict or not found.used):
            found.refuse()
        return found
