"""Minutes of steady load: what phones wait for, what the server keeps in memory, what is lost.

`python -m bench.soak MINUTES PHONES` makes a database of its own on the server of DATABASE_URL and
starts the product. Each phone makes a fix a second and reports it as its app does: one at a time,
or ten in a batch; one message in twenty comes over a new connection, one in fifty is sent again
later. Ends with code 1 if a confirmed position is missing or doubled, a phone was refused, or
memory changed by more than 5 % after the first minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import uvloop

from tests.faults.crowd import APPS, SOCKET, Crowd, Point, SimulatedPhone
from tests.faults.people import secret_of
from tests.faults.stage import STORED_SQL, family
from tests.processes import ROOT, Processes, free_port, other_database

DATABASE = "bench_soak"
BATCH_S = 10
SAMPLE_S = 2.0
TOGETHER = 250  # phones compared with the table at a time
# Phones connect, caches and pools fill: from the end of this on memory must be flat.
WARM_UP_S = 60.0
MOST_GROWTH = 0.05


def make_database(phones: int) -> str:
    """A fresh database with so many phones on duty; its address."""
    server = os.environ["DATABASE_URL"]
    with contextlib.closing(psycopg2.connect(other_database(server, "postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
    url = other_database(server, DATABASE)
    subprocess.run(
        [sys.executable, "-m", "tests.faults.people", str(phones)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
    )
    return url


def resident_mb(pid: int) -> float:
    """Memory of a process and its writer that is in RAM, in MB."""
    total_kb = 0
    for each in family(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total_kb += int(line.split()[1])
    if not total_kb:
        raise RuntimeError("The web process has ended.")
    return total_kb / 1024


class Clock:
    """The common beginning, and each phone's next second."""

    def __init__(self, lasts_s: float) -> None:
        self.start_s = int(time.time())
        self.begin_s = time.monotonic()
        self.lasts_s = lasts_s

    def points(self, first: int, count: int) -> list[Point]:
        """The fixes of so many seconds from the `first` on."""
        return [Point(self.start_s + k, 24_000_000 + k) for k in range(first, first + count)]

    async def until(self, second: float) -> None:
        """Sleep until this second of the run."""
        await asyncio.sleep(max(0.0, self.begin_s + second - time.monotonic()))


async def report(phone: SimulatedPhone, clock: Clock, phase_s: float) -> None:
    """One phone's minutes."""
    each_s = 1 if phone.most == 1 else BATCH_S
    links = [phone.link(address) for address in phone.addresses]
    try:
        for first in range(0, int(clock.lasts_s) - each_s + 1, each_s):
            await clock.until(first + each_s + phase_s * each_s)
            points = clock.points(first, each_s)
            if phone.dice.random() < 0.05:
                await links[0].close()
            await phone.deliver(links, points)
            if phone.dice.random() < 0.02:
                await phone.deliver(links, phone.again(phone.most))
    finally:
        for link in links:
            await link.close()


async def sample(pid: int, clock: Clock, seen: list[tuple[float, float]]) -> None:
    """Memory of the server, (second, MB), until the end."""
    second = 0.0
    while second <= clock.lasts_s:
        await clock.until(second)
        seen.append((second, resident_mb(pid)))
        second += SAMPLE_S


async def soak(crowd: Crowd, pid: int, lasts_s: float) -> list[tuple[float, float]]:
    """All phones and the sampling of memory."""
    clock = Clock(lasts_s)
    seen: list[tuple[float, float]] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(sample(pid, clock, seen))
        for n, phone in enumerate(crowd.phones):
            group.create_task(report(phone, clock, n / len(crowd.phones)))
    return seen


def compare(url: str, crowd: Crowd) -> tuple[int, int]:
    """(confirmed positions that are not stored, stored ones too many)."""
    lost = doubled = 0
    with contextlib.closing(psycopg2.connect(url)) as connection:
        cursor = connection.cursor()
        # Nothing is indexed by phone: each statement reads the whole table.
        for first in range(0, len(crowd.phones), TOGETHER):
            some = {
                hashlib.sha256(phone.secret.encode()).hexdigest(): phone
                for phone in crowd.phones[first : first + TOGETHER]
            }
            cursor.execute(STORED_SQL, [list(some)])
            stored = {(digest, at_s, lon_e6): n for digest, at_s, lon_e6, n in cursor.fetchall()}
            promised = {
                (digest, point.at_s, point.lon_e6)
                for digest, phone in some.items()
                for point in phone.acknowledged
            }
            lost += len(promised - stored.keys())
            doubled += sum(stored.values()) - len(promised & stored.keys())
    return lost, doubled


@contextlib.contextmanager
def many_sockets() -> Iterator[None]:
    """As many open files as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def main(minutes: float, count: int) -> int:
    """Measure, print; the exit code."""
    url = make_database(count)
    group = Processes({"DATABASE_URL": url, "LOG_LEVEL": "WARNING"})
    apps = [*APPS, SOCKET]
    try:
        with many_sockets():
            address = group.start_web(free_port())
            pid = group.running["web"].pid
            before_mb = resident_mb(pid)
            phones = [
                SimulatedPhone(secret_of(n), apps[n % len(apps)], [address], [], random.Random(n))
                for n in range(count)
            ]
            crowd = Crowd(phones, random.Random(0))
            seen = uvloop.run(soak(crowd, pid, 60 * minutes))
        said = [line for line in group.said("web").splitlines() if "INFO" not in line]
    finally:
        group.stop()
    lost, doubled = compare(url, crowd)
    times = sorted(took_s for phone in phones for took_s in phone.took_s)
    warm_s = min(WARM_UP_S, 30 * minutes)
    warm = [mb for second, mb in seen if second >= warm_s]
    tenth = max(1, len(warm) // 10)
    first_mb, last_mb = (sum(part) / tenth for part in (warm[:tenth], warm[-tenth:]))
    growth = last_mb / first_mb - 1
    result = {
        "soak_minutes": minutes,
        "soak_phones": count,
        "soak_positions": crowd.acknowledged,
        "soak_requests": len(times),
        "soak_ack_p50_ms": round(1000 * times[len(times) // 2], 2),
        "soak_ack_p99_ms": round(1000 * times[int(len(times) * 0.99)], 2),
        "soak_ack_max_ms": round(1000 * times[-1], 1),
        "soak_refused": crowd.refused + len(crowd.strange),
        "soak_unanswered": sum(phone.unanswered for phone in phones),
        "soak_lost": lost,
        "soak_doubled": doubled,
        "soak_mb_idle": round(before_mb, 1),
        "soak_mb_warm": round(first_mb, 1),
        "soak_mb_middle": round(warm[len(warm) // 2], 1),
        "soak_mb_end": round(last_mb, 1),
        "soak_memory_growth_pct": round(100 * growth, 2),
    }
    for name, value in result.items():
        print(f"  {name.removeprefix('soak_'):<20}{value:>12,}")
    for strange in crowd.strange[:5]:
        print(f"  answered {strange}")
    for line in said:
        print(f"  {line}")
    print("limits: lost 0, doubled 0, refused 0, memory ± 5 % after the first minute")
    print(json.dumps(result))
    bad = lost or doubled or result["soak_refused"] or abs(growth) > MOST_GROWTH
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
