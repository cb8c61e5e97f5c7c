"""Streets, hotspots, stations and areas by name, code and pinyin: what is found and what not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from bureau.models import Role, User
from tests import make
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


def ask(user: User, text: str) -> Any:
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client.get("/api/live/places", {"q": text})


def names(user: User, text: str) -> list[str]:
    answer = ask(user, text)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return [row["name"] for row in answer.json()["places"]]


def test_a_street_is_one_hit_with_the_box_of_all_its_blocks(town: Town):
    [row] = ask(town.dispatcher, "c street").json()["places"]
    assert (row["kind"], row["id"], row["name"]) == ("street", None, "C Street")
    # Street C runs from street 1 to street 5: 200 m west to 200 m east of the origin.
    assert row["bounds"] == pytest.approx([*place(-200, 0), *place(200, 0)])


@pytest.mark.parametrize("text", ["重庆", "chongqing", "cql", "cq lu", "ChongQing Lu"])
def test_a_street_by_its_characters_and_by_pinyin(town: Town, text: str):
    make.segment(town.bureau, place(0, 300), place(90, 300), length_m=90, name="重庆路")
    assert names(town.dispatcher, text) == ["重庆路"]


def test_retired_streets_and_closed_places_are_not_found(town: Town):
    block = town.blocks["C3-C4"]
    make.hotspot(town.west, block, name="学校门口", code="gate", closed_on=date(2025, 1, 1))
    make.station(town.west, *place(0, 0), name="中心岗亭", closed_on=date(2025, 1, 1))
    for one in town.blocks.values():
        one.retired_at = town.bureau.created_at
        one.save()
    for text in ("xuexiao", "gate", "gangting", "c street"):
        assert names(town.dispatcher, text) == []


def test_places_of_other_units_and_bureaus_are_not_found(town: Town):
    other = build_town("other")
    make.segment(other.bureau, place(0, 300), place(90, 300), length_m=90, name="重庆路")
    for unit, name in ((town.west, "西门"), (town.east, "东门"), (other.west, "外门")):
        block = make.segment(unit.bureau, place(0, 9), place(9, 9), length_m=9, name="")
        make.hotspot(unit, block, name=f"{name}热点")
        make.station(unit, *place(0, 0), name=f"{name}岗亭")
    west = make.user(Role.DISPATCHER, town.west)
    assert names(west, "men") == ["西门岗亭", "西门热点"]
    assert sorted(names(town.dispatcher, "mengt")) == ["东门岗亭", "西门岗亭"]
    assert names(west, "重庆") == []
    assert names(west, town.west_beat.code) == [town.west_beat.name]
    assert names(west, town.east_beat.code) == []


def test_the_beat_by_its_code_and_the_best_hit_first(town: Town):
    town.west_beat.name = "责任区一"
    town.west_beat.save()
    make.station(town.east, *place(100, 0), name="大西门", code="s1")
    make.station(town.east, *place(100, 0), name="西门", code="s2")
    assert names(town.dispatcher, "zerenqu") == ["责任区一"]
    assert names(town.dispatcher, "西门") == ["西门", "大西门"]


def test_an_empty_query_finds_nothing(town: Town):
    for text in ("", "  ", "\x00", "!!"):
        assert names(town.dispatcher, text) == []


@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER])
def test_roles_that_do_not_watch_are_told_so(town: Town, role: Role):
    answer = ask(make.user(role, town.top), "c")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")


def test_the_roster_carries_the_spelling(town: Town):
    make.person(town.west, name="单国强")
    town.east.name = "重庆路中队"
    town.east.save()
    client = Client(headers={"host": "localhost"})
    client.force_login(town.dispatcher, "django.contrib.auth.backends.ModelBackend")
    body = client.get("/api/live").json()
    assert [row["pinyin"] for row in body["people"]] == ["shan guo qiang"]
    assert "chong qing lu zhong dui" in [row["pinyin"] for row in body["units"]]
