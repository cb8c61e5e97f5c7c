"""One process at a time: advisory locks of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# First number of the locks that judging takes; the second is the bureau.
JUDGING = 7_120


@contextmanager
def in_turn(bureau_id: int, *, wait: bool = False) -> Iterator[bool]:
    """Hold a bureau's turn to judge; yields false, holding nothing, if another process has it.

    With `wait` it waits for its turn and yields true.
    """
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [JUDGING, bureau_id])
            mine = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [JUDGING, bureau_id])
            mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [JUDGING, bureau_id])


def take_for_good(name: str) -> bool:
    """Take the lock of that name until this connection ends; false if another process has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
        return bool(cursor.fetchone()[0])
