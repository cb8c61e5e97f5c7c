"""Positions a second through the whole product path, beside a no-op handler and binary COPY.

`python -m bench.ingest` makes a database of its own on the server of DATABASE_URL, starts the
product and the no-op handler with the same uvicorn options, and prints a table and, as its last
line, one JSON object. Server, database and load generator share the machine: read the ratios.
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
from urllib.parse import urlsplit, urlunsplit

import psycopg2

DATABASE = "bench_ingest"
PHONES = 2_000
CONNECTIONS = 64
RUNS = 3
REQUESTS = {1: 10_000, 100: 1_000}
COPY_ROWS = 100_000


def database_url(name: str) -> str:
    """DATABASE_URL with another database name."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def make_database() -> None:
    """A fresh database with the product's tables and 2,000 phones on duty."""
    connection = psycopg2.connect(database_url("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    connection.close()
    os.environ["DATABASE_URL"] = database_url(DATABASE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LOG_LEVEL"] = "WARNING"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests import make

    squad = make.unit(make.bureau())
    now = datetime.now(UTC)
    for n in range(PHONES):
        person = make.person(squad, certified=False)
        make.phone(person, f"bench-secret-{n:06d}")
        make.shift(person, now - timedelta(hours=12), now + timedelta(hours=12))


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
    command += ["--no-access-log", "--log-level", "warning", "--ws", "websockets-sansio"]
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
        began_s = time.perf_counter()
        for body in bodies:
            cursor.copy_expert(
                f"COPY patrols_position ({COLUMNS}) FROM STDIN (FORMAT binary)", io.BytesIO(body)
            )
            connection.commit()
        return COPY_ROWS / (time.perf_counter() - began_s)


def rates(port: int, clock: Clock, per_request: int) -> tuple[float, dict[str, Any]]:
    """Positions a second at so many per request, and the generator's result."""
    build: Callable[[Clock, int], bytes] = one if per_request == 1 else hundred
    n = REQUESTS[per_request]
    requests = [build(clock, i % PHONES) for i in range(n)]
    result = load(port, requests, CONNECTIONS)
    return n * per_request / result["took_s"], result


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):>10,.0f}  ({min(values):,.0f}–{max(values):,.0f})"


def main() -> None:
    """Measure, print."""
    make_database()
    clock = Clock()
    figures: dict[str, list[float]] = {}
    acks: list[dict[str, Any]] = []
    with served("bench.noop:application") as noop, served("config.asgi:application") as product:
        load(product, [one(clock, n) for n in range(PHONES)], CONNECTIONS)  # every phone once
        sent = stored()
        for _ in range(RUNS):
            for per_request in (1, 100):
                rate, _ = rates(noop, clock, per_request)
                figures.setdefault(f"no-op handler, {per_request} a request", []).append(rate)
                rate, ack = rates(product, clock, per_request)
                figures.setdefault(f"Tandem, {per_request} a request", []).append(rate)
                sent += REQUESTS[per_request] * per_request
                if per_request == 1:
                    acks.append(ack)
            figures.setdefault("binary COPY, 1,000 a commit", []).append(copy_rate())
            sent += COPY_ROWS
        # 2,000 phones, each once a second, for 10 s.
        paced = [one(clock, n % PHONES) for n in range(10 * PHONES)]
        steady = load(product, paced, PHONES, pace_s=1.0)
        sent += len(paced)
    lost = sent - stored()
    median = {name: statistics.median(values) for name, values in figures.items()}
    print(f"positions/s, median of {RUNS} (range)")
    for name, values in figures.items():
        print(f"  {name:<32}{spread(values)}")
    result = {
        "ingest_1_vs_noop": round(
            median["Tandem, 1 a request"] / median["no-op handler, 1 a request"], 3
        ),
        "ingest_100_vs_copy": round(
            median["Tandem, 100 a request"] / median["binary COPY, 1,000 a commit"], 3
        ),
        "ingest_1_p50_ms": round(statistics.median(a["p50_ms"] for a in acks), 2),
        "ingest_1_p99_ms": round(statistics.median(a["p99_ms"] for a in acks), 2),
        "ack_p50_ms_at_2000": round(steady["p50_ms"], 2),
        "ack_p99_ms_at_2000": round(steady["p99_ms"], 2),
        "acked_lost": lost,
    }
    print("limits: ingest_1_vs_noop ≥ 0.25 (aim 0.45), ingest_100_vs_copy ≥ 0.40 (aim 0.65),")
    print("        ack_p99_ms_at_2000 ≤ 50 (aim 15), acked_lost 0")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
