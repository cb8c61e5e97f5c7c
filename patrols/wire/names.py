"""Where a message names its phone: token, user, query, form or body, whatever the app uses.

The names are found without reading the body as a whole, so that a stranger's body costs little
and a body that cannot be read still leads to its phone's quarantine.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from patrols.wire.osmand import pairs
from patrols.wire.reading import Message

QUERY_NAMES = ("id", "deviceid", "device_id", "u", "token", "username")
MOST_NAMES = 6

# Traccar Client, Overland, Colota; Traccar forward; flat JSON. Found by plain search: a batch is
# long, and a regular expression over all of it costs more than reading it.
JSON_KEYS = (b'"device_id"', b'"deviceId"', b'"deviceid"', b'"uniqueId"', b'"id"')
JSON_VALUE = re.compile(rb'\s*:\s*"?([^"\s,}\]]{1,200})')
TOPIC_VALUE = re.compile(rb'\s*:\s*"owntracks/([^/"]{1,200})/')
# A key without a value is looked for again so often (Overland repeats an empty one).
MOST_TRIES = 5
IN_FORM = re.compile(rb"(?:^|&)(?:id|deviceid|device_id)=([^&\s]{1,200})")


def names(message: Message) -> list[str]:
    """What may be the phone's secret, likeliest first; at most six, without repeats."""
    found: dict[str, None] = {}
    if message.authorization:
        for name in authorized(message.authorization):
            found[name] = None
    if message.limit_user:
        found[message.limit_user] = None
    if message.query:
        query = pairs(message.query)
        for key in QUERY_NAMES:
            if query.get(key):
                found[query[key]] = None
    if not found and message.body:
        if message.body.lstrip()[:1] in (b"{", b"["):
            for name in named_in_json(message.body):
                found[name] = None
        elif match := IN_FORM.search(message.body):
            found[unquote_plus(match.group(1).decode("utf-8", "replace"))] = None
    return [name for name in found if name][:MOST_NAMES]


def named_in_body(message: Message) -> bool:
    """Whether only the body can say whose it is: no header and no query does."""
    return not names(Message(message.query, b"", "", message.authorization, message.limit_user))


def named_in_json(body: bytes) -> Iterator[str]:
    """The first value of each key that may name the phone; OwnTracks names it in its topic."""
    for key in (*JSON_KEYS, b'"topic"'):
        value = TOPIC_VALUE if key == b'"topic"' else JSON_VALUE
        at = -1
        for _ in range(MOST_TRIES):
            at = body.find(key, at + 1)
            if at < 0:
                break
            if match := value.match(body, at + len(key)):
                yield match.group(1).decode("utf-8", "replace")
                break


def authorized(header: str) -> list[str]:
    """The token of a Bearer header; password and user of a Basic one (Overland sends it bare)."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return [value]
    if scheme.lower() != "basic":
        return []
    if ":" in value:
        user, _, password = value.partition(":")
        return [password, user]
    try:
        decoded = base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return []
    user, _, password = decoded.partition(":")
    return [password, user]
