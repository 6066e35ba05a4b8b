from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.page_checks import (
    broken_links,
    loose_digits,
    remote_references,
    repeated_ids,
    results_tree,
    wrong_citations,
)

TREE = {"results/02.json": {"rougeL": {"value": 0.3214, "n": 10, "name": "x", "gone": None}}}


@pytest.mark.parametrize(
    "html",
    [
        "<p>ROUGE-1, ROUGE-2 and p50, p90, p95, p99</p>",
        "<th>95 % interval</th>",
        "<p>BART 406 M and 135 M in fp32, fp16, bf16, int8, int4</p>",
        "<li>03 Latency and cost</li><p>run 04 first.</p>",
        "<p>it answered HTTP 503, SHA-256</p>",
        "<p><data value='3'>3</data> <code>n=4</code> <span class='quoted'>5 <b>6</b></span></p>",
        "<pre>7</pre><svg><text>8</text></svg><style>p{margin:9px}</style><!-- 10 --><a href='#11' title='12'>x</a>",
    ],
)
def test_names_citations_and_quotations_may_hold_digits(html: str) -> None:
    assert loose_digits(html) == []


@pytest.mark.parametrize(
    "text",
    [
        "3 dialogues",
        "ROUGE-10",
        "ROUGE-3",
        "0.04",
        "1.05 s",
        "p96",
        "95 % of them",
        "407 M",
        "08 Extra",
        "HTTP 700",
        "x²³٣",
    ],
)
def test_other_digits_are_found(text: str) -> None:
    assert loose_digits(f"<p>fine</p><p>{text}</p>") == [text]


def test_a_page_may_add_names() -> None:
    assert loose_digits("<p>intel-spr x8</p>") == ["intel-spr x8"]
    assert loose_digits("<p>intel-spr x8</p>", [r"\bx8\b"]) == []


@pytest.mark.parametrize(
    ("value", "text", "address", "problem"),
    [
        ("0.3214", "0.321", "results/02.json#/rougeL/value", None),
        ("0.3214", "32.1 %", "results/02.json#/rougeL/value", None),
        ("0.3214", "32.1", "results/02.json#/rougeL/value", None),
        ("10", "10", "results/02.json#/rougeL/n", None),
        ("0.3214", "0.322", "results/02.json#/rougeL/value", "no way to write 0.3214"),
        ("0.3215", "0.322", "results/02.json#/rougeL/value", "the result says 0.3214"),
        ("0.3214", "0.321", "results/02.json#/rouge1/value", "rouge1"),
        ("0.3214", "0.321", "results/03.json#/rougeL/value", "there is no results/03.json"),
        ("1", "1", "results/02.json#/rougeL/name", "the result says 'x'"),
        ("1", "1", "results/02.json#/rougeL/gone", "the result says None"),
    ],
)
def test_citations_are_followed(value: str, text: str, address: str, problem: str | None) -> None:
    found = wrong_citations(f'<data value="{value}" data-from="{address}">{text}</data>', TREE)
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<img src='https://example.org/a.png'>",
        "<link rel='icon' href='//example.org'>",
        "<a href='javascript:x()'>x</a>",
        "<p onclick='x()'>x</p>",
        "<style>@import 'a.css'</style>",
        "<style>p{background:url(https://example.org)}</style>",
        "<p style='background: url(a.png)'>x</p>",
        "<iframe></iframe>",
    ],
)
def test_remote_references_are_found(html: str) -> None:
    assert len(remote_references(html)) >= 1


def test_what_stays_inside_is_allowed() -> None:
    html = "<link rel='icon' href='data:,'><a href='02.html#x'>x</a><p style='fill: url(#a)'>x</p><style>p{}</style>"
    assert remote_references(html) == []


def test_links_between_pages_are_followed() -> None:
    pages = {
        "index.html": "<a href='02.html#caf%C3%A9'>x</a><a href='#here'>y</a><a href='03.html'>z</a>",
        "02.html": "<p id='café'>x</p><a href='index.html#top'>x</a><a href='data.json'>x</a>",
    }
    assert broken_links(pages, ["data.json"]) == ["index.html: #here", "index.html: 03.html", "02.html: index.html#top"]


def test_repeated_ids_are_found() -> None:
    assert repeated_ids("<p id='a'></p><p id='b'></p><p id='a'></p>") == ["a"]


def test_results_tree_is_keyed_by_path(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "02.json").write_text(json.dumps({"a": 1}), encoding="utf-8")
    assert results_tree(tmp_path) == {"results/02.json": {"a": 1}}
