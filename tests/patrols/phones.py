"""A real server for phones: uvicorn with the whole product, on a free port, over real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from django.db import connection

from patrols.api.group_commit import desk
from patrols.models import Person, Position
from tests import make


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """The product's ASGI application; yields its address. The writer is closed at the end."""
    from config.asgi import application

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_level="warning",
                access_log=False,
                ws="websockets-sansio",
                lifespan="off",
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            # The socket listens already; the first answer comes when the server serves.
            client.get(f"{address}/phone/none", timeout=20)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            desk.close()


def forget_positions() -> None:
    """Empty the positions table: it is unmanaged, so the test runner does not."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE patrols_position")


def officer_on_duty(
    start: datetime | None = None, end: datetime | None = None, **fields: Any
) -> Person:
    """An officer with a shift around now, or in the given span."""
    now = datetime.now(UTC)
    person = make.person(make.unit(make.bureau(), **fields))
    make.shift(person, start or now - timedelta(hours=4), end or now + timedelta(hours=4))
    return person


def stored(person: Person) -> list[Position]:
    """The person's positions in time order."""
    return list(Position.objects.filter(person_id=person.pk).order_by("recorded_at"))
