"""A run as a comment on a pull request: what it says, that it does nothing else, and how a workflow posts it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import playwright
import pytest
import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from helpers.core.errors import InputError
from helpers.core.paths import PROJECT
from helpers.report.comment import LONGEST, NO_BASELINE, comment, place_of
from helpers.report.data_files import baseline_at
from helpers.runs.directory import attach
from helpers.runs.run import Run
from helpers.verdicts.changes import side
from helpers.verdicts.compute import judgement
from tests.conftest import Finished, Report, replay

HOSTILE = "@octo/team #1 | </td><script>x</script> ![a](https://a.b/c.png) `b` **[d](javascript:e)** fixes o/r#2\n# f"
PAGES = "https://octo.example/pr-1"
IN_ACTIONS = {"SERVER_URL": "https://github.com", "REPOSITORY": "octo/demo", "RUN_ID": "42"}


def html_of(markdown: str) -> BeautifulSoup:
    rendered = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    return BeautifulSoup(rendered, "html.parser")


def words_of(element: object) -> str:
    text = element.get_text(" ") if hasattr(element, "get_text") else str(element)
    return re.sub(r"\W+", "", text)


@pytest.fixture
def run(replayed: Finished) -> Run:
    assert replayed.run
    return attach(replayed.run)


def test_it_says_what_the_front_page_says(run: Run, replayed: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in IN_ACTIONS.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    text = comment(run, gate="undecided", place=place_of(PAGES))
    assert text.splitlines()[0] == "<!-- helpers report: replay -->"
    html, front = html_of(text), BeautifulSoup(replayed.page("index"), "html.parser")
    decision = front.select_one(".decision")
    assert decision
    assert html.h2
    assert html.h2.get_text() == decision.select_one("strong").get_text()  # type: ignore[union-attr]
    for part in decision.select(".reason p, .reason li, .next li"):
        assert words_of(part) in words_of(html), part
    assert "Gate undecided: closed" in html.get_text()
    rows = [[cell.get_text() for cell in line.select("td")] for line in html.select("table tbody tr")]
    judged = judgement(run).rows
    assert [(row[0], row[-1].partition(",")[0].partition(" (")[0]) for row in rows] == [
        (row.label, row.verdict) for row in judged
    ]
    links = [str(a["href"]) for a in html.select("a[href]")]
    assert {f"{PAGES}/index.html", f"{PAGES}/03-latency-cost.html#requests"} <= set(links)
    assert "https://github.com/octo/demo/actions/runs/42" in links
    assert all(link.startswith((PAGES, "https://github.com/octo/demo")) for link in links)
    for stamp in front.select(".stamp p"):
        assert words_of(stamp) in words_of(html)


def test_without_a_baseline_run_or_pages_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IN_ACTIONS:
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)
    text = comment(run)
    assert NO_BASELINE in text
    assert html_of(text).select("a") == []
    assert "| before |" not in text


def test_what_changed_stands_beside_every_verdict(run: Run) -> None:
    before = replace(side(run), name="earlier", verdicts={row.name: "met" for row in judgement(run).rows})
    scored = before.results.sample_eval
    assert scored
    worse = scored.samples[0].model_copy(update={"scores": {"rougeL": 0.0}})
    scored = scored.model_copy(update={"samples": (worse, *scored.samples[1:])})
    before = replace(before, results=before.results.model_copy(update={"sample_eval": scored}))
    html = html_of(comment(run, baseline=before))
    assert "What changed since earlier" in html.get_text()
    verdicts, changes = html.select("table")
    assert [head.get_text() for head in verdicts.select("th")][-1] == "before"
    assert {line.select("td")[-1].get_text() for line in verdicts.select("tbody tr")} == {"met"}
    what, difference = changes.select("tbody td")[:2]
    assert what.get_text() == "ROUGE-L"
    assert float(difference.get_text()) > 0
    assert re.search(r"Success rate was ✓ met, is now – not measured", html.get_text())


def test_hostile_words_are_letters(run: Run, tmp_path: Path) -> None:
    tree = yaml.safe_load((run.directory / "params.yaml").read_text(encoding="utf-8"))
    tree["targets"]["success_rate"]["label"] = HOSTILE
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    judged = attach(run.directory, tmp_path / "params.yaml")
    before = side(run)
    before = replace(before, name=HOSTILE, makings={**before.makings, "title": HOSTILE, HOSTILE: HOSTILE})
    text = comment(judged, baseline=before, gate="undecided")
    html = html_of(text)
    assert html.select("script, img, a, h1") == []
    for element in html.select("code"):
        element.extract()  # GitHub looks for no names, issues or addresses there
    assert not re.search(r"@\w|#\d|://", html.get_text())
    assert "script" in html.get_text(), "what was written is shown"
    assert len(html.select("table")) == 2


def test_it_never_grows_beyond_what_github_takes(run: Run) -> None:
    before = side(run)
    makings = {**before.makings, **{f"key {n}": "$" * 300 for n in range(100)}}
    text = comment(run, baseline=replace(before, makings=makings))
    assert len(text.encode("utf-16-le")) // 2 <= LONGEST
    html = html_of(text)
    assert "Not all of it fits" in html.get_text()
    assert len(html.select("table")) == 2, "what matters more is kept"
    assert html.select("details") == []
    assert text.rstrip().splitlines()[-1].startswith("All pages")


@pytest.mark.slow
def test_a_finished_run_gets_one_and_a_gate_without_being_asked_again(
    replayed: Finished, helpers: Report, tmp_path: Path
) -> None:
    assert replayed.run
    log = (replayed.run / "requests.jsonl").read_bytes()
    where, out = tmp_path / "comment.md", str(tmp_path / "out")
    again = helpers(
        "render", str(replayed.run), "--out", out, "--gate", "missed", "--comment", str(where),
        "--baseline", str(replayed.out), "--set", "targets.average_latency.max=0.5",
    )  # fmt: skip
    assert again.code == 3, again.told
    assert (replayed.run / "requests.jsonl").read_bytes() == log
    text = where.read_text(encoding="utf-8")
    assert "**Gate `missed`: closed** — " in text
    assert re.search(r"^\| Average latency .*missed.*\| met \|$", text, re.MULTILINE)
    done = helpers("compare", str(replayed.run), str(replayed.run), "--comment", str(where))
    assert (done.code, "No verdict has changed." in where.read_text(encoding="utf-8")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "runs"], "give --comment FILE too"),
        (["--comment", "no/such/c.md"], "--comment no/such/c.md: there is no folder"),
        (["--comment", "c.md", "--pages-url", "javascript:alert(1)"], "--pages-url javascript"),
        (["--comment", "c.md", "--baseline", "src"], "--baseline src: neither a run nor published pages"),
    ],
)
def test_a_comment_that_could_not_be_written_is_refused_before_measuring(
    helpers: Report, recorded: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = helpers("report", "params/replay.yaml", *replay(recorded), *arguments)
    assert (done.code, done.run) in ((2, None), (1, None)), done.told
    assert re.search(message, done.told)
    with pytest.raises(InputError, match="neither a run nor"):
        baseline_at(tmp_path)


#: What stands for GitHub: comments that are there already, and what the script does to them.
GITHUB = """
const told = [];
const there = %s;
const issues = {
  listComments: "list",
  createComment: async (what) => told.push(["create", what]),
  updateComment: async (what) => told.push(["update", what]),
};
const github = {rest: {issues}, paginate: async (what, where) => where.issue_number === 7 ? there : []};
const context = {repo: {owner: "octo", repo: "demo"}, issue: {number: 7}};
(async () => { %s })().then(() => console.log(JSON.stringify(told)));
"""


@pytest.mark.parametrize(("known", "what"), [(False, "create"), (True, "update")])
def test_the_workflow_finds_its_own_comment(tmp_path: Path, known: bool, what: str) -> None:
    block = re.search(r"```yaml\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    workflow = yaml.safe_load(block[1])
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = workflow["jobs"]["gate"]["steps"]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    script = next(step["with"]["script"] for step in steps if "script" in step.get("with", {}))
    marker = "<!-- helpers report: replay -->"
    (tmp_path / "comment.md").write_text(f"{marker}\n\n## HOLD\n", encoding="utf-8")
    there: list[dict[str, object]] = [
        {"id": 1, "user": {"login": "mallory"}, "body": f"{marker}\nnot ours"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
        {"id": 3, "user": None, "body": None},
    ]
    there += [{"id": 4, "user": {"login": "github-actions[bot]"}, "body": f"{marker}\n\n## SHIP"}] if known else []
    node = Path(playwright.__file__).parent / "driver" / "node"
    done = subprocess.run(
        [node, "-e", GITHUB % (json.dumps(there), script)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    ((did, to),) = json.loads(done.stdout)
    assert (did, to["body"], to["owner"]) == (what, f"{marker}\n\n## HOLD\n", "octo")
    assert to.get("comment_id", to.get("issue_number")) == (4 if known else 7)
