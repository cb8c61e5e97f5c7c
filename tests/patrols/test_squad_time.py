"""Patrol-minutes: a squad's time with a patrol out, counted once. Worked out by hand."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from patrols.scorecard import squad_rows
from patrols.squad_time import joined, squad_facts
from tests import make
from tests.frontend.weeks import AFTER, MONDAY, WEEK, conclude, day
from tests.world import Town

pytestmark = pytest.mark.django_db


def spans(*parts: tuple[int, int, str]) -> list[dict[str, object]]:
    """Minutes after nine, and what they were."""
    return [
        {
            "start_s": 32_400 + 60 * a,
            "end_s": 32_400 + 60 * b,
            "reason": reason,
            "credited": reason == "moving",
        }
        for a, b, reason in parts
    ]


@pytest.fixture
def two(town: Town) -> Town:
    """Monday 9:00–10:00 both walk; 10:00–10:30 one walks, the other is silent until 11:00.

    Patrol-minutes 90, not known 30 (10:30–11:00); officer-minutes 90 and 60. Tuesday 30 min.
    """
    one, other = make.person(town.west, badge_no="1"), make.person(town.west, badge_no="2")
    day(one, 0, credited_min=90, spans=spans((0, 60, "moving"), (60, 90, "moving")))
    walked = spans((0, 60, "moving"), (60, 120, "no_signal"))
    day(other, 0, credited_min=60, unknown_s=3600.0, spans=walked)
    day(one, 1, credited_min=30, spans=spans((0, 30, "moving"), (30, 60, "parked")))
    conclude(one, other)
    return town


def test_an_hour_walked_by_two_is_one_hour(two: Town) -> None:
    facts = squad_facts(two.bureau, WEEK, [two.west.pk], now=AFTER)[two.west.pk]
    assert facts.days == (90 * 60, 30 * 60, 0, 0, 0, 0, 0)
    assert facts.unknown_s == 30 * 60
    assert (facts.over, facts.working_days, facts.fixes) == (True, 5, 3000)


def test_officer_minutes_and_patrol_minutes_stand_apart(two: Town) -> None:
    [squad] = squad_rows(two.bureau, WEEK, [two.west, two.east], now=AFTER)
    assert squad.patrol_s == 120 * 60
    assert squad.median_credited_s == 120 * 60  # officer-minutes; the other cannot be judged
    assert squad.squad_outcome == ""
    client = Client(headers={"host": "localhost"})
    client.force_login(two.supervisor)
    text = client.get("/week/", {"week": MONDAY.isoformat()}).text
    assert "median 2 h ·" in text
    assert "1 cannot be judged" in text
    assert "a patrol was out 2 h" in text
    assert "3 h" not in text  # the sum of officer-minutes is nowhere
    answer = client.get("/week/squads.csv", {"week": MONDAY.isoformat()})
    [line] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (line["median_officer_min"], line["patrol_min"]) == ("120.0", "120.0")
    assert (line["mon_patrol_min"], line["tue_patrol_min"]) == ("90.0", "30.0")
    assert (line["people"], line["met"], line["squad_verdict"]) == ("2", "1", "")


def test_where_the_squad_owes_the_time_it_has_the_verdict(two: Town) -> None:
    two.bureau.rule_sets.create(valid_from=MONDAY, values={"weekly_scope": "squad"})
    conclude(*two.west.people.all())
    [squad] = squad_rows(two.bureau, WEEK, [two.west], now=AFTER)
    assert squad.squad_outcome == "met"
    assert (squad.judged, squad.outcomes) == (0, {"exempt": 2})
    client = Client(headers={"host": "localhost"})
    client.force_login(two.supervisor)
    assert "squad: Met" in client.get("/week/", {"week": MONDAY.isoformat()}).text


def test_spans_that_overlap_or_touch_are_one() -> None:
    assert joined([(5, 6), (0, 2), (1, 3), (3, 4)]) == [(0, 4), (5, 6)]
    assert joined([]) == []
