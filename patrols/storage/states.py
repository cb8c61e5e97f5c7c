"""Writing live states: one statement of arrays, however many there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from patrols.models import LiveState

COLUMNS = [
    "duty_since", "duty_until", "company", "company_since", "partners", "parked_since",
    "street", "street_en", "hotspot_id", "hotspot_name", "contact_at",
]  # fmt: skip
# As PostgreSQL takes them apart again; partners are JSON.
TYPES = {
    "duty_since": "timestamptz", "duty_until": "timestamptz", "company": "text",
    "company_since": "timestamptz", "partners": "jsonb", "parked_since": "timestamptz",
    "street": "text", "street_en": "text", "hotspot_id": "bigint", "hotspot_name": "text",
    "contact_at": "timestamptz",
}  # fmt: skip
WRITE_SQL = f"""
INSERT INTO patrols_livestate (bureau_id, person_id, {", ".join(COLUMNS)}, version)
SELECT bureau, person, {", ".join(COLUMNS)}, nextval('patrols_latest_version')
FROM unnest(%s::bigint[], %s::bigint[], {", ".join(f"%s::{TYPES[one]}[]" for one in COLUMNS)})
    AS rows (bureau, person, {", ".join(COLUMNS)})
ON CONFLICT (bureau_id, person_id) DO UPDATE
SET {", ".join(f"{one} = excluded.{one}" for one in COLUMNS)}, version = excluded.version
"""  # noqa: S608  (columns are ours)


def write_states(states: list[LiveState]) -> int:
    """Insert or replace states, each with the next version of the sequence; how many.

    One statement of arrays: rows of the ORM would take seconds for 10,000 people.
    """
    if not states:
        return 0
    columns = [[getattr(state, column) for state in states] for column in COLUMNS]
    partners = COLUMNS.index("partners")
    columns[partners] = [json.dumps(one) for one in columns[partners]]
    people = [[state.bureau_id for state in states], [state.person_id for state in states]]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_SQL, [*people, *columns])
    return len(states)
