"""Page 04 as it is shown: the decision first, then speed, memory and quality of every variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from helpers.core.text import spell
from helpers.cost.costs import BY_USE
from helpers.report.components import tiles
from helpers.report.components.numbers import NOT_MEASURED, between, number, quoted, sentence
from helpers.report.components.scatter import Axis, Coordinate, NamedPoint, plane
from helpers.report.components.tables import Column, chip, table
from helpers.report.views.common import AS_GOOD, ended_early, not_measured, recorded_quality, with_interval
from helpers.report.views.cost import projected
from helpers.report.views.variant_speed import is_faster, timed_variants
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.compute import recommendation
from helpers.verdicts.recommendation import answers_the_same

#: What to do with the engines that were compared, and why.
ADVICE = {
    "target": "{verb} <strong>{name}</strong>: it keeps the quality of {reference} and meets the latency target, "
    "which {reference} is not shown to.",
    "cheaper": "{verb} <strong>{name}</strong>: it keeps the quality of {reference} and, at the speed measured here, "
    "fits on a cheaper instance.",
    "faster": "{verb} <strong>{name}</strong>: it keeps the quality of {reference} and is faster, on an instance that "
    "costs no more.",
    "only faster": "{verb} <strong>{name}</strong>: it keeps the quality of {reference} and is faster.",
    "no faster": "Keep <strong>{name}</strong>: no variant that keeps its quality is shown to be faster.",
    "no saving": "Keep <strong>{name}</strong>: the variants that keep its quality fit no cheaper instance, meet no "
    "further target and are not shown to be faster where they cost no more.",
    "none keeps quality": "Keep <strong>{name}</strong>: no other variant whose speed was measured is shown to keep "
    "its quality.",
    "reference": "Keep <strong>{name}</strong>: no other variant was measured.",
    "not measured": "No variant is recommended: the reference, {reference}, was not measured.",
}


#: The precision that lower ones are compared with.
FULL = "float32"


def choice(run: Run) -> Cited:
    """Return the decision that follows from the page's result, the price list and the targets."""
    return Cited(recommendation(run), "results/choice.json")


def recommended(result: Cited, made: Cited) -> Cited | None:
    """Return the variant that a decision recommends, if there is any."""
    return _named(result, made.recommended.raw)


def _named(result: Cited, name: str | None) -> Cited | None:
    return next((variant for variant in result.variants if variant.name.raw == name), None)


def has_ratio(variant: Cited) -> bool:
    """Return whether a variant was sent enough dialogues to say how fast it is beside another."""
    return bool(variant.speedup.raw) and variant.speedup.value.raw is not None


def answer(run: Run, result: Cited) -> Markup:
    """Return the recommended variant with its reason and what it gains."""
    if result.reason:
        return not_measured(result.reason.raw)
    return Markup("<p class='answer'>{}</p>{}").format(advice(run, result), ended_early(result))


def key_figures(run: Run, result: Cited) -> Markup:
    """Return what the recommended variant gains and costs, or what the reference takes."""
    made = choice(run)
    best = None if result.reason else recommended(result, made)
    if best is None:
        return Markup()
    fit = _fit_of(made, best)
    faster = tiles.estimate_tile("Speed-up over the reference", best.speedup, "ratio") if has_ratio(best) else None
    return tiles.key_figures(
        tiles.estimate_tile("Latency", best.latency, "s", quoted(best.name)) if result.cut.raw is None else None,
        faster if best.name.raw != result.variants[0].name.raw else None,
        tiles.number_tile("Peak memory", best.peak_bytes, "megabytes", "of its process, on this page's dialogues"),
        tiles.number_tile("Compute cost per 1,000 requests", fit.per_1000_requests, "usd", quoted(fit.instance)),
    )


