"""The peers of bench/ingest.py: Node Express + pg and a plain Django view, each with one INSERT.

They store the same row in a table of the same columns, key and partitions, on the same durable
server. Node's packages are for this measurement only and are installed by it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg2

NODE = Path(__file__).parent / "node"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

PEER_TABLES = """
CREATE TABLE peer_position (LIKE patrols_position INCLUDING ALL) PARTITION BY RANGE (recorded_at);
CREATE TABLE peer_phone (secret text PRIMARY KEY, id bigint, bureau_id int, person_id bigint);
"""
PEER_PHONES = """
INSERT INTO peer_phone
SELECT 'bench-secret-' || lpad((row_number() OVER (ORDER BY p.id) - 1)::text, 6, '0'),
       p.id, p.bureau_id, h.person_id
FROM patrols_phone p JOIN patrols_phoneholding h ON h.phone_id = p.id
"""


def make_peer_tables() -> None:
    """The peers' own tables: positions with the weeks around now, phones by their secrets."""
    monday = datetime.now(UTC).date()
    monday -= timedelta(days=monday.weekday())
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        cursor = connection.cursor()
        cursor.execute(PEER_TABLES)
        for n in (-1, 0, 1):
            start = monday + timedelta(days=7 * n)
            cursor.execute(
                f"CREATE TABLE peer_position_{n + 1} PARTITION OF peer_position"
                " FOR VALUES FROM (%s) TO (%s)",
                [f"{start} 00:00+00", f"{start + timedelta(days=7)} 00:00+00"],
            )
        cursor.execute(PEER_PHONES)
        connection.commit()


def installed() -> bool:
    """Install Node's packages as locked; false, with the reason said aloud, if that cannot be."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        print("SKIPPED: the Node peer, because npm and node are not installed")
        return False
    env = dict(os.environ)
    if CERTIFICATES.exists():
        env.setdefault("NODE_EXTRA_CA_CERTS", str(CERTIFICATES))
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
    ran = subprocess.run(command, cwd=NODE, env=env, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        reason = (ran.stderr.strip().splitlines() or ["npm says nothing"])[0]
        print(f"SKIPPED: the Node peer, because npm could not install its packages: {reason}")
        return False
    return True


@contextlib.contextmanager
def node_served(port: int) -> Iterator[int | None]:
    """The Node peer on this port; None if it cannot be had."""
    if not installed():
        yield None
        return
    url = urlsplit(os.environ["DATABASE_URL"])
    query: dict[str, Any] = dict(parse_qsl(url.query))
    host = url.hostname or query.get("host", "localhost")
    name, user = url.path.lstrip("/"), url.username or ""
    env = {**os.environ, "NODE_ENV": "production"}
    process = subprocess.Popen(
        ["node", str(NODE / "server.js"), str(port), host, name, user], cwd=NODE, env=env
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                raise SystemExit("the Node peer did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
