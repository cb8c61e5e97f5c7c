"""What a person's day shows a supervisor for review; and two people on one phone are no pair."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bureau.week import Week
from patrols import weekly
from patrols.models import CompanySpan, Person, PersonDay, Subject, TouchedDay, Verdict
from patrols.wire.reading import Flag
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, standing, store
from tests.world import Town

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
NOW = local("2026-11-24 09:00")
AT = local(f"{MONDAY} 09:00")
NINE_S = 9 * 3600.0
WEEK = Week.containing(AT)


def officer(town: Town, seconds: float) -> Person:
    person = make.person(town.west)
    make.shift(person, AT, AT + timedelta(seconds=seconds))
    return person


def flags(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = PersonDay.objects.get(person_id=person.pk).flags
    return found


def company(person: Person) -> list[tuple[str, float, list[int]]]:
    spans = CompanySpan.objects.filter(person_id=person.pk).order_by("starts_at")
    return [
        (span.company, (span.ends_at - span.starts_at).total_seconds(), span.partners)
        for span in spans
    ]


def pair_verdict(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.PAIR_COVERAGE, is_current=True)


def test_an_honest_pair_shows_nothing(town: Town) -> None:
    one, two = officer(town, 3600), officer(town, 3600)
    way = around(WEST_LOOP, 3600)
    store(one, AT, noisy(way, 1))
    store(two, AT, noisy(way, 2))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    assert flags(one) == flags(two) == []
    assert pair_verdict(one).outcome == "met"


def test_two_accounts_on_one_phone_are_not_a_pair_but_not_alone_either(town: Town) -> None:
    """Acceptance case 7: the same fixes under two names, for an hour."""
    one, two = officer(town, 3600), officer(town, 3600)
    places = noisy(around(WEST_LOOP, 3600), 1)
    store(one, AT, places)
    store(two, AT, places, phone_id=2)
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    for person, other in ((one, two), (two, one)):
        [flag] = flags(person)
        assert flag["code"] == "same_phone"
        assert (flag["other"], flag["count"]) == (other.pk, 721)
        assert flag["start_s"] == pytest.approx(NINE_S, abs=60)
        assert flag["end_s"] == pytest.approx(NINE_S + 3600, abs=60)
        day = PersonDay.objects.get(person_id=person.pk)
        # Each walked or did not: minutes are a matter for review, company is not known.
        assert day.credited_s == pytest.approx(3600, abs=15)
        assert (day.together_s, day.alone_s) == (0, 0)
        assert day.company_unknown_s == day.credited_s
        verdict = pair_verdict(person)
        assert (verdict.outcome, verdict.reasons[0]) == ("cannot_judge", "company_unknown")


def test_a_third_person_was_with_one_of_them(town: Town) -> None:
    one, two, third = (officer(town, 3600) for _ in range(3))
    way = around(WEST_LOOP, 3600)
    places = noisy(way, 1)
    store(one, AT, places)
    store(two, AT, places)
    store(third, AT, noisy(way, 2))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    [(kind, seconds, partners)] = company(third)
    assert (kind, partners) == ("together", [one.pk])
    assert seconds == pytest.approx(3600, abs=15)
    assert flags(third) == []
    assert {kind for kind, _, _ in company(one)} == {"unknown"}
    assert {kind for kind, _, _ in company(two)} == {"unknown"}


def test_only_the_minutes_with_the_same_fixes_are_doubted(town: Town) -> None:
    one, two = officer(town, 3600), officer(town, 3600)
    way = around(WEST_LOOP, 3600)
    first, second = noisy(way, 1), noisy(way, 2)
    second[240:360] = first[240:360]  # ten minutes from 9:20
    store(one, AT, first)
    store(two, AT, second)
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    kinds = [(kind, round(seconds / 60)) for kind, seconds, _ in company(one)]
    assert kinds == [("together", 20), ("unknown", 10), ("together", 30)]
    assert pair_verdict(one).outcome == "met"


def test_a_copy_that_comes_late_changes_both_days(town: Town) -> None:
    """Only the second person's day is touched; the first one's company is unknown after it."""
    one, two = officer(town, 3600), officer(town, 3600)
    way = around(WEST_LOOP, 3600)
    places = noisy(way, 1)
    store(one, AT, places)
    store(two, AT, noisy(way, 2)[:300])
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    assert "together" in {kind for kind, _, _ in company(one)}
    store(two, AT + timedelta(seconds=1500), places[300:])
    TouchedDay.objects.create(
        bureau_id=town.bureau.pk, person_id=two.pk, day=WEEK.monday, touched_at=NOW
    )
    weekly.judge_touched(town.bureau, now=NOW)
    [flag] = flags(one)
    assert (flag["code"], flag["other"]) == ("same_phone", two.pk)
    assert [kind for kind, _, _ in company(one)] == ["together", "unknown"]
    # And when the whole bureau is judged, the same is found.
    rows = [*company(one), *company(two)]
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    assert [*company(one), *company(two)] == rows


def test_a_shaken_copy_is_a_hint_and_stays_company(town: Town) -> None:
    one, two = officer(town, 3600), officer(town, 3600)
    places = noisy(around(WEST_LOOP, 3600), 1)
    store(one, AT, places)
    store(two, AT, places + np.random.default_rng(3).normal(0, 0.6, places.shape))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    [flag] = flags(one)
    assert (flag["code"], flag["other"]) == ("alike", two.pk)
    assert flag["value"] > 0.9
    assert pair_verdict(one).outcome == "met"


def test_a_replayed_track_is_flagged_and_judged_like_any_other(town: Town) -> None:
    person = officer(town, 3600)
    store(person, AT, around(WEST_LOOP, 3600))
    weekly.judge(WEEK, [person], now=NOW)
    [flag] = flags(person)
    assert (flag["code"], flag["count"] > 600) == ("replayed", True)
    assert PersonDay.objects.get(person_id=person.pk).credited_s == pytest.approx(3600, abs=15)


def test_a_teleport_is_flagged_with_its_speed_and_time(town: Town) -> None:
    person = officer(town, 1800)
    places = noisy(around(WEST_LOOP, 1800), 1)
    places[180:] += (3000.0, 0.0)  # at 9:15
    store(person, AT, places)
    weekly.judge(WEEK, [person], now=NOW)
    [flag] = flags(person)
    assert (flag["code"], flag["count"]) == ("teleport", 1)
    assert flag["start_s"] == NINE_S + 900
    assert flag["value"] == pytest.approx(600, abs=10)


def test_a_slow_clock_is_flagged_and_a_late_upload_is_not(town: Town) -> None:
    slow, late = officer(town, 1800), officer(town, 1800)
    places = noisy(around(WEST_LOOP, 1800), 1)
    for i, place in enumerate(places):
        at = AT + timedelta(seconds=5 * i)
        store(slow, at, place[None], received=at + timedelta(minutes=10))
    store(late, AT, places, received=AT + timedelta(hours=1))
    weekly.judge(WEEK, [slow, late], now=NOW)
    codes = {flag["code"]: flag for flag in flags(slow)}
    assert codes["clock_slow"]["value"] == 600
    assert "clock_slow" not in {flag["code"] for flag in flags(late)}


def test_a_clock_that_jumps_back_is_flagged_and_a_silence_caught_up_is_not(town: Town) -> None:
    """Ten minutes back at 9:30; the other's fixes of 9:10 to 9:40 come at 9:40, at once."""
    jumping, silent = officer(town, 3600), officer(town, 3600)
    places = noisy(around(WEST_LOOP, 3600), 1)
    for i, place in enumerate(places):
        came = AT + timedelta(seconds=5 * i)
        back = timedelta(minutes=10) if i >= 360 else timedelta()
        # A second beside the fixes that it reported before under the same time.
        store(jumping, came - back + timedelta(seconds=bool(back)), place[None], received=came)
        held_up = AT + timedelta(minutes=40) if 120 <= i < 480 else came
        store(silent, came, place[None], received=held_up)
    weekly.judge(WEEK, [jumping, silent], now=NOW)
    codes = {flag["code"]: flag for flag in flags(jumping)}
    assert codes["clock_slow"]["value"] == pytest.approx(599, abs=1)
    assert codes["clock_slow"]["count"] == 361
    assert "clock_slow" not in {flag["code"] for flag in flags(silent)}


