"""The app's header, and by what its examples are chosen."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from helpers.app.about import example_name, header_html
from helpers.app.client import EXCERPT, excerpt
from helpers.params import Samples
from helpers.params.files import load_params
from helpers.samples.dataset import Sample, load_samples
from tests.unit.app.test_html import EVIL


def test_examples_are_named_by_what_they_say() -> None:
    samples = load_samples(Samples(source="bundled:demo"))
    names = [example_name(one, lambda _: 299) for one in samples]
    assert names[0] == "Hello, we're building your bunk bed and… (support retail, 299 tokens)"
    assert len(set(names)) == len(samples)
    assert not [one.id for one, name in zip(samples, names, strict=True) if one.id in name]
    assert example_name(Sample(id="1", dialogue="Ann: Hi!\nBo: Hi.")) == "Hi! (2 turns)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ann:\n\u202eHi", "Ann: �Hi"), ("word " * 100_000, "word word word word word word word word…"), ("", "")],
)
def test_an_excerpt_is_one_short_line(text: str, expected: str) -> None:
    assert excerpt(text) == expected
    assert len(expected) <= EXCERPT


@pytest.mark.parametrize(
    ("params", "url", "said"),
    [
        (
            "demo",
            "http://127.0.0.1:1",
            "It goes to this model on this machine, and stays there. The app logs summaries,",
        ),
        ("endpoint", "https://h.example.com/x", "It goes to the endpoint at h.example.com. The app logs timings"),
        ("endpoint", "", "It goes to the endpoint that the owner of this app has set."),
        ("provider", "", "It goes to the inference provider cerebras."),
    ],
)
def test_the_header_names_the_model_its_limits_and_where_texts_go(params: str, url: str, said: str) -> None:
    told = load_params(params, [f"model.description='{EVIL}'"])
    html = header_html(told, url, Markup())
    assert said in html
    assert f"Reads at most {told.model.context_tokens:,} tokens" in html
    assert "&lt;img" in html
    assert "<img" not in html
