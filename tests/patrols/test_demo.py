"""The demo: refused beside real data, whole or not at all, on any city, told apart from truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import osmium
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.utils import timezone

from bureau.errors import Refused
from bureau.models import Bureau, Role, User
from geo.bureau_roads import roads_of
from geo.models import Area, Hotspot, RoadSegment
from geo.validation import check_geometry
from patrols.demo import duty, load, people, places
from patrols.demo.cast import ACCOUNTS, CREWS, PASSWORD, UNITS, Habit
from patrols.demo.cast import people as cast_people
from patrols.demo.delivery import Line, Undelivered, deliver_all
from patrols.demo.ground import Block, TooFewStreets, survey
from patrols.demo.live import NO_SIGNAL_S, LiveCrew, Street
from patrols.demo.past import base_node, carried
from patrols.demo.presence import run, street_of
from patrols.demo.roster import next_turn, past_outings, weeks_of
from patrols.demo.uploads import queue_of
from patrols.grounds import grounds_of
from patrols.models import (
    Category,
    Certificate,
    Latest,
    Leave,
    NoticeAccepted,
    Outcome,
    PatrolRoute,
    Person,
    Phone,
    Position,
    RefusedCount,
    Shift,
)
from patrols.phones import enroll, hash_secret, revoke
from patrols.simulation.dialects import Request
from stations.models import Station
from tests import make
from tests.conftest import Product
from tests.world import place

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # a Sunday morning in Shanghai


def grid(columns: int, rows: int, step_m: float = 120.0) -> list[Block]:
    """Streets “1 West Street”, … and “A Road”, … of a town without a real name."""
    blocks = []
    for row in range(rows):
        for column in range(columns):
            here = place(column * step_m, row * step_m)
            for name, kind, there in (
                (f"{row} Street", "secondary" if row == 2 else "residential", (column + 1, row)),
                (f"{column} Road", "tertiary" if column == 3 else "residential", (column, row + 1)),
            ):
                if there[0] < columns and there[1] < rows:
                    end = place(there[0] * step_m, there[1] * step_m)
                    blocks.append(Block(len(blocks) + 1, name, kind, (here, end)))
    return blocks


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OpenStreetMap extract of a town of 10 × 8 streets."""
    path = tmp_path_factory.mktemp("city") / "town.osm.pbf"
    nodes: dict[tuple[float, float], int] = {}
    writer = osmium.SimpleWriter(str(path))
    blocks = grid(10, 8)
    for block in blocks:
        for lonlat in block.coordinates:
            if lonlat not in nodes:
                nodes[lonlat] = len(nodes) + 1
                writer.add_node(
                    osmium.osm.mutable.Node(id=nodes[lonlat], location=lonlat, version=1)
                )
    for block in blocks:
        writer.add_way(
            osmium.osm.mutable.Way(
                id=block.id,
                nodes=[nodes[c] for c in block.coordinates],
                tags={"highway": block.kind, "name": block.name},
                version=1,
            )
        )
    writer.close()
    return path


@pytest.fixture
def demo(transactional_db: None, city: Path) -> Bureau:
    """The demo without its past."""
    said: list[str] = []
    return load.make_bureau(city, said.append)


# Ground


def test_two_beats_share_the_streets_in_halves() -> None:
    blocks = grid(10, 8)
    ground = survey(blocks)
    first, second = ground.beats
    assert (first.mine ^ second.mine).all()
    metres = [float(ground.graph.length_m[beat.mine].sum()) for beat in ground.beats]
    assert metres[0] == pytest.approx(metres[1], rel=0.05)
    west, east = (b.polygon.centroid.x for b in ground.beats)
    assert west < east
    assert first.polygon.intersection(second.polygon).area < 0.08 * first.polygon.area


def test_places_are_named_after_streets_and_stand_beside_them() -> None:
    blocks = grid(10, 8)
    names = {block.name for block in blocks}
    ground = survey(blocks)
    for beat in ground.beats:
        assert len(beat.sites) == 5
        assert len(beat.hotspots) == 4
        assert len({stretch.name for stretch in beat.hotspots}) == 4
        assert set(beat.name.split(" – ")) <= names
        for stretch in beat.hotspots:
            assert stretch.name in names
            assert 80 <= ground.graph.length_m[list(stretch.segments)].sum() <= 420
            assert beat.mine[list(stretch.segments)].all()
        for site in beat.sites:
            assert set(site.name.split(" / ")) <= names
            x, y = ground.graph.plane.to_metres(site.lon_deg, site.lat_deg)
            away = shapely.distance(
                np.array([shapely.LineString(line) for line in ground.graph.lines]),
                shapely.Point(float(x), float(y)),
            )
            assert 4.0 < away.min() < 9.5


