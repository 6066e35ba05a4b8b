"""YAML from anybody's hands: bounded in size, depth and repetition before anything is made of it.

A text of a few lines can stand for more values than memory holds, for itself, or for a number of a million digits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

#: Bytes of a text, values in it (what aliases repeat counted as often), how deep they nest, characters of a number.
MOST_BYTES, MOST_VALUES, MOST_DEPTH, MOST_DIGITS = 100_000, 5_000, 40, 70
#: Whole numbers lie below this, as in every other language that reads a file of ours.
MOST_WHOLE = 2**63
#: What constructors of PyYAML raise at texts that only claim to be a number, a date or a mapping.
_FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


def read(path: Path) -> Any:
    """Return the value in a YAML file; raises `OSError`, or ValueError in one line that says what is wrong with it."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("not a regular file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    return parse(content)


def parse(content: str | bytes) -> Any:
    """Return the value of a YAML text; raises ValueError in one line that says what is wrong with it."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"over {MOST_BYTES:,} bytes")
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe one)
    except (yaml.YAMLError, *_FAULTS) as error:
        raise ValueError(" ".join(str(error).split())[:300] or type(error).__name__) from None


class _Loader(yaml.SafeLoader):
    """The safe loader within bounds; keys are text and unique."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[int, int] = {}
        self._total = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; an alias counts as much as what it stands for."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._total
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                raise _refused(event.start_mark, f"'*{event.anchor}' stands within what it stands for")
            self._add(self._sizes[id(node)], event.start_mark)
            return node
        self._add(1, event.start_mark)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _refused(event.start_mark, f"nested over {MOST_DEPTH} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(node)] = self._total - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys are text and differ; the last of two alike would win unseen."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _refused(key_node.start_mark, "a key must be text; write it in quotes")
            if key in seen:
                raise _refused(key_node.start_mark, f"key '{key[:60]}' given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """Return a text that can be written to a file and be part of a path."""
        value = super().construct_scalar(node)
        if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise _refused(node.start_mark, "a character that no text may hold")
        return value

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number of 64 bits."""
        self._check_digits(node)
        value = super().construct_yaml_int(node)
        if abs(value) >= MOST_WHOLE:
            raise _refused(node.start_mark, "a number too large: give at most 18 digits")
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Return a number written in at most `MOST_DIGITS` characters."""
        self._check_digits(node)
        return super().construct_yaml_float(node)

    def _check_digits(self, node: yaml.ScalarNode) -> None:
        if len(node.value) > MOST_DIGITS:
            raise _refused(node.start_mark, f"a number of {len(node.value):,} characters: give at most 18 digits")

    def _add(self, size: int, mark: Any) -> None:
        self._total += size
        if self._total > MOST_VALUES:
            raise _refused(mark, f"over {MOST_VALUES:,} values, those that aliases repeat counted")


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _refused(mark: Any, problem: str) -> ValueError:
    return ValueError(f"line {mark.line + 1}: {problem}")
