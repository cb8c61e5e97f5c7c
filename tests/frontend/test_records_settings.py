"""Records and settings over HTTP: scope, phones, reports, accounts, notice, guided steps."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from bureau.models import OneTimeLink, OrgUnit, Role
from frontend import uploads
from geo.models import ImportRun
from patrols.access import log_look
from patrols.models import Person, Phone, PhoneApp, RefusedCount
from patrols.phones import hash_secret
from tests import make
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


def client_of(user) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


# Records


def test_import_reports_are_the_own_bureaus_and_say_rows_and_reasons(town: Town):
    report = {
        "warnings": [],
        "notes": [],
        "refused": [
            {
                "row": 7,
                "code": "x",
                "template": "The badge %(badge)s comes twice.",
                "values": {"badge": "12"},
            }
        ],
        "changes": ["1001 name"],
    }
    run = ImportRun.objects.create(
        bureau=town.bureau, kind="people", file_name="a.csv", sha256="0", refused=1, report=report
    )
    other = build_town("other")
    foreign = ImportRun.objects.create(
        bureau=other.bureau, kind="people", file_name="secret.csv", sha256="0"
    )
    client = client_of(town.planner)
    text = client.get("/records/").text
    assert "a.csv" in text
    assert "secret.csv" not in text
    shown = client.get(f"/records/imports/{run.pk}/").text
    assert "The badge 12 comes twice." in shown
    assert '<td class="number">7</td>' in shown
    assert client.get(f"/records/imports/{foreign.pk}/").status_code == 404


def test_a_squad_reads_no_report_that_names_the_whole_bureaus_badges(town: Town):
    run = ImportRun.objects.create(
        bureau=town.bureau, kind="people", file_name="everybody.csv", sha256="0"
    )
    client = client_of(make.user(Role.DISPATCHER, town.west))
    assert "everybody.csv" not in client.get("/records/").text
    assert client.get(f"/records/imports/{run.pk}/").status_code == 404


def test_looks_are_scoped_by_role_and_unit(town: Town):
    west = make.person(town.west, name="West Person")
    east = make.person(town.east, name="East Person")
    log_look(town.supervisor, west, purpose="Review west")
    log_look(town.dispatcher, east, purpose="Call east")
    log_look(town.planner, east, purpose="Not allowed", allowed=False)
    everything = client_of(town.supervisor).get("/records/looks/").text
    assert all(word in everything for word in ("Review west", "Call east", "Not allowed"))
    of_west = client_of(make.user(Role.SUPERVISOR, town.west)).get("/records/looks/").text
    assert "Review west" in of_west
    assert "Call east" not in of_west
    own = client_of(town.dispatcher).get("/records/looks/").text
    assert "Call east" in own
    assert "Review west" not in own
    denied = client_of(town.supervisor).get("/records/looks/?denied=1").text
    assert "Not allowed" in denied
    assert "Call east" not in denied


def test_a_phone_is_enrolled_and_its_secret_seen_once(town: Town):
    person = make.person(town.west, name="Li Na")
    client = client_of(town.administrator)
    answer = client.post(
        "/records/phones/enrol/",
        {"person": person.pk, "app": PhoneApp.TRACCAR, "label": "No. 7", "interval_s": "10"},
    )
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    secret = re.search(r'<code class="secret">([^<]+)</code>', answer.text)
    assert secret is not None
    phone = Phone.objects.get()
    assert phone.secret_sha256 == hash_secret(secret[1])
    assert "http://localhost:8000/phone/traccar" in answer.text
    listed = client.get("/records/phones/").text
    assert "No. 7" in listed
    assert "Li Na" in listed
    assert secret[1] not in listed


def test_phones_show_silence_refusals_and_can_be_revoked(town: Town):
    person = make.person(town.west, name="Li Na")
    phone = make.phone(person, label="No. 7")
    phone.last_contact_at = timezone.now() - timedelta(days=2)
    phone.save()
    RefusedCount.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=timezone.localdate(),
        reason="off_duty",
        count=31,
        last_at=timezone.now(),
    )
    client = client_of(town.administrator)
    text = client.get("/records/phones/").text
    assert "silent for a day" in text
    assert "31 outside the shifts" in text
    old = phone.secret_sha256
    renewed = client.post(f"/records/phones/{phone.pk}/", {"act": "renew"})
    assert "not shown again" in renewed.text
    phone.refresh_from_db()
    assert phone.secret_sha256 != old
    client.post(f"/records/phones/{phone.pk}/", {"act": "revoke"})
    phone.refresh_from_db()
    assert phone.revoked_at is not None


def test_phones_are_scoped_by_unit_and_role(town: Town):
    east = make.phone(make.person(town.east), label="East phone")
    west_supervisor = client_of(make.user(Role.SUPERVISOR, town.west))
    assert "East phone" not in west_supervisor.get("/records/phones/").text
    revoked = west_supervisor.post(f"/records/phones/{east.pk}/", {"act": "revoke"})
    assert revoked.status_code == 404
    stranger = make.person(town.east)
    refused = west_supervisor.post(
        "/records/phones/enrol/",
        {"person": stranger.pk, "app": "traccar", "label": "x", "interval_s": "10"},
    )
    assert refused.status_code == 422
    assert Phone.objects.count() == 1
    assert client_of(town.planner).get("/records/phones/").status_code == 403
    assert client_of(town.dispatcher).post(f"/records/phones/{east.pk}/").status_code == 403


# Settings


def test_settings_show_rules_calendar_notice_and_what_is_missing(town: Town):
    make.person(town.west)
    make.person(town.west, accepted=False)
    text = client_of(town.administrator).get("/settings/").text
    assert "Asia/Shanghai" in text
    assert "our default, no standard" in text
    assert "accepted by 1 of 2 people" in text
    assert "not done" in text  # the impact assessment
    year = timezone.localdate().year
    assert f'<th scope="row">{year + 1}</th>' in text


def test_only_an_administrator_of_the_whole_bureau_changes_things(town: Town):
    west_admin = client_of(make.user(Role.ADMINISTRATOR, town.west))
    supervisor = client_of(town.supervisor)
    for client in (west_admin, supervisor):
        for address in ("/settings/bureau/", "/settings/notice/", "/settings/start/"):
            assert client.get(address).status_code == 403
            assert client.post(address, {}).status_code == 403
    assert client_of(town.planner).get("/settings/").status_code == 403
    assert "town-planner" not in supervisor.get("/settings/").text  # no list of accounts


def test_bureau_facts_are_saved_and_the_time_zone_is_not(town: Town):
    client = client_of(town.administrator)
    client.post(
        "/settings/bureau/",
        {
            "name": "New name",
            "legal_basis": "Order 5, 2026-01-01",
            "impact_assessed_on": "2026-03-01",
            "time_zone": "Europe/Helsinki",
        },
    )
    town.bureau.refresh_from_db()
    assert (town.bureau.name, town.bureau.time_zone) == ("New name", "Asia/Shanghai")
    assert "Order 5, 2026-01-01" in client.get("/settings/").text
    bad = client.post("/settings/bureau/", {"name": ""})
    assert bad.status_code == 422


def test_a_new_notice_gets_the_next_version(town: Town):
    client = client_of(town.administrator)
    client.post("/settings/notice/", {"text_en": "Two", "text_zh_hans": "二"})
    assert list(town.bureau.location_notices.values_list("version", flat=True)) == [2, 1]
    assert client.post("/settings/notice/", {"text_en": "x"}).status_code == 422


def test_a_reset_link_is_shown_once_to_the_administrator(town: Town):
    client = client_of(town.administrator)
    answer = client.post(f"/settings/accounts/{town.planner.pk}/reset/")
    address = re.search(r"http://localhost(/accounts/new/[^<]+)", answer.text)
    assert address is not None
    assert client.get(address[1]).status_code == 200
    refused = client_of(town.supervisor).post(f"/settings/accounts/{town.planner.pk}/reset/")
    assert refused.status_code == 403
    assert OneTimeLink.objects.count() == 1
    other = build_town("other")
    assert client.post(f"/settings/accounts/{other.planner.pk}/reset/").status_code == 404


# Guided steps


def test_a_unit_is_added_below_another_and_a_bad_one_is_said(town: Town):
    client = client_of(town.administrator)
    values = {"name": "Squad 9", "code": "sq-9", "kind": "squad", "parent": town.brigade.pk}
    assert client.post("/settings/start/", values).status_code == 302
    assert OrgUnit.objects.get(code="sq-9").parent == town.brigade
    twice = client.post("/settings/start/", values)
    assert twice.status_code == 422
    other = build_town("other")
    foreign = client.post("/settings/start/", values | {"code": "x", "parent": other.top.pk})
    assert foreign.status_code == 422
    assert not OrgUnit.objects.filter(code="x").exists()


def waited(client: Client, address: str) -> str:
    """The status page's text once the import has ended."""
    deadline = time.monotonic() + 60
    while True:
        text = client.get(address).text
        if 'hx-trigger="load delay:1s"' not in text:
            return text
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_people_are_taken_in_from_the_page_with_a_report(settings, tmp_path: Path):
    settings.VAR_DIR = tmp_path
    town = build_town()
    client = client_of(town.administrator)
    table = "badge_no,name,category,unit\n77,Chen,officer,west\n78,Bad,pilot,west\n"
    file = SimpleUploadedFile("people.csv", table.encode())
    sent = client.post("/settings/start/upload/", {"kind": "people", "file": file})
    assert sent.status_code == 302
    text = waited(client, sent["Location"])
    assert "done" in text
    assert Person.objects.get(badge_no="77").unit == town.west
    assert not Person.objects.filter(badge_no="78").exists()
    assert "Row 3" in text or "Row 2" in text  # the refused row is named
    assert list((tmp_path / "uploads").glob("*.upload")) == []
    # Another bureau's administrator does not see it.
    other = client_of(build_town("other").administrator)
    assert other.get(sent["Location"]).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_none_is_refused_in_words_and_writes_nothing(settings, tmp_path: Path):
    settings.VAR_DIR = tmp_path
    town = build_town()
    client = client_of(town.administrator)
    before = town.bureau.road_segments.count()
    file = SimpleUploadedFile("../../streets.geojson", b"this is no map")
    sent = client.post(
        "/settings/start/upload/", {"kind": "streets", "file": file, "datum": "wgs84"}
    )
    text = waited(client, sent["Location"])
    assert "Not taken:" in text
    assert "Nothing was written." in text
    assert town.bureau.road_segments.count() == before


