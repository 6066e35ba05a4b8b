"""ROUGE as this project scores it, for `evaluate.load` with the path of this folder; needs no network.

One import per line: `evaluate` reads them as text before it loads the module.
"""

import datasets
import evaluate

import helpers.scorers

_DESCRIPTION = """\
ROUGE-1, 2, L and Lsum F1 of dialogue summaries, as rouge_score defines it: Porter-stemmed, the best of several
references per sample and metric, Lsum over sentences; an empty prediction scores 0.
"""

_INPUTS = """\
predictions: list of str, one summary per dialogue.
references: list of str, or list of lists of str, one or more references per dialogue.
tokenizer: unicode (words of any script, the default) or rouge_score (runs of a-z0-9).
Returns the mean of rouge1, rouge2, rougeL and rougeLsum in 0-1, and the signature of the recipe.
"""

_CITATION = """\
@inproceedings{lin-2004-rouge,
    title = "{ROUGE}: A Package for Automatic Evaluation of Summaries",
    author = "Lin, Chin-Yew",
    booktitle = "Text Summarization Branches Out",
    year = "2004",
    pages = "74--81",
}
"""


class DialogueRouge(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """The metric; see its ``description`` and ``inputs_description``."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        several = datasets.Features({"predictions": text, "references": datasets.Sequence(text)})
        single = datasets.Features({"predictions": text, "references": text})
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[several, single],
        )

    def _compute(
        self,
        predictions: list[str],
        references: list[str] | list[list[str]],
        tokenizer: helpers.scorers.Tokenizer = "unicode",
    ) -> dict[str, float | str]:
        listed = [[text] if isinstance(text, str) else text for text in references]
        pairs = zip(predictions, listed, strict=True)
        scores = [
            helpers.scorers.score_sample(str(row), *pair, tokenizer=tokenizer) for row, pair in enumerate(pairs, 1)
        ]
        means = {
            metric: sum(float(getattr(score, metric)) for score in scores) / len(scores)
            for metric in helpers.scorers.METRICS
        }
        return {**means, "signature": helpers.scorers.signature(map(len, listed), tokenizer=tokenizer)}
