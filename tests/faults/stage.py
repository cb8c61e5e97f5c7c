"""Servers that may be killed: a durable PostgreSQL, a Redis and web processes of the tests' own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from tests.faults.crowd import APPS, SOCKET, Crowd, Point, SimulatedPhone
from tests.faults.people import secret_of
from tests.processes import PATIENCE_S, ROOT, Processes, free_port

PHONES = 400
# Points lie this far back; each phone has its own seconds.
BACK_S = 4 * 3600
ANY_APP = [*APPS, SOCKET]
WITH_SOS = {"traccar form", "osmand query", "traccar json", SOCKET}

STORED_SQL = """
SELECT h.secret_sha256, extract(epoch FROM p.recorded_at)::bigint,
       round(ST_X(p.point) * 1e6)::bigint, count(*)
FROM patrols_position p JOIN patrols_phone h ON h.id = p.phone_id
WHERE h.secret_sha256 = ANY(%s) GROUP BY 1, 2, 3
"""


def make_servers(folder: Path, *, durable: bool = True) -> Any:
    """Private servers as `make run` has them; the scripts are no package."""
    scripts = str(ROOT / "setup")
    sys.path.insert(0, scripts)
    try:
        from servers import Servers
    finally:
        sys.path.remove(scripts)
    return Servers(folder, durable=durable)


def postmaster(servers: Any) -> int:
    """The process id of its PostgreSQL."""
    return int((servers.place / "postgres" / "postmaster.pid").read_text().split()[0])


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(place.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(place.parent.name))
    return found


def kill_postgres(servers: Any) -> None:
    """kill -9 to all of it at once, as when the machine loses its power but for the disk."""
    main = postmaster(servers)
    os.kill(main, signal.SIGSTOP)  # it makes no more children, and nobody cleans up
    pids = family(main)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "PostgreSQL outlives kill -9."
        time.sleep(0.01)
    if Path(f"/proc/{main}").exists():
        # Dead, but nobody has waited for it (a container without an init): the next one would take
        # it for alive.
        (servers.place / "postgres" / "postmaster.pid").unlink()
        for lock in servers._sockets().glob(".s.PGSQL.*.lock"):
            lock.unlink()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Stage:
    """One PostgreSQL and Redis with people on duty, and the web processes before them."""

    def __init__(self, folder: Path) -> None:
        self.servers = make_servers(folder)
        self.servers.clear()  # what a killed run left behind
        self.servers.start(postgresql=True, redis=False)
        self.processes = Processes({"DATABASE_URL": self.servers.database_url()})
        self.processes.start_redis()
        self.used = 0
        self.webs: dict[str, int] = {}
        subprocess.run(
            [sys.executable, "-m", "tests.faults.people", str(PHONES)],
            cwd=ROOT,
            env=self.processes.environment,
            check=True,
        )

    def close(self) -> None:
        """Stop everything and delete it."""
        self.processes.stop()
        self.servers.clear()

    # Web processes

    def start_web(self, name: str = "web", **environment: str) -> str:
        """Start a web process, or start it again at its port."""
        port = self.webs.setdefault(name, free_port())
        before = dict(self.processes.environment)
        self.processes.environment |= environment
        try:
            return self.processes.start_web(port, name)
        finally:
            self.processes.environment = before

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes.kill(name)

    def writers(self, name: str = "web") -> list[int]:
        """The process ids of a web process's writers."""
        found = []
        for pid in family(self.processes.running[name].pid)[1:]:
            with contextlib.suppress(OSError):
                if b"patrols.writing" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    # Phones

    def crowd(
        self, count: int, points: int, seed: int, *addresses: str, apps: list[str] = ANY_APP
    ) -> Crowd:
        """Phones that nobody used yet, over all apps; each fourth sends known points again."""
        dice = random.Random(seed)
        start_s = int(time.time()) - BACK_S
        phones = []
        for i in range(count):
            n, self.used = self.used, self.used + 1
            assert n < PHONES, "More phones are needed than there are people."
            app = apps[i % len(apps)]
            # One of them is an SOS, where the app knows of such a thing.
            sos = points // 2 if app in WITH_SOS else -1
            mine = [Point(start_s + k, 24_000_000 + 1_000 * n + k, k == sos) for k in range(points)]
            phones.append(
                SimulatedPhone(
                    secret_of(n), app, list(addresses), mine, random.Random(seed + n), i % 4 == 3
                )
            )
        return Crowd(phones, dice)

    # The database

    def rows(self, sql: str, *values: Any, url: str = "") -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with contextlib.closing(self.connect(url)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def connect(self, url: str = "") -> Any:
        """A connection in autocommit mode."""
        connection = psycopg2.connect(url or self.servers.database_url())
        connection.autocommit = True
        return connection

    def stored(self, crowd: Crowd, url: str = "") -> Counter[tuple[str, int, int]]:
        """Every stored point of these phones, as `Crowd.promised` tells them."""
        secrets = {
            hashlib.sha256(phone.secret.encode()).hexdigest(): phone.secret
            for phone in crowd.phones
        }
        rows = self.rows(STORED_SQL, list(secrets), url=url)
        return Counter({(secrets[digest], at, lon): n for digest, at, lon, n in rows})

    def check(self, crowd: Crowd, url: str = "") -> None:
        """Everything was acknowledged and is there once; what stands beside it agrees."""
        assert crowd.strange == []
        promised = crowd.promised()
        assert len(promised) == crowd.in_all
        stored = self.stored(crowd, url)
        assert promised - stored == Counter(), "acknowledged points are lost"
        assert stored - promised == Counter(), "points are stored twice, or nobody sent them"
        digests = [hashlib.sha256(phone.secret.encode()).hexdigest() for phone in crowd.phones]
        # The latest place of each is the newest of its points, and their days wait for the judge.
        latest = self.rows(
            "SELECT h.secret_sha256, extract(epoch FROM l.recorded_at)::bigint"
            " FROM patrols_latest l JOIN patrols_phone h ON h.id = l.phone_id"
            " WHERE h.secret_sha256 = ANY(%s)",
            digests,
            url=url,
        )
        newest = {
            digest: max(point.at_s for point in phone.points)
            for digest, phone in zip(digests, crowd.phones, strict=True)
        }
        assert dict(latest) == newest
        unmarked = self.rows(
            "SELECT DISTINCT p.person_id FROM patrols_position p"
            " JOIN patrols_phone h ON h.id = p.phone_id LEFT JOIN patrols_touchedday t"
            " ON (t.bureau_id, t.person_id) = (p.bureau_id, p.person_id)"
            " AND t.day = (p.recorded_at AT TIME ZONE 'Asia/Shanghai')::date"
            " WHERE h.secret_sha256 = ANY(%s) AND t.day IS NULL",
            digests,
            url=url,
        )
        assert unmarked == []
        kept = self.rows(
            "SELECT q.reason, count(*) FROM patrols_quarantine q JOIN patrols_phone h"
            " ON h.id = q.phone_id WHERE h.secret_sha256 = ANY(%s) GROUP BY 1",
            digests,
            url=url,
        )
        assert kept == []
        # One alarm for each SOS, at its moment.
        alarms = self.rows(
            "SELECT h.secret_sha256, extract(epoch FROM a.raised_at)::bigint FROM patrols_alarm a"
            " JOIN patrols_phoneholding g ON g.person_id = a.person_id"
            " JOIN patrols_phone h ON h.id = g.phone_id WHERE h.secret_sha256 = ANY(%s)",
            digests,
            url=url,
        )
        raised = {
            (digest, point.at_s)
            for digest, phone in zip(digests, crowd.phones, strict=True)
            for point in phone.points
            if point.sos
        }
        assert sorted(alarms) == sorted(raised)

    @contextlib.contextmanager
    def no_connection_left(self) -> Iterator[None]:
        """Take every connection that the server gives, and end those of others."""
        taken = [self.connect()]
        most = int(self.rows("SHOW max_connections")[0][0])
        try:
            while len(taken) < most:
                try:
                    taken.append(self.connect())
                except psycopg2.OperationalError:
                    mine = [connection.info.backend_pid for connection in taken]
                    taken[0].cursor().execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                        [mine],
                    )
            yield
        finally:
            for connection in taken:
                connection.close()


@contextlib.contextmanager
def small_disk(size_bytes: int, place: Path) -> Iterator[str]:
    """A file system in memory of this size at `place`; yields why it cannot be had, or nothing."""
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={size_bytes},mode=0755"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(place, ignore_errors=True)
        yield done.stderr.strip() or "mount failed"
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()
