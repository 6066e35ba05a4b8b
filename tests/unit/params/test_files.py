"""Parameters: strict, all problems at once, with the fix."""

import re
from pathlib import Path

import pytest

from helpers.cli.main import main
from helpers.core.errors import ParamsError
from helpers.core.paths import PROJECT
from helpers.params import Cache
from helpers.params.files import given_and_defaulted, load_params

SHIPPED = [
    p.stem
    for p in sorted((PROJECT / "params").glob("*.yaml"))
    if re.search("^(backend|extends):", p.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_is_valid(name: str) -> None:
    params = load_params(name)
    assert params.prices.find(params.instance)


WRONG = [
    (["samples.n_sample=3"], "params/demo.yaml: unknown key 'n_sample' under 'samples' (did you mean 'n'?)"),
    (["meassure.repeats=2"], "params/demo.yaml: unknown key 'meassure' (did you mean 'measure'?)"),
    (["samples.n=-1"], "params/demo.yaml: 'samples.n': Input should be greater than 0, got -1"),
    (["samples.n=many"], "'samples.n': Input should be a valid integer"),
    (["instance.size=x99"], "'instance' aws intel-spr x99 is not in 'prices' (of 2026-08-20); add its row"),
    (["model.task=summarization"], "'prompt' goes with 'task: chat', and only with it"),
    (["targets.average_latency.min=1"], "at most one of 'max', 'min'"),
    (["title.x=3"], "--set title.x: 'title' holds a single value, it has no 'x'"),
    (["samples.n"], "--set samples.n: expected key=value, such as samples.n=50"),
    (["endpoint.token=abc"], "--set endpoint.token=…: secrets come from the environment"),
    (["title=hf_abcdefgh"], "--set title=…: secrets come from the environment"),
    (["endpoint.api_key=abc"], "--set endpoint.api_key=…: secrets come from the environment"),
    (["samples.source=hub:"], "'samples.source': Input should be a valid string, got {'hub': None}"),
    (["generation.max_new_tokens=5000"], "'generation.max_new_tokens' leaves no room in 'model.context_tokens'"),
    (["generation.extra={seed: 7}"], "'generation.extra' goes with 'backend: endpoint', whose server may know such"),
    (["targets=missing.yaml"], "--set targets: missing.yaml: not readable as YAML"),
    (["traffic.requests_per_hour=.inf"], "'traffic.requests_per_hour': Input should be a finite number"),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG, ids=[w[0][0] for w in WRONG])
def test_a_wrong_parameter_is_named_with_the_fix(overrides: list[str], message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params("demo", overrides)
    assert message in str(caught.value)
    assert "abc" not in str(caught.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ParamsError) as caught:
        load_params("demo", ["samples.m=1", "meassure.x=2", "samples.n=0"])
    assert len(caught.value.problems) == 3


FILES = [
    ("backend: local\nbackend: local\n", "key 'backend' given twice"),
    ("- a list\n", "expected 'key: value' lines, found list"),
    ("a: [\n", "not readable as YAML"),
    ("title: x\ntargets: nowhere.yaml\n", "'targets' names nowhere.yaml, which is not there"),
    ("", "expected 'key: value' lines, found NoneType"),
]


@pytest.mark.parametrize(("text", "message"), FILES)
def test_an_unusable_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"bad\.yaml") as caught:
        load_params(tmp_path / "bad.yaml")
    assert message in str(caught.value)


def test_a_file_changes_what_it_names_of_the_one_it_extends(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "base.yaml").write_text(f"extends: {PROJECT}/params/demo.yaml\nmonitoring: {{logs: [old.jsonl]}}\n")
    (tmp_path / "own" / "longer.yaml").write_text("extends: ../base.yaml\nsamples: {n: 3}\nload: {fractions: [0.5]}\n")
    found, demo = load_params(tmp_path / "own" / "longer.yaml"), load_params("demo")
    assert (found.samples.n, found.load.fractions) == (3, (0.5,))
    assert found.samples.source == demo.samples.source
    assert found.load.repeats == demo.load.repeats
    assert found.baseline == demo.baseline
    assert found.monitoring.logs == (str(tmp_path / "old.jsonl"),), "a path is relative to the file that names it"


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("nowhere.yaml", "'extends' names nowhere.yaml, which is not there"),
        ("[demo.yaml]", "'extends' must name one params file, got ['demo.yaml']"),
        ("bad.yaml", "'extends' leads back to"),
        ("other.yaml", "'extends' leads back to"),
    ],
)
def test_what_cannot_be_extended_is_named(tmp_path: Path, base: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(f"extends: {base}\n")
    (tmp_path / "other.yaml").write_text("extends: bad.yaml\n")
    with pytest.raises(ParamsError, match=r"(bad|other)\.yaml") as caught:
        load_params(tmp_path / "bad.yaml")
    assert message in str(caught.value)


def test_an_unknown_file_name_is_suggested() -> None:
    with pytest.raises(ParamsError, match=r"did you mean 'demo'\?"):
        load_params("demmo")


def test_a_path_in_a_params_file_is_relative_to_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = (PROJECT / "params" / "prices.yaml").read_text()
    (tmp_path / "prices.yaml").write_text(prices)
    (tmp_path / "own.yaml").write_text(
        "title: t\nmodel: {id: a/b}\nsamples: {source: here.csv}\nprices: prices.yaml\nbackend: endpoint\n"
    )
    assert load_params(tmp_path / "own.yaml").samples.source == str(tmp_path / "here.csv")
    monkeypatch.chdir(tmp_path)
    over = load_params("demo", ["samples.source=there.csv"])
    assert over.samples.source == str(tmp_path / "there.csv")


def test_given_and_defaulted_parameters_are_told_apart() -> None:
    given, defaulted = given_and_defaulted(load_params("demo", ["samples.seed=7"]))
    assert given["samples.seed"] == 7
    assert defaulted["measure.order_seed"] == 1
    assert not given.keys() & defaulted.keys()


def test_a_run_that_measures_refuses_a_cache(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_params("demo", ["serving.cache={}"]).serving.cache == Cache()
    with pytest.raises(ParamsError, match=r"a remembered answer is no measurement; .* --set serving\.cache=null"):
        load_params("demo", ["serving.cache={}"], measuring=True)
    assert main(["report", "demo", "--set", "serving.cache={entries: 5}"]) == 2
    assert "'serving.cache' is for 'serve' and 'app'" in capsys.readouterr().err
