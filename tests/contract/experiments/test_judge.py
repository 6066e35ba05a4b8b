"""A judge of known truth over real sockets: what qualifies it, what does not, what it is sent, and what it can show."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.core.errors import RunError
from helpers.core.paths import PACKAGE
from helpers.experiments import sample_eval
from helpers.experiments.judge import LOG, about_summary, ask_judge
from helpers.experiments.judge_cases import ToJudge, planted_cases, read_cases
from helpers.report.views.judge import judge as section
from helpers.runs.launch import start_run, write_manifest
from helpers.runs.request_log import RequestLog
from helpers.runs.results.cited import Cited
from helpers.runs.results.judge import MUST_SEE, JudgeResult
from helpers.runs.results.sample_eval import SampleEval
from helpers.runs.reviews import SummaryReading, sha256
from helpers.runs.run import Run
from helpers.scorers.planted import PlantedKind
from helpers.verdicts.compute import judgement
from helpers.verdicts.targets import BY_JUDGE
from tests.chat_server import ChatServer
from tests.page_checks import loose_digits, wrong_citations

ENOUGH = ("scoring.judge.planted=13", "scoring.judge.references=80")
FEW = ("scoring.judge.planted=2", "scoring.judge.references=3")
BASELINE = "baseline.predictions=params/baselines/demo-two-shot-openvino-float16.jsonl"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    for name in ("HF_TOKEN", "HF_ENDPOINT_URL", "HELPERS_JUDGE_TOKEN", "HELPERS_JUDGE_URL"):
        monkeypatch.setenv(name, "")


@contextmanager
def replayed(url: str, *more: str) -> Iterator[Run]:
    """Make a run over recorded answers that nobody of its own has read, with a judge at an address."""
    judge = [f"scoring.judge.url={url}", "scoring.judge.served_model=m"]
    run = start_run("replay", ["reviews=[]", "samples.n=8", *judge, *more])
    try:
        yield run
    finally:
        run.close()


def judged(run: Run) -> JudgeResult:
    found = run.measured(sample_eval).raw
    assert isinstance(found, SampleEval)
    assert found.judge is not None
    return found.judge


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is known of each summary: of errors, of those that were read; of the recorded ones, that they are false."""
    folder = tmp_path_factory.mktemp("truth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_RUNS", str(folder))
        with replayed("http://127.0.0.1:9") as run:
            false = {"faithful": False, "usable": False, "kind": "role_swap", "words": "some <words>"}
            known: dict[str, dict[str, object]] = {}
            for one in sample_eval.ask(run.params, run.sender("02"), run.samples):
                assert one.outcome is not None
                assert one.outcome.answer is not None
                known[one.outcome.answer.summary] = false
            for case in planted_cases(20, 150):
                if case.kind is not None:
                    omitted = case.kind is PlantedKind.OUTCOME_OMITTED
                    known[case.text.summary] = {
                        **false,
                        "faithful": omitted,
                        "kind": "omission" if omitted else "other",
                    }
            for read in read_cases(run, ()):
                known[read.text.summary] = {"faithful": True, "usable": True, "kind": None} | dict(read.says)
    path = folder / "truth.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    return path


@pytest.fixture
def server(truth: Path) -> Iterator[ChatServer]:
    with ChatServer(truth) as found:
        yield found


def page(run: Run) -> str:
    """Return the section of page 02, every figure of which is cited."""
    result = run.measured(sample_eval)
    html = str(section(result))
    assert loose_digits(html) == []
    assert wrong_citations(html, {"results/02.json": json.loads(result.raw.model_dump_json())}) == []
    return html


def rows(run: Run) -> dict[str, tuple[str, str]]:
    return {row.name: (row.verdict, row.reason) for row in judgement(run).rows if row.name.endswith("_summaries")}


def test_a_judge_that_knows_the_truth_qualifies_and_can_show_a_target_missed(server: ChatServer) -> None:
    with replayed(server.url("judge-knows"), *ENOUGH, BASELINE) as run:
        found = judged(run)
        assert found.qualified
        assert {kind: trial.objects.value for kind, trial in found.planted.items()} == dict.fromkeys(PlantedKind, 1.0)
        assert found.references is not None
        assert (found.references.objects.value, found.references.objects.n) == (0.0, 80)
        assert found.read["faithful"].detection.n == 57
        assert (found.malformed, found.failed, found.stopped) == (0, 0, "")
        assert {question: share.value for question, share in found.shares.items()} == {"faithful": 0.0, "usable": 0.0}
        assert rows(run) == dict.fromkeys(("usable_summaries", "faithful_summaries"), ("missed", BY_JUDGE))
        html = page(run)
        assert "<strong>Qualified:</strong>" in html
        assert "some &lt;words&gt;" in html
        assert found.preference is not None
        assert (found.preference.inconsistent, found.preference.against) == (0, "baseline")
        asked = server.bodies("judge-knows")
        assert len(asked) == found.requests == len(RequestLog(run.directory / LOG).read())
        assert "planted" not in json.dumps([body["messages"][1:] for body in asked])  # blind
        assert run.log.count() == len(run.samples)  # and the deployment's own figures hold nothing of it
        assert {record.variant for record in run.log.read()} == {""}


