"""The bench on a tiny architecture: through its own code, with servers on real loopback sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import InputError
from helpers.core.paths import PROJECT
from helpers.engines.factory import load_local
from helpers.engines.model_files import TokenCounter
from helpers.engines.served import wait_until_ready
from helpers.experiments.bench import rounds
from helpers.experiments.bench.assembly import engine_results, median_of, shape_results
from helpers.experiments.bench.bars import judge, verdict
from helpers.experiments.bench.engines import BenchPlan, measure, with_batch
from helpers.experiments.bench.model import Architecture, texts
from helpers.experiments.bench.result import Bench, Machine
from helpers.experiments.bench.roofline import Shape
from helpers.experiments.bench.rounds import BenchRequests, EngineUnderTest, ask_all, left
from helpers.params import Endpoint, Generation, Params, Variant
from helpers.report.views import bench as view
from helpers.runs.request_log import RequestLog
from tests.local_server import served
from tests.page_checks import loose_digits, remote_references, repeated_ids, wrong_citations

TINY = Architecture(
    "tiny", vocabulary=200, positions=64, width=32, encoder_layers=2, decoder_layers=2, heads=2, inner=64
)
SHAPES = with_batch([Shape((10,), 6), Shape((20,), 6), Shape((20,), 12)], 3)
FP32, BF16 = Variant(), Variant(dtype="bfloat16")


class Writer:
    """A backend that writes as many tokens as it is told, less ``short``, and calls ``before`` each time."""

    kind = "writer"

    def __init__(self, text: str = "same", short: int = 0, before: Callable[[], None] = lambda: None) -> None:
        self.text, self.short, self.before = text, short, before

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        self.before()
        written = generation.max_new_tokens - self.short
        return [Answer(self.text, len(text.split()), written, 0, 0.01) for text in dialogues]

    def close(self) -> None:
        pass


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def attach(opened: ExitStack, subject: EngineUnderTest, factory: Callable[[], Any]) -> None:
    server = opened.enter_context(served(factory))
    subject.backend = opened.enter_context(EndpointBackend(server.url, Endpoint()))
    assert wait_until_ready(subject.backend) == ""


def asking(shapes: Sequence[Shape] = SHAPES, **more: Any) -> BenchRequests:
    lengths = {n for shape in shapes for n in shape.inputs}
    told = {"beams": 4, "rounds": 3, "deadline": time.monotonic() + 60, "exact": True}
    floor = {shape.name: 0.001 for shape in shapes}
    return BenchRequests(shapes, {n: " ".join(["w9"] * (n - 2)) for n in lengths}, **told | {"floor": floor} | more)


def test_everything_is_asked_in_interleaved_rounds_and_a_short_answer_is_no_time(
    opened: ExitStack, tmp_path: Path
) -> None:
    good, short = EngineUnderTest(FP32), EngineUnderTest(Variant(engine="ctranslate2"))
    attach(opened, good, Writer)
    attach(opened, short, lambda: Writer("other", short=1))
    log, told = RequestLog(tmp_path / "log.jsonl"), list[str]()
    assert ask_all([good, short], asking(), log, told.append) == ""
    assert {kind: sorted(times) for kind, times in good.times.items()} == {s.name: [0, 1, 2] for s in SHAPES}
    assert short.times == {}
    assert short.failures["20x12"] == "wrote 11 tokens and not the 12 it was told to"
    assert good.written == {"10x6": 6, "20x6": 6, "20x12": 12, "batch3x6": 18}
    steady = [r for r in log.read() if r.phase == "steady" and r.variant == "transformers float32"]
    orders = [[r.sample for r in steady if r.repeat == number] for number in range(3)]
    assert all(sorted(order) == sorted(s.name for s in SHAPES) for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert "round 3 of 3" in told[-1]
    assert left([good], asking()) == 0


def test_real_weights_may_leave_their_own_ends_uncounted(opened: ExitStack, tmp_path: Path) -> None:
    subject = EngineUnderTest(FP32)
    attach(opened, subject, lambda: Writer(short=2))
    ask_all([subject], asking(exact=False, rounds=1), RequestLog(tmp_path / "log.jsonl"), lambda line: None)
    assert subject.written["10x6"] == 4
    assert not subject.failures


@pytest.mark.parametrize("how", ["limit", "interrupt"])
def test_what_was_measured_is_kept(
    how: str, opened: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = EngineUnderTest(FP32)
    attach(opened, subject, Writer)
    note, noted = rounds._note, list[str]()

    def until_three(subject: EngineUnderTest, shape: Shape, *more: Any) -> None:
        note(subject, shape, *more)
        noted.append(shape.name)
        if len(noted) == 3 and how == "interrupt":
            raise KeyboardInterrupt
        if len(noted) == 3:
            monkeypatch.setattr(time, "monotonic", lambda: float("inf"))

    monkeypatch.setattr(rounds, "_note", until_three)
    why = ask_all([subject], asking(), RequestLog(tmp_path / "log.jsonl"), lambda line: None)
    monkeypatch.undo()
    assert why == {"limit": "the time limit was reached", "interrupt": "it was interrupted"}[how]
    assert sorted(subject.times) == sorted(noted)
    page = view.page(bench([subject], stopped=why))
    assert "Ended early" in page
    assert "no round of it was finished" in page


def bench(subjects: Sequence[EngineUnderTest], *, shapes: Sequence[Shape] = SHAPES, stopped: str = "") -> Bench:
    limits = Machine(threads=2, memory_gb={"1": 10.0, "2": 20.0}, matrix_gflops={"float32": 50.0, "int8": 90.0})
    counted = shape_results(TINY, shapes, 4, limits)
    manifest = {"run": "r", "command": "python -m helpers bench", "started_at": "2026-01-01T00:00:00Z"}
    found = Bench(
        manifest=manifest, model="tiny", is_seeded=True, architecture={"width": 32}, beams=4, rounds_asked=5,
        seconds=9.0, stopped=stopped, machine=limits, shapes=counted, engines=engine_results(subjects, counted),
    )  # fmt: skip
    return found.model_copy(update={"bars": judge(found)})


def times(variant: Variant, seconds: dict[str, float], rounds: int = 6, **more: Any) -> EngineUnderTest:
    """Return a subject whose rounds grow slower together, as those of a busy machine do."""
    measured = {kind: {n: each * (1 + n) for n in range(rounds)} for kind, each in seconds.items()}
    return EngineUnderTest(variant, times=measured, texts=dict.fromkeys(seconds, more.pop("text", "same")), **more)


LARGE = (Shape((200,), 60), Shape((800,), 60), Shape((60, 200), 32))


def test_ratios_are_taken_round_by_round_and_bars_are_held_by_the_best_that_may() -> None:
    reference = times(FP32, {"200x60": 12.0, "800x60": 20.0, "batch2x32": 9.0}, load=9.0, peak=2 * 10**9)
    fp32 = times(Variant(engine="ctranslate2"), {"200x60": 4.0, "800x60": 8.0}, peak=2 * 10**9, load=3.0)
    memory = {"peak": 2 * 10**9, "peak_alone": 6 * 10**8}
    small = times(
        Variant(engine="ctranslate2", dtype="int8"), {"200x60": 3.0, "800x60": 5.0}, **memory, load=4.0, text="?"
    )
    absent = EngineUnderTest(BF16, reason="this processor has no bfloat16 instructions")
    found = bench([reference, absent, fp32, small], shapes=LARGE)
    cell = found.engines[3].cells["200x60"]
    assert (cell.speedup.value, cell.speedup.n, cell.speedup.unit) == (4.0, 6, "repeat")
    assert cell.speedup_fp32.value == pytest.approx(4 / 3)
    assert cell.seconds.value == pytest.approx(10.5)
    assert cell.over_limit == pytest.approx(10.5 / found.shapes["200x60"].limit)
    assert [engine.same_texts and engine.same_texts.value for engine in found.engines] == [None, None, 1.0, 0.0]
    verdicts = {bar.label: (bar.reached, bar.engine, bar.verdict) for bar in found.bars}
    assert verdicts["Best engine, 800 in and 60 out"] == (4.0, "CTranslate2 int8", "met")
    assert verdicts["Best engine, 200 tokens in and 60 out"] == (4.0, "CTranslate2 int8", "missed")
    assert verdicts["A process under 1 GB, 200 and 800 in, 60 out"] == (4.0, "CTranslate2 int8", "met")
    assert verdicts["CTranslate2 int8 ready from its cache"] == (4.0, "CTranslate2 int8", "met")
    assert verdicts["Batch of 8 mixed lengths"] == (None, "", "not measured")
    large = bench([reference, fp32], shapes=LARGE).bars[3]
    assert (large.verdict, large.reached, large.at_least) == ("missed", None, 3.8), "none of them is under 1 GB"
    four = times(Variant(engine="openvino", dtype="int4"), {"200x60": 0.001, "800x60": 0.001})
    halved = bench([reference, small, four], shapes=LARGE)
    assert halved.bars[1].engine == "CTranslate2 int8", "the int8 limit does not bind weights of four bits"
    for processor, at_most in (("AMD EPYC", 1.4), ("Intel(R) Xeon(R) Processor", 1.7)):
        there = halved.manifest.model_copy(update={"processor": processor})
        assert judge(halved.model_copy(update={"manifest": there}))[1].at_most == at_most
    few = bench([times(FP32, {"800x60": 9.0}, 4), times(Variant(dtype="int8"), {"800x60": 1.0}, 4)], shapes=LARGE)
    assert {bar.verdict for bar in few.bars if bar.reached} == {"undecided"}


def test_a_bar_within_the_interval_of_its_median_is_undecided() -> None:
    def found(ratios: Sequence[float], threshold: float, *, is_most: bool = True) -> str:
        return verdict([median_of(ratios)], threshold, is_most=is_most)

    ratios = (5.4, 5.8, 5.9, 6.1, 6.2, 6.4)
    assert [found(ratios, threshold) for threshold in (5.4, 6.0, 6.5)] == ["met", "undecided", "missed"]
    assert [found(ratios, threshold, is_most=False) for threshold in (5.3, 6.0, 6.4)] == ["missed", "undecided", "met"]
    assert found(ratios[:5], 5.0) == "undecided", "five rounds bound a median on one side"
    assert verdict([median_of(ratios), median_of([1.0] * 6)], 5.0, is_most=True) == "missed"


def test_the_page_cites_every_figure_and_names_what_was_not_measured(tmp_path: Path) -> None:
    kinds = {shape.name: 1.0 + i for i, shape in enumerate(LARGE)}
    broken = times(Variant(engine="ctranslate2"), {"200x60": 1.0}, failures={"800x60": "timeout: <no answer>"})
    found = bench(
        [times(FP32, kinds), broken, EngineUnderTest(BF16, reason="no bfloat16 here; get another")], shapes=LARGE
    )
    view.write(found, tmp_path / "bench")
    html = (tmp_path / "bench" / "index.html").read_text()
    written = json.loads((tmp_path / "bench" / "bench.json").read_text())
    assert Bench.model_validate(written) == found
    assert loose_digits(html, [r"CTranslate2"]) == []
    assert wrong_citations(html, {"bench.json": written}) == []
    assert remote_references(html) == repeated_ids(html) == []
    assert len(html) < 200_000
    assert "no bfloat16 here; get another" in html
    assert "timeout: &lt;no answer&gt;" in html
    assert "not how good its summaries are" in html
    assert "with packed weights" in html, "a missed bar says what was tried"
    assert "../index.html" not in html, "there is no report above it"


def test_benches_of_two_machines_beside_each_other_name_each_other(tmp_path: Path) -> None:
    here = bench([times(FP32, {shape.name: 9.0 for shape in LARGE})], shapes=LARGE)
    there = here.model_copy(update={"manifest": here.manifest.model_copy(update={"processor": "Another <1>"})})
    view.write(here, tmp_path / "bench")
    for name, text in (("older", '{"schema_version": 0}'), ("foreign", here.model_dump_json())):
        (tmp_path / name).mkdir()
        for file in ("bench.json", "index.html"):
            (tmp_path / name / file).write_text(text)
    view.write(there, tmp_path / "bench-2")
    for own, other in (("bench", "bench-2"), ("bench-2", "bench")):
        html = (tmp_path / own / "index.html").read_text()
        assert f"../{other}/index.html" in html
        data = {"bench.json": json.loads((tmp_path / own / "bench.json").read_text())}
        for beside in (other, "foreign"):
            data[f"../{beside}/bench.json"] = json.loads((tmp_path / beside / "bench.json").read_text())
        assert wrong_citations(html, data) == []
        assert loose_digits(html, [r"CTranslate2"]) == []
        assert "Another &lt;1&gt;" in html
    assert (tmp_path / "foreign" / "index.html").read_text() == here.model_dump_json(), "not ours to write"


@pytest.mark.parametrize(
    ("subject", "stopped", "code"),
    [
        (times(FP32, {"10x6": 1.0}), "", 0),
        (times(FP32, {"10x6": 1.0}), "it was interrupted", 130),
        (EngineUnderTest(FP32), "", 1),
    ],
)
def test_the_verb_publishes_whatever_there_is(
    subject: EngineUnderTest, stopped: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.cli.bench.measure", lambda plan: bench([subject], stopped=stopped))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["bench", "--out", str(tmp_path / "new" / "bench")]) == code
    finally:
        signal.signal(signal.SIGTERM, before)
    assert {file.name for file in (tmp_path / "new" / "bench").iterdir()} == {
        "bench.json",
        "index.html",
        "published.json",
    }


@pytest.fixture
def quick(small_machine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of this test's own, and servers in this process."""
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))

    def here(params: Params, folder: Path, subject: EngineUnderTest, opened: ExitStack, refuse: Any) -> None:
        subject.disk = 1
        model = params.model.model_copy(update={"dtype": subject.variant.dtype})
        attach(opened, subject, lambda: load_local(model))

    monkeypatch.setattr(rounds, "start_variant", here)


