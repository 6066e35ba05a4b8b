"""Summaries that readers judged: what they are shown, and the ratings that they return.

``RUN/reviews/REVIEW.json`` says what a review shows and which side is whose; it never leaves the machine, and the file
that readers fill in does not hold it. ``RUN/reviews/ratings.json`` holds the ratings, with readers by number.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from helpers.core.errors import InputError, RunError
from helpers.core.model import Frozen
from helpers.core.text import json_lines, stable_hash
from helpers.runs.results.base import ErrorKind
from helpers.runs.run import Run

FOLDER, RATINGS = "reviews", "ratings.json"
FORMAT = "helpers-ratings"
#: A review holds at most this many dialogues.
MOST = 500
Reader = Literal["person", "language model"]
Better = Literal["first", "second", "neither"]


class Put(Frozen):
    """One dialogue of a review: its texts in the order shown; ``order`` says which run each is of."""

    id: str
    dialogue: str
    texts: tuple[str, ...]
    order: tuple[int, ...]


class Review(Frozen):
    """What readers are shown, of one run or of two; ``id`` follows from all of it."""

    schema_version: Literal[1] = 1
    id: str
    runs: tuple[str, ...]
    put: tuple[Put, ...]


class SideRating(Frozen):
    """What a reader says of one summary; ``marks`` are the places of the words that are wrong, from 0 on."""

    model_config = ConfigDict(strict=True)

    usable: bool | None = None
    faithful: bool | None = None
    complete: bool | None = None
    kinds: tuple[ErrorKind, ...] = Field(default=(), strict=False)
    marks: tuple[int, ...] = Field(default=(), strict=False)

    @property
    def done(self) -> bool:
        """Whether all three questions are answered."""
        return None not in (self.usable, self.faithful, self.complete)


class PutRating(Frozen):
    """What a reader says of one dialogue: of each side, and which is better."""

    id: str
    sides: tuple[SideRating, ...]
    better: Literal["left", "right", "neither"] | None = None
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to be answered."""
        return all(side.done for side in self.sides) and (len(self.sides) == 1 or self.better is not None)


class ReaderId(Frozen):
    """Who filled in a file: a number drawn by the browser, and a name that goes no further than the file."""

    id: str
    name: str = ""


class RatingsFile(Frozen):
    """The file that a reader saves."""

    format: Literal["helpers-ratings"]
    version: Literal[1]
    review: str
    reader: ReaderId
    ratings: tuple[PutRating, ...]
    seal: str


class SummaryReading(Frozen):
    """One reader's judgement of one summary, which ``summary_sha256`` names; ``words`` are those marked as wrong."""

    id: str
    summary_sha256: str
    reader: str
    made_by: Reader
    usable: bool
    faithful: bool
    complete: bool | None = None
    kinds: tuple[ErrorKind, ...] = ()
    words: tuple[str, ...] = ()
    reason: str = ""


class Preference(Frozen):
    """Which of two runs' summaries of a dialogue a reader finds better."""

    id: str
    reader: str
    made_by: Reader
    better: Better
    against: str


class ReadFile(Frozen):
    """A file that was brought back: its review and its reader by number, what it held, and whether it was whole."""

    review: str
    reader: str
    reader_sha256: str
    seal: str
    rated: int
    of: int


class Ratings(Frozen):
    """All that readers brought back about a run."""

    schema_version: Literal[1] = 1
    files: tuple[ReadFile, ...] = ()
    readings: tuple[SummaryReading, ...] = ()
    preferences: tuple[Preference, ...] = ()


def sha256(text: str) -> str:
    """Return the hash by which a summary is known again."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_review(runs: Sequence[Run], *, seed: int = 0, n: int | None = None) -> Review:
    """Return what readers are to be shown: dialogues in a seeded order, the sides of two runs exchanged by chance.

    Raises `InputError` when a run keeps no texts, or when two runs have no dialogue in common.
    """
    texts = [_texts(run) for run in runs]
    shared = [id for id in texts[0] if all(id in one for one in texts)]
    if not shared:
        raise InputError(f"{runs[0].directory.name}, {runs[-1].directory.name}: no dialogue was summarised by both")
    chance = random.Random(seed)  # noqa: S311
    chance.shuffle(shared)
    put = []
    for id in shared[: min(n or MOST, MOST)]:
        order = list(range(len(runs)))
        chance.shuffle(order)
        put.append(
            Put(id=id, dialogue=texts[0][id][0], texts=tuple(texts[k][id][1] for k in order), order=tuple(order))
        )
    names = tuple(run.directory.name for run in runs)
    content = [names, [one.model_dump(mode="json") for one in put]]
    return Review(id=stable_hash(content)[:12], runs=names, put=tuple(put))


def keep_review(run: Run, review: Review) -> Path:
    """Write what a review shows beside its run, so that its ratings can be read; return where."""
    path = run.directory / FOLDER / f"{review.id}.json"
    _write(path, review.model_dump_json(indent=1))
    return path


def find_review(runs: Path, id: str) -> tuple[Path, Review] | None:
    """Return a review and the directory of its run, or ``None`` where no run below ``runs`` has it."""
    if not id.isalnum():
        return None
    for path in sorted(runs.glob(f"*/{FOLDER}/{id}.json")):
        return path.parents[1], Review.model_validate_json(path.read_bytes())
    return None


def read_ratings(run: Path) -> Ratings:
    """Return what readers brought back about a run; raises `RunError` for a file of another version."""
    path = run / FOLDER / RATINGS
    if not path.is_file():
        return Ratings()
    try:
        return Ratings.model_validate_json(path.read_bytes())
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(f"{path}: not the ratings of this version ({where}); import the readers' files again") from None


def write_ratings(run: Path, ratings: Ratings) -> None:
    """Write what readers brought back about a run, whole or not at all."""
    _write(run / FOLDER / RATINGS, ratings.model_dump_json(indent=1))


def open_ratings(path: Path) -> RatingsFile:
    """Return a file as a reader saved it; raises `InputError` for any other file, or when it was changed since."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name}: foreign: not a file that a review page saved ({error})") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise InputError(f"{path.name}: foreign: not a file that a review page saved")
    if tree.get("seal") != sealed(tree):
        raise InputError(
            f"{path.name}: tampered: it was changed after it was saved; save it again from the review page"
        )
    try:
        return RatingsFile.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path.name}: tampered: {where}: {first['msg']}") from None


