"""The page of all summaries: each beside its dialogue with the evidence marked, to sort, to filter and to search.

Sorting and filtering are rules of the style sheet; the one script adds the search, the count and addresses. What does
not fit into the file as text is packed in it, and the script unpacks it; the page says what is packed or left out.
"""

from __future__ import annotations

import base64
import json
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from helpers.core.console import public
from helpers.report.components.marked import Span, marked
from helpers.report.components.numbers import CUT, excerpt, number, quoted
from helpers.report.components.page import Frame, Text, environment, framed
from helpers.report.views.common import EMPTY
from helpers.report.views.summaries import (
    FLAGS,
    READ_FIRST,
    RULE,
    SummaryFlag,
    anchor,
    figures,
    flags,
    has_texts,
    in_reading_order,
    missed,
    references,
)
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.results.cited import Cited
from helpers.runs.review_summary import LENGTHS, QUESTIONS, by_dialogue, read_summaries
from helpers.runs.reviews import SummaryReading
from helpers.runs.run import Run
from helpers.scorers.evidence import Mark, evidence, places
from helpers.scorers.mentions import turns_of

#: The file is at most so large, bytes.
LARGEST = 1_000_000
#: Labels that one filter tells apart; the rarest beyond share one entry.
_MOST_LABELS = 30
#: What is left away, step by step, where even the packed texts do not fit: references, then the ends of long texts.
_STEPS = ((True, 4_000), (False, 4_000), (False, 3_000), (False, 2_000), (False, 1_000), (False, 400))
#: Characters of the words that a reason names.
_SHORT = 300
#: Bytes for the note that something is packed, and for what a secret that is blackened takes more.
_NOTES = 2_000
#: The choice of what a field finds nothing in.
NONE = "0"
_READ = {"yes": "usable", "no": "not usable", "split": "readers differ", NONE: "not read"}
_BY_READER = "marked by a reader"


@dataclass(frozen=True)
class Field:
    """A choice above the list: its name, what it is called, and what can be chosen, by value."""

    name: str
    label: str
    options: dict[str, str]


@dataclass(frozen=True)
class Item:
    """One summary with all that its entry is made of; ``chosen`` are the values of the fields that it answers to."""

    row: Cited
    flags: Sequence[SummaryFlag]
    readings: Sequence[SummaryReading]
    chosen: dict[str, str]
    ranks: dict[str, int]

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """The evidence for its flags, and what readers marked."""
        row, text = self.row.raw, self.row.raw.summary or ""
        words = {word for one in self.readings for word in one.words}
        own = (Mark(_BY_READER, *span) for word in sorted(words) for span in places(text, word.strip(".,;:!?\"'()")))
        return (*evidence(text, row.dialogue, row.failures, row.objections), *own)

    def spans(self, turn: int | None) -> list[Span]:
        """Return the marks of the summary (``None``) or of a turn, each with the name of what found it."""
        return [(one.start, one.end, FLAGS.get(one.flag, one.flag)) for one in self.marks if one.turn == turn]


@dataclass(frozen=True)
class Entry:
    """One summary as HTML: its name, its text and the choices that it answers to, and what may be packed.

    That is its ranks, a line about it, and its scores, reasons, references and dialogue.
    """

    id: str
    name: str
    chosen: str
    summary: Markup
    packed: tuple[str, Markup, Markup]

    @cached_property
    def short(self) -> Markup:
        """The name and the text alone; the rest is packed."""
        return Markup(
            '<article id="{}" class="{}"><div class="quoted"><h2>{}</h2><p>{}</p></div></article>\n'
        ).format(self.id, self.chosen, self.name, self.summary)  # fmt: skip

    @cached_property
    def whole(self) -> Markup:
        """All of it."""
        return Markup(
            '<article id="{}" class="{}" style="{}"><div class="quoted"><h2>{}</h2>{}<p>{}</p></div>{}</article>\n'
        ).format(self.id, self.chosen, self.packed[0], self.name, self.packed[1], self.summary, self.packed[2])


