"""Reading what admission needs: phones by secret, who holds them, when those people are on duty."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from bureau.rules import Rules
from bureau.week import Week, day_bounds
from patrols.admission import (
    EPOCH,
    FOREVER_US,
    LONGEST_PATROL,
    Carrier,
    Holding,
    KnownPhone,
    Span,
    merged,
)

MICROSECOND = timedelta(microseconds=1)
DEFAULT_SLACK_US = Rules().duty_slack_s * 1_000_000


def to_us(moment: datetime | None) -> int:
    """Microseconds since 1970; a missing end is for ever."""
    return FOREVER_US if moment is None else (moment - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The aware moment of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def find_phone(cursor: Any, secrets_sha256: list[str]) -> tuple[int, str] | None:
    """(id, sha256) of the first of these secrets that is a phone's and not revoked.

    After a renewal the old secret is the phone's, too, until its end.
    """
    cursor.execute(
        """
SELECT id, sha256 FROM (
    SELECT id, secret_sha256::text AS sha256 FROM patrols_phone
    WHERE secret_sha256 = ANY(%(given)s) AND revoked_at IS NULL
    UNION ALL
    SELECT id, old_secret_sha256::text FROM patrols_phone
    WHERE old_secret_sha256 = ANY(%(given)s) AND revoked_at IS NULL
      AND old_secret_until > clock_timestamp()
) found
ORDER BY array_position(%(given)s, sha256) LIMIT 1
""",
        {"given": secrets_sha256},
    )
    found: tuple[int, str] | None = cursor.fetchone()
    return found


def load_phones(cursor: Any, phone_ids: list[int], now_us: int) -> dict[int, KnownPhone]:
    """Phones with all their holdings."""
    cursor.execute(
        """
SELECT p.id, p.bureau_id, b.time_zone, p.secret_sha256, p.revoked_at IS NOT NULL,
       p.old_secret_sha256, p.old_secret_until, p.told_app, h.person_id, h.since, h.until
FROM patrols_phone p
JOIN bureau_bureau b ON b.id = p.bureau_id
LEFT JOIN patrols_phoneholding h ON h.phone_id = p.id
WHERE p.id = ANY(%s)
ORDER BY p.id, h.since
""",
        [phone_ids],
    )
    phones: dict[int, KnownPhone] = {}
    for row in cursor.fetchall():
        phone_id, bureau_id, zone, secret_sha256, revoked = row[:5]
        old_sha256, old_until, told_app, person_id, since, until = row[5:]
        phone = phones.get(phone_id)
        if phone is None:
            phone = phones[phone_id] = KnownPhone(
                phone_id, bureau_id, zone, secret_sha256, revoked, [], now_us
            )
            phone.told_app = told_app
            if old_sha256 is not None:
                phone.old_secret_sha256, phone.old_until_us = old_sha256, to_us(old_until)
        if person_id is not None:
            phone.holdings.append(Holding(person_id, to_us(since), to_us(until)))
    return phones


def load_slacks(cursor: Any) -> dict[int, list[tuple[date, int]]]:
    """Bureau → (Monday, slack in µs), in time order, of every rule set there is."""
    cursor.execute(
        "SELECT bureau_id, valid_from, values -> 'duty_slack_s' FROM bureau_ruleset"
        " ORDER BY valid_from"
    )
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for bureau_id, monday, value in cursor.fetchall():
        found[bureau_id].append(
            (monday, DEFAULT_SLACK_US if value is None else int(value) * 1_000_000)
        )
    return found


def slack_us(slacks: list[tuple[date, int]], starts_at: datetime, zone: str) -> int:
    """Minutes that count before and after a shift, by the rules of the Monday of its week."""
    if not slacks:
        return DEFAULT_SLACK_US
    monday = Week.containing(starts_at, zone).monday
    i = bisect_right(slacks, monday, key=lambda row: row[0]) - 1
    return slacks[i][1] if i >= 0 else DEFAULT_SLACK_US


DUTY_SQL = """
SELECT person_id, 's', starts_at, ends_at FROM patrols_shift
WHERE person_id = ANY(%(people)s) AND starts_at < %(until)s AND ends_at > %(since)s
UNION ALL
SELECT m.person_id, 'p', p.started_at, p.ended_at
FROM patrols_patrolmember m JOIN patrols_patrol p ON p.id = m.patrol_id
WHERE m.person_id = ANY(%(people)s)
  AND p.started_at < %(until)s AND (p.ended_at IS NULL OR p.ended_at > %(since)s)
UNION ALL
SELECT person_id, 'o', since, until FROM patrols_ordermember
WHERE person_id = ANY(%(people)s) AND since IS NOT NULL
  AND since < %(until)s AND (until IS NULL OR until > %(since)s)
UNION ALL
SELECT person_id, 'a', raised_at, closed_at FROM patrols_alarm
WHERE person_id = ANY(%(people)s)
  AND raised_at < %(until)s AND (closed_at IS NULL OR closed_at > %(since)s)
"""

PEOPLE_SQL = """
SELECT p.id, b.time_zone, p.bureau_id, p.left_on, EXISTS (
    SELECT 1 FROM patrols_noticeaccepted a
    WHERE a.person_id = p.id AND a.notice_id = (
        SELECT n.id FROM bureau_locationnotice n
        WHERE n.bureau_id = p.bureau_id AND n.valid_from <= %(now)s
        ORDER BY n.version DESC LIMIT 1))
FROM patrols_person p JOIN bureau_bureau b ON b.id = p.bureau_id
WHERE p.id = ANY(%(people)s)
"""

# A shift reaches past its ends by the slack, at most this (bureau/rules: duty_slack_s).
LARGEST_SLACK = timedelta(hours=2)


def load_carriers(
    cursor: Any,
    people: list[int],
    known: Span,
    now_us: int,
    slacks: dict[int, list[tuple[date, int]]],
) -> dict[int, Carrier]:
    """What admission needs of these people, for fixes of times within `known`."""
    values = {
        "people": people,
        "since": from_us(known[0]) - LARGEST_SLACK,
        "until": from_us(known[1]) + LARGEST_SLACK,
        "now": from_us(now_us),
    }
    cursor.execute(PEOPLE_SQL, values)
    carriers: dict[int, Carrier] = {}
    places: dict[int, tuple[int, str]] = {}
    for person_id, zone, bureau_id, left_on, noticed in cursor.fetchall():
        left_us = FOREVER_US if left_on is None else to_us(day_bounds(left_on, zone)[1])
        carriers[person_id] = Carrier(person_id, noticed, left_us, [], [], known, now_us)
        places[person_id] = (bureau_id, zone)
    cursor.execute(DUTY_SQL, values)
    spans: dict[int, list[Span]] = defaultdict(list)
    for person_id, kind, starts_at, ends_at in cursor.fetchall():
        start, end = to_us(starts_at), to_us(ends_at)
        if kind == "s":
            bureau_id, zone = places[person_id]
            slack = slack_us(slacks.get(bureau_id, []), starts_at, zone)
            start, end = start - slack, end + slack
        elif ends_at is None:
            if kind in "po":  # one that was forgotten does not keep anybody on duty for ever
                end = to_us(starts_at + LONGEST_PATROL)
            carriers[person_id].open_duty.append((start, end))
            continue
        spans[person_id].append((start, end))
    for person_id, found in spans.items():
        carriers[person_id].duty = merged(found)
    for carrier in carriers.values():
        carrier.open_duty = merged(carrier.open_duty)
    return carriers
