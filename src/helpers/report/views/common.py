"""What pages share: stamps on the evidence, provenance, the requests behind a page, the honest blank, and comparisons
of recorded answers with the reference's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from helpers.core.text import Style
from helpers.cost.costs import BY_USE
from helpers.params import Params
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, chip, collapsible, facts, table, verdict_table
from helpers.runs.manifest import BUSY
from helpers.runs.request_log import RECORD, Record
from helpers.runs.results.cited import Cited
from helpers.runs.results.robustness import asks_changed
from helpers.runs.run import Run
from helpers.scorers.planted import PlantedKind
from helpers.verdicts.compute import judgement

#: Rows of the request table on a page; the log holds all of them.
MOST_ROWS = 15
#: Pages whose requests are the steady state that page 03 judges.
STEADY = ("02", "03")
#: Pages whose requests are listed together on one page.
LISTED = (("01",), ("02",), STEADY, ("04",), ("05",))
#: What the verdict on the quality of a variant or a setting says of it.
AS_GOOD = {
    "met": "quality kept",
    "missed": "quality lost",
    "undecided": "quality undecided",
    "not measured": "quality not judged",
}
_FAITHFUL = "of the share that passes the faithfulness checks"
BACKENDS = {
    "local": "Measured on a local server over loopback HTTP, not on the deployed endpoint.",
    "endpoint": "",
    "replay": "Replayed from recorded predictions: no request was sent to a deployment.",
}
#: What pages say of a foreign server that runs on the machine that asks.
HERE = "Measured on a server on the machine that asked, over loopback HTTP: no network lies between."
#: How pages call the kinds of planted errors.
PLANTED_KINDS = {
    PlantedKind.SPEAKERS_EXCHANGED: "Speakers exchanged",
    PlantedKind.NUMBER_MOVED: "Misattributed number",
    PlantedKind.DATE_MOVED: "Misattributed day or time",
    PlantedKind.PLACE_MOVED: "Place exchanged",
    PlantedKind.NEGATED: "Negation added or dropped",
    PlantedKind.BEFORE_CHANGE: "The plan before the change",
    PlantedKind.OUTCOME_OMITTED: "Outcome left out",
    PlantedKind.PERSON_INVENTED: "Person invented",
    PlantedKind.NUMBER_INVENTED: "Number invented",
}
#: What is shown for texts that the privacy setting keeps from pages, and for one that is empty.
HIDDEN = Markup("<p>The privacy setting keeps the texts off this page.</p>")
EMPTY = "(an empty answer)"


def stamps(run: Run) -> list[str | Markup]:
    """Return the lines that every page carries about what its evidence is."""
    manifest = run.manifest
    description = run.params.model.description if run.params.backend == "local" else ""
    model = f" The model: {' '.join(description.split())}" if description else ""
    foreign = run.params.backend == "endpoint" and run.params.is_here
    lines: list[str | Markup] = [HERE if foreign else BACKENDS[manifest.backend] + model]
    if run.params.provider:
        lines.append(f"Answered by {answered_by(run.params)}. {BY_USE[0].upper()}{BY_USE[1:]}.")
    if manifest.corpus_by_language_model:
        lines.append("Dialogues and references were written by a language model.")
    if run.params.execution.engine == "dask":
        lines.append("Summaries were made by Dask workers side by side, which give no service times.")
    if manifest.is_busy:
        told = Cited(manifest, "manifest.json")
        lines.append(sentence(BUSY, busy=number(told.busy_cores, "plain"), cores=number(told.cores, "count")))
    lines += [_set_aside(intake) for _, intake in Cited(manifest, "manifest.json").intake.items() if intake.aside]
    return [line for line in lines if line.strip()]


def _set_aside(intake: Cited) -> Markup:
    reasons = Markup("; ").join(
        sentence("{reason} ({n})", reason=quoted(reason), n=number(count, "count"))
        for reason, count in intake.set_aside.items()
    )
    return sentence(
        "{aside} of {rows} rows of {file} could not be used and were set aside: {reasons}.",
        aside=number(intake.aside, "count"),
        rows=number(intake.rows, "count"),
        file=quoted(intake.file),
        reasons=reasons,
    )


def not_measured(reason: str) -> Markup:
    """Return the sentence that is shown in place of a finding."""
    return sentence("<p class='answer'><strong>Not measured:</strong> {reason}.</p>", reason=quoted(reason))


def ended_early(result: Cited) -> Markup:
    """Return a warning when a page could not ask all it wanted to, else nothing."""
    down = f"the deployment stopped answering ({result.failure.raw})" if result.failure else ""
    why = result.stopped.raw or down
    return sentence("<p class='note'>Measuring ended early: {why}.</p>", why=quoted(why)) if why else Markup()


def verdicts(run: Run, page: str, caption: str) -> Markup:
    """Return the verdict table over the targets that a page gives the evidence for (all of them up to page 03)."""
    judged = Cited(judgement(run, page), "results/judged.json")
    rows = [row for row in judged.rows if page == "03" or row.page.raw == page]
    every = verdict_table(caption, rows, evidence={row.name.raw: evidence_link(row, page) for row in rows})
    return collapsible("Every target with its reason, and what deciding it takes", every)


def evidence_link(row: Cited, page: str) -> str:
    """Return where a row's evidence is: on the page itself, or on the page that measured it."""
    stems = {"01": "01-deploy-check", "02": "02-sample-eval", "03": "03-latency-cost"}
    return "#requests" if row.page.raw == page else f"{stems[row.page.raw]}.html#requests"


