"""A run as a comment on a pull request: the front page's decision, every verdict and what changed, in Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.core.console import public
from helpers.core.errors import InputError
from helpers.core.text import inert
from helpers.report.components.markdown import blocks, code, link
from helpers.report.data_files import changes_since, previous
from helpers.report.views import decision, index
from helpers.report.views.common import evidence_link, stamps
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.changes import Side
from helpers.verdicts.compute import judgement
from helpers.verdicts.gate import Gate, gate_line, verdict_lines

#: GitHub refuses a comment that is longer, in characters.
LONGEST = 65_536
#: What is shown below where a part would have made a comment longer.
LEFT_OUT = "*Not all of it fits into a comment: the pages have the rest.*"
NO_BASELINE = "There is no baseline run to compare with: `--baseline RUN` names one, or a folder of published pages."


@dataclass(frozen=True)
class Place:
    """Where a reader of a comment finds the pages: their address, or "" where they have none."""

    pages: str = ""

    def leads(self, href: str) -> str:
        """Return where a link of the front page leads from a comment, "" where it leads nowhere."""
        if not self.pages:
            return ""
        return f"{self.pages}/{'index.html' if href.startswith('#') else ''}{href}"


def place_of(address: str | None) -> Place:
    """Return where pages are published; raises `InputError` unless it is a plain address on the web."""
    parts = urlsplit(address or "")
    beside = parts.query or parts.fragment or parts.username
    if address and (parts.scheme not in ("http", "https") or not parts.hostname or beside):
        raise InputError(
            f"--pages-url {address}: give the address of the folder that the pages are published in, such as "
            "https://example.org/report"
        )
    return Place(quote(address or "", safe=":/%").rstrip("/"))


def comment(run: Run, *, baseline: Side | None = None, gate: Gate | None = None, place: Place | None = None) -> str:
    """Return the comment; its first line is a marker, by which the next one for the same parameters replaces it.

    ``baseline`` is what the run is compared with: what lay published when it began, by default.
    """
    place, baseline = place or Place(), baseline or previous(run)
    word, *because = _decided(run, place)
    judged = judgement(run)
    evidence = {
        row.name.raw: place.leads(evidence_link(row, "index")) for row in Cited(judged, "results/judged.json").rows
    }
    verdicts = verdict_lines(
        judged,
        before=baseline.verdicts if baseline else None,
        evidence=evidence if place.pages else None,
    )
    parts = [
        f"## {word}",
        gate_line(judged, gate) if gate else "",
        *because,
        "\n".join(verdicts),
        *_since(run, baseline, place),
        _about(run),
        _links(run, place),
    ]
    return public(_fitted(marker(run), [part for part in parts if part]))


def marker(run: Run) -> str:
    """Return the line by which a workflow finds its own comment: one for each file of parameters."""
    name = re.sub(r"[^a-z0-9]+", "-", run.manifest.run.partition("-")[2].lower()).strip("-")
    return f"<!-- helpers report: {name[:80]} -->"


def _decided(run: Run, place: Place) -> list[str]:
    """Return the decision of the front page: its word, then what it says below."""
    banner = BeautifulSoup(decision.banner(run, Cited(judgement(run), "results/judged.json")), "html.parser")
    word = banner.select_one("strong")
    if word is None or word.parent is None:
        raise ValueError("the front page's decision has no word")  # a fault of ours
    word.parent.extract()
    return [inert(word.get_text()), *blocks(Markup(banner), place.leads)]  # noqa: S704  (our own HTML)


def _since(run: Run, baseline: Side | None, place: Place) -> list[str]:
    if baseline is None:
        return ["### What changed", NO_BASELINE]
    found = changes_since(baseline, run)
    parts = [f"### What changed since {code(baseline.name)}", *blocks(index.changed(found), place.leads)]
    if found.dialogues_in_one_only:
        parts.append(
            f"Dialogues in one of the two runs only, which no difference counts: {found.dialogues_in_one_only}."
        )
    return parts


def _about(run: Run) -> str:
    """Return what the evidence is, as every page says it."""
    lines = [text for line in stamps(run) for text in blocks(Markup("<p>{}</p>").format(line))]
    return "\n".join(f"> {line}" for line in lines)


def _links(run: Run, place: Place) -> str:
    """Return where all of it is found: the pages, the run in Actions, the run's name and commit."""
    parts = [link("All pages", place.leads("index.html")), link("history", place.leads("history.html"))]
    if not place.pages:
        parts = [f"All pages: {code('index.html')} among the run's files"]
    if actions := _actions_run():
        parts.append(link("this run in Actions", actions))
    manifest = run.manifest
    commit = f", commit {code(manifest.commit[:12])}" if manifest.commit else ""
    return " · ".join([*parts, f"run {code(manifest.run)}{commit}"])


def _actions_run() -> str:
    """Return the address of the run of a workflow that this is a part of; "" outside of one."""
    server, repository, number = (os.environ.get(f"GITHUB_{n}", "") for n in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    address = f"{server}/{repository}/actions/runs/{number}"
    return address if re.fullmatch(r"https://[\w.:-]+/[\w.-]+/[\w.-]+/actions/runs/\d+", address) else ""


def _fitted(first: str, parts: Sequence[str]) -> str:
    """Return the parts below a first line; those that would make it too long are left out, which the last but one says.

    The last part, which leads to everything, is always kept.
    """
    *others, last = parts
    room = LONGEST - _length("\n\n".join([first, LEFT_OUT, last, ""]))
    kept: list[str] = []
    for part in others:
        if _length("\n\n".join([*kept, part, ""])) <= room:
            kept.append(part)
    note = [LEFT_OUT] if len(kept) < len(others) else []
    return "\n\n".join([first, *kept, *note, last]) + "\n"


def _length(text: str) -> int:
    """Return characters as a browser counts them, which are never fewer than Python's."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
