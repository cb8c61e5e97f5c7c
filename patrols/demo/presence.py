"""Runs the people who are on now: keeps their duty covered and posts what is due, until stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import Error, close_old_connections
from django.utils import timezone

from bureau.models import Bureau
from patrols.demo import duty, leads, people, places
from patrols.demo.cast import CREWS
from patrols.demo.delivery import AGAIN, Line, Undelivered
from patrols.demo.live import BACK_S, LiveCrew, Post, Street
from patrols.demo.past import base_node
from patrols.models import Latest

TICK_S = 0.25
COVER_EVERY_S = 60.0
PAUSE_S = 2.0
QUICK_S = 10.0

Say = Callable[[str], None]


def street_of(bureau: Bureau, now_s: float) -> Street:
    """The crews that are on, each where its leader was last seen, or at its base."""
    beats = places.beats_of(places.read_ground(bureau))
    persons = duty.people_of(bureau)
    latest = {row.person_id: row for row in Latest.objects.filter(bureau_id=bureau.pk)}
    crews = []
    for crew in CREWS:
        if crew.live == "off":
            continue
        beat = beats[crew.squad]
        seen = [latest[persons[m.badge].pk] for m in crew.members if persons[m.badge].pk in latest]
        node = base_node(beat, crew)
        since_s = now_s - BACK_S
        if seen:
            x, y = beat.streets.plane.to_metres(seen[0].point.x, seen[0].point.y)
            node = beat.streets.nearest_node(float(x), float(y))
            since_s = max(since_s, *(row.recorded_at.timestamp() + 1.0 for row in seen))
        secrets = {m.badge: people.secret_of(m.badge) for m in crew.members}
        crews.append(LiveCrew(crew, beat, secrets, node, min(since_s, now_s)))
    return Street(crews, seed=int(now_s))


def run(bureau: Bureau, url: str, say: Say, *, seconds: float | None = None) -> int:
    """Post at real time until stopped, or for some seconds; returns how many were delivered.

    A product that is away for a while loses nothing: what is due waits, as in a phone.
    """
    people.renew_secrets(bureau)
    duty.cover(bureau, timezone.now())
    leads.keep_leads(bureau, timezone.now())
    street = street_of(bureau, time.time())
    line = Line(url, timeout_s=QUICK_S)
    walking = sum(len(live.crew.members) for live in street.crews)
    say(f"{walking} people of {bureau} report to {url} now.")
    delivered = 0
    turned_away: set[str] = set()
    started = covered = time.monotonic()
    while seconds is None or time.monotonic() - started < seconds:
        if time.monotonic() - covered > COVER_EVERY_S:
            covered = time.monotonic()
            keep_covered(bureau, say)
        street.go_on(time.time())
        try:
            for post in street.due(time.time()):
                delivered += hand_in(line, street, post, turned_away, say)
        except Undelivered as trouble:
            say(f"{trouble} Trying again.")
            time.sleep(PAUSE_S)
        time.sleep(TICK_S)
    line.close()
    return delivered


def hand_in(line: Line, street: Street, post: Post, turned_away: set[str], say: Say) -> int:
    """Deliver one request; it goes back into the queue when the product cannot take it now.

    A phone that was revoked is turned away for good: that is said once, and the others go on.
    """
    try:
        status = line.post(post.request)
    except Undelivered:
        street.again(post)
        raise
    if 200 <= status < 300:
        return 1
    if status in AGAIN or status >= 500:
        street.again(post)
        raise Undelivered(f"The ingest answered {status}.")
    if post.badge not in turned_away:
        turned_away.add(post.badge)
        say(f"The ingest turns the phone of {post.badge} away ({status}); the others go on.")
    return 0


def keep_covered(bureau: Bureau, say: Say) -> None:
    """Begin new turns of duty and leads where due; a database that is away is waited for."""
    try:
        close_old_connections()
        duty.cover(bureau, timezone.now())
        leads.keep_leads(bureau, timezone.now())
    except Error as trouble:
        say(f"The database does not answer: {trouble}")
