"""Scores of summaries: pure functions of texts, which read no file.

`score_sample` scores one summary, `bulk.score_pairs` many in parallel; `output_failures` also judges a log record,
which has a dialogue and a summary but no reference.
"""

from helpers.scorers.aggregate import Agreement, LeftOut, agreement, agreement_of, left_out
from helpers.scorers.failures import NEED_DIALOGUE, OutputFailure, as_told, output_failures
from helpers.scorers.rouge import METRICS, signature
from helpers.scorers.scoring import SampleScore, score_sample
from helpers.scorers.words import Tokenizer

__all__ = [
    "METRICS",
    "NEED_DIALOGUE",
    "Agreement",
    "LeftOut",
    "SampleScore",
    "OutputFailure",
    "Tokenizer",
    "agreement",
    "agreement_of",
    "as_told",
    "left_out",
    "score_sample",
    "output_failures",
    "signature",
]
