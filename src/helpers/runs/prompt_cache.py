"""Whether a server reuses what it has computed of an earlier prompt, and what a run does about it.

A server that has seen a prompt answers it in a fraction of the time, which real traffic seldom sees. Servers of the
chat protocol tell in ``usage`` how much they took from their cache. Caching is switched off where a server can; where
it cannot, or does not tell, prompts that are sent again get a mark of their own at the beginning.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from helpers.backends.chat import Reuse
from helpers.core.model import Frozen
from helpers.runs.sender import ALIKE, RequestSender

if TYPE_CHECKING:
    from helpers.backends.endpoint import EndpointBackend  # with aiohttp, which a page that only shows does without

#: Where a run keeps what was found.
NAME = "prompt_cache.json"
#: What it is logged as.
SAMPLE = "prompt-cache"
#: Longer than a block of any cache; the second begins otherwise.
FIRST = """Petra: The printer on the second floor is out of toner again, and the contracts have to go out today.
Oskar: There is a box of toner in the storeroom behind the kitchen, on the lowest shelf.
Petra: I looked there this morning, it was empty. Could you order two more, and print my pages upstairs meanwhile?
Oskar: Ordered, they come tomorrow before ten. Send me the file and I will bring you the pages after lunch."""
SECOND = """Yusuf: Who feeds the cat while we are at the lake from Thursday on?
Hanna: My sister comes by every evening, she has the spare key already."""
#: What is asked for is no summary, only whether the prompt was computed.
BRIEF = 8
SWITCHES: tuple[Reuse, ...] = ("cache_prompt", "cache_salt")
#: What was seen of a server's cache of prompts, and what is done about it, as a reader is told.
SEEN = {
    "reused": "The server answers a prompt that it has seen from a cache.",
    "not reused": "The server computed a prompt again that it had just answered.",
    "not told": "The server does not tell how much of a prompt it takes from a cache.",
}
HANDLED: dict[Reuse, str] = {
    "allowed": "",
    "cache_prompt": "It was told not to, by cache_prompt: false in every request.",
    "cache_salt": "It was kept from it by a cache_salt of its own in every request.",
    "distinct": "Every prompt therefore begins with a mark of its own: none of them repeats another word for word.",
}


class PromptCache(Frozen):
    """What a server was seen to do with a prompt that it had answered before, and how the run asks again.

    ``found``: ``reused``, ``not reused``, or ``not told`` (it names no cached tokens, or did not answer).
    ``shared_tokens`` are what it takes from its cache for a prompt of which only the instructions are known to it.
    """

    found: Literal["reused", "not reused", "not told"]
    reuse: Reuse
    shared_tokens: int = 0

    def asked_with(self, page: str) -> Reuse:
        """Return how a page asks: page 02, which judges what is said, asks with the prompt as it is, without a mark."""
        return "allowed" if self.reuse == "distinct" and page == "02" else self.reuse

    def leaves_unsure(self, page: str) -> bool:
        """Whether a page's answers may come from the cache without a word, such as of a run before this one."""
        return self.found == "not told" and self.reuse != self.asked_with(page)


#: Without prompts of one's own, as with the summarization protocol, there is nothing to keep of them.
NO_CACHE = PromptCache(found="not told", reuse="allowed")


def kept(path: Path) -> PromptCache | None:
    """Return what a run has found already, if it has."""
    return PromptCache.model_validate_json(path.read_bytes()) if path.is_file() else None


def find(backend: EndpointBackend, sender: RequestSender, path: Path) -> PromptCache:
    """Return what the server does with a prompt that it has seen, found by a few requests that are logged as probes.

    It is kept at ``path`` unless the server did not answer.
    """
    asked = _CacheProbe(backend, sender)
    asked.cached("allowed", FIRST)
    again = asked.cached("allowed", FIRST)
    if again is None:
        found = PromptCache(found="not told", reuse="distinct")
    elif again <= ALIKE:
        found = PromptCache(found="not reused", reuse="allowed")
    else:
        works = (switch for switch in SWITCHES if (n := asked.cached(switch, FIRST)) is not None and n <= ALIKE)
        switch = next(works, None)
        shared = 0 if switch else asked.cached("allowed", SECOND) or 0
        found = PromptCache(found="reused", reuse=switch or "distinct", shared_tokens=shared)
    if asked.answers > 1:
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return found


class _CacheProbe:
    """Asks one question after the other, each a request of its own in the log."""

    def __init__(self, backend: EndpointBackend, sender: RequestSender) -> None:
        self._backend, self._sender = backend, sender
        self._number, self.answers = 0, 0

    def cached(self, reuse: Reuse, dialogue: str) -> int | None:
        """Return how many tokens of a prompt the server says it had computed before; ``None`` where it says nothing."""
        self._sender.backend = self._backend.reusing(reuse)
        outcome = self._sender.ask(SAMPLE, dialogue, phase="probe", repeat=self._number, attempts=1, text=False)
        self._number += 1
        if outcome is None or not outcome.record.ok:
            return None
        self.answers += 1
        return outcome.record.cached_tokens
