"""`/phone/<app>`: what phone apps post to, past Django's request cycle.

Identify the phone by its secret, read the body in the app's format, hand it to the writer, answer
after COMMIT in the app's own dialect. A body that a known phone sends is never refused for its
content: what cannot be taken is kept in quarantine, and the phone goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from patrols import wire
from patrols.admission import Upload
from patrols.api.group_commit import RETRY_AFTER_S, GroupCommit, Unavailable, desk
from patrols.api.limits import Buckets, Shares
from patrols.phones import hash_secret
from patrols.wire import Delivery, Message, Quarantined, Unreadable
from patrols.writing.writer import now_us

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Headers = list[tuple[bytes, bytes]]
Known = tuple[int, str]  # a phone's id and the SHA-256 of the secret that named it

# Above every known app's largest batch (Overland: 1,000 points of 600 B). More from a stranger is
# answered 413; from a known phone it is read up to the second figure and kept in quarantine.
LARGEST_BODY = 4 * 2**20
LARGEST_KEPT_BODY = 16 * 2**20
# Bodies being read at one time, all phones together; of those of whom nothing is known yet.
MOST_BYTES = 128 * 2**20
MOST_UNKNOWN_BYTES = 32 * 2**20
# Bodies of one phone that are read or wait for the writer at one time: at least 70,000 points.
MOST_OF_ONE = 4 * 2**20
# Up to this a body is read whatever others hold.
SMALL_BODY = 64 * 2**10
# A body above this is read in a thread, so that others need not wait; while it comes, its phone is
# looked for in what has come.
LARGE_BODY = 256 * 2**10
# A body of which nothing more comes for so long is given up. Apps give up after 15 to 60 s.
SILENT_S = 30.0

# Secrets that turn out to be nobody’s, by address: this many at once, then so many a second.
STRANGER_BURST = 60
STRANGER_PER_S = 5.0
# Readings of one phone: an app's whole queue at once (OwnTracks keeps 100,000), then so many a
# second.
PHONE_BURST = 200_000
PHONE_PER_S = 100.0

KNOWN_SECRETS = 100_000
# Of what a request says about its app (the column's width).
LONGEST_APP = 120

# HTTP and sockets draw from the same buckets.
strangers: Buckets[str] = Buckets(STRANGER_BURST, STRANGER_PER_S)
pace: Buckets[int] = Buckets(PHONE_BURST, PHONE_PER_S)

JSON: Headers = [(b"content-type", b"application/json")]


class Answer:
    """An HTTP answer, with the two messages to send; its length keeps the connection alive."""

    __slots__ = ("body", "end", "start")

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        length = (b"content-length", str(len(body)).encode())
        self.start = {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, length],
        }
        self.body = body
        self.end = {"type": "http.response.body", "body": body}


def ok(body: bytes, headers: Headers) -> Answer:
    """A success."""
    return Answer(200, headers, body)


# What each app takes as "delivered".
SUCCESS = {
    "traccar": ok(b"", []),
    "osmand": ok(b"", []),
    "gpslogger": ok(b"", []),
    "colota": ok(b'{"result":"ok"}', JSON),
    "overland": ok(b'{"result":"ok"}', JSON),
    "owntracks": ok(b"[]", JSON),
}


def refusal(
    app: str, status: int, code: str, message: str, extra: Iterable[tuple[bytes, bytes]] = ()
) -> Answer:
    """A refusal in the app's dialect: Overland shows `error` to its user as text."""
    error: object = message if app == "overland" else {"code": code, "message": message}
    body = msgspec.json.encode({"error": error})
    return Answer(status, [*JSON, *extra], body)


def unknown_phone(app: str, *, is_json: bool) -> Answer:
    """Traccar's server says 400 to a form and 404 to JSON; the others ask for credentials."""
    sentence = "This phone is not enrolled, or its secret was changed: scan its code again."
    if app in ("traccar", "osmand"):
        return refusal(app, 404 if is_json else 400, "unknown_phone", sentence)
    challenge = [(b"www-authenticate", b'Basic realm="Tandem"')]
    return refusal(app, 401, "unknown_phone", sentence, challenge)


