"""Private servers: on no network address, with their data, several beside each other."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def servers(folder: Path) -> Iterator[Any]:
    from servers import Servers

    made = Servers(folder, durable=False)
    yield made
    made.clear()


def scalar(url: str, question: str) -> Any:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def test_they_start_keep_their_data_and_stop(servers: Any, folder: Path) -> None:
    servers.start(postgresql=True, redis=True)
    url = servers.database_url()
    assert scalar(url, "SHOW listen_addresses") == ""
    assert scalar(url, "SHOW server_encoding") == "UTF8"
    assert scalar(url, "SHOW timezone") == "UTC"
    assert scalar(url, "SHOW fsync") == "off", "these are disposable"
    scalar(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with redis.Redis.from_url(servers.redis_url()) as link:
        assert link.ping()
        assert link.config_get("port")["port"] == "0"
    assert stat.S_IMODE((folder / "servers").stat().st_mode) == 0o700

    servers.start(postgresql=True, redis=True)  # those that run are left as they are
    assert scalar(url, "SELECT answer FROM kept") == 42

    servers.stop()
    with pytest.raises(psycopg2.OperationalError):
        scalar(url, "SELECT 1")
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(servers.redis_url()) as link:
        link.ping()
    servers.stop()  # stopping what does not run is no error

    servers.start(postgresql=True, redis=False)
    assert scalar(url, "SELECT answer FROM kept") == 42


def test_a_folder_the_database_user_cannot_enter(tmp_path: Path) -> None:
    """Root's data then stands elsewhere, with a link to it; a normal user is the database user."""
    from servers import Servers

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    servers = Servers(closed / "var", durable=False)
    try:
        servers.start(postgresql=True, redis=True)
        assert scalar(servers.database_url(), "SELECT 1") == 1
        assert servers.place.is_symlink() == (os.geteuid() == 0)
        real = servers.place.resolve()
    finally:
        servers.clear()
    assert not servers.place.is_symlink()
    assert not real.exists()


def test_two_beside_each_other_and_a_very_long_path(servers: Any, tmp_path: Path) -> None:
    from servers import Servers

    other = Servers(tmp_path / ("long" * 30) / "var", durable=False)
    try:
        servers.start(postgresql=False, redis=True)
        other.start(postgresql=False, redis=True)
        with (
            redis.Redis.from_url(servers.redis_url()) as one,
            redis.Redis.from_url(other.redis_url()) as two,
        ):
            one.set("whose", "ours")
            assert two.get("whose") is None
    finally:
        other.clear()


def test_the_product_is_durable(folder: Path) -> None:
    """A fix that a phone was told is stored survives a power cut."""
    from servers import DURABLE, Servers

    assert Servers(folder).durable
    assert DURABLE == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def test_a_pid_file_that_a_power_cut_left_is_no_hindrance(servers: Any) -> None:
    servers.start(postgresql=True, redis=False)
    servers.stop()
    stale = servers.place / "postgres" / "postmaster.pid"
    gone = subprocess.Popen(["true"])
    gone.wait()
    stale.write_text(f"{gone.pid}\n{stale.parent}\n1700000000\n5432\n/nowhere\n\n  1 1\nready\n")
    stale.chmod(0o600)
    os.chown(stale, stale.parent.stat().st_uid, stale.parent.stat().st_gid)
    servers.stop()
    servers.start(postgresql=True, redis=False)
    assert scalar(servers.database_url(), "SELECT 1") == 1


def test_a_database_whose_making_was_cut_off_is_made_anew(servers: Any) -> None:
    servers._make_place()
    begun = servers.place / "postgres"
    begun.mkdir(mode=0o700)
    (begun / "PG_VERSION").write_text("15\n")
    servers.start(postgresql=True, redis=False)
    assert scalar(servers.database_url(), "SELECT 1") == 1
