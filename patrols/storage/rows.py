"""Many rows at once by COPY: written in one round trip a table, read into an array."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

HEAD_BYTES = 19  # signature, flags, length of the header's extension
TAIL_BYTES = 2


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows of plain values (None is NULL) into a table; returns how many.

    `table` and `columns` are names of this program, never of a person's making. Runs in the
    caller's transaction.
    """
    buffer = io.StringIO(newline="")
    # Everything but None in quotes: to COPY an empty text is then no NULL. The writer is in C, ten
    # times faster than escaping each value for the text format.
    writer = csv.writer(buffer, quoting=csv.QUOTE_NOTNULL, lineterminator="\n")
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    if count:
        buffer.seek(0)
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(
                f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv)", buffer
            )
    return count


def read_rows(sql: str, row: np.dtype[np.void]) -> NDArray[np.void]:
    """What a `COPY … TO STDOUT (FORMAT binary)` says, as an array of `row`.

    row: a field count, then each field after its length, big-endian. Every field has its length, so
    none may be NULL.
    """
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(sql, buffer)
    raw = buffer.getbuffer()
    return np.frombuffer(raw[HEAD_BYTES : len(raw) - TAIL_BYTES], dtype=row)
