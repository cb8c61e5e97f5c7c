"""Whether anything of the live roster may have changed, without reading it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import connection

# Rows of people and units by where they lie and what transaction wrote them; phones by value,
# because each contact writes them.
MARK_SQL = """
SELECT (SELECT (count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)))::text
        FROM patrols_person WHERE left_on IS NULL OR left_on >= %(today)s),
       (SELECT (count(*), bit_xor(hashint8extended(
                   h.id, hashint8extended(h.person_id, p.interval_s))))::text
        FROM patrols_phoneholding h JOIN patrols_phone p ON p.id = h.phone_id
        WHERE h.until IS NULL AND h.since <= %(now)s AND p.revoked_at IS NULL),
       (SELECT (count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)))::text
        FROM bureau_orgunit),
       (SELECT max(id) FROM stations_stationchange),
       (SELECT max(id) FROM geo_importrun WHERE NOT dry_run)
"""


def roster_mark(today: date, now: datetime) -> tuple[Any, ...]:
    """Another one whenever people, who holds which phone, units, stations or imports are others."""
    with connection.cursor() as cursor:
        cursor.execute(MARK_SQL, {"today": today, "now": now})
        mark: tuple[Any, ...] = cursor.fetchone()
    return mark
