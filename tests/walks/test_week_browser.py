"""Week and my week in a browser: the track locked to its timeline, keyboard, SOS, offline file.

`open_page` fails a test whose page asked for anything outside this machine or broke its scripts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from bureau.models import Role
from patrols import weekly
from patrols.models import Alarm, Patrol, Person, TrailLook
from tests import make
from tests.frontend.test_reports import html_of
from tests.frontend.weeks import AFTER, MONDAY, WEEK
from tests.patrols import walking
from tests.world import Town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SLOW_MS = 60_000


@pytest.fixture
def walker(town: Town) -> Person:
    """Tue 2026-11-10 from 10:00: half an hour on the western loop, then 15 min in one place."""
    user = make.user(Role.OFFICER, town.west, username="wu")
    person = make.person(town.west, name="Wu Walker", user=user)
    begins = datetime(2026, 11, 10, 2, tzinfo=UTC)
    make.shift(person, begins, begins + timedelta(hours=1))
    loop = walking.around(walking.WEST_LOOP, 1800)
    walking.store(person, begins, loop)
    stand = walking.standing(float(loop[-1][0]), float(loop[-1][1]), 900)
    walking.store(person, begins + timedelta(seconds=1805), stand)
    weekly.judge(WEEK, [person], now=AFTER)
    return person


def sign_in(page: Page, web: str, username: str) -> None:
    page.set_default_timeout(SLOW_MS)
    page.goto(f"{web}/accounts/login/")
    page.fill("#id_username", username)
    page.fill("#id_password", make.PASSWORD)
    page.click("button.primary")
    page.wait_for_selector(".rail")


def test_a_supervisor_opens_a_track_and_reads_it_by_mouse_and_keyboard(
    web: str, town: Town, walker: Person, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    sign_in(page, web, "town-supervisor")
    page.goto(f"{web}/week/?week={MONDAY}")
    page.click("td.c-days")  # anywhere in the row
    page.wait_for_selector("[data-evidence]")
    assert f"person={walker.pk}" in page.url
    page.select_option("#purpose-open", "Weekly review")
    page.click("#trail button.primary")
    lane = page.locator("svg[data-lane='2026-11-10']")
    lane.wait_for()
    assert TrailLook.objects.filter(person=walker, user=town.supervisor).count() == 1
    said = page.locator("#said")
    box = lane.bounding_box()
    assert box is not None
    # The lane shows 10:00 to 11:00; a quarter in is 10:15, on patrol; 0.62 is 10:37, parked.
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 6)
    expect(said).to_contain_text("on patrol", timeout=SLOW_MS)
    page.mouse.move(box["x"] + 0.62 * box["width"], box["y"] + 6)
    expect(said).to_contain_text("parked", timeout=SLOW_MS)
    assert "not counted (stay of 10 min and more)" in said.inner_text()
    lane.focus()
    page.keyboard.press("Home")
    expect(said).to_contain_text("Tue 10:00", timeout=SLOW_MS)
    assert lane.get_attribute("aria-valuetext") == said.inner_text()
    page.keyboard.press("End")
    expect(said).not_to_contain_text("Tue 10:00", timeout=SLOW_MS)
    # Back to the list and again to the person: the address is the state.
    page.click("[data-back]")
    page.wait_for_selector(".week-table")
    assert "person=" not in page.url


def test_a_review_without_leaving_the_page(
    web: str, town: Town, walker: Person, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    sign_in(page, web, "town-supervisor")
    page.goto(f"{web}/week/?week={MONDAY}&person={walker.pk}")
    page.fill("#note-weekly_patrol_time", "Radio log says he was at the school gate.")
    page.click("button[value=excuse]")
    page.wait_for_selector(".history")
    expect(page.locator("#who")).to_contain_text("Exempt", timeout=SLOW_MS)
    assert walker.verdicts.filter(reviews__decision="excuse").exists()


def test_an_officer_on_a_phone_starts_a_patrol_and_holds_sos(
    web: str, town: Town, walker: Person, open_page: Callable[..., Page]
) -> None:
    partner = make.person(town.west, name="Li Na")
    now = timezone.now()
    make.shift(partner, now - timedelta(hours=1), now + timedelta(hours=1))
    page = open_page(width=390, height=844)
    sign_in(page, web, "wu")
    assert page.url.partition("#")[0] == f"{web}/my/"  # the map may have said its place already
    page.click("[data-dialog=start-patrol]")
    page.check(f"input[name=partner][value='{partner.pk}']")
    page.click("#start-patrol button.primary")
    page.wait_for_selector(".patrol-now")
    assert Patrol.objects.get().members.count() == 2
    button = page.locator("[data-hold]")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 20)
    page.mouse.down()
    page.wait_for_selector("[data-hold].holding")
    page.mouse.up()  # let go early: nothing is sent
    page.wait_for_selector("[data-hold]:not(.holding)")
    assert not Alarm.objects.exists()
    page.mouse.down()
    expect(page.locator("[data-sos-words]")).to_contain_text("SOS sent at", timeout=SLOW_MS)
    page.mouse.up()
    assert Alarm.objects.get().person == walker


def test_nothing_is_wider_than_a_phone(
    web: str, town: Town, walker: Person, open_page: Callable[..., Page]
) -> None:
    page = open_page(width=390, height=844)
    sign_in(page, web, "town-administrator")
    for address in (f"/week/?week={MONDAY}", "/records/", "/settings/", "/settings/start/"):
        page.goto(web + address)
        wide = page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        assert not wide, address
        stage = page.evaluate(
            "(() => { const s = document.querySelector('.stage'); "
            "return s.scrollWidth - s.clientWidth; })()"
        )
        assert stage <= 0, address
        bar = page.evaluate(
            "(() => { const b = document.querySelector('.bar'); "
            "return b.scrollWidth - b.clientWidth; })()"
        )
        assert bar <= 0, address


def test_the_offline_file_draws_from_a_disk_and_asks_for_nothing(
    town: Town, tmp_path: Path, chromium: Browser
) -> None:
    place = tmp_path / "week.html"
    place.write_text(html_of(town), encoding="utf-8")
    asked: list[str] = []
    wrong: list[str] = []
    page = chromium.new_page(viewport={"width": 1000, "height": 700})
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.goto(place.as_uri())
    page.wait_for_selector(".leaflet-container canvas", state="attached", timeout=SLOW_MS)
    assert page.locator(".leaflet-control-layers-overlays label").count() == 2
    assert page.locator(".sheet").inner_text().startswith("Squad West")
    assert wrong == []
    outside = [url for url in asked if url != place.as_uri() and not url.startswith("data:")]
    assert outside == []
    page.close()
