"""The dialogues a run asks about: bundled, from a file, or from the Hub, each with its references."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.core.errors import SamplesError, did_you_mean
from helpers.core.model import Frozen
from helpers.core.paths import DATA
from helpers.core.text import stable_hash
from helpers.params import Columns
from helpers.params import Samples as SamplesParams
from helpers.samples.readers import stream_rows

CORPUS = DATA / "corpus"
BUNDLED_COLUMNS = Columns(references=("summaries",), domain="domain", length="length", key_facts="key_facts")
#: The bundled splits that no bundled model was trained on or chosen by.
HELD_OUT = ("demo", "test")
#: How many problems of one file are named before the rest is only counted.
SHOWN_PROBLEMS = 10


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


def load_samples(params: SamplesParams) -> tuple[Sample, ...]:
    """Return the samples a run asks about, ``n`` of them drawn with ``seed`` (all, in file order, by default).

    Raises `SamplesError` naming the file, the row, the column and the fix, for all bad rows at once.
    """
    return draw_samples(load_all(params), params)


def load_all(params: SamplesParams) -> tuple[Sample, ...]:
    """Return all samples that the source has, in file order; raises as `load_samples` does."""
    return tuple(_checked(*_open(params)))


def draw_samples(samples: tuple[Sample, ...], params: SamplesParams) -> tuple[Sample, ...]:
    """Return the ``n`` of all samples that ``seed`` draws; more of them begin with the fewer, in the same order."""
    if params.n is None:
        return samples
    if params.n > len(samples):
        raise SamplesError(
            f"{_name(params)}: samples.n={params.n}, but only {len(samples)} dialogues are there; lower samples.n"
        )
    order = random.Random(params.seed).sample(samples, len(samples))  # noqa: S311
    return tuple(order[: params.n])


def stream_samples(params: SamplesParams) -> Iterator[Sample]:
    """Yield what `load_samples` returns, holding one sample at a time where all of a file or data set is wanted.

    Raises as `load_samples` does, before the first sample: what is streamed has been read once already.
    """
    if params.n is not None:
        yield from load_samples(params)
        return
    for _ in _checked(*_open(params)):
        pass
    yield from _checked(*_open(params))


def is_bundled(params: SamplesParams) -> bool:
    """Whether dialogues and references are the bundled ones, written by a language model."""
    return params.source.startswith("bundled:")


def held_out_sizes() -> dict[str, int]:
    """Return how many dialogues the bundled splits have that no bundled model was trained on or chosen by."""
    return {name: sum(1 for _ in stream_rows(CORPUS / f"{name}.jsonl")) for name in HELD_OUT}


def dataset_sha256(samples: tuple[Sample, ...]) -> str:
    """Return the hash of the dialogues, references and key facts, in order."""
    rows = [sample.model_dump(mode="json") for sample in samples]
    return stable_hash(rows)


def _name(params: SamplesParams) -> str:
    """Return how messages call the source: a file without its folder."""
    return params.source if params.source.partition(":")[0] in ("bundled", "hub") else Path(params.source).name


def _open(params: SamplesParams) -> tuple[str, Columns, Iterable[dict[str, Any]]]:
    scheme, separator, rest = params.source.partition(":")
    if scheme == "bundled" and separator:
        path = CORPUS / f"{rest}.jsonl"
        if not path.is_file():
            known = sorted(p.stem for p in CORPUS.glob("*.jsonl"))
            raise SamplesError(
                f"samples.source: no bundled split '{rest}'{did_you_mean(rest, known)}; known: {', '.join(known)}"
            )
        return params.source, BUNDLED_COLUMNS, stream_rows(path)
    if scheme == "hub" and separator:
        return params.source, params.columns, _read_hub(rest, params)
    return _name(params), params.columns, stream_rows(Path(params.source))


def _read_hub(name: str, params: SamplesParams) -> Iterator[dict[str, Any]]:
    import datasets

    try:
        loaded = datasets.load_dataset(name, split=params.split, revision=params.revision)
    except Exception as error:  # the library raises many kinds; all of them mean: not to be had
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SamplesError(f"samples.source hub:{name}: the Hub data set cannot be loaded: {reason}") from None
    return (dict(row) for row in loaded)


def _checked(name: str, columns: Columns, rows: Iterable[dict[str, Any]]) -> Iterator[Sample]:
    """Yield samples as they are read; once all are, raise with what is wrong with them, if anything is."""
    problems: list[str] = []
    counts: Counter[str] = Counter()
    for number, row in enumerate(rows, 1):
        if number == 1:
            _require_columns(name, columns, row)
        sample = _sample(columns, row, number)
        counts[sample.id] += 1
        if not sample.dialogue.strip():
            problems.append(f"{name} row {number} (id {sample.id}): empty dialogue; remove the row or fill it")
        yield sample
    if not counts:
        raise SamplesError(f"{name}: no dialogues in it")
    problems += [f"{name}: id '{key}' stands {n} times; ids must differ" for key, n in counts.items() if n > 1]
    if problems:
        rest = len(problems) - SHOWN_PROBLEMS
        raise SamplesError(problems[:SHOWN_PROBLEMS] + ([f"{name}: and {rest} more problems"] if rest > 0 else []))


def _require_columns(name: str, columns: Columns, row: Mapping[str, Any]) -> None:
    optional = [columns.domain, columns.length, columns.key_facts]
    wanted = [columns.dialogue, *columns.references, *(c for c in optional if c)]
    if columns.id is not None and columns.id != "id":
        wanted.append(columns.id)
    missing = [
        f"{name}: no column '{column}'{did_you_mean(column, row)}; columns are {', '.join(map(str, row))}; "
        "map yours with samples.columns"
        for column in wanted
        if column not in row
    ]
    if missing:
        raise SamplesError(missing)


def _sample(columns: Columns, row: Mapping[str, Any], number: int) -> Sample:
    given = row.get(columns.id) if columns.id else None
    references = [text for column in columns.references for text in _texts(row.get(column))]
    return Sample(
        id=str(given) if given not in (None, "") else f"row-{number}",
        dialogue=str(row.get(columns.dialogue) or ""),
        references=tuple(references),
        domain=_label(row, columns.domain),
        length=_label(row, columns.length),
        key_facts=tuple(_texts(row.get(columns.key_facts))) if columns.key_facts else (),
    )


def _label(row: Mapping[str, Any], column: str | None) -> str | None:
    value = row.get(column) if column else None
    return str(value) if value not in (None, "") else None


def _texts(value: Any) -> list[str]:
    """Return the non-empty texts of a cell that holds one text or a list of them."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(text) for text in values if text is not None and str(text).strip()]
