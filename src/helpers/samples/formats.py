"""What the cells of data sets hold: dialogues as text or as turns, several texts in one, ids as numbers.

Also which columns hold what, told by their names for the data sets that people have.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.core.text import on_a_line
from helpers.params import Columns

_SPEAKERS = ("speaker", "name", "role", "from", "author", "user")
_TEXTS = ("text", "content", "value", "utterance", "message")
#: The two sides of a turn as DialogStudio keeps it.
_SIDES = {"user utterance": "User", "system response": "System"}
_BREAKS = re.compile(r"\r\n?|<br\s*/?>", re.IGNORECASE)
_WHOLE = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True)
class Preset:
    """Where a data set keeps ids, dialogues and references; the first reference columns that are there are taken."""

    name: str
    ids: tuple[str, ...]
    dialogue: str
    references: tuple[tuple[str, ...], ...] = (("summary",), ("summaries",), ("reference",), ("references",))


_IDS = ("id", "dialogue_id", "dialog_id", "conversation_id")
#: Known data sets by the column that has the dialogue; ``samples.columns`` says otherwise.
PRESETS = (
    Preset("samsum, highlightsum", _IDS, "dialogue"),
    Preset("dialogsum", ("id", "fname"), "dialogue", (("summary",), ("summary1", "summary2", "summary3"))),
    Preset("dialogstudio", ("new dialog id", "original dialog id"), "log", (("original dialog info",),)),
    Preset("chat messages", _IDS, "messages"),
    Preset("chat conversations", _IDS, "conversations"),
    Preset("conversations", _IDS, "conversation"),
    Preset("turns", _IDS, "turns"),
    Preset("dialogs", _IDS, "dialog"),
    Preset("transcripts", _IDS, "transcript"),
)


def found_columns(columns: Columns, present: Iterable[str]) -> Columns:
    """Return the columns to read: those that were named, and for the others what a preset knows of a file's columns.

    Of presets with the same dialogue column the one counts that finds most of the rest. Columns that go by the usual
    names are found in capitals, too.
    """
    names, given = set(present), columns.model_fields_set
    fitting = [_filled(preset, names) for preset in PRESETS if preset.dialogue in names or "dialogue" in given]
    if not fitting or (columns.dialogue in names and _has(columns, names)):
        return _as_spelled(columns, names)
    best = max(fitting, key=lambda found: (found["id"] is not None) + (found["references"] is not None))
    known = {name: value for name, value in best.items() if name not in given and value is not None}
    return _as_spelled(columns.model_copy(update=known), names)


def _as_spelled(columns: Columns, names: set[str]) -> Columns:
    """Return columns that were not named as a file spells them, in whatever case."""
    spelled = {name.casefold(): name for name in sorted(names)}

    def of(column: str) -> str:
        return column if column in names else spelled.get(column.casefold(), column)

    usual = {
        "id": columns.id and of(columns.id),
        "dialogue": of(columns.dialogue),
        "references": tuple(map(of, columns.references)),
    }
    given = columns.model_fields_set
    return columns.model_copy(update={name: value for name, value in usual.items() if name not in given})


def _has(columns: Columns, names: set[str]) -> bool:
    return columns.id in names and all(column in names for column in columns.references)


def _filled(preset: Preset, names: set[str]) -> dict[str, Any]:
    return {
        "dialogue": preset.dialogue,
        "id": next((name for name in preset.ids if name in names), None),
        "references": next((several for several in preset.references if set(several) <= names), None),
    }


def id_of(value: Any) -> str:
    """Return the id in a cell as text; nothing where there is none; raises ValueError for several."""
    if isinstance(value, Mapping | list | tuple):
        raise ValueError(f"holds {type(value).__name__}; give a text or a number")  # noqa: TRY004
    return "" if value is None else str(value)


def id_key(name: str) -> str:
    """Return what an id is compared by: a whole number is the same however it is written (``1.0``, ``1``)."""
    return whole[1] if (whole := _WHOLE.fullmatch(name.strip())) else name.strip()


def label_of(value: Any) -> str | None:
    """Return the label in a cell as text, or ``None``; raises ValueError as `id_of` does."""
    return id_of(value) or None


def texts_of(value: Any) -> list[str]:
    """Return the texts that a cell holds: one, a list of them, or a list written as text (JSON or Python).

    Empty ones are left out. Raises ValueError for what is no text.
    """
    value = _list_in(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        value = _summaries(value)
    values = value if isinstance(value, list | tuple) else [value]
    texts = [_text(part) for part in values if part is not None]
    return [text for text in texts if text.strip()]


def dialogue_of(value: Any) -> str:
    """Return a dialogue as lines ``Name: text``, whatever a data set keeps it as; nothing where there is none.

    It may be a text, a list of texts, a list of turns (mappings with a speaker and a text, or pairs), a mapping that
    holds such a list, or one of these written as text. HTML breaks are line ends. Raises ValueError for another thing.
    """
    if isinstance(value, str):
        value = _list_in(value)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, list | tuple):
        return "\n".join(line for number, turn in enumerate(value, 1) if (line := _turn(turn, number)))
    return _BREAKS.sub("\n", _text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"holds {type(value).__name__}; give a text")  # noqa: TRY004
    return value


def _of_mapping(value: Mapping[str, Any]) -> str:
    """Return the dialogue of a mapping: one of lists side by side, or one that holds the turns under a known name."""
    for preset in PRESETS:
        if preset.dialogue in value:
            return dialogue_of(value[preset.dialogue])
    if value and all(isinstance(column, list) for column in value.values()):
        return dialogue_of([dict(zip(value, row, strict=False)) for row in zip(*value.values(), strict=False)])
    raise ValueError(f"holds a mapping of {', '.join(map(str, value))!s:.60}; give the turns as a list")


def _turn(turn: Any, number: int) -> str:
    if turn is None:
        return ""
    if isinstance(turn, str):
        return _BREAKS.sub("\n", turn).strip()
    if isinstance(turn, list | tuple) and len(turn) == 2 and all(isinstance(part, str) for part in turn):
        return _line(*turn)
    if not isinstance(turn, Mapping):
        raise ValueError(f"turn {number} holds {type(turn).__name__}; give a speaker and a text")  # noqa: TRY004
    if _SIDES.keys() <= turn.keys():
        return "\n".join(_line(name, turn[side]) for side, name in _SIDES.items() if turn[side])
    texts = [name for name in _TEXTS if name in turn]
    if not texts:
        raise ValueError(f"turn {number} has none of {', '.join(_TEXTS)}; it has {', '.join(map(str, turn)):.60}")
    speaker = next((str(turn[name]) for name in _SPEAKERS if turn.get(name)), "")
    return _line(speaker, _content(turn[texts[0]], number))


def _content(value: Any, number: int) -> str:
    """Return what was said in a turn: a text, or the texts among the parts that chat formats split it into."""
    if value is None:
        return ""
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in value]
        value = " ".join(part for part in parts if isinstance(part, str))
    if not isinstance(value, str):
        raise ValueError(f"turn {number} holds {type(value).__name__}; give a text")  # noqa: TRY004
    return value


def _line(speaker: str, text: str) -> str:
    said = _BREAKS.sub("\n", text).strip()
    name = on_a_line(speaker).rstrip(":")
    return (f"{name}: {said}" if name else said) if said else ""


def _summaries(info: Mapping[str, Any]) -> Any:
    """Return the summaries in what a data set knows of a dialogue."""
    for name in ("summary", "summaries", "abstractive_summaries", "abstractive_summary"):
        if name in info:
            found = info[name]
            return _summaries(found) if isinstance(found, Mapping) else _flat(found)
    raise ValueError(f"holds a mapping of {', '.join(map(str, info))!s:.60}; give a text")


def _flat(value: Any) -> Any:
    """Return a list of texts; one whose items are lists of sentences has each as one text."""
    if not isinstance(value, list):
        return value
    return [" ".join(map(str, part)) if isinstance(part, list) else part for part in value]


def _list_in(text: str) -> Any:
    """Return the list or mapping that a text is, as JSON or as Python and NumPy print one, or the text itself."""
    bare = text.strip()
    if bare[:1] + bare[-1:] not in ("[]", "{}"):
        return text
    for read in (json.loads, _literal):
        try:
            found = read(bare)
        except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
            continue
        if isinstance(found, Mapping) or (isinstance(found, Sequence) and found and _holds_texts(found)):
            return found
    return text


def _holds_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | Mapping | list | tuple | None) for value in values)


def _literal(text: str) -> Any:
    """Read what Python prints of a list; NumPy prints no commas, and two texts side by side would become one."""
    pieces, ended = [], False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        begins = token.type == tokenize.STRING or token.string in ("[", "{", "(")
        pieces.append(f",{token.string}" if ended and begins else token.string)
        ended = token.type == tokenize.STRING or token.string in ("]", "}", ")")
    return ast.literal_eval(" ".join(pieces))
