"""``helpers demo-model train``: the LoRA fine-tune of the demonstration model, from the corpus in the package.

Learns from `train` alone and keeps the epoch that does best on `validation`, where every epoch is merged, saved and
asked as the recipe says. `test` is never read here.
"""

from __future__ import annotations

import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from helpers import scorers
from helpers.core.console import quiet, say
from helpers.engines import demo_model
from helpers.engines.codec import ChatEncoder
from helpers.engines.transformers import TransformersBackend
from helpers.experiments.training import adapters
from helpers.experiments.training.data import Batch, batches, collate, encode, renamed, speakers
from helpers.experiments.training.learning_curve import Epoch, LearningCurve, write_curve
from helpers.experiments.training.recipe import Recipe
from helpers.experiments.training.selection import PROMPT, lessons
from helpers.params import Generation, Model
from helpers.params import Samples as SamplesParams
from helpers.samples.dataset import Sample, load_samples
from helpers.samples.prompts import load_prompt
from helpers.scorers import SampleScore

#: The linear maps of a layer, in attention and feed-forward.
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
#: Dialogues summarised at a time when an adapter is judged.
_ASKED = {"cpu": 6, "cuda": 64}


def train(recipe: Recipe, output: Path) -> LearningCurve:
    """Train an adapter into the folder ``output`` (``adapter_model.safetensors`` in fp16, its config, its curve).

    Returns the learning curve. Takes a GPU where there is one.
    """
    began = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    learnt, held_back = (load_samples(SamplesParams(source=f"bundled:{split}")) for split in ("train", "validation"))
    judged: list[Epoch] = []
    last = output / "last"
    # The members go on together, so that after each epoch their mean can be judged.
    learning = [
        learn(member, _lessons(member, learnt, partial(train_adapter, samples=learnt, folder=last / f"before-{place}")))
        for place, member in enumerate(map(recipe.member, range(recipe.members)))
    ]
    for number, trained in enumerate(zip(*learning, strict=True), 1):
        saved = [last / f"member-{place}" for place in range(recipe.members)]
        for folder, (network, _) in zip(saved, trained, strict=True):
            adapters.save(network, folder)
        adapters.average(saved, last)
        scores = judge(last, held_back, recipe)
        judged.append(
            Epoch(
                epoch=number,
                train_loss=fmean([loss for _, loss in trained]),
                rouge_l=fmean([score.rougeL for score in scores]),
                key_fact_recall=fmean([score.key_fact_recall or 0.0 for score in scores]),
                failed=fmean([bool(score.failures) for score in scores]),
            )
        )
        say(f"train: {judged[-1]}")
        best = max(judged, key=lambda one: one.score)
        if best is judged[-1]:
            adapters.keep(last, output)
        elif number - best.epoch >= recipe.patience:
            break
    shutil.rmtree(last)
    curve = LearningCurve(
        recipe=recipe.model_dump(),
        device=device(),
        threads=torch.get_num_threads(),
        seconds=time.monotonic() - began,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        epochs=tuple(judged),
        best=best.epoch,
    )
    write_curve(curve, output)
    return curve


def train_adapter(
    recipe: Recipe, samples: Sequence[Sample], folder: Path, teacher: Callable[[Recipe], Path] | None = None
) -> Path:
    """Train one adapter to its last epoch into a folder, and return that.

    ``teacher`` gives the folder of an adapter that answers before it, where the recipe wants one.
    """
    *_, (network, _) = learn(recipe, _lessons(recipe, samples, teacher))
    adapters.save(network, folder)
    return folder


def _lessons(recipe: Recipe, samples: Sequence[Sample], teacher: Callable[[Recipe], Path] | None) -> list[Sample]:
    with ExitStack() as opened:

        def merged(before: Recipe) -> Path:
            if teacher is None:
                raise ValueError("own_answers: nobody answers before")
            return opened.enter_context(_merged(teacher(before)))

        return lessons(recipe, samples, merged)


def learn(recipe: Recipe, samples: Sequence[Sample]) -> Iterator[tuple[Any, float]]:
    """Train one adapter on ``samples``; yields the network and its mean loss per token after each epoch."""
    torch.manual_seed(recipe.seed)
    where = device()
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(demo_model.ensure("demo-base"))
        network = _with_adapter(recipe).to(where)
    encoder = ChatEncoder(tokenizer, load_prompt(PROMPT), recipe.context_tokens)
    epochs = list(_epochs(recipe, samples, encoder, tokenizer))
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate(recipe, sum(map(len, epochs))))
    for number, steps in enumerate(epochs, 1):
        losses = []
        for step, batch in enumerate(steps, 1):
            losses.append(_step(network, collate(batch, where), optimizer))
            schedule.step()
            if step % 10 == 0:
                say(f"train: epoch {number}, step {step} of {len(steps)}, loss {fmean(losses[-10:]):.3f}")
        yield network, fmean(losses)


