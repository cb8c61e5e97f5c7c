"""Servers are killed, starved and cut off under load: every acknowledged point is there once.

Real processes, a durable PostgreSQL, many phones in every app's dialect. What was not acknowledged
was answered 503 or not at all, and is stored once on retry. Seeds choose the moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crowd import FORM, JSON, SOCKET, Crowd, Link, request, traccar_json
from tests.faults.stage import Stage, is_alive, kill_postgres, make_servers, small_disk
from tests.processes import PATIENCE_S, ROOT

MIB = 2**20


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One set of servers for this file."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = Stage(ROOT / "var" / "test" / f"faults-{worker}")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def web(stage: Stage) -> Iterator[str]:
    """The address of a web process."""
    yield stage.start_web()
    if "web" in stage.processes.running:
        stage.processes.stop("web")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_web_process_is_killed_again_and_again(stage: Stage, web: str, seed: int) -> None:
    crowd = stage.crowd(24, 400, seed, web)

    async def trouble(crowd: Crowd) -> None:
        for _ in range(2):
            await crowd.until_share(crowd.dice.uniform(0, 0.4) + crowd.acknowledged / crowd.in_all)
            await asyncio.to_thread(stage.kill, "web")
            await asyncio.to_thread(stage.start_web)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)
    assert sum(phone.unanswered for phone in crowd.phones) > 0


def test_the_writer_is_killed_again_and_again(stage: Stage, web: str) -> None:
    """The web process lives on, tells its phones to wait, and starts another writer."""
    crowd = stage.crowd(24, 400, 12, web)

    async def trouble(crowd: Crowd) -> None:
        for line in (0.2, 0.5, 0.7):
            await crowd.until_share(crowd.dice.uniform(line, line + 0.1))
            for pid in stage.writers():
                os.kill(pid, signal.SIGKILL)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)


def test_a_writer_ends_with_its_web_process(stage: Stage, web: str) -> None:
    crowd = stage.crowd(4, 20, 13, web)
    asyncio.run(crowd.live())
    (writer,) = stage.writers()
    stage.kill("web")
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(writer):
        assert time.monotonic() < deadline, "The writer outlives its web process."
        time.sleep(0.01)
    stage.check(crowd)


def test_the_web_process_is_asked_to_end(stage: Stage, web: str) -> None:
    """An upgrade: SIGTERM, and a new process at the same port."""
    crowd = stage.crowd(24, 300, 3, web)

    async def trouble(crowd: Crowd) -> None:
        await crowd.until_share(0.3)
        await asyncio.to_thread(stage.processes.stop, "web")
        await asyncio.to_thread(stage.start_web)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)


@pytest.mark.parametrize("seed", [4, 5])
def test_postgresql_is_killed_and_started_again(stage: Stage, web: str, seed: int) -> None:
    crowd = stage.crowd(24, 400, seed, web)

    async def trouble(crowd: Crowd) -> None:
        for line in (0.2, 0.6):
            await crowd.until_share(crowd.dice.uniform(line, line + 0.2))
            await asyncio.to_thread(kill_postgres, stage.servers)
            await asyncio.to_thread(stage.servers.start, postgresql=True, redis=False)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)


def test_postgresql_stays_away_until_phones_are_told_to_wait(stage: Stage, web: str) -> None:
    """One of its processes is killed, which restarts all; then it is killed and stays away."""
    crowd = stage.crowd(24, 300, 6, web)

    async def trouble(crowd: Crowd) -> None:
        await crowd.until_share(0.2)
        backends = stage.rows(
            "SELECT pid FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        os.kill(crowd.dice.choice(backends)[0], signal.SIGKILL)
        await crowd.until_share(0.6)
        await asyncio.to_thread(kill_postgres, stage.servers)
        await crowd.until_refused()
        await asyncio.to_thread(stage.servers.start, postgresql=True, redis=False)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)


def test_every_connection_of_postgresql_is_taken(stage: Stage, web: str) -> None:
    crowd = stage.crowd(24, 300, 7, web)

    async def trouble(crowd: Crowd) -> None:
        await crowd.until_share(0.3)
        taken = stage.no_connection_left()
        await asyncio.to_thread(taken.__enter__)
        try:
            await crowd.until_refused()
        finally:
            await asyncio.to_thread(taken.__exit__, None, None, None)

    asyncio.run(crowd.live(trouble))
    stage.check(crowd)


def test_redis_goes_and_comes_back(stage: Stage, web: str) -> None:
    """Phones need no Redis: nobody notices, not even sockets that are opened meanwhile."""
    crowd = stage.crowd(24, 400, 8, web)

    async def trouble(crowd: Crowd) -> None:
        await crowd.until_share(0.2)
        await asyncio.to_thread(stage.kill, "redis")
        gone = crowd.acknowledged_by(SOCKET)
        await crowd.until_share(0.7)
        assert crowd.acknowledged_by(SOCKET) > gone
        await asyncio.to_thread(stage.processes.start_redis)

    try:
        asyncio.run(crowd.live(trouble))
    finally:
        if "redis" not in stage.processes.running:
            stage.processes.start_redis()
    stage.check(crowd)
    assert {(phone.refused, phone.unanswered) for phone in crowd.phones} == {(0, 0)}


def test_the_disk_is_full(stage: Stage) -> None:
    """The whole database stands on a small file system that somebody else fills."""
    if os.geteuid() != 0:
        pytest.skip("A small disk needs root (mount -t tmpfs).")
    place = Path(tempfile.mkdtemp(prefix="tandem-disk-"))
    place.chmod(0o755)
    stage.servers.stop()
    try:
        data = (stage.servers.place / "postgres").resolve()
        used = int(subprocess.check_output(["du", "-sb", str(data)]).split()[0])
        with small_disk(used + used // 4 + 160 * MIB, place) as trouble:
            if trouble:
                pytest.skip(f"No small disk can be had here: {trouble}")
            fill_and_free(stage, place, data)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        stage.servers.start(postgresql=True, redis=False)


def fill_and_free(stage: Stage, place: Path, data: Path) -> None:
    """Live on a copy of the database whose disk fills up and is freed again."""
    servers = make_servers(place / "var")
    servers._make_place()
    shutil.rmtree(servers.place / "postgres", ignore_errors=True)
    subprocess.run(["cp", "-a", str(data), str(servers.place / "postgres")], check=True)
    servers.start(postgresql=True, redis=False)
    ballast = place / "ballast"
    address = stage.start_web("full", DATABASE_URL=servers.database_url())
    crowd = stage.crowd(24, 400, 9, address)

    async def trouble(crowd: Crowd) -> None:
        await crowd.until_share(0.3)
        await asyncio.to_thread(fill, ballast)
        await crowd.until_refused()
        ballast.unlink()
        # It goes on by itself, or, where the log could not be written, needs to be started.
        await asyncio.to_thread(servers.start, postgresql=True, redis=False)

    try:
        asyncio.run(crowd.live(trouble))
        stage.check(crowd, servers.database_url())
    finally:
        stage.processes.stop("full")
        servers.clear()


def fill(ballast: Path) -> None:
    """A file that takes all that is left."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(MIB))


