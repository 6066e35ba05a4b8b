"""What a dialogue's turns entail: the arithmetic on a tiny seeded model, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertTokenizer

from helpers.core.errors import InputError
from helpers.scorers.nli import nli_scores
from helpers.scorers.semantic import Models, semantic_scores

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ana", "pays", "ben", "is", "paid", "late", ".", ":"]
DIALOGUE = "Ana: Ben is late.\nBen: Ana pays."


def made(folder: Path, labels: dict[int, str]) -> Path:
    torch.manual_seed(4)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(WORDS), max_position_embeddings=32, id2label=labels, num_labels=len(labels), **sizes
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab={word: place for place, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("nli"), {0: "CONTRADICTION", 1: "neutral", 2: "entailment"})


def by_hand(folder: Path, turn: str, sentence: str) -> float:
    batch = AutoTokenizer.from_pretrained(folder)(turn, sentence, return_tensors="pt")
    with torch.inference_mode():
        shares = BertForSequenceClassification.from_pretrained(folder).eval()(**batch).logits.softmax(dim=1)[0]
    return float(shares[2] - shares[0])


def test_the_best_turn_counts_for_a_sentence_and_sentences_are_averaged(model: Path) -> None:
    told = ["Ana pays Ben.", "Ben is late."]
    turns = ["Ana: Ben is late.", "Ben: Ana pays."]
    best = [max(by_hand(model, turn, sentence) for turn in turns) for sentence in told]
    found = nli_scores([" ".join(told), "", "Ana pays."], [DIALOGUE, DIALOGUE, ""], str(model))
    assert found == [pytest.approx(fmean(best), abs=1e-5), 0.0, 0.0]


def test_it_is_a_score_by_meaning_where_dialogues_and_a_model_are_given(model: Path) -> None:
    given = semantic_scores(["Ana pays."], [["Ana pays."]], Models(nli=str(model)), [DIALOGUE])
    assert list(given.values) == ["nli_consistency"]
    assert given.signature == f"nli_consistency:{model.name}"
    without = semantic_scores(["Ana pays."], [["Ana pays."]], Models(), [DIALOGUE])
    assert without.not_measured["nli_consistency"] == "no NLI model is given"


def test_a_model_without_the_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a model with entailment"):
        nli_scores(["Ana pays."], [DIALOGUE], str(made(tmp_path, {0: "good", 1: "bad"})))