def advice(run: Run, result: Cited, *, short: bool = False) -> Markup:
    """Return which variant to prefer, and what is against the fastest that meets the latency target.

    ``short`` leaves out how sure that is.
    """
    made = choice(run)
    parts = ["Compared on this machine, not on the endpoint."] if run.params.backend == "endpoint" else []
    reference, best, quick = result.variants[0], recommended(result, made), _named(result, made.quick.raw)
    is_deployed = best is not None and bool(_fit_of(made, best).deployed.raw)
    parts.append(
        sentence(
            ADVICE[made.why.raw],
            verb="Keep" if is_deployed else "Prefer",
            name=quoted(made.recommended),
            reference=quoted(reference.name),
        )
    )
    if not short:
        parts += _how_sure(result, best)
    outcomes = {fit.latency.raw for fit in made.fits} - {"not measured"}
    if quick is not None:
        parts.append(
            sentence(
                "<strong>{name}</strong> meets the latency target ({seconds} on average); its verdict: {quality}.",
                name=quoted(quick.name),
                seconds=number(quick.latency.value, "s"),
                quality=AS_GOOD[_fit_of(made, quick).quality.raw],
            )
        )
    elif outcomes and "met" not in outcomes:
        parts.append("No variant is shown to meet the latency target.")
    return Markup(" ").join(parts)


def _how_sure(result: Cited, best: Cited | None) -> list[Markup]:
    """Return by how much the preferred variant is ahead, what lower precision gives, and what was left out."""
    reference, parts = result.variants[0], []
    if best is not None and best.name.raw != reference.name.raw:
        if answers_the_same(best.raw):
            n = number(best.agreement.n, "count")
            parts.append(sentence("All {n} recorded answers are the same word for word.", n=n))
        if has_ratio(best):
            parts.append(
                sentence(
                    "It is {speedup} as fast as the reference ({between}).",
                    speedup=number(best.speedup.value, "ratio"),
                    between=between(best.speedup, "ratio"),
                )
            )
    parts += _on_precision(result, best)
    if any(not variant.latency.raw for variant in result.variants):
        parts.append(Markup("Only variants that were timed are considered."))
    return parts


def _on_precision(result: Cited, best: Cited | None) -> list[Markup]:
    """Return whether a lower precision pays off, where an engine was timed in it and in full."""
    timed = [v for v in result.variants if v.latency.raw]
    full = {v.engine.raw for v in timed if v.dtype.raw == FULL}
    lower = {v.name.raw for v in timed if v.dtype.raw != FULL and v.engine.raw in full}
    # What another engine gains over the reference is no gain of its precision.
    if best is None or not lower or (best.dtype.raw != FULL and best.name.raw not in lower):
        return []
    gain = best.speedup_fp32
    if best.dtype.raw == FULL:
        return [Markup("Lower precision is not shown to pay off.")]
    if not gain or gain.low.raw is None or gain.low.raw <= 1:
        return [Markup("It is not shown to be faster than the fastest in fp32.")]
    told = "Lower precision pays off: it is {ratio} as fast as the fastest in fp32 ({between})."
    return [sentence(told, ratio=number(gain.value, "ratio"), between=between(gain, "ratio"))]


def _fit_of(made: Cited, variant: Cited) -> Cited:
    return next(fit for fit in made.fits if fit.name.raw == variant.name.raw)


def quality(run: Run, result: Cited) -> Markup:
    """Return what each variant's recorded answers are worth beside the reference's."""
    if result.reason:
        return Markup()
    return recorded_quality("quality", "Variant", list(result.variants), choice(run))


def fits(run: Run, result: Cited) -> Markup:
    """Return the smallest instance that each variant fits on, and what it costs there."""
    if result.reason:
        return Markup()
    columns = [
        Column("Variant"),
        Column("Memory needed", unit="GB", numeric=True),
        Column("Cheapest instance"),
        Column("An hour", unit="USD", numeric=True),
        Column("Per 1,000 requests", unit="USD", numeric=True),
        Column("Latency target"),
    ]
    rows = [
        [
            quoted(fit.name) + (Markup('<span class="aside">deployed</span>') if fit.deployed else Markup()),
            number(fit.needed_gb, "plain") if fit.needed_gb.raw is not None else "–",
            quoted(fit.instance) if fit.instance.raw else "–",
            number(fit.hourly, "usd", bare=True),
            number(fit.per_1000_requests, "usd", bare=True),
            chip(fit.latency.raw),
        ]
        for fit in choice(run).fits
    ]
    costs = projected(run)
    if not costs:
        return not_measured(f"where an engine would fit; {BY_USE}")
    others = Markup("the others were measured on this machine, not on that instance.")
    if (more := choice(run).beyond_gb).raw > 0:
        others += sentence(
            " Added to their memory is the {more} GB that it takes there beyond the dialogues of this page.",
            more=number(more, "plain"),
        )
    if result.cut.raw is not None:
        others = Markup("of the others no whole answer was timed, which this takes.")
    note = sentence(
        "The cheapest of the price list that has {headroom} the peak memory and sustains the traffic at a "
        "utilisation of {limit}, by the rule of page 03. The deployed variant is shown as page 03 measured it; "
        "{others}",
        others=others,
        headroom=number(costs.choices.headroom, "ratio"),
        limit=number(costs.throughput.utilisation_limit, "rate"),
    )
    return table("Where it fits at the configured traffic", columns, rows, id="fits", note=note)


