"""Scores of summaries: pure functions of texts, which read no file.

`score_sample` scores one summary, `score_all` many in parallel; `semantic_failures` also judges a log record,
which has a dialogue and a summary but no reference.
"""

from helpers.scorers.aggregate import Agreement, LeftOut, agreement, agreement_of, left_out
from helpers.scorers.failures import NEED_DIALOGUE, SemanticFailure, semantic_failures
from helpers.scorers.rouge import MAX_WORDS, METRICS, signature
from helpers.scorers.scoring import SampleScore, ScoredPair, reference_problem, score_all, score_sample

__all__ = [
    "MAX_WORDS",
    "METRICS",
    "NEED_DIALOGUE",
    "Agreement",
    "LeftOut",
    "SampleScore",
    "ScoredPair",
    "SemanticFailure",
    "agreement",
    "agreement_of",
    "left_out",
    "reference_problem",
    "score_all",
    "score_sample",
    "semantic_failures",
    "signature",
]