def test_a_route_is_a_way_that_one_can_walk() -> None:
    ground = survey(grid(10, 8))
    for beat in ground.beats:
        assert len(beat.routes) == 2
        for route in beat.routes:
            ends = [set(ground.graph.ends[s].tolist()) for s in route.segments]
            assert all(a & b for a, b in pairwise(ends))


def test_a_large_city_is_cut_to_its_densest_part() -> None:
    wide = grid(30, 30, step_m=300.0)
    dense = [
        replace(b, id=b.id + 10_000, coordinates=tuple((x + 0.0002, y) for x, y in b.coordinates))
        for b in grid(16, 16, step_m=60.0)
    ]
    # The dense quarter is joined to the wide one at its first corner.
    joint = Block(99_999, "Joint", "residential", (wide[0].coordinates[0], dense[0].coordinates[0]))
    ground = survey([*wide, *dense, joint])
    assert 30_000 < ground.graph.length_m.sum() < 41_000
    chosen = {block.id for block in ground.blocks}
    assert sum(block.id in chosen for block in dense) > 0.9 * len(dense)


@pytest.mark.parametrize("blocks", [[], grid(2, 3)], ids=["none", "seven"])
def test_too_few_streets_are_said(blocks: list[Block]) -> None:
    with pytest.raises(TooFewStreets, match=r"streets|12 blocks"):
        survey(blocks)


# Roster


def test_past_outings_end_before_now_and_spare_those_on_leave() -> None:
    outings = past_outings(NOW, ZONE)
    weeks = weeks_of(NOW, ZONE)
    assert [w.monday.isoformat() for w in weeks] == ["2026-11-02", "2026-11-09", "2026-11-16"]
    assert max(o.ends_at for o in outings) <= NOW
    whole = Counter((o.crew.key, o.week) for o in outings)
    assert {whole[c.key, 0] for c in CREWS} == {5}
    away = [m.badge for _, m in cast_people() if Habit.ON_LEAVE in m.habits]
    assert away == ["1012"]
    assert not any(m.badge == "1012" for o in outings if o.week == 1 for m in o.at_work)


def test_a_week_comes_to_the_minutes_of_the_cast() -> None:
    ground = survey(grid(10, 8))
    beats = dict(zip(("squad-1", "squad-2"), ground.beats, strict=True))
    outings = [o for o in past_outings(NOW, ZONE) if o.crew.key in ("1a", "2a") and o.week < 2]
    out_s: Counter[tuple[str, int]] = Counter()
    for walked, everybody in carried(beats, outings):
        assert len(everybody) == 2
        if walked is not None:
            out_s[walked.outing.crew.key, walked.outing.week] += walked.back_s - walked.out_s
    for crew in CREWS:
        for week in (0, 1):
            if (crew.key, week) in out_s:
                assert out_s[crew.key, week] / 60 == pytest.approx(crew.weekly_min[week], abs=6)


def test_the_past_is_the_same_every_time() -> None:
    ground = survey(grid(10, 8))
    beats = dict(zip(("squad-1", "squad-2"), ground.beats, strict=True))
    outings = [o for o in past_outings(NOW, ZONE) if o.crew.key == "1b"][:2]
    one, two = (
        [c.fixes.lon_deg.tolist() for _, everybody in carried(beats, outings) for c in everybody]
        for _ in range(2)
    )
    assert one == two


@pytest.mark.parametrize(
    ("covered_for", "begins"),
    [
        (None, timedelta()),
        (timedelta(hours=1), None),
        (timedelta(minutes=10), timedelta(minutes=10)),
    ],
    ids=["nobody", "an hour", "ten minutes"],
)
def test_turns_follow_one_another(covered_for: timedelta | None, begins: timedelta | None) -> None:
    turn = next_turn(NOW, NOW + covered_for if covered_for else None)
    if begins is None:
        assert turn is None
    else:
        assert turn == (NOW + begins, NOW + begins + timedelta(hours=2))


# Live


