"""What visitors and models write cannot do anything on the app's page or in its files."""

from helpers.app.batch import as_csv
from helpers.app.checks import CheckedAnswer, Flag
from helpers.app.client import Answered
from helpers.app.html import answer_html, checks_html, error_html, table
from helpers.app.monitoring import charts_html

EVIL = "<img src=x onerror=alert(1)>"


def test_what_others_wrote_is_text_on_the_page_and_no_formula_in_a_file() -> None:
    flags = CheckedAnswer((Flag("When", (EVIL,), ((0, 3),), faithful=True), Flag("Copied")))
    row = Answered(EVIL, EVIL, summary="=cmd()", problem=EVIL, request="r", seconds=1.5, input_tokens=3, checked=flags)
    for html in (table(EVIL, [row]), answer_html(row), error_html(EVIL), charts_html([row]), checks_html(row)):
        assert "<img" not in html
    assert as_csv([row]).splitlines()[1].split(",")[3] == "'=cmd()"
    assert "first words after 0.12 s" in answer_html(Answered("a", seconds=1, first_token=0.123))
    assert "Cut off" in answer_html(Answered("a", seconds=1, finish="length"))
    assert "First words after" in charts_html([Answered("a", seconds=1, first_token=0.1, request="r")])
    assert "First words after" not in charts_html([row])
    assert "it never read 76 tokens" in answer_html(Answered("a", seconds=1, lost_tokens=76))
