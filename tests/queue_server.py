"""A server for load tests: one at a time, in order, each for a seeded service time; small and fast.

``python tests/queue_server.py MEAN SEED [STALL_AT STALL_FOR]`` prints its address. Service times are gamma with a
squared coefficient of variation of one half; a mean of 0 answers at once. The queue is kept in virtual time, so that a
late wake-up delays one answer and not those after it.
"""

from __future__ import annotations

import asyncio
import sys
import time

import numpy as np

BODY = b'[{"summary_text": "Ann and Bo meet at noon."}]'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
SPIN = 0.0015


class Queue:
    """When the next answer is due; a stall, counted from the first request, lets nothing through while it lasts."""

    def __init__(self, mean: float, seed: int, stall: tuple[float, float] | None) -> None:
        self._draws = np.random.default_rng(seed)
        self._mean, self._stall, self._free, self._first = mean, stall, 0.0, 0.0

    def due(self) -> float:
        now = time.perf_counter()
        self._first = self._first or now
        start = max(now, self._free)
        if self._stall and self._stall[0] <= start - self._first < sum(self._stall):
            start = self._first + sum(self._stall)
        self._free = start + (float(self._draws.gamma(2, self._mean / 2)) if self._mean else 0.0)
        return self._free


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time per connection."""

    def __init__(self, queue: Queue) -> None:
        self._queue, self._read = queue, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        place = lower.find(b"content-length:")
        size = int(lower[place + 15 :].split(b"\r\n")[0]) if place >= 0 else 0
        if len(body) < size:
            return
        self._read = body[size:]
        due = self._queue.due() if head.startswith(b"POST") else time.perf_counter()
        if due - time.perf_counter() > 1e-4:
            self._task = asyncio.ensure_future(self._later(due))
        else:
            self._transport.write(ANSWER)

    async def _later(self, due: float) -> None:
        if (left := due - time.perf_counter()) > SPIN:
            await asyncio.sleep(left - SPIN)
        while time.perf_counter() < due:
            await asyncio.sleep(0)
        self._transport.write(ANSWER)


async def main(mean: float, seed: int, *stall: float) -> None:
    queue = Queue(mean, seed, (stall[0], stall[1]) if stall else None)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(queue), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:])))
