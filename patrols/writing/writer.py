"""The writer's work: what has gathered in one transaction, and again while the database is away."""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg2

from patrols import ingest
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.ingest import Receipt
from patrols.storage.carriers import find_phone
from patrols.writing.messages import Found

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


class OwnDesk(Desk):
    """A desk with a connection of its own, without Django's."""

    def __init__(self, database: dict[str, Any]) -> None:
        super().__init__()
        self.database = database
        self.connection: Any = None

    def cursor(self) -> Any:
        """A cursor in autocommit mode. Raises psycopg2.Error if the database cannot be reached."""
        if self.connection is None:
            connection = psycopg2.connect(**self.database)
            connection.autocommit = True
            connection.cursor().execute("SET TIME ZONE 'UTC'")
            self.connection = connection
            self.prepared = set()
        return self.connection.cursor()

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def now_us() -> int:
    """The present in microseconds since 1970."""
    return time.time_ns() // 1000


class Writer:
    """Writes batches at its desk. A batch is tried again for `patience_s` seconds."""

    def __init__(self, desk: Desk, patience_s: float) -> None:
        self.desk = desk
        self.patience_s = patience_s
        self.down = False

    def write(self, uploads: list[Upload], *, patient: bool = True) -> list[Receipt | None]:
        """A receipt for each; None for what is not written."""
        try:
            return [*self.accept(uploads, patient)]
        except psycopg2.Error:
            return [None] * len(uploads)
        except Exception:
            # A bug that one upload meets must not cost the others.
            log.exception("Taking in a batch of uploads failed; taking them one by one.")
            self.desk.reconnect()
            return [self.accept_alone(upload, patient) for upload in uploads]

    def accept(self, uploads: list[Upload], patient: bool) -> list[Receipt]:
        """`ingest.accept`, tried again on a new connection while the database is away."""
        give_up_s = time.monotonic() + (self.patience_s if patient and not self.down else 0)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                receipts = ingest.accept(self.desk, uploads, now_us())
            except psycopg2.Error as error:
                self.desk.reconnect()
                if time.monotonic() + pause_s > give_up_s:
                    if not self.down:
                        log.error("The database does not take positions: %s", describe(error))
                    self.down = True
                    raise
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if self.down:
                    log.warning("The database takes positions again.")
                self.down = False
                return receipts

    def accept_alone(self, upload: Upload, patient: bool) -> Receipt | None:
        """One upload of a failed batch."""
        try:
            return self.accept([upload], patient)[0]
        except psycopg2.Error:
            return None
        except Exception:
            log.exception("An upload of phone %s cannot be taken in.", upload.phone_id)
            self.desk.reconnect()
            return None

    def find(self, secrets_sha256: list[str]) -> Found:
        """The phone of the first secret that is one's; one more try on a new connection."""
        for attempt in (1, 2):
            try:
                found = find_phone(self.desk.cursor(), secrets_sha256)
            except psycopg2.Error as error:
                self.desk.reconnect()
                if attempt == 2:
                    log.error("Looking up a phone failed: %s", describe(error))
            else:
                return Found() if found is None else Found(True, *found)
        return Found(reached=False)


def describe(error: Exception) -> str:
    """The first line of a database error; it may not hold what was sent."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