def judge(adapter: Path, samples: Sequence[Sample], recipe: Recipe) -> list[SampleScore]:
    """Ask an adapter for a summary of every sample, decoded as the recipe says, and score them."""
    with _merged(adapter) as folder:
        return _judged(folder, samples, recipe)


@contextmanager
def _merged(adapter: Path) -> Iterator[Path]:
    """Merge an adapter into the base, in a folder that is there for a while."""
    with TemporaryDirectory() as kept:
        folder = Path(kept) / "merged"
        demo_model.merge(demo_model.ensure("demo-base"), adapter, folder)
        yield folder


def _judged(folder: Path, samples: Sequence[Sample], recipe: Recipe) -> list[SampleScore]:
    model = Model(
        id=str(folder),
        task="chat",
        prompt=PROMPT,
        context_tokens=recipe.context_tokens,
        device=device(),
        rerank=recipe.rerank,
    )
    backend = TransformersBackend(model)
    settings = Generation(
        num_beams=recipe.num_beams, length_penalty=recipe.length_penalty, max_new_tokens=recipe.max_new_tokens
    )
    ordered = sorted(samples, key=lambda sample: len(sample.dialogue))
    scores = []
    for start in range(0, len(ordered), _ASKED[model.device]):
        batch = ordered[start : start + _ASKED[model.device]]
        answers = backend.summarise([sample.dialogue for sample in batch], settings)
        scores += [
            scorers.score_sample(one.id, answer.summary, one.references, one.dialogue, one.key_facts)
            for one, answer in zip(batch, answers, strict=True)
        ]
    backend.close()
    return scores


def device() -> Literal["cpu", "cuda"]:
    """Return where it is trained and judged: a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_adapter(recipe: Recipe) -> Any:
    """Return the base with an untrained adapter on every linear map of the upper layers."""
    from peft import LoraConfig, get_peft_model

    base = AutoModelForCausalLM.from_pretrained(demo_model.ensure("demo-base"), dtype=torch.float32)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(LINEAR),
        layers_to_transform=list(range(recipe.first_layer, base.config.num_hidden_layers)),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)


def _epochs(
    recipe: Recipe, samples: Sequence[Sample], encoder: ChatEncoder, tokenizer: Any
) -> Iterator[list[list[Any]]]:
    """Yield the batches of each epoch, with its speakers renamed."""
    chance = random.Random(recipe.seed)  # noqa: S311  (it shuffles, it keeps no secret)
    names = speakers(samples)
    for epoch in range(recipe.epochs):
        augmented = [renamed(sample, names, chance) for sample in samples] if recipe.rename_speakers else samples
        examples = [encode(sample, encoder, tokenizer, recipe.max_new_tokens) for sample in augmented]
        kept = [one for one in examples if epoch == 0 or one.asked[0] < recipe.long_tokens]
        yield list(batches(kept, recipe.batch_dialogues, recipe.batch_tokens, chance))


def _rate(recipe: Recipe, steps: int) -> Any:
    rising = max(1, round(recipe.warmup * steps))
    return lambda step: min((step + 1) / rising, (steps - step) / (steps - rising + 1))


def _step(network: Any, batch: Batch, optimizer: Any) -> float:
    """Learn one batch; returns the loss per token of the references."""
    with _autocast(batch.ids.device.type):
        loss = _loss(network, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def _loss(network: Any, batch: Batch) -> torch.Tensor:
    inner = network.get_base_model()
    hidden = inner.model(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.places, use_cache=False
    ).last_hidden_state
    # Logits of 49,152 tokens are wanted for the references only, not for every word of the dialogue.
    logits = inner.lm_head(hidden[batch.rows, batch.asked])
    return cross_entropy(logits.float(), batch.wanted)


@contextmanager
def _autocast(device: str) -> Iterator[None]:
    """Compute in bfloat16 where matrix units make it fast; with vector instructions for it alone, a step is slower."""
    fast = device == "cuda" or torch.cpu.get_capabilities().get("amx_bf16", False)
    with torch.autocast(device, torch.bfloat16) if fast else nullcontext():
        yield
