"""A phone's page: codes and links, health, advice, uploads; and who may see them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bureau.models import Role, User
from frontend import phone_links
from geo.models import ImportRun
from patrols import ingest
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.models import Phone, PhoneApp, PhoneMake, Quarantine, RefusedCount
from patrols.phone_health import health_of, make_of
from patrols.phones import hash_secret
from patrols.storage.carriers import to_us
from patrols.wire import Reading
from tests import make
from tests.patrols.phones import forget_positions, stored
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db
SECRET = "phone-secret-22-letter"
ADDRESS = "https://tandem.example"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture(autouse=True)
def public_address(settings: Any) -> None:
    settings.PUBLIC_ADDRESS = ADDRESS


def client_of(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def phone_of(app: str, **fields: Any) -> Phone:
    return Phone(pk=7, app=app, label="No. 7", interval_s=10, **fields)


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def packed_in(link: str, name: str) -> dict[str, object]:
    found = json.loads(base64.b64decode(unquote(link.partition(f"{name}=")[2])))
    assert isinstance(found, dict)
    return found


# Links and codes


def test_traccars_link_sets_what_a_patrol_needs() -> None:
    link = phone_links.deep_link(phone_of("traccar"), SECRET)
    assert link.startswith("org.traccar.client://config?")
    told = query_of(link)
    assert (told["url"], told["id"]) == (f"{ADDRESS}/phone/traccar", SECRET)
    assert (told["accuracy"], told["distance"], told["interval"]) == ("highest", "0", "10")
    assert (told["stop_detection"], told["buffer"]) == ("false", "true")


def test_owntracks_link_holds_its_configuration() -> None:
    link = phone_links.deep_link(phone_of("owntracks"), SECRET)
    assert link.startswith("owntracks:///config?inline=")
    told = packed_in(link, "inline")
    assert (told["_type"], told["mode"], told["monitoring"]) == ("configuration", 3, 2)
    assert (told["url"], told["password"]) == (f"{ADDRESS}/phone/owntracks", SECRET)
    assert told["encryptionKey"] == ""


def test_overlands_and_colotas_links() -> None:
    overland = query_of(phone_links.deep_link(phone_of("overland"), SECRET))
    assert (overland["url"], overland["token"]) == (f"{ADDRESS}/phone/overland", SECRET)
    link = phone_links.deep_link(phone_of("colota"), SECRET)
    assert link.startswith("colota://setup?config=")
    told = packed_in(link, "config")
    assert told["endpoint"] == f"{ADDRESS}/phone/colota"
    assert told["auth"] == {"type": "bearer", "bearerToken": SECRET}


def test_gpsloggers_code_leads_to_a_page_with_its_link_and_profile(town: Town) -> None:
    phone = make.phone(make.person(town.west), SECRET, PhoneApp.GPSLOGGER)
    visitor = Client(headers={"host": "localhost"})
    page = visitor.get(phone_links.qr_text(phone, SECRET).removeprefix(ADDRESS))
    assert page["Cache-Control"] == "no-store"
    link = re.search(r'href="(gpslogger://[^"]+)"', page.text)
    assert link is not None
    target = html.unescape(link[1]).removeprefix("gpslogger://properties/" + ADDRESS)
    profile = visitor.get(target)
    lines = dict(line.split("=", 1) for line in profile.text.splitlines())
    assert lines["log_customurl_enabled"] == "true"
    assert lines["time_before_logging"] == "10"
    told = lines["log_customurl_url"]
    assert told.startswith(f"{ADDRESS}/phone/gpslogger?id={SECRET}&lat=%LAT&lon=%LON&time=%TIME")
    assert visitor.get("/phone-setup/?id=another").status_code == 404
    assert visitor.get("/phone-setup/tandem.properties").status_code == 404
    phone.revoked_at = NOW
    phone.save()
    assert visitor.get(target).status_code == 404


@pytest.mark.parametrize("app", ["traccar", "owntracks", "overland", "gpslogger", "colota"])
def test_the_code_is_shown_once_and_keeps_to_the_pages_policy(town: Town, app: str) -> None:
    person = make.person(town.west)
    client = client_of(town.administrator)
    values = {"person": person.pk, "app": app, "label": "x", "interval_s": "10", "make": "xiaomi"}
    answer = client.post("/records/phones/enrol/", values)
    svg = re.search(r"<svg[^>]*class=\"qr\".*?</svg>", answer.text, re.DOTALL)
    assert svg is not None
    assert "style=" not in svg[0]
    assert "<script" not in svg[0]
    phone = Phone.objects.get()
    assert phone.make == PhoneMake.XIAOMI
    shown = client.get(f"/records/phones/{phone.pk}/")
    assert 'class="qr"' not in shown.text
    assert "Autostart" in shown.text


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("http://localhost:8000", "the phone itself"),
        ("http://127.0.0.1", "the phone itself"),
        ("http://10.1.2.3:8000", "no encryption"),
        (ADDRESS, ""),
    ],
)
def test_an_address_that_phones_cannot_use_is_said(settings: Any, address: str, word: str) -> None:
    settings.PUBLIC_ADDRESS = address
    warning = phone_links.address_warning()
    assert word in warning
    assert bool(warning) == bool(word)


def test_a_renewal_says_how_long_the_old_secret_works(town: Town) -> None:
    phone = make.phone(make.person(town.west), SECRET)
    client = client_of(town.administrator)
    text = client.post(f"/records/phones/{phone.pk}/", {"act": "renew"}).text
    assert "The old secret goes on working" in text
    phone.refresh_from_db()
    assert phone.old_secret_sha256 == hash_secret(SECRET)
    text = client.post(f"/records/phones/{phone.pk}/", {"act": "renew_at_once"}).text
    assert "The old secret goes on working" not in text
    phone.refresh_from_db()
    assert phone.old_secret_sha256 is None


# Health


def fixes(phone: Phone, *minutes: float, battery: float = 0.5) -> None:
    """Fixes so many minutes before now, each received 4 s later."""
    uploads = []
    for ago in minutes:
        us = to_us(NOW - timedelta(minutes=ago))
        reading = Reading(us, 120.0, 30.0, battery=battery)
        uploads.append(Upload(phone.pk, us + 4_000_000, [reading], [], []))
    ingest.accept(Desk(), uploads, to_us(NOW))


@pytest.mark.django_db(transaction=True)
def test_health_in_numbers_worked_out_by_hand(no_positions_left: None) -> None:
    """A shift of 2 h, 120 to 0 minutes ago; fixes each minute from 110 to 90 and 60 to 10 ago.

    Silent: 120–110, 90–60 and 10–0 ago, together 50 of 120 minutes, in three gaps.
    """
    town = build_town()
    person = make.person(town.west)
    make.shift(person, NOW - timedelta(hours=2), NOW)
    phone = make.phone(person, interval_s=10)
    fixes(phone, *range(90, 111), *range(11, 61))
    fixes(phone, 10, battery=0.04)
    health = health_of(phone, now=NOW)
    assert (health.fixes, health.seen_s, health.delay_s) == (72, 60, 4)
    assert (health.duty_s, health.silent_s, health.gap_count) == (7200, 3000, 3)
    assert [round(gap.seconds / 60) for gap in health.gaps] == [30, 10, 10]
    assert health.battery == pytest.approx(0.04)
    assert health.ran_empty
    assert health.is_slow
    text = client_of(town.administrator).get(f"/records/phones/{phone.pk}/").text
    assert "60 s seen, 10 s asked" in text
    assert "silent for 42 % of the time on duty" in text
    assert "empty battery" in text
    assert "accuracy “highest”, distance 0, stop detection off." in html.unescape(text)


@pytest.fixture
def no_positions_left() -> Iterator[None]:
    yield
    forget_positions()


def test_a_phone_that_never_reported_says_what_to_do(town: Town) -> None:
    person = make.person(town.west)
    phone = make.phone(person)
    for reason in ("off_duty", "no_notice"):
        RefusedCount.objects.create(
            bureau_id=person.bureau_id,
            person_id=person.pk,
            day=NOW.date(),
            reason=reason,
            count=3,
            last_at=NOW,
        )
    Quarantine.objects.create(
        bureau_id=person.bureau_id,
        phone_id=phone.pk,
        received_at=NOW,
        reason="future",
        raw=b"",
        digest="0",
    )
    text = client_of(town.supervisor).get(f"/records/phones/{phone.pk}/").text
    assert "It has never reported" in text
    assert "mend the roster" in text
    assert "The location notice is not accepted" in text
    assert "set it to automatic time" in text


@pytest.mark.parametrize(
    ("told", "make_is"),
    [
        ("Dalvik/2.1.0 (Linux; U; Android 14; SM-A546B Build/UP1A)", "samsung"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; 2201116SG Build/TKQ1)", "xiaomi"),
        ("Dalvik/2.1.0 (Linux; U; Android 12; Redmi Note 9)", "xiaomi"),
        ("Dalvik/2.1.0 (Linux; U; Android 10; ELE-L29)", "huawei"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; CPH2451)", "oppo"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; V2219A)", "vivo"),
        ("Overland/10 CFNetwork/1498.700.2 Darwin/23.6.0", "apple"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7)", "other"),
        ("Colota/1.4", ""),
        ("", ""),
    ],
)
def test_the_make_that_an_app_tells(told: str, make_is: str) -> None:
    assert make_of(phone_of("traccar", told_app=told)) == make_is
    assert make_of(phone_of("traccar", told_app=told, make="honor")) == "honor"


def test_who_sees_a_phones_page(town: Town) -> None:
    holder = make.user(Role.OFFICER, town.east)
    person = make.person(town.east, user=holder)
    phone = make.phone(person, label="East phone")
    records, mine = f"/records/phones/{phone.pk}/", f"/my/phones/{phone.pk}/"
    assert client_of(town.administrator).get(records).status_code == 200
    assert client_of(make.user(Role.SUPERVISOR, town.east)).get(records).status_code == 200
    assert client_of(make.user(Role.SUPERVISOR, town.west)).get(records).status_code == 404
    assert client_of(town.dispatcher).get(records).status_code == 403
    assert client_of(holder).get(records).status_code == 403
    assert "East phone" in client_of(holder).get(mine).text
    assert mine in client_of(holder).get("/my/").text
    other = make.user(Role.OFFICER, town.east)
    make.person(town.east, user=other)
    assert client_of(other).get(mine).status_code == 404


# Uploads


def track(ago_s: int) -> SimpleUploadedFile:
    at = NOW - timedelta(seconds=ago_s)
    point = f'<trkpt lat="30.0" lon="120.0"><time>{at:%FT%TZ}</time></trkpt>'
    body = f"<gpx><trk><trkseg>{point}</trkseg></trk></gpx>"
    return SimpleUploadedFile("walk.gpx", body.encode())


@pytest.mark.django_db(transaction=True)
def test_a_supervisor_uploads_for_a_person_of_the_unit_only(no_positions_left: None) -> None:
    town = build_town()
    person = make.person(town.west, name="Li Na")
    make.shift(person, NOW - timedelta(hours=2), NOW + timedelta(hours=2))
    client = client_of(make.user(Role.SUPERVISOR, town.west))
    answer = client.post(
        "/records/phones/upload/", {"person": person.pk, "file": track(600)}, follow=True
    )
    assert "Uploaded after the fact for Li Na" in answer.text
    assert len(stored(person)) == 1
    run = ImportRun.objects.get()
    report = f"/records/imports/{run.pk}/"
    assert client_of(make.user(Role.SUPERVISOR, town.east)).get(report).status_code == 404
    assert client_of(town.planner).get(report).status_code == 404
    assert client_of(town.administrator).get(report).status_code == 200
    stranger = make.person(town.east)
    refused = client.post("/records/phones/upload/", {"person": stranger.pk, "file": track(60)})
    assert refused.status_code == 422
    assert client_of(town.planner).get("/records/phones/upload/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_an_officer_uploads_the_own_track_and_reads_the_report(no_positions_left: None) -> None:
    town = build_town()
    officer = make.user(Role.OFFICER, town.west)
    person = make.person(town.west, user=officer)
    make.shift(person, NOW - timedelta(hours=2), NOW + timedelta(hours=2))
    client = client_of(officer)
    answer = client.post("/my/upload/", {"file": track(600)}, follow=True)
    assert "Uploaded after the fact" in answer.text
    assert len(stored(person)) == 1
    other = make.user(Role.OFFICER, town.west)
    make.person(town.west, user=other)
    run = ImportRun.objects.get()
    assert client_of(other).get(f"/my/upload/{run.pk}/").status_code == 404
    bad = client.post("/my/upload/", {"file": SimpleUploadedFile("a.gpx", b"<kml/>")})
    assert bad.status_code == 409
    assert "This is no GPX file." in bad.text
    assert "Choose a file first" in client.post("/my/upload/").text
