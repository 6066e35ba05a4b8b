"""The dialogues a run asks about: bundled, from a file, or from the Hub, each with its references."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from helpers.core.errors import SamplesError, did_you_mean
from helpers.core.model import Frozen
from helpers.core.paths import DATA
from helpers.core.text import stable_hash
from helpers.params import Columns
from helpers.params import Samples as SamplesParams
from helpers.samples.formats import dialogue_of, found_columns, id_key, id_of, label_of, texts_of
from helpers.samples.intake import SHOWN, Counting, Intake
from helpers.samples.readers import FileRow, first_cells, name_of, read_rows, read_text
from helpers.scorers.words import has_word

CORPUS = DATA / "corpus"
BUNDLED_COLUMNS = Columns(references=("summaries",), domain="domain", length="length", key_facts="key_facts")
#: The bundled splits that no bundled model was trained on or chosen by.
HELD_OUT = ("demo", "test")
#: What a quick report sends: all of ``demo``, and so many of ``test``, evenly by their place.
QUICK, FURTHER = "quick", 20


class Sample(Frozen):
    """A dialogue with its references.

    ``references`` may be empty (quality is then not measured); ``key_facts`` are what a good summary
    must contain, ``a|b`` naming accepted alternatives.
    """

    id: str
    dialogue: str
    references: tuple[str, ...] = ()
    domain: str | None = None
    length: str | None = None
    key_facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A source of samples as it was read: all of them, in file order, and what became of its rows."""

    samples: tuple[Sample, ...]
    intake: Intake


def load_samples(params: SamplesParams) -> tuple[Sample, ...]:
    """Return the samples a run asks about, ``n`` of them drawn with ``seed`` (all, in file order, by default).

    Raises `SamplesError` naming the file, the row, the column and the fix, for all bad rows at once.
    """
    return draw_samples(load_source(params).samples, params)


def load_source(params: SamplesParams) -> Source:
    """Return all samples that the source has; raises as `load_samples` does.

    A row that cannot be used is set aside and counted; with ``strict`` it refuses the source.
    """
    counting = Counting(source_name(params), params.strict)
    samples = tuple(each_sample(params, counting))
    return Source(samples, counting.done())


def draw_samples(samples: tuple[Sample, ...], params: SamplesParams) -> tuple[Sample, ...]:
    """Return the ``n`` of all samples that ``seed`` draws; more of them begin with the fewer, in the same order."""
    if params.n is None:
        return samples
    if params.n > len(samples):
        raise SamplesError(
            f"{source_name(params)}: samples.n={params.n}, but only {len(samples)} dialogues are there; lower samples.n"
        )
    order = random.Random(params.seed).sample(samples, len(samples))  # noqa: S311
    return tuple(order[: params.n])


def stream_samples(params: SamplesParams, tell: Callable[[Intake], None] = lambda _: None) -> Iterator[Sample]:
    """Yield what `load_samples` returns, holding one sample at a time where all of a file or data set is wanted.

    What is streamed has been read once already: it raises as `load_samples` does, and ``tell`` is told of the rows,
    before the first sample.
    """
    if params.n is not None:
        found = load_source(params)
        tell(found.intake)
        yield from draw_samples(found.samples, params)
        return
    counting = Counting(source_name(params), params.strict)
    for _ in each_sample(params, counting):
        pass
    tell(counting.done())
    yield from each_sample(params, Counting(source_name(params)))


def is_table(source: str, columns: Columns, encoding: str | None = None) -> bool:
    """Whether a source has rows with dialogues, and is not one dialogue as plain text."""
    try:
        cells = first_cells(source, encoding)
    except SamplesError:
        return read_text(source, encoding)[:1] in ("{", "[")
    return found_columns(columns, cells).dialogue in cells


def other_samples(params: SamplesParams, source: str) -> SamplesParams:
    """Return how all dialogues of another source are read: by the same columns, in an encoding of its own."""
    return params.model_copy(update={"source": source, "n": None, "encoding": None})


def is_bundled(params: SamplesParams) -> bool:
    """Whether dialogues and references are the bundled ones, written by a language model."""
    return params.source.startswith("bundled:")


def held_out_sizes() -> dict[str, int]:
    """Return how many dialogues the bundled splits have that no bundled model was trained on or chosen by."""
    return {name: sum(1 for _ in read_rows(CORPUS / f"{name}.jsonl")) for name in HELD_OUT}


def dataset_sha256(samples: tuple[Sample, ...]) -> str:
    """Return the hash of the dialogues, references and key facts, in order."""
    rows = [sample.model_dump(mode="json") for sample in samples]
    return stable_hash(rows)


def source_name(params: SamplesParams) -> str:
    """Return how messages call the source: a file without its folder."""
    return params.source if params.source.partition(":")[0] in ("bundled", "hub") else name_of(params.source)


