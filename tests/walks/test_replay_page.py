"""Replay in a browser: plays, seeks, keeps its address, says what is missing, heals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from patrols.models import Alarm, AlarmKind, Company, CompanySpan, Person, TrailLook
from tests.realtime.stage import officer, report
from tests.walks.browsing import sign_in
from tests.world import Town, place

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY = timezone.localdate() - timedelta(days=3)
TEN = datetime(DAY.year, DAY.month, DAY.day, 2, tzinfo=UTC)  # 10:00 in the town
TEN_S = 10 * 3600


@pytest.fixture
def walker(town: Town) -> Person:
    """Five minutes from 10:00 along street C, 10 m in 10 s, in company; an SOS at 10:03."""
    person = officer(town.west, TEN, name="Li Ming")
    for step in range(31):
        report(person, 10.0 * step, 0, TEN + timedelta(seconds=10 * step))
    CompanySpan.objects.create(
        bureau_id=town.bureau.pk,
        person_id=person.pk,
        day=DAY,
        starts_at=TEN,
        ends_at=TEN + timedelta(minutes=5),
        company=Company.TOGETHER,
        partners=[1],
    )
    Alarm.objects.create(
        bureau=town.bureau,
        person=person,
        kind=AlarmKind.SOS,
        raised_at=TEN + timedelta(minutes=3),
        closed_at=TEN + timedelta(minutes=4),
    )
    return person


def open_hours(page: Page, web: str, town: Town, first: int = 9, last: int = 12) -> None:
    """Choose hours and say what for, as a person does."""
    page.goto(f"{web}/live/replay/?unit={town.west.pk}&day={DAY}")
    page.get_by_label("From").select_option(str(first))
    page.get_by_label("Until").select_option(str(last))
    page.get_by_label("What for?").select_option("Weekly review")
    page.get_by_role("button", name="Open the replay").click()
    page.wait_for_selector("#replay-map[data-ready]")


def second(page: Page) -> float:
    return float(page.evaluate("() => tandemReplay.now()"))


def wait_for_mark(page: Page, person: Person, east_m: float) -> None:
    lon, lat = place(east_m, 0)
    page.wait_for_function(
        """([id, lon, lat]) => tandemReplay.map().queryRenderedFeatures({layers: ["replay-people"]})
            .some((f) => f.id === id && Math.abs(f.geometry.coordinates[0] - lon) < 3e-5
                         && Math.abs(f.geometry.coordinates[1] - lat) < 3e-5)""",
        arg=[person.pk, lon, lat],
    )


def test_a_day_is_opened_played_and_sought_by_mouse_and_keys(
    web: str, town: Town, walker: Person, open_page: Any
):
    page = sign_in(open_page, web, town.dispatcher)
    page.goto(f"{web}/live/replay/")
    assert not TrailLook.objects.exists()
    open_hours(page, web, town)
    assert TrailLook.objects.get().person == walker
    # It begins where the first position is, not at an empty hour.
    page.wait_for_function("(s) => tandemReplay.now() === s", arg=TEN_S)
    wait_for_mark(page, walker, 0)
    row = page.locator(f'[data-person="{walker.pk}"]')
    assert row.get_attribute("data-kind") == "together"
    page.locator("body").press("ArrowRight")
    wait_for_mark(page, walker, 10)
    assert second(page) == TEN_S + 10
    page.locator("body").press("Shift+ArrowLeft")
    assert second(page) == TEN_S - 290
    assert page.get_by_text("Nobody has a position at this moment.").is_visible()
    # A tick goes to its moment: the SOS.
    page.get_by_role("button", name=re.compile("10:03:00 SOS: Li Ming")).click()
    wait_for_mark(page, walker, 180)
    page.wait_for_selector(f'[data-person="{walker.pk}"][data-kind=sos]')
    page.get_by_role("button", name="60×").click()
    page.locator("body").press("Space")
    page.wait_for_function("(s) => tandemReplay.now() > s", arg=TEN_S + 240)
    page.wait_for_selector(f'[data-person="{walker.pk}"]:not([data-kind=sos])')
    page.locator("body").press("Space")
    assert page.evaluate("() => tandemReplay.playing()") is False
    # The address holds unit, day, hours, moment and speed.
    moment = second(page)
    clock = page.locator("#replay-clock").inner_text()
    assert "speed=60" in page.url
    page.reload()
    page.wait_for_selector("#replay-map[data-ready]")
    assert page.locator("#replay-clock").inner_text() == clock
    assert abs(second(page) - moment) < 1
    assert TrailLook.objects.count() == 1


def test_an_hour_that_is_cut_off_is_said_and_comes_when_the_network_is_back(
    web: str, town: Town, walker: Person, open_page: Any
):
    page = sign_in(open_page, web, town.dispatcher)
    page.route("**/live/replay/hour?*", lambda route: route.abort())
    open_hours(page, web, town, 10, 11)
    page.get_by_text("This hour could not be loaded. Trying again.").wait_for()
    page.unroute("**/live/replay/hour?*")
    wait_for_mark(page, walker, 0)
    page.locator("#replay-note").wait_for(state="hidden")
    page.watched.errors.clear()  # type: ignore[attr-defined]


def test_hours_without_positions_say_so_on_a_phone_in_chinese(
    web: str, town: Town, walker: Person, open_page: Any
):
    page = sign_in(open_page, web, town.dispatcher, width=390, height=844, locale="zh-CN")
    page.goto(f"{web}/live/replay/?unit={town.west.pk}&day={DAY}")
    page.locator("#replay-from").select_option("5")
    page.locator("#replay-until").select_option("6")
    page.get_by_role("button", name="打开回放").click()
    page.wait_for_selector("#replay-map[data-ready]")
    page.get_by_text("没有存储的定位").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
