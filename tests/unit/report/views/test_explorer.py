"""The page of all summaries: nothing is lost silently, every figure is cited, and no text of others does any harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from helpers.report.views import explorer
from helpers.report.views.summaries import RULE, anchor, in_reading_order, to_read
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import Scored
from helpers.runs.reviews import Ratings, SummaryReading, sha256, write_ratings
from helpers.scorers.mentions import turns_of
from tests.explorer_runs import FRAME, corpus_rows, explored, objection, result_tree, run_of, scored
from tests.page_checks import broken_rules, unpacked

NAME = "02-summaries.html"
HOSTILE = (
    "<script>alert(1)</script> </article></div> <img src=x onerror=alert(2)> & 'a' \"b\" \u200b\u200f שלום {{ 7 }}"
)


def entries(html: str) -> list[str]:
    return [str(one["id"]) for one in BeautifulSoup(html, "html.parser").find_all("article")]


def order(rows: list[Scored], folder: Path) -> list[str]:
    found = run_of(folder, rows).results().sample_eval
    return [row.id.raw for row in in_reading_order(Cited(found, "results/02.json"))]


def test_failed_checks_come_first_then_objections_that_count_then_the_fewest_facts(tmp_path: Path) -> None:
    rows = [
        scored("good", scores={"rougeL": 0.1, "key_fact_recall": 1.0}),
        scored("few-facts", scores={"rougeL": 0.9, "key_fact_recall": 0.2}),
        scored("low-rouge", scores={"rougeL": 0.05, "key_fact_recall": 1.0}),
        scored("beside", objections=(objection("at_odds_with_itself", "4"),)),
        scored("against", objections=(objection("who_does_what", "Ana will come"),)),
        scored("failed", failures=("cut_off",)),
    ]
    expected = ["failed", "against", "few-facts", "beside", "low-rouge", "good"]
    assert order(rows, tmp_path) == expected
    assert entries(explored(run_of(tmp_path / "again", rows))) == expected


def test_page_02_shows_twenty_with_the_rule_and_a_link_to_each(tmp_path: Path) -> None:
    rows = [scored(f"d-{place:02}", failures=("empty",) if place > 28 else ()) for place in range(30)]
    run = run_of(tmp_path, rows)
    html = to_read(run, Cited(run.results().sample_eval, "results/02.json"))
    links = re.findall(rf"href='{NAME}#([\w-]+)'", html)
    assert (len(links), links[0], str(RULE) in html) == (20, "d-29", True)
    assert set(links) <= set(entries(explored(run_of(tmp_path / "again", rows))))


def test_hidden_texts_make_no_page_and_page_02_says_so(tmp_path: Path) -> None:
    run = run_of(tmp_path, [scored("a", None, dialogue="", references=())])
    assert explorer.page(run, FRAME) is None
    assert "no page of all summaries" in to_read(run, Cited(run.results().sample_eval, "results/02.json"))


def test_evidence_is_marked_and_named_in_both_texts(tmp_path: Path) -> None:
    row = scored(
        "a",
        "Ana and Ben meet at 3. Zoe sings.",
        failures=("unknown_person",),
        objections=(objection("when", "3 in: Ana and Ben meet at 3."),),
    )
    soup = BeautifulSoup(explored(run_of(tmp_path, [row, scored("b")])), "html.parser")
    found = {mark.get_text() for mark in soup.select("#a .quoted mark")}
    assert "Zoe[name not in the dialogue]" in found
    assert {name.get_text() for name in soup.select("#b mark")} == set()
    assert soup.select_one("#a h2 + p").get_text() == "friends · short · ✗ name not in the dialogue · ✗ when"  # type: ignore[union-attr]


def test_what_readers_say_is_shown_and_can_be_chosen(tmp_path: Path) -> None:
    run = run_of(tmp_path, [scored(id, f"{id} and Ben meet.") for id in ("used", "refused", "open")])
    kept = [
        SummaryReading(
            id=id,
            summary_sha256=sha256(f"{id} and Ben meet."),
            reader="reader 1",
            made_by="person",
            usable=id == "used",
            faithful=True,
            words=("Ben",) if id == "refused" else (),
            reason="It was <Cem>." if id == "refused" else "",
        )
        for id in ("used", "refused")
    ]
    write_ratings(run.directory, Ratings(readings=tuple(kept)))
    soup = BeautifulSoup(explored(run), "html.parser")
    assert [o.get_text() for o in soup.select("[name=read] option")] == ["all", "usable", "not usable", "not read"]
    assert [next(c for c in soup.find(id=id)["class"] if c[0] == "r") for id in ("used", "refused", "open")] == [  # type: ignore[index]
        "ryes",
        "rno",
        "r0",
    ]
    assert "A person read it: not usable It was <Cem>." in soup.find(id="refused").get_text()  # type: ignore[union-attr]
    assert soup.select_one("#refused mark").get_text() == "Ben[marked by a reader]"  # type: ignore[union-attr]


def test_hostile_texts_do_nothing(tmp_path: Path) -> None:
    rows = [
        scored(
            HOSTILE[:80],
            HOSTILE,
            domain=HOSTILE[:50],
            length="'><b>",
            dialogue=f"<b>Ana</b>: {HOSTILE}\n{HOSTILE}",
            references=(HOSTILE,),
            facts_missed=(HOSTILE,),
            failures=("unknown_person", "unspoken_number"),
        ),
        scored("main", "x" * 300_000, dialogue="a" * 300_000),
        scored("a b"),
        *(scored(f"label-{place}", domain=f"domain {place}") for place in range(60)),
    ]
    run = run_of(tmp_path, rows)
    html = explored(run)
    assert broken_rules(NAME, html, result_tree(run)) == []
    soup = BeautifulSoup(html, "html.parser")
    assert soup.find_all(["img", "b-", "iframe"]) == []
    assert len(soup.find_all("script")) == 1
    assert "cut here; results.json has all" in soup.find(id=anchor("main")).get_text()  # type: ignore[union-attr]
    assert len(soup.select("[name=domain] option")) == 32  # all, the thirty that are most frequent, others
    assert html == explored(run)


@pytest.mark.parametrize("n", [10, 500])
def test_all_dialogues_are_in_the_file_whatever_their_number(tmp_path: Path, n: int) -> None:
    rows = corpus_rows(n)
    run = run_of(tmp_path, rows)
    html = explored(run)
    assert broken_rules(NAME, html, result_tree(run)) == []
    assert sorted(entries(html)) == sorted(row.id for row in rows)
    assert ("packed" in BeautifulSoup(html, "html.parser").find(id="main").get_text()) == (n == 500)  # type: ignore[union-attr]
    text = BeautifulSoup(html + unpacked(html), "html.parser").get_text()
    lost = [row.id for row in rows if turns_of(row.dialogue)[-1].text[-20:] not in text]
    assert lost == [row.id for row in rows if len(row.dialogue) > 4_000]
    assert len(lost) <= text.count("(cut here; results.json has all)")


def test_more_than_fit_are_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "LARGEST", 110_000)
    html = explored(run_of(tmp_path, corpus_rows(200)))
    assert len(html.encode()) <= 110_000
    assert 20 < len(entries(html)) < 200
    assert "Not all of them fit into this file." in html


def test_no_secret_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", secret := "quite-a-long-secret-0123456789")
    monkeypatch.setattr(explorer, "LARGEST", 90_000)
    html = explored(run_of(tmp_path, [scored(f"d-{n}", dialogue=f"Ana: It is {secret} {n}.") for n in range(90)]))
    assert "data-bytes" in html
    assert secret not in html + unpacked(html)
