"""Positions a second through the whole product path, beside its limits and its peers.

`python -m bench.ingest` makes a database of its own on the server of DATABASE_URL, starts the
product, a handler that does nothing, a plain Django view (all with the product's uvicorn options)
and a Node server, and prints a table and, as its last line, one JSON object. Runs take turns; each
figure is a median with its range. Server, database and load generator share the machine: read the
ratios, each of which is the median of the ratios of neighbouring runs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2

from bench.database import make_fresh
from bench.ingest_peers import make_peer_tables, node_served

DATABASE = "bench_ingest"
PHONES = 2_000
CONNECTIONS = 64
RUNS = 5
STEADY_RUNS = 3
STEADY_S = 10
REQUESTS = {1: 20_000, 100: 1_000}
PEER_REQUESTS = {"plain": 500, "node": 5_000}
COPY_ROWS = 100_000


def make_database() -> None:
    """A fresh database with the product's tables and 2,000 phones on duty."""
    make_fresh(DATABASE)
    from django.db import transaction

    from tests import make

    squad = make.unit(make.bureau())
    now = datetime.now(UTC)
    with transaction.atomic():
        for n in range(PHONES):
            person = make.person(squad, certified=False)
            make.phone(person, f"bench-secret-{n:06d}")
            make.shift(person, now - timedelta(hours=12), now + timedelta(hours=12))
    make_peer_tables()
    durable()


def durable() -> None:
    """Refuse to measure on a server that answers before its disk does."""
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        cursor = connection.cursor()
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {name}")
            if cursor.fetchone()[0] != "on":
                raise SystemExit(f"the server's {name} is off: nothing here would be durable")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@contextlib.contextmanager
def served(application: str) -> Iterator[int]:
    """An ASGI application under uvicorn, with the options of the product."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--lifespan", "off"]
    command += ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]
    process = subprocess.Popen(command, env={**os.environ, "DEBUG": "no"})
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


class Clock:
    """Fix times that never come twice: each call gives the next free millisecond of a phone."""

    def __init__(self) -> None:
        self.next_ms = [int((time.time() - 10 * 3600) * 1000)] * PHONES

    def take(self, phone: int, n: int) -> list[int]:
        start = self.next_ms[phone]
        self.next_ms[phone] += n
        return list(range(start, start + n))


def one(clock: Clock, phone: int) -> bytes:
    """One position as Traccar Client posts it."""
    (at_ms,) = clock.take(phone, 1)
    body = (
        f"id=bench-secret-{phone:06d}&timestamp={at_ms}&lat=60.17{at_ms % 1000}&lon=24.94"
        "&speed=2.14&bearing=90.5&accuracy=5.5&batt=64"
    ).encode()
    return request("traccar", b"application/x-www-form-urlencoded", body)


def hundred(clock: Clock, phone: int) -> bytes:
    """A hundred in Traccar's JSON batch form."""
    locations = [
        {
            "timestamp": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(
                timespec="milliseconds"
            ),
            "coords": {
                "latitude": 60.17,
                "longitude": 24.94 + n / 1e5,
                "accuracy": 5.5,
                "speed": 1.1,
                "heading": 90.5,
            },
            "battery": {"level": 0.64},
        }
        for n, at_ms in enumerate(clock.take(phone, 100))
    ]
    body = json.dumps({"device_id": f"bench-secret-{phone:06d}", "locations": locations})
    return request("traccar", b"application/json", body.encode())


def request(app: str, content_type: bytes, body: bytes) -> bytes:
    """A whole HTTP request."""
    return (
        b"POST /phone/%s HTTP/1.1\r\nhost: localhost\r\ncontent-type: %s\r\n"
        b"content-length: %d\r\n\r\n%s" % (app.encode(), content_type, len(body), body)
    )


def load(port: int, requests: list[bytes], connections: int, pace_s: float = 0) -> Any:
    """Run the load generator; its result. Raises if anything was not acknowledged."""
    stream = b"".join(struct.pack(">I", len(r)) + r for r in requests)
    command = [sys.executable, "-m", "bench.load", "127.0.0.1", str(port)]
    command += [str(connections), str(pace_s)]
    ran = subprocess.run(command, input=stream, capture_output=True, check=True)
    result = json.loads(ran.stdout)
    if result["refused"]:
        raise SystemExit(f"{result['refused']} of {result['requests']} requests were refused")
    return result


def stored() -> int:
    """Rows in the positions table."""
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM patrols_position")
        count: int = cursor.fetchone()[0]
        return count


def copy_rate() -> float:
    """Rows a second by binary COPY of packed rows, 1,000 a commit, into the same table."""
    from patrols.storage.partitions import make_partition, week_start
    from patrols.storage.positions import COLUMNS, COPY_HEAD, COPY_TAIL, pack_row
    from patrols.wire import Reading

    start_us = int((time.time() - 86400 + 10 * 3600) * 1e6) + time.time_ns() % 10**9
    bodies = []
    for first in range(0, COPY_ROWS, 1000):
        rows = [
            pack_row(
                1,
                10**9 + n % PHONES,
                1,
                start_us,
                Reading(start_us + n, 24.94, 60.17, 5.5, 1.1, 90.5, 0.64),
            )
            for n in range(first, first + 1000)
        ]
        bodies.append(COPY_HEAD + b"".join(rows) + COPY_TAIL)
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        cursor = connection.cursor()
        make_partition(cursor, week_start(datetime.fromtimestamp(start_us / 1e6, UTC)))
        connection.commit()
        began_s = time.perf_counter()
        for body in bodies:
            cursor.copy_expert(
                f"COPY patrols_position ({COLUMNS}) FROM STDIN (FORMAT binary)", io.BytesIO(body)
            )
            connection.commit()
        return COPY_ROWS / (time.perf_counter() - began_s)


