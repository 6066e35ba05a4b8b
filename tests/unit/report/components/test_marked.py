from __future__ import annotations

import pytest

from helpers.report.components.marked import Span, marked


@pytest.mark.parametrize(
    ("spans", "html"),
    [
        ([], "a &lt;b&gt; it's c"),
        ([(0, 1, "x")], "<mark>a<sup>[x]</sup></mark> &lt;b&gt; it's c"),
        ([(0, 5, "x"), (2, 5, "y")], "<mark>a &lt;b&gt;<sup>[x, y]</sup></mark> it's c"),
        ([(0, 5, "x"), (2, 10, "y")], "<mark>a &lt;b&gt;<sup>[x]</sup> it's<sup>[y]</sup></mark> c"),
        ([(0, 3, "x"), (2, 5, "x")], "<mark>a &lt;b&gt;<sup>[x]</sup></mark> it's c"),
        ([(11, 12, "<x>")], "a &lt;b&gt; it's <mark>c<sup>[&lt;x&gt;]</sup></mark>"),
        ([(11, 99, "x")], "a &lt;b&gt; it's c"),
    ],
)
def test_marks_are_named_and_may_overlap(spans: list[Span], html: str) -> None:
    assert marked("a <b> it's c", spans) == html


def test_an_empty_text_has_no_marks() -> None:
    assert marked("", [(0, 0, "x")]) == ""
