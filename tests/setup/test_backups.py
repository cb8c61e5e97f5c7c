"""A backup holds everything; a broken one changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.processes import other_database

SERVER = os.environ.get("DATABASE_URL", "")


def ask(url: str, statement: str) -> Any:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with one row, beside those of the tests."""
    import backups

    monkeypatch.setattr(backups, "LOG", tmp_path / "backup.log")
    name = f"backup_{os.getpid()}"
    server = other_database(SERVER, "postgres")
    ask(server, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    made = other_database(SERVER, name)
    ask(made, "CREATE TABLE verdict AS SELECT '达标'::text AS outcome, 7260 AS credited_s")
    yield made
    kept = f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'"
    for (each,) in ask(server, kept):
        ask(server, f'DROP DATABASE "{each}" WITH (FORCE)')


def test_what_was_backed_up_comes_back(url: str, tmp_path: Path) -> None:
    import backups

    file = tmp_path / "tandem.backup"
    backups.dump(url, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ask(url, "UPDATE verdict SET credited_s = 0")
    old = backups.put_back(url, file)
    assert ask(url, "SELECT * FROM verdict") == [("达标", 7260)]
    assert ask(other_database(url, old), "SELECT credited_s FROM verdict") == [(0,)]


def test_a_broken_backup_changes_nothing(url: str, tmp_path: Path) -> None:
    import backups
    from console import Stop

    whole = tmp_path / "tandem.backup"
    backups.dump(url, whole)
    broken = tmp_path / "broken.backup"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(Stop, match="the database is as it was"):
        backups.put_back(url, broken)
    assert ask(url, "SELECT * FROM verdict") == [("达标", 7260)]
    names = ask(url, "SELECT count(*) FROM pg_database WHERE datname LIKE '%_restoring'")
    assert names == [(0,)]


def test_a_backup_that_was_cut_off_does_not_look_like_one(url: str, tmp_path: Path) -> None:
    import backups
    from console import Stop

    file = tmp_path / "tandem.backup"
    with pytest.raises(Stop, match="was not written"):
        backups.dump(other_database(url, "no_such_database"), file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("file", "sure", "says"),
    [
        ("", "yes", "Name the backup"),
        ("/nowhere", "yes", "Name the backup"),
        (__file__, "", "SURE"),
    ],
)
def test_restore_asks_first(
    file: str, sure: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import backups
    from console import Stop

    monkeypatch.setenv("SURE", sure)
    with pytest.raises(Stop, match=says):
        backups.restore(file)
