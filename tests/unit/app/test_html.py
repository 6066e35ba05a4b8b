"""What visitors and models write cannot do anything on the app's page or in its files."""

from helpers.app.batch import as_csv
from helpers.app.client import Answered
from helpers.app.html import answer_html, draw, error_html, table

EVIL = "<img src=x onerror=alert(1)>"


def test_what_others_wrote_is_text_on_the_page_and_no_formula_in_a_file() -> None:
    row = Answered(EVIL, summary="=cmd()", problem=EVIL, request="r", seconds=1.5, input_tokens=3)
    for html in (table(EVIL, [row]), answer_html(row), error_html(EVIL), draw([row])):
        assert "<img" not in html
    assert as_csv([row]).splitlines()[1].split(",")[2] == "'=cmd()"
    assert "first words after 0.12 s" in answer_html(Answered("a", seconds=1, first_token=0.123))
    assert "Cut off" in answer_html(Answered("a", seconds=1, finish="length"))
    assert "First words after" in draw([Answered("a", seconds=1, first_token=0.1, request="r")])
    assert "First words after" not in draw([row])
    assert "it never read 76 tokens" in answer_html(Answered("a", seconds=1, lost_tokens=76))
