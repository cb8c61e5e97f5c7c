"""`/ws/phone/`: positions in numbered batches, each acknowledged by its number after COMMIT.

Who reports is settled once: a phone's secret (Bearer header, or the first message), or the session
of an officer on Tandem's own page, and then only from our own origin.

    → {"secret": "…"}                               only without header and session
    ← {"ready": {"interval_s": 10}}
    → {"batch": 7, "readings": [{"lon": 24.94, "lat": 60.17, "time": 1771234567.0,
                                 "accuracy": 5, "speed": 1.2, "heading": 90, "battery": 87}]}
    ← {"ack": 7, "taken": 1, "refused": 0, "quarantined": 0, "reasons": []}
    ← {"retry": 7, "after_s": 5}                    not stored: send it again
    ← {"error": {"code": "…", "message": "…"}}      with "batch" where one is meant

Speed is m/s, battery percent; `"alarm": "sos"` raises an SOS. A batch sent again is stored once.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from bureau.errors import Refused
from bureau.models import User
from patrols import phones, wire
from patrols.admission import Upload
from patrols.api.group_commit import RETRY_AFTER_S, Unavailable, desk
from patrols.api.phone import pace, strangers, without_names
from patrols.models import Person, Phone
from patrols.phones import hash_secret
from patrols.wire import Delivery, Message, Unreadable
from patrols.writing.writer import now_us

# Close codes, in the range that applications may use.
UNAUTHORIZED = 4401
# A connection that does not say who it is.
HELLO_WITHIN_S = 10.0
# A session's right to report is looked at again after this.
TRUST_SESSION_S = 30.0

DIALECT = wire.DIALECTS["socket"]


class PhoneSocket(AsyncWebsocketConsumer):
    """One phone's connection."""

    # Nothing is sent to phones by others: without a channel layer they need no Redis.
    channel_layer_alias = "none for phones"

    phone_id: int | None = None
    secret_sha256 = ""
    secret = ""
    user: User | None = None
    looked_s = 0.0
    hello: asyncio.TimerHandle | None = None

    async def connect(self) -> None:
        """Settle who reports, or wait for the first message to say it."""
        headers = dict(self.scope["headers"])
        message = Message(authorization=headers.get(b"authorization", b"").decode("latin-1"))
        if names := wire.names(message):
            await self.accept()
            await self.enter_by_secret(names)
            return
        user = self.scope.get("user")
        if isinstance(user, User) and user.is_authenticated:
            if not same_origin(headers):
                await self.close()  # before accept: HTTP 403
                return
            await self.accept()
            await self.enter_by_session(user)
            return
        await self.accept()
        self.hello = asyncio.get_running_loop().call_later(
            HELLO_WITHIN_S, lambda: asyncio.ensure_future(self.leave("no_secret"))
        )

    async def disconnect(self, code: int) -> None:
        """The other side has gone."""
        if self.hello is not None:
            self.hello.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message: the secret, or a batch."""
        body = text_data.encode() if text_data is not None else bytes_data or b""
        try:
            value = wire.read_json(body)
        except Unreadable as error:
            await self.say_error(error.reason, error.detail)
            return
        if not isinstance(value, dict):
            await self.say_error("not_an_object", "Send a JSON object.")
        elif self.phone_id is None:
            secret = value.get("secret")
            if isinstance(secret, str) and secret:
                await self.enter_by_secret([secret])
            else:
                await self.leave("no_secret")
        else:
            await self.receive_batch(value)

    async def receive_batch(self, value: dict[str, Any]) -> None:
        """Store one batch and answer with its number."""
        number, readings = value.get("batch"), value.get("readings")
        if type(number) is not int:
            await self.say_error("no_batch_number", "Give the batch a whole number: “batch”.")
            return
        if not isinstance(readings, list):
            await self.say_error("no_readings", "Give a list: “readings”.", number)
            return
        if not await self.may_still_report():
            return
        upload = self.read(readings)
        try:
            receipt = await desk.take(upload)
        except Unavailable:
            await self.say({"retry": number, "after_s": RETRY_AFTER_S})
            return
        if not receipt.known:
            await self.leave("unknown_phone")
            return
        await self.say(
            {
                "ack": number,
                "taken": receipt.taken,
                "refused": receipt.refused,
                "quarantined": receipt.quarantined,
                "reasons": receipt.reasons,
            }
        )

    def read(self, readings: list[Any]) -> Upload:
        """The batch as an upload; over the limits it is kept in quarantine."""
        assert self.phone_id is not None  # noqa: S101  (receive sees to it)
        received_us = now_us()
        delivery = Delivery()
        wire.add_json(delivery, DIALECT, readings, received_us)
        over = ""
        if len(readings) > wire.MOST_ITEMS:
            over = "too_many"
        elif not pace.take(self.phone_id, len(readings) + 1):
            over = "too_fast"
        if self.secret:
            for quarantined in delivery.quarantined:
                quarantined.raw = without_names(quarantined.raw, [self.secret])
        return Upload(
            self.phone_id,
            received_us,
            delivery.readings,
            delivery.contacts,
            delivery.quarantined,
            over,
            self.secret_sha256,
        )

    async def enter_by_secret(self, names: list[str]) -> None:
        """Open with a phone's secret."""
        address = (self.scope.get("client") or ("",))[0]
        if not strangers.has(address, 1):
            await self.leave("too_many_unknown")
            return
        hashed = [hash_secret(name) for name in names]
        try:
            found = await desk.find_phone(hashed)
        except Unavailable:
            await self.say_error("try_again", "The database cannot be reached. Try again shortly.")
            await self.close(code=1013)
            return
        if found is None:
            strangers.take(address, 1)
            await self.leave("unknown_phone")
            return
        self.phone_id, self.secret_sha256 = found
        self.secret = names[hashed.index(self.secret_sha256)]
        await self.say_ready(await interval_of(self.phone_id))

    async def enter_by_session(self, user: User) -> None:
        """Open with an officer's session."""
        try:
            self.phone_id, interval_s = await open_page_phone(user)
        except Refused as refused:
            await self.say_error(refused.code, refused.message)
            await self.close(code=UNAUTHORIZED)
            return
        self.user = user
        self.looked_s = time.monotonic()
        await self.say_ready(interval_s)

    async def may_still_report(self) -> bool:
        """Whether the session's account may still report; looked at from time to time."""
        if self.user is None or time.monotonic() - self.looked_s < TRUST_SESSION_S:
            return True
        try:
            phone_id, _ = await open_page_phone(self.user)
        except Refused as refused:
            await self.say_error(refused.code, refused.message)
            await self.close(code=UNAUTHORIZED)
            return False
        self.phone_id = phone_id
        self.looked_s = time.monotonic()
        return True

    async def say_ready(self, interval_s: int) -> None:
        """The connection is open for batches."""
        if self.hello is not None:
            self.hello.cancel()
            self.hello = None
        await self.say({"ready": {"interval_s": interval_s}})

    async def leave(self, code: str) -> None:
        """Say why, and close."""
        await self.say_error(code, REASONS[code])
        await self.close(code=UNAUTHORIZED)

    async def say_error(self, code: str, message: str, batch: int | None = None) -> None:
        """An error; the connection stays open unless it is closed after."""
        error: dict[str, Any] = {"error": {"code": code, "message": message}}
        if batch is not None:
            error["batch"] = batch
        await self.say(error)

    async def say(self, value: dict[str, Any]) -> None:
        """One JSON message."""
        await self.send(text_data=msgspec.json.encode(value).decode())


