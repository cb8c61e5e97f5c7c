"""A database for one run: made, used instead of the default one, and dropped, come what may.

An advisory lock on the server's maintenance database says whose run is alive, so that what a
killed run left behind is dropped by the next one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connection
from psycopg2 import sql

LOCK_SQL = "SELECT pg_try_advisory_lock(hashtextextended(%s, 7120))"
UNLOCK_SQL = "SELECT pg_advisory_unlock(hashtextextended(%s, 7120))"
NAMES_SQL = "SELECT datname FROM pg_database WHERE datname LIKE %s"


@contextmanager
def scratch_database(prefix: str) -> Iterator[str]:
    """Point Django's default connection to a new empty database and yield its name.

    Raises psycopg2.Error if the server does not answer or does not let us make databases.
    """
    with maintenance() as server:
        cursor = server.cursor()
        drop_left_behind(cursor, prefix)
        name = f"{prefix}{os.getpid()}_{secrets.token_hex(4)}"
        cursor.execute(LOCK_SQL, [name])
        own = connection.settings_dict["NAME"]
        try:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(name)
                )
            )
            _use(name)
            yield name
        finally:
            _use(own)
            _drop(cursor, name)


@contextmanager
def maintenance() -> Iterator[Any]:
    """A connection to the server that Django uses, in autocommit, to no database of ours."""
    given = {**connection.get_connection_params()}
    given.pop("cursor_factory", None)
    given.pop("context", None)
    server = None
    for name in ("postgres", "template1", given.get("dbname")):
        try:
            server = psycopg2.connect(**{**given, "dbname": name})
            break
        except psycopg2.OperationalError as error:
            trouble = error
    if server is None:
        raise trouble
    try:
        server.autocommit = True
        yield server
    finally:
        server.close()


def drop_left_behind(cursor: Any, prefix: str) -> list[str]:
    """Drop the scratch databases whose run is no longer alive; returns their names."""
    cursor.execute(NAMES_SQL, [prefix.replace("_", r"\_") + "%"])
    gone = []
    for (name,) in cursor.fetchall():
        cursor.execute(LOCK_SQL, [name])
        if cursor.fetchone()[0]:
            _drop(cursor, name)
            cursor.execute(UNLOCK_SQL, [name])
            gone.append(name)
    return gone


def _drop(cursor: Any, name: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _use(name: Any) -> None:
    connection.close()
    settings.DATABASES[connection.alias]["NAME"] = name
    connection.settings_dict["NAME"] = name
