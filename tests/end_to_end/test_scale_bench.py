"""What scale-out promises: on demand (make bench), on an idle machine with two cores."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median

import psutil
import pytest

from helpers.params.files import load_params
from helpers.runs.answer_parts import AnswerParts
from helpers.runs.scale_out import summarise_all
from helpers.samples.dataset import load_samples

FEW, MANY, ROUNDS = 8, 40, 3
#: Seconds between two looks at the memory of a run.
LOOK = 0.05


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_two_workers_are_nearly_twice_as_fast_as_one(tmp_path: Path) -> None:
    """Start-up and loading the model, once for each worker, are in both of two runs whose difference is the rate."""
    sets = ["model.threads=1", "generation.max_new_tokens=48", "samples.source=bundled:test"]
    params = load_params("demo", [*sets, "execution={engine: dask, chunk: 1}"])
    samples = load_samples(params.samples)

    def seconds(workers: int, n: int, number: int) -> float:
        execution = params.execution.model_copy(update={"workers": workers})
        told, folder = params.model_copy(update={"execution": execution}), tmp_path / f"{number}-{workers}-{n}"
        began = time.monotonic()
        assert summarise_all(told, islice(samples, n), folder).failed == 0
        return time.monotonic() - began

    gains, whole = [], []
    for number in range(ROUNDS):
        few, many = ({workers: seconds(workers, n, number) for workers in (1, 2)} for n in (FEW, MANY))
        gains.append((many[1] - few[1]) / (many[2] - few[2]))
        whole.append(many[1] / many[2])
    print(f"two workers over one: {sorted(gains)}; of {MANY} dialogues with start-up: {sorted(whole)}")
    assert median(gains) >= 1.6


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_memory_is_flat_and_time_linear_in_the_number_of_dialogues(tmp_path: Path) -> None:
    found = {n: _recorded(tmp_path / str(n), n) for n in (1_000, 10_000, 30_000)}
    print({n: f"{seconds:.1f} s, {peak / 1e6:.0f} MB" for n, (seconds, peak) in found.items()})
    (short, small), (middle, _), (long, large) = found.values()
    assert large <= 1.1 * small
    assert (long - short) / (middle - short) == pytest.approx(29 / 9, rel=0.2)


def _recorded(folder: Path, n: int) -> tuple[float, int]:
    """Answer n dialogues from a recording with two workers; return the seconds and the peak memory, bytes, of all
    processes together."""
    folder.mkdir()
    text = " ".join(["Ana: hello, are you there?"] * 20)
    with (folder / "dialogues.jsonl").open("w") as dialogues, (folder / "recorded.jsonl").open("w") as recorded:
        for i in range(n):
            dialogues.write(json.dumps({"id": f"d{i}", "dialogue": f"{text} {i}", "summary": "s"}) + "\n")
            recorded.write(json.dumps({"id": f"d{i}", "prediction": f"Ana greets Ben, {i}."}) + "\n")
    sets = [
        f"samples.source={folder / 'dialogues.jsonl'}",
        f"replay.predictions={folder / 'recorded.jsonl'}",
        "execution={engine: dask, workers: 2, chunk: 50}",
    ]
    command = [sys.executable, "-m", "helpers", "summarise", "replay", "--output", str(folder / "out.csv")]
    began, peak = time.monotonic(), 0
    with subprocess.Popen([*command, *(part for pair in sets for part in ("--set", pair))]) as process:
        tree = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _resident(tree))
            time.sleep(LOOK)
        seconds = time.monotonic() - began
    assert process.returncode == 0
    assert sum(1 for _ in AnswerParts(folder / "out.parts").rows()) == n
    return seconds, peak


def _resident(root: psutil.Process) -> int:
    try:
        return sum(one.memory_info().rss for one in [root, *root.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0
