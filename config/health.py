"""`/health`: whether the parts that pages and phones need answer, and what will soon fail."""

from __future__ import annotations

import ctypes
import logging
import shutil
import time

import redis
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import Error
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

log = logging.getLogger(__name__)

CLOCK_TOLERANCE_S = 2.0  # between this machine and the database's
NTP_UNSYNCHRONISED = 5  # TIME_ERROR of ntp_adjtime(3)


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 with each part's state, 503 if the database or Redis fails. Says nothing about people.

    A part is "ok", "failed", or "warning: …" with what to do.
    """
    parts = {
        "database": _database(),
        "redis": _redis(),
        "disk": _disk(),
        "clock": _clock(),
    }
    failed = "failed" in parts.values()
    return JsonResponse(parts, status=503 if failed else 200)


def _database() -> str:
    try:
        theirs = ContentType.objects.annotate(now=Now()).values_list("now", flat=True)[:1].get()
    except Error:
        log.exception("The database does not answer")
        return "failed"
    ahead_s = theirs.timestamp() - time.time()
    if abs(ahead_s) > CLOCK_TOLERANCE_S:
        return f"warning: its clock is {ahead_s:+.1f} s off ours; set both by NTP"
    return "ok"


def _redis() -> str:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
        ) as link:
            link.ping()
    except (redis.RedisError, OSError):
        log.exception("Redis does not answer")
        return "failed"
    return "ok"


def _disk() -> str:
    free = shutil.disk_usage(settings.VAR_DIR).free
    if free < settings.DISK_LOW_BYTES:
        return f"warning: {free / 2**30:.1f} GiB left; free some space before it ends"
    return "ok"


def _clock() -> str:
    """Whether the system's clock is kept by NTP: phones' times are judged against it."""
    state = ctypes.CDLL(None).ntp_adjtime(ctypes.create_string_buffer(1024))
    if state == NTP_UNSYNCHRONISED:
        return "warning: not kept by NTP, as far as this machine knows"
    return "ok"
