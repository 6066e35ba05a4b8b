"""Claims about scores: the same figures in two places, what training gained, and what deployment kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from helpers.experiments.audit.basis import AuditBasis, figures, verdict
from helpers.experiments.audit.claims import PublishedScores
from helpers.runs.results.publication_audit import Claim
from helpers.runs.review_summary import QUESTIONS, by_dialogue

GROUP = "Quality"
#: The card gives every score to three decimals, trailing zeros included; the last bit is noise.
_HALF_A_DIGIT = 0.0005 * (1 + 1e-9)


def card_scores(basis: AuditBasis) -> Claim:
    """The scores on the model card against those in the training run's files."""
    card, training = basis.published.quality.card, basis.published.quality.training
    pairs = {
        f"{stage} {name}": (getattr(getattr(card, stage), name), getattr(getattr(training, stage), name))
        for stage in type(card).model_fields
        for name in PublishedScores.model_fields
    }
    apart = {key: abs(said - found) for key, (said, found) in pairs.items()}
    differ, worst = [key for key in pairs if apart[key] > _HALF_A_DIGIT], max(apart, key=apart.__getitem__)
    return Claim(
        name="card-scores",
        group=GROUP,
        source="model card",
        claim="The scores on the model card are those of the training run",
        published="{n} scores",
        recomputed="{agree} agree",
        verdict=verdict(not differ),
        arithmetic="The scores in the training run's files, rounded as on the card. "
        + ("Not the same: {differ}. " if differ else "")
        + "The largest difference is in {worst}: {said} on the card, {found} in the files.",
        remedy="Write the card from the files, and name the run and the settings they belong to.",
        figures=figures("plain", n=len(pairs), agree=len(pairs) - len(differ), differ=", ".join(differ), worst=worst)
        | figures("score", said=pairs[worst][0], found=pairs[worst][1]),
    )


def gain(basis: AuditBasis) -> Claim:
    """Whether every score of the merged model is above that of its base, in both places."""
    from scipy import stats

    quality, n = basis.published.quality, basis.published.model.fine_tuning.validation
    gains = {
        (place, name): getattr(scores.merged, name) - getattr(scores.baseline, name)
        for place, scores in (("card", quality.card), ("files", quality.training))
        for name in PublishedScores.model_fields
    }
    card, files = gains["card", "rougeL"], gains["files", "rougeL"]
    return Claim(
        name="fine-tuning-gain",
        group=GROUP,
        source="model card",
        claim="Fine-tuning raised every score on the validation dialogues",
        published="ROUGE-L {base} to {merged}",
        recomputed="{up} of {all} raised",
        verdict=verdict(min(gains.values()) > 0),
        arithmetic="{up} of {all} scores rise, card and files together; ROUGE-L by {card} and {files}. Scores of "
        "single dialogues were not published, so the gain has no interval; with {n} dialogues the smaller one stands "
        "out from chance unless their differences scatter by more than {scatter} (standard deviation).",
        remedy="Publish the scores of each dialogue, before and after.",
        figures=figures("plain", up=sum(value > 0 for value in gains.values()), all=len(gains), n=n)
        | figures("score", base=quality.card.baseline.rougeL, merged=quality.card.merged.rougeL, card=card, files=files)
        | figures("score", scatter=min(card, files) * math.sqrt(n) / float(stats.t.ppf(0.975, n - 1))),
    )


def deployed_quality(basis: AuditBasis) -> Claim:
    """The quality target, for which no score of the deployed model was published."""
    quality, model = basis.published.quality, basis.published.model
    card, files = quality.card.merged.rougeL, quality.training.merged.rougeL
    return Claim(
        name="deployed-quality",
        group=GROUP,
        source="publication",
        claim="The deployed model keeps the ROUGE-L of the baseline",
        published="at least {target}",
        recomputed="no score published",
        verdict=verdict(None),
        arithmetic="That baseline is {card} by the card and {files} by the training run's files, {gap} apart. It was "
        "trained on summaries of up to {trained} tokens, and the deployment writes at most {served}, so its scores "
        "need not carry over.",
        remedy="Publish the summaries of both on the same dialogues, each at its own settings; this report compares "
        "recorded predictions.",
        figures=figures("plain", target=basis.published.targets.rouge_l.min)
        | figures("plain", trained=model.fine_tuning.max_summary_tokens, served=model.max_new_tokens)
        | figures("score", card=card, files=files, gap=abs(files - card)),
    )


def long_dialogues(basis: AuditBasis) -> Claim:
    """The stated limitation that summaries of long dialogues drift, by what readers say of this run's model.

    Source of the test: Boschloo (1970), one side at a time.
    """
    true = by_dialogue(basis.read.readings, QUESTIONS["faithful"]) if basis.read else {}
    lengths = {id: basis.read.labels.get(id, (None, None))[0] for id in true} if basis.read else {}
    long = [share >= 0.5 for id, share in true.items() if lengths[id] in LONG]
    others = [share >= 0.5 for id, share in true.items() if lengths[id] not in (None, *LONG)]
    return Claim(
        name="long-dialogues",
        group=GROUP,
        source="publication",
        claim="Summaries of long dialogues drift from what was said",
        published="{remark}",
        recomputed="{few} of {long} long ones faithful, {many} of {others} others",
        verdict=verdict(_rarer(long, others)),
        arithmetic="Read against their dialogues, {few} of {long} summaries of long dialogues hold no false statement, "
        "and {many} of {others} of shorter ones: answers of this run's model, not of the published one.",
        remedy="Publish the summaries of long dialogues, and have them read.",
        figures=figures("plain", remark=next((one for one in basis.published.limitations_stated if "long" in one), "–"))
        | figures("count", few=sum(long), long=len(long), many=sum(others), others=len(others)),
    )


#: The lengths of dialogue that count as long.
LONG = ("long", "very-long")


def _rarer(some: Sequence[bool], others: Sequence[bool]) -> bool | None:
    """Return whether something is shown to be rarer among some than among others, or more common; else ``None``."""
    from scipy import stats

    if not some or not others:
        return None
    table = [[sum(some), sum(others)], [len(some) - sum(some), len(others) - sum(others)]]
    for side, told in (("less", True), ("greater", False)):
        if stats.boschloo_exact(table, alternative=side).pvalue < 0.025:
            return told
    return None


CLAIMS = (card_scores, gain, deployed_quality, long_dialogues)