@dataclass(frozen=True)
class Shown:
    """What the file holds: the entries, which are packed in part from ``plain`` on, and what is left away."""

    entries: Sequence[Entry]
    plain: int
    all: bool = True
    step: tuple[bool, int] = _STEPS[0]

    @property
    def without_references(self) -> bool:
        """Whether references are left away."""
        return not self.step[0]

    @property
    def cut(self) -> bool:
        """Whether texts are cut that other pages show."""
        return self.step[1] < _STEPS[0][1]

    @cached_property
    def deflated(self) -> bytes:
        """What is packed: a JSON array, deflated."""
        rests = [one.packed for one in self.entries[self.plain :]]
        return zlib.compress(public(json.dumps(rests, ensure_ascii=False)).encode(), 9) if rests else b""

    @property
    def packed(self) -> str:
        """What is packed as the script reads it: base 85, with signs in the place of those that HTML would read."""
        return base64.b85encode(self.deflated, pad=True).decode().translate(str.maketrans("&<>", ".:/"))

    @property
    def listed(self) -> Markup:
        """The entries as far as they are text."""
        return Markup().join(one.whole if n < self.plain else one.short for n, one in enumerate(self.entries))

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.listed.encode()) + len(self.deflated) * 5 // 4


def page(run: Run, frame: Frame) -> str | None:
    """Return the page of all summaries of a run; ``None`` where there are none, or none that may be shown."""
    found = run.results().sample_eval
    if found is None or not has_texts(found):
        return None
    result = Cited(found, "results/02.json")
    readings = _readings(run)
    items = _items(result, readings)
    fields = [*_filters(result, items), _sorting(items)]

    def whole(shown: Shown) -> str:
        template = environment().get_template("explorer.html.j2")
        n = number(result.answered, "count")
        body = template.render(n=n, rule=RULE, fields=fields, shown=shown, is_read=bool(readings))
        text = Text("All summaries", Markup(body), [])  # noqa: S704  (a template that escapes)
        return public(framed(frame, text, own="explorer", rules=_rules(fields)))

    nothing = Shown([], 0, all=False, step=_STEPS[-1])
    return whole(_fitted(items, LARGEST - len(whole(nothing).encode()) - _NOTES))


