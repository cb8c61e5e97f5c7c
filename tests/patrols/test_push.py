"""Web push: where it may go, what it says, and to whom; against a push service on this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import http_ece
import pytest
from django.conf import settings
from django.test import Client

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import notices, orders, pushes
from patrols.forgetting import forget
from patrols.models import (
    Person,
    PhoneNotice,
    PhoneNoticeKind,
    PushSetting,
    PushSubscription,
)
from patrols.push import sealing
from patrols.push.addresses import Forbidden, Target, is_public, read_target, resolve
from patrols.push.delivery import Outcome, deliver
from tests import make
from tests.patrols.dispatching import account, lead, there
from tests.patrols.push_service import (
    Browser,
    PushService,
    certificate_for,
    claims_of,
    push_service,
)
from tests.world import build_town

KIND = PhoneNoticeKind
OUTSIDE = "https://push.example.org/send/abc"


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    with push_service() as running:
        settings.PUSH_HOSTS = [running.host]
        yield running


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "http://push.example.org/a",
        "https://push.example.org:8443/a",
        "https://user@push.example.org/a",
        "https://push.example.org@10.0.0.1/a",
        "https://127.0.0.1/a",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/a",
        "https://0x7f.0.0.1/a",
        "https://0x7f000001/a",
        "https://[::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://localhost/a",
        "https://redis/a",
        "https://push.example.org/a#b",
        "https://push.example.org\\@10.0.0.1/",
        "https://push.example.org/a b",
        "https://推送.example/a",
        "https:///a",
        "https://push.example.org:port/a",
        "ftp://push.example.org/a",
        "file:///etc/passwd",
        "",
        "https://push.example.org/" + "x" * 1000,
    ],
)
def test_an_address_into_our_network_or_of_no_server_is_refused(address: str) -> None:
    with pytest.raises(Forbidden):
        read_target(address)


def test_an_address_of_a_push_service_is_taken_apart() -> None:
    target = read_target(OUTSIDE + "?x=1")
    assert (target.host, target.port, target.path) == ("push.example.org", 443, "/send/abc?x=1")
    assert (target.origin, target.secure, target.exempt) == (
        "https://push.example.org", True, False,
    )  # fmt: skip


def test_hosts_of_a_closed_network_are_named_one_by_one() -> None:
    exempt = ["10.0.0.1:9000", "push.bureau"]
    assert read_target("http://10.0.0.1:9000/a", exempt).origin == "http://10.0.0.1:9000"
    assert read_target("https://push.bureau/a", exempt).exempt
    for other in ("http://10.0.0.1:9001/a", "http://10.0.0.2:9000/a", "ftp://push.bureau/a"):
        with pytest.raises(Forbidden):
            read_target(other, exempt)


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False), ("255.255.255.255", False),
        ("::1", False), ("::", False), ("fe80::1", False), ("fe80::1%eth0", False),
        ("fc00::1", False), ("ff02::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True), ("2002:0a00:0001::1", False), ("64:ff9b::a00:1", False),
    ],
)  # fmt: skip
def test_what_lies_in_the_internet(ip: str, public: bool) -> None:
    assert is_public(ip) == public


def test_a_name_that_leads_into_our_network_is_not_asked() -> None:
    # A name that resolves without any network; `read_target` would not even let it through.
    target = Target("localhost", 443, "/a", secure=True, exempt=False)
    with pytest.raises(Forbidden):
        resolve(target)
    outcome, why = deliver(target, b"x", {})
    assert (outcome, "not public" in why) == (Outcome.FAILED, True)


# Sealing


def test_a_message_is_for_one_browser_and_has_one_length() -> None:
    browser, other = Browser(), Browser()
    keys = sealing.read_keys(browser.p256dh, browser.auth)
    one, two = sealing.seal(b"short", keys), sealing.seal(b"rather longer", keys)
    assert browser.read(one).strip() == b"short"
    assert browser.read(two).strip() == b"rather longer"
    assert len(one) == len(two)
    with pytest.raises(http_ece.ECEException):
        other.read(one)
    # Twice the same is not the same twice.
    assert sealing.seal(b"short", keys) != one


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [("", ""), ("!!", "AAAA"), ("A" * 87, "A" * 22), (None, "AAAA"), (None, "A" * 30)],
)
def test_keys_that_are_none_are_refused(p256dh: str | None, auth: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each has words of its own)
        sealing.read_keys(Browser().p256dh if p256dh is None else p256dh, auth)


def test_the_senders_key_follows_from_the_secret_and_from_nothing_else() -> None:
    assert sealing.public_key("one") == sealing.public_key("one") != sealing.public_key("two")
    assert len(sealing.unspell(sealing.public_key("one"))) == 65
    header = sealing.sender_header("one", "https://push.example.org", "mailto:a@b.cn", 1_000)
    claims, key = claims_of(header)
    assert claims == {"aud": "https://push.example.org", "sub": "mailto:a@b.cn", "exp": 4_600}
    assert key == sealing.public_key("one")
    with pytest.raises(ValueError, match="sub"):
        sealing.sender_header("one", "https://push.example.org", "nobody", 1_000)


# Handing over


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.TAKEN), (201, Outcome.TAKEN), (202, Outcome.TAKEN),
        (404, Outcome.GONE), (410, Outcome.GONE),
        (301, Outcome.FAILED), (307, Outcome.FAILED), (400, Outcome.FAILED),
        (403, Outcome.FAILED), (413, Outcome.FAILED), (429, Outcome.FAILED), (500, Outcome.FAILED),
    ],
)  # fmt: skip
def test_what_a_push_service_answers(service: PushService, status: int, outcome: Outcome) -> None:
    service.answers["/a"] = status
    target = read_target(service.address("/a"), [service.host])
    assert deliver(target, b"body", {"TTL": "60"})[0] == outcome
    # No redirect is followed.
    assert [path for path, _headers, _body in service.got] == ["/a"]


def test_a_service_that_drips_or_is_not_there_is_left(service: PushService) -> None:
    target = read_target(service.address("/drip"), [service.host])
    assert deliver(target, b"x", {}, whole_s=0.5)[0] == Outcome.FAILED
    assert not service.drip.is_set()  # it would have gone on
    nobody = read_target("http://127.0.0.1:9/a", ["127.0.0.1:9"])
    assert deliver(nobody, b"x", {})[0] == Outcome.FAILED


def test_a_service_without_tls_where_tls_is_due_is_left(service: PushService) -> None:
    target = read_target(f"https://{service.host}/a", [service.host])
    assert deliver(target, b"x", {})[0] == Outcome.FAILED
    assert service.got == []


def test_over_tls_only_a_known_certificate_of_that_very_host_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, other = (certificate_for(ip, tmp_path) for ip in ("127.0.0.1", "127.0.0.2"))
    for certificate, trusted, taken in (
        (good, good, True),
        (good, other, False),
        (other, other, False),
    ):
        # What OpenSSL reads as the machine's own list of authorities.
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with push_service(certificate) as service:
            target = read_target(f"https://{service.host}/a", [service.host])
            outcome, why = deliver(target, b"sealed", {"TTL": "60"})
            assert (outcome is Outcome.TAKEN) == taken, why
            assert [body for _path, _headers, body in service.got] == [b"sealed"] * taken
            assert taken or "CERTIFICATE_VERIFY_FAILED" in why


# Who is told what


class Scene:
    """An officer with a browser signed up in a bureau with push."""

    def __init__(self, service: PushService, now: datetime) -> None:
        self.town = build_town()
        self.now = now
        self.person = make.person(self.town.west, user=make.user(Role.OFFICER, self.town.west))
        self.browser = Browser()
        self.service = service
        self.admin = make.user(Role.ADMINISTRATOR, self.town.top)
        pushes.switch(self.town.bureau, on=True, by=self.admin, now=now)
        self.sign_up(self.person, "/one")

    def sign_up(self, person: Person, path: str, browser: Browser | None = None) -> None:
        one = browser or self.browser
        pushes.subscribe(person, self.service.address(path), one.p256dh, one.auth, self.now)

    def tell(self, kind: PhoneNoticeKind, about: int = 1, age_s: float = 5) -> PhoneNotice:
        return notices.notify(self.person, kind, about, self.now - timedelta(seconds=age_s))

    def said(self) -> list[str]:
        return [json.loads(self.browser.read(body))["about"] for _, _, body in self.service.got]


@pytest.fixture
def scene(service: PushService, now: datetime, db: None) -> Scene:
    return Scene(service, now)


def test_an_order_reaches_the_browser_sealed_and_says_nothing_of_it(
    service: PushService, now: datetime, db: None
) -> None:
    town = build_town()
    pushes.switch(town.bureau, on=True, by=town.dispatcher, now=now)
    people = [there(town.west, now, 0, 0, name=f"SECRET-{k}") for k in range(2)]
    browser = Browser()
    for person in people:
        account(person)
    pushes.subscribe(people[0], service.address("/one"), browser.p256dh, browser.auth, now)
    told = lead(town.west, now, text="SECRET-TEXT", place="SECRET-PLACE")
    order = orders.open_order(told.pk, by=town.dispatcher, now=now)
    ids = [person.pk for person in people]
    orders.offer(order.pk, people=ids, by=town.dispatcher, now=now)
    assert pushes.send_due(now + timedelta(seconds=2)) == 0  # an open page comes first
    later = now + timedelta(seconds=4)
    assert pushes.send_due(later) == 1
    assert pushes.send_due(later + timedelta(seconds=1)) == 0  # once
    [(path, headers, body)] = service.got
    assert path == "/one"
    assert browser.read(body) == b'{"about": "order"}'.ljust(64)
    assert b"SECRET" not in body + json.dumps(headers).encode()
    assert (headers["Content-Encoding"], headers["TTL"], headers["Urgency"]) == (
        "aes128gcm", "60", "high",
    )  # fmt: skip
    claims, key = claims_of(headers["Authorization"])
    assert key == sealing.public_key(settings.SECRET_KEY)
    assert (claims["aud"], claims["exp"]) == (
        f"http://{service.host}",
        int(later.timestamp()) + 3600,
    )
    assert PushSubscription.objects.get().taken_at == later


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (KIND.ORDER_OFFERED, ["order"]),
        (KIND.ORDER_CHANGED, ["order"]),
        (KIND.ORDER_CANCELLED, ["order"]),
        (KIND.WELFARE_CHECK, ["check"]),
        # Whoever threatens the sender of an SOS would read it on the locked screen.
        (KIND.SOS_TAKEN, []),
        (KIND.SOS_CLOSED, []),
    ],
)
def test_what_is_pushed(scene: Scene, kind: PhoneNoticeKind, about: list[str]) -> None:
    scene.tell(kind)
    pushes.send_due(scene.now)
    assert scene.said() == about


@pytest.mark.parametrize(
    "why", ["shown", "seen", "fresh", "old", "off", "left", "closed", "another", "no browser"]
)
def test_nothing_is_pushed(scene: Scene, why: str) -> None:
    row = scene.tell(KIND.ORDER_OFFERED, age_s={"fresh": 2, "old": 51}.get(why, 5))
    match why:
        case "shown":
            notices.note_delivered([row], scene.now)
        case "seen":
            notices.see(scene.person, row.pk, scene.now)
        case "off":
            PushSetting.objects.update(is_on=False)
        case "left":
            Person.objects.update(left_on="2026-01-01")
        case "closed":
            User.objects.update(is_active=False)
        case "another":
            PhoneNotice.objects.update(person=make.person(scene.town.west))
        case "no browser":
            pushes.unsubscribe(scene.person, scene.service.address("/one"))
    assert pushes.send_due(scene.now) == 0
    assert scene.service.got == []


def test_two_lines_about_one_thing_are_one_message_to_each_browser(scene: Scene) -> None:
    scene.sign_up(scene.person, "/two")
    scene.tell(KIND.ORDER_OFFERED, 1), scene.tell(KIND.ORDER_CHANGED, 2)
    assert pushes.send_due(scene.now) == 2
    assert sorted(path for path, _, _ in scene.service.got) == ["/one", "/two"]


def test_a_browser_that_is_gone_is_forgotten_and_one_that_fails_after_twenty(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.sign_up(scene.person, "/fails")
    scene.sign_up(scene.person, "/gone")
    scene.service.answers |= {"/fails": 500, "/gone": 410}
    with caplog.at_level(logging.WARNING):
        for n in range(20):
            assert set(PushSubscription.objects.values_list("failures", flat=True)) <= {0, n}
            scene.tell(KIND.ORDER_OFFERED, n)
            assert pushes.send_due(scene.now) == 1
    assert [one.endpoint for one in PushSubscription.objects.all()] == [
        scene.service.address("/one")
    ]
    assert [path for path, _, _ in scene.service.got].count("/gone") == 1
    # The path of a subscription is a secret.
    assert "/fails" not in caplog.text
    assert "answered 500" in caplog.text


def test_failures_are_counted_in_a_row(scene: Scene) -> None:
    for status, failures in ((500, 1), (500, 2), (201, 0), (500, 1)):
        scene.service.answers["/one"] = status
        scene.tell(KIND.ORDER_OFFERED)
        pushes.send_due(scene.now)
        assert PushSubscription.objects.get().failures == failures


def test_an_address_that_is_no_longer_allowed_is_not_asked(scene: Scene, settings: Any) -> None:
    settings.PUSH_HOSTS = []
    scene.tell(KIND.ORDER_OFFERED)
    assert pushes.send_due(scene.now) == 0
    assert scene.service.got == []


# Signing up


def test_a_person_keeps_five_browsers_and_the_newest_holder_has_the_phone(scene: Scene) -> None:
    for n in range(6):
        scene.now += timedelta(seconds=1)
        scene.sign_up(scene.person, f"/{n}")
    kept = {one.endpoint.rpartition("/")[2] for one in scene.person.push_subscriptions.all()}
    assert kept == {"1", "2", "3", "4", "5"}
    other = make.person(scene.town.west, user=make.user(Role.OFFICER, scene.town.west))
    scene.sign_up(other, "/5")
    assert scene.person.push_subscriptions.count() == 4
    assert pushes.is_signed_up(other, scene.service.address("/5"))
    # Somebody else opens the page on that phone: it is signed up for nobody then.
    assert not pushes.is_signed_up(scene.person, scene.service.address("/5"))
    assert not other.push_subscriptions.exists()


def test_off_by_default_and_switched_off_nothing_is_kept(scene: Scene, now: datetime) -> None:
    other = build_town("other")
    assert not pushes.is_on(other.bureau)
    assert pushes.key_for(other.bureau) == ""
    person = make.person(other.west)
    browser = Browser()
    with pytest.raises(Refused) as refused:
        pushes.subscribe(person, OUTSIDE, browser.p256dh, browser.auth, now)
    assert refused.value.code == "push_off"
    pushes.switch(scene.town.bureau, on=False, by=scene.admin, now=now)
    assert not PushSubscription.objects.exists()
    row = PushSetting.objects.get()
    assert (row.is_on, row.changed_by, row.changed_at) == (False, scene.admin, now)


def test_the_browsers_of_who_has_left_are_forgotten_at_night(scene: Scene) -> None:
    stays = make.person(scene.town.west)
    scene.sign_up(stays, "/stays")
    Person.objects.filter(pk=scene.person.pk).update(left_on="2026-01-01")
    forget(now=scene.now)
    assert PushSubscription.objects.get().person == stays


# Pages


def client(user: User, **more: Any) -> Client:
    found = Client(headers={"host": "localhost"}, **more)
    found.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return found


def test_an_officer_signs_up_and_off_on_the_own_page(scene: Scene) -> None:
    browser = Browser()
    mine = client(scene.person.user)
    assert sealing.public_key(settings.SECRET_KEY) in mine.get("/my/").content.decode()
    values = {"endpoint": OUTSIDE, "p256dh": browser.p256dh, "auth": browser.auth}
    assert mine.post("/my/push/known/", values).status_code == 404
    assert mine.post("/my/push/", values).status_code == 204
    assert mine.post("/my/push/known/", values).status_code == 204
    assert scene.person.push_subscriptions.filter(endpoint=OUTSIDE).exists()
    assert mine.post("/my/push/stop/", values).status_code == 204
    assert not scene.person.push_subscriptions.filter(endpoint=OUTSIDE).exists()
    for wrong in (
        {}, {"endpoint": "https://10.0.0.1/a"}, {"p256dh": "x"}, {"auth": ""}, {"endpoint": "\x00"},
    ):  # fmt: skip
        answer = mine.post("/my/push/", values | wrong if wrong else {})
        assert answer.status_code == 409
    assert mine.get("/my/push/").status_code == 405
    strict = client(scene.person.user, enforce_csrf_checks=True)
    assert strict.post("/my/push/", values).status_code == 403
    assert Client(headers={"host": "localhost"}).post("/my/push/", values).status_code == 302
    pushes.switch(scene.town.bureau, on=False, by=scene.admin, now=scene.now)
    assert mine.post("/my/push/", values).status_code == 409
    assert "my-push" not in mine.get("/my/").content.decode()
    assert not PushSubscription.objects.exists()


def test_nobody_signs_another_persons_browser_off(scene: Scene) -> None:
    other = make.person(scene.town.west, user=make.user(Role.OFFICER, scene.town.west))
    stop = {"endpoint": scene.service.address("/one")}
    assert client(other.user).post("/my/push/stop/", stop).status_code == 204
    assert PushSubscription.objects.count() == 1


def test_only_an_administrator_of_the_whole_bureau_switches_it(db: None, now: datetime) -> None:
    town = build_town()
    admin = client(make.user(Role.ADMINISTRATOR, town.top))
    page = admin.get("/settings/push/").content.decode()
    assert "no name, no place, no text" in page
    assert "off: no push service outside is used" in admin.get("/settings/").content.decode()
    for user in (
        make.user(Role.ADMINISTRATOR, town.west),
        make.user(Role.SUPERVISOR, town.top),
        make.user(Role.INSPECTOR, town.top),
        make.user(Role.OFFICER, town.top),
        make.user(Role.DISPATCHER, town.top),
    ):
        assert client(user).post("/settings/push/", {"is_on": "on"}).status_code == 403
    assert not pushes.is_on(town.bureau)
    admin.post("/settings/push/", {"is_on": "on"})
    assert pushes.is_on(town.bureau)
    assert "on: messages go" in admin.get("/settings/").content.decode()
    admin.post("/settings/push/", {})
    assert not pushes.is_on(town.bureau)


def test_the_worker_speaks_the_readers_language(db: None) -> None:
    browser = Client(headers={"host": "localhost", "accept-language": "zh-hans"})
    assert "有一张派单待您查看" in browser.get("/my/worker.js").content.decode()
