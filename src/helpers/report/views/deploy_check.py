"""Page 01 as it is shown."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components import tiles
from helpers.report.components.figures import tallies
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Column, chip, overall, table
from helpers.report.views.common import not_measured
from helpers.runs.results.cited import Cited

VERDICTS = {True: "met", False: "missed", None: "not measured"}
#: How an observation begins that was not made.
UNSEEN = "not observed"


def answer(result: Cited) -> Markup:
    """Return the verdict in three lines: does it answer, does it behave, is it what was declared."""
    if result.failure:
        return sentence(
            "<p class='answer'>{chip} <strong>The deployment does not answer.</strong> Kind of failure: "
            "<strong>{kind}</strong>, {reason}.</p><p class='quoted'>{message}</p>",
            chip=chip("missed"),
            kind=result.failure.raw,
            reason=quoted(result.reason.raw or f"since {result.down_since.raw:%Y-%m-%d %H:%M} UTC"),
            message=result.message.raw,
        )
    if result.reason:
        return not_measured(result.reason.raw)
    wrong = [check.name.raw for check in result.checks if check.passed.raw is False]
    differing = [item.name.raw for item in result.declared if item.agrees.raw is False]
    unknown = [item.name.raw for item in result.declared if (item.observed.raw or UNSEEN).startswith(UNSEEN)]
    lines = [
        sentence(
            "{chip} It is up{cold}. {text}",
            chip=chip("missed" if wrong else "met"),
            cold=_cold(result),
            text=f"Fix before release: {', '.join(wrong)}." if wrong else _up(result),
        ),
        _behaviour(result),
        sentence(
            "{chip} {text}",
            chip=chip("missed" if differing else "met"),
            text=_declared_sentence(differing, unknown),
        ),
    ]
    return Markup("<ul class='answer'>{}</ul>").format(
        Markup().join(Markup("<li>{}</li>").format(line) for line in lines)
    )


def key_figures(result: Cited) -> Markup:
    """Return how long the first answer, one after warm-up and the slowest probe took, and the most that was unread."""
    if result.reason:
        return Markup()
    timed = [probe for probe in result.probes if probe.service_time.raw is not None]
    cut = [probe for probe in result.probes if probe.lost_tokens]
    slowest = max(timed, key=lambda probe: probe.service_time.raw, default=None)
    longest = max(cut, key=lambda probe: probe.lost_tokens.raw, default=None)
    return tiles.key_figures(
        tiles.number_tile("Cold start", result.cold_start, "s", quoted(result.cold_note)),
        tiles.number_tile("Last warm-up request", result.warm[len(result.warm) - 1], "s") if result.warm else None,
        tiles.number_tile("Slowest probe", slowest.service_time, "s", quoted(slowest.name)) if slowest else None,
        tiles.number_tile("Tokens never read", longest.lost_tokens, "count", quoted(longest.name)) if longest else None,
    )


def overview(result: Cited) -> Markup:
    """Return a cell for each check, probe, response text and configured property, in the colour of its verdict."""
    if result.reason or result.failure:
        return Markup()
    kinds = [
        ("Checks", [VERDICTS[check.passed.raw] for check in result.checks]),
        ("Probes answered or refused", [VERDICTS[probe.passed.raw] for probe in result.probes]),
        ("Surface checks of responses", [probe.content.raw for probe in result.probes if probe.kind.raw == "ok"]),
        ("Configuration", [_agreement(item) for item in result.declared]),
    ]
    missed = [label.lower() for label, verdicts in kinds if "missed" in verdicts]
    return tallies(
        "overview",
        f"Fix first: {', '.join(missed)}" if missed else "Nothing that was judged is missed",
        "a cell for each check, probe, response and property, the worst first; the tables below name them",
        [(label, verdicts, chip(overall(verdicts))) for label, verdicts in kinds if verdicts],
    )


def checks(result: Cited) -> Markup:
    """Return what any deployment must do, and whether this one does."""
    columns = [Column("Check"), Column("Expected"), Column("Response"), Column("Verdict")]
    rows = [
        [check.name.raw, check.expectation.raw, quoted(check.detail), chip(VERDICTS[check.passed.raw])]
        for check in result.checks
    ]
    return table("What any deployment must do", columns, rows) if rows else Markup()


def cold_and_warm(result: Cited) -> Markup:
    """Return cold start and warm-up requests, which no other figure of the report contains."""
    if result.reason:
        return Markup()
    rows = [["Cold start", number(result.cold_start, "s"), quoted(result.cold_note)]]
    rows += [["Warm-up", number(seconds, "s"), "discarded, but logged"] for seconds in result.warm]
    return table("Before the steady state", [Column("Phase"), Column("Time", numeric=True), Column("What it is")], rows)


def probes(result: Cited) -> Markup:
    """Return the functional probes."""
    columns = [
        Column("Probe"),
        Column("Expected"),
        Column("Response"),
        Column("Service time", numeric=True),
        Column("Answered"),
        Column("Surface checks"),
    ]
    rows = [
        [
            probe.name.raw,
            probe.expectation.raw,
            _came(probe),
            number(probe.service_time, "s"),
            chip(VERDICTS[probe.passed.raw]),
            _content(probe),
        ]
        for probe in result.probes
    ]
    note = (
        "Surface checks need no reference: they look for faults of form, for names and numbers that are not in the "
        "dialogue, and for an answer unrelated to it. An answer that passes can still be wrong, or in another language."
    )
    return table("Functional probes", columns, rows, note=note) if rows else Markup()


def declared(result: Cited) -> Markup:
    """Return what was declared beside what was observed."""
    columns = [Column("Property"), Column("Declared"), Column("Observed"), Column("Verdict")]
    rows = [
        [
            item.name.raw,
            Markup("<code>{}</code>").format(item.declared),
            quoted(item.observed) if item.observed.raw is not None else "cannot be observed from outside",
            chip(_agreement(item)),
        ]
        for item in result.declared
    ]
    return table("Declared and observed", columns, rows) if rows else Markup()


def _agreement(item: Cited) -> str:
    """Return the verdict on a configured property; one that is seen and compared with nothing is not judged."""
    return "not judged" if item.agrees.raw is None and item.observed else VERDICTS[item.agrees.raw]


def _behaviour(result: Cited) -> Markup:
    """Return how it responded to the probes: whether it answered, and what the answers say."""
    failed = [probe.name.raw for probe in result.probes if probe.passed.raw is False]
    faulty = [probe.name.raw for probe in result.probes if probe.content.raw == "missed"]
    unjudged = [
        probe.name.raw for probe in result.probes if probe.kind.raw == "ok" and probe.content.raw == "not judged"
    ]
    parts = [f"Content at fault: {', '.join(faulty)}."] if faulty else []
    parts += [f"It failed on: {', '.join(failed)}." if failed else "Every probe got an answer or a clean refusal."]
    parts += [f"Content not judged: {', '.join(unjudged)}."] if unjudged else []
    parts += [] if faulty or unjudged else ["No surface check found a fault."]
    return sentence("{chip} {text}", chip=chip("missed" if failed or faulty else "met"), text=" ".join(parts))


def _content(probe: Cited) -> Markup:
    if probe.kind.raw != "ok":
        return Markup("–")
    why = Markup() if probe.content.raw == "met" else Markup('<span class="aside">{}</span>').format(probe.content_note)
    return chip(probe.content.raw) + why


def _came(probe: Cited) -> Markup:
    """Return the response: the answer itself, or the kind of failure."""
    if probe.kind.raw != "ok":
        return quoted(f"{probe.kind.raw}: {probe.detail.raw}")
    hidden = Markup('<span class="aside">{}, hidden by privacy.text</span>').format(probe.detail)
    came = hidden if probe.answer.raw is None else quoted(probe.answer.raw or probe.detail.raw)
    if not probe.lost_tokens:
        return came
    lost = sentence("{n} tokens were never read", n=number(probe.lost_tokens, "count"))
    return came + Markup('<span class="aside">{}</span>').format(lost)


def _up(result: Cited) -> str:
    unknown = [check.name.raw for check in result.checks if check.passed.raw is None]
    return f"Not known: {', '.join(unknown)}." if unknown else "It can be measured."


def _cold(result: Cited) -> Markup:
    if result.cold_start.raw is None:
        return sentence("; cold start not measured ({note})", note=quoted(result.cold_note))
    return sentence(": {seconds} {note}", seconds=number(result.cold_start, "s"), note=quoted(result.cold_note))


def _declared_sentence(differing: list[str], unknown: list[str]) -> str:
    found = (
        f"It differs from the configuration in: {', '.join(differing)}."
        if differing
        else "Nothing observed differs from the configuration"
    )
    if differing:
        return found
    names = " and ".join(filter(None, [", ".join(unknown[:-1]), *unknown[-1:]]))
    return f"{found}; {names} cannot be observed from outside." if unknown else f"{found}."