def sealed(tree: dict[str, Any]) -> str:
    """Return the seal of a file's content, as the review page makes it: SHA-256 of its JSON without spaces."""
    content = [tree.get("review"), tree.get("reader"), tree.get("ratings")]
    return sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def taken_in(
    known: Ratings, file: RatingsFile, review: Review, name: str, made_by: Reader, run: int = 0
) -> tuple[Ratings, str]:
    """Return the ratings of one of the review's runs with those of a file among them, and what is to be said of it.

    A reader who comes again replaces what the same review brought before. Raises `InputError` for a file that is
    doubled, or whose dialogues are not those of the review.
    """
    put = {one.id: one for one in review.put}
    strangers = [one.id for one in file.ratings if one.id not in put or len(one.sides) != len(put[one.id].texts)]
    if strangers or len({one.id for one in file.ratings}) < len(file.ratings):
        raise InputError(f"{name}: tampered: '{(strangers or ['a dialogue twice'])[0]}' is not in review {review.id}")
    hidden = sha256(file.reader.id)
    own = [one for one in known.files if one.reader_sha256 == hidden]
    if any(one.seal == file.seal for one in own):
        raise InputError(f"{name}: doubled: {own[0].reader} brought these ratings before")
    reader = own[0].reader if own else f"reader {1 + len({one.reader for one in known.files})}"
    done = [one for one in file.ratings if one.done]
    if not done:
        raise InputError(f"{name}: unfinished: no dialogue is rated to its end")
    read = ReadFile(review=review.id, reader=reader, reader_sha256=hidden, seal=file.seal, rated=len(done), of=len(put))
    replaced = {(reader, id) for id in put}
    readings = [one for one in known.readings if (one.reader, one.id) not in replaced]
    preferences = [one for one in known.preferences if (one.reader, one.id) not in replaced]
    for rating in done:
        readings.append(_reading(rating, put[rating.id], reader, made_by, run))
        if rating.better is not None and run == 0:
            preferences.append(
                Preference(
                    id=rating.id,
                    reader=reader,
                    made_by=made_by,
                    better=_better(rating.better, put[rating.id].order),
                    against=review.runs[1],
                )
            )
    files = [one for one in known.files if (one.review, one.reader) != (review.id, reader)]
    short = "" if len(done) == len(put) else f"unfinished: {len(done)} of {len(put)} dialogues are rated; "
    taken = Ratings(files=(*files, read), readings=tuple(readings), preferences=tuple(preferences))
    return taken, f"{name}: {short}{len(done)} ratings of {reader}"


def reading_lines(path: Path) -> tuple[SummaryReading, ...]:
    """Return the readings of a JSON Lines file, such as those that come with a recording of answers.

    Raises `InputError` naming the line that holds no reading.
    """
    found = []
    try:
        lines = json_lines(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            found.append(SummaryReading.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"{path.name} line {number}: not a reading ({where}: {first['msg']})") from None
    return tuple(found)


def of_summaries(readings: Iterable[SummaryReading], summaries: dict[str, str]) -> tuple[SummaryReading, ...]:
    """Return the readings of these very summaries by dialogue; one of another text says nothing about them."""
    hashes = {id: sha256(summary) for id, summary in summaries.items()}
    return tuple(one for one in readings if hashes.get(one.id) == one.summary_sha256)


def _texts(run: Run) -> dict[str, tuple[str, str]]:
    """Return dialogue and summary of a run by dialogue."""
    scored = run.results().sample_eval
    if scored is None or scored.reason or not scored.samples:
        why = scored.reason if scored else "page 02 was not part of it"
        raise InputError(f"{run.directory.name}: no summaries to read: {why or 'none was answered'}")
    found = {row.id: (row.dialogue, row.summary) for row in scored.samples if row.summary is not None}
    if not found or not all(dialogue for dialogue, _ in found.values()):
        raise InputError(
            f"{run.directory.name}: privacy.text is '{run.params.privacy.text}', so the run keeps no texts to read; "
            "measure with privacy.text=full"
        )
    return found


def _reading(rating: PutRating, put: Put, reader: str, made_by: Reader, run: int) -> SummaryReading:
    """Return what a rating says of the summary of one run."""
    side = put.order.index(run)
    told, text = rating.sides[side], put.texts[side]
    words = text.split()
    return SummaryReading(
        id=put.id,
        summary_sha256=sha256(text),
        reader=reader,
        made_by=made_by,
        usable=bool(told.usable),
        faithful=bool(told.faithful),
        complete=told.complete,
        kinds=told.kinds,
        words=tuple(words[at] for at in told.marks if 0 <= at < len(words)),
        reason=rating.note,
    )


def _better(side: Literal["left", "right", "neither"], order: Sequence[int]) -> Better:
    if side == "neither":
        return "neither"
    return "first" if order[0 if side == "left" else 1] == 0 else "second"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)
