"""YAML from hostile hands: whatever it is, one short message, and soon."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.core import plain_yaml
from helpers.core.errors import ParamsError
from helpers.core.paths import PROJECT
from helpers.params.files import load_params

LETTERS = "abcdefghi"
BOMB = "\n".join(
    f"{name}: &{name} [{','.join(['lol' if place == 0 else f'*{LETTERS[place - 1]}'] * 10)}]"
    for place, name in enumerate(LETTERS)
)
HOSTILE = {
    "an alias bomb": (f"{BOMB}\ntitle: *i\n", "line 4: over 5,000 values, those that aliases repeat counted"),
    "merged bombs": (f"{BOMB.replace('[', '{x: [').replace(']', ']}')}\ntitle: {{<<: *i}}\n", "over 5,000 values"),
    "itself": ("samples: &s {source: x, self: *s}\n", "line 1: '*s' stands within what it stands for"),
    "itself in a list": ("model: &m [*m]\n", "line 1: '*m' stands within what it stands for"),
    "very deep": (f"title: {'[' * 3000}{']' * 3000}\n", "line 1: nested over 40 deep"),
    "deep by indentation": ("".join(f"{' ' * n}a:\n" for n in range(200)), "line 40: nested over 40 deep"),
    "a huge number": (f"samples: {{n: {'9' * 6000}}}\n", "a number of 6,000 characters: give at most 18 digits"),
    "a large number": (f"samples: {{n: {'9' * 20}}}\n", "a number too large: give at most 18 digits"),
    "a huge hexadecimal number": (f"samples: {{n: 0x{'f' * 90000}}}\n", "give at most 18 digits"),
    "a huge sexagesimal number": (f"samples: {{n: 1{':59' * 30000}}}\n", "give at most 18 digits"),
    "a list as a key": ("? [a, b]\n: c\n", "line 1: a key must be text; write it in quotes"),
    "a mapping as a key": ("{{a: b}: c}\n", "a key must be text"),
    "a number as a key": ("title: {1: x}\n", "line 1: a key must be text"),
    "a date that is none": ("title: 2026-99-99\n", "month must be in 1..12"),
    "a tag that runs code": ("title: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
    "a number that is none": ("title: !!int ''\n", "not readable as YAML"),
    "a truth that is none": ("title: !!bool perhaps\n", "not readable as YAML"),
    "half a character": ('title: "\\ud800"\n', "line 1: a character that no text may hold"),
    "no character": ('title: "a\\0b"\n', "line 1: a character that no text may hold"),
    "many keys": ("".join(f"key{n}: x\n" for n in range(3000)), "not readable as YAML"),
    "many unknown keys": ("".join(f"key{n}: x\n" for n in range(2000)), "and 1983 more like these"),
    "a long key": (f"{'k' * 1000}: x\n", "unknown key 'kkkk"),
    "a long name of a file": (f"title: x\ntargets: {'x' * 90000}\n", "which is not there"),
    "too long": (f"title: {'x' * 200_000}\n", "over 100,000 bytes"),
    "not text": ("title: \xff\n", "not readable as YAML"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_short_message_within_a_second(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text.encode("latin-1") if "\xff" in text else text.encode())
    began = time.process_time()
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert time.process_time() - began < 1
    told = str(caught.value)
    assert message in told
    assert "bad.yaml" in told
    assert len(told) < 6_000
    assert all(len(line) < 600 for line in told.splitlines())


@pytest.mark.parametrize("raw", ["&a [*a]", "[" * 500, "9" * 500, "{1: x}"])
def test_a_hostile_override_is_one_message(raw: str) -> None:
    with pytest.raises(ParamsError, match=r"^--set title: ") as caught:
        load_params("demo", [f"title={raw}"])
    assert len(caught.value.problems) == 1


PATHS = ["~nobody-of-this-name/x.csv", "x" * 5000 + ".csv", "./" + "y/" * 3000]


@pytest.mark.parametrize("path", PATHS, ids=["home", "long", "deep"])
def test_a_path_that_cannot_be_is_no_traceback(tmp_path: Path, path: str) -> None:
    (tmp_path / "own.yaml").write_text((PROJECT / "params" / "replay.yaml").read_text().replace("targets: ", "x: "))
    params = load_params("demo", [f"samples.source={path}"])
    assert params.samples.source.startswith("/")


def test_the_whole_verb_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text(f"{BOMB}\ntitle: *i\n")
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "check", str(tmp_path / "bomb.yaml")],
        capture_output=True, text=True, timeout=30, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (200_000_000, 200_000_000)),
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, ""), done.stderr


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_what_was_written_is_read_again(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    try:
        expected = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    if "\\0" in text:
        with pytest.raises(ValueError, match="a character that no text may hold"):
            plain_yaml.parse(text)
    else:
        assert plain_yaml.parse(text) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:- \n[]{}&*!?|>'\"#%@,<0159.~", max_size=60))
def test_any_text_is_a_value_or_one_line(text: str) -> None:
    assert len(_message(text).splitlines()) <= 1


def _message(text: str) -> str:
    """Return what is said of a text that is no YAML, else nothing."""
    try:
        plain_yaml.parse(text)
    except ValueError as error:
        return str(error) or "no message\nat all"
    return ""