def published_requests(run: Run) -> dict[str, dict[str, object]]:
    """Return what is published of the requests that pages list, by ``request.attempt``; without any text."""
    records = run.log.read()
    shown = [record for pages in LISTED for record in _listed(records, pages)]
    hidden = {"summary", "text_form", "message"}
    return {f"{r.request}.{r.attempt}": RECORD.dump_python(r, mode="json", exclude=hidden) for r in shown}


def requests(run: Run, pages: Sequence[str]) -> Markup:
    """Return the requests behind a page as a table that opens when something links to it."""
    records = [record for record in run.log.read() if record.page in pages]
    listed = _listed(records, pages)
    cited = {f"{r.request}.{r.attempt}": r for r in listed}
    columns = [
        Column("Request"),
        Column("Dialogue or probe"),
        Column("Phase"),
        Column("Attempt", numeric=True),
        Column("Outcome"),
        Column("Service time", numeric=True),
        Column("Tokens in", numeric=True),
        Column("Tokens out", numeric=True),
    ]
    rows = [_request_row(Cited(record, f"results/requests.json#/{key}")) for key, record in cited.items()]
    note = "The run's log holds more attempts than are listed here." if len(records) > len(listed) else ""
    body = table("Every attempt behind this page, in order", columns, rows, id="requests", note=note)
    return collapsible("Requests behind this page", body)


def _listed(records: Sequence[Record], pages: Sequence[str]) -> list[Record]:
    """Return the attempts of some pages that are listed: the first ones, of dialogues as they are."""
    return [record for record in records if record.page in pages and not asks_changed(record)][:MOST_ROWS]


def recorded_quality(id: str, by: str, ways: Sequence[Cited], made: Cited) -> Markup:
    """Return what each way's recorded answers are worth beside those of the first, as the choice ``made`` judges them.

    ``by`` heads their names.
    """
    columns = [
        Column(by),
        Column("ROUGE-L", numeric=True, better="up"),
        Column("Its change", numeric=True),
        Column("Key facts, change", numeric=True),
        Column("Pass faithfulness checks, change", numeric=True),
        Column("Same word for word", numeric=True),
        Column("n", numeric=True),
        Column("Quality kept"),
    ]
    rows = [_row(way, fit.quality.raw, way is ways[0]) for way, fit in zip(ways, made.fits, strict=True)]
    absent = [way for way in ways if way.quality_reason]
    reasons = [sentence("{name}: {why}.", name=quoted(w.name), why=quoted(w.quality_reason)) for w in absent]
    note = Markup("<br>").join([*_as_good(ways, made), *_recorded_by(ways), *reasons])
    return table("Recorded answers beside the reference's, dialogue by dialogue", columns, rows, id=id, note=note)


def _recorded_by(ways: Sequence[Cited]) -> list[Markup]:
    """Return which engine gave the recorded answers, where the names of the ways do not say it."""
    known = [way for way in ways if way.recorded_by and way.recorded_by.raw != way.name.raw]
    by = {way.recorded_by.raw for way in known}
    if len(by) == 1 and len(known) == len([way for way in ways if way.rouge_l.raw]):
        return [sentence("All of these answers were recorded by {by}.", by=quoted(known[0].recorded_by))]
    return [sentence("{name}: recorded by {by}.", name=quoted(way.name), by=quoted(way.recorded_by)) for way in known]


def unmeasured(ways: Sequence[Cited]) -> Markup:
    """Return why the speed of some was not measured, each reason once."""
    names: dict[str, list[Markup]] = {}
    for way in ways:
        if way.reason:
            names.setdefault(way.reason.raw, []).append(quoted(way.name))
    return Markup("<br>").join(
        sentence("Not measured: {names}; {why}.", names=Markup(", ").join(which), why=quoted(why))
        for why, which in names.items()
    )