def test_one_that_affirms_all_does_not_qualify_and_shows_no_target_met(server: ChatServer) -> None:
    with replayed(server.url("judge-affirms"), *ENOUGH) as run:
        found = judged(run)
        assert not found.qualified
        assert found.unseen == tuple(MUST_SEE)
        assert found.unlike_readers == ("faithful", "usable")
        assert not found.alarms_too_often
        assert found.shares["usable"].value == 1.0
        assert {verdict for verdict, _ in rows(run).values()} == {"not measured"}
        html = page(run)
        assert "<strong>Not qualified:</strong>" in html
        assert "“negation added or dropped” (" in html
        assert "shown and judges nothing" in html


def test_one_that_denies_all_alarms_too_often(server: ChatServer) -> None:
    with replayed(server.url("judge-denies"), *FEW) as run:
        found = judged(run)
        assert found.alarms_too_often
        assert not found.qualified
        assert {verdict for verdict, _ in rows(run).values()} == {"not measured"}
        assert "one in twenty untouched references at most" in page(run)


def test_a_preference_for_a_place_is_none(server: ChatServer) -> None:
    with replayed(server.url("judge-first"), *FEW, BASELINE) as run:
        found = judged(run).preference
        assert found is not None
        assert found.pairs == found.inconsistent > 0
        assert (found.wins, found.consistent.value) == (None, 0.0)
        assert "No preference held in both orders" in page(run)


def test_an_answer_that_is_no_json_is_counted_and_no_verdict(server: ChatServer) -> None:
    with replayed(server.url("judge-prose"), *FEW, BASELINE) as run:
        found = judged(run)
        assert found.malformed == found.requests > 0
        assert {share.n for share in found.shares.values()} == {0}
        assert {trial.objects.value for trial in found.planted.values()} == {0.0}
        assert found.references is not None
        assert (found.references.malformed, found.references.objects.n) == (3, 0)
        assert found.preference is not None
        assert (found.preference.malformed, found.preference.wins) == (found.preference.pairs, None)
        assert not found.qualified
        assert rows(run)["usable_summaries"][0] == "not measured"
        page(run)


def test_its_budget_ends_it_cleanly(server: ChatServer) -> None:
    with replayed(server.url("judge-knows"), "scoring.judge.requests=7") as run:
        found = judged(run)
        assert found.requests == len(server.bodies("judge-knows")) == 7
        assert found.stopped == "scoring.judge.requests=7 is spent"
        assert not found.qualified
        assert "it was not asked everything" in page(run)


def test_one_that_nobody_answers_for_leaves_the_page_whole(tmp_path: Path) -> None:
    with replayed("http://127.0.0.1:9", *FEW, "endpoint.attempts=1") as run:
        found = judged(run)
        assert found.stopped == "the judge does not answer (connection)"
        assert found.failed == 3
        page(run)


def test_private_texts_go_to_it_only_where_that_is_allowed(server: ChatServer) -> None:
    with replayed(server.url("judge-knows"), *FEW, "privacy.text=hash") as run:
        found = judged(run)
        assert "send_private does not allow it" in found.reason
        assert not found.qualified
        assert server.bodies("judge-knows") == []
        assert not (run.directory / LOG).exists()
        assert "was not asked" in page(run)
    with replayed(server.url("judge-knows"), *FEW, "privacy.text=hash", "scoring.judge.send_private=true") as run:
        found = judged(run)
        assert found.requests == len(server.bodies("judge-knows")) > 0
        assert "some <words>" not in found.model_dump_json()
        assert "faithful" not in (run.directory / LOG).read_text(encoding="utf-8")


