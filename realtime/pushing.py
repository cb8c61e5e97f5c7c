"""Web push beside the ticker, in a thread of its own: what it waits for holds no frame up."""

from __future__ import annotations

import logging
import threading

from django.db import connection
from django.utils import timezone

from patrols.pushes import send_due

log = logging.getLogger(__name__)

PERIOD_S = 1.0
AFTER_TROUBLE_S = 5.0


def push_until(ended: threading.Event) -> None:
    """Send what is due, every second, until ended. A failing round is logged; the next goes on."""
    wait_s = PERIOD_S
    while not ended.wait(wait_s):
        try:
            send_due(timezone.now())
            wait_s = PERIOD_S
        except Exception:
            log.exception("A round of web push failed; officers' pages ask by themselves.")
            connection.close()
            wait_s = AFTER_TROUBLE_S
    connection.close()
