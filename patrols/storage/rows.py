"""Writing many derived rows at once: text COPY, one round trip a table."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

# What text COPY reads as itself; everything else is escaped.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows of plain values (None is NULL) into a table; returns how many.

    `table` and `columns` are names of this program, never of a person's making. Runs in the
    caller's transaction.
    """
    buffer = io.StringIO()
    count = 0
    for row in rows:
        texts = ("\\N" if v is None else str(v).translate(ESCAPES) for v in row)
        buffer.write("\t".join(texts) + "\n")
        count += 1
    if count:
        buffer.seek(0)
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)
    return count