REASONS = {
    "no_secret": "Say which phone this is: {“secret”: …}.",
    "unknown_phone": "This phone is not enrolled, or its secret was changed: scan its code again.",
    "too_many_unknown": "Too many requests of phones that are not enrolled. Wait a minute.",
}


def same_origin(headers: dict[bytes, bytes]) -> bool:
    """Whether the page that opens the socket is ours: its Origin is the host it talks to.

    Without this any page that the officer visits could report in the officer's name.
    """
    host = headers.get(b"host", b"").decode("latin-1")
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    hostname = urlsplit(f"//{host}").hostname or ""
    if ":" in hostname:
        hostname = f"[{hostname}]"
    return bool(host) and origin.netloc == host and validate_host(hostname, settings.ALLOWED_HOSTS)


@database_sync_to_async
def open_page_phone(user: User) -> tuple[int, int]:
    """(phone, interval in s) of the page of this account's person. Raises Refused."""
    now = User.objects.filter(pk=user.pk, is_active=True).first()
    if now is None:
        raise Refused("signed_out", "This account is closed.")
    if now.must_change_password:
        raise Refused("signed_out", "The password must be changed first: open the page again.")
    # Compared with the account as it was when the socket was opened.
    if not constant_time_compare(now.get_session_auth_hash(), user.get_session_auth_hash()):
        raise Refused("signed_out", "The password was changed: sign in again.")
    person = Person.objects.filter(user=user.pk).first()
    if person is None:
        raise Refused("no_person", "This account belongs to nobody who patrols.")
    phone = phones.page_phone(person=person, now=timezone.now())
    return phone.pk, phone.interval_s


@database_sync_to_async
def interval_of(phone_id: int) -> int:
    """How often a phone is asked to report, in s."""
    return Phone.objects.get(pk=phone_id).interval_s