def rate(port: int, clock: Clock, per_request: int, n: int = 0) -> tuple[float, dict[str, Any]]:
    """Positions a second at so many per request, and the generator's result."""
    build: Callable[[Clock, int], bytes] = one if per_request == 1 else hundred
    n = n or REQUESTS[per_request]
    requests = [build(clock, i % PHONES) for i in range(n)]
    result = load(port, requests, CONNECTIONS)
    return n * per_request / result["took_s"], result


class Figures:
    """What each run has measured, by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float | None:
        values = self.values.get(name)
        return statistics.median(values) if values else None

    def ratios(self, name: str, other: str) -> list[float]:
        """Run by run, because the machine may be busier in one than in another."""
        return [
            a / b
            for a, b in zip(self.values.get(name, []), self.values.get(other, []), strict=False)
        ]

    def tell(self, name: str) -> None:
        values = self.values[name]
        print(
            f"  {name:<34}{statistics.median(values):>12,.1f}"
            f"  ({min(values):,.1f}–{max(values):,.1f})"
        )


NOOP_1, NOOP_100 = "no-op handler, 1 a request", "no-op handler, 100 a request"
OURS_1, OURS_100 = "Tandem, 1 a request", "Tandem, 100 a request"
DJANGO, NODE = "plain Django view, 1 a request", "Node Express + pg, 1 a request"
COPY = "binary COPY, 1,000 a commit"


def measure(figures: Figures, clock: Clock) -> int:
    """All runs, in turns; returns how many acknowledged positions are not in the table."""
    with (
        served("bench.noop:application") as noop,
        served("config.asgi:application") as product,
        served("bench.plain:application") as plain,
        node_served(free_port()) as node,
    ):
        for port in (noop, product, plain, node):
            if port is not None:  # every phone once, and each server warm
                load(port, [one(clock, n) for n in range(PHONES)], CONNECTIONS)
        sent = stored()
        for _ in range(RUNS):
            value, result = rate(noop, clock, 1)
            figures.add(NOOP_1, value)
            figures.add("generator's cores at no-op", result["cores"])
            value, result = rate(product, clock, 1)
            figures.add(OURS_1, value)
            figures.add("generator's cores at Tandem", result["cores"])
            figures.add("its ack p50, ms (64 connections)", result["p50_ms"])
            figures.add("its ack p99, ms (64 connections)", result["p99_ms"])
            if node is not None:
                figures.add(NODE, rate(node, clock, 1, PEER_REQUESTS["node"])[0])
            figures.add(DJANGO, rate(plain, clock, 1, PEER_REQUESTS["plain"])[0])
            figures.add(NOOP_100, rate(noop, clock, 100)[0])
            figures.add(OURS_100, rate(product, clock, 100)[0])
            figures.add(COPY, copy_rate())
            sent += REQUESTS[1] + 100 * REQUESTS[100] + COPY_ROWS
        for _ in range(STEADY_RUNS):  # 2,000 phones, each once a second
            paced = [one(clock, n % PHONES) for n in range(STEADY_S * PHONES)]
            steady = load(product, paced, PHONES, pace_s=1.0)
            figures.add("ack p50, ms, 2,000 phones at 1 Hz", steady["p50_ms"])
            figures.add("ack p99, ms, 2,000 phones at 1 Hz", steady["p99_ms"])
            figures.add("generator's cores there", steady["cores"])
            sent += len(paced)
    return sent - stored()


def main() -> None:
    """Measure, print."""
    make_database()
    figures = Figures()
    lost = measure(figures, Clock())
    print(f"positions/s unless said otherwise, median of {RUNS} runs in turns (range)")
    for name in figures.values:
        figures.tell(name)
    result: dict[str, float | None] = {}
    for key, name, other in (
        ("ingest_1_vs_noop", OURS_1, NOOP_1),
        ("ingest_1_vs_node", OURS_1, NODE),
        ("ingest_1_vs_django", OURS_1, DJANGO),
        ("ingest_100_vs_copy", OURS_100, COPY),
    ):
        if ratios := figures.ratios(name, other):
            result[key] = round(statistics.median(ratios), 3)
            print(f"  {key:<34}{result[key]:>12}  ({min(ratios):.3f}–{max(ratios):.3f})")
        else:
            result[key] = None
    for key, name in (
        ("ingest_1_p50_ms", "its ack p50, ms (64 connections)"),
        ("ingest_1_p99_ms", "its ack p99, ms (64 connections)"),
        ("ack_p50_ms_at_2000", "ack p50, ms, 2,000 phones at 1 Hz"),
        ("ack_p99_ms_at_2000", "ack p99, ms, 2,000 phones at 1 Hz"),
    ):
        value = figures.median(name)
        result[key] = None if value is None else round(value, 2)
    result["acked_lost"] = lost
    print("musts: ingest_1_vs_noop ≥ 0.25 (aim 0.45), ingest_1_vs_node ≥ 2 (aim 4),")
    print("       ingest_100_vs_copy ≥ 0.40 (aim 0.65), ack_p99_ms_at_2000 ≤ 50 (aim 15),")
    print("       acked_lost 0")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
