"""An SOS that waits is shown to more people, that one person only, logged, and only while open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bureau.errors import Refused
from bureau.models import Role, RuleSet, User
from patrols import alarms, live, sos
from patrols.escalation import SHOWN, escalate
from patrols.models import Alarm, AlarmKind, AlarmReach, LiveWatch, Person, TrailLook
from tests import make
from tests.realtime.stage import fresh_screen, officer, report, walk
from tests.realtime.test_stream import Wire
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def wire(town: Town) -> Iterator[Wire]:
    wire = Wire(town.top.pk, town.brigade.pk, town.west.pk, town.east.pk)
    yield wire
    wire.close()


def sos_of(person: Person, wire: Wire) -> Alarm:
    return Alarm.objects.create(
        bureau_id=person.bureau_id, person=person, kind=AlarmKind.SOS, raised_at=wire.now
    )


def dispatcher_of(unit, **fields) -> User:
    return make.user(Role.DISPATCHER, unit, **fields)


def test_it_takes_a_level_each_thirty_seconds_up_to_the_top(town: Town, wire: Wire):
    alarm = sos_of(officer(town.west, wire.now), wire)
    assert escalate(wire.now + timedelta(seconds=29)) == []
    for seconds, unit in ((30, town.brigade), (59, None), (60, town.top), (90, None)):
        found = escalate(wire.now + timedelta(seconds=seconds))
        assert [reach.unit for reach in found] == ([unit] if unit else [])
    assert [reach.unit for reach in alarm.reaches.all()] == [town.brigade, town.top]


def test_the_wait_is_the_bureaus_rule(town: Town, wire: Wire):
    day = (wire.now - timedelta(days=7 + wire.now.weekday())).date()
    RuleSet.objects.create(bureau=town.bureau, valid_from=day, values={"sos_escalate_s": 120})
    sos_of(officer(town.west, wire.now), wire)
    assert escalate(wire.now + timedelta(seconds=119)) == []
    assert len(escalate(wire.now + timedelta(seconds=120))) == 1


def test_an_answered_or_closed_one_goes_no_further(town: Town, wire: Wire):
    taken, closed = (sos_of(officer(town.west, wire.now), wire) for _ in range(2))
    alarms.acknowledge(taken.pk, by=town.dispatcher, now=wire.now)
    Alarm.objects.filter(pk=closed.pk).update(closed_at=wire.now)
    assert escalate(wire.now + timedelta(minutes=5)) == []


def test_the_top_units_own_sos_has_nobody_above(town: Town, wire: Wire):
    sos_of(officer(town.top, wire.now), wire)
    assert escalate(wire.now + timedelta(minutes=5)) == []


def test_a_neighbours_screen_shows_that_one_person_while_it_is_open_and_nothing_else(
    town: Town, wire: Wire
):
    help_wanted = officer(town.west, wire.now, name="WEST-SOS", badge_no="W-77")
    partner = officer(town.west, wire.now, name="WEST-OTHER")
    officer(town.east, wire.now, name="EAST-1")
    walk(help_wanted, 0, 0, until=wire.now, seconds=400)
    walk(partner, 0, 4, until=wire.now, seconds=400)
    wire.start()
    alarm = sos_of(help_wanted, wire)
    east = dispatcher_of(town.east)
    screen = fresh_screen(east, wire.now)
    frame, body = wire.tick(seconds=10, judge=True)[town.east.pk]
    screen.take(frame, wire.now)
    assert b"WEST" not in body
    assert screen.alarms == {}

    frame, body = wire.tick(seconds=20)[town.east.pk]
    screen.take(frame, wire.now)
    assert screen.snapshots == 1
    assert screen.alarms[alarm.pk]["reach"]["name"] == "Brigade 1"
    row = screen.people[help_wanted.pk]
    assert (row["name"], row["guest"], row["badge"]) == ("WEST-SOS", "Squad West", "")
    assert help_wanted.pk in screen.fixes
    state = screen.states[help_wanted.pk]
    assert (state["company"], state["partners"], state["others"]) == ("unknown", [], 0)
    assert b"WEST-OTHER" not in body
    assert b"W-77" not in body
    assert partner.pk not in screen.fixes
    assert partner.pk not in screen.states
    assert screen.shows() == fresh_screen(east, wire.now).shows()
    # It moves on, and the picture with it.
    report(help_wanted, 500, 0, wire.now)
    frame, _ = wire.tick()[town.east.pk]
    assert [int(move["person"]) for move in frame.moves] == [help_wanted.pk]
    screen.take(frame, wire.now)
    tail = live.tails(east, wire.now)
    assert list(tail) == [help_wanted.pk]

    # Taken up by the neighbour in an own name, closed with a reason: gone from that screen.
    alarms.acknowledge(alarm.pk, by=east, now=wire.now)
    frame, _ = wire.tick()[town.east.pk]
    screen.take(frame, wire.now)
    assert screen.alarms[alarm.pk]["acknowledged_by"] == str(east)
    alarms.close(alarm.pk, by=east, reason="Found well", now=wire.now)
    frame, body = wire.tick()[town.east.pk]
    assert (frame.rest["over"], frame.rest["gone"]) == ([alarm.pk], [help_wanted.pk])
    assert b"WEST" not in body
    screen.take(frame, wire.now)
    assert screen.shows() == fresh_screen(east, wire.now).shows()
    assert help_wanted.pk not in screen.people
    report(help_wanted, 510, 0, wire.now)
    frame, _ = wire.tick()[town.east.pk]
    assert len(frame.moves) == 0
    assert live.tails(east, wire.now) == {}
    # The own squad's and the bureau's screens saw all of it as before.
    assert help_wanted.pk in fresh_screen(dispatcher_of(town.west), wire.now).people
    assert screen.snapshots == 1


def test_who_was_shown_whom_is_logged_once_and_ends_with_the_closing(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    report(person, 0, 0, wire.now)
    east, late, own = dispatcher_of(town.east), dispatcher_of(town.east), dispatcher_of(town.west)
    stale = dispatcher_of(town.east)
    for user in (east, own, town.dispatcher):
        live.begin_watch(user, wire.now)
    LiveWatch.objects.create(
        bureau=town.bureau,
        unit=town.east,
        user=stale,
        joined_at=wire.now - timedelta(hours=3),
        seen_at=wire.now - timedelta(hours=2),
    )
    alarm = sos_of(person, wire)
    wire.start()
    wire.tick(seconds=29)
    assert not TrailLook.objects.exists()
    wire.tick(seconds=2)
    look = TrailLook.objects.get()
    assert (look.user, look.person, look.purpose) == (east, person, SHOWN)
    assert (look.from_at, look.until_at) == (alarm.raised_at - timedelta(minutes=5), None)
    for _ in range(2):
        live.begin_watch(late, wire.now)
        live.snapshot(late, wire.now)
        live.tails(late, wire.now)
    assert TrailLook.objects.filter(user=late).count() == 1
    alarms.acknowledge(alarm.pk, by=east, now=wire.now)
    alarms.close(alarm.pk, by=east, reason="Well", now=wire.now)
    assert set(TrailLook.objects.values_list("until_at", flat=True)) == {wire.now}
    live.snapshot(dispatcher_of(town.east), wire.now)
    assert TrailLook.objects.count() == 2


def test_before_it_is_widened_and_elsewhere_nobody_may_answer(town: Town, wire: Wire):
    other = build_town("other")
    alarm = sos_of(officer(town.west, wire.now), wire)
    east = dispatcher_of(town.east)
    with pytest.raises(Refused):
        alarms.acknowledge(alarm.pk, by=east, now=wire.now)
    escalate(wire.now + timedelta(seconds=31))
    for user in (
        make.user(Role.INSPECTOR, town.east),
        make.user(Role.PLANNER, town.east),
        make.user(Role.OFFICER, town.east),
        dispatcher_of(other.east),
    ):
        with pytest.raises(Refused):
            alarms.acknowledge(alarm.pk, by=user, now=wire.now)
    assert alarms.acknowledge(alarm.pk, by=east, now=wire.now).acknowledged_by == east
    assert not live.snapshot(dispatcher_of(other.east), wire.now)["alarms"]
    assert AlarmReach.objects.count() == 1


def test_the_sender_takes_it_back_and_it_stays_on_the_record(town: Town, wire: Wire):
    user = make.user(Role.OFFICER, town.west)
    person = officer(town.west, wire.now, user=user)
    alarm = sos_of(person, wire)
    with pytest.raises(Refused, match="few words"):
        sos.cancel(person, reason="  ", now=wire.now)
    with pytest.raises(Refused, match="200"):
        sos.cancel(person, reason="x" * 201, now=wire.now)
    sos.cancel(person, reason="Pressed in the pocket", now=wire.now)
    with pytest.raises(Refused, match="no open SOS"):
        sos.cancel(person, reason="again", now=wire.now)
    alarm.refresh_from_db()
    assert (alarm.closed_by, alarm.closed_reason) == (user, "Pressed in the pocket")
    assert alarm.acknowledged_by is None
    [row] = live.snapshot(town.dispatcher, wire.now)["alarms"]
    assert (row["cancelled"], row["reason"]) == (True, "Pressed in the pocket")


def test_without_an_account_nobody_is_named_so_nothing_is_cancelled(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    sos_of(person, wire)
    with pytest.raises(Refused, match="account"):
        sos.cancel(person, reason="x", now=wire.now)
    assert Alarm.objects.get().closed_at is None