def test_each_key_goes_to_its_own_origin(server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELPERS_JUDGE_TOKEN", "key-of-the-judge")
    monkeypatch.setenv("HF_TOKEN", "key-of-the-endpoint")
    few = (
        "samples.n=5",
        *FEW,
        "scoring.judge.requests=5",
        "scoring.judge.served_model=m",
        "privacy.text=full",
        f"model.id={tmp_path}",
        "model.revision=null",
        "tracking.mode=disabled",
    )
    chat = ("endpoint.protocol=chat", "model.task=chat", "model.prompt=zero-shot", "generation.num_beams=1",
            "deployment=null", "baseline.predictions=null", "endpoint.metrics=[]")  # fmt: skip
    with ChatServer() as endpoint:
        monkeypatch.setenv("HF_ENDPOINT_URL", endpoint.url("plain"))
        monkeypatch.setenv("HELPERS_JUDGE_URL", server.url("judge-affirms"))
        run = start_run("params/endpoint.yaml", [*few, *chat])
        try:
            judged(run)
        finally:
            run.close()
        assert {body["key"] for body in endpoint.bodies("plain")} == {"Bearer key-of-the-endpoint"}
        assert {body["key"] for body in server.bodies("judge-affirms")} == {"Bearer key-of-the-judge"}
        with replayed(endpoint.url("judge-affirms"), *FEW, "scoring.judge.requests=3") as run:
            judged(run)  # an address that a params file names and the environment does not
        with replayed(server.url("judge-denies"), *FEW, "scoring.judge.requests=3") as run:
            judged(run)
        assert {body["key"] for body in endpoint.bodies("judge-affirms")} == {""}
        assert {body["key"] for body in server.bodies("judge-denies")} == {"Bearer key-of-the-judge"}
    written = [path.read_bytes() for path in run.directory.parent.rglob("*") if path.is_file()]
    assert not [text for text in written if b"key-of-the" in text]


def test_a_judge_without_an_address_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="HELPERS_JUDGE_URL"):
        start_run("replay", ["scoring.judge.served_model=m"])
    assert not (tmp_path / "runs").exists()


def test_errors_and_references_are_drawn_by_the_dialogue() -> None:
    cases = planted_cases(21, 150)
    kinds = Counter(case.kind for case in cases)
    assert kinds == {None: 150, **dict.fromkeys(PlantedKind, 21)}  # one more of each than were read
    assert len({case.name for case in cases}) == len(cases)
    assert planted_cases(21, 150) == cases
    true = {case.text.summary for case in cases if case.kind is None}
    assert not [case for case in cases if case.kind is not None and case.text.summary in true]


def test_a_summary_that_readers_are_even_about_speaks_for_nothing(tmp_path: Path) -> None:
    own = [ToJudge("d1", "Ana: At two?", "They meet."), ToJudge("d2", "Ben: At three?", "Nobody meets.")]
    lines = [(own[0], True, True), (own[0], False, True), (own[1], False, False)]
    readings = [
        SummaryReading(id=text.id, summary_sha256=sha256(text.summary), reader=f"reader {place}", made_by="person",
                       usable=usable, faithful=faithful)
        for place, (text, usable, faithful) in enumerate(lines)
    ]  # fmt: skip
    file = tmp_path / "readings.jsonl"
    file.write_text("".join(one.model_dump_json() + "\n" for one in readings), encoding="utf-8")
    with replayed("http://127.0.0.1:9", f"reviews=[{file}]") as run:
        found = {case.text.id: case for case in read_cases(run, own)}
    assert found["d1"].says == {"faithful": True}
    assert found["d2"].says == {"faithful": False, "usable": False}
    assert len(found) == 2 + 60  # beside those of the demonstration's recorded answers


@pytest.mark.parametrize("privacy", ["full", "hash"])
def test_a_run_that_goes_on_asks_nothing_twice(server: ChatServer, privacy: str) -> None:
    more = (*FEW, f"privacy.text={privacy}", "scoring.judge.send_private=true")
    own = [ToJudge("d1", "Ana: At two?\nBen: Yes.", "Ana and Ben meet at two.")]
    with replayed(server.url("judge-knows"), *more) as run:
        first = ask_judge(run, own)
        write_manifest(run.directory, run.manifest.model_copy(update={"resumed_at": datetime.now(UTC)}))
        run.__dict__.pop("manifest")
        asked = len(server.bodies("judge-knows"))
        assert ask_judge(run, own) == first
        assert len(server.bodies("judge-knows")) == asked


def test_who_answers_does_not_know_the_judge() -> None:
    """A measure must not be its own tutor: no engine, server or reranking imports anything of it."""
    for folder in ("engines", "serving", "scorers", "samples"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
                assert not [name for name in names if "judge" in name.lower()], path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"faithful": true, "usable": false, "kind": "omission"}', (True, False, "omission")),
        ('```json\n{"faithful": false, "usable": false, "why": "x"}\n```', (False, False, None)),
        ('{"faithful": false, "usable": true}', None),
        ('{"faithful": "yes", "usable": true}', None),
        ('{"faithful": true}', None),
        ('{"faithful": false, "usable": false, "kind": "typo"}', None),
        ('Sure! {"faithful": true, "usable": true}', None),
        ("[]", None),
    ],
)
def test_an_answer_is_a_verdict_as_the_rubric_asks_or_none(text: str, said: tuple[object, ...] | None) -> None:
    found = about_summary(text)
    assert found.malformed == (said is None)
    assert (found.faithful, found.usable, found.kind) == (said or (None, None, None))


def test_words_that_json_spells_are_cleaned_too() -> None:
    found = about_summary('{"faithful": false, "usable": false, "words": "a\\u202eb\\u0007"}')
    assert not found.malformed
    assert "\u202e" not in found.words
    assert "\x07" not in found.words


def test_nothing_is_shown_where_none_was_named() -> None:
    assert section(Cited(SampleEval(page="02"), "results/02.json")) == ""
