"""The live map's bubbles and tools in a browser: what is drawn, opened, measured, followed."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from patrols.models import Alarm, Person
from tests.realtime.stage import officer, report, walk
from tests.walks.browsing import (
    open_live,
    send,
    wait_for_mark,
)
from tests.world import Town, place

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.walks.browsing import Ticking

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def crowd(of: Town, now: datetime, count: int, apart_m: float) -> list[Person]:
    """So many people of Squad West in a row from the origin eastwards, with a fix each."""
    people = [officer(of.west, now) for _ in range(count)]
    for k, person in enumerate(people):
        report(person, apart_m * k, 0, now)
    return people


def look_at(page: Page, zoom: float, east_m: float = 0) -> None:
    """The map over a place, at rest and drawn."""
    page.evaluate(
        "([center, zoom]) => tandemLive.map().jumpTo({ center, zoom })",
        [list(place(east_m, 0)), zoom],
    )


def on_screen(page: Page, east_m: float, north_m: float) -> tuple[float, float]:
    """Where a place is on the page, in px."""
    x, y = page.evaluate(
        """(at) => {
            const { x, y } = tandemLive.map().project(at);
            const box = document.getElementById("live-map").getBoundingClientRect();
            return [x + box.left, y + box.top];
        }""",
        list(place(east_m, north_m)),
    )
    return x, y


def drawn_when(page: Page, condition: str) -> dict[str, Any]:
    """What the map has drawn as soon as the condition holds of it (`drawn` in JavaScript)."""
    found: dict[str, Any] = page.wait_for_function(
        f"() => {{ const drawn = tandemLive.drawn(); return {condition} && drawn; }}"
    ).json_value()
    return found


def vermilion(page: Page, east_m: float, north_m: float) -> int:
    """How many of the pixels that the map has drawn round a place have the colour of an SOS."""
    found: int = page.evaluate(
        """(at) => new Promise((done) => {
            const map = tandemLive.map();
            map.once("render", () => {
                const canvas = map.getCanvas();
                const { x, y } = map.project(at);
                const ratio = canvas.width / canvas.clientWidth;
                const size = Math.round(30 * ratio);
                const copy = new OffscreenCanvas(size, size).getContext("2d");
                copy.drawImage(canvas, x * ratio - size / 2, y * ratio - size / 2, size, size,
                               0, 0, size, size);
                const { data } = copy.getImageData(0, 0, size, size);
                let close = 0;
                for (let i = 0; i < data.length; i += 4) {
                    if (data[i] - data[i + 2] > 90 && data[i + 1] - data[i + 2] < 130) close += 1;
                }
                done(close);
            });
            map.triggerRepaint();
        })""",
        list(place(east_m, north_m)),
    )
    return found


def test_marks_are_really_painted_where_people_are(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    person = officer(town.west, now, duty=False)
    page = open_live(open_page, web, town.dispatcher)
    assert vermilion(page, 50, 50) == 0
    send(web, person, 50, 50, alarm="sos")
    wait_for_mark(page, person, 50, 50)
    assert vermilion(page, 50, 50) > 12  # at half a pixel a px the triangle has about 30


def test_a_bubble_counts_everybody_and_opens(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    people = crowd(town, now, 9, 15)
    page = open_live(open_page, web, town.dispatcher)
    page.wait_for_function("() => tandemLive.picture.fixes.size === 9")
    look_at(page, 12, 60)
    drawn = drawn_when(page, "drawn.clusters.length === 1")
    assert drawn["marks"] == []
    assert sorted(drawn["clusters"][0]["people"]) == sorted(person.pk for person in people)
    assert sum(drawn["clusters"][0]["states"].values()) == 9
    # The pointer is told how they stand; a click goes where they stand apart.
    page.mouse.move(*on_screen(page, 60, 0))
    page.locator(".crowd-tip", has_text="9 people:").wait_for()
    page.mouse.click(*on_screen(page, 60, 0))
    assert drawn_when(page, "drawn.marks.length === 9")["clusters"] == []


def test_an_sos_and_the_chosen_person_are_never_in_a_bubble(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    people = crowd(town, now, 8, 1)
    Alarm.objects.create(bureau=town.bureau, person=people[3], kind="sos", raised_at=now)
    page = open_live(open_page, web, town.dispatcher, f"/live/?person={people[5].pk}")
    look_at(page, 12)
    drawn = drawn_when(page, "drawn.clusters.length === 1 && drawn.marks.length === 2")
    assert {mark["id"] for mark in drawn["marks"]} == {people[3].pk, people[5].pk}
    assert drawn["marks"][-1]["kind"] == "sos"  # drawn last: on top
    others = {person.pk for person in people} - {people[3].pk, people[5].pk}
    assert set(drawn["clusters"][0]["people"]) == others


def test_a_bubble_says_that_somebody_in_it_needs_a_look(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    crowd(town, now, 7, 0)
    silent, alone = officer(town.west, now), officer(town.west, now)
    report(silent, 30, 0, now - timedelta(minutes=12))
    walk(alone, -500, 200, until=now, seconds=540, step_s=10)  # 5 min alone are let pass
    page = open_live(open_page, web, town.dispatcher)
    page.wait_for_function("() => tandemLive.picture.fixes.size === 9")
    look_at(page, 12)
    drawn_when(
        page,
        "drawn.clusters.length === 1 && drawn.clusters[0].needs.long === 1"
        " && drawn.clusters[0].needs.silent === 1",
    )
    page.mouse.move(*on_screen(page, 0, 0))
    tip = page.locator(".crowd-tip", has_text="9 people:")
    tip.wait_for()
    assert "(1 too long)" in tip.inner_text()
    assert "No signal 1" in tip.inner_text()


def test_people_at_one_place_are_listed_from_the_keyboard(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    people = crowd(town, now, 16, 0)
    page = open_live(open_page, web, town.dispatcher)
    page.wait_for_function("() => tandemLive.picture.fixes.size === 16")
    look_at(page, 18)
    page.wait_for_function("() => tandemLive.drawn().clusters.length === 1")
    # The cross stands in the middle of what the panel leaves free: bring the place under it.
    page.evaluate(
        """() => tandemLive.map().panBy([-parseFloat(getComputedStyle(document.documentElement)
            .getPropertyValue("--covered-left")) / 2, 0], { animate: false })"""
    )
    page.locator("#live-map canvas").focus()
    page.keyboard.press("Enter")
    card = page.locator("#live-crowd")
    card.get_by_role("heading", name="16 people here").wait_for()
    assert card.locator("li").count() == 16
    card.get_by_role("button", name=people[7].name).click()
    page.wait_for_function("(id) => location.search.includes(`person=${id}`)", arg=people[7].pk)
    assert not card.is_visible()


def test_a_line_is_measured_with_pointer_and_keys(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    page = open_live(open_page, web, town.dispatcher)
    look_at(page, 15)
    page.locator("#live-people").click(position={"x": 2, "y": 2})
    page.keyboard.press("m")
    said = page.locator("#live-measure output")
    said.get_by_text("Click where the line begins").wait_for()
    page.mouse.click(*on_screen(page, 0, 0))
    page.mouse.click(*on_screen(page, 300, 400))
    page.wait_for_function(
        "() => /\\d m$/.test(document.querySelector('#live-measure output').textContent)"
    )
    # 3-4-5: 500 m; the tool's sphere and the ellipsoid differ by less than 0.5 %, and a px is 2 m.
    assert float(said.inner_text().split()[0]) == pytest.approx(500, abs=5)
    page.keyboard.press("Backspace")
    page.mouse.move(*on_screen(page, 100, 0))
    page.wait_for_function(
        "() => parseFloat(document.querySelector('#live-measure output').textContent) < 110"
    )
    assert float(said.inner_text().split()[0]) == pytest.approx(100, abs=3)
    assert page.locator("#live-card").is_hidden()  # a measuring click chooses nobody
    page.keyboard.press("Escape")
    page.locator("#live-measure").wait_for(state="hidden")
    assert math.isclose(page.evaluate("() => tandemLive.map().getZoom()"), 15)


def test_following_keeps_somebody_in_the_middle_until_esc(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    person = officer(town.west, now)
    send(web, person, 0, 0)
    page = open_live(open_page, web, town.dispatcher, f"/live/?person={person.pk}")
    wait_for_mark(page, person, 0, 0)
    page.keyboard.press("f")
    page.wait_for_function("() => location.search.includes('follow=1')")
    assert page.locator("#card-follow").get_attribute("aria-pressed") == "true"
    send(web, person, 180, 0, timestamp=int(timezone.now().timestamp()) + 2)
    lon, lat = place(180, 0)
    page.wait_for_function(
        """([lon, lat]) => {
            const map = tandemLive.map();
            const left = parseFloat(getComputedStyle(document.documentElement)
                .getPropertyValue("--covered-left"));
            const box = map.getContainer();
            const { x, y } = map.project([lon, lat]);
            return Math.abs(x - (box.clientWidth + left) / 2) < 3
                && Math.abs(y - box.clientHeight / 2) < 3;
        }""",
        arg=[lon, lat],
    )
    page.keyboard.press("Escape")
    page.wait_for_function("() => !location.search.includes('follow')")
    assert page.locator("#live-card").is_visible()
    page.keyboard.press("Escape")
    page.locator("#live-card").wait_for(state="hidden")


def test_names_stand_by_their_marks_where_there_is_room(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    # At one place there is room for four names: below, above, right and left of the mark.
    people = crowd(town, now, 8, 0)
    away = officer(town.west, now)
    report(away, 200, 0, now)
    page = open_live(open_page, web, town.dispatcher, f"/live/?person={people[5].pk}")
    page.wait_for_function("() => tandemLive.picture.fixes.size === 9")
    look_at(page, 17, 100)
    named = set(drawn_when(page, "drawn.marks.length === 9 && drawn.names.length === 5")["names"])
    assert {people[5].pk, away.pk} < named
    look_at(page, 14, 100)
    assert drawn_when(page, "drawn.names.length === 1")["names"] == [people[5].pk]


def test_keys_are_listed_and_do_nothing_while_somebody_types(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
) -> None:
    page = open_live(open_page, web, town.dispatcher)
    page.keyboard.press("/")
    page.keyboard.type("mlf?")
    assert page.locator("#search").input_value() == "mlf?"
    assert page.locator("#live-measure").is_hidden()
    assert page.locator("#live-keys").is_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    listed = page.locator("#live-keys dl").inner_text()
    assert "Take in a new lead" in listed
    assert "Leads and orders: the first in the list" in listed
    page.keyboard.press("m")
    assert page.locator("#live-measure").is_hidden()  # the list has the keyboard
    page.keyboard.press("Escape")
    page.locator("#live-keys").wait_for(state="hidden")
    page.keyboard.press("l")
    page.locator("#live-layers").wait_for()
