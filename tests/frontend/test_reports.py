"""The offline map file: everything inside, nothing fetched, names as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from frontend import reports
from patrols import weekly
from patrols.models import Person
from patrols.scorecard import week_rows
from tests import make
from tests.frontend.weeks import AFTER, WEEK
from tests.patrols import walking
from tests.world import Town, build_town

EVIL = "</script><img src=x onerror=alert(1)>"


def walked(town: Town, name: str) -> Person:
    """Somebody who walked ten minutes on the western loop on Tuesday."""
    person = make.person(town.west, name=name)
    begins = datetime(2026, 11, 10, 2, tzinfo=UTC)
    make.shift(person, begins, begins + timedelta(hours=1))
    walking.store(person, begins, walking.around(walking.WEST_LOOP, 600))
    return person


def html_of(town: Town) -> str:
    """The file for Squad West."""
    people = [walked(town, "Zhang Wei"), walked(town, EVIL)]
    weekly.judge(WEEK, people, now=AFTER)
    rows = week_rows(town.bureau, WEEK, [town.west])
    found = reports.person_weeks(
        rows, user=town.supervisor, purpose="Weekly review", zone=WEEK.zone
    )
    return reports.squads_week(
        found,
        unit=town.west,
        week=WEEK,
        by=town.supervisor,
        purpose="Weekly review",
        now=AFTER,
    )


@pytest.mark.django_db
def test_the_file_names_no_address_outside_itself():
    html = html_of(build_town())
    assert not re.search(r"<script[^>]*\bsrc=", html)
    assert not re.search(r"<link[^>]*\bhref=", html)
    addresses = set(re.findall(r"https?://[^\s\"'<>)\\]+", html))
    assert {a for a in addresses if not a.startswith("http://www.w3.org/")} == set()


@pytest.mark.django_db
def test_a_name_stays_text():
    html = html_of(build_town())
    assert EVIL not in html
    assert "onerror=alert" not in html.replace("&gt;", "").split("<img")[-1][:40]
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in html


@pytest.mark.django_db
def test_a_week_without_verdicts_still_opens():
    town = build_town()
    html = reports.squads_week(
        [], unit=town.west, week=WEEK, by=town.supervisor, purpose="Weekly review", now=AFTER
    )
    assert "No verdict, so no track, in this week." in html