def test_two_web_processes_take_the_same_uploads_at_once(stage: Stage, web: str) -> None:
    """Each message goes to both at the same time, in the order of the dice; a fourth of the
    phones sends known points with it."""
    try:
        crowd = stage.crowd(24, 200, 10, web, stage.start_web("second"))
        asyncio.run(crowd.live())
    finally:
        stage.processes.stop("second")
    stage.check(crowd)


def test_a_noisy_phone_and_strangers_cost_the_others_nothing(stage: Stage, web: str) -> None:
    """One phone floods from 32 connections with the largest batches and with rubbish; strangers
    try secrets, and hold bodies open that never end. All others are served at their first try."""
    crowd = stage.crowd(16, 24, 11, web)
    for phone in crowd.phones:
        phone.pace_s = 0.1
    noisy = stage.crowd(1, 5_000, 12, web, apps=["traccar json"]).phones[0]
    batch = traccar_json(noisy.secret, noisy.points)
    too_many = traccar_json(noisy.secret, [*noisy.points, *noisy.points])
    deep = request("POST", f"/phone/traccar?id={noisy.secret}", JSON, b'{"a":' * 50_000)
    stranger = request("POST", "/phone/traccar", FORM, b"id=nobody-knows-me&lat=1&lon=2")
    answered: Counter[int] = Counter()

    async def press(messages: list[bytes]) -> None:
        link = Link(web)
        try:
            while True:
                for message in messages:
                    answer = await link.ask(message)
                    answered[answer[0] if answer else 0] += 1
                    await asyncio.sleep(0.1)
        finally:
            await link.close()

    async def hold_open(size: int) -> None:
        _, writer = await asyncio.open_connection(link.host, link.port)
        head = request("POST", "/phone/traccar", FORM, b"").replace(b": 0", b": 4000000")
        try:
            writer.write(head + b"id=nobody-knows-me&a=" + b"a" * size)
            await writer.drain()
            await asyncio.Event().wait()
        finally:
            writer.transport.abort()

    async def all_at_once() -> None:
        flood = [press([batch, too_many, deep]) for _ in range(32)]
        flood += [press([stranger]) for _ in range(4)]
        flood += [hold_open(3_900_000) for _ in range(40)] + [hold_open(10) for _ in range(100)]
        others = asyncio.create_task(crowd.live())
        await crowd.until(lambda: all(phone.acknowledged for phone in crowd.phones))
        tasks = [asyncio.create_task(part) for part in flood]
        await crowd.until(lambda: answered[200] > 2 and answered[400] > 2)
        assert not others.done(), "nothing was left to disturb"
        await others
        assert not any(task.done() for task in tasks), "the flood ended before the others did"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    link = Link(web)
    asyncio.run(all_at_once())
    stage.check(crowd)
    assert {(phone.refused, phone.unanswered) for phone in crowd.phones} == {(0, 0)}
    # The noisy phone itself is told success, or to wait; strangers what they are.
    assert set(answered) <= {200, 503, 400, 429}
