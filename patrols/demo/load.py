"""Loads the demo: bureau and people, streets and places, then past weeks through the real ingest.

Everything up to the roster is one transaction. The past goes in over HTTP, which cannot be part
of it; but the same points are stored once, so a load that was cut off simply goes on. An import
report of kind "demo" marks the end.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from bureau.calendar import import_notice
from bureau.errors import Refused
from bureau.holidays import SHIPPED, read_notice
from bureau.models import Bureau, User
from geo.imports.roads import StreetOptions, import_roads_file
from geo.models import ImportRun
from patrols import weekly
from patrols.demo import duty, leads, people, places
from patrols.demo.cast import ACCOUNTS, BUREAU_CODE, BUREAU_NAME, TIME_ZONE
from patrols.demo.delivery import deliver_all
from patrols.demo.ground import TooFewStreets
from patrols.demo.past import Walked, carried
from patrols.demo.roster import PAST_WEEKS, Outing, past_outings, weeks_of
from patrols.demo.server import ingest_server
from patrols.demo.uploads import queue_of
from patrols.models import Outcome, Subject, Verdict
from patrols.simulation.dialects import Request
from patrols.storage.turns import in_turn

MARK = "demo"
ATTRIBUTION = "© OpenStreetMap contributors"
LEGAL_BASIS = "Demo: invented people, simulated positions."

# Phones were enrolled this long before the first of the past weeks.
SETTLED = timedelta(days=14)

Say = Callable[[str], None]


@dataclass
class Past:
    """What comes to light while the past is made up, shift by shift: outings, and late uploads."""

    walks: list[Walked] = field(default_factory=list)
    late: list[list[Request]] = field(default_factory=list)


def find_demo() -> Bureau | None:
    """The demo bureau, if it has been made."""
    return Bureau.objects.filter(code=BUREAU_CODE, is_demo=True).first()


def loaded(bureau: Bureau) -> ImportRun | None:
    """The mark that loading came to its end."""
    return ImportRun.objects.filter(bureau=bureau, kind=MARK).first()


def check_no_real_data() -> None:
    """Demo accounts have a well-known password: Refused beside anything real."""
    names = [account.username for account in ACCOUNTS]
    other = Bureau.objects.filter(is_demo=False).first()
    if other is not None:
        raise Refused(
            "real_data",
            f"The bureau “{other}” is here, and the demo's accounts have a well-known password: "
            "load the demo into a database of its own, or start with DEMO=no.",
        )
    user = User.objects.exclude(bureau__is_demo=True).first()
    stranger = User.objects.exclude(username__in=names).first()
    if user is not None or stranger is not None:
        raise Refused(
            "real_users",
            f"The account “{(user or stranger).username}” is not one of the demo's, and the "  # type: ignore[union-attr]
            "demo's accounts have a well-known password: load the demo into a database of its "
            "own, or start with DEMO=no.",
        )


def load(city: Path, say: Say) -> bool:
    """Load the demo on a city's streets; false if it was there already.

    Raises Refused beside real data and for a file without enough streets, Undelivered when the
    ingest does not work.
    """
    bureau = find_demo()
    if bureau is not None and (mark := loaded(bureau)):
        if mark.sha256 != digest(city):
            say(
                f"The demo is already here, on {mark.file_name}; {city.name} was not loaded. "
                "`make wipe SURE=yes` makes room for another city."
            )
        duty.cover(bureau, timezone.now())
        return False
    check_no_real_data()
    if bureau is None:
        with transaction.atomic():
            bureau = make_bureau(city, say)
    else:
        say("Going on with a demo that was not loaded to its end.")
    fixes = bring_past(bureau, say)
    duty.cover(bureau, timezone.now())
    leads.keep_leads(bureau, timezone.now())
    ImportRun.objects.create(
        bureau=bureau, kind=MARK, file_name=city.name, sha256=digest(city), taken=fixes
    )
    return True


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_bureau(city: Path, say: Say) -> Bureau:
    """Bureau, streets, places, people and roster, without any position."""
    bureau = Bureau.objects.create(
        code=BUREAU_CODE,
        name=BUREAU_NAME,
        time_zone=TIME_ZONE,
        is_demo=True,
        attribution=ATTRIBUTION,
        legal_basis=LEGAL_BASIS,
    )
    moment = bureau.created_at
    today: date = weeks_of(moment, TIME_ZONE)[0].monday
    since = weeks_of(moment, TIME_ZONE)[0].start - SETTLED
    units = people.make_units(bureau)
    report = import_roads_file(bureau, city, options=StreetOptions(make_jurisdiction=True))
    say(f"Streets of {city.name}: {report.taken} blocks.")
    for path in sorted(SHIPPED.glob("calendar_*.json")):
        import_notice(bureau, read_notice(path.read_text(encoding="utf-8")))
    try:
        ground = places.read_ground(bureau)
    except TooFewStreets as error:
        raise Refused("too_few_streets", f"{city.name} does not do for a demo. {error}") from error
    stations = places.make_places(ground, units, today=today)
    accounts = people.make_accounts(units)
    persons = people.make_people(units, accounts, since=since, today=moment.date())
    outings = past_outings(moment, TIME_ZONE)
    shifts = duty.make_shifts(outings, persons, stations, places.beats_of(ground))
    duty.make_leave(persons, moment, TIME_ZONE)
    say(
        f"{len(persons)} people in two squads, {len(accounts)} accounts, {shifts} shifts since "
        f"{today}; beats, hotspots, stations and routes on the streets."
    )
    return bureau


def bring_past(bureau: Bureau, say: Say, url: str | None = None) -> int:
    """Past positions over HTTP, verdicts on them, then the late uploads and their verdicts.

    With `url` a running product takes them, else one is started for the time. Returns how many
    requests were delivered.
    """
    people.renew_secrets(bureau)
    if url is not None:
        return bring_past_to(url, bureau, say)
    with ingest_server() as own:
        return bring_past_to(own, bureau, say)


def bring_past_to(url: str, bureau: Bureau, say: Say) -> int:
    """The part of `bring_past` that needs a running ingest."""
    past = Past()
    outings = past_outings(bureau.created_at, bureau.time_zone)
    # Made up in this thread while others deliver.
    sent = deliver_with_bar(
        url,
        in_time_queues(bureau, outings, past),
        "Past positions",
        sum(len(outing.at_work) for outing in outings),
    )
    persons = duty.people_of(bureau)
    if not any(person.memberships.exists() for person in persons.values()):
        with transaction.atomic():
            duty.make_patrols(past.walks, persons)
    judge_weeks(bureau)
    sent += deliver_with_bar(url, past.late, "Late uploads", len(past.late))
    judge_late(bureau)
    outcomes = Counter(
        Verdict.objects.filter(
            bureau=bureau, is_current=True, subject=Subject.WEEKLY_PATROL_TIME
        ).values_list("outcome", flat=True)
    )
    words = ", ".join(f"{count} {Outcome(one).label}" for one, count in outcomes.most_common())
    say(f"Weekly patrol time: {words}.")
    return sent


def in_time_queues(
    bureau: Bureau, outings: Sequence[Outing], past: Past
) -> Iterator[list[Request]]:
    """What each phone sends in each past shift, the same every time; late ones go to `past`."""
    beats = places.beats_of(places.read_ground(bureau))
    for walked, everybody in carried(beats, outings):
        if walked is not None:
            past.walks.append(walked)
        for one in everybody:
            queue = queue_of(one, people.secret_of(one.badge))
            if one.late:
                past.late.append(queue)
            else:
                yield queue


def deliver_with_bar(url: str, queues: Iterable[list[Request]], title: str, total: int) -> int:
    """Deliver with a progress bar on the console, a step a phone and shift."""
    with tqdm(total=total, desc=title, unit=" shifts", mininterval=1.0) as bar:
        sent = deliver_all(url, queues, done=lambda count: cast(None, bar.update()))
        bar.total = bar.n  # a silent phone sends nothing
    return sent


def judge_weeks(bureau: Bureau) -> None:
    """Verdicts of everybody on the past weeks; the running one is the worker's."""
    weeks = weeks_of(bureau.created_at, bureau.time_zone)[:PAST_WEEKS]
    with in_turn(bureau.pk) as mine:
        if not mine:
            return  # the product's own worker is at it
        for week in tqdm(weeks, desc="Verdicts", unit=" weeks"):
            weekly.judge_everybody(bureau, week, now=timezone.now())


def judge_late(bureau: Bureau) -> None:
    """New verdicts for those whom late uploads touched; the old ones stay in the history."""
    with in_turn(bureau.pk) as mine:
        if mine:
            weekly.judge_touched(bureau, now=timezone.now())
