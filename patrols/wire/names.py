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
JSON_STARTS = (b"{", b"[")

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
    return list(dict.fromkeys(each_name(message)))[:MOST_NAMES]


def each_name(message: Message) -> Iterator[str]:
    """The same one by one, for whoever needs no more than the first that is known."""
    outside = []
    if message.authorization:
        outside += authorized(message.authorization)
    if message.limit_user:
        outside.append(message.limit_user)
    if message.query:
        query = pairs(message.query)
        outside += [query[key] for key in QUERY_NAMES if query.get(key)]
    yield from filter(None, outside)
    if outside or not message.body:
        return
    if message.body[:1] in JSON_STARTS or message.body.lstrip()[:1] in JSON_STARTS:
        yield from named_in_json(message.body)
    elif match := IN_FORM.search(message.body):
        name = match.group(1).decode("utf-8", "replace")
        yield unquote_plus(name) if "%" in name or "+" in name else name


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
