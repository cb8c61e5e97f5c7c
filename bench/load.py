"""A small HTTP load generator: keep-alive connections, each sends its next prepared request.

Runs as its own process (`python -m bench.load`): host, port, connection count and period (s; 0 for
as fast as it goes) as arguments; the requests on standard input, each with its length before it;
times on standard output. With a period each connection keeps to its own beat, spread over the
period; an answer that is later than the next beat counts from that beat on, so that a server that
stalls cannot hide the requests that it has kept back.
"""

import asyncio
import json
import resource
import struct
import sys
import time
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """One connection that works through its share of the requests."""

    def __init__(self, requests: list[bytes], pace_s: float, done: asyncio.Future[None]) -> None:
        self.requests = iter(requests)
        self.pace_s = pace_s
        self.done = done
        self.took_s: list[float] = []
        self.refused = 0
        self.buffer = b""
        self.due_s = 0.0
        self.is_late = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def start(self, due_s: float) -> None:
        """Send the first request at this moment of the loop's clock, now if it is 0."""
        self.due_s = due_s
        if due_s:
            asyncio.get_running_loop().call_at(due_s, self.send)
        else:
            self.send()

    def send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        # The loop's clock counts in milliseconds: it says when to send, not how long it took.
        self.at_s = time.perf_counter()
        if self.is_late:
            self.at_s -= asyncio.get_running_loop().time() - self.due_s
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if len(body) < length:
            return
        self.buffer = body[length:]
        loop = asyncio.get_running_loop()
        self.took_s.append(time.perf_counter() - self.at_s)
        if not head.startswith(b"HTTP/1.1 200"):
            self.refused += 1
        if not self.pace_s:
            self.send()
            return
        self.due_s += self.pace_s
        self.is_late = self.due_s <= loop.time()
        if self.is_late:
            self.send()
        else:
            loop.call_at(self.due_s, self.send)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))


async def run(host: str, port: int, connections: int, pace_s: float) -> dict[str, object]:
    """Send everything; requests go to the connections in turn."""
    shares: list[list[bytes]] = [[] for _ in range(connections)]
    read = sys.stdin.buffer.read
    n = 0
    while head := read(4):
        shares[n % connections].append(read(struct.unpack(">I", head)[0]))
        n += 1
    loop = asyncio.get_running_loop()
    dones = [loop.create_future() for _ in shares]
    opened = []
    for share, done in zip(shares, dones, strict=True):

        def make(share: list[bytes] = share, done: asyncio.Future[None] = done) -> Connection:
            return Connection(share, pace_s, done)

        _, connection = await loop.create_connection(make, host, port)
        opened.append(connection)
    used = resource.getrusage(resource.RUSAGE_SELF)
    start_s, begun_s = time.perf_counter(), loop.time() + 0.1
    for i, connection in enumerate(opened):
        connection.start(begun_s + pace_s * i / connections if pace_s else 0.0)
    await asyncio.gather(*dones)
    took_s = time.perf_counter() - start_s
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    times = sorted(t for connection in opened for t in connection.took_s)
    return {
        "requests": n,
        "refused": sum(connection.refused for connection in opened),
        "took_s": took_s,
        "cores": cpu_s / took_s,  # of the generator itself
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[int(len(times) * 0.99)],
    }


if __name__ == "__main__":
    host, port, connections, pace = sys.argv[1:5]
    result = uvloop.run(run(host, int(port), int(connections), float(pace)))
    sys.stdout.write(json.dumps(result))
