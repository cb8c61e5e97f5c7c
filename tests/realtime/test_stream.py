"""snapshot(t0) + frames = snapshot(t1), whatever is lost on the way; and nobody sees too much."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from patrols import alarms, live
from patrols.models import Alarm, AlarmKind, Latest, LiveState, Shift
from realtime.frames import Frame, unpack
from realtime.rounds import Rounds
from realtime.ticker import Ticker
from tests import make
from tests.processes import free_port
from tests.realtime.stage import Screen, fresh_screen, officer, report, walk
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


class Wire:
    """A ticker on the real Redis, and what it published for some units."""

    def __init__(self, *units: int) -> None:
        self.redis = redis.Redis.from_url(settings.REDIS_URL)
        self.pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
        self.pubsub.subscribe(*[live.stream_key(f"unit:{unit}") for unit in units])
        while not self.pubsub.subscribed:
            self.pubsub.get_message(timeout=1)
        self.ticker = Ticker(self.redis)
        self.rounds = Rounds()
        self.clock_s = 1000.0
        self.now = timezone.now()

    def start(self) -> None:
        self.rounds.run_once(self.now)
        self.ticker.start(self.now, self.clock_s)

    def tick(self, *, seconds: float = 1.0, judge: bool = False) -> dict[int, tuple[Frame, bytes]]:
        """Time passes, the ticker ticks; unit → its frame, as it came through Redis."""
        self.clock_s += seconds
        self.now += timedelta(seconds=seconds)
        if judge:
            self.rounds.run_once(self.now)
        sent = self.ticker.tick(self.now, self.clock_s)
        found: dict[int, tuple[Frame, bytes]] = {}
        deadline = time.monotonic() + 10
        while len(found) < sent and time.monotonic() < deadline:
            message = self.pubsub.get_message(timeout=1)
            if message:
                frame = unpack(message["data"])
                found[frame.unit] = (frame, message["data"])
        assert len(found) == sent
        return found

    def close(self) -> None:
        self.pubsub.close()
        self.redis.delete(live.stream_key("head"))
        self.redis.close()


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def wire(town: Town) -> Iterator[Wire]:
    wire = Wire(town.top.pk, town.west.pk, town.east.pk)
    yield wire
    wire.close()


def test_a_screen_that_misses_frames_at_random_ends_with_the_true_picture(town: Town, wire: Wire):
    chance = random.Random(7)
    people = [officer(unit, wire.now) for unit in (town.west, town.east) for _ in range(3)]
    wire.start()
    perfect, lossy = (fresh_screen(town.dispatcher, wire.now) for _ in range(2))
    for step in range(40):
        for person in chance.sample(people, 3):
            report(person, step * 5.0, chance.uniform(-100, 100), wire.now)
        if step == 15:
            Alarm.objects.create(
                bureau=town.bureau, person=people[0], kind=AlarmKind.SOS, raised_at=wire.now
            )
        if step == 22:
            alarm = Alarm.objects.get()
            alarms.acknowledge(alarm.pk, by=town.dispatcher, now=wire.now)
            alarms.close(alarm.pk, by=town.dispatcher, reason="False alarm", now=wire.now)
        if step == 25:
            people[1].unit = town.east
            people[1].save()
        if step == 28:
            people.append(officer(town.west, wire.now))
        frame, _ = wire.tick(judge=step % 5 == 0)[town.top.pk]
        perfect.take(frame, wire.now)
        if chance.random() > 0.3:
            lossy.take(frame, wire.now)
    for _ in range(12):  # past the next reading of the roster
        frame, _ = wire.tick()[town.top.pk]
        perfect.take(frame, wire.now)
        lossy.take(frame, wire.now)
    truth = fresh_screen(town.dispatcher, wire.now).shows()
    assert len(truth["fixes"]) == 7
    assert perfect.shows() == truth
    assert lossy.shows() == truth
    # The one that lost nothing never had to ask again; the other did, once per run of lost frames.
    assert perfect.snapshots == 1
    assert lossy.snapshots > 3


def test_redis_gone_for_a_while_is_a_gap_and_heals(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    wire.start()
    screen = fresh_screen(town.dispatcher, wire.now)
    screen.take(wire.tick()[town.top.pk][0], wire.now)
    with redis.Redis(port=free_port(), socket_connect_timeout=1) as nowhere:
        wire.ticker.client = nowhere
        report(person, 30, 40, wire.now)
        assert wire.tick() == {}
        assert wire.tick() == {}
        assert wire.ticker.redis_down
        wire.ticker.client = wire.redis
    before = screen.snapshots
    screen.take(wire.tick()[town.top.pk][0], wire.now)
    assert screen.snapshots == before + 1
    assert person.pk in screen.fixes
    assert screen.shows() == fresh_screen(town.dispatcher, wire.now).shows()


def test_another_ticker_is_another_epoch_and_screens_ask_again(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    wire.start()
    screen = fresh_screen(town.dispatcher, wire.now)
    screen.take(wire.tick()[town.top.pk][0], wire.now)
    report(person, 30, 40, wire.now)  # while nobody ticks
    number = wire.ticker.number
    wire.ticker = Ticker(wire.redis, number=number)
    wire.start()
    frame, _ = wire.tick()[town.top.pk]
    assert frame.number == number + 1  # the next number, and still not the next frame
    screen.take(frame, wire.now)
    assert person.pk in screen.fixes


def test_a_row_that_commits_late_with_an_older_version_is_told(town: Town, wire: Wire):
    early, late = (officer(town.west, wire.now) for _ in range(2))
    report(early, 0, 0, wire.now)
    report(late, 50, 0, wire.now)
    wire.start()
    for _ in range(15):
        wire.tick()
    older = Latest.objects.get(person_id=early.pk).version
    newer = Latest.objects.get(person_id=late.pk).version
    report(early, 10, 0, wire.now + timedelta(seconds=1))
    assert [m["person"] for m in wire.tick()[town.top.pk][0].moves] == [early.pk]
    # A version between those that were told long ago: only the sweep can find it.
    assert older < newer
    Latest.objects.filter(person_id=late.pk).update(
        version=older, recorded_at=wire.now + timedelta(seconds=2)
    )
    told = [wire.tick()[town.top.pk][0].moves["person"].tolist() for _ in range(61)]
    assert [late.pk] in told


def test_each_row_is_told_once(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    wire.start()
    report(person, 0, 0, wire.now)
    assert len(wire.tick()[town.west.pk][0].moves) == 1
    assert [len(wire.tick()[town.west.pk][0].moves) for _ in range(15)] == [0] * 15


def test_a_watcher_of_one_squad_never_gets_a_byte_about_another(town: Town, wire: Wire):
    west = [officer(town.west, wire.now, name=f"WEST-{i}") for i in range(2)]
    east = [officer(town.east, wire.now, name=f"EAST-{i}") for i in range(2)]
    wire.start()
    # A pair across the squads, walking together, and an SOS in the east.
    for north_m, person in ((0, west[0]), (4, east[0])):
        walk(person, 0, north_m, until=wire.now, seconds=400)
    for person in (west[1], east[1]):
        report(person, 150, 100, wire.now)
    Alarm.objects.create(bureau=town.bureau, person=east[1], kind=AlarmKind.SOS, raised_at=wire.now)
    officer(town.east, wire.now, name="EAST-NEW")
    make.station(town.east, *(120.0, 30.0), name="EAST-KIOSK")
    # Not long enough for the SOS to be widened.
    frames = [wire.tick(judge=True, seconds=9.0)]
    # The pair itself is known to the west as "together with one person elsewhere".
    state = LiveState.objects.get(person_id=west[0].pk)
    assert state.partners == [east[0].pk]
    row = live.state_row(state, {person.pk for person in west})
    assert (row["company"], row["partners"], row["others"]) == ("together", [], 1)
    assert row in frames[0][town.west.pk][0].rest["states"]
    frames += [wire.tick(judge=True, seconds=9.0) for _ in range(2)]
    told_west: set[int] = set()
    for found in frames:
        frame, body = found[town.west.pk]
        assert b"EAST" not in body
        told_west |= {int(move["person"]) for move in frame.moves}
        for row in frame.rest.get("states", []):
            told_west |= {row["person"], *row["partners"]}
        told_west |= {row["id"] for row in frame.rest.get("people", [])}
        assert not frame.rest.get("alarms")
    assert told_west == {person.pk for person in west}
    # … while the dispatcher of the whole bureau was told all of it.
    everything = b"".join(found[town.top.pk][1] for found in frames)
    assert b"EAST-1" in everything
    assert b"EAST-NEW" in everything
    assert {p.pk for p in (*east, *west)} <= {
        int(m["person"]) for found in frames for m in found[town.top.pk][0].moves
    }


def test_a_person_who_changes_squads_leaves_one_screen_and_comes_to_the_other(
    town: Town, wire: Wire
):
    person = officer(town.west, wire.now)
    wire.start()
    report(person, 0, 0, wire.now)
    wire.tick(judge=True)
    person.unit = town.east
    person.save()
    found = wire.tick(seconds=12)
    assert found[town.west.pk][0].rest["gone"] == [person.pk]
    east = found[town.east.pk][0]
    assert [row["id"] for row in east.rest["people"]] == [person.pk]
    assert [int(move["person"]) for move in east.moves] == [person.pk]
    assert "gone" not in found[town.top.pk][0].rest


def test_nobody_off_duty_is_ever_on_the_map(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    wire.start()
    report(person, 0, 0, wire.now)
    screen = fresh_screen(town.dispatcher, wire.now)
    frame, _ = wire.tick()[town.top.pk]
    screen.take(frame, wire.now)
    assert person.pk in screen.fixes
    Shift.objects.filter(person=person).update(ends_at=wire.now - timedelta(minutes=20))
    frame, _ = wire.tick(judge=True)[town.top.pk]
    screen.take(frame, wire.now)
    assert screen.states[person.pk]["duty"] is None
    assert screen.fixes == {}
    # A late upload of duty time moves the latest fix; the person is at home all the same.
    report(person, 20, 0, wire.now - timedelta(minutes=30), received=wire.now)
    Latest.objects.filter(person_id=person.pk).update(version=10**9)
    frame, _ = wire.tick()[town.top.pk]
    assert len(frame.moves) == 0
    assert live.snapshot(town.dispatcher, wire.now)["fixes"] == []


def test_yesterdays_place_is_not_shown_when_a_new_shift_begins(town: Town, wire: Wire):
    person = officer(town.west, wire.now, duty=False)
    make.shift(person, wire.now - timedelta(hours=26), wire.now - timedelta(hours=18))
    report(person, 0, 0, wire.now - timedelta(hours=20))
    make.shift(person, wire.now, wire.now + timedelta(hours=8))
    wire.start()
    snapshot = live.snapshot(town.dispatcher, wire.now)
    assert [row["duty"] is not None for row in snapshot["states"]] == [True]
    assert snapshot["fixes"] == []
    report(person, 5, 5, wire.now)
    assert [m["person"] for m in wire.tick()[town.top.pk][0].moves] == [person.pk]


def test_only_one_ticker_holds_the_lock(transactional_db: Any):
    import threading

    from django.db import connection

    from realtime.ticker import take_lock

    answers: list[bool] = []

    def other() -> None:
        answers.append(take_lock())
        connection.close()

    assert take_lock()
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert answers == [False]
    connection.close()  # as when the ticker dies
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert answers == [False, True]


def test_snapshot_names_the_frame_it_reaches(town: Town, wire: Wire):
    officer(town.west, wire.now)
    wire.start()
    wire.tick()
    wire.tick()
    snapshot = live.snapshot(town.dispatcher, wire.now)
    assert (snapshot["epoch"], snapshot["number"]) == (wire.ticker.epoch, 2)
    assert snapshot["cursor"] == LiveState.objects.get().version


def test_the_screen_of_the_tests_takes_frames_by_the_rule(town: Town, wire: Wire):
    """The yardstick itself: an old frame is dropped, the next applied, a gap asks again."""
    wire.start()
    frames = [wire.tick()[town.top.pk][0] for _ in range(4)]
    screen = Screen(town.dispatcher, last=(wire.ticker.epoch, 1))
    screen.take(frames[0], wire.now)
    assert (screen.last[1], screen.snapshots) == (1, 0)
    screen.take(frames[1], wire.now)
    assert (screen.last[1], screen.snapshots) == (2, 0)
    screen.take(frames[3], wire.now)
    assert (screen.last[1], screen.snapshots) == (4, 1)


def test_times_in_frames_are_the_servers(town: Town, wire: Wire):
    person = officer(town.west, wire.now)
    wire.start()
    at = datetime.fromtimestamp(int(wire.now.timestamp()), tz=wire.now.tzinfo)
    report(person, 0, 0, at)
    frame, _ = wire.tick()[town.top.pk]
    assert frame.at_ms - int(frame.moves[0]["age"]) == int(at.timestamp()) * 1000
