"""Published folders: all or nothing, whenever the publisher is ended, and never at the cost of somebody's own files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.core.errors import RunError, ToolError
from helpers.core.published import MANIFEST, STAGING, check, publish

OLD, NEW = {"index.html": "old", "07.html": "old"}, {"index.html": "new", "01.html": "new"}


class Killed(BaseException):
    """What a kill is to the code that it ends: nothing after it runs but what would run anyway."""


def staged(tmp_path: Path, files: dict[str, str]) -> Path:
    folder = tmp_path / "staged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def content(out: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in out.iterdir() if path.name not in (MANIFEST, STAGING)}


def test_what_was_published_before_goes_and_what_is_somebodys_own_stays(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    publish(staged(tmp_path, OLD), out, "report")
    (out / "own.html").write_text("mine")
    publish(staged(tmp_path, {"bench.json": "{}"}), out, "bench")
    publish(staged(tmp_path, NEW), out, "report")
    assert content(out) == {**NEW, "own.html": "mine", "bench.json": "{}"}
    made = {"bench": ["bench.json"], "report": ["01.html", "index.html"]}
    assert json.loads((out / MANIFEST).read_text())["made"] == made
    assert not (out / STAGING).exists()


def a_file(path: Path) -> None:
    path.write_text("mine")


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [a_file, a_dangling_link, Path.mkdir])
def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    out = tmp_path / "out"
    publish(staged(tmp_path, OLD), out, "report")
    make(out / "01.html")
    for act in (lambda: check(out, NEW, "report"), lambda: publish(staged(tmp_path, NEW), out, "report")):
        with pytest.raises(RunError, match=r"out: holds 01\.html, which no report put there .* give another --out"):
            act()
    (out / "01.html").rmdir() if (out / "01.html").is_dir() else (out / "01.html").unlink()
    assert content(out) == OLD
    with pytest.raises(RunError, match=r"holds index\.html, which no bench put there"):
        publish(staged(tmp_path, NEW), out, "bench")


@pytest.mark.parametrize("call", ["replace", "unlink", "mkdir", "write_text"])
@pytest.mark.parametrize("number", range(6))
def test_ended_at_any_moment_it_is_the_old_or_becomes_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    out, calls, real = tmp_path / "out", [0], getattr(Path, call)
    publish(staged(tmp_path, OLD), out, "report")

    def killing(path: Path, *arguments: object, **more: object) -> object:
        if out in path.parents and calls[0] == number:
            raise Killed
        calls[0] += out in path.parents
        return real(path, *arguments, **more)

    folder = staged(tmp_path, NEW)
    monkeypatch.setattr(Path, call, killing)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # nobody tidies up after a kill
    try:
        publish(folder, out, "report")
        killed = False
    except Killed:
        killed = True
    planned = (out / STAGING / "plan.json").exists()
    monkeypatch.undo()
    if killed and not planned:
        assert content(out) == OLD
    check(out, NEW, "report")
    assert content(out) == (OLD if killed and not planned else NEW)
    assert not (out / STAGING).exists()


def test_a_full_disk_changes_nothing_and_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    publish(staged(tmp_path, OLD), out, "report")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    folder = staged(tmp_path, NEW)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ToolError, match=r"cannot publish in .*out: No space left on device; what was measured is kept"):
        publish(folder, out, "report")
    assert content(out) == OLD
    assert not (out / STAGING).exists()


def test_a_link_that_leads_nowhere_is_found_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for out in (tmp_path / "link", tmp_path / "link" / "below"):
        with pytest.raises(RunError, match=r"cannot write to .*: link is a link to .*nowhere, which is not there"):
            check(out, NEW, "report")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"made": 1}', '{"made": {"report": ["../own.html"]}}', '{"made": {"r": 5}}']
)
def test_a_manifest_that_is_none_removes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.html").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text(text)
    with pytest.raises(RunError, match="does not name what was published here"):
        publish(staged(tmp_path, NEW), out, "report")
    assert (tmp_path / "own.html").exists()
    assert content(out) == {}


def test_a_folder_of_our_own_needs_no_manifest(tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "07.html").write_text("left by a kill")
    publish(staged(tmp_path, NEW), out, "report", owned=True)
    assert content(out) == NEW