def _open(params: SamplesParams) -> tuple[Columns, Iterable[FileRow]]:
    scheme, separator, rest = params.source.partition(":")
    if scheme == "bundled" and separator:
        known = sorted([QUICK, *(path.stem for path in CORPUS.glob("*.jsonl"))])
        if rest not in known:
            raise SamplesError(
                f"samples.source: no bundled split '{rest}'{did_you_mean(rest, known)}; known: {', '.join(known)}"
            )
        return BUNDLED_COLUMNS, _quick() if rest == QUICK else read_rows(CORPUS / f"{rest}.jsonl")
    if scheme == "hub" and separator:
        return params.columns, _read_hub(rest, params)
    return params.columns, read_rows(params.source, params.encoding)


def _quick() -> Iterator[FileRow]:
    few, many = (read_rows(CORPUS / f"{name}.jsonl") for name in HELD_OUT)
    further = list(many)
    return chain(few, further[:: len(further) // FURTHER][:FURTHER])


def _read_hub(name: str, params: SamplesParams) -> Iterator[FileRow]:
    import datasets

    try:
        loaded = datasets.load_dataset(name, split=params.split, revision=params.revision)
    except Exception as error:  # the library raises many kinds; all of them mean: not to be had
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SamplesError(f"samples.source hub:{name}: the Hub data set cannot be loaded: {reason}") from None
    return (FileRow(number, f"row {number}", dict(row)) for number, row in enumerate(loaded, 1))


def each_sample(params: SamplesParams, counting: Counting) -> Iterator[Sample]:
    """Yield samples as they are read, rows that cannot be used counted.

    Once all are, raises `SamplesError` with what is wrong with the source, if anything is.
    """
    wanted, rows = _open(params)
    columns, has_ids = wanted, False
    ids: Counter[str] = Counter()
    present: dict[str, None] = {}
    for row in rows:
        if row.cells and not present:
            columns = found_columns(wanted, row.cells)
            has_ids = columns.id in row.cells
        counting.rows += 1
        present.update(dict.fromkeys(row.cells))
        sample = _sample(row, columns, counting, has_ids=has_ids)
        if sample is not None:
            ids[id_key(sample.id)] += 1
            yield sample
    name = counting.name
    if not counting.rows:
        raise SamplesError(f"{name}: no dialogues in it")
    if present:
        _require_columns(name, columns, present)
    doubled = [f"{name}: id '{key}' stands {n} times; ids must differ" for key, n in ids.items() if n > 1]
    if doubled:
        rest = len(doubled) - SHOWN
        raise SamplesError(doubled[:SHOWN] + ([f"{name}: and {rest} more ids"] if rest > 0 else []))


def _require_columns(name: str, columns: Columns, present: Mapping[str, Any]) -> None:
    optional = [columns.domain, columns.length, columns.key_facts]
    wanted = [columns.dialogue, *columns.references, *(c for c in optional if c)]
    if columns.id is not None and columns.id != "id":
        wanted.append(columns.id)
    missing = [
        f"{name}: no column '{column}'{did_you_mean(column, present)}; columns are {', '.join(present):.300}; "
        "map yours with samples.columns"
        for column in wanted
        if column not in present
    ]
    if missing:
        raise SamplesError(missing)


def _sample(row: FileRow, columns: Columns, counting: Counting, *, has_ids: bool) -> Sample | None:
    """Return the sample in a row, or count why there is none."""
    if row.problem:
        counting.set_aside(row.place, "not readable as a row", row.problem)
        return None
    cells = row.cells
    where = row.place
    try:
        name = counting.id(id_of(cells.get(columns.id))) if columns.id else ""
        if has_ids and not name:
            counting.set_aside(where, f"no id in column '{columns.id}'")
            return None
        where = f"{where}, id {name}" if name else where
        dialogue = counting.text(dialogue_of(cells.get(columns.dialogue)))
        given = [counting.text(text) for column in columns.references for text in texts_of(cells.get(column))]
        domain, length = (label_of(cells.get(name)) if name else None for name in (columns.domain, columns.length))
        facts = texts_of(cells.get(columns.key_facts)) if columns.key_facts else []
    except ValueError as error:
        counting.set_aside(where, "a cell that holds no text", str(error))
        return None
    if not dialogue.strip():
        counting.set_aside(where, "nothing to summarise", f"no dialogue in column '{columns.dialogue}'")
        return None
    references = [text for text in given if has_word(text)]
    if given and not references:
        counting.set_aside(where, "no word in its reference")
        return None
    if len(references) < len(given):
        counting.note("a further reference without a word is left out")
    if columns.references and not references:
        counting.note("no reference: asked, not scored")
    return Sample(
        id=name or f"row-{row.number}",
        dialogue=dialogue,
        references=tuple(references),
        domain=domain and counting.id(domain),
        length=length and counting.id(length),
        key_facts=tuple(facts),
    )
