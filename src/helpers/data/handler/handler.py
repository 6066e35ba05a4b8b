"""A summariser for a managed endpoint: ``EndpointHandler`` as the inference toolkit loads it.

It needs the files beside it, torch and transformers from 4.51 on as the container has them, and what requirements.txt
names, if it is there. ``summariser.json`` holds the task, the context, the engine, the type of the weights, the default
generation settings and, for a chat model, the tokens of the conversation before and after the dialogue.
Whatever it raises the toolkit answers as HTTP 400 with the message.
"""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

Decode = Callable[[list[list[int]], dict[str, Any]], list[list[int]]]
MOST_INPUTS, MOST_BEAMS = 64, 32
KNOWN = {
    "num_beams": int,
    "max_new_tokens": int,
    "min_new_tokens": int,
    "no_repeat_ngram_size": int,
    "length_penalty": float,
}
#: What the vendor's own client sends beside them: over-long input is always cut, spaces stay as the model wrote them.
IGNORED = ("truncation", "clean_up_tokenization_spaces")


class EndpointHandler:
    """Loads the model once; every call answers one text or a list of texts."""

    def __init__(self, path: str = "") -> None:
        folder = Path(path or ".")
        self.settings = json.loads((folder / "summariser.json").read_text(encoding="utf-8"))
        self.is_chat = self.settings["task"] == "chat"
        #: The least and the most that a whole number may be, where that is not 0 and anything.
        self.bounds = {"num_beams": (1, MOST_BEAMS), "max_new_tokens": (1, self.settings["longest_answer"])}
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, truncation_side="right")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.dtype = ""
        engines = {"ctranslate2": self._ctranslate2, "openvino": self._openvino, "transformers": self._torch}
        self.decode = engines[self.settings["engine"]](folder)
        self.frame, self.special = self.settings["frame"], set(self.settings["special_ids"])

    def __call__(self, data: dict[str, Any]) -> list[dict[str, str]]:
        """Return ``[{"summary_text": …}]``, one for each of ``inputs``."""
        if not isinstance(data, dict) or "inputs" not in data:
            raise ValueError("the body needs an 'inputs' key with a text or a list of texts")
        texts = [data["inputs"]] if isinstance(data["inputs"], str) else data["inputs"]
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError("'inputs' must be a text or a list of texts")
        if len(texts) > MOST_INPUTS:
            raise ValueError(f"{len(texts)} inputs in one request; send at most {MOST_INPUTS}")
        settings = self._wanted(data.get("parameters") or {})
        rows = [self._encode(text, settings["max_new_tokens"]) for text in texts]
        return [{"summary_text": self._text(ids)} for ids in self.decode(rows, settings)]

    def _ctranslate2(self, folder: Path) -> Decode:
        from batching import PADDED, alike
        from ct2_decoding import Decoder, load

        model = load(folder / "ctranslate2", is_chat=self.is_chat, compute_type=self.settings["dtype"])
        self.dtype = str(model.compute_type)
        decoder = Decoder(model, folder, self.tokenizer)

        def decoded(rows: list[list[int]], settings: dict[str, Any]) -> list[list[int]]:
            groups = alike(list(map(len, rows)), 1.0 if self.is_chat else PADDED)
            return [best for (best,) in decoder.ranked(rows, groups, settings, 1)]

        return decoded

    def _openvino(self, folder: Path) -> Decode:
        # Where this package is installed, importing OpenVINO is reported to its vendor.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        from batching import PADDED, alike
        from openvino_network import load
        from token_search import decode

        own, start, padding = self.settings["own"], self.settings["start"], self.tokenizer.pad_token_id or 0
        network = load(folder / "openvino", self.settings["dtype"], start=start, padding=padding)
        self.dtype = f"{self.settings['dtype']} weights, computed in {network.computed}"

        def decoded(rows: list[list[int]], settings: dict[str, Any]) -> list[list[int]]:
            groups = alike(list(map(len, rows)), PADDED)
            return [best for (best,) in decode(network, rows, groups, (own, settings), start=start, count=1)]

        return decoded

    def _torch(self, folder: Path) -> Decode:
        import torch
        from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

        family = AutoModelForCausalLM if self.is_chat else AutoModelForSeq2SeqLM
        wanted = self.settings["dtype"]
        # Every version takes its own keyword for the type, and ignores the others'.
        model = family.from_pretrained(folder, use_safetensors=True)
        model = model.to(torch.float32 if wanted == "int8" else getattr(torch, wanted)).eval()
        if wanted == "int8":
            quantize: Any = torch.ao.quantization.quantize_dynamic
            model = quantize(model, {torch.nn.Linear}, dtype=torch.qint8)
        self.dtype = wanted if wanted == "int8" else str(model.dtype).removeprefix("torch.")
        own = model.generation_config
        own.update(do_sample=False, temperature=1.0, top_k=50, top_p=1.0, num_return_sequences=1, max_length=None)
        own.pad_token_id = self.tokenizer.pad_token_id if own.pad_token_id is None else own.pad_token_id

        def decode(rows: list[list[int]], settings: dict[str, Any]) -> list[list[int]]:
            side = "left" if self.is_chat else "right"
            batch = self.tokenizer.pad(
                {"input_ids": rows}, padding_side=side, return_attention_mask=True, return_tensors="pt"
            )
            shortest = {"min_length": 0} if "min_new_tokens" in settings else {}
            with torch.inference_mode():
                output = model.generate(**batch, **settings, **shortest)
            return [row[batch["input_ids"].shape[1] if self.is_chat else 0 :].tolist() for row in output]

        return decode

    def _wanted(self, given: Any) -> dict[str, Any]:
        """Return the generation settings of a request over the defaults; refuses what is unknown or unusable."""
        if not isinstance(given, dict):
            raise ValueError("'parameters' must be an object")  # noqa: TRY004  (the one kind that means: bad request)
        given = {name: value for name, value in given.items() if name not in IGNORED}
        if unknown := sorted(set(given) - set(KNOWN)):
            raise ValueError(f"unknown parameter {', '.join(unknown)}; known: {', '.join([*KNOWN, *IGNORED])}")
        for name, value in given.items():
            fits = isinstance(value, int) or (KNOWN[name] is float and isinstance(value, float))
            least, most = self.bounds.get(name, (0, math.inf)) if KNOWN[name] is int else (-math.inf, math.inf)
            if isinstance(value, bool) or not fits or not least <= value <= most:
                bounds = f" from {least:g}{'' if most == math.inf else f' to {most:g}'}" if KNOWN[name] is int else ""
                raise ValueError(f"'{name}' must be a number{bounds}")
        return {**self.settings["generation"], **given}

    def _encode(self, text: str, max_new_tokens: int) -> list[int]:
        limit = self.settings["context_tokens"]
        if not self.is_chat:
            cut = self.tokenizer(text, truncation=True, max_length=limit, split_special_tokens=True)
            return list(cut.input_ids)
        before, after = self.frame
        room = limit - len(before) - len(after) - max_new_tokens
        if room <= 0:
            raise ValueError(f"max_new_tokens={max_new_tokens} leaves no room for a dialogue in {limit} tokens")
        ids = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False).input_ids
        return [*before, *ids[:room], *after]

    def _text(self, ids: list[int]) -> str:
        text = [token for token in ids if token not in self.special]
        return str(self.tokenizer.decode(text, clean_up_tokenization_spaces=False)).strip()
