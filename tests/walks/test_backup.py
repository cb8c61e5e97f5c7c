"""After backup and restore a week is judged again, and every verdict is the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.conftest import Product
from tests.processes import ROOT, Processes, other_database

pytestmark = pytest.mark.product

VERDICTS = """
    SELECT v.monday, v.person_id, v.subject, v.outcome, v.numbers::text, v.reasons::text
    FROM patrols_verdict v
    WHERE v.is_current AND v.monday = %s
    ORDER BY 1, 2, 3
"""


def rows(url: str, question: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question, values)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def test_a_restored_week_is_judged_the_same(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import backups

    monkeypatch.setattr(backups, "LOG", tmp_path / "backup.log")
    url = product.processes.environment["DATABASE_URL"]
    ((monday,),) = rows(url, "SELECT min(monday) FROM patrols_verdict")
    before = rows(url, VERDICTS, monday)
    assert len({person for _, person, *_ in before}) == 24

    file = tmp_path / "tandem.backup"
    backups.dump(url, file)
    name = f"restored_{os.getpid()}"
    server = other_database(url, "postgres")
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    restored = other_database(url, name)
    old = ""
    try:
        old = backups.put_back(restored, file)
        assert rows(restored, VERDICTS, monday) == before
        again = Processes({**product.processes.environment, "DATABASE_URL": restored})
        again.run("judge_week", "--week", monday.isoformat())
        assert rows(restored, VERDICTS, monday) == before
    finally:
        with connection.cursor() as cursor:
            for each in filter(None, (name, old)):
                cursor.execute(f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)')
        connection.close()