def test_a_live_street_posts_in_time_and_goes_on_from_where_it_ended() -> None:
    ground = survey(grid(10, 8))
    now_s = NOW.timestamp()
    crew = next(c for c in CREWS if c.key == "1a")
    beat = ground.beats[0]
    secrets = {m.badge: f"secret-{m.badge}" for m in crew.members}
    live = LiveCrew(crew, beat, secrets, base_node(beat, crew), now_s - 700.0)
    street = Street([live], seed=3)
    street.go_on(now_s)
    # The minutes before are delivered at once, as JSON batches; the rest when it happens.
    at_once = [post.request for post in street.due(now_s)]
    assert {r.path for r in at_once} == {"/phone/traccar"}
    assert len(at_once) == 4  # 700 s in two phones, 100 fixes a batch
    later = [post.due_s for post in street.waiting]
    assert min(later) > now_s
    assert list(street.due(now_s)) == []
    until_s, node = live.until_s, live.node
    street.go_on(until_s)
    assert live.until_s > until_s
    assert live.node != node or live.stretches == 2


def test_someone_without_signal_brings_everything_at_once() -> None:
    ground = survey(grid(10, 8))
    crew = next(c for c in CREWS if c.live == "weak")
    beat = ground.beats[1]
    secrets = {m.badge: "s" for m in crew.members}
    now_s = NOW.timestamp()
    street = Street([LiveCrew(crew, beat, secrets, base_node(beat, crew), now_s)], seed=3)
    street.go_on(now_s)
    due = sorted(post.due_s for post in street.waiting if post.badge == crew.members[0].badge)
    longest = max(b - a for a, b in pairwise(due))
    assert longest == pytest.approx(NO_SIGNAL_S, abs=30.0)


def test_what_was_not_delivered_waits(demo: Bureau) -> None:
    said: list[str] = []
    # Nothing listens on the discard port of this machine.
    assert run(demo, "http://127.0.0.1:9", said.append, seconds=0.5) == 0
    assert any("does not answer" in line and "Trying again" in line for line in said)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", ""])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(Undelivered, match="no address"):
        Line(url)


# Records


def test_the_bureau_is_whole(demo: Bureau) -> None:
    assert demo.is_demo
    assert demo.attribution == "© OpenStreetMap contributors"
    assert demo.time_zone == ZONE
    persons = Person.objects.filter(bureau=demo)
    assert persons.count() == 24
    assert Counter(persons.values_list("unit__code", flat=True)) == {"squad-1": 12, "squad-2": 12}
    assert persons.filter(category=Category.AUXILIARY).count() == 9
    assert Phone.objects.filter(bureau=demo).count() == 24
    today = timezone.localdate()
    certified = Certificate.objects.filter(person__bureau=demo)
    assert certified.count() == persons.filter(category=Category.OFFICER).count()
    assert [c.person.badge_no for c in certified.filter(valid_until__lt=today)] == ["2011"]
    missing = persons.exclude(pk__in=NoticeAccepted.objects.values("person"))
    assert [p.badge_no for p in missing] == ["2012"]
    assert [x.person.badge_no for x in Leave.objects.filter(bureau=demo)] == ["1012"]
    assert set(UNITS) == set(demo.units.values_list("code", flat=True))
    assert not Position.objects.filter(bureau_id=demo.pk).exists()


def test_everybody_of_the_list_can_sign_in(demo: Bureau) -> None:
    assert {a.role for a in ACCOUNTS} == set(Role.values)
    for account in ACCOUNTS:
        user = User.objects.get(username=account.username)
        assert user.check_password(PASSWORD)
        assert (user.role, user.bureau, user.unit.code) == (account.role, demo, account.unit)
    assert User.objects.count() == len(ACCOUNTS)
    assert User.objects.get(username="officer").person.badge_no == "1001"


def test_every_place_would_pass_the_planners_own_checks(demo: Bureau) -> None:
    jurisdiction = Area.objects.get(bureau=demo, kind="jurisdiction").geometry
    for kind, rows in {
        "beat": Area.objects.filter(bureau=demo, kind="beat"),
        "hotspot": Hotspot.objects.filter(bureau=demo),
        "station": Station.objects.filter(bureau=demo),
        "route": PatrolRoute.objects.filter(bureau=demo),
    }.items():
        assert rows.exists()
        for row in rows:
            assert check_geometry(row.geometry, kind, jurisdiction) == [], (kind, row)
    assert all(h.segments.exists() for h in Hotspot.objects.filter(bureau=demo))
    kinds = set(Station.objects.filter(bureau=demo).values_list("kind", flat=True))
    assert kinds == {"post_house", "kiosk", "community_point", "service_window"}


