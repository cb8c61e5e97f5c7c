"""The peer: a plain Django view that stores one position with one INSERT, on the same server.

Without middleware, and with the phones' secrets kept in memory: kinder to it than most projects. On
this kind of server Django gives each request a thread of its own, and so a connection of its own.
"""

from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
settings.ROOT_URLCONF = "bench.plain"
settings.MIDDLEWARE = []

from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

INSERT = """
INSERT INTO peer_position (bureau_id, person_id, recorded_at, phone_id, received_at, point,
                           accuracy_m, speed_mps, course_deg, battery, flags)
VALUES (%s, %s, to_timestamp(%s / 1000.0), %s, now(), ST_SetSRID(ST_MakePoint(%s, %s), 4326),
        %s, %s, %s, %s, 0)
ON CONFLICT DO NOTHING
"""

phones: dict[str, tuple[Any, ...]] = {}


@csrf_exempt
def store(request: HttpRequest) -> HttpResponse:
    """One position, as Traccar Client posts it; 200 after COMMIT."""
    with connection.cursor() as cursor:
        if not phones:
            cursor.execute("SELECT secret, id, bureau_id, person_id FROM peer_phone")
            phones.update({secret: row for secret, *row in cursor.fetchall()})
        form = request.POST
        phone_id, bureau_id, person_id = phones[form["id"]]
        lon, lat = float(form["lon"]), float(form["lat"])
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            return HttpResponse(status=422)
        cursor.execute(
            INSERT,
            [
                bureau_id,
                person_id,
                int(form["timestamp"]),
                phone_id,
                lon,
                lat,
                float(form["accuracy"]),
                float(form["speed"]) * 1852 / 3600,
                float(form["bearing"]),
                float(form["batt"]) / 100,
            ],
        )
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [path("phone/traccar", store)]
application = ASGIHandler()
