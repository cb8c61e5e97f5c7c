"""Where a message names its phone: token, user, query, form or body, whatever the app uses.

The names are found without reading the body as a whole, so that a stranger's body costs little
and a body that cannot be read still leads to its phone's quarantine.
"""

from __future__ import annotations

import base64
import binascii
import re

from patrols.wire.osmand import pairs
from patrols.wire.reading import Message

QUERY_NAMES = ("id", "deviceid", "device_id", "u", "token", "username")
MOST_NAMES = 6

# "device_id":"…" (Traccar Client, Overland, Colota), "uniqueId" (Traccar forward), "id" (flat),
# "topic":"owntracks/user/device" (OwnTracks).
IN_JSON = re.compile(
    rb'"(?:device_?id|unique_?id|id)"\s*:\s*"?([^"\s,}\]]{1,200})|"topic"\s*:\s*"owntracks/([^/"]{1,200})/',
    re.IGNORECASE,
)
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
        pattern = IN_JSON if message.body.lstrip()[:1] in (b"{", b"[") else IN_FORM
        for match in pattern.finditer(message.body):
            name = match.group(match.lastindex or 1).decode("utf-8", "replace")
            if pattern is IN_FORM:
                name = next(iter(pairs(b"id=" + name.encode()).values()), "")
            found[name] = None
            if len(found) >= MOST_NAMES:
                break
    return [name for name in found if name][:MOST_NAMES]


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