def test_judges_see_each_squad_on_its_own_streets(demo: Bureau) -> None:
    """The beats drawn here and the membership that minutes are credited by agree."""
    ground = places.read_ground(demo)
    roads = roads_of(demo.pk)
    found = grounds_of(demo.pk, roads)
    for squad, beat in places.beats_of(ground).items():
        own = set(roads.network.ids[found[demo.units.get(code=squad).pk].own].tolist())
        assert set(beat.streets.ids.tolist()) <= own


def test_duty_covers_now_and_is_written_once(demo: Bureau) -> None:
    Shift.objects.all().delete()  # loading the demo wrote the turns of today
    sunday_night = datetime(2026, 11, 22, 18, 30, 20, tzinfo=UTC)
    on_now = sum(len(crew.members) for crew in CREWS if crew.live != "off")
    assert on_now >= 16
    assert duty.cover(demo, sunday_night) == on_now
    assert duty.cover(demo, sunday_night + timedelta(minutes=20)) == 0
    shifts = Shift.objects.filter(starts_at__lte=sunday_night, ends_at__gt=sunday_night)
    assert shifts.count() == on_now
    assert duty.cover(demo, sunday_night + timedelta(minutes=100)) == on_now
    person = Person.objects.get(badge_no="1001")
    first, second = person.shifts.filter(ends_at__gt=sunday_night).order_by("starts_at")
    assert second.starts_at == first.ends_at


def test_new_keys_do_not_lock_the_phones_out(demo: Bureau, settings: object) -> None:
    assert people.renew_secrets(demo) == 0
    settings.SECRET_KEY = "another-key-of-this-installation"  # type: ignore[attr-defined]
    assert people.renew_secrets(demo) == 24
    assert people.renew_secrets(demo) == 0
    # Somebody tries the demo with a phone of one's own.
    person = Person.objects.get(bureau=demo, badge_no="1001")
    phone, secret = enroll(person=person, app="traccar", label="1001 mine", now=timezone.now())
    assert people.renew_secrets(demo) == 0
    phone.refresh_from_db()
    assert phone.secret_sha256 == hash_secret(secret)


# Refusals


@pytest.mark.django_db
def test_refused_beside_a_real_bureau(city: Path) -> None:
    make.bureau(name="Real bureau")
    with pytest.raises(CommandError, match=r"Real bureau.*well-known password"):
        call_command("load_demo", str(city))
    assert not Bureau.objects.filter(is_demo=True).exists()
    assert not RoadSegment.objects.exists()


@pytest.mark.django_db
def test_refused_beside_a_stranger(city: Path) -> None:
    User.objects.create(username="wang")
    with pytest.raises(Refused, match="wang"):
        load.load(city, lambda line: None)


@pytest.mark.django_db(transaction=True)
def test_a_city_with_too_few_streets_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "lane.osm.pbf"
    writer = osmium.SimpleWriter(str(path))
    for number in (1, 2):
        spot = place(number * 300.0, 0.0)
        writer.add_node(osmium.osm.mutable.Node(id=number, location=spot, version=1))
    way = osmium.osm.mutable.Way(id=1, nodes=[1, 2], tags={"highway": "residential"}, version=1)
    writer.add_way(way)
    writer.close()
    with pytest.raises(CommandError, match=r"lane\.osm\.pbf does not do for a demo"):
        call_command("load_demo", str(path))
    assert not Bureau.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["load_demo", "/nowhere/city.osm.pbf"], "is not a file"),
        (["simulate", "--live"], "no demo bureau"),
        (["simulate", "--sos", "1001"], "no demo bureau"),
        (
            ["simulate", "--truth-folder", "/nowhere", "--streets", "/none.geojson"],
            "cannot be read",
        ),
    ],
)
def test_commands_say_what_is_missing(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command(*words)


def test_no_city_is_asked_for(settings: object) -> None:
    settings.TANDEM_DEMO_CITY = ""  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="Say which city"):
        call_command("load_demo")


# Over real HTTP