def trade(run: Run, result: Cited) -> Markup:
    """Return quality against speed as a plane, or nothing while no other variant's quality is known."""
    timed = timed_variants(result)
    if not timed:
        return Markup()
    made, reference = choice(run), result.variants[0].name.raw
    # Both by their intervals: quality kept within the margins, and faster even at the lower end.
    quick = [variant for variant in timed if is_faster(variant)]
    good = {fit.name.raw for fit in made.fits if fit.quality.raw == "met"} - {reference}
    best = Markup(", ").join(quoted(v.name) for v in quick if v.name.raw in good)
    finding = Markup("No variant is shown to keep quality and be faster")
    if best:
        finding = sentence("Faster, with quality kept: {names}", names=best)
    costs = {fit.name.raw: fit.per_1000_requests for fit in made.fits if fit.per_1000_requests.raw is not None}
    spots = [
        spot
        for v in timed
        if (spot := _spot(v, costs.get(v.name.raw), is_reference=v.name.raw == reference)) is not None
    ]
    if len(spots) < 2:
        return Markup()
    return plane(
        "trade",
        finding,
        sentence(
            "paired by dialogue, means and 95 % intervals, on {processor}; shaded: faster, and no more ROUGE-L lost "
            "than allowed, where quality kept also needs key facts and faithfulness checks; without a bar up and down: "
            "the same answers word for word; in dollars: compute cost per 1,000 requests where it fits",
            processor=quoted(result.processor),
        ),
        spots,
        Axis("speed-up over the reference", "ratio", 1.0, 1.0),
        Axis("ROUGE-L change", "difference", 0.0, -run.params.quantization.margin, "allowed"),
        data=_trade_table(timed, reference, costs),
    )


def _spot(variant: Cited, cost: Cited | None, *, is_reference: bool) -> NamedPoint | None:
    name, engine = variant.name.raw, variant.engine.raw
    note = "" if cost is None else spell(cost.raw, "usd")
    if is_reference:
        return NamedPoint(name, Coordinate(1.0), Coordinate(0.0), engine, is_reference=True, note=note)
    paired, faster = variant.quality, variant.speedup
    if not paired.raw or not faster.raw:
        return None
    x = Coordinate.of(faster.value, faster.low, faster.high)
    # Answers that are the same word for word lose nothing on these dialogues: no interval is to be drawn.
    same = answers_the_same(variant.raw)
    y = Coordinate(0.0) if same else Coordinate.of(paired.difference, paired.low, paired.high)
    return None if x is None or y is None else NamedPoint(name, x, y, engine, note=note)


def _trade_table(variants: Sequence[Cited], reference: str, costs: Mapping[str, Cited]) -> Markup:
    columns = [
        Column("Variant"),
        Column("Speed-up over the reference", numeric=True, better="up"),
        Column("ROUGE-L change", numeric=True, better="up"),
        Column("Compute per 1,000 requests", numeric=True, better="down"),
    ]
    rows: list[list[Markup | str]] = []
    for variant in variants:
        paired = variant.quality
        gain: Markup | str = "the reference" if variant.name.raw == reference else NOT_MEASURED
        if paired.raw:
            gain = number(paired.difference, "difference") + Markup('<span class="aside">{} to {}</span>').format(
                number(paired.low, "difference"), number(paired.high, "difference")
            )
        cost = costs.get(variant.name.raw)
        price = "–" if cost is None else number(cost, "usd")
        rows.append([quoted(variant.name), with_interval(variant.speedup, "ratio"), gain, price])
    return table("Quality and speed of every variant", columns, rows)
