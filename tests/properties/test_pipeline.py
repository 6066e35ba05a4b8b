"""What holds for any parameters, price, verdict and text on the way from a params file to a page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.core.errors import ParamsError
from helpers.cost.costs import basis, costs
from helpers.params import Params, Target
from helpers.params.files import given_tree, load_params, validate
from helpers.report.components.numbers import number, quoted
from helpers.report.components.tables import Column, table
from helpers.runs.results.cited import Cited
from helpers.runs.results.latency_cost import LatencyCost
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import decide

bounded = settings(max_examples=60, deadline=None)
sizes = st.floats(0.001, 1000)
names = st.from_regex(r"[a-z]{3,12}", fullmatch=True)
OPPOSITE = {"max": "above", "above": "max", "min": "below", "below": "min"}


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params("demo")


class Collected(HTMLParser):
    """The tags and the text of a page, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@bounded
@given(st.integers(1, 500), st.integers(1, 9), sizes, st.integers(0, 99), st.sampled_from(["full", "redacted", "hash"]))
def test_parameters_survive_being_written_and_read(
    params: Params, n: int, repeats: int, traffic: float, seed: int, privacy: str
) -> None:
    tree = given_tree(params) | {
        "samples": {"n": n, "seed": seed},
        "measure": {"repeats": repeats},
        "traffic": {"requests_per_hour": traffic},
        "privacy": {"text": privacy},
    }
    changed = validate(tree, "here")
    assert validate(yaml.safe_load(yaml.safe_dump(given_tree(changed))), "here") == changed


@bounded
@given(names, st.sampled_from(["", "samples", "measure", "model", "endpoint"]))
def test_an_unknown_key_is_rejected_wherever_it_stands(params: Params, name: str, room: str) -> None:
    tree = given_tree(params)
    below = tree.setdefault(room, {}) if room else tree
    if name in type(getattr(params, room) if room else params).model_fields:
        return
    below[name] = 1
    with pytest.raises(ParamsError, match=f"here: unknown key '{name}'"):
        validate(tree, "here")


@bounded
@given(sizes, sizes, st.integers(1, 50))
def test_cost_is_linear_in_replicas_and_time(params: Params, seconds: float, factor: float, replicas: int) -> None:
    def of(mean: float, count: int) -> object:
        timed = LatencyCost(page="03", mean=Estimate(value=mean, low=mean / 2, high=mean * 2, n=10, method="student-t"))
        instance = params.instance.model_copy(update={"replicas": count})
        changed = params.model_copy(update={"instance": instance})
        return costs(changed, basis(changed, timed))

    one, more = of(seconds, 1), of(seconds * factor, replicas)
    assert more.per_1000_requests.value == pytest.approx(replicas * one.per_1000_requests.value)
    assert more.floor_per_1000_requests.value == pytest.approx(factor * one.floor_per_1000_requests.value)
    assert more.floor_per_1000_requests.high == pytest.approx(factor * one.floor_per_1000_requests.high)
    assert more.utilisation.value == pytest.approx(factor / replicas * one.utilisation.value)


@bounded
@given(sizes, sizes, sizes, st.sampled_from(list(OPPOSITE)))
def test_the_opposite_target_turns_met_into_missed(a: float, b: float, threshold: float, direction: str) -> None:
    low, high = sorted((a, b))
    found = Estimate(value=(low + high) / 2, low=low, high=high, n=10, method="student-t")

    def verdict(of: str) -> str:
        return decide(found, Target(label="x", unit="s", source="test", **{of: threshold}))

    turned = {"met": "missed", "missed": "met", "undecided": "undecided"}
    assert verdict(OPPOSITE[direction]) == turned[verdict(direction)]


@bounded
@given(st.text(min_size=1))
def test_any_text_is_shown_and_never_read_as_markup(text: str) -> None:
    text = "x" + text.replace("\r", " ").replace("\0", " ")  # a parser of HTML replaces both; a cell says something
    page = Collected(table(text, [Column(text), Column("x")], [[text, quoted(text)]]))
    assert page.tags == {"div", "table", "caption", "span", "thead", "tbody", "tr", "th", "td"}
    assert page.text.count(text) >= 4


@bounded
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["s", "usd", "rate", "score", "ratio"]))
def test_any_number_carries_its_value_and_address(value: float, style: str) -> None:
    html = number(Cited(value, "results/03.json#/mean/value"), style)
    assert 'data-from="results/03.json#/mean/value"' in html
    assert Collected(html).text.strip()
