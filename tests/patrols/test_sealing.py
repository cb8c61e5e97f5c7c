"""Weeks become final, data comes too late, tracks are held and later deleted: real partitions."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from bureau.errors import Refused
from bureau.models import Role, RuleSet
from bureau.week import Week
from geo.bureau_roads import roads_of
from patrols import access, sealing, weekly
from patrols.evidence import evidence
from patrols.models import (
    Alarm,
    HeldPosition,
    LateDay,
    LiveWatch,
    Person,
    PersonDay,
    Position,
    SealedWeek,
    Shift,
    Subject,
    TouchedDay,
    TrailHold,
    TrailLook,
    Verdict,
)
from patrols.storage import list_partitions
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
WEEK = Week.containing(local(f"{MONDAY} 12:00"))
NOW = local("2026-11-24 09:00")
# The week begins on Sunday 15 November 16:00 UTC; the UTC week of that moment ends on the 16th.
# 90 days later, on 14 February 2027 at 00:00 UTC, its first positions may go.
FINAL = local("2027-02-14 08:00")
NIGHT = FINAL + timedelta(hours=19)
PARTITION = "patrols_position_y2026w47"  # 16 to 22 November UTC
# A Tuesday after this partition's last day + 90 days: now all of the week is gone.
GONE = local("2027-02-23 03:00")


def walker(town: Town, seed: int = 1, seconds: float = 7800) -> Person:
    """An officer of Squad West who walked on the Monday, judged."""
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(seconds=seconds))
    store(person, at, noisy(around(WEST_LOOP, seconds), seed))
    weekly.judge(WEEK, [person], now=NOW)
    return person


def night(now: datetime) -> str:
    said = StringIO()
    call_command("forget_positions", now=now.isoformat(), stdout=said)
    return said.getvalue()


def touch(person: Person, at: datetime) -> None:
    TouchedDay.objects.update_or_create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=WEEK.monday,
        defaults={"touched_at": at},
    )


def time_verdict(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.WEEKLY_PATROL_TIME, is_current=True)


def partitions() -> list[str]:
    with connection.cursor() as cursor:
        return list(list_partitions(cursor).values())


def derived(person: Person) -> list[object]:
    day = PersonDay.objects.get(person_id=person.pk)
    return [day.credited_s, day.spans, day.judged_at, time_verdict(person).pk]


def test_a_week_is_final_once_its_first_positions_may_go(town: Town) -> None:
    walker(town)
    assert sealing.final_at(town.bureau, WEEK, NOW) == FINAL
    before = FINAL - timedelta(seconds=1)
    assert sealing.is_kept(town.bureau, WEEK, before)
    assert not sealing.is_kept(town.bureau, WEEK, FINAL)
    assert sealing.weeks_to_seal(town.bureau, before) == []
    assert sealing.weeks_to_seal(town.bureau, FINAL) == [WEEK]


def test_a_week_that_no_judge_has_read_is_final_too(town: Town) -> None:
    """Judged after its first positions went, it would say that somebody did not walk."""
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    touch(person, local(f"{MONDAY} 12:00"))
    assert sealing.weeks_to_seal(town.bureau, FINAL - timedelta(seconds=1)) == []
    assert "final from now on: weeks of 2026-11-16" in night(NIGHT)
    assert not sealing.is_in_time(town.bureau, WEEK, local(f"{MONDAY} 12:00"), NIGHT)


def test_the_night_seals_the_week_and_later_drops_its_positions(town: Town) -> None:
    person = walker(town)
    was = derived(person)
    assert PARTITION in partitions()
    assert "final from now on: weeks of 2026-11-16" in night(NIGHT)
    [sealed] = SealedWeek.objects.all()
    assert (sealed.monday, sealed.sealed_at) == (WEEK.monday, NIGHT)
    assert PARTITION in partitions()  # most of the week lies here, seven days longer
    assert f"dropped {PARTITION}" in night(GONE)
    assert PARTITION not in partitions()
    assert not Position.objects.filter(person_id=person.pk).exists()
    assert derived(person) == was
    assert SealedWeek.objects.get().sealed_at == NIGHT
    with pytest.raises(Refused, match="no longer kept"):
        weekly.judge_everybody(town.bureau, WEEK, now=GONE)


def test_a_dry_run_seals_and_holds_nothing(town: Town) -> None:
    person = walker(town)
    assert person.user is not None
    weekly.dispute(time_verdict(person), person.user, "I was there.", now=NOW)
    said = StringIO()
    call_command("forget_positions", now=GONE.isoformat(), dry_run=True, stdout=said)
    assert "final from now on" in said.getvalue()
    assert not SealedWeek.objects.exists()
    assert not TrailHold.objects.exists()
    assert PARTITION in partitions()


def test_a_longer_retention_does_not_open_a_sealed_week(town: Town) -> None:
    """Its positions are gone: judging it again would find nothing and say so of its people."""
    person = walker(town)
    night(GONE)
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=WEEK.monday, values={"retention_days": 365}
    )
    was = derived(person)
    touch(person, GONE)
    weekly.judge_touched(town.bureau, now=GONE + timedelta(minutes=1))
    assert derived(person) == was
    assert not sealing.is_kept(town.bureau, WEEK, GONE)


def test_what_comes_too_late_is_counted_once_and_judges_nothing(town: Town) -> None:
    person = walker(town, seconds=3000)
    night(NIGHT)
    was = derived(person)
    at = local(f"{MONDAY} 09:00") + timedelta(seconds=3005)
    late = NIGHT + timedelta(days=1)
    way = noisy(around(WEST_LOOP, 4000), 2)
    store(person, at, way[:200], received=late)
    touch(person, late)
    weekly.judge_touched(town.bureau, now=late + timedelta(minutes=1))
    assert derived(person) == was
    assert not TouchedDay.objects.exists()
    row = LateDay.objects.get()
    assert (row.person_id, row.day, row.count) == (person.pk, WEEK.monday, 200)
    assert (row.first_at, row.counted_through) == (late, late)
    # Touched again without news, then 50 more, with a night between.
    touch(person, late)
    weekly.judge_touched(town.bureau, now=late + timedelta(minutes=2))
    assert LateDay.objects.get().count == 200
    night(GONE)
    store(person, at + timedelta(seconds=1000), way[200:250], received=GONE)
    touch(person, GONE)
    weekly.judge_touched(town.bureau, now=GONE + timedelta(minutes=1))
    row = LateDay.objects.get()
    assert (row.count, row.first_at, row.counted_through) == (250, late, GONE)
    assert sealing.late_days(town.bureau, [person.pk], week=WEEK) == [row]
    assert sealing.late_days(town.bureau, [person.pk], week=WEEK.shifted(-1)) == []
    assert derived(person) == was


def test_what_came_in_time_is_judged_though_the_worker_was_away(town: Town) -> None:
    person = walker(town, seconds=3000)
    credited = time_verdict(person).numbers["credited_s"]
    in_time = FINAL - timedelta(minutes=5)
    at = local(f"{MONDAY} 09:00")
    store(person, at, noisy(around(WEST_LOOP, 3600), 1), received=in_time)
    touch(person, in_time)
    Shift.objects.filter(person=person).update(ends_at=at + timedelta(seconds=3600))
    night(NIGHT)
    assert time_verdict(person).numbers["credited_s"] > credited + 300
    assert SealedWeek.objects.exists()
    assert not LateDay.objects.exists()


def test_a_disputed_weeks_track_is_held_shown_and_deleted_after_the_answer(town: Town) -> None:
    person, other = walker(town, 1), walker(town, 2)
    verdict = time_verdict(person)
    assert person.user is not None
    objection = weekly.dispute(verdict, person.user, "I walked more.", now=NOW)
    stored = Position.objects.filter(person_id=person.pk).count()
    drawn = evidence(verdict, user=town.supervisor, purpose="before").track["features"]
    assert f"held: {stored} positions copied aside" in night(GONE)
    assert PARTITION not in partitions()
    assert not Position.objects.filter(person_id__in=[person.pk, other.pk]).exists()
    assert set(HeldPosition.objects.values_list("person_id", flat=True)) == {person.pk}
    line = TrailHold.objects.get()
    assert (line.person, line.dispute, line.made_at) == (person, objection, GONE)

    # The evidence is drawn from the copies as it was, and the look is logged as any other.
    TrailLook.objects.all().delete()
    kept = evidence(verdict, user=town.supervisor, purpose="the objection")
    assert kept.track["features"] == drawn
    assert evidence(time_verdict(other), user=town.supervisor, purpose="x").track["features"] == []
    look = TrailLook.objects.get(person=person)
    assert (look.user, look.purpose, look.allowed) == (town.supervisor, "the objection", True)
    trail = access.trail_for(
        town.supervisor, person, purpose="again", from_at=WEEK.start, until_at=WEEK.end
    )
    assert len(trail) == stored
    with pytest.raises(Refused):
        access.trail_for(
            make.user(Role.SUPERVISOR, town.east),
            person,
            purpose="curious",
            from_at=WEEK.start,
            until_at=WEEK.end,
        )
    assert TrailLook.objects.filter(person=person, allowed=False).count() == 1

    # 30 days after the answer, not a day sooner, the copies go; the line stays.
    answered = GONE + timedelta(days=10)
    night(GONE + timedelta(days=200))
    assert HeldPosition.objects.count() == stored
    weekly.answer(objection, town.supervisor, "It is seen.", now=answered)
    night(answered + timedelta(days=29))
    assert HeldPosition.objects.count() == stored
    over = answered + timedelta(days=30)
    assert f"holds over: {stored} positions deleted" in night(over)
    assert not HeldPosition.objects.exists()
    line.refresh_from_db()
    assert line.released_at == over


def test_the_track_of_a_week_with_an_sos_is_held_after_its_closing(town: Town) -> None:
    person = walker(town)
    raised = local(f"{MONDAY} 10:00")
    alarm = Alarm.objects.create(
        bureau=town.bureau, person=person, kind="sos", raised_at=raised, closed_at=raised
    )
    stored = Position.objects.filter(person_id=person.pk).count()
    night(GONE)
    assert HeldPosition.objects.count() == stored
    assert TrailHold.objects.get().alarm == alarm
    night(raised + timedelta(days=179))
    assert HeldPosition.objects.count() == stored
    night(raised + timedelta(days=180))
    assert not HeldPosition.objects.exists()


def test_an_objection_answered_long_ago_holds_nothing(town: Town) -> None:
    person = walker(town)
    assert person.user is not None
    objection = weekly.dispute(time_verdict(person), person.user, "No.", now=NOW)
    weekly.answer(objection, town.supervisor, "Yes.", now=NOW)
    night(GONE)
    assert not HeldPosition.objects.exists()
    assert not TrailHold.objects.exists()


def test_two_reasons_hold_until_the_last_is_over(town: Town) -> None:
    person = walker(town)
    assert person.user is not None
    weekly.dispute(time_verdict(person), person.user, "No.", now=NOW)
    raised = local(f"{MONDAY} 10:00")
    Alarm.objects.create(
        bureau=town.bureau, person=person, kind="sos", raised_at=raised, closed_at=raised
    )
    night(GONE)
    stored = HeldPosition.objects.count()
    night(raised + timedelta(days=300))
    assert HeldPosition.objects.count() == stored > 0
    released = dict(TrailHold.objects.values_list("reason", "released_at"))
    assert released["dispute"] is None
    assert released["sos"] is not None


def test_a_shorter_time_of_one_bureau_copies_before_it_deletes(town: Town) -> None:
    """The partition stays for the other bureau; the held rows are copied all the same."""
    long = build_town("long")
    RuleSet.objects.create(
        bureau=long.bureau, valid_from=WEEK.monday, values={"retention_days": 365}
    )
    person, other = walker(town), walker(long)
    assert person.user is not None
    weekly.dispute(time_verdict(person), person.user, "No.", now=NOW)
    stored = Position.objects.filter(person_id=person.pk).count()
    night(GONE)
    assert PARTITION in partitions()
    assert set(Position.objects.values_list("person_id", flat=True)) == {other.pk}
    assert HeldPosition.objects.filter(person_id=person.pk).count() == stored
    assert list(SealedWeek.objects.values_list("bureau", flat=True)) == [town.bureau.pk]


def test_one_who_left_keeps_only_what_is_held(town: Town) -> None:
    person = walker(town)
    assert person.user is not None
    weekly.dispute(time_verdict(person), person.user, "No.", now=NOW)
    stored = Position.objects.filter(person_id=person.pk).count()
    store(person, local("2026-11-09 09:00"), noisy(around(WEST_LOOP, 100), 3))
    person.left_on = local("2026-11-23 12:00").date()
    person.save()
    said = StringIO()
    call_command("forget_positions", person=person.badge_no, now=NOW.isoformat(), stdout=said)
    assert "21 positions deleted" in said.getvalue()
    assert f"{stored} were copied aside" in said.getvalue()
    assert not Position.objects.filter(person_id=person.pk).exists()
    assert HeldPosition.objects.count() == stored


def test_the_log_of_watches_is_closed_after_a_crash_and_kept_a_year(town: Town) -> None:
    def watch(joined: datetime, seen: datetime | None, left: datetime | None = None) -> LiveWatch:
        return LiveWatch.objects.create(
            bureau=town.bureau,
            unit=town.top,
            user=town.dispatcher,
            joined_at=joined,
            seen_at=seen,
            left_at=left,
        )

    hour = timedelta(hours=1)
    goes_on = watch(NOW - 20 * hour, NOW - timedelta(seconds=30))
    crashed = watch(NOW - 20 * hour, NOW - 3 * hour)
    older = watch(NOW - 20 * hour, None)  # of a version that noted nothing
    old = NOW - timedelta(days=365)
    gone = watch(old - hour, None, old - timedelta(seconds=1))
    kept = watch(old - hour, None, old)
    night(NOW)
    for line in (goes_on, crashed, older, kept):
        line.refresh_from_db()
    assert goes_on.left_at is None
    assert crashed.left_at == NOW - 3 * hour
    assert older.left_at == NOW - 20 * hour
    assert kept.left_at == old
    assert not LiveWatch.objects.filter(pk=gone.pk).exists()


def test_the_night_removes_tiles_of_old_streets(
    town: Town, settings: object, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path  # type: ignore[attr-defined]
    old = roads_of(town.bureau.pk)
    town.blocks["A1-A2"].delete()
    new = roads_of(town.bureau.pk)
    assert old.network.digest != new.network.digest
    now = datetime.now(UTC)
    night(now)
    assert old.folder.exists()  # built just now: somebody may still read the old ones
    long_ago = (now - timedelta(days=1)).timestamp()
    os.utime(new.folder, (long_ago, long_ago))
    assert f"removed the tiles {old.network.digest}" in night(now)
    assert not old.folder.exists()
    assert new.folder.exists()