def unavailable(app: str, extra: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """Nothing was taken; the phone keeps its queue."""
    return refusal(
        app,
        503,
        "try_again",
        "Not stored. Try again shortly.",
        [(b"retry-after", str(RETRY_AFTER_S).encode()), *extra],
    )


@dataclass
class PhoneIngest:
    """The ASGI application behind `/phone/`."""

    writer: GroupCommit = field(default_factory=lambda: desk)
    known: dict[str, int] = field(default_factory=dict)  # secret's hash → phone id
    shares: Shares[int] = field(default_factory=lambda: Shares(MOST_OF_ONE))
    bytes_read: int = 0  # of bodies that come in several parts
    unknown_bytes: int = 0  # … whose phone is not known yet

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        answer = await self.answer(scope, receive)
        if answer is None:
            return
        await send(answer.start)
        await send(answer.end)

    async def answer(self, scope: dict[str, Any], receive: Receive) -> Answer | None:
        """The answer to a request; None if the phone has hung up."""
        app = scope["path"].removeprefix("/phone/")
        success = SUCCESS.get(app)
        if success is None:
            app = app.partition("/")[0]
            success = SUCCESS.get(app)
        if success is None:
            return refusal(
                app, 404, "unknown_app", "Use /phone/ with one of: " + ", ".join(SUCCESS) + "."
            )
        message = Message(query=scope["query_string"])
        encoding = read_headers(message, scope["headers"])
        if encoding and encoding != "identity":
            return refusal(
                app, 415, "compressed", "Switch off compression in the app: it is not read here."
            )
        address = (scope.get("client") or ("",))[0]
        try:
            return await self.read_and_take(app, success, message, receive, address)
        except Unavailable:
            return unavailable(app)
        except TimeoutError:
            return unavailable(app, [(b"connection", b"close")])

    async def read_and_take(
        self, app: str, success: Answer, message: Message, receive: Receive, address: str
    ) -> Answer | None:
        """Read the body within the limits, find the phone, take the upload."""
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        phone: Known | Answer | None = None  # None: not looked for yet
        if event.get("more_body"):
            read = await self.read_on(app, message, event, receive, address)
            if read is None:
                return None
            phone, size = read
        else:
            message.body = event.get("body", b"")
            size = len(message.body)
        if not message.body and app == "owntracks":
            return success  # OwnTracks checks its connection so; nothing was sent
        if phone is None:
            phone = self.recognized(message)
        if phone is None:
            is_json = "json" in message.content_type
            stranger = (
                too_large(app) if size > LARGEST_BODY else unknown_phone(app, is_json=is_json)
            )
            phone = await self.find(message, address, app, stranger)
        if isinstance(phone, Answer):
            return phone
        phone_id, share = phone[0], len(message.body) + 1
        if not self.shares.take(phone_id, share):
            raise Unavailable  # one phone's flood must not fill the queue of all
        try:
            received_us = now_us()
            if size > LARGE_BODY:
                delivered = await asyncio.to_thread(
                    deliver, phone_id, app, message, size, received_us
                )
            else:
                delivered = deliver(phone_id, app, message, size, received_us)
            upload = self.limited(phone, message, size, delivered, received_us)
            receipt = await self.writer.take(upload)
            if not receipt.known:  # revoked or renewed since: what does its secret open now?
                self.known.pop(upload.secret_sha256, None)
                is_json = "json" in message.content_type
                phone = await self.find(message, address, app, unknown_phone(app, is_json=is_json))
                if isinstance(phone, Answer):
                    return phone
                upload.phone_id, upload.secret_sha256 = phone
                receipt = await self.writer.take(upload)
        finally:
            self.shares.give_back(phone_id, share)
        return success if receipt.known else unavailable(app)

    async def read_on(
        self, app: str, message: Message, event: dict[str, Any], receive: Receive, address: str
    ) -> tuple[Known | Answer | None, int] | None:
        """A body that comes in several parts, into the message; its phone if that had to be looked
        for, and its whole size. None if the phone has hung up.

        Raises Unavailable if too much is being read, TimeoutError if nothing more comes.
        """
        chunks: list[bytes] = []
        size = counted = unknown = 0
        phone: Known | Answer | None = None  # None: not known yet
        looked = False
        try:
            while True:
                chunk = event.get("body", b"")
                if chunk and size < LARGEST_KEPT_BODY:
                    chunks.append(chunk)
                    counted += len(chunk)
                    self.bytes_read += len(chunk)
                    if phone is None:
                        unknown += len(chunk)
                        self.unknown_bytes += len(chunk)
                    if counted > SMALL_BODY and (
                        self.bytes_read > MOST_BYTES
                        or (phone is None and self.unknown_bytes > MOST_UNKNOWN_BYTES)
                    ):
                        raise Unavailable
                size += len(chunk)
                if not event.get("more_body"):
                    break
                if phone is None and size > (LARGEST_BODY if looked else LARGE_BODY):
                    message.body = b"".join(chunks)
                    phone = self.recognized(message) or await self.find(
                        message, address, app, too_large(app)
                    )
                    if isinstance(phone, Answer):
                        # JSON may say only at its end whose it is; a header says it at once.
                        if looked or not wire.named_in_body(message):
                            return phone, size
                        phone = None
                    else:
                        self.unknown_bytes -= unknown
                        unknown = 0
                    looked = True
                async with asyncio.timeout(SILENT_S):
                    event = await receive()
                if event["type"] == "http.disconnect":
                    return None
        finally:
            self.bytes_read -= counted
            self.unknown_bytes -= unknown
        message.body = b"".join(chunks)
        return phone, size

    def recognized(self, message: Message) -> Known | None:
        """The phone that the message names, if it is one that was found before."""
        for name in wire.each_name(message):
            digest = hash_secret(name)
            if (phone_id := self.known.get(digest)) is not None:
                return phone_id, digest
        return None

    async def find(
        self, message: Message, address: str, app: str, stranger: Answer
    ) -> Known | Answer:
        """The phone that the message names; else what a stranger is answered, or 429."""
        hashed = [hash_secret(name) for name in wire.names(message)]
        if not hashed:
            return stranger
        if not strangers.has(address, 1):
            return refusal(
                app,
                429,
                "too_many_unknown",
                "Too many requests of phones that are not enrolled. Wait a minute.",
                [(b"retry-after", b"60")],
            )
        found = await self.writer.find_phone(hashed)
        if found is None:
            strangers.take(address, 1)
            return stranger
        if len(self.known) >= KNOWN_SECRETS:
            self.known.clear()
        phone_id, digest = found
        self.known[digest] = phone_id
        return found

    def limited(
        self, phone: Known, message: Message, size: int, delivery: Delivery, received_us: int
    ) -> Upload:
        """What was delivered, as an upload without the secret, with the limit that it is over."""
        phone_id, digest = phone
        over = ""
        if LARGEST_BODY < size <= LARGEST_KEPT_BODY:
            over = "too_large"
        elif len(delivery.readings) > wire.MOST_ITEMS:
            over = "too_many"
        elif not pace.take(phone_id, len(delivery.readings) + 1):
            over = "too_fast"
        if delivery.quarantined:
            names = wire.names(message)
            for quarantined in delivery.quarantined:
                quarantined.raw = without_names(quarantined.raw, names)
        return Upload(
            phone_id,
            received_us,
            delivery.readings,
            delivery.contacts,
            delivery.quarantined,
            over,
            digest,
            message.told_app,
        )


def deliver(phone_id: int, app: str, message: Message, size: int, received_us: int) -> Delivery:
    """What a message brings; one that cannot be read as a whole brings itself, for quarantine."""
    try:
        if size > LARGEST_KEPT_BODY:
            raise Unreadable("too_large", f"The body of {size} bytes was cut.")
        return wire.read(wire.DIALECTS[app], message, received_us)
    except Exception as error:
        # A body that meets a bug of ours must not block its phone for ever, either.
        if not isinstance(error, Unreadable):
            log.exception("A message of phone %s could not be read.", phone_id)
            error = Unreadable("unexpected", "Reading the body failed; the log says where.")
        raw = message.body or message.query
        return Delivery([], [], [Quarantined(error.reason, error.detail, raw)])


def too_large(app: str) -> Answer:
    """To a stranger."""
    return refusal(app, 413, "too_large", f"The body is larger than {LARGEST_BODY // 2**20} MiB.")


def read_headers(message: Message, headers: Headers) -> str:
    """The few headers that the formats use, into the message; returns the content encoding."""
    encoding = ""
    for name, value in headers:
        if name == b"content-type":
            message.content_type = value.decode("latin-1").lower()
        elif name == b"authorization":
            message.authorization = value.decode("latin-1")
        elif name == b"x-limit-u":
            message.limit_user = value.decode("latin-1")
        elif name == b"user-agent":
            message.told_app = printable(value.decode("latin-1"))
        elif name == b"content-encoding":
            encoding = value.decode("latin-1").lower()
    return encoding


def printable(text: str) -> str:
    """What a header says, as it may be stored and shown."""
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:LONGEST_APP]


def without_names(raw: bytes, names: list[str]) -> bytes:
    """A body as it may be kept: the phone's secret is struck out."""
    for name in names:
        if len(name) >= 6:
            raw = raw.replace(name.encode(), b"[phone]")
    return raw
