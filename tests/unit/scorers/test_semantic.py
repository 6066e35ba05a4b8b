"""Scores by meaning: the library's own arithmetic on a tiny seeded encoder, and what is said when a model is absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizer

from helpers.cli.main import main
from helpers.scorers.semantic import Models, semantic_scores

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ana", "pays", "ben", "is", "paid", "late", "."]
SUMMARIES = ["Ana pays Ben.", "", "Ben is late", None]
REFERENCES = [["Ben is paid.", "Ana pays."], ["Ana pays."], ["Ana is late."], ["Ben pays."]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    BertTokenizer(vocab={word: place for place, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


def states(folder: Path, text: str, layer: int) -> torch.Tensor:
    found = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(**found, output_hidden_states=True).hidden_states[layer][0]


def by_hand(a: torch.Tensor, b: torch.Tensor) -> float:
    alike = [[float(torch.cosine_similarity(x, y, dim=0)) for y in b[1:-1]] for x in a[1:-1]]
    precision = sum(max(row) for row in alike) / len(alike)
    recall = sum(max(column) for column in zip(*alike, strict=True)) / len(alike[0])
    return 2 * precision * recall / (precision + recall)


def test_the_best_reference_counts_and_an_empty_summary_scores_nothing(encoder: Path) -> None:
    found = semantic_scores(SUMMARIES, REFERENCES, Models(str(encoder), str(encoder), 1))
    assert found.not_measured == {}
    for place in (0, 2):
        summary, references = str(SUMMARIES[place]), REFERENCES[place]
        means = [states(encoder, text, -1).mean(dim=0) for text in (summary, *references)]
        best = max(float(torch.cosine_similarity(means[0], other, dim=0)) for other in means[1:])
        assert found.values["semantic_similarity"][place] == pytest.approx(best, abs=1e-5)
        best = max(by_hand(states(encoder, summary, 1), states(encoder, text, 1)) for text in references)
        assert found.values["bertscore_f1"][place] == pytest.approx(best, abs=1e-5)
    assert [found.values[name][1::2] for name in found.values] == [[0, 0], [0, 0]]
    assert found.signature == f"semantic_similarity:{encoder.name}|bertscore_f1:{encoder.name} layer 1"


def test_a_model_that_is_not_there_is_a_reason_and_no_silence(tmp_path: Path) -> None:
    found = semantic_scores(["Ana pays."], [["Ana pays Ben."]], Models(embedding=str(tmp_path)))
    assert found.values == {}
    assert found.not_measured == {
        "semantic_similarity": f"{tmp_path.name} has no config.json and no model.safetensors",
        "bertscore_f1": "no model for BERTScore is given",
    }


def test_the_command_scores_by_meaning(encoder: Path, tmp_path: Path) -> None:
    rows = [{"s": "Ana pays Ben.", "r": "Ben is paid."}, {"s": "Ben is late.", "r": "Ben is late."}] * 2
    (tmp_path / "p.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    given = ["score", str(tmp_path / "p.jsonl"), "--prediction", "s", "--reference", "r", "--processes", "1"]
    assert main([*given, "--embedding-model", str(encoder), "--json", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert 0 < report["metrics"]["semantic_similarity"]["value"] <= 1
    assert report["not_measured"]["bertscore_f1"] == "no model for BERTScore is given"
    assert "semantic_similarity" in report["signature"]
