"""A folder of published files: all put in place together, named in a manifest, and no other file touched.

New files are first complete beside the old ones, in ``.publishing``; then a plan is written, which is the moment of
publishing, and each file takes its place. A process that ends before the plan has changed nothing; one that ends
after it is completed by the next to publish here. ``published.json`` names what lies in a folder by who made it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.core.errors import RunError, ToolError

#: In a published folder: who made which of its files.
MANIFEST = "published.json"
STAGING, NEW, PLAN = ".publishing", "new", "plan.json"
#: Seconds that one who publishes waits for another one to be done.
PATIENCE = 30.0

Made = dict[str, list[str]]


def check_writable(out: Path, fix: str = "give write permission or another --out") -> None:
    """Raise `RunError` with the ``fix`` now rather than after an hour of measuring, when nothing could be written."""
    folder = out
    while not os.path.lexists(folder):
        folder = folder.parent
    try:
        if folder.is_symlink() and not folder.exists():
            raise FileNotFoundError(2, f"{folder.name} is a link to {os.readlink(folder)}, which is not there")
        if not folder.is_dir():
            raise NotADirectoryError(20, f"{folder.name} is not a folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(f"cannot write to {out}: {error.strerror}; {fix}") from None


def check(out: Path, names: Iterable[str], maker: str) -> None:
    """Finish what an earlier publishing left undone, and raise `RunError` when ``names`` cannot be published there."""
    check_writable(out)
    if out.is_dir():
        with alone(out):
            _finish(out)
            _refuse_foreign(out, names, _made(out), maker)


def publish(staged: Path, out: Path, maker: str, *, owned: bool = False) -> None:
    """Publish all files of a folder in another one, and remove what the same maker published there before and not now.

    Of an ``owned`` folder every file was made here, whatever its manifest says. Raises `RunError` when the folder holds
    a file of one of these names that no maker put there, `ToolError` when the disk takes no more.
    """
    names = sorted(path.name for path in staged.iterdir())
    try:
        out.mkdir(parents=True, exist_ok=True)
        with alone(out):
            _finish(out)
            made = {maker: _files(out)} if owned else _made(out)
            _refuse_foreign(out, names, made, maker)
            _stage(staged, names, out, made, maker)
            _finish(out)
    except OSError as error:
        raise ToolError(
            f"cannot publish in {out}: {error.strerror or error}; what was measured is kept: mend it, then go on with "
            "report --resume RUN, or render RUN --out DIR"
        ) from None


def _stage(staged: Path, names: Sequence[str], out: Path, made: Mapping[str, Sequence[str]], maker: str) -> None:
    """Put complete copies into the folder, then the plan: from then on they are published."""
    new = out / STAGING / NEW
    try:
        new.mkdir(parents=True)
        for name in names:
            shutil.copyfile(staged / name, new / name)
        files = {**made, maker: list(names)}
        manifest = {"schema_version": 1, "made": {key: files[key] for key in sorted(files)}}
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        for path in new.iterdir():
            _flush(path)
        plan = {"names": [*names, MANIFEST], "gone": sorted(set(made.get(maker, ())) - set(names))}
        written = out / STAGING / "plan.part"
        written.write_text(json.dumps(plan), encoding="utf-8")
        _flush(written)
    except BaseException:
        shutil.rmtree(out / STAGING, ignore_errors=True)
        raise
    written.replace(out / STAGING / PLAN)


def _finish(out: Path) -> None:
    """Carry out the plan that lies in a folder; without one, what was staged is removed: it was never published."""
    staging = out / STAGING
    if (staging / PLAN).is_file():
        plan = json.loads((staging / PLAN).read_text(encoding="utf-8"))
        for name in plan["names"]:
            if (staging / NEW / name).exists():
                (staging / NEW / name).replace(out / name)
        for name in plan["gone"]:
            (out / name).unlink(missing_ok=True)
    if staging.is_dir():
        shutil.rmtree(staging)


def _refuse_foreign(out: Path, names: Iterable[str], made: Mapping[str, Sequence[str]], maker: str) -> None:
    """Raise `RunError` for files that somebody else put where ours would go."""
    known = {MANIFEST: "", **{name: owner for owner, files in made.items() for name in files}}
    foreign = [name for name in names if os.path.lexists(out / name) and known.get(name, "?") not in ("", maker)]
    folders = [name for name in names if (out / name).is_dir() and not (out / name).is_symlink()]
    if found := sorted({*foreign, *folders}):
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise RunError(
            f"{out}: holds {shown}, which no {maker} put there ({MANIFEST} would name them); nothing is replaced: move "
            "them away, or give another --out"
        )


def _made(out: Path) -> Made:
    """Return the files of a folder by who made them, as its manifest names them; none without one."""
    path = out / MANIFEST
    if not os.path.lexists(path):
        return {}
    try:
        tree: Any = json.loads(path.read_text(encoding="utf-8"))
        made = {str(maker): [_plain(name) for name in names] for maker, names in tree["made"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RunError(
            f"{path}: does not name what was published here; nothing is replaced: restore it, or give another --out"
        ) from None
    return made


def _plain(name: Any) -> str:
    """Return a name from a manifest, which may not lead out of its folder."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(name)
    return name


def _files(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if path.name not in (STAGING, MANIFEST)]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a folder for this process; raises `RunError` when another one does not leave it within ``PATIENCE``."""
    descriptor = os.open(out, os.O_RDONLY)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(f"{out}: another process is publishing there; wait for it or end it") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