def test_a_clock_ahead_is_flagged(town: Town) -> None:
    person = officer(town, 600)
    places = noisy(around(WEST_LOOP, 600), 1)
    store(person, AT, places, received=AT - timedelta(seconds=30), flags=Flag.CLOCK_SKEW)
    weekly.judge(WEEK, [person], now=NOW)
    [flag] = flags(person)
    assert (flag["code"], flag["count"], flag["value"]) == ("clock_ahead", 121, 630)


def test_an_uploaded_track_is_named_and_its_lateness_is_no_clock(town: Town) -> None:
    person = officer(town, 600)
    places = noisy(around(WEST_LOOP, 600), 1)
    store(person, AT, places, received=AT + timedelta(days=1), flags=Flag.UPLOADED_LATER)
    weekly.judge(WEEK, [person], now=NOW)
    [flag] = flags(person)
    assert (flag["code"], flag["count"]) == ("uploaded", 121)


@pytest.mark.parametrize(("pings", "flagged"), [(2, False), (12, True)])
def test_places_made_by_the_app_are_flagged_when_they_are_many(
    town: Town, pings: int, flagged: bool
) -> None:
    person = officer(town, 1800)
    store(person, AT, noisy(around(WEST_LOOP, 1800), 1))
    store(
        person,
        AT + timedelta(seconds=2),
        standing(0, 0, 100 * (pings - 1))[::20],
        step_s=100,
        flags=Flag.SYNTHETIC,
    )
    weekly.judge(WEEK, [person], now=NOW)
    assert [(flag["code"], flag["count"]) for flag in flags(person)] == (
        [("synthetic", pings)] if flagged else []
    )


def test_a_day_in_one_place_is_flagged(town: Town) -> None:
    person, brief = officer(town, 9000), officer(town, 5400)
    store(person, AT, noisy(standing(0, 0, 9000), 1))
    store(brief, AT, noisy(standing(100, 0, 5400), 2))
    weekly.judge(WEEK, [person, brief], now=NOW)
    [flag] = flags(person)
    assert flag["code"] == "one_place"
    assert flag["value"] == pytest.approx(9000, abs=30)
    assert flags(brief) == []


def test_flags_are_of_their_own_day(town: Town) -> None:
    """A teleport at 9:15 is no matter of the day before, whose margin is not read that far."""
    person = officer(town, 1800)
    places = noisy(around(WEST_LOOP, 1800), 1)
    places[180:] += (3000.0, 0.0)
    store(person, AT, places)
    other: datetime = local("2026-11-17 09:00")
    make.shift(person, other, other + timedelta(seconds=600))
    store(person, other, noisy(around(WEST_LOOP, 600), 2))
    weekly.judge(WEEK, [person], now=NOW)
    days = dict(PersonDay.objects.filter(person_id=person.pk).values_list("day", "flags"))
    assert [len(days[day]) for day in sorted(days)] == [1, 0]
