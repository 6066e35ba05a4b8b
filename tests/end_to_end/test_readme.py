"""What the README and the guide tell a reader to type works as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from helpers.cli.main import VERBS, parser_of
from helpers.core.paths import PROJECT
from helpers.runs.directory import attach
from helpers.runs.reviews import keep_review, make_review
from tests.chat_server import ROUTER, ChatServer
from tests.conftest import Finished, Report
from tests.local_server import Scripted, served
from tests.review_runs import saved

DOCUMENTS = (PROJECT / "README.md", PROJECT / "docs" / "guide.md")
#: A newcomer reads no more than this.
MOST_LINES = 120


def blocks(language: str) -> list[str]:
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[str]:
    """Return every ``python -m helpers`` line of the shell blocks, once."""
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in dict.fromkeys(lines) if line.startswith("python -m helpers")]


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(DOCUMENTS[0].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.slow
def test_the_workflow_gates_a_pull_request(helpers: Report, tmp_path: Path) -> None:
    (workflow,) = (found for block in blocks("yaml") if "jobs" in (found := yaml.safe_load(block)))
    steps = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step]
    (command,) = (step for step in steps if " -m helpers " in step)
    verb, *arguments = shlex.split(command.split(" -m helpers ", 1)[1])
    places = {"--out": tmp_path / "pages", "--comment": tmp_path / "comment.md", "--baseline": PROJECT / "reports"}
    for option, place in places.items():
        arguments[arguments.index(option) + 1] = str(place)
    summary = tmp_path / "summary.md"
    done = helpers(verb, *arguments, environment={"GITHUB_STEP_SUMMARY": str(summary)})
    assert done.code in (0, 3), done.told
    assert (tmp_path / "pages" / "index.html").is_file()
    assert "| ROUGE-L" in summary.read_text()
    assert "### What changed since" in (tmp_path / "comment.md").read_text(encoding="utf-8")
    targets = [step.removeprefix("make ") for step in steps if step.startswith("make ")]
    assert all(re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE) for target in targets)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_that_helpers_takes(command: str) -> None:
    verb, *arguments = shlex.split(command.removeprefix("python -m helpers "))
    assert verb in VERBS or verb == "--help"
    if verb != "--help":
        parser_of(verb).parse_args([verb, *arguments])


#: What these need is not here: the Hub, an endpoint that exists, a run that was killed; tests of their own have them.
ELSEWHERE = ("--help", "hub:", "params/full.yaml", "endpoint status", "endpoint package", "--resume")


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in commands() if not any(part in one for part in ELSEWHERE)])
def test_every_command_does_what_it_says(command: str, helpers: Report, replayed: Finished, tmp_path: Path) -> None:
    rows = ["id,dialogue,summary,prediction,other_model"]
    rows += [
        f'{n},"Ana: Can Ben come at {n % 9 + 1}?\nBen: Yes.",Ben comes at {n % 9 + 1}.,Ben will come.,Ana asks.'
        for n in range(200)
    ]
    own = tmp_path / "mine.csv"
    own.write_text("\n".join(rows) + "\n")
    assert replayed.run
    run = shutil.copytree(replayed.run, tmp_path / "run")
    review = make_review([attach(run)])
    keep_review(attach(run), review)
    with served(Scripted) as deployment, ChatServer() as chat:
        # What a reader has in the place of each name; and the load takes seconds.
        places: dict[str, object] = {
            r"\b(mine|predictions)\.csv": own,
            r"runs/RUN(_[AB])?": run,
            r"\bcost\.xlsx": tmp_path / "cost.xlsx",
            r"\bdemo\.jsonl": tmp_path / "demo.jsonl",
            r"\breview\.html": tmp_path / "review.html",
            r"\bratings-\*\.json": saved(tmp_path / "ratings-1.json", review),
        }
        places |= {r"http://127\.0\.0\.1:8080": deployment.url, r"--duration \d+": "--duration 4"}
        places |= {r"http://127\.0\.0\.1:8000": chat.url("plain"), "ORGANIZATION/MODEL": "org/streams-quickly"}
        for name, place in places.items():
            command = re.sub(name, str(place), command)
        is_provided = "params/provider.yaml" in command
        asks = " endpoint " in command or "params/endpoint.yaml" in command or "--url" in command or is_provided
        if asks:
            command += " --set samples.n=10 --set load.seconds=1"
        _, _, _, *arguments = shlex.split(command)
        environment = {"HF_ENDPOINT_URL": deployment.url, "HF_TOKEN": "hf_invented"}
        if is_provided:  # its model is looked up at the Hub, which is on loopback with the router
            hub = chat.url(ROUTER)
            environment |= {"HELPERS_PROVIDERS_URL": hub, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0"}
        if arguments[0] == "review":
            environment["HELPERS_RUNS"] = str(tmp_path)
        done = helpers(*arguments, environment=environment)
    assert done.code in (0, 3) if arguments[0] == "monitor" else done.code == 0, done.told
    assert "Traceback" not in done.told
    if arguments[0] == "report":
        answered = done.result("02")["answered"]
        if "--until-decided" in command:
            assert answered >= 10, "it begins with what is asked for and goes on while a verdict is open"
        else:
            assert answered == (10 if asks else 200)