@pytest.mark.usefixtures("quick")
def test_a_tiny_architecture_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "helpers.experiments.bench.engines.why_not", lambda variant, device: "no" * (variant.dtype == "bfloat16")
    )
    found = measure(BenchPlan(SHAPES, (FP32, BF16, Variant(dtype="int8")), rounds=2), TINY)
    reference, absent, other = found.engines
    assert (absent.reason, absent.cells) == ("no", {})
    assert all(len(cell.times) == 2 for engine in (reference, other) for cell in engine.cells.values())
    assert {name: cell.written for name, cell in other.cells.items()} == {
        s.name: s.output * len(s.inputs) for s in SHAPES
    }
    assert set(found.machine.matrix_gflops) >= {"float32", "int8"}
    assert found.manifest.weights_sha256
    assert found.architecture["vocabulary"] == 200
    with pytest.raises(InputError, match="--shape 64x64: longer than the 64 positions of tiny"):
        measure(BenchPlan((Shape((64,), 64),)), TINY)


@pytest.mark.usefixtures("quick")
def test_given_weights_are_measured_with_their_own_tokenizer(tiny_folder: Path) -> None:
    found = measure(BenchPlan(with_batch([Shape((12,), 8), Shape((30,), 8)], 1), (FP32,), model=tiny_folder, rounds=1))
    assert (found.is_seeded, found.architecture["positions"]) == (False, 48)
    cells = found.engines[0].cells.values()
    assert [cell.reason for cell in cells] == ["", ""]
    assert all(6 <= (cell.written or 0) <= 8 for cell in cells)
    assert "weights are random" not in view.page(found)


