"""Parts of page 03 about requests sent more than once: are they answered alike, and which came from a cache?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from helpers.runs.prompt_cache import NO_CACHE
from helpers.runs.prompt_cache import SAMPLE as CACHE_PROBE
from helpers.runs.request_log import Record
from helpers.runs.results.latency_cost import CachedAnswers, Repeatability
from helpers.runs.results.robustness import asks_changed
from helpers.runs.run import Run
from helpers.stats.intervals import mean

#: Pages that ask the deployment itself; page 04 asks other engines, and page 05 compares its own answers.
PAGES = ("01", "02", "03")
#: Probes that send the text of the warm-up.
SHORT = ("short", "identical", "without-token")


def repeatability(run: Run) -> Repeatability:
    """Return whether every request that was sent again, with the same text and settings, was answered alike."""
    once = run.prompt_cache.reuse == "distinct"
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in run.log.read():
        # With a mark of its own a prompt is no repetition; the first ones and the warm-up have none.
        marked = once and not (record.page == "02" or record.sample in SHORT)
        if record.page not in PAGES or not record.ok or record.sample == CACHE_PROBE or asks_changed(record) or marked:
            continue
        if record.summary is not None and record.text_form != "redacted":
            kind = "dialogue" if record.phase in ("steady", "cached") else "probe"
            sample = SHORT[0] if kind == "probe" and record.sample in SHORT else record.sample
            groups[kind, sample, record.settings].append(record)
    repeated = {key: rows for key, rows in groups.items() if len(rows) > 1}
    if not repeated:
        redacted = run.params.privacy.text == "redacted"
        why = "privacy.text: redacted leaves nothing to compare" if redacted else "no request was sent again as it was"
        return Repeatability(reason=why)
    differing = {sample for (_, sample, _), rows in repeated.items() if len({r.summary for r in rows}) > 1}
    return Repeatability(
        texts=len({(kind, sample) for kind, sample, _ in repeated}),
        requests=sum(map(len, repeated.values())),
        different=len(differing),
        differing=tuple(sorted(differing)),
    )


def cached_answers(run: Run, records: Sequence[Record]) -> CachedAnswers:
    """Return what the server does with prompts that it has seen, what was done about it, and who was answered so."""
    found = run.prompt_cache
    from_cache = [r for r in records if r.phase == "cached" and r.ok and not r.variant]
    taken = [r.cached_tokens for r in from_cache if r.cached_tokens is not None]
    times = [r.service_time for r in from_cache if r.service_time is not None]
    return CachedAnswers(
        found="" if found == NO_CACHE else found.found,
        handled=found.reuse,
        requests=len(from_cache),
        tokens=fmean(taken) if taken else None,
        mean=mean(times, [r.sample for r in from_cache if r.service_time is not None], floor=0.0) if times else None,
    )
