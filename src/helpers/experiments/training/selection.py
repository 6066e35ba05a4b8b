"""What an adapter learns from besides all references: those that the checks accept, and answers of a model before it.

The second is rejection sampling (Touvron et al., 2023, https://arxiv.org/abs/2307.09288, section 3.2.3). A model that
learnt from what a check accepted is not to be judged by that check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from helpers.core.console import quiet
from helpers.engines.codec import ChatEncoder
from helpers.experiments.training.recipe import Recipe
from helpers.samples.dataset import Sample
from helpers.samples.prompts import load_prompt
from helpers.scorers import output_failures, score_sample
from helpers.scorers.faithfulness import faithfulness

PROMPT = "tuned"
TEMPERATURE = 0.8
#: Dialogues answered at a time, each `Recipe.own_answers` times.
ASKED = 4


def lessons(recipe: Recipe, samples: Sequence[Sample], teacher: Callable[[Recipe], Path]) -> list[Sample]:
    """Return what an adapter learns from; ``teacher`` gives the folder of the model that answers before it."""
    chosen = supported(samples) if recipe.supported else list(samples)
    if not recipe.own_answers:
        return chosen
    made = answered(teacher(recipe.model_copy(update={"own_answers": 0})), chosen, recipe)
    return [
        one.model_copy(update={"references": (*one.references, *comparable(own, one))})
        for one, own in zip(chosen, made, strict=True)
    ]


def supported(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples with those of their references in which no check finds anything; none without one."""
    kept = (
        one.model_copy(update={"references": tuple(text for text in one.references if not doubted(text, one.dialogue))})
        for one in samples
    )
    return [one for one in kept if one.references]


def doubted(text: str, dialogue: str) -> bool:
    """Return whether an output check or a faithfulness check finds something."""
    return bool(output_failures(text, dialogue) or faithfulness(text, dialogue))


def comparable(answers: Iterable[str], sample: Sample) -> tuple[str, ...]:
    """Return the different answers that bear comparison with the references of a dialogue, in their order.

    No check finds anything in one, it tells as many key facts as the reference that tells fewest, and it is as near to
    one of them, in ROUGE-L, as they are to one another. Of a dialogue with a single reference no answer is.
    """
    if len(sample.references) < 2:
        return ()
    among = [
        score_sample(sample.id, text, [other for other in sample.references if other != text] or [text])
        for text in sample.references
    ]
    facts = [_facts(text, sample) for text in sample.references]
    kept: dict[str, None] = {}
    for answer in answers:
        if answer in sample.references or doubted(answer, sample.dialogue):
            continue
        if _facts(answer, sample) < min(facts):
            continue
        if score_sample(sample.id, answer, sample.references).rougeL >= max(one.rougeL for one in among):
            kept[answer] = None
    return tuple(kept)


def _facts(text: str, sample: Sample) -> float:
    return score_sample(sample.id, text, sample.references, None, sample.key_facts).key_fact_recall or 0.0


def answered(model: Path, samples: Sequence[Sample], recipe: Recipe) -> list[list[str]]:
    """Return `Recipe.own_answers` sampled answers of the chat model in a folder to each dialogue."""
    torch.manual_seed(recipe.seed)
    where = "cuda" if torch.cuda.is_available() else "cpu"
    with quiet(), torch.inference_mode():
        tokenizer = AutoTokenizer.from_pretrained(model)
        network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(where).eval()
        encoder = ChatEncoder(tokenizer, load_prompt(PROMPT), recipe.context_tokens)
        places = sorted(range(len(samples)), key=lambda place: len(samples[place].dialogue))
        made: dict[int, list[str]] = {}
        for start in range(0, len(places), ASKED):
            group = places[start : start + ASKED]
            rows = [encoder.encode(samples[place].dialogue, recipe.max_new_tokens).ids for place in group]
            texts = _sampled(network, tokenizer, rows, recipe)
            for number, place in enumerate(group):
                made[place] = texts[number * recipe.own_answers : (number + 1) * recipe.own_answers]
    return [made[place] for place in range(len(samples))]


def _sampled(network: Any, tokenizer: Any, rows: list[list[int]], recipe: Recipe) -> list[str]:
    batch = tokenizer.pad({"input_ids": rows}, padding_side="left", return_attention_mask=True, return_tensors="pt").to(
        network.device
    )
    # A prompt is read once, not once for each of its answers.
    mask = batch["attention_mask"][:, :-1]
    read = network(
        input_ids=batch["input_ids"][:, :-1],
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    ).past_key_values
    read.batch_repeat_interleave(recipe.own_answers)
    output = network.generate(
        **batch,
        past_key_values=read,
        do_sample=True,
        temperature=TEMPERATURE,
        top_k=0,
        num_return_sequences=recipe.own_answers,
        max_new_tokens=recipe.max_new_tokens,
    )
    made = output[:, batch["input_ids"].shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(made, skip_special_tokens=True)]