def test_a_past_week_arrives_over_http(demo: Bureau, http: httpx.Client) -> None:
    """Two crews' weeks: an OwnTracks phone, late uploads in any order, a notice not accepted."""
    beats = places.beats_of(places.read_ground(demo))
    keys = ("1b", "2c", "2f")
    outings = [o for o in past_outings(demo.created_at, ZONE) if o.crew.key in keys and o.week == 1]
    fixes: Counter[str] = Counter()
    queues: list[list[Request]] = []
    late = 0
    for _, everybody in carried(beats, outings):
        for one in everybody:
            # One phone reports in fractions, another in whole seconds: all differ all the same.
            fixes[one.badge] += len(one.fixes)
            late += one.late
            queues.append(queue_of(one, people.secret_of(one.badge)))
    assert late > 0
    assert deliver_all(str(http.base_url), queues) == sum(map(len, queues))
    stored = Counter(Position.objects.filter(bureau_id=demo.pk).values_list("person_id", flat=True))
    persons = duty.people_of(demo)
    for badge, count in fixes.items():
        assert stored[persons[badge].pk] == (0 if badge == "2012" else count), badge
    refused = RefusedCount.objects.filter(person_id=persons["2012"].pk, reason="no_notice")
    assert sum(refused.values_list("count", flat=True)) == fixes["2012"]
    # Again: stored once.
    deliver_all(str(http.base_url), queues)
    assert Position.objects.filter(bureau_id=demo.pk).count() == sum(stored.values())


def test_people_walk_now_and_go_on_after_a_restart(demo: Bureau, http: httpx.Client) -> None:
    url = str(http.base_url)
    assert run(demo, url, lambda line: None, seconds=1.0) > 100
    seen = {row.person_id: row for row in Latest.objects.filter(bureau_id=demo.pk)}
    on_now = sum(len(crew.members) for crew in CREWS if crew.live != "off")
    assert len(seen) == on_now
    now_s = timezone.now().timestamp()
    again = street_of(demo, now_s)
    persons = duty.people_of(demo)
    for live in again.crews:
        row = seen[persons[live.crew.members[0].badge].pk]
        x, y = live.beat.streets.plane.to_metres(row.point.x, row.point.y)
        node = live.beat.streets.node_m[live.node]
        # At the nearest corner to where the leader was seen: not at the base again.
        assert np.hypot(node[0] - x, node[1] - y) < 120.0
        # A phone may be three seconds ahead of us.
        assert live.until_s > row.recorded_at.timestamp() - 3.0
    assert not RefusedCount.objects.filter(bureau_id=demo.pk).exists()


def test_a_revoked_phone_does_not_stop_the_others(demo: Bureau, http: httpx.Client) -> None:
    person = Person.objects.get(bureau=demo, badge_no="1001")
    phone = Phone.objects.get(holdings__person=person)
    revoke(phone=phone, now=timezone.now())
    said: list[str] = []
    assert run(demo, str(http.base_url), said.append, seconds=1.0) > 100
    assert sum("phone of 1001" in line for line in said) == 1
    seen = Latest.objects.filter(bureau_id=demo.pk)
    assert not seen.filter(person_id=person.pk).exists()
    assert seen.count() >= 15


def test_an_sos_on_demand(demo: Bureau, http: httpx.Client) -> None:
    url = str(http.base_url)
    with pytest.raises(CommandError, match="has not been seen"):
        call_command("simulate", "--sos", "1001", "--url", url)
    run(demo, url, lambda line: None, seconds=0.5)
    call_command("simulate", "--sos", "1001", "--url", url)
    alarms = Person.objects.get(badge_no="1001").alarms.all()
    assert [alarm.closed_at for alarm in alarms] == [None]
    with pytest.raises(CommandError, match="Nobody of the demo"):
        call_command("simulate", "--sos", "9999", "--url", url)


@pytest.mark.product
def test_the_whole_demo(product: Product) -> None:
    """As `make run` loads it: every kind of verdict, the same again, nothing the second time."""
    told = product.processes.run("load_demo", "--accounts")
    for account in ACCOUNTS:
        assert account.username in told
    script = (
        "from collections import Counter;"
        "from patrols.models import *; from geo.models import ImportRun;"
        "print('outcomes', sorted(Counter(Verdict.objects.filter(is_current=True,"
        "subject='weekly_patrol_time').values_list('outcome', flat=True))));"
        "print('superseded', Verdict.objects.filter(is_current=False).count());"
        "print('patrols', Patrol.objects.count() > 60);"
        "print('marks', ImportRun.objects.filter(kind='demo').count())"
    )
    before = product.processes.run("shell", "--no-imports", "-c", script)
    for outcome in Outcome.values:
        assert f"'{outcome}'" in before
    assert "superseded 0" not in before
    assert "patrols True" in before
    product.processes.run("load_demo")
    assert "marks 1" in product.processes.run("shell", "--no-imports", "-c", script)