def _fitted(items: Sequence[Item], room: int) -> Shown:
    """Return as much as fits into ``room`` bytes, as text where it can be, else packed, else left out."""
    n, least = len(items), min(len(items), READ_FIRST)
    entries: list[Entry] = []
    for step in _STEPS:
        entries = [_entry(item, *step) for item in items]
        if Shown(entries, least).size <= room or Shown(entries, n).size <= room:
            plain = _largest(lambda k: Shown(entries, k).size <= room, least, n)  # noqa: B023  (called at once)
            return Shown(entries, plain, step=step)
    few = _largest(lambda k: Shown(entries[:k], min(k, least)).size <= room, 0, n)
    return Shown(entries[:few], min(few, least), all=False, step=_STEPS[-1])


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest number of those from ``low`` to ``high`` that fits, or ``low``."""
    if fits(high):
        return high
    return low + bisect_left(range(low + 1, high), True, key=lambda k: not fits(k))


def _readings(run: Run) -> dict[str, list[SummaryReading]]:
    """Return what readers say of the summaries of this run, by dialogue."""
    read, found = read_summaries(run), dict[str, list[SummaryReading]]()
    for one in read.readings if read and not read.recorded else ():
        found.setdefault(one.id, []).append(one)
    return found


def _items(result: Cited, readings: dict[str, list[SummaryReading]]) -> list[Item]:
    rows = in_reading_order(result)
    labels = {name: _numbered(_labels(rows, name)) for name in ("domain", "length")}
    ranks = _ranks(result)
    found = []
    for row in rows:
        own = flags(row.raw, result.raw.checks)
        chosen = {name: labels[name].get(getattr(row.raw, name) or "", "other") for name in labels}
        kinds = ["counts" if any(flag.counts for flag in own) else NONE, *(flag.kind for flag in own)]
        chosen["flag"] = " ".join(kinds)
        if readings:
            chosen["read"] = _usable(readings.get(row.id.raw, ()))
        found.append(Item(row, own, readings.get(row.id.raw, ()), chosen, ranks[row.id.raw]))
    return found


def _labels(rows: Iterable[Cited], name: str) -> list[str]:
    """Return the labels of a kind, lengths in their natural order, as many as one filter tells apart."""
    counts = Counter(label for row in rows if (label := getattr(row.raw, name)))
    kept = [label for label, _ in counts.most_common(_MOST_LABELS)]
    return sorted(kept, key=lambda label: (LENGTHS.index(label) if label in LENGTHS else -1, label))


def _numbered(labels: Sequence[str]) -> dict[str, str]:
    return {label: str(place) for place, label in enumerate(labels)}


def _usable(readings: Sequence[SummaryReading]) -> str:
    share = by_dialogue(readings, QUESTIONS["usable"])
    return NONE if not share else {1.0: "yes", 0.0: "no"}.get(next(iter(share.values())), "split")


def _ranks(result: Cited) -> dict[str, dict[str, int]]:
    """Return by dialogue its place in every other order that the list can have."""
    rows = list(enumerate(result.raw.samples))
    keys: dict[str, Callable[[int], float]] = {"asked": float}
    for name, score in (("facts", "key_fact_recall"), ("rouge", "rougeL")):
        if any(score in row.scores for _, row in rows):
            keys[name] = lambda place, score=score: result.raw.samples[place].scores.get(score, 2.0)  # type: ignore[misc]
    keys["longest"] = lambda place: -len(result.raw.samples[place].dialogue)
    orders = {name: sorted(range(len(rows)), key=key) for name, key in keys.items()}
    found: dict[str, dict[str, int]] = {row.id: {} for _, row in rows}
    for name, order in orders.items():
        for rank, place in enumerate(order):
            found[rows[place][1].id][name] = rank
    return found


def _filters(result: Cited, items: Sequence[Item]) -> list[Field]:
    """Return the filters; one that has nothing to choose between is left away."""
    kinds = {"counts": "any that counts", NONE: "none that counts"} | FLAGS
    domain, length = (_numbered(_labels([item.row for item in items], name)) for name in ("domain", "length"))
    options: dict[tuple[str, str], dict[str, str]] = {
        ("flag", "Failed check"): kinds,
        ("domain", "Domain"): {value: label for label, value in domain.items()} | {"other": "other"},
        ("length", "Length"): {value: label for label, value in length.items()} | {"other": "other"},
        ("read", "As read"): _READ,
    }
    fields = []
    for (name, label), known in options.items():
        held = {value for item in items for value in item.chosen.get(name, "").split()}
        kept = {value: text for value, text in known.items() if value in held}
        if len(kept) > 1:
            fields.append(Field(name, label, {"": "all", **kept}))
    return fields


def _sorting(items: Sequence[Item]) -> Field:
    names = {
        "facts": "fewest key facts first",
        "rouge": "lowest ROUGE-L first",
        "longest": "longest dialogue first",
        "asked": "as asked",
    }
    known = {name: label for name, label in names.items() if name in items[0].ranks}
    return Field("sort", "Order", {"": "to read first", **known})


def _rules(fields: Sequence[Field]) -> str:
    """Return the lines of the style sheet by which a choice hides what it does not ask for, or reorders the list."""
    lines = []
    for field in fields:
        for value in field.options:
            chosen = f'.choices:has([name={field.name}] [value="{value}"]:checked) ~ .list > article'
            if value and field.name == "sort":
                lines.append(f"{chosen} {{ order: var(--{value}, {LARGEST}); }}")
            elif value:
                lines.append(f"{chosen}:not(.{field.name[0]}{value}) {{ display: none; }}")
    return "\n".join(lines) + "\n"


def _entry(item: Item, with_references: bool, longest: int) -> Entry:
    """Return a summary as HTML, with its references or without, every text cut beyond ``longest`` characters."""
    row, read = item.row, item.chosen.get("read")
    told: list[str] = [label for label in (row.raw.domain, row.raw.length) if label]
    told += [*(flag.told for flag in item.flags), *([_READ[read]] if read else [])]
    summary = excerpt(row.summary.raw or EMPTY, longest)
    texts = [excerpt(one, longest) for one in row.references.raw] if with_references else []
    rest = Markup('<div class="rest"><p>{}</p>{}{}{}</div>{}').format(
        figures(row), _reasons(item), missed(row), references(texts), _dialogue(item, longest)
    )
    return Entry(
        id=anchor(row.id.raw),
        name=row.id.raw,
        chosen=" ".join(f"{name[0]}{value}" for name, found in item.chosen.items() for value in found.split()),
        summary=marked(summary, item.spans(None)),
        packed=(
            ";".join(f"--{name}:{rank}" for name, rank in item.ranks.items()),
            Markup("<p>{}</p>").format(Markup(" · ").join(told)),
            rest,
        ),
    )


def _reasons(item: Item) -> Markup:
    """Return the words that each flag is about and those against them, and what readers say, as a list."""
    lines = [_reason(item, flag) for flag in item.flags if flag.words]
    for one in item.readings:
        kinds = ", ".join(ERROR_LABELS[kind] for kind in one.kinds)
        said = "; ".join(filter(None, ["usable" if one.usable else "not usable", kinds]))
        who = "A language model" if one.made_by == "language model" else "A person"
        lines.append(Markup("{} read it: {} {}").format(who, said, quoted(one.reason)))
    items = Markup().join(Markup("<li>{}</li>").format(line) for line in lines)
    return Markup("<ul class='note'>{}</ul>").format(items) if items else Markup()


def _reason(item: Item, flag: SummaryFlag) -> Markup:
    """Return an objection with the words that it is about, and who says what against them."""
    row, marks = item.row.raw, [mark for mark in item.marks if mark.flag == flag.kind]
    told = [(row.summary or "")[mark.start : mark.end] for mark in marks if mark.turn is None]
    words = quoted(excerpt(", ".join(dict.fromkeys(told)) or flag.words, _SHORT))
    against = next(((mark.turn, mark) for mark in marks if mark.turn is not None), None)
    if against is None:
        return Markup("{}: {}").format(flag.label, words)
    turn = turns_of(row.dialogue)[against[0]]
    said = quoted(excerpt(turn.text[against[1].start : against[1].end], _SHORT))
    return Markup("{}: {} (against it {}: {})").format(flag.label, words, quoted(turn.speaker or "somebody"), said)


def _dialogue(item: Item, longest: int) -> Markup:
    """Return the turns of a dialogue with their marks; one with a mark is shown to its end."""
    left, lines = longest, []
    for place, turn in enumerate(turns_of(item.row.dialogue.raw)):
        if left <= 0:
            lines.append(Markup("<p class='note'>{}</p>").format(CUT))
            break
        text = turn.text[:left] + ("…" if len(turn.text) > left else "")
        said = marked(text, item.spans(place))
        who = Markup("<b>{}:</b> ").format(turn.speaker) if turn.speaker else ""
        lines.append(Markup("<p>{}{}</p>").format(who, said))
        left -= len(turn.text)
    whole = any(mark.turn is not None for mark in item.marks)
    return Markup('<div class="quoted talk{}" role="group" aria-label="Dialogue" tabindex="0">{}</div>').format(
        " whole" if whole else "", Markup().join(lines)
    )