def with_interval(found: Cited, style: Style) -> Markup | str:
    """Return an estimate with its interval below, or a dash."""
    if not found.raw:
        return "–"
    return actual(found, style) + _aside(interval(found, style))


def _request_row(record: Cited) -> list[Markup]:
    tried = Markup('<span class="aside quoted">{}</span>').format(record.variant) if record.variant else ""
    return [
        Markup("<code>{}</code>").format(record.request),
        quoted(record.sample) + tried,
        quoted(record.phase),
        number(record.attempt, "count"),
        quoted(record.kind),
        number(record.service_time, "s"),
        number(record.input_tokens, "count"),
        number(record.output_tokens, "count"),
    ]


def answered_by(params: Params) -> str:
    """Return, as a phrase, which service answers, and by which protocol."""
    if params.backend == "replay":
        return "nobody: recorded predictions"
    if params.backend == "local":
        return "a server on this machine, over loopback"
    if params.provider:
        chosen = "chosen by the router" if params.provider == "auto" else params.provider
        return f"a provider of the Hugging Face Inference Providers ({chosen}), by the {params.protocol} protocol"
    where = "another machine" if not params.is_here else "the machine that asked, over loopback"
    who = "a managed endpoint" if params.deployment else f"a server on {where}"
    return f"{who}, by the {params.protocol} protocol"


def engine(run: Run) -> str:
    """Return the engine and its precision: our own, or as a server tells or the parameters declare."""
    own, found = f"{run.params.model.engine} {run.params.model.dtype}", run.results().deploy_check
    if run.params.backend == "local":
        return own
    if run.params.backend == "replay":
        return "recorded predictions"
    if found and found.server:
        return f"{found.server}, as the server tells"
    return f"{own}, as configured" if run.params.declares_engine else "not known: nothing tells it"


def provenance(run: Run) -> Markup:
    """Return what produced the run: enough to make it again and to see what would differ."""
    manifest = Cited(run.manifest, "manifest.json")
    code = Markup("<code>{}</code>").format
    commit = manifest.commit.raw[:12] if manifest.commit else "not a checkout"
    versions = {"Python": manifest.python.raw, **manifest.packages.raw}
    versions_of = "Versions" if run.params.backend == "local" else "Versions of what asked"
    pairs: list[tuple[str, str | Markup]] = [
        ("Made by", code(manifest.command)),
        ("Commit", code(commit + (" with local changes" if manifest.dirty else ""))),
        ("Model", code(" ".join(filter(None, [manifest.model.raw, manifest.revision.raw])))),
        ("Hash of the weights", code(manifest.weights_sha256.raw or "not known")),
        ("Hash of the prompt", code(manifest.prompt_sha256.raw or "none")),
        ("Generation settings", _settings(run, manifest)),
        ("Hash of the dialogues", code(manifest.dataset_sha256.raw)),
        ("Processor", sentence("{cpu}, {n} cores", cpu=code(manifest.processor), n=number(manifest.cores, "count"))),
        (versions_of, code(", ".join(f"{name} {version}" for name, version in versions.items()))),
        ("Parameters given", code(_flat(_own(manifest.given.raw, manifest.not_applied.raw)))),
        ("Parameters defaulted", code(_flat(_own(manifest.defaulted.raw, manifest.not_applied.raw)))),
    ]
    if run.params.provider and (checked := run.results().deploy_check):
        seen = [row.observed for row in checked.declared if row.name in ("provider", "model") and row.observed]
        pairs.append(("Provider and model as observed", code("; ".join(seen))))
    if manifest.not_applied.raw:
        pairs.append(("Not applied to who answers", code(", ".join(manifest.not_applied.raw))))
    rows = [intake for _, intake in manifest.intake.items() if intake.aside or intake.replaced or intake.notes]
    pairs += [("Rows read", _rows_read(intake)) for intake in rows]
    return collapsible("What produced this run", facts(pairs), "provenance")


def _settings(run: Run, manifest: Cited) -> Markup:
    """Return the generation settings as requests carry them, and which of them the server refused or ignores."""
    if run.params.backend == "replay":
        return Markup("as recorded")
    checked = run.results().deploy_check
    sent = Markup("<code>{} → {}</code>").format(_flat(run.params.settings_sent), manifest.generation_hash.raw)
    ignored = ", ".join(checked.ignored) if checked else ""
    return sent + Markup("; refused or ignored by the server: <code>{}</code>").format(ignored) if ignored else sent


def _rows_read(intake: Cited) -> Markup:
    """Return how many rows of a file were read, which were set aside, and what else is worth knowing of them."""
    told = [sentence("{n} of {file}", n=number(intake.rows, "count"), file=quoted(intake.file))]
    if intake.replaced:
        told.append(sentence("{n} characters replaced that no page may show", n=number(intake.replaced, "count")))
    told += [sentence("{note}: {n}", note=quoted(note), n=number(n, "count")) for note, n in intake.notes.items()]
    told += [sentence("set aside: {place}", place=quoted(example)) for example in intake.examples.raw]
    return Markup("; ").join(told)