def test_texts_have_exactly_the_tokens_they_should(tiny_folder: Path) -> None:
    counter = TokenCounter(tiny_folder / "tokenizer.json")
    made = texts(tiny_folder, [12, 40], TINY, is_seeded=False)
    assert [counter.count(text) for text in made] == [10, 38]


INTERRUPTED = """
import sys
from pathlib import Path
from tests.contract.experiments.bench.test_engines import SHAPES, TINY
from helpers.experiments.bench import engines, roofline
from helpers.params.models import Variant
from helpers.report.views import bench as view
roofline.READ, roofline.SIDE = 1 << 20, 64
variants = (Variant(), Variant(engine="ctranslate2"), Variant(engine="ctranslate2", dtype="int8"))
view.write(engines.measure(engines.BenchPlan(SHAPES, variants, rounds=1_000_000), TINY), Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_ctrl_c_writes_what_the_processes_were_measured_at(tmp_path: Path) -> None:
    env = os.environ | {"HELPERS_CACHE": str(tmp_path / "cache"), "HELPERS_RUNS": str(tmp_path / "runs")}
    env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [env.get("PYTHONPATH")])])
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "out")]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr
        for line in process.stderr:
            if "round 2" in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(120) == 0, rest
    found = Bench.model_validate_json((tmp_path / "out" / "bench.json").read_bytes())
    assert found.stopped == "it was interrupted"
    assert [engine.name for engine in found.engines if engine.peak_bytes and engine.load] == [
        "transformers float32", "ctranslate2 float32", "ctranslate2 int8",
    ]  # fmt: skip
    assert found.engines[1].same_texts.value == 1.0, "fp32 engines give identical tokens"