def test_uploads_refuse_what_makes_no_sense(town: Town):
    client = client_of(town.administrator)
    address = "/settings/start/upload/"
    file = SimpleUploadedFile("a.csv", b"x")
    assert "Choose a file first" in client.post(address, {"kind": "people"}).text
    unknown = client.post(address, {"kind": "secrets", "file": file})
    assert unknown.status_code == 409
    datum = client.post(address, {"kind": "people", "file": file, "datum": "mars"})
    assert datum.status_code == 409
    assert client.get(address + "0" * 24 + "/").status_code == 404
    assert client.get(address + "..%2f..%2fsecret/").status_code == 404


def test_a_status_that_nobody_writes_any_more_is_called_lost(settings, tmp_path: Path, town: Town):
    settings.VAR_DIR = tmp_path
    key = "a" * 24
    state = {"bureau": town.bureau.pk, "file": "a.csv", "stage": "writing"}
    uploads.write(key, state)
    running = uploads.status(key, town.bureau)
    assert running is not None
    assert running["running"]
    place = uploads.folder() / f"{key}.json"
    old = time.time() - uploads.GONE_AFTER_S - 1
    place.write_text(re.sub(r'"at": [\d.]+', f'"at": {old}', place.read_text()))
    lost = uploads.status(key, town.bureau)
    assert lost is not None
    assert not lost["running"]
    assert "Send the file again" in lost["message"]