def _own(tree: Mapping[str, object], not_applied: Sequence[str]) -> dict[str, object]:
    """Return parameters without targets, prices, alerts, costs and words, which are shown in tables of their own.

    Those that are not applied are shown in a row of their own.
    """
    tables = ("targets.", "prices.", "alerts.", "cost.", "publication.")
    return {key: value for key, value in tree.items() if not key.startswith(tables) and key not in not_applied}


def _flat(tree: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tree.items() if value is not None)


def colophon(run: Run) -> Markup:
    """Return the foot of every page: which run this is, and what it took."""
    manifest = Cited(run.manifest, "manifest.json")
    when = f"{run.manifest.started_at:%Y-%m-%d %H:%M} UTC"
    return sentence(
        "<p>Run <code>{run}</code>, started <time>{when}</time>; {inference} of inference and {other} of everything "
        "else. Every figure says where in <a href='results.json'>results.json</a> it comes from.</p>",
        run=manifest.run.raw,
        when=Markup("<code>{}</code>").format(when),
        inference=number(manifest.inference_seconds, "s"),
        other=number(manifest.other_seconds, "s"),
    )


def by_value(groups: Iterable[Cited], metric: str) -> list[Cited]:
    """Return groups as charts show them: those of one kind together, the highest first."""
    known = [group for group in groups if metric in group.estimates.raw]
    kinds = list(dict.fromkeys(group.by.raw for group in known))
    return sorted(known, key=lambda g: (kinds.index(g.by.raw), -(g.estimates[metric].value.raw or 0.0)))


def groups_finding(groups: Sequence[Cited], metric: str, higher: str) -> Markup:
    """Return which group is shown to differ from another of its kind by intervals that lie apart, else that none is."""
    ranked = by_value(groups, metric)
    pairs = [
        (a, b)
        for a in ranked
        for b in ranked
        if a.by.raw == b.by.raw and _above(a.estimates[metric], b.estimates[metric])
    ]
    if not pairs:
        return Markup("No group is shown to differ from another, at this n")
    most, least = max(pairs, key=lambda pair: pair[0].estimates[metric].value.raw - pair[1].estimates[metric].value.raw)
    return sentence(
        "{most} {higher} than {least}",
        most=quoted(most.label.raw.capitalize()),
        higher=higher,
        least=quoted(least.label),
    )


def _above(one: Cited, other: Cited) -> bool:
    """Return whether the whole interval of one lies above that of the other."""
    return one.low.raw is not None and other.high.raw is not None and one.low.raw > other.high.raw


def _aside(text: Markup) -> Markup:
    return Markup('<span class="aside">{}</span>').format(text)


def _as_good(ways: Sequence[Cited], made: Cited) -> list[Markup]:
    """Return by what rule a way keeps quality, once for the page; nothing where none is compared."""
    judged = next((way for way in ways if way.quality.raw), None)
    if judged is None:
        return []
    named = ((judged.quality, "of ROUGE-L"), (judged.facts, "of key-fact recall"), (judged.faithful, _FAITHFUL))
    margins = [sentence("{margin} {of}", margin=number(one.margin), of=of) for one, of in named if one and one.n.raw]
    return [
        sentence(
            "<em>Quality kept</em>: losses are shown to stay within {margins}. All are tested together, corrected over "
            "all that are compared. It also counts as kept where all answers are the same word for word, on so many "
            "dialogues that at most {different} of other answers can differ.",
            margins=Markup(", ").join(margins),
            different=number(made.most_different, "rate"),
        )
    ]


def _row(way: Cited, verdict: str, is_reference: bool) -> list[Markup | str]:
    name: Markup | str = quoted(way.name)
    if not way.rouge_l.raw:
        return [name, *["–"] * 6, chip("not measured")]
    score = actual(way.rouge_l, "score")
    if is_reference or not way.quality.raw:
        standing = "the reference" if is_reference else chip("not measured")
        return [name, score, "–", "–", "–", "–", number(way.rouge_l.n, "count"), standing]
    return [
        name,
        score,
        *(_change(paired) for paired in (way.quality, way.facts, way.faithful)),
        number(way.agreement.value, "rate"),
        number(way.quality.n, "count"),
        chip(verdict),
    ]


def _change(paired: Cited) -> Markup:
    if not paired.raw or paired.difference.raw is None:
        return Markup("–")
    return number(paired.difference, "difference") + _aside(interval(paired, "difference"))
