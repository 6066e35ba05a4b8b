"""What a report leaves in a folder: nobody's files are lost, and a run that was ended on the way is gone on with."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from helpers.core.published import MANIFEST
from tests.conftest import Finished, Report, replay


@pytest.fixture
def unpublished(replayed: Finished, runs: Path, tmp_path: Path) -> Path:
    """A run that was killed between measuring and publishing."""
    assert replayed.run is not None
    run = tmp_path / "run"
    shutil.copytree(replayed.run, run)
    (run / "published").unlink()
    shutil.rmtree(run / "site")
    return run


def test_a_folder_with_pages_of_others_is_refused_before_anything_is_measured(
    helpers: Report, recorded: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("mine")
    found = helpers("report", "params/replay.yaml", *replay(recorded), out=tmp_path)
    assert (found.code, found.run) == (2, None)
    assert "holds index.html, which no report put there" in found.told
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.slow
def test_a_run_killed_before_it_was_published_is_published(
    helpers: Report, replayed: Finished, unpublished: Path, tmp_path: Path
) -> None:
    done = helpers("report", "--resume", str(unpublished), out=tmp_path / "out")
    assert done.code == 0, done.told
    assert "it is measured, and its pages are rendered again" in done.told
    for path in replayed.out.iterdir():
        assert (done.out / path.name).read_bytes() == path.read_bytes(), path.name
    again = helpers("report", "--resume", str(unpublished), out=tmp_path / "out")
    assert (again.code, "this run is finished" in again.told) == (2, True)


def test_the_second_of_two_who_go_on_with_a_run_is_refused(helpers: Report, unpublished: Path, tmp_path: Path) -> None:
    with FileLock(unpublished / "report.lock"):
        for arguments in (["report", "--resume"], ["render"]):
            found = helpers(*arguments, str(unpublished), out=tmp_path / "out")
            assert found.code == 2, found.told
            assert "another process is reporting on or rendering this run" in found.told
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_rendering_elsewhere_leaves_no_page_of_another_run_and_nothing_of_others(
    helpers: Report, replayed: Finished, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.html").write_text("mine")
    (out / "07-publication-audit.html").write_text("of another run")
    (out / MANIFEST).write_text(json.dumps({"schema_version": 1, "made": {"report": ["07-publication-audit.html"]}}))
    done = helpers("render", str(replayed.run), out=out)
    assert done.code == 0, done.told
    assert (out / "notes.html").read_text() == "mine"
    assert not (out / "07-publication-audit.html").exists()
    assert not (out / ".publishing").exists()


@pytest.mark.parametrize("verb", ["report", "render"])
def test_a_dangling_link_and_a_folder_that_is_gone_are_one_message(
    helpers: Report, replayed: Finished, recorded: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    what = [str(replayed.run)] if verb == "render" else ["params/replay.yaml", *replay(recorded)]
    found = helpers(verb, *what, out=tmp_path / "link")
    assert (found.code, len(found.told.strip().splitlines()), found.run) == (2, 1, None), found.told
    assert "link is a link to" in found.told
    gone = helpers("report", "--resume", str(tmp_path / "gone"))
    assert (gone.code, "not a run directory" in gone.told) == (2, True)


def test_a_disk_that_takes_no_more_is_one_message(helpers: Report, recorded: Path, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    (tmp_path / "full.json").symlink_to("/dev/full")
    found = helpers("compare", *[str(tmp_path)] * 2, "--json", str(tmp_path / "full.json"))
    assert (found.code, "Traceback" in found.told) == (2, False)
